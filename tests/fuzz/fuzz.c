/* What the targets share. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

const char *fuzz_folder(void)
{
    char below[80];
    if (folder[0]) {
        return folder;
    }
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/s4d-fuzz-XXXXXX" : "/tmp/s4d-fuzz-XXXXXX");
    s4d_log_set_level(S4D_LOG_SILENT);
    if (!mkdtemp(folder) || atexit(remove_folder) != 0 || snprintf(below, sizeof below, "%s/set", folder) < 0 || mkdir(below, 0700) != 0) {
        perror("fuzz");
        exit(1);
    }
    return folder;
}

void fuzz_put(const char *in, const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", in, name);
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
