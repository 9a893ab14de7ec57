/* A folder of small files of weights, beside which the fuzzed file is put. */
#ifndef S4D_TESTS_FUZZ_FOLDER_H
#define S4D_TESTS_FUZZ_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/ckpt/safetensors.h"

static char fuzz_root[64];

static inline void fuzz_folder_remove(void)
{
    s4d_dir_remove(fuzz_root, NULL);
}

/* The path of a file in the folder; the folder is made at the first call and removed at the end. */
static inline const char *fuzz_path(const char *name)
{
    static char path[S4D_PATH_MAX];
    if (!fuzz_root[0]) {
        strcpy(fuzz_root, "/tmp/s4d-fuzz-XXXXXX");
        if (!mkdtemp(fuzz_root)) {
            perror("fuzz");
            exit(1);
        }
        atexit(fuzz_folder_remove);
        s4d_log_set_level(S4D_LOG_SILENT);
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_root, name);
    return path;
}

/* Written in place: a rename of each would be slow. */
static inline void fuzz_put(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror("fuzz");
        exit(1);
    }
}

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
