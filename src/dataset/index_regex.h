/* Regular expressions with named groups (PCRE2), for paths. Private to dataset.
 *
 * PCRE2 and not the C library's regcomp: groups have names there, and a match that would take for ever is given up. */
#ifndef S4D_DATASET_INDEX_REGEX_H
#define S4D_DATASET_INDEX_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "s4d/base/err.h"

typedef struct index_regex index_regex;

/* S4D_USAGE: the pattern is none, with the place; S4D_FAILED: no memory. NULL is left in *out then. */
s4d_status index_regex_create(const char *pattern, index_regex **out, s4d_err *err);
void index_regex_destroy(index_regex **r); /* NULL accepted */

bool index_regex_has(const index_regex *r, const char *group);
/* A named group that is none of the names, which end with NULL; NULL: there is none. Lives as long as r. */
const char *index_regex_other_group(const index_regex *r, const char *const *names);

typedef enum index_fit { INDEX_FITS, INDEX_FITS_NOT, INDEX_GIVEN_UP } index_fit;
/* Whether the pattern fits some part of the text. Bytes that are no UTF-8 fit nothing. */
index_fit index_regex_match(index_regex *r, const char *text);
/* A group of the last match, a part of its text; false: the pattern has none, or it took no part. */
bool index_regex_group(const index_regex *r, const char *group, const char **at, size_t *size);

#endif
