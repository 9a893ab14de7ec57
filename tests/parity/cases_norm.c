/* LayerNorm. */
#include <math.h>

#include "parity.h"

typedef struct norm_case {
    const char *text;
    int M, D;
    double scale, shift; /* of x */
} norm_case;

static const norm_case norms[] = {
    {"plain", 1, 1, 1, 0},      {"plain", 1, 2, 1, 0},
    {"plain", 3, 7, 1, 0.5},    {"plain", 5, 48, 1, 0},
    {"plain", 17, 33, 1, 2},    {"plain", 4, 768, 1, 0},
    {"far off", 3, 65, 1, 300}, {"large", 3, 31, 1e10, 1e9},
    {"small", 3, 31, 1e-6, 0},  {"nearly constant", 2, 40, 1e-4, 1},
    {"constant", 2, 16, 0, 3},  {"many rows", 130, 9, 1, 0},
};
enum { NORMS = sizeof norms / sizeof norms[0] };

static s4d_tensor norm_input(suite *s, const norm_case *n)
{
    s4d_tensor x = NORMAL(n->scale, n->M, n->D);
    for (int64_t i = 0; i < s4d_tensor_count(&x); i++) {
        ((float *)x.data)[i] += (float)n->shift;
    }
    return x;
}

CASES(layer_norm_fwd)
{
    for (int i = 0; i < NORMS; i++) {
        const norm_case *n = &norms[i];
        s4d_layer_norm_fwd_args a = {.x = norm_input(s, n),
                                     .w = NORMAL(1, n->D),
                                     .b = NORMAL(1, n->D),
                                     .eps = i % 3 ? 1e-6 : 1e-5,
                                     .mean = NOISE(n->M),
                                     .rstd = NOISE(n->M),
                                     .y = NOISE(n->M, n->D)};
        check(s, &a, "%s M=%d D=%d", n->text, n->M, n->D);
    }
}

/* The roundings of x - mean, of size |x| + mean |x|, reach the variance through twice the
 * deviation. mean and rstd hold the results in `of` and get their magnitudes in `mag`. */
static void norm_magnitude(const s4d_layer_norm_fwd_args *of, const s4d_layer_norm_fwd_args *mag)
{
    int64_t M = s4d_tensor_count(&of->mean), D = of->w.dim[0];
    const double *w = of->w.data, *b = of->b.data;
    for (int64_t m = 0; m < M; m++) {
        const double *x = (const double *)of->x.data + m * D;
        double mean = ((double *)of->mean.data)[m], rstd = ((double *)of->rstd.data)[m], terms = 0,
               spread = 0;
        for (int64_t d = 0; d < D; d++) {
            terms += fabs(x[d]) / (double)D;
        }
        for (int64_t d = 0; d < D; d++) {
            double off = fabs(x[d] - mean);
            spread += (off * (fabs(x[d]) + terms) + off * off) / (double)D;
        }
        double rstd_magnitude = rstd * (1 + spread * rstd * rstd);
        for (int64_t d = 0; d < D; d++) {
            double size = rstd * (fabs(x[d]) + terms) + fabs(x[d] - mean) * rstd_magnitude;
            ((double *)mag->y.data)[m * D + d] = fabs(w[d]) * size + fabs(b[d]);
        }
        ((double *)mag->mean.data)[m] = terms;
        ((double *)mag->rstd.data)[m] = rstd_magnitude;
    }
}

BOUND(layer_norm_fwd)
{
    s4d_layer_norm_fwd_args of = *in;
    of.mean = out->mean;
    of.rstd = out->rstd;
    norm_magnitude(&of, mag);
}

CASES(residual_norm_fwd)
{
    for (int i = 0; i < 4 * NORMS; i++) {
        const norm_case *n = &norms[i / 4];
        int B = n->M % 2 ? 1 : 2, N = n->M / B;
        s4d_residual_norm_fwd_args a = {.x = S4D_RESHAPE(norm_input(s, n), B, N, n->D),
                                        .r = NORMAL(n->scale, B, N, n->D),
                                        .y = NOISE(B, N, n->D),
                                        .w = NORMAL(1, n->D),
                                        .b = NORMAL(1, n->D),
                                        .eps = i % 3 ? 1e-6 : 1e-5,
                                        .mean = NOISE(n->M),
                                        .rstd = NOISE(n->M),
                                        .normed = NOISE(B, N, n->D)};
        if (i & 1) {
            a.keep = NORMAL(1, B);
            ((float *)a.keep.data)[0] = i & 4 ? 0 : 1 / 0.9f;
        }
        if (i & 2) {
            a.y = a.x;
        }
        check(s, &a, "%s B=%d N=%d D=%d%s%s", n->text, B, N, n->D, i & 1 ? " keep" : "",
              i & 2 ? " in place" : "");
    }
}

