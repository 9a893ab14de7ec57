/* The emulated cuBLASLt, opened as the program opens it. */
#include <cublasLt.h>
#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "s4d_emulator.h"
#include "test.h"

#define EACH(F)                                                                                    \
    F(Create) F(Destroy) F(GetVersion) F(GetStatusString) F(MatmulDescCreate) F(MatmulDescDestroy) F(MatmulDescSetAttribute)      \
    F(MatmulDescGetAttribute) F(MatrixLayoutCreate) F(MatrixLayoutDestroy) F(MatrixLayoutSetAttribute) F(MatmulPreferenceCreate) \
    F(MatmulPreferenceDestroy) F(MatmulPreferenceSetAttribute) F(MatmulAlgoGetHeuristic) F(MatmulAlgoCheck) F(Matmul)

static struct {
#define F(name) __typeof__(&cublasLt##name) name;
    EACH(F)
#undef F
} lt;

#define FINE(call) CHECK((call) == CUBLAS_STATUS_SUCCESS)
#define SET(kind, object, attribute, value)                                                        \
    do {                                                                                           \
        __typeof__(value) v = (value);                                                             \
        FINE(lt.kind##SetAttribute(object, attribute, &v, sizeof v));                              \
    } while (0)

enum { WORKSPACE = 1 << 20, MOST = 1 << 16 };

static cublasLtHandle_t handle;
static void *workspace;

static void open_library(void)
{
    void *library = dlopen(EMULATED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    CHECK(library);
#define F(name)                                                                                    \
    do {                                                                                           \
        void *at = dlsym(library, "cublasLt" #name);                                               \
        CHECK(at);                                                                                 \
        memcpy(&lt.name, &at, sizeof at);                                                          \
    } while (0);
    EACH(F)
#undef F
    FINE(lt.Create(&handle));
    GOOD(cudaMalloc(&workspace, WORKSPACE));
    CHECK(lt.GetVersion() == 130100);
}

/* ---- one product, ours and theirs ---- */

typedef struct product {
    bool ta, tb, row_order, bias;
    cudaDataType type, c_type;
    int m, n, k, batch;
    float alpha, beta;
    cublasComputeType_t compute;
} product;

typedef struct matrix {
    int rows, cols, ld;
    int64_t stride;
    bool row_order;
    cudaDataType type;
    float *host; /* as float */
    void *card;
    cublasLtMatrixLayout_t layout;
} matrix;

static uint32_t state = 7;
static float random_number(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 8388608.0f - 1;
}

static float rounded(float x, cudaDataType type)
{
    uint32_t bits;
    if (type == CUDA_R_32F) return x;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void send(const float *x, cudaDataType type, int64_t n, void *card)
{
    static uint16_t narrow[MOST];
    for (int64_t i = 0; i < n; ++i) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        narrow[i] = (uint16_t)(bits >> 16);
    }
    if (type == CUDA_R_32F) GOOD(cudaMemcpy(card, x, (size_t)n * 4, cudaMemcpyHostToDevice));
    else GOOD(cudaMemcpy(card, narrow, (size_t)n * 2, cudaMemcpyHostToDevice));
}

static void receive(float *x, cudaDataType type, int64_t n, const void *card)
{
    static uint16_t narrow[MOST];
    if (type == CUDA_R_32F) {
        GOOD(cudaMemcpy(x, card, (size_t)n * 4, cudaMemcpyDeviceToHost));
        return;
    }
    GOOD(cudaMemcpy(narrow, card, (size_t)n * 2, cudaMemcpyDeviceToHost));
    for (int64_t i = 0; i < n; ++i) {
        uint32_t bits = (uint32_t)narrow[i] << 16;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

static matrix make_matrix(int rows, int cols, bool row_order, cudaDataType type, int batch)
{
    matrix m = {.rows = rows, .cols = cols, .row_order = row_order, .type = type};
    m.ld = (row_order ? cols : rows) + 3;
    m.stride = (int64_t)m.ld * (row_order ? rows : cols) + 5;
    int64_t n = m.stride * batch;
    CHECK(n <= MOST);
    m.host = malloc((size_t)n * sizeof *m.host);
    for (int64_t i = 0; i < n; ++i) m.host[i] = rounded(random_number(), type);
    GOOD(cudaMalloc(&m.card, (size_t)n * 4));
    send(m.host, type, n, m.card);
    FINE(lt.MatrixLayoutCreate(&m.layout, type, (uint64_t)rows, (uint64_t)cols, m.ld));
    SET(MatrixLayout, m.layout, CUBLASLT_MATRIX_LAYOUT_ORDER, (int32_t)(row_order ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL));
    SET(MatrixLayout, m.layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, (int32_t)batch);
    SET(MatrixLayout, m.layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, m.stride);
    return m;
}

static void end_matrix(matrix *m)
{
    free(m->host);
    GOOD(cudaFree(m->card));
    FINE(lt.MatrixLayoutDestroy(m->layout));
}

static int64_t place(const matrix *m, int batch, int row, int col)
{
    return batch * m->stride + (m->row_order ? (int64_t)row * m->ld + col : (int64_t)col * m->ld + row);
}

static float wanted(const product *p, const matrix *a, const matrix *b, const matrix *c, const matrix *bias, int batch, int i,
                    int j)
{
    double sum = 0;
    for (int k = 0; k < p->k; ++k)
        sum += (double)a->host[p->ta ? place(a, batch, k, i) : place(a, batch, i, k)] *
               (double)b->host[p->tb ? place(b, batch, j, k) : place(b, batch, k, j)];
    sum *= p->alpha;
    if (p->beta != 0) sum += (double)p->beta * c->host[place(c, batch, i, j)];
    if (p->bias) sum += bias->host[batch * bias->stride + i];
    return rounded((float)sum, p->c_type);
}

static cublasLtMatmulDesc_t make_desc(const product *p, const matrix *bias)
{
    cublasLtMatmulDesc_t desc;
    FINE(lt.MatmulDescCreate(&desc, p->compute ? p->compute : CUBLAS_COMPUTE_32F, CUDA_R_32F));
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_TRANSA, (int32_t)(p->ta ? CUBLAS_OP_T : CUBLAS_OP_N));
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_TRANSB, (int32_t)(p->tb ? CUBLAS_OP_T : CUBLAS_OP_N));
    if (!p->bias) return desc;
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_EPILOGUE, (uint32_t)CUBLASLT_EPILOGUE_BIAS);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, (const void *)bias->card);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, (int32_t)p->c_type);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, bias->stride);
    return desc;
}

