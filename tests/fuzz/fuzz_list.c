/* Lists of every format, and manifests. The first byte chooses. */
#include <string.h>

#include "fuzz.h"
#include "s4d/data/manifest.h"
#include "s4d/data/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const classes[] = {"anger", "fear", "happiness"};
    s4d_set_opts o = {.root = "/", .class_count = 3, .suffix = ".png", .zero_pad = 3};
    s4d_manifest m = {0};
    s4d_table t = {0};
    s4d_err err = {0};
    if (size == 0) {
        return 0;
    }
    const char *path = fuzz_file(data + 1, size - 1);
    o.format = (s4d_list_format)(data[0] & 3);
    o.fold = data[0] >> 2 & 3;
    o.class_count = data[0] & 16 ? 0 : 3;
    for (int i = 0; i < o.class_count; i++) {
        strcpy(o.classes[i], classes[i]);
    }
    strcpy(o.train, path);
    strcpy(o.test, path);
    s4d_status status = s4d_manifest_read(&o, data[0] & 32 ? S4D_LIST_TEST : S4D_LIST_TRAIN, S4D_BAD_SKIP, &m, &err);
    fuzz_outcome(status, &err);
    s4d_manifest_release(&m);
    err = (s4d_err){0};
    status = s4d_table_read(path, &t, &err);
    fuzz_outcome(status, &err);
    s4d_table_release(&t);
    return 0;
}
