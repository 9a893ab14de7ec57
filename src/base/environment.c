/* Which variables of the environment reach results, and what is done about each: found in the lists of every library, in their
 * binaries, and by tracing what a run asks for; each was tried (tests/e2e/test_environment.py). */
#include "s4d/base/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/str.h"

enum { TEXT = 512, VALUE = 64 };

typedef struct variable {
    const char *name;
    bool ignored;     /* taken out: results would differ by more than rounding. Else told only: the last bits may */
    const char *only; /* told where the value holds this; NULL: always */
} variable;

static const variable variables[] = {
    /* oneDNN: which instructions its kernels use; arithmetic in bf16 or tf32 */
    {"ONEDNN_MAX_CPU_ISA", false, NULL},
    {"DNNL_MAX_CPU_ISA", false, NULL},
    {"ONEDNN_CPU_ISA_HINTS", false, NULL},
    {"DNNL_CPU_ISA_HINTS", false, NULL},
    {"ONEDNN_DEFAULT_FPMATH_MODE", true, NULL},
    {"DNNL_DEFAULT_FPMATH_MODE", true, NULL},
    /* the C library's exp, log, sin and their kin */
    {"GLIBC_TUNABLES", false, "hwcaps"},
    /* any CBLAS */
    {"OPENBLAS_CORETYPE", false, NULL},
    {"BLIS_ARCH_TYPE", false, NULL},
    {"BLIS_MODEL_TYPE", false, NULL},
    {"MKL_CBWR", false, NULL},
    {"MKL_ENABLE_INSTRUCTIONS", false, NULL},
    {"MKL_DEBUG_CPU_TYPE", false, NULL},
    /* cuBLASLt, cuDNN and the driver: tensor cores for float32, emulated products, softmax by other arithmetic; which kernels */
    {"NVIDIA_TF32_OVERRIDE", true, NULL},
    {"CUBLAS_EMULATE_SINGLE_PRECISION", true, NULL},
    {"CUBLAS_EMULATE_DOUBLE_PRECISION", true, NULL},
    {"CUBLAS_EMULATION_STRATEGY", true, NULL},
    {"CUBLAS_FIXEDPOINT_EMULATION_MANTISSA_BIT_COUNT", true, NULL},
    {"CUDNN_RESCALE_THRESHOLD", true, NULL},
    {"CUDNN_USE_EX2_EMULATION", true, NULL},
    {"CUBLASLT_HEURISTICS_LUT_FILE", false, NULL},
    {"CUBLASLT_DISABLE_CPU_INSTRUCTIONS_MASK", false, NULL},
    {"CUBLAS_WORKSPACE_CONFIG", false, NULL},
    {"CUBLASLT_WORKSPACE_SIZE", false, NULL},
    {"CUDNN_ERRATA_JSON_FILE", false, NULL},
    {"CUDNN_FORWARD_COMPAT_DISABLE", false, NULL},
    {"CUDA_FORCE_PTX_JIT", false, NULL},
    /* libjpeg: a limit of memory, above which a progressive image cannot be read */
    {"JPEGMEM", true, NULL},
};

static char text[TEXT];

static void add(const variable *v, const char *value)
{
    size_t n = strlen(text);
    snprintf(text + n, TEXT - n, "%s%s=%.*s%s", n ? ", " : "", v->name, VALUE, value, v->ignored ? " (ignored)" : "");
}

void s4d_environment_settle(void)
{
    text[0] = '\0';
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const variable *v = &variables[i];
        const char *value = getenv(v->name);
        if (!value || (v->only && !strstr(value, v->only))) {
            continue;
        }
        add(v, value);
        if (v->ignored) {
            unsetenv(v->name);
        }
    }
    s4d_str_printable(text, sizeof text);
}

const char *s4d_environment_text(void)
{
    return text;
}
