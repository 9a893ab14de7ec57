/* Comparison with the published system's numbers: what every part of the runner shares. */
#ifndef S4D_TESTS_GOLDEN_H
#define S4D_TESTS_GOLDEN_H

#include "s4d/backend/backend.h"
#include "s4d/base/json.h"
#include "s4d/ckpt/safetensors.h"
#include "s4d/model/options.h"
#include "s4d/model/params.h"

/* Tolerances of METHOD.md section 10, relative to the tensor's largest value. */
#define TOL_FORWARD 5e-6
#define TOL_TARGET 5e-5
#define TOL_GRAD 2e-5
#define TOL_LOSS 2e-6
#define TOL_WEIGHT 5e-5

typedef struct golden {
    const char *dir;
    const char *device;       /* under test; NULL in parts that need none */
    const char *part;         /* begins every line */
    int passed, failed, skipped;
    s4d_safetensors *file;
    s4d_json *config;         /* of the file's metadata */
    s4d_backend *be;
} golden;

/* One line "part device quantity error tolerance ok|FAILED"; counts it. */
void golden_line(golden *g, const char *quantity, double error, double tolerance);
void golden_skip(golden *g, const char *what, const char *why);
/* A broken or incomplete folder: says so and ends the program with 1. */
_Noreturn void golden_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens DIR/NAME; false where it is absent. */
bool golden_open(golden *g, const char *name);
void golden_close(golden *g);
bool golden_has(const golden *g, const char *name);
/* Any float tensor of the file as floats, or an integer one as int32; freed by s4d_mem_free. Dies when absent. */
float *golden_floats(const golden *g, const char *name, int64_t *count);
int32_t *golden_ints(const golden *g, const char *name, int64_t *count);
double golden_scalar(const golden *g, const char *name);
/* The numbers of a tensor as they stand in the file; freed by s4d_mem_free. Dies where they cannot be read. */
void *golden_raw(const golden *g, const s4d_safetensors_info *info);
/* The shape of a tensor of the file; data NULL. */
s4d_tensor golden_shape(const golden *g, const char *name);
/* The larger of two errors; one that is not a number counts as infinite. */
double golden_worse(double so_far, double error);
/* Largest |got-want| over the largest |want| (the difference itself where want is all zero). */
double golden_error(const float *got, const float *want, int64_t n);
void golden_compare(golden *g, const char *name, const float *got, int64_t n, double tolerance);
/* Downloads a device tensor and compares it. */
void golden_compare_tensor(golden *g, const char *name, s4d_tensor got, double tolerance);
/* All parameters under PREFIX ("video/grad/"): one line with the worst, names it. */
void golden_compare_params(golden *g, const char *prefix, const s4d_params *params, bool gradients, double tolerance);
void golden_load_weights(golden *g, s4d_params *params);

/* Numbers of the config; dies when absent. */
double golden_number(const golden *g, const char *dotted);
/* Sizes shared by both models. */
void golden_model_opts(const golden *g, s4d_model_opts *o);

void golden_pretrain(golden *g);
void golden_finetune(golden *g);
void golden_mix(golden *g);
void golden_resize(golden *g);
void golden_decode(golden *g);
void golden_augment(golden *g);
void golden_resized_crop(golden *g);
void golden_sampling(golden *g);
void golden_schedules(golden *g);
void golden_metrics(golden *g);
void golden_pth(golden *g);

#endif
