/* What the labels of lists mean: names, or numbers of one order of classes, counted from 0 or 1. Of the readings that are
 * possible the one that fits every label and every path is taken; where none or several do, the user is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

/* ---- classes ---- */

void index_take_table(index_job *job, const char *table)
{
    const char *const *names;
    int n = s4d_labels_table(table, &names);
    for (int i = 0; i < n; i++) {
        s4d_labels_canonical(names[i], job->out->classes[i]);
    }
    job->out->class_count = n;
    job->table = table;
}

static s4d_status add_class(index_job *job, const char *name, size_t size, s4d_err *err)
{
    char text[S4D_CLASS_NAME_MAX];
    s4d_index *out = job->out;
    if (size == 0 || size >= sizeof text || out->class_count == S4D_MAX_CLASSES) {
        return s4d_err_set(err, S4D_USAGE, "--classes: expected 1 to %d names of 1 to %d bytes with commas between", S4D_MAX_CLASSES,
                           S4D_CLASS_NAME_MAX - 1);
    }
    memcpy(text, name, size);
    text[size] = '\0';
    if (s4d_labels_find((const char(*)[S4D_CLASS_NAME_MAX])out->classes, out->class_count, text) >= 0) {
        return s4d_err_set(err, S4D_USAGE, "--classes: \"%s\" stands there twice (synonyms are one class); name each class once",
                           text);
    }
    s4d_labels_canonical(text, out->classes[out->class_count++]);
    return S4D_OK;
}

s4d_status index_take_classes(index_job *job, s4d_err *err)
{
    const char *at = job->opts->classes;
    const char *const *names;
    s4d_status status = S4D_OK;
    if (s4d_labels_table(at, &names) > 0) {
        index_take_table(job, at);
        return S4D_OK;
    }
    if (!strchr(at, ',')) {
        return s4d_err_set(err, S4D_USAGE, "--classes: \"%.60s\" is no known table; name one of %s, or all classes with commas", at,
                           s4d_labels_known());
    }
    for (bool more = true; more && status == S4D_OK;) {
        size_t size = strcspn(at, ",");
        more = at[size] == ',';
        status = add_class(job, at, size, err);
        at += size + more;
    }
    job->table = "--classes";
    return status;
}

int index_class_of(index_job *job, const char *name)
{
    s4d_index *out = job->out;
    int c = s4d_labels_find((const char(*)[S4D_CLASS_NAME_MAX])out->classes, out->class_count, name);
    bool good = *name && !s4d_labels_numeric(name) && strlen(name) < S4D_CLASS_NAME_MAX && !strpbrk(name, ",\"\r\n") && s4d_str_utf8(name);
    if (c >= 0 || job->table || !good || out->class_count == S4D_MAX_CLASSES) {
        return c;
    }
    s4d_labels_canonical(name, out->classes[out->class_count]);
    return out->class_count++;
}

/* ---- names ---- */

/* The class that a folder in the path is named after, -1: none. */
static int class_in_path(const char classes[][S4D_CLASS_NAME_MAX], int count, const char *path)
{
    char part[S4D_CLASS_NAME_MAX];
    int class = -1;
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        size_t size = (size_t)(slash - path);
        if (size < sizeof part) {
            memcpy(part, path, size);
            part[size] = '\0';
            int c = s4d_labels_find(classes, count, part);
            class = c >= 0 ? c : class;
        }
    }
    return class;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Gathers a fault of an entry at its line, or with its path where there is none. */
static void fault_at(index_job *job, const index_entry *e, const char *text)
{
    if (e->line > 0) {
        index_fault(job, e->list, e->line, "%s", text);
    } else {
        index_fault(job, -1, 0, "%.300s: %s", e->name, text);
    }
}

