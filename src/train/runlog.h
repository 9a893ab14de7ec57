/* What a run leaves behind while it goes on: its folder, metrics.jsonl, results of evaluations. Private to src/train. */
#ifndef S4D_TRAIN_RUNLOG_H
#define S4D_TRAIN_RUNLOG_H

#include "s4d/base/file.h"
#include "s4d/base/lock.h"
#include "s4d/data/manifest.h"
#include "s4d/train/metrics.h"
#include "s4d/train/options.h"
#include "train/engine.h"

/* Refuses a folder that holds anything unless o->resume or o->overwrite; overwrite removes only what looks like a run
 * and nothing that this one reads. A folder that is there is locked, and refused where another process has it; one that is not
 * is neither made nor locked (*lock NULL): s4d_folder_create does that, and writes config.resolved.json. A link stands for the
 * folder it leads to. may_resume: the command has --resume. The caller releases the lock. */
s4d_status s4d_folder_take(const s4d_run_opts *o, bool may_resume, s4d_lock **lock, s4d_err *err);
s4d_status s4d_folder_create(const s4d_run_opts *o, s4d_lock **lock, s4d_err *err);

/* One step's line of metrics.jsonl. */
typedef struct s4d_step_line {
    int64_t step; /* from 1 */
    int epoch;    /* from 1 */
    const char *modality; /* "image" or "video" */
    double lr, grad_norm;
    const s4d_step_result *result;
    int experts;  /* 0: no balance, load and dropped */
    double data_ms, compute_ms;
    int64_t samples, skipped;
} s4d_step_line;
s4d_status s4d_runlog_step(s4d_appender *log, const s4d_step_line *line, s4d_err *err);

/* An update that was left out: a line with "event": "not_finite" and the samples' ids. step: updates done before it. */
s4d_status s4d_runlog_not_finite(s4d_appender *log, const char *what, const s4d_batch *batch, const s4d_manifest *manifest,
                                 int epoch, int64_t step, s4d_err *err);

/* Keeps the first `lines` whole lines of a log, or as many as there are: *found. No file is a log without lines. */
s4d_status s4d_runlog_cut(const char *path, int64_t lines, int64_t *found, s4d_err *err);
/* Lines that are gone: a line with "event": "lines_lost". step: of the checkpoint that had seen them. */
s4d_status s4d_runlog_lost(s4d_appender *log, int64_t lines, int64_t step, s4d_err *err);

/* An evaluation of one set. */
typedef struct s4d_result {
    const s4d_set_opts *set;
    s4d_modality modality;
    const char *split, *checkpoint; /* split: "test", "val" or "held_out" */
    const char *place;    /* behind the set's name, the folder of the results: "", S4D_PLACE_VAL or S4D_PLACE_LAST; NULL: none is written */
    const char *device;    /* in words */
    const char *selection; /* how the model was selected, in words; NULL: not known */
    const char *leakage;  /* what the list shares with others, a JSON object; NULL: not known */
    const char *trained;  /* the resolved config of the training, as JSON; NULL: not known */
    const char (*classes)[S4D_CLASS_NAME_MAX];
    int64_t missing;      /* samples that could not be read */
    bool drawn;           /* one clip a video instead of the views */
    const s4d_eval_opts *views;
    s4d_metrics metrics;
} s4d_result;
/* What a split is called: "test", "validation", "held-out samples". */
const char *s4d_split_words(const char *split);
/* The evaluation's line of metrics.jsonl. */
s4d_status s4d_runlog_result(s4d_appender *log, const s4d_result *r, int epoch, int64_t step, s4d_err *err);
/* FOLDER/metrics.json */
s4d_status s4d_result_write(const char *folder, const s4d_result *r, s4d_err *err);

#endif
