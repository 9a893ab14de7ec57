/* Counting a manifest: classes, splits, folds, subjects. */
#include "s4d/dataset/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

/* ---- classes ---- */

static int find_class(const s4d_class_list *list, const char *name)
{
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->name[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static s4d_status add_class(const s4d_row *row, s4d_class_list *list, s4d_err *err)
{
    char name[S4D_CLASS_NAME_MAX];
    if (strlen(row->label) >= S4D_CLASS_NAME_MAX) {
        return s4d_err_set(err, S4D_FAILED,
                           "line %ld: the label \"%.60s...\" is longer than the %d bytes of a class name; shorten it",
                           row->line, row->label, S4D_CLASS_NAME_MAX - 1);
    }
    s4d_labels_canonical(row->label, name);
    if (find_class(list, name) >= 0) {
        return S4D_OK;
    }
    if (list->count == S4D_MAX_CLASSES && s4d_labels_numeric(row->label)) {
        return s4d_err_set(err, S4D_FAILED,
                           "line %ld: the label \"%.60s\" is a number, and there are more than %d of them; the column label holds "
                           "names of classes", row->line, row->label, S4D_MAX_CLASSES);
    }
    if (list->count == S4D_MAX_CLASSES) {
        return s4d_err_set(
            err, S4D_FAILED,
            "line %ld: \"%s\" would be class number %d, but a set has at most %d; the column label holds names of "
            "classes, not of samples",
            row->line, row->label, S4D_MAX_CLASSES + 1, S4D_MAX_CLASSES);
    }
    strcpy(list->name[list->count++], name);
    return S4D_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

s4d_status s4d_class_list_make(const s4d_table *t, s4d_class_list *out, int32_t *class_of, s4d_err *err)
{
    *out = (s4d_class_list){0};
    for (size_t i = 0; i < t->count; i++) {
        s4d_status status = t->row[i].label[0] ? add_class(&t->row[i], out, err) : S4D_OK;
        if (status != S4D_OK) {
            return status;
        }
    }
    qsort(out->name, (size_t)out->count, sizeof out->name[0], by_name);
    for (size_t i = 0; i < t->count; i++) {
        char name[S4D_CLASS_NAME_MAX];
        s4d_labels_canonical(t->row[i].label, name);
        class_of[i] = t->row[i].label[0] ? find_class(out, name) : -1;
    }
    return S4D_OK;
}

/* ---- counting ---- */

static int rank_of_split(const char *split)
{
    return strcmp(split, "train") == 0 ? 0 : strcmp(split, "val") == 0 ? 1 : strcmp(split, "test") == 0 ? 2 : 3;
}

static bool same_group(const s4d_row *a, const s4d_row *b)
{
    return a->fold == b->fold && strcmp(a->split, b->split) == 0;
}

static int by_group(const void *a, const void *b, void *rows)
{
    const s4d_row *x = (const s4d_row *)rows + *(const size_t *)a, *y = (const s4d_row *)rows + *(const size_t *)b;
    int difference = rank_of_split(x->split) - rank_of_split(y->split);
    if (difference == 0) {
        difference = x->fold - y->fold;
    }
    return difference != 0 ? difference : strcmp(x->subject, y->subject);
}

static int by_subject(const void *a, const void *b, void *rows)
{
    return strcmp(((const s4d_row *)rows)[*(const size_t *)a].subject,
                  ((const s4d_row *)rows)[*(const size_t *)b].subject);
}

static int by_path(const void *a, const void *b, void *rows)
{
    return strcmp(((const s4d_row *)rows)[*(const size_t *)a].path, ((const s4d_row *)rows)[*(const size_t *)b].path);
}

static void count_distinct(const s4d_table *t, size_t *order, s4d_stats *s)
{
    qsort_r(order, t->count, sizeof *order, by_subject, t->row);
    for (size_t i = 0; i < t->count; i++) {
        const char *subject = t->row[order[i]].subject;
        s->with_subject += subject[0] != '\0';
        s->subjects += subject[0] && (i == 0 || strcmp(subject, t->row[order[i - 1]].subject) != 0);
    }
    qsort_r(order, t->count, sizeof *order, by_path, t->row);
    for (size_t i = 0; i < t->count; i++) {
        s->paths += i == 0 || strcmp(t->row[order[i]].path, t->row[order[i - 1]].path) != 0;
    }
}

/* order: rows sorted by group, then by subject. */
static s4d_status count_groups(const s4d_table *t, const size_t *order, const int32_t *class_of, s4d_stats *s,
                               s4d_err *err)
{
    size_t groups = 0;
    for (size_t i = 0; i < t->count; i++) {
        groups += i == 0 || !same_group(&t->row[order[i]], &t->row[order[i - 1]]);
    }
    s->group = s4d_mem_alloc(groups, sizeof *s->group);
    if (!s->group) {
        return s4d_err_memory(err, groups * sizeof *s->group, "counting a manifest");
    }
    for (size_t i = 0; i < t->count; i++) {
        const s4d_row *row = &t->row[order[i]], *before = i ? &t->row[order[i - 1]] : NULL;
        bool first = !before || !same_group(row, before);
        s4d_stats_group *g = &s->group[first ? s->groups++ : s->groups - 1];
        if (first) {
            snprintf(g->split, sizeof g->split, "%s", row->split);
            g->fold = row->fold;
        }
        g->samples++;
        g->subjects += row->subject[0] && (first || strcmp(row->subject, before->subject) != 0);
        if (class_of[order[i]] >= 0) {
            g->labelled++;
            g->per_class[class_of[order[i]]]++;
        }
    }
    return S4D_OK;
}

static void add_up(s4d_stats *s)
{
    size_t least = SIZE_MAX, most = 0;
    for (size_t g = 0; g < s->groups; g++) {
        s->labelled += s->group[g].labelled;
        for (int c = 0; c < s->classes.count; c++) {
            s->per_class[c] += s->group[g].per_class[c];
        }
    }
    for (int c = 0; c < s->classes.count; c++) {
        least = s->per_class[c] < least ? s->per_class[c] : least;
        most = s->per_class[c] > most ? s->per_class[c] : most;
    }
    s->imbalance = most > 0 ? (double)most / (double)least : 0;
}

s4d_status s4d_stats_make(const s4d_table *t, s4d_stats *out, s4d_err *err)
{
    *out = (s4d_stats){.samples = t->count};
    size_t *order = s4d_mem_alloc(t->count, sizeof *order);
    int32_t *class_of = s4d_mem_alloc(t->count, sizeof *class_of);
    s4d_status status = order && class_of
                            ? s4d_class_list_make(t, &out->classes, class_of, err)
                            : s4d_err_memory(err, t->count * (sizeof *order + sizeof *class_of), "counting a manifest");
    if (status != S4D_OK) {
        goto done;
    }
    for (size_t i = 0; i < t->count; i++) {
        order[i] = i;
    }
    count_distinct(t, order, out);
    qsort_r(order, t->count, sizeof *order, by_group, t->row);
    status = count_groups(t, order, class_of, out, err);
    add_up(out);
done:
    s4d_mem_free(order);
    s4d_mem_free(class_of);
    if (status != S4D_OK) {
        s4d_stats_release(out);
    }
    return status;
}

void s4d_stats_release(s4d_stats *s)
{
    s4d_mem_free(s->group);
    *s = (s4d_stats){0};
}

void s4d_group_name(const char *split, int fold, char out[32])
{
    if (fold > 0) {
        snprintf(out, 32, "%.8s%sfold %d", split, split[0] ? ", " : "", fold);
    } else {
        snprintf(out, 32, "%.8s", split[0] ? split : "neither");
    }
}

/* ---- as JSON ---- */

static void put_count(s4d_json_writer *w, const char *key, size_t n)
{
    s4d_json_put_key(w, key);
    s4d_json_put_integer(w, (int64_t)n);
}

static void put_classes(s4d_json_writer *w, const s4d_class_list *classes, const size_t *n)
{
    s4d_json_put_key(w, "classes");
    s4d_json_open(w, '{');
    for (int c = 0; c < classes->count; c++) {
        put_count(w, classes->name[c], n[c]);
    }
    s4d_json_close(w, '}');
}

void s4d_stats_put_json(const s4d_stats *s, s4d_json_writer *w)
{
    s4d_json_open(w, '{');
    put_count(w, "samples", s->samples);
    put_count(w, "labelled", s->labelled);
    put_count(w, "paths", s->paths);
    put_count(w, "subjects", s->subjects);
    put_count(w, "with_subject", s->with_subject);
    s4d_json_put_key(w, "imbalance");
    s4d_json_put_number(w, s->imbalance);
    put_classes(w, &s->classes, s->per_class);
    s4d_json_put_key(w, "groups");
    s4d_json_open(w, '[');
    for (size_t i = 0; i < s->groups; i++) {
        const s4d_stats_group *g = &s->group[i];
        s4d_json_open(w, '{');
        s4d_json_put_key(w, "split");
        s4d_json_put_string(w, g->split);
        put_count(w, "fold", (size_t)g->fold);
        put_count(w, "samples", g->samples);
        put_count(w, "labelled", g->labelled);
        put_count(w, "subjects", g->subjects);
        put_classes(w, &s->classes, g->per_class);
        s4d_json_close(w, '}');
    }
    s4d_json_close(w, ']');
    s4d_json_close(w, '}');
}
