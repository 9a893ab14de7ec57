/* Small files of weights, beside which the fuzzed file is put. */
#ifndef S4D_TESTS_FUZZ_FOLDER_H
#define S4D_TESTS_FUZZ_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "s4d/base/file.h"
#include "s4d/ckpt/safetensors.h"

typedef struct fuzz_tensor {
    const char *name;
    int64_t dim[S4D_MAX_RANK]; /* ends with 0 */
} fuzz_tensor;

/* At most 32 tensors of at most 4096 numbers, all zero. */
static inline void fuzz_put_tensors(const char *path, const fuzz_tensor *list, size_t n)
{
    static float zero[4096];
    s4d_safetensors_entry entry[32];
    for (size_t i = 0; i < n; i++) {
        int rank = 0;
        while (rank < S4D_MAX_RANK && list[i].dim[rank]) {
            rank++;
        }
        entry[i] =
            (s4d_safetensors_entry){list[i].name, s4d_tensor_of(S4D_F32, zero, rank, list[i].dim)};
    }
    if (s4d_safetensors_write(path, &(s4d_safetensors_contents){.entry = entry, .count = n},
                              NULL) != S4D_OK) {
        perror("fuzz");
        exit(1);
    }
}

#endif
