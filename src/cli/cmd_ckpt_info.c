/* s4d ckpt info, verify, diff. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cmd_ckpt.h"
#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/ckpt/check.h"
#include "s4d/ckpt/import.h"

/* Where in a file the model is. */
#define PLACE_OPTIONS(list, prefix)                                                                                       \
    {"key", ARG_LIST, list, "NAME", "the key of PyTorch's object that holds the model; may be repeated", 0, 0},           \
    {"strip", ARG_TEXT, prefix, "PREFIX", "what names begin with, besides known wrappers", 0, 0}

/* At most so many bytes of a text, and a mark where there are more. */
static void add_cut(s4d_str *line, const char *text, size_t most)
{
    s4d_str_printf(line, "%.*s%s", (int)most, text, strlen(text) > most ? "..." : "");
}

static void put_line(s4d_str *line)
{
    s4d_line("%s", line->failed || !line->text ? "there is no memory for this line" : line->text);
    s4d_str_release(line);
}

static void print_pair(const char *key, const char *value)
{
    s4d_str line = {0};
    s4d_str_printf(&line, "%-12.60s ", key);
    add_cut(&line, value, 200);
    put_line(&line);
}

/* ---- info ---- */

/* How many tensors have each type, of the first few types. */
static void print_totals(const s4d_ckpt *file)
{
    const char *type[16];
    size_t of[16] = {0}, types = 0, bytes = 0;
    for (size_t i = 0; i < s4d_ckpt_count(file); ++i) {
        const s4d_ckpt_tensor *t = s4d_ckpt_at(file, i);
        size_t k = 0;
        while (k < types && strcmp(type[k], t->type) != 0) ++k;
        if (k == types && types < 16) type[types++] = t->type;
        if (k < types) of[k]++;
        bytes += t->unread == S4D_CKPT_TOO_MANY ? 0 : t->bytes;
    }
    s4d_str line = {0};
    s4d_str_printf(&line, "%-12s %zu, %zu bytes:", "tensors", s4d_ckpt_count(file), bytes);
    for (size_t k = 0; k < types; ++k) {
        s4d_str_printf(&line, " %zu ", of[k]);
        add_cut(&line, type[k], 40);
    }
    put_line(&line);
}

/* {"encoder": {"dim": 768}, "img_size": 160} as "encoder.dim 768, img_size 160". */
static void add_numbers(s4d_str *line, const s4d_json *node, const char *prefix, int *added)
{
    for (const s4d_json *item = s4d_json_at(node, 0); item; item = s4d_json_next(item)) {
        s4d_json_writer w = {0};
        char path[128];
        snprintf(path, sizeof path, "%s%s%.60s", prefix, *prefix ? "." : "", s4d_json_key(item));
        if (s4d_json_kind_of(item) == S4D_JSON_OBJECT && strlen(path) < 60) {
            add_numbers(line, item, path, added);
            continue;
        }
        s4d_json_put_node(&w, item);
        s4d_str_add(line, (*added)++ ? ", " : "");
        add_cut(line, path, 120);
        s4d_str_add(line, " ");
        add_cut(line, w.out.text ? w.out.text : "", 60);
        s4d_str_release(&w.out);
    }
}

static void print_config(const char *text)
{
    s4d_json *doc = NULL;
    s4d_str line = {0};
    int added = 0;
    const s4d_json *model = s4d_json_parse(text, strlen(text), "config", &doc, NULL) == S4D_OK &&
                                    s4d_json_kind_of(doc) == S4D_JSON_OBJECT
                                ? s4d_json_find(doc, "model")
                                : NULL;
    s4d_str_printf(&line, "%-12s ", "model");
    if (model && s4d_json_kind_of(model) == S4D_JSON_OBJECT) add_numbers(&line, model, "", &added);
    else s4d_str_add(&line, "the metadata's config does not say");
    put_line(&line);
    s4d_json_destroy(&doc);
}

static void print_notes(const s4d_ckpt *file)
{
    for (size_t i = 0; i < s4d_ckpt_notes(file); ++i) {
        const s4d_ckpt_note *note = s4d_ckpt_note_at(file, i);
        bool config = s4d_ckpt_kind_of(file) == S4D_CKPT_SAFETENSORS && strcmp(note->key, "config") == 0;
        if (config) print_config(note->value);
        else print_pair(note->key, note->value);
    }
}

/* Whose names they are, where the names are known. */
static void print_names(const char *path, const s4d_import_opts *opts)
{
    s4d_import *im = NULL;
    s4d_err why = {0};
    if (s4d_import_open(path, opts, &im, &why) != S4D_OK) {
        print_pair("names", "of no model that is read here");
        s4d_line("%-12s %s", "", why.text);
        return;
    }
    const char *stage = s4d_import_metadata(im, "s4d.stage"), *start_only = s4d_import_start_only(im);
    s4d_str line = {0};
    s4d_str_printf(&line, "%-12s %s, %s", "names", s4d_import_from(im), stage ? stage : "");
    if (*s4d_import_prefix(im)) {
        s4d_str_add(&line, ", behind ");
        add_cut(&line, s4d_import_prefix(im), 100);
    }
    if (start_only) s4d_str_printf(&line, ", to begin with only: %s", start_only);
    if (s4d_import_faults(im)) s4d_str_printf(&line, "; %zu tensors do not fit", s4d_import_faults(im));
    put_line(&line);
    s4d_import_close(&im);
}