/* Why a label is no class. */
static void fault_label(index_job *job, const index_entry *e)
{
    char text[200];
    if (!s4d_str_utf8(e->label)) {
        snprintf(text, sizeof text, "%s", e->line > 0 ? "the label is not UTF-8 text; the list must be saved as UTF-8"
                                                      : "the class is not UTF-8 text; rename it");
    } else if (job->table) {
        snprintf(text, sizeof text, "label \"%.60s\" is none of the %d classes", e->label, job->out->class_count);
    } else if (!*e->label) {
        snprintf(text, sizeof text, "the label is empty");
    } else if (s4d_labels_numeric(e->label)) {
        snprintf(text, sizeof text, "label \"%.60s\" is a number, but no whole one", e->label);
    } else if (strlen(e->label) >= S4D_CLASS_NAME_MAX) {
        snprintf(text, sizeof text, "label \"%.60s...\" is longer than the %d bytes of a class name", e->label,
                 S4D_CLASS_NAME_MAX - 1);
    } else if (strpbrk(e->label, ",\"\r\n")) {
        snprintf(text, sizeof text, "label \"%.60s\" holds a comma, a quote or the end of a line", e->label);
    } else {
        snprintf(text, sizeof text, "label \"%.60s\" would be class number %d, but a set has at most %d", e->label,
                 job->out->class_count + 1, S4D_MAX_CLASSES);
    }
    fault_at(job, e, text);
}

/* The class of a label that may have been seen before. */
static int class_seen(index_job *job, index_map *known, const char *label)
{
    enum { KNOWN_MAX = 1024 };
    long class = index_map_get(known, label);
    if (class < 0) {
        class = index_class_of(job, label);
        if (class >= 0 && known->count < KNOWN_MAX) {
            index_map_put(known, label, class); /* without memory for it, only slower */
        }
    }
    return (int)class;
}

/* Names that differ in more than capitals and became one class. */
static s4d_status tell_synonyms(index_job *job, s4d_err *err)
{
    const char *first[S4D_MAX_CLASSES] = {NULL};
    bool told[S4D_MAX_CLASSES] = {false};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        int c = e->class;
        if (c >= 0 && first[c] && !told[c] && strcasecmp(first[c], e->label) != 0) {
            told[c] = true;
            status = index_decide(job, err, "\"%.60s\" and \"%.60s\" are one class, %s", first[c], e->label, job->out->classes[c]);
        } else if (c >= 0 && !first[c]) {
            first[c] = e->label;
        }
    }
    return status;
}

static s4d_status read_names(index_job *job, s4d_err *err)
{
    index_map known = {0};
    if (!job->table && job->layout->tables[0]) {
        index_take_table(job, job->layout->tables[0]);
    }
    for (size_t i = 0; i < job->entries; i++) { /* a first pass finds the classes where no table tells */
        index_entry *e = &job->entry[i];
        if (!e->left_out && class_seen(job, &known, e->label) < 0) {
            fault_label(job, e);
        }
    }
    if (!job->table) {
        index_map_release(&known);
        qsort(job->out->classes, (size_t)job->out->class_count, sizeof job->out->classes[0], by_text);
    }
    for (size_t i = 0; i < job->entries; i++) {
        index_entry *e = &job->entry[i];
        e->class = e->left_out ? -1 : class_seen(job, &known, e->label);
        int told = e->class >= 0 && job->layout->tables[1]
                       ? class_in_path((const char(*)[S4D_CLASS_NAME_MAX])job->out->classes, job->out->class_count, e->name)
                       : -1;
        if (told >= 0 && told != e->class) {
            index_fault(job, e->list, e->line, "label \"%.60s\" is %s, but the path \"%.200s\" says %s", e->label,
                        job->out->classes[e->class], e->name, job->out->classes[told]);
        }
    }
    index_map_release(&known);
    s4d_status status = index_faults_end(job, "correct the list, or name its classes with --classes", err);
    return status == S4D_OK ? tell_synonyms(job, err) : status;
}

/* ---- numbers ---- */

typedef struct reading {
    const char *table;
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
    int count;
    int first;
    long outside; /* labels out of range */
    long against; /* labels that the class named in the path contradicts */
    long agreed;  /* or confirms */
} reading;

enum { READINGS = 6 };

static int told_by_path(const reading *r, const char *path)
{
    return class_in_path((const char(*)[S4D_CLASS_NAME_MAX])r->classes, r->count, path);
}

/* The class by a reading; -1: out of range. */
static int class_by(const reading *r, const index_entry *e)
{
    long number = -1;
    s4d_labels_number(e->label, &number);
    return number < r->first || number - r->first >= r->count ? -1 : (int)(number - r->first);
}

static void weigh(const index_job *job, reading *r)
{
    for (size_t i = 0; i < job->entries; i++) {
        const index_entry *e = &job->entry[i];
        if (e->left_out) {
            continue;
        }
        int class = class_by(r, e), told = job->layout->tables[1] ? told_by_path(r, e->name) : -1;
        r->outside += class < 0;
        r->against += class >= 0 && told >= 0 && told != class;
        r->agreed += class >= 0 && told == class;
    }
}

