/* Writes safetensors files. The header is padded with spaces, so that the data begin at a multiple
 * of 8. */
#include <stdlib.h>
#include <string.h>

#include "s4d/base/file.h"
#include "s4d/base/json.h"
#include "s4d/base/mem.h"
#include "s4d/ckpt/safetensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors data are little-endian");

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the names and looks for one that stands twice. */
static s4d_status check_names(const char *path, const char **name, size_t n, s4d_err *err)
{
    qsort(name, n, sizeof *name, compare_names);
    for (size_t i = 0; i < n; i++) {
        if (!s4d_str_utf8(name[i])) {
            return s4d_err_set(err, S4D_FAILED, "%s: the name %s is not UTF-8; rename it", path,
                               name[i]);
        }
        if (i > 0 && strcmp(name[i - 1], name[i]) == 0) {
            return s4d_err_set(err, S4D_FAILED, "%s: %s is to be written twice; rename one", path,
                               name[i]);
        }
    }
    return S4D_OK;
}

static s4d_status check(const char *path, const s4d_safetensors_contents *contents, s4d_err *err)
{
    s4d_status status;
    size_t n = contents->count, m = contents->metadata_count, most = n > m ? n : m;
    const char **name = s4d_mem_alloc(most + 1, sizeof *name);
    if (!name) {
        return s4d_err_memory(err, (most + 1) * sizeof *name, path);
    }
    for (size_t i = 0; i < m; i++) {
        name[i] = contents->metadata[i].key;
    }
    status = check_names(path, name, m, err);
    if (status) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        const s4d_tensor *t = &contents->entry[i].tensor;
        S4D_BUG_IF(!s4d_tensor_given(t) || (!t->data && s4d_tensor_bytes(t) > 0));
        name[i] = contents->entry[i].name;
    }
    name[n] = "__metadata__"; /* taken by the format */
    status = check_names(path, name, n + 1, err);
done:
    s4d_mem_free(name);
    return status;
}

static void describe(s4d_json_writer *w, const s4d_safetensors_entry *entry, size_t *offset)
{
    const s4d_tensor *t = &entry->tensor;
    s4d_json_put_key(w, entry->name);
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "dtype");
    s4d_json_put_string(w, s4d_dtype_name(t->dtype));
    s4d_json_put_key(w, "shape");
    s4d_json_open(w, '[');
    for (int i = 0; i < t->rank; i++) {
        s4d_json_put_integer(w, t->dim[i]);
    }
    s4d_json_close(w, ']');
    s4d_json_put_key(w, "data_offsets");
    s4d_json_open(w, '[');
    s4d_json_put_integer(w, (int64_t)*offset);
    *offset += s4d_tensor_bytes(t);
    s4d_json_put_integer(w, (int64_t)*offset);
    s4d_json_close(w, ']');
    s4d_json_close(w, '}');
}

static void make_header(s4d_json_writer *w, const s4d_safetensors_contents *contents)
{
    s4d_json_open(w, '{');
    if (contents->metadata_count > 0) {
        s4d_json_put_key(w, "__metadata__");
        s4d_json_open(w, '{');
        for (size_t i = 0; i < contents->metadata_count; i++) {
            s4d_json_put_key(w, contents->metadata[i].key);
            s4d_json_put_string(w, contents->metadata[i].value);
        }
        s4d_json_close(w, '}');
    }
    size_t offset = 0;
    for (size_t i = 0; i < contents->count; i++) {
        describe(w, &contents->entry[i], &offset);
    }
    s4d_json_close(w, '}');
    while (w->out.size % 8 != 0 && !w->out.failed) {
        s4d_str_add(&w->out, " ");
    }
}

s4d_status s4d_safetensors_write(const char *path, const s4d_safetensors_contents *contents,
                                 s4d_err *err)
{
    s4d_json_writer header = {0};
    s4d_writer *w = NULL;
    s4d_status status = check(path, contents, err);
    if (status) {
        goto done;
    }
    make_header(&header, contents);
    if (header.out.failed) {
        status = s4d_err_memory(err, header.out.size, path);
        goto done;
    }
    status = s4d_writer_create(path, &w, err);
    uint64_t size = header.out.size;
    if (status == S4D_OK) {
        status = s4d_writer_write(w, &size, sizeof size, err);
    }
    if (status == S4D_OK) {
        status = s4d_writer_write(w, header.out.text, header.out.size, err);
    }
    for (size_t i = 0; i < contents->count && status == S4D_OK; i++) {
        const s4d_tensor *t = &contents->entry[i].tensor;
        status = s4d_writer_write(w, t->data, s4d_tensor_bytes(t), err);
    }
    if (status == S4D_OK) {
        status = s4d_writer_close(&w, err);
    }
done:
    s4d_writer_abort(&w);
    s4d_str_release(&header.out);
    return status;
}
