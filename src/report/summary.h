/* From outcomes to the rows of a table. Private to src/report. */
#ifndef S4D_REPORT_SUMMARY_H
#define S4D_REPORT_SUMMARY_H

#include "report/results.h"

/* ---- intervals (bootstrap.c) ---- */

enum { S4D_RESAMPLES = 2000, S4D_RESAMPLE_SEED = 1 };

typedef struct s4d_interval {
    double low, high;
} s4d_interval;

/* Fills o->resampled: UAR and WAR of S4D_RESAMPLES sets of as many test samples, drawn with replacement. A draw depends on
 * the fold's number and the resample's, nothing else. S4D_INTERRUPTED and S4D_TERMINATED after a signal. */
s4d_status s4d_resample(s4d_outcome *o, s4d_err *err);
/* The 2.5% and 97.5% quantiles of the means over n outcomes, each resampled for itself; between two order statistics the
 * quantile is interpolated. out: of UAR, of WAR. */
s4d_status s4d_intervals_of(const s4d_outcome *o, size_t n, s4d_interval out[2], s4d_err *err);

/* ---- rows (summary.c) ---- */

typedef struct s4d_value {
    double mean, deviation; /* deviation: of the sample, divided by n - 1; 0 where n < 2 */
    int64_t n;              /* folds it is over; of recalls: folds with such a test sample */
} s4d_value;
s4d_value s4d_value_of(const double *x, size_t n);

typedef struct s4d_row {
    const s4d_entry *entry;
    bool mean;       /* over the folds of the entry */
    char number[24]; /* of the fold, "" where there is none */
    bool alike; /* folds of one protocol */
    const char *protocol; /* of a mean: the first fold's, or that they differ */
    s4d_value uar, war;
    s4d_interval interval[2]; /* UAR, WAR */
    int64_t samples, missing;
    s4d_value *recall; /* [classes], by the order of the table */
    int64_t *support;  /* [classes] */
} s4d_row;

/* Rows of the same set, split, modality and classes. */
typedef struct s4d_sheet {
    const s4d_outcome *like; /* has that set, split, modality and order of classes */
    s4d_row *row;
    size_t rows;
} s4d_sheet;

/* The rows of r's entries that are like entry `first`. */
s4d_status s4d_sheet_make(const s4d_results *r, size_t first, s4d_sheet *out, s4d_err *err);
void s4d_sheet_release(s4d_sheet *t);
/* Of the same set, split, modality and class names: what one table may hold. */
bool s4d_outcomes_alike(const s4d_outcome *a, const s4d_outcome *b);

/* ---- published numbers (published.c) ---- */

typedef struct s4d_published {
    const char *set;
    size_t classes;
    double uar[2], war[2]; /* percent: of S4D, of the baseline */
} s4d_published;
extern const char *const s4d_published_name[2];
extern const char s4d_published_source[];
/* NULL: no published number for that set. */
const s4d_published *s4d_published_find(const s4d_outcome *o);

/* ---- output ---- */

/* A grid of texts: the first `columns` cells are the head. */
typedef struct s4d_grid {
    size_t columns, left; /* the first `left` columns are aligned to the left */
    s4d_strlist cell;
    bool failed;
} s4d_grid;
void s4d_grid_add(s4d_grid *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
void s4d_grid_release(s4d_grid *g);

/* One set: a title, two grids, remarks. */
typedef struct s4d_page {
    s4d_str title;
    s4d_grid figures, recalls;
    s4d_strlist remark;
} s4d_page;
void s4d_page_markdown(s4d_str *out, const s4d_page *p);
void s4d_page_latex(s4d_str *out, const s4d_page *p);
/* The rows of the flat table. */
void s4d_sheet_csv(s4d_str *out, const s4d_sheet *t, bool against_paper);

#endif
