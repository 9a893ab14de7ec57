/* A JSON file of a run folder, read key by key; the first fault stays. */
#include <string.h>

#include "report/results.h"

enum { DOC_LIMIT = 64 << 20 };

s4d_status s4d_doc_open(s4d_doc *d, const char *folder, const char *name, s4d_err *err)
{
    s4d_bytes text = {0};
    *d = (s4d_doc){.err = err};
    d->status = s4d_path_join(d->path, folder, name, err);
    if (d->status == S4D_OK && !s4d_path_exists(d->path))
        d->status = s4d_err_set(err, S4D_FAILED, "%s: there is no such file; \"s4d finetune\" and \"s4d eval\" leave it in "
                                                 "their run folders", d->path);
    if (d->status == S4D_OK) d->status = s4d_file_read(d->path, DOC_LIMIT, &text, err);
    if (d->status == S4D_OK && s4d_json_parse((const char *)text.data, text.size, d->path, &d->root, err) != S4D_OK)
        d->status = S4D_FAILED; /* it is no config of the user's */
    if (d->status == S4D_OK && s4d_json_kind_of(d->root) != S4D_JSON_OBJECT)
        d->status = s4d_err_set(err, S4D_FAILED, "%s: expected an object, got %s; evaluate again", d->path,
                                s4d_json_kind_name(s4d_json_kind_of(d->root)));
    s4d_bytes_release(&text);
    if (d->status != S4D_OK && err) err->status = d->status;
    return d->status;
}

void s4d_doc_close(s4d_doc *d)
{
    s4d_json_destroy(&d->root);
}

const s4d_json *s4d_doc_find(const s4d_doc *d, const char *key)
{
    const s4d_json *node = d->root;
    while (node) {
        char part[64];
        size_t size = strcspn(key, ".");
        S4D_BUG_IF(size >= sizeof part);
        memcpy(part, key, size);
        part[size] = '\0';
        node = s4d_json_kind_of(node) == S4D_JSON_OBJECT ? s4d_json_find(node, part) : NULL;
        if (!key[size]) break;
        key += size + 1;
    }
    return node;
}

const s4d_json *s4d_doc_node(s4d_doc *d, const char *key, s4d_json_kind kind)
{
    if (d->status != S4D_OK) return NULL;
    const s4d_json *node = s4d_doc_find(d, key);
    if (node && s4d_json_kind_of(node) == kind) return node;
    d->status = s4d_err_set(d->err, S4D_FAILED, "%s: %s: expected %s, got %s; evaluate again with this s4d", d->path, key,
                            s4d_json_kind_name(kind), node ? s4d_json_kind_name(s4d_json_kind_of(node)) : "nothing");
    return NULL;
}

int64_t s4d_doc_count(s4d_doc *d, const char *key)
{
    int64_t value = 0;
    const s4d_json *node = s4d_doc_node(d, key, S4D_JSON_NUMBER);
    if (node && (!s4d_json_integer(node, &value) || value < 0 || value > INT32_MAX)) {
        d->status = s4d_err_set(d->err, S4D_FAILED, "%s: %s: expected a whole number from 0 to %d, got %g; evaluate again",
                                d->path, key, INT32_MAX, s4d_json_number(node));
        value = 0;
    }
    return value;
}

double s4d_doc_number(s4d_doc *d, const char *key)
{
    const s4d_json *node = s4d_doc_node(d, key, S4D_JSON_NUMBER);
    return node ? s4d_json_number(node) : 0;
}

bool s4d_doc_bool(s4d_doc *d, const char *key)
{
    const s4d_json *node = s4d_doc_node(d, key, S4D_JSON_BOOL);
    return node && s4d_json_bool(node);
}

const char *s4d_doc_text(s4d_doc *d, const char *key)
{
    const s4d_json *node = s4d_doc_node(d, key, S4D_JSON_STRING);
    return node ? s4d_json_string(node) : "";
}