static void print_tensors(const s4d_ckpt *file)
{
    putchar('\n');
    for (size_t i = 0; i < s4d_ckpt_count(file); ++i) {
        const s4d_ckpt_tensor *t = s4d_ckpt_at(file, i);
        char shape[128], why[128];
        s4d_ckpt_shape_text(t, shape);
        s4d_ckpt_unread_text(t, why);
        s4d_line("%-52.190s %-7.60s %s%s%s", t->name, t->type, shape, *why ? "  " : "", why);
    }
}

s4d_status cmd_ckpt_info(int argc, char **argv, s4d_err *err)
{
    const char *path = NULL, *strip = NULL;
    arg_list key = {0};
    bool done;
    s4d_ckpt *file = NULL;
    const arg_place place[] = {{"FILE", &path, "a safetensors file, or PyTorch's, or a folder", false}};
    const arg_option option[] = {PLACE_OPTIONS(&key, &strip)};
    const arg_command c = {.name = "ckpt info", .summary = "what a file of weights holds", .option = option, .options = 2,
                           .place = place, .places = 1};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    const s4d_import_opts opts = {.file = {.key = key.item, .keys = key.count}, .strip = strip};
    status = s4d_ckpt_open(path, &opts.file, &file, err);
    if (status != S4D_OK) return status;
    print_pair("file", s4d_ckpt_path(file));
    print_pair("kind", s4d_ckpt_kind_name(s4d_ckpt_kind_of(file)));
    if (s4d_ckpt_shards(file) > 1) printf("%-12s %zu\n", "shards", s4d_ckpt_shards(file));
    if (*s4d_ckpt_top(file)) print_pair("under", s4d_ckpt_top(file));
    for (size_t i = 0; i < s4d_ckpt_others(file)->count; ++i) print_pair("also", s4d_ckpt_others(file)->item[i]);
    print_totals(file);
    print_names(path, &opts);
    print_notes(file);
    print_tensors(file);
    s4d_ckpt_close(&file);
    return S4D_OK;
}

/* ---- verify ---- */

s4d_status cmd_ckpt_verify(int argc, char **argv, s4d_err *err)
{
    const char *path = NULL, *strip = NULL;
    bool done;
    arg_list key = {0};
    s4d_strlist faults = {0};
    const arg_place place[] = {{"FILE", &path, "a safetensors file, or PyTorch's, or the folder of a checkpoint", false}};
    const arg_option option[] = {PLACE_OPTIONS(&key, &strip)};
    const arg_command c = {.name = "ckpt verify", .summary = "read everything and tell what is wrong with it",
                           .details = "Every number is read and must be finite. Names and shapes must be those of a model that is "
                                      "known,\nand of the config in the file's metadata where it has one. Exit status 1 where "
                                      "something is wrong.\n",
                           .option = option, .options = 2, .place = place, .places = 1};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    const s4d_import_opts opts = {.file = {.key = key.item, .keys = key.count}, .strip = strip};
    status = s4d_ckpt_verify(path, &opts, &faults, err);
    if (status != S4D_OK) return status;
    for (size_t i = 0; i < faults.count; ++i) s4d_line("%s", faults.item[i]);
    if (faults.count)
        status = s4d_err_set(err, S4D_FAILED, "%s: %zu fault%s, listed above; copy it again or take another file", path, faults.count,
                             faults.count == 1 ? "" : "s");
    else
        s4d_line("%s: sound", path);
    s4d_strlist_release(&faults);
    return status;
}

/* ---- diff ---- */

static void print_difference(const s4d_ckpt_difference *d, const char *const path[2])
{
    const char *name = d->name;
    switch (d->change) {
    case S4D_CKPT_ONLY_A: s4d_line("%-52.190s only in %s, %s", name, path[0], d->a); break;
    case S4D_CKPT_ONLY_B: s4d_line("%-52.190s only in %s, %s", name, path[1], d->b); break;
    case S4D_CKPT_OTHER_SHAPE: s4d_line("%-52.190s %s against %s", name, d->a, d->b); break;
    case S4D_CKPT_OTHER_VALUES: s4d_line("%-52.190s absolute %.3e, relative %.3e", name, d->absolute, d->relative); break;
    }
}

s4d_status cmd_ckpt_diff(int argc, char **argv, s4d_err *err)
{
    const char *path[2] = {NULL, NULL};
    bool done;
    s4d_ckpt_diff diff = {0};
    const arg_place place[] = {{"A", &path[0], "a safetensors file, or PyTorch's", false}, {"B", &path[1], "another one", false}};
    const arg_command c = {.name = "ckpt diff", .summary = "how the tensors of two files differ",
                           .details = "Tensors are told apart by their names; \"s4d ckpt import\" brings both under the same ones. "
                                      "absolute: the\nlargest |a-b|; relative: that over the largest number of the tensor. Exit "
                                      "status 0 where all are equal,\n1 where not.\n",
                           .place = place, .places = 2};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = s4d_ckpt_compare(path[0], path[1], &diff, err);
    if (status != S4D_OK) return status;
    double absolute = 0, relative = 0;
    for (size_t i = 0; i < diff.count; ++i) {
        print_difference(&diff.item[i], path);
        if (diff.item[i].absolute > absolute) absolute = diff.item[i].absolute;
        if (diff.item[i].relative > relative) relative = diff.item[i].relative;
    }
    printf("%zu tensors are equal, %zu differ; largest difference %.3e, relative %.3e\n", diff.same, diff.count, absolute, relative);
    if (diff.unread) printf("%zu of types or with dimensions that are not read were not compared\n", diff.unread);
    if (diff.count)
        status = s4d_err_set(err, S4D_FAILED, "%s: differs from %s in %zu tensors, listed above", path[0], path[1], diff.count);
    s4d_ckpt_diff_release(&diff);
    return status;
}
