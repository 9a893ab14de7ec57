/* Rows moved by index: positions, visible tokens, the decoder's input. */
#include "backend/ref/ref_private.h"

REF_OP(add_rows)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->table.dim[0];
    const real *x = args->x.data, *table = args->table.data;
    const int32_t *index = args->index.data;
    real *y = args->y.data;
    for (int64_t row = 0; row < B * V; row++) {
        int64_t from = s4d_tensor_given(&args->index) ? place(index[row], N) : row % V;
        for (int64_t d = 0; d < D; d++) {
            y[row * D + d] = x[row * D + d] + table[from * D + d];
        }
    }
}

static void copy_row(real *to, const real *from, int64_t D)
{
    for (int64_t d = 0; d < D; d++) {
        to[d] = from[d];
    }
}

REF_OP(gather_rows)
{
    int64_t B = args->x.dim[0], N = args->x.dim[1], D = args->x.dim[2], V = args->y.dim[1];
    const real *x = args->x.data;
    const int32_t *index = args->index.data;
    real *y = args->y.data;
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            copy_row(y + (b * V + v) * D, x + (b * N + place(index[b * V + v], N)) * D, D);
        }
    }
}

REF_OP(scatter_rows)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], N = args->y.dim[1];
    const real *x = args->x.data;
    const int32_t *index = args->index.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < B * N * D; i++) {
        y[i] = 0;
    }
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            copy_row(y + (b * N + place(index[b * V + v], N)) * D, x + (b * V + v) * D, D);
        }
    }
}

REF_OP(token_fill_fwd)
{
    int64_t B = args->x.dim[0], V = args->x.dim[1], D = args->x.dim[2], M = args->masked.dim[1],
            N = V + M;
    const real *x = args->x.data, *token = args->token.data;
    const int32_t *visible = args->visible.data, *masked = args->masked.data;
    real *y = args->y.data;
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            copy_row(y + (b * N + place(visible[b * V + v], N)) * D, x + (b * V + v) * D, D);
        }
        for (int64_t m = 0; m < M; m++) {
            copy_row(y + (b * N + place(masked[b * M + m], N)) * D, token, D);
        }
    }
}

REF_OP(token_fill_bwd)
{
    int64_t B = args->dx.dim[0], V = args->dx.dim[1], D = args->dx.dim[2], M = args->masked.dim[1],
            N = V + M;
    const real *dy = args->dy.data;
    const int32_t *visible = args->visible.data, *masked = args->masked.data;
    real *dx = args->dx.data, *dtoken = args->dtoken.data;
    for (int64_t b = 0; b < B; b++) {
        for (int64_t v = 0; v < V; v++) {
            copy_row(dx + (b * V + v) * D, dy + (b * N + place(visible[b * V + v], N)) * D, D);
        }
    }
    for (int64_t d = 0; d < D; d++) {
        double sum = (double)dtoken[d];
        for (int64_t row = 0; row < B * M; row++) {
            sum += (double)dy[(row / M * N + place(masked[row], N)) * D + d];
        }
        dtoken[d] = (real)sum;
    }
}
