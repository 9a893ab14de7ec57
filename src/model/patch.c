/* Patch embedding: a 3-D convolution with kernel = stride, as one product over gathered tubelets, and the fixed
 * positions (METHOD.md section 2). */
#include <math.h>
#include <stdio.h>

#include "model/block.h"

void s4d_patch_add(s4d_patch *e, s4d_params *params, const s4d_model_opts *opts, const char *prefix)
{
    int64_t D = opts->encoder.dim, t = opts->tubelet_size, P = opts->patch_size;
    s4d_param w = {.rank = 5, .dim = {D, 3, t, P, P}, .init = S4D_INIT_FAN_IN, .fan_in = 3 * t * P * P, .modality = -1};
    s4d_param b = {.rank = 1, .dim = {D}, .init = S4D_INIT_FAN_IN, .fan_in = 3 * t * P * P, .modality = -1};
    snprintf(w.name, sizeof w.name, "%spatch_embed.proj.weight", prefix);
    snprintf(b.name, sizeof b.name, "%spatch_embed.proj.bias", prefix);
    e->proj.w = s4d_params_add(params, &w, false);
    e->proj.b = s4d_params_add(params, &b, false);
    e->tubelet = opts->tubelet_size;
    e->patch = opts->patch_size;
}

s4d_tensor s4d_patch_fwd(const s4d_pass *p, const s4d_patch *e, s4d_tensor pixels, s4d_tensor index, s4d_tensor table,
                         s4d_patch_acts *acts)
{
    int64_t B = pixels.dim[0], T = pixels.dim[2], G = pixels.dim[3] / e->patch;
    int64_t tokens = (T == 1 ? 1 : T / e->tubelet) * G * G;
    int64_t V = s4d_tensor_given(&index) ? index.dim[1] : tokens;
    acts->cells = PASS_ACT(p, B, V, (int64_t)3 * e->tubelet * e->patch * e->patch);
    s4d_patchify(p->be, &(s4d_patchify_args){
                            .x = pixels, .index = index, .tubelet = e->tubelet, .patch = e->patch, .y = acts->cells});
    s4d_tensor x = s4d_dense_fwd(p, e->proj, acts->cells);
    s4d_add_rows(p->be, &(s4d_add_rows_args){.x = x, .table = table, .index = index, .y = x});
    return x;
}

void s4d_patch_bwd(const s4d_pass *p, const s4d_patch *e, const s4d_patch_acts *acts, s4d_tensor dx)
{
    s4d_dense_bwd(p, e->proj, acts->cells, dx, (s4d_tensor){0}, false);
}

s4d_status s4d_posembed_make(s4d_backend *be, int64_t tokens, int64_t dim, s4d_tensor *out, s4d_err *err)
{
    s4d_tensor table = S4D_TENSOR(s4d_backend_real(be), NULL, tokens, dim);
    float *value = s4d_mem_alloc((size_t)(tokens * dim), sizeof *value);
    if (!value) return s4d_err_memory(err, (unsigned long long)(tokens * dim) * sizeof *value, "the position table");
    for (int64_t pos = 0; pos < tokens; ++pos)
        for (int64_t j = 0; j < dim; ++j) {
            double angle = (double)pos / pow(10000.0, (double)(j / 2 * 2) / (double)dim);
            value[pos * dim + j] = (float)(j % 2 ? cos(angle) : sin(angle));
        }
    s4d_status status = s4d_backend_alloc(be, s4d_tensor_bytes(&table), &table.data, err);
    if (status == S4D_OK) {
        s4d_backend_upload_floats(be, table, value);
        *out = table;
    }
    s4d_mem_free(value);
    return status;
}
