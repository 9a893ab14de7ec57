/* Which products are possible, the two ways of computing them, and the call that queues one. Nothing is computed here. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_private.h"

enum { MAGIC = 0x53344431, WORKSPACE = 64 << 10, DEFAULT_ALIGNMENT = 256 };

/* What an algorithm's 64 bytes hold. */
typedef struct algorithm {
    uint32_t magic, way; /* way 1 halves k and wants workspace */
    int32_t type, c_type, compute;
    uint32_t align[4]; /* of a, b, c, d */
    uint32_t filler[7];
} algorithm;
_Static_assert(sizeof(algorithm) == sizeof(cublasLtMatmulAlgo_t), "an algorithm fits exactly");

typedef struct problem {
    lt_desc desc;
    lt_layout a, b, c, d;
} problem;

/* ---- the library ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    void *enqueue = dlsym(RTLD_DEFAULT, "s4d_emulator_enqueue"), *on_card = dlsym(RTLD_DEFAULT, "s4d_emulator_on_card");
    if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
    *handle = NULL;
    if (!enqueue || !on_card) {
        fputs("emulator: the program exports no s4d_emulator_enqueue and s4d_emulator_on_card, see emulator.cmake\n", stderr);
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    *handle = calloc(1, sizeof **handle);
    if (!*handle) return CUBLAS_STATUS_ALLOC_FAILED;
    memcpy(&(*handle)->enqueue, &enqueue, sizeof enqueue);
    memcpy(&(*handle)->on_card, &on_card, sizeof on_card);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return CUBLAS_VERSION;
}

size_t cublasLtGetCudartVersion(void)
{
    return CUDART_VERSION;
}

static const struct {
    cublasStatus_t status;
    const char *name, *text;
} words[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE", "an invalid value was used as an argument"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH", "an absent device architectural feature is required"},
    {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR", "an access to GPU memory space failed"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED", "the requested functionality is not supported"},
    {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR", "the requested functionality requires a license"},
};

const char *cublasLtGetStatusName(cublasStatus_t status)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
        if (words[i].status == status) return words[i].name;
    return "unknown";
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
        if (words[i].status == status) return words[i].text;
    return "unknown";
}

/* ---- what is possible ---- */

