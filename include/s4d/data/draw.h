/* Random draws of training, each from a stream of its own: boxes, masks, mixing, the epoch's order. */
#ifndef S4D_DATA_DRAW_H
#define S4D_DATA_DRAW_H

#include "s4d/base/rng.h"
#include "s4d/data/options.h"

/* Random resized crop (METHOD.md section 6): box {top,left,height,width} in a height x width picture. */
void s4d_draw_resized_crop(int height, int width, const double area[2], const double ratio[2], s4d_rng *rng,
                           int box[4]);
/* Random erasing's box in an S x S picture; false: nothing is erased. */
bool s4d_draw_erase(const s4d_augment_opts *o, int img_size, s4d_rng *rng, int box[4]);
/* Fills a recipe's crop, flip and erase for stored frames of height x width (offset, height, width set here too). */
void s4d_draw_recipe(const s4d_augment_opts *o, int height, int width, int img_size, s4d_rng *rng,
                     s4d_recipe *recipe);
/* The recipe that changes nothing but normalises, for frames already S x S. */
void s4d_plain_recipe(int img_size, s4d_recipe *recipe);

/* Exactly floor(ratio*tokens) masked; visible and masked indices in rising order, their counts fixed by the ratio.
 * TUBE draws one spatial mask of floor(ratio*per_frame) and repeats it over tokens/per_frame times. */
void s4d_mask_counts(double ratio, s4d_mask_kind kind, int tokens, int per_frame, int *visible, int *masked);
void s4d_draw_mask(double ratio, s4d_mask_kind kind, int tokens, int per_frame, s4d_rng *rng, int32_t *visible,
                   int32_t *masked);

/* CutMix or Mixup of one batch; lam for CutMix is recomputed from the clipped box. */
void s4d_draw_mix(const s4d_mixing_opts *o, int img_size, s4d_rng *rng, s4d_mix_draw *out);
/* The box and the recomputed lam from a drawn lam and centre (PIXELS.md section 5). */
void s4d_cutmix_box(double lam, int centre_y, int centre_x, int height, int width, s4d_mix_draw *out);
/* target [B,C]: smoothed, then mixed with sample B-1-i. label [B] in 0..C-1. */
void s4d_mix_targets(const s4d_mix_draw *mix, double smoothing, const int32_t *label, int count, int classes,
                     float *target);

/* ---- the epoch ---- */

typedef struct s4d_draw_set {
    uint32_t count;        /* samples */
    const int32_t *label;  /* [count], needed when balanced */
    int classes;
    bool balanced;
    int per_batch;         /* decodes in a batch: batch / repeat */
    int accumulate;        /* batches in an update */
    bool keep_last;        /* samples that fill no whole update make a smaller one at the end of each round; else they are left out */
    double rate;
} s4d_draw_set;

/* What a set adds to an epoch: floor(rate * updates of one round through its samples), the batches and the samples of these.
 * INT64_MAX samples: more than can be counted. */
typedef struct s4d_epoch_share {
    int64_t updates, batches, items;
} s4d_epoch_share;
s4d_epoch_share s4d_epoch_share_of(const s4d_draw_set *set);

/* An epoch: updates of the sets in random order. Each is made of `accumulate` batches of one set, the last of them smaller where
 * samples are fewer; batch i takes set[i] and the decodes item[first[i]..first[i+1]-1], and ends[i] tells whether it is the last
 * of its update. */
typedef struct s4d_epoch {
    int64_t batches;
    int32_t *set;
    uint32_t *first; /* [batches+1] */
    bool *ends;
    uint32_t *item;
} s4d_epoch;
/* Decodes of the update that the batch belongs to. */
uint32_t s4d_epoch_update_items(const s4d_epoch *epoch, int64_t batch);

/* One or two sets. Depends on (seed, epoch) alone. Rates above 1 go round again in a new order. */
s4d_status s4d_epoch_draw(const s4d_draw_set *set, int sets, uint64_t seed, uint32_t epoch, s4d_epoch *out,
                          s4d_err *err);
/* All samples of one set in order, the last batch as large as is left. */
s4d_status s4d_epoch_sequential(uint32_t count, int per_batch, s4d_epoch *out, s4d_err *err);
void s4d_epoch_release(s4d_epoch *epoch);

#endif
