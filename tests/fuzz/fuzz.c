/* What the targets share. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "s4d/base/log.h"

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        s4d_log_set_level(S4D_LOG_SILENT);
    }
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size) {
        perror("fuzz");
        exit(1);
    }
    return path;
}

void fuzz_outcome(s4d_status status, const s4d_err *err)
{
    if ((status == S4D_OK) != (err->text[0] == '\0')) {
        fprintf(stderr, "status %d with the sentence \"%s\"\n", (int)status, err->text);
        abort();
    }
}
