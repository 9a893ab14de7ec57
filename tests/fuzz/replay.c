/* Gives every file of the named folders and every named file to the target; how many is told. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "s4d/base/file.h"

static long replay(const char *path)
{
    s4d_err err = {0};
    s4d_strlist names = {0};
    s4d_bytes bytes = {0};
    char below[S4D_PATH_MAX];
    long n = 0;
    if (s4d_path_is_dir(path)) {
        if (s4d_dir_list(path, &names, &err) != S4D_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        for (size_t i = 0; i < names.count; i++) {
            if (s4d_path_join(below, path, names.item[i], NULL) == S4D_OK) {
                n += replay(below);
            }
        }
        s4d_strlist_release(&names);
        return n;
    }
    if (s4d_file_read(path, 0, &bytes, &err) != S4D_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    LLVMFuzzerTestOneInput(bytes.data, bytes.size);
    s4d_bytes_release(&bytes);
    return 1;
}

int main(int argc, char **argv)
{
    long n = 0;
    for (int i = 1; i < argc; i++) {
        n += replay(argv[i]);
    }
    printf("%ld files replayed\n", n);
    return n > 0 ? 0 : 1;
}
