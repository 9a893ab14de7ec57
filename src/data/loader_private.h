/* Inside the loader: the plan (what is fixed from creation on), an item (one decode and the batch
 * samples made of it), and the output (the batch that the caller sees). loader.c holds the ring and
 * the threads. */
#ifndef S4D_DATA_LOADER_PRIVATE_H
#define S4D_DATA_LOADER_PRIVATE_H

#include "s4d/data/clip.h"
#include "s4d/data/draw.h"
#include "s4d/data/loader.h"

/* ---- loader_plan.c: checked settings and the sizes that follow from them ---- */

typedef struct s4d_loader_kind {
    s4d_modality modality;
    const s4d_manifest *manifest;
    const s4d_set_opts *opts;
    const char *key; /* "data.image" or "data.video", for sentences */
    bool source_cut;
    int source_box[4];   /* {top,left,height,width} cut from every frame first */
    int frames;          /* T */
    int segments, crops; /* temporal and spatial views; 1 in training */
    int decodes;         /* list entries in a batch */
    int samples;         /* batch samples made of a decode: repeats or views */
    bool upright;        /* by EXIF orientation */
    bool keep_aspect;
    bool augmented; /* by RandAugment */
    s4d_augment_policy policy;
    double mask_ratio;
    s4d_mask_kind mask_kind;
    int tokens, per_frame; /* 0: no masks */
    int visible, masked;
    int classes;
    int32_t *label; /* [count], for the balanced draw */
} s4d_loader_kind;

typedef struct s4d_loader_plan {
    s4d_loader_mode mode;
    s4d_loader_kind kind[2];
    s4d_draw_set draw[2];
    int kinds;
    int img_size;
    uint64_t seed;
    int workers;
    s4d_bad_sample on_bad;
    s4d_frame_order frame_order;
    bool drawn;   /* clips are drawn, in testing too */
    bool by_view; /* each view of an entry is decoded by itself */
    s4d_mixing_opts mixing;
    int stride; /* places that a decode takes in the epoch's sample order: the largest repeat */
    int64_t batches, updates; /* in an epoch */
} s4d_loader_plan;

s4d_status s4d_loader_plan_make(const s4d_loader_opts *opts, s4d_loader_plan *plan, s4d_err *err);
void s4d_loader_plan_release(s4d_loader_plan *plan);
s4d_status s4d_loader_plan_epoch(const s4d_loader_plan *plan, uint32_t epoch, s4d_epoch *out,
                                 s4d_err *err);

/* ---- loader_item.c: what a thread and an item own ---- */

/* What a thread needs while it decodes; kept from item to item. */
typedef struct s4d_loader_scratch {
    s4d_image *frame; /* [room] decoded frames, later brought to the stored size */
    s4d_image spare, work;
    int *index;  /* [room] frame wanted at each place of each segment */
    int *unique; /* [room] the same, rising, each once: what is decoded */
    int *at;     /* [room] place of index[i] in unique */
    int room, uniques;
} s4d_loader_scratch;

s4d_status s4d_loader_scratch_init(const s4d_loader_plan *plan, s4d_loader_scratch *scratch,
                                   s4d_err *err);
void s4d_loader_scratch_release(s4d_loader_scratch *scratch);

typedef struct s4d_loader_item {
    s4d_status status;
    bool fatal; /* no memory, or too many open files: not the file's fault, never skipped */
    s4d_err err;
    uint8_t *pixels; /* [bytes]; 0 bytes where the file could not be read */
    size_t bytes, room;
    s4d_recipe *recipe; /* [samples], offsets into pixels */
    int32_t *visible;   /* [samples,visible] */
    int32_t *masked;    /* [samples,masked] */
    uint32_t entry;     /* place in the set's list */
    int view;           /* of the first sample */
    double ms;
} s4d_loader_item;

s4d_status s4d_loader_item_init(const s4d_loader_plan *plan, s4d_loader_item *item, s4d_err *err);
void s4d_loader_item_release(s4d_loader_item *item);

/* ---- loader_sample.c: one list entry into its batch samples ---- */

typedef struct s4d_loader_job {
    int kind;
    uint32_t entry;
    int view;       /* the first that is made of it */
    uint32_t epoch;
    uint32_t place; /* of the first sample in the epoch's sample order */
} s4d_loader_job;

/* Decodes and draws; the result or the error is left in the item. Depends on plan and job alone. */
void s4d_loader_fill(const s4d_loader_plan *plan, const s4d_loader_job *job,
                     s4d_loader_scratch *scratch, s4d_loader_item *item);

/* ---- loader_batch.c: items into a batch, and the account of what was skipped ---- */

typedef struct s4d_loader_output {
    s4d_batch batch;
    uint8_t *pixels;
    size_t room;
    s4d_recipe *recipe;
    uint32_t *sample;
    int32_t *view, *label, *visible, *masked;
    float *target;
    int64_t skipped;      /* list entries left out so far */
    s4d_str skipped_text; /* the first sentences, one a line */
    int sentences;
    bool *warned[2]; /* [count] of each set: entries that were spoken of already */
} s4d_loader_output;

s4d_status s4d_loader_output_init(const s4d_loader_plan *plan, s4d_loader_output *out,
                                  s4d_err *err);
void s4d_loader_output_release(s4d_loader_output *out);

typedef struct s4d_loader_place {
    int kind, items;
    uint32_t epoch;
    int64_t batch;
    bool ends_update;
    uint32_t update_items; /* decodes of the update */
} s4d_loader_place;

/* Lays the items' samples one behind the other. An item's error, the first in order, becomes the
 * result unless it may be skipped. */
s4d_status s4d_loader_assemble(const s4d_loader_plan *plan, const s4d_loader_place *place,
                               const s4d_loader_item *item, s4d_loader_output *out, s4d_err *err);

#endif
