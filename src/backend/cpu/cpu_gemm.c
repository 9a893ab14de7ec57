/* Matrix products: the only file that knows oneDNN or CBLAS. */
#include <omp.h>
#include <stdio.h>

#include "backend/cpu/cpu_private.h"

#ifdef S4D_WITH_ONEDNN
#include <dnnl.h>

const char *s4d_cpu_library(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

static bool product(const s4d_gemm *g)
{
    return dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, g->alpha, g->a, g->lda, g->b, g->ldb, g->beta,
                      g->c, g->ldc) == dnnl_success;
}
#else
#include <cblas.h>

const char *s4d_cpu_library(void)
{
    return "CBLAS";
}

static bool product(const s4d_gemm *g)
{
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans, (int)g->m, (int)g->n,
                (int)g->k, g->alpha, g->a, (int)g->lda, g->b, (int)g->ldb, g->beta, g->c, (int)g->ldc);
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
    if (!omp_in_parallel()) omp_set_num_threads(be->threads);
    if (!product(g)) s4d_backend_fail(be, "the matrix product library refused a product of %lld x %lld x %lld",
                                      (long long)g->m, (long long)g->n, (long long)g->k);
}
