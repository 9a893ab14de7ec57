/* Shared by the files that look for what a path means. Private to data. */
#ifndef S4D_DATA_HINT_PRIVATE_H
#define S4D_DATA_HINT_PRIVATE_H

#include "s4d/data/hint.h"
#include "s4d/data/pack.h"

/* A path in the making, and what was done to it. */
typedef struct hint {
    const s4d_store *store;
    const char *root;
    char path[S4D_PATH_MAX];
    char how[160];             /* "with slashes and without its quotes" */
    char found[S4D_PATH_MAX];  /* below the root */
} hint;

/* Adds to `how`. */
void hint_note(hint *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Brings the path to the plainest spelling. *remote: it is an address on a network. */
void hint_spell(hint *h, bool *remote);
/* Looks for the path, for its end without folders in front, and for names that look alike. */
bool hint_look(hint *h);
/* The path as it stands below a folder around the root or right inside it: that folder. */
bool hint_root(const hint *h, char folder[S4D_PATH_MAX]);
/* Looks for the path read in another encoding, or with names on disk in another encoding. */
bool hint_decode(hint *h);

#endif
