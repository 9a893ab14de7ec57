/* What may be meant by a path of a list that is not there. */
#ifndef S4D_DATA_HINT_H
#define S4D_DATA_HINT_H

#include <stdbool.h>

#include "s4d/base/file.h"

enum { S4D_HINT_MAX = 400 };

struct s4d_store;

/* Looks for `path` below `root`, where it is not, written in other ways that are in use: without quotes and characters that are
 * not seen, slashes for backslashes, without "file://" or another machine's folders in front, in the other Unicode form, other
 * capitals, another ending or other zeros in front of a number, in the encoding that the list may have; and as it stands below
 * the folders around and right inside root. `out` is a part of a sentence, such as "with slashes it is there: img/a.png". False:
 * nothing is found, and it tells what the path is where that shows, such as a network address, or is "". A few folders are
 * read. */
bool s4d_path_hint(const struct s4d_store *store, const char *root, const char *path, char out[S4D_HINT_MAX]);

#endif
