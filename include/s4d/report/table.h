/* Tables of results: UAR, WAR and recalls of run folders, with intervals and the protocol in words. */
#ifndef S4D_REPORT_TABLE_H
#define S4D_REPORT_TABLE_H

#include <stdbool.h>

#include "s4d/base/err.h"
#include "s4d/base/str.h"

typedef enum s4d_report_format { S4D_REPORT_MARKDOWN, S4D_REPORT_CSV, S4D_REPORT_LATEX } s4d_report_format;

typedef struct s4d_report_opts {
    const char *const *run; /* run folders of finetune or eval, or folders that hold fold-1, fold-2, ... of them */
    int runs;
    s4d_report_format format;
    bool against_paper; /* put the published numbers beside */
} s4d_report_opts;

/* Adds the whole table to out, or nothing: S4D_FAILED names the file that is missing, broken or disagrees with another
 * (pred.csv is held against metrics.json). Runs are told apart by set, modality and class names; a folder of folds is
 * one row a fold and their mean. The columns of csv stand in s4d_report_csv_columns. */
s4d_status s4d_report_table(const s4d_report_opts *opts, s4d_str *out, s4d_err *err);
extern const char s4d_report_csv_columns[];

#endif
