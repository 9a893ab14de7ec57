/* Tests of the emulator: each runs in a process of its own, so that one may poison the card or be ended by the emulator. */
#ifndef S4D_EMULATOR_TEST_H
#define S4D_EMULATOR_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct test {
    const char *name;
    void (*run)(void);
    const char *last_words; /* NULL: it ends well; else the program is aborted with these words */
} test;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define GOOD(call) CHECK((call) == cudaSuccess)
#define GIVES(status, call) CHECK((call) == (status))

extern const test block_tests[], memory_tests[], stream_tests[], capture_tests[], failure_tests[], product_tests[];

#endif
