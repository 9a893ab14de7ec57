/* Attention. */
#include <math.h>
#include <string.h>

#include "parity.h"

static const struct {
    const char *text;
    int B, N, H, d;
    double size; /* of qkv */
} attention[] = {
    {"one token", 2, 1, 3, 4, 1},      {"plain", 1, 2, 1, 1, 1},    {"plain", 2, 5, 3, 16, 1},
    {"odd width", 1, 17, 2, 7, 1},     {"plain", 2, 33, 1, 64, 1},  {"long", 1, 130, 2, 24, 1},
    {"longer", 1, 300, 1, 8, 2},       {"flat", 1, 40, 2, 8, 1e-6}, {"peaked", 1, 19, 2, 16, 30},
    {"far below zero", 2, 9, 1, 8, 0}, {"zero", 1, 5, 1, 4, -1},    {"tiles", 2, 150, 2, 64, 1},
};
enum { ATTENTIONS = sizeof attention / sizeof attention[0] };

/* size 0: all scores near -1e5, so that exp without the maximum taken off would be 0 / 0; size -1:
 * all 0. */
static s4d_tensor attention_input(suite *s, int i)
{
    int64_t B = attention[i].B, N = attention[i].N, H = attention[i].H, d = attention[i].d;
    s4d_tensor x =
        NORMAL(attention[i].size > 0 ? attention[i].size : attention[i].size + 1, B, N, 3, H, d);
    for (int64_t j = 0; attention[i].size == 0 && j < s4d_tensor_count(&x); j++) {
        int64_t part = j / (H * d) % 3;
        ((float *)x.data)[j] += part == 0 ? 200 : part == 1 ? -200 : 0;
    }
    return x;
}

/* One row of scores: query i of head h in sample b, and what goes with it. */
typedef struct row {
    int64_t B, N, H, d, b, h, i;
    double scale, product; /* product: of the suite */
    const double *qkv;
    double *p;                          /* [N] softmax */
    double *size;                       /* [N] magnitude of the score: scale * sum |q| |k| */
    double *low;                        /* [N] how far below the maximum */
    double log_sum, largest, mean_size; /* mean over the softmax of size + low */
} row;

static const double *vector(const row *r, int part, int64_t i)
{
    return r->qkv + (((r->b * r->N + i) * 3 + part) * r->H + r->h) * r->d;
}

static void fill_row(row *r)
{
    double sum = 0;
    r->largest = -HUGE_VAL;
    for (int64_t j = 0; j < r->N; j++) {
        const double *q = vector(r, 0, r->i), *k = vector(r, 1, j);
        r->p[j] = r->size[j] = 0;
        for (int64_t c = 0; c < r->d; c++) {
            r->p[j] += r->scale * q[c] * k[c];
            r->size[j] += r->scale * fabs(q[c] * k[c]) * (1 + r->product);
        }
        r->largest = fmax(r->largest, r->p[j]);
    }
    for (int64_t j = 0; j < r->N; j++) {
        r->low[j] = r->largest - r->p[j];
        sum += exp(-r->low[j]);
    }
    r->log_sum = r->largest + log(sum);
    r->mean_size = 0;
    for (int64_t j = 0; j < r->N; j++) {
        r->p[j] = exp(-r->low[j]) / sum;
        r->mean_size += r->p[j] * (r->size[j] + r->low[j]);
    }
}

static row make_row(suite *s, const s4d_tensor *qkv, double scale)
{
    size_t N = (size_t)qkv->dim[1];
    return (row){.B = qkv->dim[0],
                 .N = qkv->dim[1],
                 .H = qkv->dim[3],
                 .d = qkv->dim[4],
                 .scale = scale,
                 .product = s->product,
                 .qkv = qkv->data,
                 .p = make_block(s, N, sizeof(double)),
                 .size = make_block(s, N, sizeof(double)),
                 .low = make_block(s, N, sizeof(double))};
}

static int64_t rows_in_all(const row *r)
{
    return r->B * r->H * r->N;
}

/* Row number n in the order of stats, [B,H,N]. */
static void go_to(row *r, int64_t n)
{
    r->b = n / (r->H * r->N);
    r->h = n / r->N % r->H;
    r->i = n % r->N;
    fill_row(r);
}

CASES(attention_fwd)
{
    for (int i = 0; i < ATTENTIONS; i++) {
        int B = attention[i].B, N = attention[i].N, H = attention[i].H, d = attention[i].d;
        s4d_attention_fwd_args a = {.qkv = attention_input(s, i),
                                    .scale = 1 / sqrt(d),
                                    .stats = NOISE(B, H, N),
                                    .y = NOISE(B, N, H, d)};
        check(s, &a, "%s B=%d N=%d H=%d d=%d", attention[i].text, B, N, H, d);
    }
}

