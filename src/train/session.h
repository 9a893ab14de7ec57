/* A training run: lists, engine, loader, optimiser, logs, and how far it is. Private to src/train. */
#ifndef S4D_TRAIN_SESSION_H
#define S4D_TRAIN_SESSION_H

#include "s4d/data/loader.h"
#include "s4d/train/optim.h"
#include "train/engine.h"
#include "train/runlog.h"

/* Where a run stands: the next batch to take. */
typedef struct s4d_position {
    int64_t step;  /* updates done */
    int epoch;     /* from 0 */
    int64_t batch; /* within the epoch */
} s4d_position;

enum { S4D_SELECTION_TEXT = 256 };
#define S4D_BEST_NAME "best.safetensors"

/* What is gathered between two updates. The gradient of an update is the mean over its samples: each batch adds its own, times its
 * samples over `expected`, and where that becomes less on the way what was added before is scaled up. */
typedef struct s4d_group {
    int computed;          /* batches that hold samples */
    int64_t samples, skipped;
    int64_t expected;      /* samples of the update, without those found unreadable so far */
    int64_t scaled_by;     /* what `expected` was when gradients were added last */
    double data_ms, compute_ms;
    bool begun, dropped;   /* dropped: a loss or gradient of it is not finite, and the update is left out */
} s4d_group;

/* Sums of an epoch, for the line people read. */
typedef struct s4d_epoch_sums {
    double loss[2], data_ms, compute_ms;
    int64_t batches[2], samples, skipped[2];
} s4d_epoch_sums;

/* A batch, and the update after it if there was one, whose results are still to be read (turn.c). */
typedef struct s4d_turn {
    bool waits, updated;
    s4d_batch batch;       /* index, modality, count and sample are good */
    uint32_t *sample;      /* [room] the batch's own */
    int room;
    s4d_position at;       /* step: updates done before this one */
    double rescale, scale; /* of the losses: of the batches before, of this one */
    double rescale_after;  /* of all, before the update */
    s4d_group group;       /* of the update */
    double rate;
} s4d_turn;

typedef struct s4d_session {
    const s4d_run_opts *o;
    s4d_manifest train[2], val[2], test[2]; /* by modality; empty where the set has no such list */
    char print[2][24];              /* fingerprints of the training lists, in hexadecimal; "" where there is none */
    s4d_str leak[2][2];             /* what the set's validation and test list share with others, as JSON (leakage.h); "" without */
    s4d_str leakage;                /* all of these, as a JSON array */
    s4d_manifest held;              /* out of training, to select by; empty unless train.select asks for it */
    s4d_engine engine;
    s4d_loader_set set[2];
    s4d_loader *loader;
    s4d_optim optim;
    s4d_schedule schedule;
    s4d_lock *lock;        /* of the run folder; NULL until it is there */
    s4d_appender *log;
    s4d_position at;
    s4d_group group;
    s4d_epoch_sums sums;
    s4d_turn turn[S4D_SLOTS];
    int slot;              /* the next turn's */
    s4d_step_result settled; /* sums of the settled batches of an update */
    double best;   /* of the epochs seen, by train.select_by; -1: none yet */
    s4d_position best_at;
    bool averaged_before; /* the checkpoint that was read has an average */
    int dropped_in_a_row; /* updates left out since the last one, as not finite */
    int64_t log_lines, log_lost; /* lines of metrics.jsonl that the checkpoint has seen, and how many of them are gone */
    char resumed[S4D_PATH_MAX]; /* the run folder that this one goes on from; "": none */
    bool finishing;       /* the weights are those that are kept */
    int64_t saved; /* step of the newest checkpoint, -1: there is none */
} s4d_session;

/* Reads lists, builds model, loader and optimiser, allocates; creates no file. Weights are drawn from the seed. */
s4d_status s4d_session_open(s4d_session *s, const s4d_run_opts *o, s4d_err *err);
void s4d_session_close(s4d_session *s);
/* Creates or resumes the folder, trains to the end, leaves model.safetensors and results. */
s4d_status s4d_session_run(s4d_session *s, s4d_err *err);

/* ---- steps (turn.c) ---- */

/* One batch into the group at hand, and the update when the group is full. Results of the turn before are read then, on
 * devices that work behind our back; else, and where a batch that is not finite is only left out, those of this turn. */
s4d_status s4d_turn_take(s4d_session *s, const s4d_batch *batch, s4d_err *err);
/* Reads what is still to be read: before weights are used for anything else. */
s4d_status s4d_turn_settle_all(s4d_session *s, s4d_err *err);

/* Evaluates one list of a set and, where result->place is given, writes OUTPUT/SET + place/{metrics.json,pred.csv}. head: the class
 * names of the model's outputs. */
