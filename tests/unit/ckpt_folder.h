/* A folder of the test's own, and the file in it. CKPT_FILE, defined before, names the file. */
#ifndef S4D_TESTS_CKPT_FOLDER_H
#define S4D_TESTS_CKPT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"

static char root[64], path[S4D_PATH_MAX];

static inline int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-ckpt-XXXXXX");
    if (!mkdtemp(root)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/" CKPT_FILE, root);
    return 0;
}

static inline int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

#endif