static int list_readings(const index_job *job, reading r[READINGS])
{
    int n = 0, low = job->opts->first_label >= 0 ? job->opts->first_label : 0;
    int high = job->opts->first_label >= 0 ? job->opts->first_label : 1;
    bool expressions = false;
    for (size_t i = 0; i < job->lists; i++) {
        expressions = expressions || job->list[i].expressions;
    }
    high = expressions ? low : high;
    for (int t = 0; t < (job->table ? 1 : 3); t++) {
        const char *table = job->table ? job->table : job->layout->tables[t];
        const char *const *names;
        for (int first = low; table && first <= high; first++) {
            reading *to = &r[n++];
            *to = (reading){.table = table, .first = first, .count = job->out->class_count};
            memcpy(to->classes, job->out->classes, sizeof to->classes);
            if (!job->table) {
                to->count = s4d_labels_table(table, &names);
                for (int i = 0; i < to->count; i++) {
                    strcpy(to->classes[i], names[i]);
                }
            }
            weigh(job, to);
        }
    }
    return n;
}

static bool all_have_headers(const index_job *job)
{
    for (size_t i = 0; i < job->lists; i++) {
        if (!job->list[i].header) {
            return false;
        }
    }
    return true;
}

/* Keeps the readings without a fault or, if there are none, the one with fewest; then, where the order of classes is open,
 * those of the S4D release if the lists have its header. */
static int narrow(const index_job *job, reading *r, int n)
{
    int kept = 0, best = 0;
    for (int i = 0; i < n; i++) {
        best = r[i].outside + r[i].against < r[best].outside + r[best].against ? i : best;
    }
    if (r[best].outside + r[best].against > 0) {
        r[0] = r[best];
        return 1;
    }
    for (int i = 0; i < n; i++) {
        if (r[i].outside + r[i].against == 0) {
            r[kept++] = r[i];
        }
    }
    if (strcmp(r[0].table, r[kept - 1].table) != 0 && all_have_headers(job)) {
        for (n = kept, kept = 0; kept < n && strcmp(r[kept].table, r[0].table) == 0;) {
            kept++;
        }
    }
    return kept;
}

static s4d_status ask(const index_job *job, const reading *r, int n, s4d_err *err)
{
    const char *list = job->list[0].path;
    if (strcmp(r[0].table, r[n - 1].table) != 0) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: its numbers may stand for more than one order of classes, and nothing tells which; choose with "
                           "--classes %s or --classes %s", list, r[0].table, r[n - 1].table);
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: its labels may be counted from 0 or from 1, as neither 0 nor %d is seen; choose with --first-label", list,
                       r[0].count);
}

static bool number_is_seen(const index_job *job, long wanted)
{
    for (size_t i = 0; i < job->entries; i++) {
        long number;
        if (!job->entry[i].left_out && s4d_labels_number(job->entry[i].label, &number) && number == wanted) {
            return true;
        }
    }
    return false;
}

static s4d_status tell_numbers(index_job *job, const reading *r, bool others, s4d_err *err)
{
    char why[100];
    s4d_status status = S4D_OK;
    if (job->opts->first_label >= 0) {
        snprintf(why, sizeof why, "--first-label says so");
    } else if (r->first == 0 && number_is_seen(job, 0)) {
        snprintf(why, sizeof why, "0 is seen");
    } else if (r->first == 1 && number_is_seen(job, r->count)) {
        snprintf(why, sizeof why, "%d is seen and 0 is not", r->count);
    } else if (r->agreed > 0) {
        snprintf(why, sizeof why, "the classes in the paths agree");
    } else {
        snprintf(why, sizeof why, "AffectNet's column of expressions is");
    }
    status = index_decide(job, err, "labels are numbers counted from %d: %s", r->first, why);
    if (status == S4D_OK && others) {
        status = index_decide(job, err, "the order of classes is that of data/labels/%s.json: %s", r->table,
                              r->agreed > 0 ? "the classes in the paths agree"
                                            : "the lists have a header, as those of the S4D release");
    }
    return status;
}