typedef struct s4d_head_classes {
    int count;
    char name[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
} s4d_head_classes;
/* map[c]: the model's output for class c of the set. Classes go by name; S4D_USAGE where they are not the model's. */
s4d_status s4d_evaluate_map(const s4d_manifest *m, const s4d_head_classes *head, const char *set, int map[S4D_MAX_CLASSES],
                            s4d_err *err);
s4d_status s4d_evaluate_set(s4d_engine *engine, s4d_modality modality, const s4d_manifest *manifest,
                            const s4d_head_classes *head, s4d_result *result, s4d_err *err);

/* ---- the epoch that is kept (select.c) ---- */

/* Of which modality's metrics the selection is made. */
s4d_modality s4d_select_modality(const s4d_session *s);
/* Moves a share of each class, drawn from the seed, from train to *out, which then owns those samples. Samples of one person
 * or of one file stay together. S4D_USAGE where nothing can be held out. */
s4d_status s4d_select_hold_out(s4d_manifest *train, double share, uint64_t seed, s4d_manifest *out, s4d_err *err);
/* Keeps the weights in OUTPUT/best.safetensors where they are the best so far. */
s4d_status s4d_select_consider(s4d_session *s, const s4d_metrics *m, s4d_err *err);
/* After a resume: the best so far must be at hand, here or in the run that this one goes on from, whence it is copied. Where
 * it is not, the best is looked for anew from here on, which is told. */
s4d_status s4d_select_recall(s4d_session *s, s4d_err *err);
/* Takes the best weights and their place in the run; nothing where the last epoch is kept. */
s4d_status s4d_select_take(s4d_session *s, s4d_err *err);
/* The rule in words, for results. */
void s4d_select_text(const s4d_session *s, char text[S4D_SELECTION_TEXT]);

/* ---- checkpoints (checkpoint.c) ---- */

/* What a file of weights is. */
typedef struct s4d_model_about {
    const s4d_position *at;
    const char *selection; /* how it was selected, in words; NULL: it is of a run under way */
    const char *leakage;   /* what its lists share, as a JSON array; NULL: not known */
    bool averaged;         /* the moving average instead of the weights */
} s4d_model_about;
/* PATH: weights with the published names; config, stage and class names in the metadata. */
s4d_status s4d_checkpoint_write_model(const s4d_engine *e, const s4d_model_about *about, const char *path, s4d_err *err);
/* OUTPUT/checkpoints/step-N/{model,state}.safetensors, and average.safetensors with train.ema, written as .tmp-N and put in
 * place by one rename; of older ones train.keep_checkpoints - 1 stay. */
s4d_status s4d_checkpoint_save(s4d_session *s, s4d_err *err);
/* Removes all of them, whole, damaged and unfinished ones, and leaves what else is beside them. */
s4d_status s4d_checkpoint_clear(const char *run, s4d_err *err);
/* Names of the checkpoints in RUN/checkpoints, oldest first. */
s4d_status s4d_checkpoint_list(const char *run, s4d_strlist *out, s4d_err *err);
/* Loads the newest whole checkpoint of the run folder, or the one resume_from names, if there is one and the settings agree;
 * writes nothing. */
s4d_status s4d_checkpoint_resume(s4d_session *s, s4d_err *err);
/* Checkpoints later than the one that was read could not be read: they are renamed to damaged-step-N. */
s4d_status s4d_checkpoint_set_aside(const s4d_session *s, s4d_err *err);
/* A run's start from what run->init names, weights of any program: the whole encoder must be there. In fine-tuning heads are
 * kept where class names agree, in pre-training the decoder where it is of this size; the rest begins anew (begin.c). */
s4d_status s4d_checkpoint_init(s4d_engine *e, s4d_err *err);
/* A fine-tuned model for evaluation: every weight must be there. Tells its heads' classes. */
s4d_status s4d_checkpoint_heads(const char *path, s4d_head_classes head[2], s4d_err *err);
/* A text of its metadata: "config", the resolved config it was trained with, or "s4d.selection"; nothing is added where the
 * file does not say. */
s4d_status s4d_checkpoint_text(const char *path, const char *key, s4d_str *out, s4d_err *err);
s4d_status s4d_checkpoint_load(s4d_engine *e, const char *path, s4d_err *err);

/* ---- between restore.c and begin.c ---- */

/* A tensor of a file, for sentences. */
typedef struct s4d_restored {
    const char *name;
    int rank;
    const int64_t *dim; /* the first S4D_MAX_RANK */
} s4d_restored;

bool s4d_restore_same_shape(int rank, const int64_t *dim, const s4d_param *p);
s4d_status s4d_restore_wrong_shape(const char *path, const s4d_restored *r, const s4d_param *p, s4d_err *err);
/* Room for the largest parameter. */
s4d_status s4d_restore_room(const s4d_engine *e, float **value, s4d_err *err);

#endif
