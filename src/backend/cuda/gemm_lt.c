/* cuBLASLt: the only file that knows it. It is opened while the program runs, so that the program starts without it.
 *
 * It counts in columns, so a row-major product c = op(a) op(b) is put to it as c^T = op(b)^T op(a)^T: its first matrix is
 * our b, its rows are our columns, and nothing is moved. */
#include <cublasLt.h>
#include <stdio.h>
#include <string.h>

#include "backend/cuda/cuda_state.h"
#include "backend/cuda/library.h"
#include "s4d/base/mem.h"

enum { WORKSPACE = 32 << 20 };

struct s4d_cuda_lt {
    void *library, *workspace;
    cublasLtHandle_t handle;
    cublasLtMatmulPreference_t wish;
    bool any_order, tf32;
    __typeof__(&cublasLtCreate) create;
    __typeof__(&cublasLtDestroy) destroy;
    __typeof__(&cublasLtGetVersion) version;
    __typeof__(&cublasLtGetStatusString) words;
    __typeof__(&cublasLtMatmulDescCreate) desc_create;
    __typeof__(&cublasLtMatmulDescDestroy) desc_destroy;
    __typeof__(&cublasLtMatmulDescSetAttribute) desc_set;
    __typeof__(&cublasLtMatrixLayoutCreate) layout_create;
    __typeof__(&cublasLtMatrixLayoutDestroy) layout_destroy;
    __typeof__(&cublasLtMatrixLayoutSetAttribute) layout_set;
    __typeof__(&cublasLtMatmulPreferenceCreate) wish_create;
    __typeof__(&cublasLtMatmulPreferenceDestroy) wish_destroy;
    __typeof__(&cublasLtMatmulPreferenceSetAttribute) wish_set;
    __typeof__(&cublasLtMatmulAlgoGetHeuristic) ask;
    __typeof__(&cublasLtMatmulAlgoCheck) check;
    __typeof__(&cublasLtMatmul) matmul;
};

/* A plan's descriptors. */
typedef struct lt_plan {
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c; /* of our a, b, c */
} lt_plan;

_Static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(uint64_t[S4D_CUDA_CHOICE_WORDS]), "a choice holds an algorithm");

/* ---- opening ---- */

static s4d_status open_library(s4d_cuda_lt *lt, s4d_err *err)
{
    char stem[32];
    snprintf(stem, sizeof stem, "libcublasLt.so.%d", CUDART_VERSION / 1000);
    const s4d_cuda_symbol symbol[] = {
        {"cublasLtCreate", &lt->create},
        {"cublasLtDestroy", &lt->destroy},
        {"cublasLtGetVersion", &lt->version},
        {"cublasLtGetStatusString", &lt->words},
        {"cublasLtMatmulDescCreate", &lt->desc_create},
        {"cublasLtMatmulDescDestroy", &lt->desc_destroy},
        {"cublasLtMatmulDescSetAttribute", &lt->desc_set},
        {"cublasLtMatrixLayoutCreate", &lt->layout_create},
        {"cublasLtMatrixLayoutDestroy", &lt->layout_destroy},
        {"cublasLtMatrixLayoutSetAttribute", &lt->layout_set},
        {"cublasLtMatmulPreferenceCreate", &lt->wish_create},
        {"cublasLtMatmulPreferenceDestroy", &lt->wish_destroy},
        {"cublasLtMatmulPreferenceSetAttribute", &lt->wish_set},
        {"cublasLtMatmulAlgoGetHeuristic", &lt->ask},
        {"cublasLtMatmulAlgoCheck", &lt->check},
        {"cublasLtMatmul", &lt->matmul},
    };
    s4d_status status = s4d_cuda_library_open(stem, "S4D_CUBLASLT", &lt->library, err);
    if (status != S4D_OK) return status;
    return s4d_cuda_library_take(lt->library, stem, symbol, (int)(sizeof symbol / sizeof symbol[0]), err);
}

s4d_status s4d_cuda_lt_probe(s4d_err *err)
{
    s4d_cuda_lt lt = {0};
    s4d_status status = open_library(&lt, err);
    s4d_cuda_library_close(&lt.library);
    return status;
}

