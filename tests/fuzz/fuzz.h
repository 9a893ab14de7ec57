/* A fuzz target reads foreign bytes as the program would and must come back: with a result, or with one sentence. Each
 * is built for libFuzzer (-DS4D_FUZZ=ON, clang) and as a program that replays files (replay.c). */
#ifndef S4D_TESTS_FUZZ_H
#define S4D_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes; the path is good until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* The path of a file in a folder that is removed when the program ends; "" names the folder. Good until the next call. */
const char *fuzz_path(const char *name);
/* Written in place: a rename of each would be slow. */
void fuzz_put(const char *path, const uint8_t *data, size_t size);
/* Ends the program unless the outcome is a result, or a failure with a sentence. */
void fuzz_outcome(s4d_status status, const s4d_err *err);

#endif
