/* From a JSON file and --set to the option structs, by one table of fields (fields.c). */
#ifndef S4D_CONFIG_CONFIG_H
#define S4D_CONFIG_CONFIG_H

#include "s4d/base/str.h"
#include "s4d/train/options.h"

typedef struct s4d_config {
    s4d_run_opts run;
    char *resolved; /* every key with its value in use, as JSON text; run.resolved points to it */
} s4d_config;

/* Reads FILE (NULL: an empty one, so that stage must be among the overrides), applies the overrides ("a.b=c") in order, fills in
 * the defaults of the stage, checks types, ranges and what must fit together. All errors carry S4D_USAGE, name file, dotted key and remedy. output overrides "output" unless NULL. */
s4d_status s4d_config_load(const char *path, const char *const *set, int sets, const char *output,
                           s4d_config *out, s4d_err *err);
void s4d_config_release(s4d_config *config);

/* The JSON Schema (draft 2020-12) of a config, from the same table. */
void s4d_config_schema(s4d_str *out);

#endif