static int ask(cublasLtMatmulDesc_t desc, const matrix *a, const matrix *b, const matrix *c, cublasLtMatmulHeuristicResult_t out[4])
{
    cublasLtMatmulPreference_t wish;
    int found = 0;
    FINE(lt.MatmulPreferenceCreate(&wish));
    SET(MatmulPreference, wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, (uint64_t)WORKSPACE);
    for (int i = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES; i <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES; ++i)
        SET(MatmulPreference, wish, (cublasLtMatmulPreferenceAttributes_t)i, (uint32_t)16);
    FINE(lt.MatmulAlgoGetHeuristic(handle, desc, a->layout, b->layout, c->layout, c->layout, wish, 4, out, &found));
    FINE(lt.MatmulPreferenceDestroy(wish));
    return found;
}

static double worst_of(const product *p, const matrix *a, const matrix *b, const matrix *c, const matrix *bias)
{
    static float got[MOST];
    double worst = 0;
    receive(got, p->c_type, c->stride * p->batch, c->card);
    for (int t = 0; t < p->batch; ++t)
        for (int i = 0; i < p->m; ++i)
            for (int j = 0; j < p->n; ++j) {
                double off = fabs((double)got[place(c, t, i, j)] - (double)wanted(p, a, b, c, bias, t, i, j));
                if (!(off <= worst)) worst = off;
                got[place(c, t, i, j)] = c->host[place(c, t, i, j)];
            }
    CHECK(memcmp(got, c->host, (size_t)(c->stride * p->batch) * 4) == 0); /* nothing else was written */
    return worst;
}

/* Both ways; the first is exact but for the last rounding. */
static void compare(const product *p)
{
    matrix a = make_matrix(p->ta ? p->k : p->m, p->ta ? p->m : p->k, p->row_order, p->type, p->batch);
    matrix b = make_matrix(p->tb ? p->n : p->k, p->tb ? p->k : p->n, p->row_order, p->type, p->batch);
    matrix c = make_matrix(p->m, p->n, p->row_order, p->c_type, p->batch), bias = make_matrix(p->m, 1, false, p->c_type, p->batch);
    cublasLtMatmulDesc_t desc = make_desc(p, &bias);
    cublasLtMatmulHeuristicResult_t way[4], checked;
    int found = ask(desc, &a, &b, &c, way);
    CHECK(found == 2 && memcmp(&way[0].algo, &way[1].algo, sizeof way[0].algo) != 0 && way[1].workspaceSize > way[0].workspaceSize);
    for (int i = 0; i < found; ++i) {
        send(c.host, p->c_type, c.stride * p->batch, c.card);
        FINE(lt.MatmulAlgoCheck(handle, desc, a.layout, b.layout, c.layout, c.layout, &way[i].algo, &checked));
        CHECK(checked.workspaceSize == way[i].workspaceSize);
        FINE(lt.Matmul(handle, desc, &p->alpha, a.card, a.layout, b.card, b.layout, &p->beta, c.card, c.layout, c.card, c.layout,
                       &way[i].algo, workspace, WORKSPACE, 0));
        double most = (p->c_type == CUDA_R_32F ? 2e-6 : 3e-2) * (i == 0 ? 0.3 : 1) * sqrt(p->k);
        double worst = worst_of(p, &a, &b, &c, &bias);
        if (!(worst <= most)) fprintf(stderr, "worst %g\n", worst);
        CHECK(worst <= most);
    }
    FINE(lt.MatmulDescDestroy(desc));
    end_matrix(&a), end_matrix(&b), end_matrix(&c), end_matrix(&bias);
}

