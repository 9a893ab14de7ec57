/* All settings of a run: what the config fills in and the commands of `train` take. Field names are the config's keys. */
#ifndef S4D_TRAIN_OPTIONS_H
#define S4D_TRAIN_OPTIONS_H

#include "s4d/data/options.h"
#include "s4d/model/options.h"

typedef enum s4d_stage { S4D_PRETRAIN, S4D_FINETUNE } s4d_stage;

/* What a class weighs in the loss, by its samples n_c in the training list; the mean over samples is 1. */
typedef enum s4d_class_weights { S4D_WEIGHTS_NONE, S4D_WEIGHTS_INVERSE, S4D_WEIGHTS_SQRT_INVERSE } s4d_class_weights;

/* Which epoch's model a fine-tuning run keeps, and by which metric. */
typedef enum s4d_select {
    S4D_SELECT_LAST,
    S4D_SELECT_HELD_OUT, /* the best on a share of the training list that is held out */
    S4D_SELECT_VAL,      /* the best on the validation list */
    S4D_SELECT_TEST      /* the best on the test list itself, as published */
} s4d_select;
typedef enum s4d_select_by { S4D_BY_WAR, S4D_BY_UAR } s4d_select_by;

/* What follows a loss or gradient that is not finite. */
typedef enum s4d_not_finite { S4D_NOT_FINITE_STOP, S4D_NOT_FINITE_SKIP } s4d_not_finite;

/* AdamW and its schedule (METHOD.md sections 4 and 5). */
typedef struct s4d_train_opts {
    int epochs;
    double lr;              /* peak rate */
    int lr_scale_batch;     /* above 0: the peak is lr * total batch / this (published: 512 and 8). Total batch: the video
                             * set's batch (the image set's where there is none) * accumulate. */
    double min_lr;          /* fine-tuning: the cosine's floor; scaled like lr by min_lr_scale_batch */
    int min_lr_scale_batch; /* (published: 256) */
    double warmup_fraction; /* pre-training: share of all steps */
    double warmup_start_lr; /* pre-training */
    double warmup_epochs;   /* fine-tuning */
    double weight_decay, beta1, beta2, eps;
    double layer_decay;     /* fine-tuning; 1: none */
    double clip_grad;       /* largest gradient norm; 0: no clipping */
    s4d_class_weights class_weights; /* fine-tuning: 1, 1/n_c or 1/sqrt(n_c) */
    double logit_adjustment;         /* fine-tuning: this times log(n_c/n) is added to the logits in the loss (Menon et al. 2021) */
    int accumulate;         /* gradient accumulation: batches, of one modality, that make an update */
    int log_every;          /* steps between log lines */
    int eval_every;         /* epochs between evaluations, of the validation list where a set has one, else of its test list; 0: only
                             * after the last, or after each where one selects */
    s4d_select select;      /* on the videos where there are any, else the images */
    s4d_select_by select_by;
    double held_out;        /* share of each class */
    bool select_draw;       /* judge an epoch by one clip a video, drawn as in training, as published; else by the test's views */
    s4d_not_finite not_finite; /* the run ends, or the update is left out and its samples are named */
    int keep_checkpoints;   /* newest ones that are kept */
    int checkpoint_every;   /* updates between checkpoints, beside those after each epoch; 0: none */
    double ema;             /* decay of a running average of the weights, each update: a += (1 - ema) (w - a); 0: none */
    bool ema_eval;          /* evaluate, select and keep the average instead of the weights */
} s4d_train_opts;

typedef enum s4d_eval_split { S4D_EVAL_TEST, S4D_EVAL_VAL } s4d_eval_split;

typedef struct s4d_eval_opts {
    s4d_eval_split split; /* evaluation: which of the sets' lists */
    int batch;    /* clips or images at a time; views, where s4d_eval_by_view */
    int segments; /* temporal views of a clip */
    int crops;    /* spatial views of a clip */
    bool keep_aspect; /* a clip's frames keep their aspect and are cut (VideoMAE); else they are squashed to S x S, as published */
} s4d_eval_opts;

/* Behind a set's name: the folder of its validation results, and of the last epoch's where another one is kept. */
#define S4D_PLACE_VAL ".val"
#define S4D_PLACE_LAST ".last"

typedef struct s4d_run_opts {
    s4d_stage stage;
    char output[S4D_PATH_MAX];     /* the run folder */
    char init[S4D_PATH_MAX];       /* weights to begin from; "" = random */
    char init_key[256];            /* the way to the model in that file, keys joined by dots; "" = by the keys in use */
    char init_strip[256];          /* taken off its names, besides known wrappers; "" = nothing */
    char checkpoint[S4D_PATH_MAX]; /* evaluation: the model */
    char device[16];
    s4d_precision precision;
    struct {
        s4d_attention_path attention;
        bool deterministic, graphs;
    } cuda;
    char op[256];                  /* operations taken from ref, "NAME=ref,..." */
    int threads;                   /* 0: all */
    int64_t seed;
    s4d_model_opts model;
    s4d_data_opts data;
    s4d_train_opts train;
    s4d_eval_opts eval;

    /* Not settings of the config: */
    char device_why[256]; /* why "auto" did not take cuda; "" where it did, or was not asked */
    const char *resolved; /* the resolved config as JSON text, for config.resolved.json and the checkpoint; lives longer */
    bool resume;          /* go on where the newest checkpoint stands */
    char resume_from[S4D_PATH_MAX]; /* a checkpoint or a run folder; "": the run's own folder */
    bool overwrite;       /* empty the run folder first */
} s4d_run_opts;

/* data.image or data.video. */
static inline const s4d_set_opts *s4d_run_set(const s4d_run_opts *o, s4d_modality modality)
{
    return modality == S4D_IMAGE ? &o->data.image : &o->data.video;
}

/* Views a test sample is seen in: an image has one. */
static inline int s4d_eval_views(const s4d_eval_opts *o, s4d_modality modality)
{
    return modality == S4D_VIDEO ? o->segments * o->crops : 1;
}

/* Whether a prediction depends on the batch it is made in. The batches are then those of the published system: of all clips' first
 * view, then of their second (METHOD.md section 7). */
static inline bool s4d_eval_by_view(const s4d_run_opts *o)
{
    return o->model.moae.layer_count > 0 && (o->model.moae.eval_noise || o->model.moae.eval_capacity);
}

/* Views that each of eval.batch brings into a batch. */
static inline int s4d_eval_views_together(const s4d_run_opts *o, s4d_modality modality)
{
    return s4d_eval_by_view(o) ? 1 : s4d_eval_views(&o->eval, modality);
}

/* lr and min_lr as they are used with that total batch; both *_scale_batch become 0. */
static inline void s4d_train_scale_rates(s4d_train_opts *o, double total_batch)
{
    if (o->lr_scale_batch > 0) o->lr = o->lr * total_batch / o->lr_scale_batch;
    if (o->min_lr_scale_batch > 0) o->min_lr = o->min_lr * total_batch / o->min_lr_scale_batch;
    o->lr_scale_batch = o->min_lr_scale_batch = 0;
}

#endif
