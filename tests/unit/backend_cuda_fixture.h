/* What the tests of the cuda device share. Without a card they are skipped, once they have seen that the device says so. */
#ifndef S4D_TESTS_BACKEND_CUDA_FIXTURE_H
#define S4D_TESTS_BACKEND_CUDA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s4d/backend/backend.h"
#include "s4d/base/mem.h"

static inline s4d_backend *create(bool graphs, const char *override)
{
    s4d_backend *be;
    s4d_err err = {0};
    s4d_backend_opts opts = {.device = "cuda", .override = override, .no_graphs = !graphs};
    if (s4d_backend_create(&opts, &be, &err) != S4D_OK) fail_msg("%s", err.text);
    return be;
}

static inline void sound(s4d_backend *be)
{
    s4d_err err = {0};
    if (s4d_backend_check(be, &err) != S4D_OK) fail_msg("%s", err.text);
}

static inline float *block(s4d_backend *be, int64_t floats)
{
    void *p;
    s4d_err err = {0};
    if (s4d_backend_alloc(be, (size_t)floats * sizeof(float), &p, &err) != S4D_OK) fail_msg("%s", err.text);
    return p;
}

static inline s4d_tensor vector(float *p, int64_t n)
{
    return S4D_TENSOR(S4D_F32, p, n);
}

/* Whether the sentence is one of those a machine without a usable card is told; the exit status of the test program. */
static inline int without_card(const char *text)
{
    static const char head[] = "device cuda: ", tail[] = "; use --device cpu to do without";
    static const char *const known[] = {"no NVIDIA driver is loaded (libcuda.so.1 was not found)",
                                        "the NVIDIA driver is for CUDA ", "no NVIDIA card ", "has compute capability ",
                                        "libcublasLt.so.", "no card can be used: "};
    bool right = strncmp(text, head, sizeof head - 1) == 0 && s4d_str_ends(text, tail);
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) found |= strstr(text, known[i]) != NULL;
    printf("skipped: %s\n", text);
    return right && found ? 77 : 1;
}

/* 0 where there is a device, else the exit status. */
static inline int look_for_card(void)
{
    s4d_err err = {0};
    s4d_backend *be;
    const char *chosen = s4d_backend_choose("auto", &err);
    if (strcmp(chosen, "cuda") == 0) return 0;
    if (strcmp(chosen, "cpu") != 0 || !err.text[0]) return 1;
    if (s4d_backend_create(&(s4d_backend_opts){.device = "cuda"}, &be, &err) == S4D_OK) return 1;
    if (strstr(s4d_backend_devices(), "cuda")) return without_card(err.text);
    printf("skipped: %s\n", err.text);
    return 77;
}

#endif