/* A weight is off by its score's roundings, those of the sum and of the distance to the maximum, and
 * is rounded to meet v. */
BOUND(attention_fwd)
{
    row r = make_row(s, &in->qkv, in->scale);
    for (int64_t n = 0; n < rows_in_all(&r); n++) {
        go_to(&r, n);
        double *y = (double *)mag->y.data + ((r.b * r.N + r.i) * r.H + r.h) * r.d;
        for (int64_t j = 0; j < r.N; j++) {
            double size = r.p[j] * (r.size[j] + r.low[j] + r.mean_size + 2 + s->product + s->rounded);
            for (int64_t c = 0; c < r.d; c++) {
                y[c] += size * fabs(vector(&r, 2, j)[c]);
            }
        }
        ((double *)mag->stats.data)[n] = r.mean_size + fabs(r.largest) + fabs(r.log_sum) + 1;
    }
}

CASES(attention_bwd)
{
    for (int i = 0; i < ATTENTIONS; i++) {
        int B = attention[i].B, N = attention[i].N, H = attention[i].H, d = attention[i].d;
        if (attention[i].size == 0 && s->product > 0) {
            continue; /* scores near -1e5 are off by tens in tf32, and what forward saved is exact here */
        }
        s4d_attention_bwd_args a = {.qkv = attention_input(s, i),
                                    .stats = NOISE(B, H, N),
                                    .y = NOISE(B, N, H, d),
                                    .dy = NORMAL(1, B, N, H, d),
                                    .scale = 1 / sqrt(d),
                                    .dqkv = NOISE(B, N, 3, H, d)};
        /* What forward saved, rounded to float: the same for every device. */
        s4d_tensor wide[3] = {a.qkv, a.stats, a.y};
        for (int k = 0; k < 3; k++) {
            wide[k].dtype = S4D_F64;
            wide[k].data = make_block(s, (size_t)s4d_tensor_count(&wide[k]), sizeof(double));
        }
        round_to_act(s, a.qkv);
        s4d_backend_upload_floats(s->exact, wide[0], a.qkv.data);
        s4d_attention_fwd(s->exact,
                          &(s4d_attention_fwd_args){
                              .qkv = wide[0], .scale = a.scale, .stats = wide[1], .y = wide[2]});
        s4d_backend_download_floats(s->exact, a.stats.data, wide[1]);
        s4d_backend_download_floats(s->exact, a.y.data, wide[2]);
        check(s, &a, "%s B=%d N=%d H=%d d=%d", attention[i].text, B, N, H, d);
    }
}

/* p = exp(score - stats); ds = p * (dy v - dy y); dq, dk, dv are sums over those. p is rounded to
 * meet dy; ds, perhaps made of the rounded p, to meet k and q. */
BOUND(attention_bwd)
{
    row r = make_row(s, &in->qkv, in->scale);
    memset(mag->dqkv.data, 0, s4d_tensor_bytes(&mag->dqkv));
    for (int64_t n = 0; n < rows_in_all(&r); n++) {
        go_to(&r, n);
        int64_t at = ((r.b * r.N + r.i) * r.H + r.h) * r.d;
        const double *dy = (const double *)in->dy.data + at, *y = (const double *)in->y.data + at;
        double stats = fabs(((const double *)in->stats.data)[n]);
        for (int64_t j = 0; j < r.N; j++) {
            double change = 0, terms = 0;
            for (int64_t c = 0; c < r.d; c++) {
                change += dy[c] * (vector(&r, 2, j)[c] - y[c]);
                terms += fabs(dy[c]) * (fabs(vector(&r, 2, j)[c]) + fabs(y[c]));
            }
            double p_size = r.p[j] * (r.size[j] + stats + 2 + s->product + s->rounded);
            double ds = r.scale * (r.p[j] * terms * (1 + s->product) + p_size * fabs(change) +
                                   r.p[j] * fabs(change) * s->rounded);
            double *dq = (double *)mag->dqkv.data + (vector(&r, 0, r.i) - r.qkv);
            double *dk = (double *)mag->dqkv.data + (vector(&r, 1, j) - r.qkv);
            double *dv = (double *)mag->dqkv.data + (vector(&r, 2, j) - r.qkv);
            for (int64_t c = 0; c < r.d; c++) {
                dq[c] += ds * fabs(vector(&r, 1, j)[c]);
                dk[c] += ds * fabs(vector(&r, 0, r.i)[c]);
                dv[c] += p_size * fabs(dy[c]);
            }
        }
    }
}