s4d_status s4d_cuda_lt_open(s4d_backend *be, s4d_err *err)
{
    s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_lt *lt = cu->lt = s4d_mem_alloc(1, sizeof *lt);
    if (!lt) return s4d_err_memory(err, sizeof *lt, "the matrix product library");
    lt->any_order = cu->any_order;
    lt->tf32 = cu->tf32;
    s4d_status status = open_library(lt, err);
    if (status != S4D_OK) return status;
    cudaError_t memory = cudaMalloc(&lt->workspace, WORKSPACE);
    if (memory != cudaSuccess)
        return s4d_err_set(err, S4D_FAILED, "no memory for matrix products: %s", cudaGetErrorString(memory));
    cublasStatus_t started = lt->create(&lt->handle);
    if (started == CUBLAS_STATUS_SUCCESS) started = lt->wish_create(&lt->wish);
    if (started == CUBLAS_STATUS_SUCCESS) return S4D_OK;
    return s4d_err_set(err, S4D_FAILED, "cuBLASLt could not be started on this card: %s", lt->words(started));
}

void s4d_cuda_lt_forget(void *owner, s4d_cuda_plan *plan)
{
    const s4d_cuda_lt *lt = owner;
    lt_plan *own = plan->library;
    if (!own) return;
    if (own->desc) lt->desc_destroy(own->desc);
    if (own->a) lt->layout_destroy(own->a);
    if (own->b) lt->layout_destroy(own->b);
    if (own->c) lt->layout_destroy(own->c);
    s4d_mem_free(own);
    plan->library = NULL;
}

void s4d_cuda_lt_close(s4d_cuda *cu)
{
    s4d_cuda_lt *lt = cu->lt;
    if (!lt) return;
    s4d_cuda_plans_drop(&cu->plans, true, s4d_cuda_lt_forget, lt);
    if (lt->wish) lt->wish_destroy(lt->wish);
    if (lt->handle) lt->destroy(lt->handle);
    if (lt->workspace) cudaFree(lt->workspace);
    s4d_cuda_library_close(&lt->library);
    s4d_mem_free(lt);
    cu->lt = NULL;
}

void s4d_cuda_lt_version(const s4d_cuda *cu, char text[32])
{
    int version = (int)cu->lt->version();
    snprintf(text, 32, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

/* ---- descriptors ---- */

static cudaDataType_t type_of(int64_t type)
{
    return type == S4D_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* Steps that all must succeed; the first failure is kept. */
static bool good(cublasStatus_t *all, cublasStatus_t one)
{
    if (*all == CUBLAS_STATUS_SUCCESS) *all = one;
    return *all == CUBLAS_STATUS_SUCCESS;
}

/* Rows and columns as they are stored, row-major. */
static cublasStatus_t make_layout(const s4d_cuda_lt *lt, cublasLtMatrixLayout_t *out, int64_t type, int64_t rows,
                                  int64_t columns, int64_t ld, const s4d_cuda_plan_key *key, int64_t stride)
{
    cublasStatus_t all = lt->layout_create(out, type_of(type), (uint64_t)columns, (uint64_t)rows, ld);
    int32_t batch = (int32_t)key->batch;
    if (all != CUBLAS_STATUS_SUCCESS || batch == 1) return all;
    good(&all, lt->layout_set(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch));
    good(&all, lt->layout_set(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride));
    return all;
}

static cublasStatus_t make_desc(const s4d_cuda_lt *lt, lt_plan *own, const s4d_cuda_plan_key *key)
{
    bool tf32 = lt->tf32 && key->type == S4D_F32;
    cublasStatus_t all = lt->desc_create(&own->desc, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F);
    int32_t first = key->tb ? CUBLAS_OP_T : CUBLAS_OP_N, second = key->ta ? CUBLAS_OP_T : CUBLAS_OP_N;
    uint32_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    int32_t type = type_of(key->c_type);
    if (all != CUBLAS_STATUS_SUCCESS) return all;
    good(&all, lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first));
    good(&all, lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second));
    if (!key->bias) return all;
    good(&all, lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    good(&all, lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type));
    if (key->batch > 1)
        good(&all, lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, &key->stride_bias, sizeof(int64_t)));
    return all;
}

/* The descriptors of the plan, made the first time. */
static lt_plan *descriptors(s4d_cuda_lt *lt, s4d_cuda_plan *plan)
{
    const s4d_cuda_plan_key *key = &plan->key;
    if (plan->library) return plan->library;
    lt_plan *own = plan->library = s4d_mem_alloc(1, sizeof *own);
    if (!own) return NULL;
    cublasStatus_t all = make_desc(lt, own, key);
    int64_t a_rows = key->ta ? key->k : key->m, a_columns = key->ta ? key->m : key->k;
    int64_t b_rows = key->tb ? key->n : key->k, b_columns = key->tb ? key->k : key->n;
    if (good(&all, CUBLAS_STATUS_SUCCESS))
        all = make_layout(lt, &own->a, key->type, a_rows, a_columns, key->lda, key, key->stride_a);
    if (good(&all, CUBLAS_STATUS_SUCCESS))
        all = make_layout(lt, &own->b, key->type, b_rows, b_columns, key->ldb, key, key->stride_b);
    if (good(&all, CUBLAS_STATUS_SUCCESS))
        all = make_layout(lt, &own->c, key->c_type, key->m, key->n, key->ldc, key, key->stride_c);
    if (good(&all, CUBLAS_STATUS_SUCCESS)) return own;
    s4d_cuda_lt_forget(lt, plan);
    return NULL;
}

