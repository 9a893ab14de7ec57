/* What the targets share. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "s4d/base/file.h"
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

static char folder[64];

static void remove_folder(void)
{
    s4d_dir_remove(folder, NULL);
}

const char *fuzz_path(const char *name)
{
    static char path[S4D_PATH_MAX];
    if (!folder[0]) {
        strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/s4d-fuzz-XXXXXX" : "/tmp/s4d-fuzz-XXXXXX");
        if (!mkdtemp(folder) || atexit(remove_folder) != 0) {
            perror("fuzz");
            exit(1);
        }
        s4d_log_set_level(S4D_LOG_SILENT);
    }
    snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name);
    return path;
}

void fuzz_put(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

void fuzz_outcome(s4d_status status, const s4d_err *err)
{
    if ((status == S4D_OK) != (err->text[0] == '\0')) {
        fprintf(stderr, "status %d with the sentence \"%s\"\n", (int)status, err->text);
        abort();
    }
}
