/* The parameter table and its blocks of device memory. */
#include "s4d/model/params.h"

#include <string.h>

#include "s4d/base/mem.h"

enum { ALIGN_ELEMENTS = 16 }; /* 64 bytes of floats */

int s4d_params_add(s4d_params *p, const s4d_param *spec, bool packed)
{
    if (p->count == p->room) {
        int room = p->room ? 2 * p->room : 64;
        if (p->failed || !s4d_mem_grow(&p->item, (size_t)p->room, (size_t)room, sizeof *p->item)) {
            p->failed = true;
            return 0;
        }
        p->room = room;
    }
    s4d_param *item = &p->item[p->count];
    *item = *spec;
    item->count = 1;
    for (int i = 0; i < item->rank; ++i) item->count *= item->dim[i];
    int64_t end = p->total;
    if (packed) {
        const s4d_param *before = &p->item[p->count - 1];
        end = before->offset + before->count;
    }
    item->offset = end;
    p->total = (end + item->count + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    return p->count++;
}

void s4d_params_release(s4d_params *p)
{
    s4d_mem_free(p->item);
    memset(p, 0, sizeof *p);
}

int64_t s4d_params_elements(const s4d_params *p)
{
    int64_t sum = 0;
    for (int i = 0; i < p->count; ++i) sum += p->item[i].count;
    return sum;
}

bool s4d_params_has_low(const s4d_params *p)
{
    return p->low.dtype != p->w.dtype;
}

void s4d_params_type(s4d_params *p, const s4d_backend *be)
{
    p->w.dtype = p->g.dtype = p->m.dtype = p->v.dtype = s4d_backend_real(be);
    p->low.dtype = s4d_backend_act(be);
}

size_t s4d_params_bytes(const s4d_params *p, bool train)
{
    size_t low = s4d_params_has_low(p) ? s4d_dtype_size(p->low.dtype) : 0;
    return (size_t)p->total * (s4d_dtype_size(p->w.dtype) * (train ? 4 : 1) + low);
}

int s4d_params_find(const s4d_params *p, const char *name)
{
    for (int i = 0; i < p->count; ++i)
        if (strcmp(p->item[i].name, name) == 0) return i;
    return -1;
}

s4d_status s4d_params_alloc(s4d_params *p, s4d_backend *be, bool train, s4d_err *err)
{
    s4d_tensor *block[] = {&p->w, &p->low, &p->g, &p->m, &p->v};
    s4d_status status = S4D_OK;
    for (int i = 0; i < (train ? 5 : 2) && status == S4D_OK; ++i) {
        if (block[i] == &p->low && !s4d_params_has_low(p)) continue;
        *block[i] = S4D_TENSOR(block[i]->dtype, NULL, p->total);
        status = s4d_backend_alloc(be, s4d_tensor_bytes(block[i]), &block[i]->data, err);
    }
    if (status != S4D_OK) s4d_params_free(p, be);
    return status;
}

void s4d_params_free(s4d_params *p, s4d_backend *be)
{
    s4d_tensor *block[] = {&p->w, &p->low, &p->g, &p->m, &p->v};
    for (int i = 0; i < 5; ++i) {
        s4d_backend_free(be, block[i]->data);
        block[i]->data = NULL;
    }
}

s4d_tensor s4d_params_view(const s4d_params *p, s4d_tensor block, int index)
{
    const s4d_param *item = &p->item[index];
    char *data = block.data;
    if (data) data += (size_t)item->offset * s4d_dtype_size(block.dtype);
    return s4d_tensor_of(block.dtype, data, item->rank, item->dim);
}

s4d_tensor s4d_params_w(const s4d_params *p, int index)
{
    return s4d_params_view(p, p->w, index);
}

s4d_tensor s4d_params_low(const s4d_params *p, int index)
{
    return s4d_params_view(p, s4d_params_has_low(p) ? p->low : p->w, index);
}

void s4d_params_refresh(const s4d_params *p, s4d_backend *be)
{
    if (p->low.data) s4d_cast(be, &(s4d_cast_args){.x = p->w, .y = p->low});
}

s4d_tensor s4d_params_g(const s4d_params *p, int index)
{
    return s4d_params_view(p, p->g, index);
}
