/* A small model in a safetensors file, and a folder for it. */
#ifndef S4D_TESTS_CKPT_MODEL_H
#define S4D_TESTS_CKPT_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CKPT_FILE "in"
#include "ckpt_folder.h"
#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/check.h"
#include "s4d/ckpt/export.h"

static char out[S4D_PATH_MAX];

static inline int make_folders(void **state)
{
    int status = make_root(state);
    snprintf(out, sizeof out, "%s/out", root);
    return status;
}

static inline int remove_out(void **state)
{
    (void)state;
    if (s4d_path_is_dir(out)) {
        return s4d_dir_remove(out, NULL) == S4D_OK ? 0 : -1;
    }
    return unlink(out) == 0 || errno == ENOENT ? 0 : -1;
}

typedef struct shape {
    const char *name;
    int64_t dim[S4D_MAX_RANK]; /* ends with 0 */
} shape;

enum { D = 4, MOST = 64 };

/* A fine-tuned model of one block: width 4, patches of 2 x 2 pixels and 2 frames, 3 classes. */
static const shape video[] = {
    {"patch_embed.proj.weight", {D, 3, 2, 2, 2}},
    {"patch_embed.proj.bias", {D}},
    {"blocks.0.norm1.weight", {D}},
    {"blocks.0.norm1.bias", {D}},
    {"blocks.0.attn.q_bias", {D}},
    {"blocks.0.attn.v_bias", {D}},
    {"blocks.0.attn.qkv.weight", {3 * D, D}},
    {"blocks.0.attn.proj.weight", {D, D}},
    {"blocks.0.attn.proj.bias", {D}},
    {"blocks.0.norm2.weight", {D}},
    {"blocks.0.norm2.bias", {D}},
    {"blocks.0.mlp.fc1.weight", {2 * D, D}},
    {"blocks.0.mlp.fc1.bias", {2 * D}},
    {"blocks.0.mlp.fc2.weight", {D, 2 * D}},
    {"blocks.0.mlp.fc2.bias", {D}},
    {"fc_norm.weight", {D}},
    {"fc_norm.bias", {D}},
    {"head.video.weight", {3, D}},
    {"head.video.bias", {3}},
};
enum { VIDEO = sizeof video / sizeof *video };

static float pool[4096];

/* The shapes as a file, element k of tensor i being i + k / 64; `zero` names a tensor of which the
 * middle third is 0. */
static inline void write_model(const shape *list, int n, const s4d_safetensors_pair *meta,
                               size_t metas, const char *zero)
{
    s4d_safetensors_entry entry[MOST];
    float *next = pool;
    for (int i = 0; i < n; i++) {
        int rank = 0;
        while (rank < S4D_MAX_RANK && list[i].dim[rank]) {
            rank++;
        }
        entry[i] =
            (s4d_safetensors_entry){list[i].name, s4d_tensor_of(S4D_F32, next, rank, list[i].dim)};
        int64_t count = s4d_tensor_count(&entry[i].tensor);
        for (int64_t k = 0; k < count; k++) {
            bool middle =
                zero && strcmp(zero, list[i].name) == 0 && k >= count / 3 && k < 2 * count / 3;
            next[k] = middle ? 0 : (float)i + (float)k / 64;
        }
        next += count;
    }
    assert_true(next <= pool + sizeof pool / sizeof *pool);
    assert_int_equal(s4d_safetensors_write(
                         path, &(s4d_safetensors_contents){entry, (size_t)n, meta, metas}, NULL),
                     S4D_OK);
}

static const char config[] =
    "{\"stage\": \"finetune\", \"model\": {\"img_size\": 8, \"patch_size\": 2, \"num_frames\": 4, "
    "\"tubelet_size\": 2, "
    "\"mlp_ratio\": 2, \"encoder\": {\"dim\": 4, \"depth\": 1, \"heads\": 2}, \"moae\": "
    "{\"layers\": []}}, "
    "\"data\": {\"video\": {\"classes\": [\"anger\", \"fear\", \"happiness\"]}}}";

static inline s4d_import *open_good(const s4d_import_opts *opts)
{
    s4d_import *im;
    s4d_err err = {0};
    if (s4d_import_open(path, opts, &im, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return im;
}

#endif
