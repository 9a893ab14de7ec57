/* Making packs: what a manifest names, gathered into a few large files (s4d/data/pack.h). */
#ifndef S4D_DATASET_PACK_H
#define S4D_DATASET_PACK_H

#include "s4d/data/pack.h"

typedef struct s4d_pack_progress {
    size_t done, total; /* files */
    uint64_t bytes;     /* written */
    double seconds;
} s4d_pack_progress;

typedef struct s4d_pack_opts {
    const char *manifest;
    const char *root;   /* paths are below it; a pack is a root too; NULL: the manifest's folder */
    const char *output; /* the folder to make */
    int64_t shard_mib;  /* a shard is closed before it passes this size; a larger member has a shard of its own */
    /* With JPEG and PNG every picture and frame is brought to side x side, and a video becomes a folder of frames of its
     * name, so that rows with start or end are refused. */
    s4d_pack_settings settings;
    int threads;    /* that read and encode; 0: as many as processors. Never changes the pack. */
    bool overwrite; /* a pack that stands at `output` is replaced; anything else is left alone */
    void (*progress)(void *arg, const s4d_pack_progress *now); /* some ten times a second, by the caller's thread; or NULL */
    void *arg;
} s4d_pack_opts;

typedef struct s4d_pack_report {
    size_t files;   /* pictures, videos and frames that were read */
    size_t members; /* that were written */
    size_t shards;
    uint64_t bytes; /* of all shards */
    double seconds;
} s4d_pack_report;

/* Grows OUTPUT.tmp and renames it: after a failure or an interruption nothing is left, and what stood at OUTPUT stands. */
s4d_status s4d_pack_make(const s4d_pack_opts *opts, s4d_pack_report *out, s4d_err *err);

#endif
