/* The labelled sample set: drawn faces, for demonstration and tests where real sets may not be shipped. */
#ifndef S4D_SYNTH_SYNTH_H
#define S4D_SYNTH_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/data/image.h"

typedef struct s4d_synth_opts {
    const char *output;      /* folder; must not hold anything yet */
    uint64_t seed;
    int size;                /* side of the pictures, 32..512 */
    int classes;             /* 7, or 11 (MAFW's) */
    int train_images, test_images; /* labelled stills */
    int train_clips, test_clips;   /* labelled clips of each fold are cut from their sum: see README */
    int unlabelled_images, unlabelled_clips;
    int folds;               /* csv lists set_k for k = 1..folds */
    bool frame_folders;      /* clips as frame folders instead of .mp4 (always so in a build without video) */
} s4d_synth_opts;

s4d_status s4d_synth_make(const s4d_synth_opts *opts, s4d_err *err);

#endif
