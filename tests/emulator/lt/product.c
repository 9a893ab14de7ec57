/* The product: blocks of both matrices are laid out as double, multiplied, and rounded to float once. The order of a sum does
 * not depend on the processor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_private.h"

enum { BLOCK = 64, ROWS = 4, LANES = 8 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EMU_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EMU_CLONES
#endif

/* ---- numbers ---- */

static float from_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

static uint16_t to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* Ten bits of fraction, ties away from zero. */
static float to_tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000u) != 0x7f800000u) bits = (bits + 0x1000u) & ~0x1fffu;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float load(const void *x, int32_t type, int64_t at)
{
    return type == CUDA_R_16BF ? from_bf16(((const uint16_t *)x)[at]) : ((const float *)x)[at];
}

static void store(void *x, int32_t type, int64_t at, float value)
{
    if (type == CUDA_R_16BF) ((uint16_t *)x)[at] = to_bf16(value);
    else ((float *)x)[at] = value;
}

static int64_t place(const lt_layout *l, int64_t batch, int64_t row, int64_t col)
{
    return batch * l->stride + (l->order == CUBLASLT_ORDER_ROW ? row * l->ld + col : col * l->ld + row);
}

/* ---- blocks ---- */

/* A matrix as the product sees it. */
typedef struct view {
    const void *x;
    const lt_layout *layout;
    bool turned, tf32;
    int64_t batch;
} view;

static double element(const view *v, int64_t row, int64_t col)
{
    float x = load(v->x, v->layout->type, place(v->layout, v->batch, v->turned ? col : row, v->turned ? row : col));
    return v->tf32 ? to_tf32(x) : x;
}

/* Rows first.. of a: to [BLOCK,k], columns first.. of b: to [k,BLOCK]; zeros beyond their ends. */
static void lay_rows(const view *a, int64_t first, int64_t rows, int64_t k, double *to)
{
    for (int64_t r = 0; r < BLOCK; ++r)
        for (int64_t p = 0; p < k; ++p) to[r * k + p] = first + r < rows ? element(a, first + r, p) : 0;
}
static void lay_columns(const view *b, int64_t first, int64_t cols, int64_t k, double *to)
{
    for (int64_t p = 0; p < k; ++p)
        for (int64_t c = 0; c < BLOCK; ++c) to[p * BLOCK + c] = first + c < cols ? element(b, p, first + c) : 0;
}

/* sum [BLOCK,BLOCK] = the products over k from `low` to `high`. */
EMU_CLONES static void multiply(const double *a, const double *b, int64_t k, int64_t low, int64_t high, double *sum)
{
    for (int64_t r = 0; r < BLOCK; r += ROWS) {
        for (int64_t c = 0; c < BLOCK; c += LANES) {
            lanes all[ROWS] = {{0}};
            for (int64_t p = low; p < high; ++p) {
                lanes right;
                memcpy(&right, b + p * BLOCK + c, sizeof right);
                for (int i = 0; i < ROWS; ++i) all[i] += a[(r + i) * k + p] * right;
            }
            for (int i = 0; i < ROWS; ++i) memcpy(sum + (r + i) * BLOCK + c, &all[i], sizeof all[i]);
        }
    }
}

/* ---- the whole ---- */

/* alpha * sum + beta * c + bias; c is not read where beta is 0. */
static void finish(const lt_product *p, int64_t batch, int64_t row, int64_t col, double sum)
{
    const lt_desc *desc = &p->desc;
    double value = (double)p->alpha * sum;
    if (p->beta != 0) value += (double)p->beta * (double)load(p->c, p->layout_c.type, place(&p->layout_c, batch, row, col));
    if (desc->epilogue == CUBLASLT_EPILOGUE_BIAS)
        value += (double)load(desc->bias, desc->bias_type, batch * desc->bias_stride + row);
    store(p->d, p->layout_d.type, place(&p->layout_d, batch, row, col), (float)value);
}

static void run_block(const lt_product *p, int64_t batch, int64_t row, int64_t col, const double *a, const double *b, int64_t k)
{
    double sum[BLOCK * BLOCK], second[BLOCK * BLOCK];
    int64_t half = p->halves ? k / 2 : k, rows = (int64_t)p->layout_d.rows, cols = (int64_t)p->layout_d.cols;
    multiply(a, b, k, 0, half, sum);
    if (p->halves) multiply(a, b, k, half, k, second);
    for (int64_t c = 0; c < BLOCK && col + c < cols; ++c)
        for (int64_t r = 0; r < BLOCK && row + r < rows; ++r) {
            int64_t i = r * BLOCK + c;
            finish(p, batch, row + r, col + c, p->halves ? (double)((float)sum[i] + (float)second[i]) : sum[i]);
        }
}

void lt_run(const void *product)
{
    const lt_product *p = product;
    bool tf32 = p->desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    view a = {p->a, &p->layout_a, p->desc.op_a != CUBLAS_OP_N, tf32, 0};
    view b = {p->b, &p->layout_b, p->desc.op_b != CUBLAS_OP_N, tf32, 0};
    int64_t m = (int64_t)p->layout_d.rows, n = (int64_t)p->layout_d.cols;
    int64_t k = (int64_t)(a.turned ? p->layout_a.rows : p->layout_a.cols);
    int64_t row_blocks = (m + BLOCK - 1) / BLOCK;
    double *rows = malloc((size_t)(row_blocks * BLOCK * k) * sizeof *rows);
    double *columns = malloc((size_t)(BLOCK * k) * sizeof *columns);
    if (!rows || !columns) abort();
    if (p->workspace_bytes) memset(p->workspace, 0xFF, p->workspace_bytes);
    for (int64_t batch = 0; batch < p->layout_d.batch; ++batch) {
        a.batch = b.batch = batch;
        for (int64_t i = 0; i < row_blocks; ++i) lay_rows(&a, i * BLOCK, m, k, rows + i * BLOCK * k);
        for (int64_t col = 0; col < n; col += BLOCK) {
            lay_columns(&b, col, n, k, columns);
            for (int64_t i = 0; i < row_blocks; ++i) run_block(p, batch, i * BLOCK, col, rows + i * BLOCK * k, columns, k);
        }
    }
    free(rows);
    free(columns);
}
