/* Strict JSON. The one owner of cJSON; refuses what cJSON lets pass: trailing text, duplicate keys,
 * comments, NaN, control characters in strings, nesting over 64. */
#ifndef S4D_BASE_JSON_H
#define S4D_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"
#include "s4d/base/str.h"

typedef enum s4d_json_kind {
    S4D_JSON_NULL,
    S4D_JSON_BOOL,
    S4D_JSON_NUMBER,
    S4D_JSON_STRING,
    S4D_JSON_ARRAY,
    S4D_JSON_OBJECT
} s4d_json_kind;

typedef struct cJSON s4d_json; /* a node; the root is also the document */

/* `origin` begins every sentence ("configs/a.json: line 3: ..."). Errors carry S4D_USAGE. A duplicate
 * key is named by its dotted path. Destroy the root with s4d_json_destroy. */
s4d_status s4d_json_parse(const char *text, size_t size, const char *origin, s4d_json **out, s4d_err *err);
void s4d_json_destroy(s4d_json **doc);

s4d_json_kind s4d_json_kind_of(const s4d_json *node);
const char *s4d_json_kind_name(s4d_json_kind kind); /* "a number", "an object", ... for sentences */
size_t s4d_json_count(const s4d_json *node);        /* members or elements, else 0 */
const s4d_json *s4d_json_at(const s4d_json *node, size_t i);
const s4d_json *s4d_json_next(const s4d_json *node); /* the next member or element, NULL after the last */
const char *s4d_json_key(const s4d_json *node);     /* the key this node stands under, NULL for elements */
const s4d_json *s4d_json_find(const s4d_json *object, const char *key); /* case-sensitive; NULL: absent */
bool s4d_json_bool(const s4d_json *node);
double s4d_json_number(const s4d_json *node);
bool s4d_json_integer(const s4d_json *node, int64_t *out); /* false: not a whole number within 2^53 */
const char *s4d_json_string(const s4d_json *node);

/* Sets the value at a dotted path in a document, making objects on the way, as --set does. The value is
 * JSON text; text that is not JSON counts as a string. */
s4d_status s4d_json_set(s4d_json *root, const char *dotted, const char *value, s4d_err *err);

/* A writer: commas, quotes and escapes come by themselves. Zeroed = ready; not-finite numbers are a bug. */
typedef struct s4d_json_writer {
    s4d_str out;
    int depth, indent; /* indent 0: one line */
    bool item[64];     /* whether something stands at that depth already */
    bool after_key;
} s4d_json_writer;

void s4d_json_open(s4d_json_writer *w, char bracket);  /* '{' or '[' */
void s4d_json_close(s4d_json_writer *w, char bracket); /* '}' or ']' */
void s4d_json_put_key(s4d_json_writer *w, const char *key);
void s4d_json_put_string(s4d_json_writer *w, const char *text);
void s4d_json_put_number(s4d_json_writer *w, double value);  /* shortest form that reads back the same */
void s4d_json_put_integer(s4d_json_writer *w, int64_t value);
void s4d_json_put_bool(s4d_json_writer *w, bool value);
void s4d_json_put_node(s4d_json_writer *w, const s4d_json *node); /* a parsed node, as it is */

#endif