static cublasStatus_t check_layout(const lt_layout *l)
{
    uint64_t least = l->order == CUBLASLT_ORDER_ROW ? l->cols : l->rows;
    if (l->rows == 0 || l->cols == 0 || l->ld <= 0 || (uint64_t)l->ld < least || l->batch < 1) return CUBLAS_STATUS_INVALID_VALUE;
    if (l->order != CUBLASLT_ORDER_COL && l->order != CUBLASLT_ORDER_ROW) return CUBLAS_STATUS_NOT_SUPPORTED;
    return l->type == CUDA_R_32F || l->type == CUDA_R_16BF ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

static cublasStatus_t check_shapes(const problem *p)
{
    bool ta = p->desc.op_a != CUBLAS_OP_N, tb = p->desc.op_b != CUBLAS_OP_N;
    uint64_t m = ta ? p->a.cols : p->a.rows, k = ta ? p->a.rows : p->a.cols;
    uint64_t k_of_b = tb ? p->b.cols : p->b.rows, n = tb ? p->b.rows : p->b.cols;
    if (k != k_of_b || p->d.rows != m || p->d.cols != n || p->c.rows != m || p->c.cols != n) return CUBLAS_STATUS_INVALID_VALUE;
    if (p->a.batch != p->d.batch || p->b.batch != p->d.batch || p->c.batch != p->d.batch) return CUBLAS_STATUS_INVALID_VALUE;
    return CUBLAS_STATUS_SUCCESS;
}

/* float32 or bf16 in, sums in float32; the bias has the type of the result. */
static cublasStatus_t check_types(const problem *p)
{
    const lt_desc *d = &p->desc;
    bool fast = d->compute == CUBLAS_COMPUTE_32F_FAST_TF32 || d->compute == CUBLAS_COMPUTE_32F_FAST_16BF;
    if (d->compute != CUBLAS_COMPUTE_32F && d->compute != CUBLAS_COMPUTE_32F_PEDANTIC && !fast) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d->scale != CUDA_R_32F || d->pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (p->a.type != p->b.type || p->c.type != p->d.type) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (p->a.type == CUDA_R_32F && p->d.type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (fast && p->a.type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d->epilogue == CUBLASLT_EPILOGUE_DEFAULT) return CUBLAS_STATUS_SUCCESS;
    if (d->epilogue != CUBLASLT_EPILOGUE_BIAS) return CUBLAS_STATUS_NOT_SUPPORTED;
    return d->bias_type == p->d.type ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

static cublasStatus_t check(const problem *p)
{
    const lt_layout *all[] = {&p->a, &p->b, &p->c, &p->d};
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    for (int i = 0; i < 4 && status == CUBLAS_STATUS_SUCCESS; ++i) status = check_layout(all[i]);
    if (status == CUBLAS_STATUS_SUCCESS) status = check_shapes(p);
    if (status == CUBLAS_STATUS_SUCCESS && p->d.batch > 1 && getenv("S4D_EMULATOR_NO_BATCHES")) status = CUBLAS_STATUS_NOT_SUPPORTED;
    return status == CUBLAS_STATUS_SUCCESS ? check_types(p) : status;
}

static cublasStatus_t take(problem *p, cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const cublasLtMatrixLayout_t layout[4])
{
    lt_layout *to[] = {&p->a, &p->b, &p->c, &p->d};
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!desc) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&p->desc, desc, sizeof p->desc);
    for (int i = 0; i < 4; ++i) {
        if (!layout[i]) return CUBLAS_STATUS_INVALID_VALUE;
        memcpy(to[i], layout[i], sizeof **to);
    }
    if (p->desc.bias_type == -1) p->desc.bias_type = p->d.type;
    return check(p);
}

/* ---- ways ---- */

static algorithm make_way(const problem *p, uint32_t way, const uint32_t align[4])
{
    algorithm a = {.magic = MAGIC, .way = way, .type = p->a.type, .c_type = p->d.type, .compute = p->desc.compute};
    memcpy(a.align, align, sizeof a.align);
    for (int i = 0; i < 7; ++i) a.filler[i] = 0x9e3779b9u * (way + 1) * (unsigned)(i + 1);
    return a;
}

static size_t workspace_of(const algorithm *a)
{
    return a->way == 1 ? WORKSPACE : 0;
}

static bool suits(const algorithm *a, const problem *p)
{
    return a->magic == MAGIC && a->way <= 1 && a->type == p->a.type && a->c_type == p->d.type && a->compute == p->desc.compute;
}

static void fill(cublasLtMatmulHeuristicResult_t *result, const algorithm *a)
{
    memset(result, 0, sizeof *result);
    memcpy(&result->algo, a, sizeof *a);
    result->workspaceSize = workspace_of(a);
    result->state = CUBLAS_STATUS_SUCCESS;
    result->wavesCount = 1;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t result[], int *found)
{
    problem p;
    lt_preference wish;
    if (found) *found = 0;
    cublasStatus_t status = take(&p, handle, desc, (const cublasLtMatrixLayout_t[]){a, b, c, d});
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (!preference || wanted < 1 || !result || !found) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&wish, preference, sizeof wish);
    for (uint32_t way = 0; way < 2 && *found < wanted; ++way) {
        algorithm own = make_way(&p, way, (const uint32_t[]){wish.align_a, wish.align_b, wish.align_c, wish.align_d});
        if (workspace_of(&own) > wish.workspace) continue;
        if (way == 1 && !(wish.reduction & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)) continue;
        fill(&result[(*found)++], &own);
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t *algo, cublasLtMatmulHeuristicResult_t *result)
{
    problem p;
    algorithm own;
    cublasStatus_t status = take(&p, handle, desc, (const cublasLtMatrixLayout_t[]){a, b, c, d});
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (!algo || !result) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&own, algo, sizeof own);
    if (!suits(&own, &p)) return CUBLAS_STATUS_NOT_SUPPORTED;
    fill(result, &own);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- doing it ---- */

/* Whether a matrix lies in one block of memory, begins where it should, and, being a result, does not write an element twice. */
static bool lies_well(const struct cublasLtContext *handle, const char *name, const void *x, const lt_layout *l, uint32_t align)
{
    bool rows = l->order == CUBLASLT_ORDER_ROW;
    int64_t lines = (int64_t)(rows ? l->rows : l->cols), length = (int64_t)(rows ? l->cols : l->rows);
    int64_t span = (lines - 1) * l->ld + length, size = l->type == CUDA_R_16BF ? 2 : 4;
    if (l->batch > 1 && (l->stride < 0 || (name[0] == 'd' && l->stride == 0))) {
        fprintf(stderr, "emulator: a product's matrices %s lie %lld elements apart\n", name, (long long)l->stride);
        return false;
    }
    if (!handle->on_card(x, (size_t)(((l->batch - 1) * (l->batch > 1 ? l->stride : 0) + span) * size))) {
        fprintf(stderr, "emulator: a product's matrix %s leaves its block of memory\n", name);
        return false;
    }
    if ((uintptr_t)x % (align ? align : 1) == 0 && (uintptr_t)x % (uintptr_t)size == 0) return true;
    fprintf(stderr, "emulator: a product's matrix %s is not aligned to %u bytes, as was promised\n", name, align);
    return false;
}

static bool all_lie_well(const struct cublasLtContext *handle, const lt_product *p, const algorithm *way)
{
    lt_layout bias = {p->desc.bias_type, 0, p->layout_d.batch, p->layout_d.rows, 1, (int64_t)p->layout_d.rows, p->desc.bias_stride};
    return lies_well(handle, "a", p->a, &p->layout_a, way->align[0]) && lies_well(handle, "b", p->b, &p->layout_b, way->align[1]) &&
           (p->beta == 0 || lies_well(handle, "c", p->c, &p->layout_c, way->align[2])) &&
           lies_well(handle, "d", p->d, &p->layout_d, way->align[3]) &&
           (p->desc.epilogue != CUBLASLT_EPILOGUE_BIAS || lies_well(handle, "bias", p->desc.bias, &bias, 1)) &&
           (p->workspace_bytes == 0 || handle->on_card(p->workspace, p->workspace_bytes));
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_layout, void *d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspace_size, cudaStream_t stream)
{
    problem p;
    cublasStatus_t status = take(&p, handle, desc, (const cublasLtMatrixLayout_t[]){a_layout, b_layout, c_layout, d_layout});
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    if (!alpha || !beta || !a || !b || !d) return CUBLAS_STATUS_INVALID_VALUE;
    algorithm way = make_way(&p, 0, (const uint32_t[]){1, 1, 1, 1});
    if (algo) memcpy(&way, algo, sizeof way);
    if (!suits(&way, &p)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (workspace_of(&way) > workspace_size || (uintptr_t)workspace % 16) return CUBLAS_STATUS_INVALID_VALUE;
    lt_product all;
    memset(&all, 0, sizeof all);
    all.desc = p.desc;
    all.layout_a = p.a, all.layout_b = p.b, all.layout_c = p.c, all.layout_d = p.d;
    all.a = a, all.b = b, all.c = c, all.d = d;
    all.workspace = workspace;
    all.workspace_bytes = workspace_of(&way);
    memcpy(&all.alpha, alpha, sizeof all.alpha);
    memcpy(&all.beta, beta, sizeof all.beta);
    all.halves = way.way == 1;
    if ((all.beta != 0 && !c) || !all_lie_well(handle, &all, &way)) return CUBLAS_STATUS_INVALID_VALUE;
    if (handle->enqueue(stream, lt_run, &all, sizeof all) != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
    return CUBLAS_STATUS_SUCCESS;
}
