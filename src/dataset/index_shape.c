/* Lists without a header that have the label in front of the path, or a third column. What is a path shows in its ending or
 * its slashes; which of two other columns is the label, in what all lines hold. */
#include <stdio.h>
#include <string.h>

#include "dataset/index_job.h"
#include "s4d/data/manifest.h"

static bool is_path(const char *text)
{
    return index_kind_of(text) || strpbrk(text, "/\\");
}

/* The last word of a text of several, after its last blank; NULL: there is but one word. */
static char *last_word(const char *text)
{
    char *blank = strrchr(text, ' '), *tab = strrchr(text, '\t');
    blank = !blank || (tab && tab > blank) ? tab : blank;
    return blank ? blank + 1 : NULL;
}

/* "a.jpg 3" is two words, and so is "3 0"; "my clip.mp4" and "a/my clip" are one name. */
static bool has_two_words(const char *field, bool path_follows)
{
    const char *last = last_word(field);
    char front[S4D_PATH_MAX];
    if (!last || strlen(field) >= sizeof front || index_kind_of(field)) {
        return false;
    }
    memcpy(front, field, strlen(field) + 1);
    for (char *end = front + (last - field); end > front && (end[-1] == ' ' || end[-1] == '\t');) {
        *--end = '\0';
    }
    return path_follows ? !strpbrk(front, " \t") && !is_path(front) : index_kind_of(front) != 0;
}

bool index_shape_odd(const index_job *job, const s4d_record *first, const s4d_list *l, index_shape *out)
{
    const char *const f[] = {first->field[0], first->field[1], first->field[2]};
    int n = first->columns, path = -1, paths = 0;
    *out = (index_shape){.name = 0, .label = 1, .third = -1};
    if (first->fault || n < 2 || n > 3 || job->layout->cut != S4D_CUT_LAST || (n == 3 && l->cut != S4D_CUT_FIELDS)) {
        return false;
    }
    bool totals = job->layout->media == 0; /* "folder total label" is a form of its own */
    if (l->cut != S4D_CUT_FIELDS && !totals && has_two_words(f[0], is_path(f[1]))) {
        *out = (index_shape){.name = is_path(f[1]) ? 2 : 0, .label = is_path(f[1]) ? 0 : 1, .third = is_path(f[1]) ? 1 : 2,
                             .words = true};
        return true;
    }
    for (int i = 0; i < n; i++) {
        paths += is_path(f[i]);
        path = is_path(f[i]) ? i : path;
    }
    if (paths != 1 || (n == 2 && path == 0)) {
        return false;
    }
    *out = (index_shape){.name = path, .label = path == 0 ? 1 : 0, .third = n == 2 ? -1 : path == 2 ? 1 : 2};
    return true;
}

bool index_shape_words(s4d_record *r)
{
    char *last = r->columns == 2 ? last_word(r->field[0]) : NULL;
    if (!last) {
        return false;
    }
    r->field[2] = r->field[1];
    r->field[1] = last;
    for (char *end = last; end > r->field[0] && (end[-1] == ' ' || end[-1] == '\t');) {
        *--end = '\0';
    }
    r->columns = 3;
    return true;
}

/* ---- which of two columns ---- */

static bool is_class(const index_job *job, const char *text)
{
    const char *const *names;
    const char (*classes)[S4D_CLASS_NAME_MAX] = (const char(*)[S4D_CLASS_NAME_MAX])job->out->classes;
    if (s4d_labels_find(classes, job->out->class_count, text) >= 0) {
        return true;
    }
    char known[S4D_CLASS_NAME_MAX];
    for (int t = 0; t < 3 && job->layout->tables[t] && strlen(text) < sizeof known; t++) {
        s4d_labels_canonical(text, known);
        for (int i = s4d_labels_table(job->layout->tables[t], &names); i-- > 0;) {
            if (strcmp(names[i], known) == 0) {
                return true;
            }
        }
    }
    return false;
}

typedef struct kinds {
    bool numbers, classes; /* all of them are */
} kinds;

static void weigh(const index_job *job, const char *text, kinds *k)
{
    long number;
    k->numbers = k->numbers && s4d_labels_number(text, &number);
    k->classes = k->classes && is_class(job, text);
}

static s4d_status tell(index_job *job, int list, int column, const char *why, s4d_err *err)
{
    static const char *const names[] = {"first", "second", "third"};
    return index_decide(job, err, "%s: 3 columns and no header: the %s is read as the label, %s", job->list[list].path,
                        names[column], why);
}

s4d_status index_shape_choose(index_job *job, int list, const index_shape *s, size_t before, char *const *third, s4d_err *err)
{
    if (s->third < 0) {
        return index_decide(job, err, "%s: no header, and the label stands in front of the path", job->list[list].path);
    }
    kinds a = {true, true}, b = {true, true};
    bool same = true;
    for (size_t i = before; i < job->entries; i++) {
        weigh(job, job->entry[i].label, &a);
        weigh(job, third[i - before], &b);
        same = same && strcmp(job->entry[i].label, third[i - before]) == 0;
    }
    bool first = a.classes != b.classes ? a.classes : a.numbers && !b.numbers;
    bool other = a.classes != b.classes ? b.classes : b.numbers && !a.numbers;
    if (same) {
        return tell(job, list, s->label, "as the other says the same in every line", err);
    }
    if (first) {
        return tell(job, list, s->label, a.classes ? "as it names classes" : "as the other is no whole number", err);
    }
    if (other) {
        for (size_t i = before; i < job->entries; i++) {
            job->entry[i].label = third[i - before];
        }
        return tell(job, list, s->third, b.classes ? "as it names classes" : "as the other is no whole number", err);
    }
    const index_entry *e = &job->entry[before];
    index_fault(job, list, e->line, "3 columns and no header, and both \"%.40s\" and \"%.40s\" may be the label", e->label, third[0]);
    return index_faults_end(job, "leave one of the two columns out, or write a header such as path,label,other", err);
}
