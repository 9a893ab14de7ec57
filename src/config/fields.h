/* The table of settings. Private to src/config. */
#ifndef S4D_CONFIG_FIELDS_H
#define S4D_CONFIG_FIELDS_H

#include <stddef.h>

#include "s4d/base/json.h"
#include "s4d/train/options.h"

typedef enum s4d_field_kind {
    S4D_FIELD_INT,     /* int */
    S4D_FIELD_INT64,   /* int64_t */
    S4D_FIELD_NUMBER,  /* double */
    S4D_FIELD_BOOL,    /* bool */
    S4D_FIELD_STRING,  /* char[size] */
    S4D_FIELD_CHOICE,  /* enum: the place among `choices` */
    S4D_FIELD_PAIR,    /* double[2], rising */
    S4D_FIELD_LAYERS,  /* moae.layers and its count */
    S4D_FIELD_CLASSES  /* a set's classes and their count */
} s4d_field_kind;

typedef struct s4d_field {
    const char *path; /* dotted */
    s4d_field_kind kind;
    size_t offset;    /* within s4d_run_opts; of the set for S4D_FIELD_CLASSES */
    size_t size;      /* S4D_FIELD_STRING */
    double low, high; /* numbers, pairs, elements */
    const char *choices;     /* "one|two" */
    const char *defaults[2]; /* by stage, as JSON; NULL: none, the key must be given; "=F": F times model.img_size, rounded */
    const char *help;
} s4d_field;

#define S4D_RATE_MAX 1e3 /* of a learning rate, as given and as scaled */

extern const s4d_field s4d_fields[];
extern const size_t s4d_field_count;

/* The i-th of "one|two" into text, false past the end. */
bool s4d_field_choice(const s4d_field *f, int i, char text[32]);

/* Reads one value; errors begin with ORIGIN: PATH. */
s4d_status s4d_field_read(const s4d_field *f, const s4d_json *node, const char *origin, s4d_run_opts *o, s4d_err *err);
/* Writes the value in use. */
void s4d_field_write(const s4d_field *f, const s4d_run_opts *o, s4d_json_writer *w);
/* Whether a setting belongs to a set that this config does not have. */
bool s4d_field_is_absent(const s4d_field *f, const s4d_run_opts *o);

/* Rules between settings. */
s4d_status s4d_config_check(const s4d_run_opts *o, const char *origin, s4d_err *err);
/* Every setting in use as JSON text, freed by s4d_mem_free; NULL: no memory. */
char *s4d_config_resolve(const s4d_run_opts *o);

#endif
