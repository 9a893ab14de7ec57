/* Matrix products: the only file that knows oneDNN or CBLAS. */
#include <omp.h>
#include <stdio.h>
#include <sys/mman.h>

#include "backend/cpu/cpu_private.h"
#include "s4d/base/mem.h"

/* A float copy is worth 16 multiply-adds. */
static int threads_for(const s4d_backend *be, const s4d_gemm *g)
{
    return s4d_threads_for(be, g->m * g->n * g->k / 16);
}

#ifdef S4D_WITH_ONEDNN
#include <dnnl.h>

const char *s4d_cpu_library(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

/* oneDNN makes its code at the first product, some of it at the first of few columns, and goes on writing where it finds no
 * memory for it. Of what there must be room for it takes a fourth. */
s4d_status s4d_cpu_start_products(s4d_err *err)
{
    enum { ROOM = 64 << 20, M = 64, FEW = 8, N = 192, K = 768 };
    dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_strict);
    void *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    float *x = s4d_mem_alloc(N * K + FEW * K + FEW * N, sizeof *x), *y = x ? x + N * K : NULL;
    bool fits = room != MAP_FAILED && munmap(room, ROOM) == 0 && x;
    omp_set_num_threads(1); /* others' heaps would take the room */
    bool made = fits && dnnl_sgemm('N', 'N', M, M, M, 1, x, M, x, M, 0, y, M) == dnnl_success &&
                dnnl_sgemm('N', 'T', FEW, N, K, 1, y, K, x, K, 0, y + FEW * K, N) == dnnl_success;
    s4d_mem_free(x);
    return made ? S4D_OK : s4d_err_memory(err, ROOM, "the code that oneDNN makes for its products");
}

/* Threads come from OpenMP, one inside a parallel region. */
static bool product(s4d_backend *be, const s4d_gemm *g)
{
    if (!omp_in_parallel()) omp_set_num_threads(threads_for(be, g));
    dnnl_status_t status = dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, g->alpha, g->a, g->lda, g->b,
                                      g->ldb, g->beta, g->c, g->ldc);
    if (status == dnnl_out_of_memory)
        s4d_backend_fail(be, "not enough memory for a product of %lld x %lld x %lld; free some memory or use smaller settings",
                         (long long)g->m, (long long)g->n, (long long)g->k);
    return status == dnnl_success;
}
#else
#include <cblas.h>
#include <string.h>

/* OpenBLAS' own, absent from others. Its threads know nothing of those of OpenMP: two levels of them, as in attention,
 * run fifty times slower than one. So it gets one thread, and products are cut here. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));
extern char *openblas_get_config(void) __attribute__((weak));

const char *s4d_cpu_library(void)
{
    static char text[32] = "CBLAS";
    if (openblas_get_config) { /* "OpenBLAS 0.3.21 ...": the first two words */
        const char *config = openblas_get_config(), *space = strchr(config, ' ');
        space = space ? strchr(space + 1, ' ') : NULL;
        snprintf(text, sizeof text, "%.*s", space ? (int)(space - config) : 31, config);
    }
    return text;
}

s4d_status s4d_cpu_start_products(s4d_err *err)
{
    (void)err;
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    return S4D_OK;
}

static void product_here(const s4d_gemm *g)
{
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans, (int)g->m, (int)g->n,
                (int)g->k, g->alpha, g->a, (int)g->lda, g->b, (int)g->ldb, g->beta, g->c, (int)g->ldc);
}

/* Rows and columns that `pieces` cut c into, so that the least of a and b is read. */
static int rows_of_pieces(const s4d_gemm *g, int pieces)
{
    int best = 1;
    for (int r = 2; r <= pieces; ++r)
        if (pieces % r == 0 && g->m * (pieces / r) + g->n * r < g->m * (pieces / best) + g->n * best) best = r;
    return best;
}

static bool product(s4d_backend *be, const s4d_gemm *g)
{
    int pieces = omp_in_parallel() ? 1 : threads_for(be, g), across = rows_of_pieces(g, pieces);
    if (pieces == 1) {
        product_here(g);
        return true;
    }
#pragma omp parallel for schedule(static) num_threads(be->threads)
    for (int i = 0; i < pieces; ++i) {
        s4d_piece row = s4d_piece_of(g->m, i % across, across), column = s4d_piece_of(g->n, i / across, pieces / across);
        s4d_gemm part = *g;
        part.m = row.end - row.first;
        part.n = column.end - column.first;
        part.a += g->ta ? row.first : row.first * g->lda;
        part.b += g->tb ? column.first * g->ldb : column.first;
        part.c += row.first * g->ldc + column.first;
        product_here(&part);
    }
    return true;
}
#endif

/* Below this many multiply-adds the library's own overhead is larger than the work. */
enum { SMALL_PRODUCT = 2048 };

static float term(const s4d_gemm *g, int64_t i, int64_t j)
{
    const float *a = g->ta ? g->a + i : g->a + i * g->lda, *b = g->tb ? g->b + j * g->ldb : g->b + j;
    int64_t step_a = g->ta ? g->lda : 1, step_b = g->tb ? 1 : g->ldb;
    float sum = 0;
    for (int64_t k = 0; k < g->k; ++k) sum += a[k * step_a] * b[k * step_b];
    return sum;
}

static void small_product(const s4d_gemm *g)
{
    for (int64_t i = 0; i < g->m; ++i)
        for (int64_t j = 0; j < g->n; ++j) {
            float *c = &g->c[i * g->ldc + j];
            *c = g->alpha * term(g, i, j) + (g->beta == 0 ? 0 : g->beta * *c);
        }
}

void s4d_cpu_gemm(s4d_backend *be, const s4d_gemm *g)
{
    if (g->m == 0 || g->n == 0) return;
    if (g->m * g->n * g->k <= SMALL_PRODUCT) {
        small_product(g);
        return;
    }
    if (!product(be, g)) s4d_backend_fail(be, "the matrix product library refused a product of %lld x %lld x %lld",
                                      (long long)g->m, (long long)g->n, (long long)g->k);
}
