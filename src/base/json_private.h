/* What the JSON files of base share. */
#ifndef S4D_BASE_JSON_PRIVATE_H
#define S4D_BASE_JSON_PRIVATE_H

#include <stddef.h>

#include "s4d/base/err.h"

enum { JSON_DEPTH = 64 }; /* objects and arrays inside one another */

/* Whether text is JSON that cJSON reads the same way; the sentence names origin and line. */
s4d_status s4d_json_scan(const char *text, size_t size, const char *origin, s4d_err *err);

#endif