static s4d_status read_numbers(index_job *job, s4d_err *err)
{
    if (!job->table && !job->layout->tables[0]) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: labels are numbers; name their classes in order with --classes, a table (%s) or names with commas, or "
                           "leave them with --unlabelled", job->list[0].path, s4d_labels_known());
    }
    bool others = !job->table && job->layout->tables[1];
    reading *r = s4d_mem_alloc(READINGS, sizeof *r);
    if (!r) {
        return s4d_err_memory(err, READINGS * sizeof *r, "the readings of labels");
    }
    int n = narrow(job, r, list_readings(job, r));
    s4d_status status = n > 1 ? ask(job, r, n, err) : S4D_OK;
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        index_entry *e = &job->entry[i];
        if (e->left_out) {
            continue;
        }
        e->class = class_by(r, e);
        int told = job->layout->tables[1] ? told_by_path(r, e->name) : -1;
        if (e->class < 0) {
            char text[200];
            snprintf(text, sizeof text, "label %.40s is not in %d..%d, the numbers of %.60s", e->label, r->first,
                     r->first + r->count - 1, r->table);
            fault_at(job, e, text);
        } else if (told >= 0 && told != e->class) {
            index_fault(job, e->list, e->line, "label %.40s is %s by %s, but the path says %s", e->label, r->classes[e->class],
                        r->table, r->classes[told]);
        }
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "correct the list, or choose with --classes and --first-label", err);
    }
    if (status == S4D_OK) {
        memcpy(job->out->classes, r->classes, sizeof r->classes);
        job->out->class_count = r->count;
        job->table = job->table ? job->table : job->layout->tables[0];
        status = tell_numbers(job, r, others, err);
    }
    s4d_mem_free(r);
    return status;
}

/* ---- either ---- */

/* AffectNet's expressions 8 (none), 9 (uncertain) and 10 (no face) are no classes, nor is 7 (contempt) where the set has
 * seven. */
static s4d_status leave_out_expressions(index_job *job, s4d_err *err)
{
    int n = job->layout->media == INDEX_PICTURE && strcmp(job->layout->set.name, "affectnet7") == 0 ? 7 : 8;
    long contempt = 0, none = 0, number;
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->entries; i++) {
        index_entry *e = &job->entry[i];
        if (job->list[e->list].expressions && s4d_labels_number(e->label, &number) && number >= n && number <= 10) {
            e->left_out = true;
            contempt += number == 7;
            none += number > 7;
        }
    }
    if (none > 0) {
        status = index_decide(job, err, "lines left out: %ld of expressions 8, 9 and 10 (none, uncertain, no face), which are no "
                              "classes", none);
    }
    if (status == S4D_OK && contempt > 0) {
        status = index_decide(job, err, "lines left out: %ld of expression 7, contempt, which is no class of %s", contempt,
                              job->layout->set.name);
    }
    return status;
}

s4d_status index_read_labels(index_job *job, s4d_err *err)
{
    size_t numbers = 0, names = 0;
    long number;
    if (job->opts->unlabelled || job->entries == 0 || !job->entry[0].label) {
        job->out->class_count = 0;
        return index_decide(job, err, "no label is read: %s",
                            job->opts->unlabelled ? "--unlabelled says so" : "the lists have none");
    }
    s4d_status status = leave_out_expressions(job, err);
    for (size_t i = 0; i < job->entries; i++) {
        const index_entry *e = &job->entry[i];
        numbers += !e->left_out && e->label && s4d_labels_number(e->label, &number);
        names += !e->left_out && e->label && !s4d_labels_number(e->label, &number);
    }
    for (size_t i = 0; i < job->entries && status == S4D_OK; i++) {
        const index_entry *e = &job->entry[i];
        bool is_number = e->label && s4d_labels_number(e->label, &number);
        if (!e->left_out && (!e->label || is_number != (numbers >= names))) {
            char text[200];
            snprintf(text, sizeof text, "label \"%.60s\" is %s, where others are %s", e->label ? e->label : "",
                     is_number ? "a number" : "no number", numbers >= names ? "numbers" : "names");
            fault_at(job, e, text);
        }
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "correct the list; where this line is a header, name its columns path,label", err);
    }
    if (status != S4D_OK) {
        return status;
    }
    if (numbers + names == 0) {
        job->out->class_count = 0;
        return index_decide(job, err, "no label is read: no line that is taken has one");
    }
    return numbers >= names ? read_numbers(job, err) : read_names(job, err);
}