/* While planning there is no bias yet; only its alignment counts then. */
static cublasStatus_t set_bias(const s4d_cuda_lt *lt, const lt_plan *own, const void *bias)
{
    static const _Alignas(256) char somewhere[256];
    if (!bias) bias = somewhere;
    return lt->desc_set(own->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
}

/* ---- choosing and doing ---- */

static cublasStatus_t set_wish(const s4d_cuda_lt *lt, const s4d_cuda_plan_key *key)
{
    cublasStatus_t all = CUBLAS_STATUS_SUCCESS;
    uint64_t workspace = WORKSPACE;
    uint32_t a = (uint32_t)key->align_a, b = (uint32_t)key->align_b, c = (uint32_t)key->align_c;
    /* The other schemes keep parts of a sum in c's type, and sums are to be float32. */
    bool any = lt->any_order && key->c_type == S4D_F32;
    uint32_t sums = any ? CUBLASLT_REDUCTION_SCHEME_MASK : CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace));
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums, sizeof sums));
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &b, sizeof b));
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &a, sizeof a));
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c, sizeof c));
    good(&all, lt->wish_set(lt->wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c, sizeof c));
    return all;
}

void s4d_cuda_lt_ask(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p)
{
    s4d_cuda_lt *lt = s4d_cuda_of(be)->lt;
    cublasLtMatmulHeuristicResult_t result[S4D_CUDA_CANDIDATES] = {0};
    const lt_plan *own = descriptors(lt, plan);
    int found = 0;
    plan->asked = true;
    plan->foreign = false;
    plan->candidates = 0;
    if (!own || (plan->key.bias && set_bias(lt, own, p->bias) != CUBLAS_STATUS_SUCCESS)) return;
    if (set_wish(lt, &plan->key) != CUBLAS_STATUS_SUCCESS ||
        lt->ask(lt->handle, own->desc, own->b, own->a, own->c, own->c, lt->wish, S4D_CUDA_CANDIDATES, result, &found) !=
            CUBLAS_STATUS_SUCCESS)
        return;
    for (int i = 0; i < found; ++i) {
        if (result[i].state != CUBLAS_STATUS_SUCCESS || result[i].workspaceSize > WORKSPACE) continue;
        s4d_cuda_choice *c = &plan->candidate[plan->candidates++];
        memcpy(c->algo, &result[i].algo, sizeof c->algo);
        c->workspace = result[i].workspaceSize;
    }
}

bool s4d_cuda_lt_takes(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p)
{
    s4d_cuda_lt *lt = s4d_cuda_of(be)->lt;
    cublasLtMatmulHeuristicResult_t result = {0};
    cublasLtMatmulAlgo_t algo;
    const lt_plan *own = descriptors(lt, plan);
    memcpy(&algo, plan->candidate[0].algo, sizeof algo);
    if (!own || (plan->key.bias && set_bias(lt, own, p->bias) != CUBLAS_STATUS_SUCCESS)) return false;
    cublasStatus_t status = lt->check(lt->handle, own->desc, own->b, own->a, own->c, own->c, &algo, &result);
    plan->candidate[0].workspace = result.workspaceSize;
    return status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= WORKSPACE;
}

const char *s4d_cuda_lt_run(s4d_backend *be, s4d_cuda_plan *plan, const s4d_cuda_product *p, int i)
{
    const s4d_cuda *cu = s4d_cuda_of(be);
    s4d_cuda_lt *lt = cu->lt;
    cublasLtMatmulAlgo_t algo;
    const lt_plan *own = descriptors(lt, plan);
    memcpy(&algo, plan->candidate[i].algo, sizeof algo);
    if (!own) return "its descriptors could not be made";
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (plan->key.bias) status = set_bias(lt, own, p->bias);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = lt->matmul(lt->handle, own->desc, &p->alpha, p->b, own->b, p->a, own->a, &p->beta, p->c, own->c, p->c,
                            own->c, &algo, lt->workspace, WORKSPACE, cu->compute);
    return status == CUBLAS_STATUS_SUCCESS ? NULL : lt->words(status);
}
