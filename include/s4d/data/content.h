/* What lies behind a sample's path, whatever the path is called: to find one file, or one content, in two lists. */
#ifndef S4D_DATA_CONTENT_H
#define S4D_DATA_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"

struct s4d_store;

/* Two paths of one file or folder (by links, by other spellings) have equal marks. Of a path where nothing is: its own. */
void s4d_content_mark(const struct s4d_store *store, const char *path, uint64_t mark[2]);

/* What can only differ between different contents, found without reading them: `bytes` of a file, or of the `images` of a folder
 * together. */
typedef struct s4d_content_size {
    uint64_t bytes, images; /* images: 0 of a file */
} s4d_content_size;
s4d_status s4d_content_measure(const struct s4d_store *store, const char *path, s4d_content_size *out, s4d_err *err);

/* XXH3-128 of a file's bytes, or of the images in a folder in their natural order, whatever their names. */
s4d_status s4d_content_hash(const struct s4d_store *store, const char *path, uint64_t hash[2], s4d_err *err);

/* As text, in a manifest's column "content". */
enum { S4D_CONTENT_DIGITS = 32 };
void s4d_content_print(const uint64_t hash[2], char text[S4D_CONTENT_DIGITS + 1]);
bool s4d_content_parse(const char *text, uint64_t hash[2]);

#endif
