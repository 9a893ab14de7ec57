/* Mixture of experts: the plan of the dispatch buffer, the experts' products, the ways in and out
 * of the buffer. */
#include "backend/ref/ref_private.h"

REF_OP(moe_plan)
{
    int64_t M = s4d_rows(&args->index), K = s4d_width(&args->index), E = s4d_width(&args->load);
    const int32_t *index = args->index.data;
    int32_t *offset = args->offset.data, *slot = args->slot.data, *token = args->token.data,
            *load = args->load.data;
    int64_t R = s4d_tensor_count(&args->token);
    int32_t kept = 0, dropped = 0;
    for (int64_t r = 0; r < R; r++) {
        token[r] = -1;
    }
    for (int64_t e = 0; e < E; e++) {
        int64_t first = args->stride ? e * args->stride : kept;
        offset[e] = kept;
        load[e] = 0;
        for (int64_t i = 0; i < M * K; i++) {
            if (place(index[i], E) != e) {
                continue;
            }
            load[e]++;
            if (args->capacity >= 0 && load[e] > args->capacity) {
                slot[i] = -1;
                dropped++;
            } else {
                int64_t row = first + kept - offset[e];
                token[row] = (int32_t)(i / K);
                slot[i] = (int32_t)row;
                kept++;
            }
        }
    }
    offset[E] = kept;
    *(int32_t *)args->dropped.data = dropped;
}

/* Rows of group e, checked against the buffer of R rows. */
static void group(const s4d_tensor *offset, int64_t stride, int64_t e, int64_t R, int64_t *first, int64_t *end)
{
    const int32_t *o = offset->data;
    *first = stride ? e * stride : o[e];
    *end = stride ? *first + stride : o[e + 1];
    S4D_BUG_IF(*first < 0 || *end < *first || *end > R);
}

REF_OP(grouped_linear_fwd)
{
    int64_t R = s4d_rows(&args->x), K = s4d_width(&args->x), N = s4d_width(&args->y), E = args->w.dim[0];
    const real *x = args->x.data, *w = args->w.data, *b = args->b.data;
    real *y = args->y.data;
    for (int64_t e = 0; e < E; e++) {
        int64_t first, end;
        group(&args->offset, args->stride, e, R, &first, &end);
        for (int64_t r = first; r < end; r++) {
            for (int64_t n = 0; n < N; n++) {
                y[r * N + n] =
                    (real)(dot(x + r * K, w + (e * N + n) * K, K) + (double)b[e * N + n]);
            }
        }
    }
}

static void grouped_dx(const s4d_grouped_linear_bwd_args *args, int64_t e, int64_t first,
                       int64_t end)
{
    int64_t K = s4d_width(&args->x), N = s4d_width(&args->dy);
    const real *w = (const real *)args->w.data + e * N * K, *dy = args->dy.data;
    real *dx = args->dx.data;
    for (int64_t r = first; r < end; r++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = 0;
            for (int64_t n = 0; n < N; n++) {
                sum += (double)dy[r * N + n] * (double)w[n * K + k];
            }
            dx[r * K + k] = (real)sum;
        }
    }
}

static void grouped_dw(const s4d_grouped_linear_bwd_args *args, int64_t e, int64_t first,
                       int64_t end)
{
    int64_t K = s4d_width(&args->x), N = s4d_width(&args->dy);
    const real *x = args->x.data, *dy = args->dy.data;
    real *dw = (real *)args->dw.data + e * N * K, *db = (real *)args->db.data + e * N;
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = (double)dw[n * K + k];
            for (int64_t r = first; r < end; r++) {
                sum += (double)dy[r * N + n] * (double)x[r * K + k];
            }
            dw[n * K + k] = (real)sum;
        }
        double bias = (double)db[n];
        for (int64_t r = first; r < end; r++) {
            bias += (double)dy[r * N + n];
        }
        db[n] = (real)bias;
    }
}

REF_OP(grouped_linear_bwd)
{
    int64_t R = s4d_rows(&args->x), E = args->w.dim[0];
    for (int64_t e = 0; e < E; e++) {
        int64_t first, end;
        group(&args->offset, args->stride, e, R, &first, &end);
        if (s4d_tensor_given(&args->dx)) {
            grouped_dx(args, e, first, end);
        }
        grouped_dw(args, e, first, end);
    }
}

REF_OP(moe_dispatch_fwd)
{
    int64_t M = s4d_rows(&args->x), D = s4d_width(&args->x), R = s4d_tensor_count(&args->token);
    const real *x = args->x.data;
    const int32_t *token = args->token.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < R * D; i++) {
        int32_t m = token[i / D];
        y[i] = m < 0 ? 0 : x[place(m, M) * D + i % D];
    }
}

REF_OP(moe_dispatch_bwd)
{
    int64_t R = s4d_rows(&args->dy), M = s4d_rows(&args->dx), D = s4d_width(&args->dx), K = s4d_width(&args->slot);
    const real *dy = args->dy.data;
    const int32_t *slot = args->slot.data;
    real *dx = args->dx.data;
    for (int64_t i = 0; i < M * D; i++) {
        double sum = (double)dx[i];
        for (int64_t k = 0; k < K; k++) {
            int32_t row = slot[i / D * K + k];
            if (row >= 0) {
                sum += (double)dy[place(row, R) * D + i % D];
            }
        }
        dx[i] = (real)sum;
    }
}

REF_OP(moe_combine_fwd)
{
    int64_t R = s4d_rows(&args->x), M = s4d_rows(&args->y), D = s4d_width(&args->y), K = s4d_width(&args->gate);
    const real *x = args->x.data, *gate = args->gate.data;
    const int32_t *slot = args->slot.data;
    real *y = args->y.data;
    for (int64_t i = 0; i < M * D; i++) {
        double sum = args->add_y ? (double)y[i] : 0;
        for (int64_t k = 0; k < K; k++) {
            int64_t choice = i / D * K + k;
            if (slot[choice] >= 0) {
                sum += (double)gate[choice] * (double)x[place(slot[choice], R) * D + i % D];
            }
        }
        y[i] = (real)sum;
    }
}

REF_OP(moe_combine_bwd)
{
    int64_t R = s4d_rows(&args->x), M = s4d_rows(&args->dy), D = s4d_width(&args->dy), K = s4d_width(&args->gate);
    const real *x = args->x.data, *gate = args->gate.data, *dy = args->dy.data;
    const int32_t *slot = args->slot.data;
    real *dx = args->dx.data, *dgate = args->dgate.data;
    for (int64_t i = 0; i < R * D; i++) {
        dx[i] = 0;
    }
    for (int64_t choice = 0; choice < M * K; choice++) {
        dgate[choice] = 0;
        if (slot[choice] < 0) {
            continue;
        }
        int64_t row = place(slot[choice], R), m = choice / K;
        dgate[choice] = (real)dot(dy + m * D, x + row * D, D);
        for (int64_t d = 0; d < D; d++) {
            dx[row * D + d] = gate[choice] * dy[m * D + d];
        }
    }
}
