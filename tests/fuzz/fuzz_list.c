/* Lists of every format, manifests, foreign lists and the names of columns, paths and classes in them. The first byte chooses. */
#include <string.h>

#include "fuzz.h"
#include "s4d/base/mem.h"
#include "s4d/data/hint.h"
#include "s4d/data/list.h"
#include "s4d/data/manifest.h"
#include "s4d/data/table.h"

static void read_set(const uint8_t *data, const char *path)
{
    static const char *const classes[] = {"anger", "fear", "happiness"};
    s4d_set_opts o = {.root = "/", .class_count = 3, .suffix = ".png", .zero_pad = 3};
    s4d_manifest m = {0};
    s4d_err err = {0};
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
}

static void read_table(const char *path)
{
    s4d_table t = {0};
    s4d_err err = {0};
    s4d_status status = s4d_table_read(path, &t, &err);
    fuzz_outcome(status, &err);
    s4d_table_release(&t);
}

/* One record after the other, cut in every way, with what its fields may be. */
static void cut(const uint8_t *data, size_t size, s4d_list_cut how, bool hints)
{
    s4d_list list;
    s4d_record r;
    s4d_err err = {0};
    s4d_bytes text = {.data = s4d_mem_alloc(size + 1, 1), .size = size};
    if (!text.data) {
        return;
    }
    memcpy(text.data, data, size);
    s4d_status status = s4d_list_take(&text, &list, &err);
    fuzz_outcome(status, &err);
    if (status == S4D_OK) {
        s4d_list_headed(&list);
        s4d_list_begin(&list, how);
    }
    for (int n = 0; status == S4D_OK && s4d_list_next(&list, &r); n++) {
        s4d_heads heads;
        char name[S4D_CLASS_NAME_MAX], hint[S4D_HINT_MAX];
        if (n < 2) {
            err = (s4d_err){0};
            fuzz_outcome(s4d_heads_read(&r, n == 0, &heads, &err), &err);
            if (hints) { /* which read folders, and so are slow */
                s4d_path_hint(NULL, "/proc/self/fdinfo", r.field[0], hint);
            }
        }
        s4d_list_misfit(&r);
        s4d_labels_canonical(r.field[1], name);
        s4d_labels_numeric(r.field[1]);
        s4d_str_alike(r.field[0], strlen(r.field[0]), r.field[1], strlen(r.field[1]));
    }
    s4d_list_release(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const char *path = fuzz_file(data + 1, size - 1);
    read_set(data, path);
    read_table(path);
    for (int how = S4D_CUT_LAST; how <= S4D_CUT_NONE; how++) {
        cut(data + 1, size - 1, (s4d_list_cut)how, (data[0] & 0xC0) == 0x40);
    }
    return 0;
}
