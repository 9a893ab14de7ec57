/* pred.csv: id, label, pred and a probability for each class, by class names. */
#include <string.h>

#include "report/results.h"
#include "s4d/base/mem.h"

/* Bytes of the file that are not read yet; fields are taken in place. */
typedef struct reader {
    const char *path;
    char *at, *end;
    long line, next_line; /* of the row that is read, and behind the last field */
} reader;

/* A row is the fields id, label, pred and `more` others; the first three are kept. */
typedef struct row {
    char *id, *label, *pred;
} row;

static s4d_status fault(const reader *r, const char *what, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "%s: line %ld: %s; evaluate again", r->path, r->line, what);
}

/* Takes quotes away where there are any. *last: the line ends behind it. */
static s4d_status next_field(reader *r, char **field, bool *last, s4d_err *err)
{
    char *from = r->at, *to = r->at;
    *field = to;
    if (from < r->end && *from == '"') {
        for (++from;; *to++ = *from++) {
            if (from == r->end) return fault(r, "a quoted field does not end", err);
            if (*from == '\n') ++r->next_line;
            if (*from == '"' && *++from != '"') break;
        }
        if (*from == '\r' && from[1] == '\n') ++from;
        if (from < r->end && *from != ',' && *from != '\n') return fault(r, "text stands behind a closing quote", err);
    } else {
        while (from < r->end && *from != ',' && *from != '\n') *to++ = *from++;
        if (from < r->end && *from == '\n' && to > *field && to[-1] == '\r') --to;
    }
    *last = from == r->end || *from == '\n';
    if (from < r->end && *from == '\n') ++r->next_line;
    r->at = from < r->end ? from + 1 : from;
    *to = '\0';
    return S4D_OK;
}

static s4d_status wrong_count(const reader *r, const s4d_outcome *o, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "%s: line %ld: expected %zu fields: id, label, pred and the %zu classes of "
                                        "metrics.json; evaluate again", r->path, r->line, 3 + o->classes.count,
                       o->classes.count);
}

/* names: the header's classes are compared with those of the outcome. */
static s4d_status read_row(reader *r, const s4d_outcome *o, bool names, row *out, s4d_err *err)
{
    char *first[3] = {NULL}, *field;
    bool last = false;
    size_t fields = 3 + o->classes.count;
    r->line = r->next_line;
    for (size_t i = 0; i < fields; ++i) {
        s4d_status status = last ? wrong_count(r, o, err) : next_field(r, &field, &last, err);
        if (status != S4D_OK) return status;
        if (i > 0) field = (char *)s4d_str_csv_uncell(field);
        if (i < 3)
            first[i] = field;
        else if (names && strcmp(field, o->classes.item[i - 3]) != 0)
            return s4d_err_set(err, S4D_FAILED, "%s: column %zu is \"%.60s\", but that class is \"%.60s\" in metrics.json; "
                                                "evaluate again", r->path, i + 1, field, o->classes.item[i - 3]);
    }
    *out = (row){first[0], first[1], first[2]};
    return last ? S4D_OK : wrong_count(r, o, err);
}

static s4d_status find_class(const reader *r, const s4d_outcome *o, const char *name, int32_t *out, s4d_err *err)
{
    long found = s4d_strlist_find(&o->classes, name);
    if (found < 0)
        return s4d_err_set(err, S4D_FAILED, "%s: line %ld: \"%.60s\" is not a class of metrics.json; evaluate again", r->path,
                           r->line, name);
    *out = (int32_t)found;
    return S4D_OK;
}

static s4d_status read_rows(reader *r, s4d_outcome *o, s4d_err *err)
{
    row got;
    size_t room = 0;
    s4d_status status = read_row(r, o, true, &got, err);
    if (status == S4D_OK && (strcmp(got.id, "id") != 0 || strcmp(got.label, "label") != 0 || strcmp(got.pred, "pred") != 0))
        status = fault(r, "expected the columns id,label,pred", err);
    while (status == S4D_OK && r->at < r->end) {
        if (o->samples == room) {
            size_t more = room ? 2 * room : 256;
            if (!s4d_mem_grow(&o->label, room, more, sizeof *o->label) || !s4d_mem_grow(&o->pred, room, more, sizeof *o->pred))
                return s4d_err_memory(err, more * sizeof *o->pred, "the predictions");
            room = more;
        }
        status = read_row(r, o, false, &got, err);
        if (status == S4D_OK) status = find_class(r, o, got.label, &o->label[o->samples], err);
        if (status == S4D_OK) status = find_class(r, o, got.pred, &o->pred[o->samples], err);
        if (status == S4D_OK) ++o->samples;
    }
    if (status == S4D_OK && !o->samples)
        status = s4d_err_set(err, S4D_FAILED, "%s: not one prediction stands there; evaluate again", r->path);
    return status;
}

s4d_status s4d_pred_read(const char *folder, s4d_outcome *o, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_bytes text = {0};
    s4d_status status = s4d_path_join(path, folder, "pred.csv", err);
    if (status == S4D_OK && !s4d_path_exists(path))
        status = s4d_err_set(err, S4D_FAILED, "%s: there is no such file, though metrics.json lies beside; evaluate again",
                             path);
    if (status == S4D_OK) status = s4d_file_read(path, 0, &text, err);
    if (status == S4D_OK && memchr(text.data, 0, text.size))
        status = s4d_err_set(err, S4D_FAILED, "%s: a zero byte stands in it, so it is no text; evaluate again", path);
    if (status == S4D_OK) {
        reader r = {.path = path, .at = (char *)text.data, .end = (char *)text.data + text.size, .line = 1, .next_line = 1};
        status = read_rows(&r, o, err);
    }
    s4d_bytes_release(&text);
    return status;
}
