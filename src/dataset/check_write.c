/* The check's report as JSON. */
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/dataset/check.h"

static void put_count(s4d_json_writer *w, const char *key, size_t n)
{
    s4d_json_put_key(w, key);
    s4d_json_put_integer(w, (int64_t)n);
}

static void put_text(s4d_json_writer *w, const char *key, const char *text)
{
    s4d_json_put_key(w, key);
    s4d_json_put_string(w, text);
}

static void put_range(s4d_json_writer *w, const char *key, const s4d_check_range *range)
{
    s4d_json_put_key(w, key);
    s4d_json_open(w, '{');
    put_count(w, "n", range->n);
    s4d_json_put_key(w, "min");
    s4d_json_put_number(w, range->min);
    s4d_json_put_key(w, "median");
    s4d_json_put_number(w, range->median);
    s4d_json_put_key(w, "max");
    s4d_json_put_number(w, range->max);
    s4d_json_close(w, '}');
}

static void put_files(s4d_json_writer *w, const s4d_check_report *r)
{
    s4d_json_put_key(w, "files");
    s4d_json_open(w, '{');
    put_count(w, "pictures", r->pictures);
    put_count(w, "videos", r->videos);
    put_count(w, "folders", r->folders);
    put_count(w, "decoded", r->decoded);
    put_count(w, "frames", r->frames);
    put_count(w, "hashed", r->hashed);
    put_range(w, "height", &r->height);
    put_range(w, "width", &r->width);
    put_range(w, "length", &r->length);
    s4d_json_close(w, '}');
}

static void put_set(s4d_json_writer *w, const s4d_check_report *r)
{
    s4d_json_put_key(w, "set");
    s4d_json_open(w, '{');
    put_text(w, "name", r->set ? r->set : "");
    s4d_json_put_key(w, "guessed");
    s4d_json_put_bool(w, r->set && r->set_guessed);
    s4d_json_put_key(w, "sizes");
    s4d_json_open(w, '[');
    for (int i = 0; i < r->sizes; i++) {
        s4d_json_open(w, '{');
        put_text(w, "what", r->size[i].what);
        put_count(w, "expected", r->size[i].expected);
        put_count(w, "tolerance", r->size[i].tolerance);
        put_count(w, "found", r->size[i].found);
        s4d_json_close(w, '}');
    }
    s4d_json_close(w, ']');
    s4d_json_close(w, '}');
}

static void put_row(s4d_json_writer *w, const s4d_check_report *r, long row, const char *line_key, const char *path_key)
{
    if (row >= 0) {
        s4d_json_put_key(w, line_key);
        s4d_json_put_integer(w, r->table.row[row].line);
        put_text(w, path_key, r->table.row[row].path);
    }
}

/* Those of kinds from..to-1. */
static void put_findings(s4d_json_writer *w, const s4d_check_report *r, int from, int to)
{
    s4d_json_open(w, '[');
    for (size_t i = 0; i < r->findings; i++) {
        const s4d_check_finding *f = &r->finding[i];
        if ((int)f->kind < from || (int)f->kind >= to) {
            continue;
        }
        s4d_json_open(w, '{');
        put_text(w, "kind", s4d_check_key(f->kind));
        put_row(w, r, f->row, "line", "path");
        put_row(w, r, f->other, "other_line", "other_path");
        put_text(w, "text", f->text);
        s4d_json_close(w, '}');
    }
    s4d_json_close(w, ']');
}

static void put_counts(s4d_json_writer *w, const s4d_check_report *r)
{
    s4d_json_put_key(w, "counts");
    s4d_json_open(w, '{');
    for (int kind = 0; kind < S4D_CHECK_KINDS; kind++) {
        put_count(w, s4d_check_key((s4d_check_kind)kind), r->count[kind]);
    }
    s4d_json_close(w, '}');
}

s4d_status s4d_check_write(const char *path, const s4d_check_report *r, s4d_err *err)
{
    s4d_json_writer w = {.indent = 1};
    s4d_json_open(&w, '{');
    put_text(&w, "root", r->root);
    s4d_json_put_key(&w, "good");
    s4d_json_put_bool(&w, s4d_check_faults(r) == 0);
    s4d_json_put_key(&w, "seconds");
    s4d_json_put_number(&w, r->seconds);
    put_files(&w, r);
    s4d_json_put_key(&w, "stats");
    s4d_stats_put_json(&r->stats, &w);
    put_set(&w, r);
    put_counts(&w, r);
    s4d_json_put_key(&w, "faults");
    put_findings(&w, r, 0, S4D_CHECK_FAULTS);
    s4d_json_put_key(&w, "notes");
    put_findings(&w, r, S4D_CHECK_FAULTS, S4D_CHECK_KINDS);
    s4d_json_close(&w, '}');
    s4d_str_add(&w.out, "\n");
    s4d_status status =
        w.out.failed ? s4d_err_memory(err, w.out.size, "a report") : s4d_file_write(path, w.out.text, w.out.size, err);
    s4d_str_release(&w.out);
    return status;
}
