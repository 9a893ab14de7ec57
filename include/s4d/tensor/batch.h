/* What the loader hands to the model: raw frames, what to do with them, labels, masks. All in host memory. */
#ifndef S4D_TENSOR_BATCH_H
#define S4D_TENSOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum s4d_modality { S4D_IMAGE, S4D_VIDEO } s4d_modality;
const char *s4d_modality_name(s4d_modality modality); /* "image" or "video", as in config keys and results */

typedef enum s4d_erase {
    S4D_ERASE_NONE,
    S4D_ERASE_BLACK, /* 0 before normalising */
    S4D_ERASE_NOISE  /* a normal draw after normalising, fresh for every pixel, channel and frame */
} s4d_erase;

/* How one sample's uint8 frames become floats (METHOD.md section 6, PIXELS.md section 4), in this order:
 * scale to [0,1] and normalise; resize to mid_height x mid_width; cut the box; resize it to S x S; flip left-right;
 * erase. Both resizes are bilinear without antialiasing; one that changes nothing is exact. */
typedef struct s4d_recipe {
    int64_t offset;                  /* first byte of this sample's frames [T,height,width,3] in the pixel block */
    int32_t height, width;           /* of the stored frames */
    int32_t mid_height, mid_width;   /* equal to height and width: no first resize */
    int32_t top, left, box_height, box_width;
    int32_t flip;
    int32_t erase;                   /* s4d_erase */
    int32_t erase_top, erase_left, erase_height, erase_width;
    uint64_t noise_key;              /* element ((t*3+c)*S+y)*S+x is s4d_rng_fill_normal(noise_key, that) */
} s4d_recipe;

typedef enum s4d_mix_mode { S4D_MIX_NONE, S4D_MIX_MIXUP, S4D_MIX_CUTMIX } s4d_mix_mode;

/* Mixing of sample i with sample B-1-i (METHOD.md section 6). */
typedef struct s4d_mix_draw {
    s4d_mix_mode mode;
    double lam;             /* share of sample i; for CutMix recomputed from the clipped box */
    int32_t yl, yh, xl, xh; /* the CutMix box, in pixels of the S x S picture */
} s4d_mix_draw;

/* B samples of one modality. T is 1 for images. */
typedef struct s4d_batch {
    s4d_modality modality;
    int64_t index;          /* place in the epoch, from 0 */
    int32_t count;          /* B */
    int32_t frames;         /* T */
    const uint8_t *pixels;  /* pixel block, pixel_bytes long */
    size_t pixel_bytes;
    const s4d_recipe *recipe; /* [B] */
    const uint32_t *sample;   /* [B] place in the set's sample list */
    const int32_t *view;      /* [B] test view, 0 otherwise */
    const int32_t *label;     /* [B] class index, -1 for none */
    const float *target;      /* [B,C] soft targets after smoothing and mixing, or NULL */
    int32_t classes;          /* C, 0 for none */
    s4d_mix_draw mix;
    const int32_t *visible;   /* [B,visible_count] token indices in rising order, or NULL */
    const int32_t *masked;    /* [B,masked_count] likewise */
    int32_t visible_count, masked_count;
    int32_t skipped;          /* entries of the list left out of this batch because they could not be read */
    bool ends_update;         /* training: the last batch of its update (gradient accumulation); all of them are of one modality */
    int64_t update_samples;   /* training: samples of all batches of its update, were none skipped */
    double decode_ms;         /* thread time spent on this batch */
} s4d_batch;

#endif
