/* Tubelets out of pictures: the patch embedding's input and the masked autoencoder's target. */
#include <math.h>

#include "backend/ref/ref_private.h"

/* One tubelet of one sample. */
typedef struct tubelet {
    const real *x; /* [3,T,S,S] */
    int64_t T, S, t, P;
    int64_t frame, row, column; /* where it starts */
} tubelet;

/* Token order is time, row, column. */
static tubelet tubelet_at(const s4d_tensor *x, int64_t b, int64_t token, int t, int P)
{
    int64_t T = x->dim[2], S = x->dim[3], G = S / P;
    return (tubelet){.x = (const real *)x->data + b * 3 * T * S * S,
                     .T = T,
                     .S = S,
                     .t = t,
                     .P = P,
                     .frame = token / (G * G) * t,
                     .row = token / G % G * P,
                     .column = token % G * P};
}

static int64_t token_at(const s4d_tensor *index, int64_t at, int64_t v, int64_t tokens)
{
    return s4d_tensor_given(index) ? place(((const int32_t *)index->data)[at], tokens) : v;
}

static int64_t token_count(const s4d_tensor *x, int t, int P)
{
    int64_t T = x->dim[2], G = x->dim[3] / P;
    return (T == 1 ? 1 : T / t) * G * G;
}

/* A single frame stands for all of its tubelet's. */
static real value_at(const tubelet *u, int64_t channel, int64_t frame, int64_t row, int64_t column)
{
    int64_t f = u->T == 1 ? 0 : u->frame + frame;
    return u->x[((channel * u->T + f) * u->S + u->row + row) * u->S + u->column + column];
}

static void gather(const tubelet *u, real *y)
{
    for (int64_t c = 0; c < 3; c++) {
        for (int64_t f = 0; f < u->t; f++) {
            for (int64_t i = 0; i < u->P; i++) {
                for (int64_t j = 0; j < u->P; j++) {
                    *y++ = value_at(u, c, f, i, j);
                }
            }
        }
    }
}

REF_OP(patchify)
{
    int64_t B = args->y.dim[0], V = args->y.dim[1], Q = args->y.dim[2];
    int64_t tokens = token_count(&args->x, args->tubelet, args->patch);
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            int64_t token = token_at(&args->index, b * V + v, v, tokens);
            tubelet u = tubelet_at(&args->x, b, token, args->tubelet, args->patch);
            gather(&u, (real *)args->y.data + (b * V + v) * Q);
        }
    }
}

/* Pixel k of a channel, brought back to [0,1]; k counts frames, rows, columns. */
static double pixel_at(const tubelet *u, int64_t c, int64_t k, const s4d_mae_target_args *args)
{
    real x = value_at(u, c, k / (u->P * u->P), k / u->P % u->P, k % u->P);
    return (double)x * (double)args->std[c] + (double)args->mean[c];
}

static void target_channel(const tubelet *u, int64_t c, const s4d_mae_target_args *args, real *y)
{
    int64_t n = u->t * u->P * u->P;
    double sum = 0, square = 0;
    for (int64_t k = 0; k < n; k++) {
        sum += pixel_at(u, c, k, args);
    }
    double middle = sum / (double)n;
    for (int64_t k = 0; k < n; k++) {
        double off = pixel_at(u, c, k, args) - middle;
        square += off * off;
    }
    double spread = sqrt(square / (double)(n - 1) + 1e-6);
    for (int64_t k = 0; k < n; k++) {
        y[k * 3 + c] = (real)((pixel_at(u, c, k, args) - middle) / spread);
    }
}

REF_OP(mae_target)
{
    int64_t B = args->y.dim[0], V = args->y.dim[1], Q = args->y.dim[2];
    int64_t tokens = token_count(&args->x, args->tubelet, args->patch);
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            int64_t token = token_at(&args->index, b * V + v, v, tokens);
            tubelet u = tubelet_at(&args->x, b, token, args->tubelet, args->patch);
            for (int64_t c = 0; c < 3; c++) {
                target_channel(&u, c, args, (real *)args->y.data + (b * V + v) * Q);
            }
        }
    }
}