static void all_kinds(void)
{
    open_library();
    for (int bits = 0; bits < 64; ++bits) {
        product p = {.ta = bits & 1, .tb = bits & 2, .row_order = bits & 4, .bias = bits & 8, .m = 5 + bits,
                     .n = 70 - bits, .k = 1 + bits * 2, .batch = bits & 16 ? 3 : 1, .alpha = 0.5f, .beta = bits & 32 ? 1 : 0,
                     .type = CUDA_R_32F, .c_type = CUDA_R_32F};
        compare(&p);
        p.type = CUDA_R_16BF;
        compare(&p);
        p.c_type = CUDA_R_16BF;
        compare(&p);
    }
    compare(&(product){.m = 1, .n = 1, .k = 1, .batch = 1, .alpha = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F});
    compare(&(product){.m = 129, .n = 200, .k = 64, .batch = 1, .alpha = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F});
}

/* tf32 keeps ten bits of each factor. */
static void tf32(void)
{
    open_library();
    product p = {.m = 1, .n = 1, .k = 1, .batch = 1, .alpha = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F,
                 .compute = CUBLAS_COMPUTE_32F_FAST_TF32};
    matrix a = make_matrix(1, 1, false, CUDA_R_32F, 1), b = make_matrix(1, 1, false, CUDA_R_32F, 1),
           c = make_matrix(1, 1, false, CUDA_R_32F, 1);
    a.host[0] = 1 + 0x1p-10f + 0x1p-12f;
    b.host[0] = 3;
    send(a.host, CUDA_R_32F, 1, a.card);
    send(b.host, CUDA_R_32F, 1, b.card);
    FINE(lt.Matmul(handle, make_desc(&p, NULL), &p.alpha, a.card, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card,
                   c.layout, NULL, NULL, 0, 0));
    receive(c.host, CUDA_R_32F, 1, c.card);
    CHECK(c.host[0] == 3 * (1 + 0x1p-10f));
}

/* Where beta is 0 what stood in c does not count, not even not-a-number. */
static void unread(void)
{
    open_library();
    product p = {.m = 4, .n = 4, .k = 4, .batch = 1, .alpha = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F};
    matrix a = make_matrix(4, 4, false, CUDA_R_32F, 1), b = make_matrix(4, 4, false, CUDA_R_32F, 1),
           c = make_matrix(4, 4, false, CUDA_R_32F, 1);
    GOOD(cudaMemset(c.card, 0xFF, (size_t)c.stride * 4));
    FINE(lt.Matmul(handle, make_desc(&p, NULL), &p.alpha, a.card, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card,
                   c.layout, NULL, NULL, 0, 0));
    receive(c.host, CUDA_R_32F, c.stride, c.card);
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) CHECK(isfinite(c.host[place(&c, 0, i, j)]));
    CHECK(isnan(c.host[4]));
}

/* ---- what is refused ---- */

static cublasStatus_t try(const product *p, const matrix *a, const matrix *b, const matrix *c, cublasLtMatmulDesc_t desc)
{
    return lt.Matmul(handle, desc, &p->alpha, a->card, a->layout, b->card, b->layout, &p->beta, c->card, c->layout, c->card,
                     c->layout, NULL, NULL, 0, 0);
}