/* The norm is of y as it is stored: the exact one is made of the tested device's y, which has its
 * own bound. */
BOUND(residual_norm_fwd)
{
    s4d_residual_fwd(s->exact, &(s4d_residual_fwd_args){
                                   .x = mag->x, .r = mag->r, .keep = mag->keep, .y = mag->y});
    s4d_layer_norm_fwd_args of = {.x = s->stored,
                                  .w = in->w,
                                  .b = in->b,
                                  .eps = in->eps,
                                  .mean = out->mean,
                                  .rstd = out->rstd,
                                  .y = out->normed};
    s4d_layer_norm_fwd(s->exact, &of);
    norm_magnitude(&of, &(s4d_layer_norm_fwd_args){.mean = mag->mean, .rstd = mag->rstd, .y = mag->normed});
}

CASES(layer_norm_bwd)
{
    for (int i = 0; i < 2 * NORMS; i++) {
        const norm_case *n = &norms[i / 2];
        s4d_layer_norm_bwd_args a = {.x = norm_input(s, n),
                                     .w = NORMAL(1, n->D),
                                     .mean = NORMAL(1, n->M),
                                     .rstd = NORMAL(1, n->M),
                                     .dy = NORMAL(1, n->M, n->D),
                                     .dx = NOISE(n->M, n->D),
                                     .dw = NOISE(n->D),
                                     .db = NOISE(n->D),
                                     .add_dx = i & 1};
        for (int m = 0; m < n->M; m++) {
            ((float *)a.mean.data)[m] =
                (float)n->shift + 0.01f * ((float *)a.mean.data)[m] * (float)n->scale;
            ((float *)a.rstd.data)[m] = (float)(1 / sqrt(n->scale * n->scale + 1e-6));
        }
        check(s, &a, "%s M=%d D=%d%s", n->text, n->M, n->D, a.add_dx ? " add_dx" : "");
    }
}

/* dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * w, xhat = (x - mean) * rstd. */
static void norm_dx_magnitude(const s4d_layer_norm_bwd_args *in, const s4d_layer_norm_bwd_args *mag,
                              int64_t m, int64_t D)
{
    const double *x = (const double *)in->x.data + m * D, *dy = (const double *)in->dy.data + m * D,
                 *w = in->w.data;
    double *dx = (double *)mag->dx.data + m * D; /* holds |dx| */
    double mean = fabs(((double *)in->mean.data)[m]), rstd = ((double *)in->rstd.data)[m],
           g_sum = 0, gx_sum = 0;
    for (int64_t d = 0; d < D; d++) {
        double g = fabs(dy[d] * w[d]);
        g_sum += g / (double)D;
        gx_sum += g * (fabs(x[d]) + mean) * rstd / (double)D;
    }
    for (int64_t d = 0; d < D; d++) {
        double size = rstd * (fabs(dy[d] * w[d]) + g_sum + (fabs(x[d]) + mean) * rstd * gx_sum);
        dx[d] = size + (in->add_dx ? dx[d] : 0);
    }
}

BOUND(layer_norm_bwd)
{
    int64_t M = s4d_tensor_count(&in->mean), D = in->w.dim[0];
    const double *x = mag->x.data, *dy = mag->dy.data, *mean = mag->mean.data,
                 *rstd = mag->rstd.data;
    double *dw = mag->dw.data, *db = mag->db.data;
    for (int64_t m = 0; m < M; m++) {
        norm_dx_magnitude(in, mag, m, D);
        for (int64_t d = 0; d < D; d++) {
            dw[d] += dy[m * D + d] * (x[m * D + d] + mean[m]) * rstd[m];
            db[d] += dy[m * D + d];
        }
    }
}
