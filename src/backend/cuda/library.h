/* Shared libraries that are opened while the program runs, so that it starts where they are missing. Private to
 * src/backend/cuda. */
#ifndef S4D_BACKEND_CUDA_LIBRARY_H
#define S4D_BACKEND_CUDA_LIBRARY_H

#include "s4d/base/err.h"

/* Opens `stem` ("libcudnn.so.9"). Where the environment variable `env` is set, it names the file or its folder, and nothing
 * else is tried. Else, in this order: the folder S4D_CUDA_LIBRARY_DIR of the build, if there is one; the loader's own path;
 * the CUDA tree; the packages that pip and conda install. */
s4d_status s4d_cuda_library_open(const char *stem, const char *env, void **handle, s4d_err *err);
void s4d_cuda_library_close(void **handle); /* NULL accepted */

typedef struct s4d_cuda_symbol {
    const char *name;
    void *place; /* of the function pointer that is filled in */
} s4d_cuda_symbol;
/* Fills in all of them, or says which one `stem` lacks. */
s4d_status s4d_cuda_library_take(void *handle, const char *stem, const s4d_cuda_symbol *symbol, int n, s4d_err *err);

#endif
