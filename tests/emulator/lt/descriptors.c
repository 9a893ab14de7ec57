/* Layouts, descriptions of products, and wishes: structures whose fields are set one by one. */
#include <stdlib.h>
#include <string.h>

#include "lt_private.h"

_Static_assert(sizeof(lt_layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "a layout fits");
_Static_assert(sizeof(lt_desc) <= sizeof(cublasLtMatmulDescOpaque_t), "a description fits");
_Static_assert(sizeof(lt_preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "a wish fits");

/* A field by the number of its attribute. */
typedef struct field {
    int attribute;
    size_t offset, size;
} field;
#define FIELD(attribute, type, name) {attribute, offsetof(type, name), sizeof(((type *)0)->name)}

static const field layout_fields[] = {
    FIELD(CUBLASLT_MATRIX_LAYOUT_TYPE, lt_layout, type),
    FIELD(CUBLASLT_MATRIX_LAYOUT_ORDER, lt_layout, order),
    FIELD(CUBLASLT_MATRIX_LAYOUT_ROWS, lt_layout, rows),
    FIELD(CUBLASLT_MATRIX_LAYOUT_COLS, lt_layout, cols),
    FIELD(CUBLASLT_MATRIX_LAYOUT_LD, lt_layout, ld),
    FIELD(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, lt_layout, batch),
    FIELD(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, lt_layout, stride),
};
static const field desc_fields[] = {
    FIELD(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, lt_desc, compute),
    FIELD(CUBLASLT_MATMUL_DESC_SCALE_TYPE, lt_desc, scale),
    FIELD(CUBLASLT_MATMUL_DESC_POINTER_MODE, lt_desc, pointer_mode),
    FIELD(CUBLASLT_MATMUL_DESC_TRANSA, lt_desc, op_a),
    FIELD(CUBLASLT_MATMUL_DESC_TRANSB, lt_desc, op_b),
    FIELD(CUBLASLT_MATMUL_DESC_EPILOGUE, lt_desc, epilogue),
    FIELD(CUBLASLT_MATMUL_DESC_BIAS_POINTER, lt_desc, bias),
    FIELD(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, lt_desc, bias_stride),
    FIELD(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, lt_desc, bias_type),
};
static const field preference_fields[] = {
    FIELD(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, lt_preference, workspace),
    FIELD(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, lt_preference, reduction),
    FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, lt_preference, align_a),
    FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, lt_preference, align_b),
    FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, lt_preference, align_c),
    FIELD(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, lt_preference, align_d),
};
#define COUNT(list) (int)(sizeof(list) / sizeof(list)[0])

static const field *find(const field *list, int count, int attribute)
{
    for (int i = 0; i < count; ++i)
        if (list[i].attribute == attribute) return &list[i];
    return NULL;
}

static cublasStatus_t set(void *object, const field *f, const void *value, size_t size)
{
    if (!object || !f || !value || size != f->size) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy((char *)object + f->offset, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t get(const void *object, const field *f, void *value, size_t size, size_t *written)
{
    if (!object || !f || (size == 0 && !written)) return CUBLAS_STATUS_INVALID_VALUE;
    if (size != 0 && (!value || size != f->size)) return CUBLAS_STATUS_INVALID_VALUE;
    if (size != 0) memcpy(value, (const char *)object + f->offset, size);
    if (written) *written = f->size;
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- layouts ---- */

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t cols,
                                          int64_t ld)
{
    if (!layout) return CUBLAS_STATUS_INVALID_VALUE;
    *layout = calloc(1, sizeof **layout);
    if (!*layout) return CUBLAS_STATUS_ALLOC_FAILED;
    lt_layout own = {.type = (int32_t)type, .batch = 1, .rows = rows, .cols = cols, .ld = ld};
    memcpy(*layout, &own, sizeof own);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    free(layout);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t size)
{
    return set(layout, find(layout_fields, COUNT(layout_fields), (int)attribute), value, size);
}

cublasStatus_t cublasLtMatrixLayoutGetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute,
                                                void *value, size_t size, size_t *written)
{
    return get(layout, find(layout_fields, COUNT(layout_fields), (int)attribute), value, size, written);
}

/* ---- products ---- */

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute, cudaDataType_t scale)
{
    if (!desc) return CUBLAS_STATUS_INVALID_VALUE;
    *desc = calloc(1, sizeof **desc);
    if (!*desc) return CUBLAS_STATUS_ALLOC_FAILED;
    lt_desc own = {.compute = (int32_t)compute, .scale = (int32_t)scale, .epilogue = CUBLASLT_EPILOGUE_DEFAULT, .bias_type = -1};
    memcpy(*desc, &own, sizeof own);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
    free(desc);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
    return set(desc, find(desc_fields, COUNT(desc_fields), (int)attribute), value, size);
}

cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, void *value,
                                              size_t size, size_t *written)
{
    return get(desc, find(desc_fields, COUNT(desc_fields), (int)attribute), value, size, written);
}

/* ---- wishes ---- */

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    if (!preference) return CUBLAS_STATUS_INVALID_VALUE;
    *preference = calloc(1, sizeof **preference);
    if (!*preference) return CUBLAS_STATUS_ALLOC_FAILED;
    lt_preference own = {0, CUBLASLT_REDUCTION_SCHEME_MASK, 256, 256, 256, 256};
    memcpy(*preference, &own, sizeof own);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    free(preference);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void *value,
                                                    size_t size)
{
    return set(preference, find(preference_fields, COUNT(preference_fields), (int)attribute), value, size);
}

cublasStatus_t cublasLtMatmulPreferenceGetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, void *value, size_t size,
                                                    size_t *written)
{
    return get(preference, find(preference_fields, COUNT(preference_fields), (int)attribute), value, size, written);
}
