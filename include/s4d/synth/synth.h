/* The labelled sample set: drawn faces, for demonstration and tests where real sets may not be shipped. */
#ifndef S4D_SYNTH_SYNTH_H
#define S4D_SYNTH_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"

typedef struct s4d_synth_opts {
    const char *output;      /* folder; must be absent or empty */
    uint64_t seed;
    int size;                /* side of the pictures, 32..512, even */
    int classes;             /* 7, or 11 (MAFW's) */
    int train_images, test_images; /* labelled stills */
    int train_clips, test_clips;   /* of each fold; clips tested in one fold are trained on in the others */
    int unlabelled_images, unlabelled_clips;
    int folds;               /* csv lists set_k for k = 1..folds; 1..20, (folds-1)*test_clips <= train_clips */
    bool frame_folders;      /* clips as frame folders instead of .mp4 (always so in a build without video) */
} s4d_synth_opts;

/* Draws the set into a folder beside `output`, then moves it there: after a failure nothing is left. The same options and
 * library versions give the same bytes, whatever the number of processors. Nobody of a test list is seen in its training
 * list, in another part or among the unlabelled. S4D_USAGE for options that cannot work. Layout, paths below `output`:
 *   images/train.txt images/test.txt            "path label", AffectNet-7's order; -8's with 11 classes
 *   clips/train_set_K.csv clips/test_set_K.csv  DFEW's header and order; MAFW's with 11 classes
 *   unlabelled/images.txt unlabelled/clips.txt  a path a line
 *   subjects.csv index.json README.md           who is in which file; counts, seed and licence */
s4d_status s4d_synth_make(const s4d_synth_opts *opts, s4d_err *err);

#endif