static void refused(void)
{
    open_library();
    product p = {.m = 8, .n = 4, .k = 6, .batch = 2, .alpha = 1, .type = CUDA_R_16BF, .c_type = CUDA_R_16BF, .bias = true};
    matrix a = make_matrix(8, 6, false, p.type, 2), b = make_matrix(6, 4, false, p.type, 2),
           c = make_matrix(8, 4, false, p.type, 2);
    matrix f = make_matrix(8, 4, false, CUDA_R_32F, 2), bias = make_matrix(8, 1, false, p.type, 2);
    cublasLtMatmulDesc_t desc = make_desc(&p, &bias);
    FINE(try(&p, &a, &b, &c, desc));
    CHECK(try(&p, &b, &a, &c, desc) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(try(&p, &a, &b, &f, desc) == CUBLAS_STATUS_NOT_SUPPORTED); /* the bias is bf16, the result is not */
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, (int32_t)CUDA_R_32F);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_NOT_SUPPORTED);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, (int32_t)p.type);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, (const void *)NULL);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_INVALID_VALUE);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_EPILOGUE, (uint32_t)32);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_NOT_SUPPORTED);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_EPILOGUE, (uint32_t)CUBLASLT_EPILOGUE_DEFAULT);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_POINTER_MODE, (int32_t)CUBLASLT_POINTER_MODE_DEVICE);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_NOT_SUPPORTED);
    SET(MatmulDesc, desc, CUBLASLT_MATMUL_DESC_POINTER_MODE, (int32_t)CUBLASLT_POINTER_MODE_HOST);
    FINE(try(&p, &a, &b, &c, desc));
    SET(MatrixLayout, a.layout, CUBLASLT_MATRIX_LAYOUT_LD, (int64_t)7);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_INVALID_VALUE);
    SET(MatrixLayout, a.layout, CUBLASLT_MATRIX_LAYOUT_LD, (int64_t)4000);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_INVALID_VALUE); /* leaves its block */
    SET(MatrixLayout, a.layout, CUBLASLT_MATRIX_LAYOUT_LD, (int64_t)a.ld);
    SET(MatrixLayout, b.layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, (int32_t)1);
    CHECK(try(&p, &a, &b, &c, desc) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(lt.MatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &p.m, 8) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(lt.MatmulDescSetAttribute(desc, (cublasLtMatmulDescAttributes_t)99, &p.m, 4) == CUBLAS_STATUS_INVALID_VALUE);
}

static void promises(void)
{
    open_library();
    product p = {.m = 8, .n = 4, .k = 6, .batch = 1, .alpha = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F};
    matrix a = make_matrix(8, 6, false, p.type, 1), b = make_matrix(6, 4, false, p.type, 1),
           c = make_matrix(8, 4, false, p.type, 1);
    cublasLtMatmulDesc_t desc = make_desc(&p, NULL);
    cublasLtMatmulHeuristicResult_t way[4];
    CHECK(ask(desc, &a, &b, &c, way) == 2);
    const float *odd = (const float *)a.card + 1;
    CHECK(lt.Matmul(handle, desc, &p.alpha, odd, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card, c.layout,
                    &way[0].algo, NULL, 0, 0) == CUBLAS_STATUS_INVALID_VALUE); /* not aligned to 16 bytes */
    FINE(lt.Matmul(handle, desc, &p.alpha, odd, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card, c.layout, NULL,
                   NULL, 0, 0));
    CHECK(lt.Matmul(handle, desc, &p.alpha, a.card, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card, c.layout,
                    &way[1].algo, workspace, 16, 0) == CUBLAS_STATUS_INVALID_VALUE); /* too little workspace */
    memset(&way[0].algo, 0, sizeof way[0].algo);
    CHECK(lt.MatmulAlgoCheck(handle, desc, a.layout, b.layout, c.layout, c.layout, &way[0].algo, &way[2]) ==
          CUBLAS_STATUS_NOT_SUPPORTED);
}

/* A product waits in its stream, and can be captured. */
static void queued(void)
{
    open_library();
    product p = {.m = 1, .n = 1, .k = 1, .batch = 1, .alpha = 1, .beta = 1, .type = CUDA_R_32F, .c_type = CUDA_R_32F};
    matrix a = make_matrix(1, 1, false, p.type, 1), b = make_matrix(1, 1, false, p.type, 1),
           c = make_matrix(1, 1, false, p.type, 1);
    cublasLtMatmulDesc_t desc = make_desc(&p, NULL);
    cudaStream_t s;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    GOOD(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    GOOD(launch_fill(b.card, 1, 1, 0));
    GOOD(launch_fill(c.card, 0, 1, 0));
    GOOD(cudaDeviceSynchronize());
    GOOD(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed));
    GOOD(launch_fill(a.card, 2, 1, s));
    FINE(lt.Matmul(handle, desc, &p.alpha, a.card, a.layout, b.card, b.layout, &p.beta, c.card, c.layout, c.card, c.layout,
                   NULL, NULL, 0, s));
    p.alpha = 50;
    GOOD(cudaStreamEndCapture(s, &graph));
    GOOD(cudaGraphInstantiate(&exec, graph, 0));
    long before = s4d_emulator_executed();
    for (int i = 0; i < 3; ++i) GOOD(cudaGraphLaunch(exec, s));
    CHECK(s4d_emulator_executed() == before);
    GOOD(cudaStreamSynchronize(s));
    CHECK(s4d_emulator_executed() == before + 6);
    receive(c.host, CUDA_R_32F, 1, c.card);
    CHECK(c.host[0] == 6);
}

const test product_tests[] = {
    {"product_all_kinds", all_kinds, NULL},
    {"product_tf32", tf32, NULL},
    {"product_unread", unread, NULL},
    {"product_refused", refused, NULL},
    {"product_promises", promises, NULL},
    {"product_queued", queued, NULL},
    {0},
};
