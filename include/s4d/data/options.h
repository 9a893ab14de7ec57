/* Settings of the data layer. Field names are the config's keys. */
#ifndef S4D_DATA_OPTIONS_H
#define S4D_DATA_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/data/augment.h"
#include "s4d/tensor/batch.h"

enum { S4D_MAX_CLASSES = 64, S4D_CLASS_NAME_MAX = 48 };

/* How the lines of a list are read (METHOD.md section 8). */
typedef enum s4d_list_format {
    S4D_LIST_MANIFEST, /* csv with named columns (s4d/data/table.h); labels are class names */
    S4D_LIST_CSV,      /* the same, or two columns of any names (video_name,label / path,id / ...); labels are numbers or names */
    S4D_LIST_TEXT,     /* "path label", separated by the line's last blank, or by commas or semicolons; labels as above */
    S4D_LIST_PATHS     /* one path a line, no labels; this one and text are read as csv where their first line is a header */
} s4d_list_format;

typedef enum s4d_crop {
    S4D_CROP_NONE,           /* the whole frame is brought to S x S */
    S4D_CROP_RANDOM,         /* an S x S cut at a random place */
    S4D_CROP_RESIZED,        /* random resized crop, bilinear without antialiasing, in float */
    S4D_CROP_RESIZED_BICUBIC /* random resized crop, Pillow's bicubic, on bytes */
} s4d_crop;

/* Training augmentation, in this order (METHOD.md sections 4 and 6). One draw for all frames of a clip. */
typedef struct s4d_augment_opts {
    int resize;              /* first to resize x resize by Pillow's bilinear; 0: not */
    int short_side;          /* then the short side to this many pixels, bilinear in float; 0: not */
    s4d_crop crop;
    double area[2], ratio[2]; /* of random resized crops: share of the area, width / height */
    double flip;             /* probability */
    char randaugment[64];    /* "rand-m7-n4-mstd0.5-inc1" (s4d/data/augment.h), on stored frames before a resized crop but after
                              * any other; "" = none */
    s4d_augment_interpolation interpolation; /* of its operations that move pixels */
    double erase_prob;
    double erase_area[2], erase_aspect[2];
    int erase_attempts;
    s4d_erase erase_fill;
} s4d_augment_opts;

/* One set: where it is, how its lists are read, how it is drawn. A set without train and test list is absent. */
typedef struct s4d_set_opts {
    char name[64];                /* names the results' folder */
    char root[S4D_PATH_MAX];      /* paths in lists are below it */
    char train[S4D_PATH_MAX], val[S4D_PATH_MAX], test[S4D_PATH_MAX]; /* lists, below root unless absolute; "" = none */
    s4d_list_format format;
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX]; /* in index order */
    int class_count;
    int fold;                     /* of a manifest with folds, or of lists with "{fold}" in their names: tested; 0: none */
    int first_label;              /* the number of classes[0] in numbered lists, 0 or 1 */
    int zero_pad;                 /* a number as path is filled with zeros to this width; 0: not */
    char suffix[32];              /* put after each path, such as ".mp4" or ".jpg" */
    bool exif_orientation;        /* images are brought upright; false: as stored */
    char source_crop[64];         /* "top,left,height,width" cut from every frame first; "" = none */
    int sampling_rate;            /* stride between frames of a clip */
    int batch;                    /* samples in a batch */
    double rate;                  /* share (or multiple) of the set's batches in an epoch */
    bool balanced;                /* draw with replacement, each class equally often */
    int repeat;                   /* samples made from each decoded clip; divides batch */
    s4d_augment_opts augment;
} s4d_set_opts;

typedef enum s4d_bad_sample {
    S4D_BAD_FAIL, /* the first unreadable sample ends the run */
    S4D_BAD_SKIP  /* training: the batch goes on without it; evaluation: counted and named as missing */
} s4d_bad_sample;

/* By what lists are held against each other before training. */
typedef enum s4d_list_check { S4D_LISTS_BY_PATH, S4D_LISTS_BY_CONTENT } s4d_list_check;

typedef enum s4d_frame_order { S4D_ORDER_NATURAL, S4D_ORDER_LEXICOGRAPHIC } s4d_frame_order;
typedef enum s4d_mask_kind { S4D_MASK_RANDOM, S4D_MASK_TUBE } s4d_mask_kind;

/* Mixing and label smoothing of fine-tuning batches (METHOD.md section 6). An alpha of 0 switches that kind off. */
typedef struct s4d_mixing_opts {
    double mixup, cutmix; /* alphas of the Beta draws */
    double switch_prob;   /* of CutMix when both are on */
    double smoothing;
} s4d_mixing_opts;

typedef struct s4d_mask_opts {
    double image_ratio, video_ratio;
    s4d_mask_kind video_kind;
} s4d_mask_opts;

typedef struct s4d_data_opts {
    s4d_set_opts image, video;
    int workers; /* decoding threads; 0: decode in the calling thread. Never changes a result. */
    s4d_bad_sample on_bad_sample;
    s4d_frame_order frame_order;
    s4d_list_check check;
    bool same_list; /* every sample of a test or validation list may be trained on */
    s4d_mixing_opts mixing; /* fine-tuning */
    s4d_mask_opts mask;     /* pre-training */
} s4d_data_opts;

#endif
