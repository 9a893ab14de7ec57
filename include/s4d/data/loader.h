/* The loader: lists in, batches out, decoded ahead by worker threads. A batch depends on (seed, epoch, place) alone:
 * never on the number of workers, nor on what was read before. */
#ifndef S4D_DATA_LOADER_H
#define S4D_DATA_LOADER_H

#include "s4d/data/manifest.h"

typedef enum s4d_loader_mode {
    S4D_LOAD_PRETRAIN, /* augmented, repeated, masked */
    S4D_LOAD_FINETUNE, /* augmented, mixed, soft targets */
    S4D_LOAD_TEST      /* in order, every view, no augmentation (METHOD.md section 7) */
} s4d_loader_mode;

typedef struct s4d_loader_set {
    s4d_modality modality;
    const s4d_manifest *manifest;
    const s4d_set_opts *opts;
} s4d_loader_set;

typedef struct s4d_loader_opts {
    s4d_loader_mode mode;
    const s4d_loader_set *set; /* one or two; TEST takes one */
    int sets;
    const s4d_data_opts *data;
    int accumulate;            /* training: batches in an update; 0 counts as 1 */
    int img_size, patch_size, num_frames, tubelet_size;
    int test_batch;            /* TEST: samples (not views) in a batch */
    int test_segments, test_crops; /* TEST: temporal and spatial views of a video; images have one view. Frames are squashed to
                                    * S x S, so that spatial views are the same */
    bool keep_aspect;          /* TEST: of a video the short side is brought to S instead, and the crops lie evenly along the long
                                * side; a single one in its middle */
    bool by_view;              /* TEST: the first view of every sample, then the second, ...; test_batch views in a batch */
    bool test_draw; /* TEST: a clip is drawn as in training, by the sample alone, instead of the views; with one segment and one
                     * crop (METHOD.md section 7, validation) */
    uint64_t seed;
} s4d_loader_opts;

typedef struct s4d_loader s4d_loader;

/* Copies the options; manifests and set options must outlive the loader. S4D_USAGE for settings that cannot work
 * (a repeat that does not divide the batch, a training set smaller than its batch, ...). A decoding thread that cannot
 * be started is an error too. */
s4d_status s4d_loader_create(const s4d_loader_opts *opts, s4d_loader **out, s4d_err *err);
void s4d_loader_destroy(s4d_loader **loader); /* stops the workers */

int64_t s4d_loader_batches(const s4d_loader *loader); /* in an epoch */
int64_t s4d_loader_updates(const s4d_loader *loader); /* in an epoch of training: groups of batches that end together */
/* Begins an epoch at batch `from` (0, or where a run was cut); whatever was under way is dropped. */
s4d_status s4d_loader_start(s4d_loader *loader, uint32_t epoch, int64_t from, s4d_err *err);
/* The next batch, or NULL after the last. It stays good until the next call. A batch whose every sample was skipped comes
 * with count 0; a batch's `skipped` counts entries of the list, whatever the repeats or views made of each. Under
 * S4D_BAD_FAIL an unreadable sample is an error that names it; the first in order is reported, and asking again gives the
 * same error until the next start. Views of a clip come together unless by_view, numbered segment * crops + crop. */
s4d_status s4d_loader_next(s4d_loader *loader, const s4d_batch **out, s4d_err *err);
/* List entries left out since the loader was made: how many, and the first 8 sentences, a line each and each entry once
 * ("" when there are none). */
int64_t s4d_loader_skipped(const s4d_loader *loader);
const char *s4d_loader_skipped_text(const s4d_loader *loader);

#endif
