/* Known sets: how many samples they have, as their authors and the papers on them count. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dataset/check_private.h"
#include "s4d/data/manifest.h"

/* One count: of a split or a fold (its tested rows), of a class or of all. */
typedef struct known_size {
    const char *set, *split; /* split "": any */
    int fold;                /* 0: any */
    const char *label;       /* NULL: all */
    size_t count, tolerance;
} known_size;

/* DFEW's folds are told as "about 2,340" clips; the class counts are those of its first fold. */
static const known_size SIZES[] = {
    {"dfew", "", 0, NULL, 11697, 0},
    {"dfew", "", 1, NULL, 2341, 0},
    {"dfew", "", 2, NULL, 2340, 10},
    {"dfew", "", 3, NULL, 2340, 10},
    {"dfew", "", 4, NULL, 2340, 10},
    {"dfew", "", 5, NULL, 2340, 10},
    {"dfew", "", 1, "happiness", 489, 0},
    {"dfew", "", 1, "sadness", 379, 0},
    {"dfew", "", 1, "neutral", 534, 0},
    {"dfew", "", 1, "anger", 435, 0},
    {"dfew", "", 1, "surprise", 294, 0},
    {"dfew", "", 1, "disgust", 29, 0},
    {"dfew", "", 1, "fear", 181, 0},
    {"ferv39k", "train", 0, NULL, 31088, 0},
    {"ferv39k", "test", 0, NULL, 7847, 0},
    {"ferv39k", "test", 0, "anger", 1487, 0},
    {"ferv39k", "test", 0, "disgust", 467, 0},
    {"ferv39k", "test", 0, "fear", 431, 0},
    {"ferv39k", "test", 0, "happiness", 1473, 0},
    {"ferv39k", "test", 0, "neutral", 1958, 0},
    {"ferv39k", "test", 0, "sadness", 1393, 0},
    {"ferv39k", "test", 0, "surprise", 638, 0},
    {"mafw", "", 0, NULL, 9172, 0},
    {"mafw", "", 1, NULL, 1839, 0},
};
enum { SIZES_COUNT = sizeof SIZES / sizeof *SIZES };

static const char *known_name(const char *set)
{
    for (size_t i = 0; i < SIZES_COUNT; i++) {
        if (strcmp(SIZES[i].set, set) == 0) {
            return SIZES[i].set;
        }
    }
    return NULL;
}

bool s4d_check_knows(const char *set)
{
    return known_name(set) != NULL;
}

/* By a set's name in the manifest's, else by the classes: only MAFW has its eleven. */
static const char *guess(const check *c)
{
    char name[S4D_PATH_MAX];
    const char *mafw = known_name("mafw"), *const * class_name;
    snprintf(name, sizeof name, "%s", s4d_path_name(c->opts->manifest));
    for (char *at = name; *at; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    for (size_t i = 0; i < SIZES_COUNT; i++) {
        if (strstr(name, SIZES[i].set)) {
            return SIZES[i].set;
        }
    }
    const s4d_class_list *have = &c->report->stats.classes;
    int n = s4d_labels_table(mafw, &class_name);
    for (int i = 0; i < n && n == have->count; i++) {
        if (s4d_labels_find(have->name, have->count, class_name[i]) < 0) {
            return NULL;
        }
    }
    return n == have->count ? mafw : NULL;
}

/* Whether the manifest's columns tell this split and fold at all. */
static bool comparable(const check *c, const known_size *k)
{
    bool split = !k->split[0], fold = k->fold == 0;
    for (size_t i = 0; i < c->report->stats.groups; i++) {
        const s4d_stats_group *g = &c->report->stats.group[i];
        split = split || strcmp(g->split, k->split) == 0;
        fold = fold || g->fold > 0;
    }
    return split && fold && (!k->label || c->report->stats.classes.count > 0);
}

static size_t count_of(const check *c, const known_size *k)
{
    const s4d_stats *s = &c->report->stats;
    int label = k->label ? s4d_labels_find(s->classes.name, s->classes.count, k->label) : -1;
    size_t n = 0;
    for (size_t i = 0; i < s->groups; i++) {
        const s4d_stats_group *g = &s->group[i];
        if ((k->split[0] && strcmp(g->split, k->split) != 0) || (k->fold > 0 && g->fold != k->fold)) {
            continue;
        }
        n += !k->label ? g->samples : label >= 0 ? g->per_class[label] : 0;
    }
    return n;
}

static s4d_status compare(check *c, const known_size *k, s4d_err *err)
{
    s4d_check_report *r = c->report;
    S4D_BUG_IF(r->sizes == S4D_CHECK_SIZES_MAX);
    s4d_check_size *size = &r->size[r->sizes++];
    char group[32];
    s4d_group_name(k->split, k->fold, group);
    snprintf(size->what, sizeof size->what, "%s%s%s", k->split[0] || k->fold > 0 ? group : "all", k->label ? ", " : "",
             k->label ? k->label : "");
    size->expected = k->count;
    size->tolerance = k->tolerance;
    size->found = count_of(c, k);
    size_t off = size->found > k->count ? size->found - k->count : k->count - size->found;
    if (off <= k->tolerance) {
        return S4D_OK;
    }
    s4d_check_finding finding = {r->set_guessed ? S4D_CHECK_SIZE_GUESSED : S4D_CHECK_SIZE, -1, -1, NULL};
    return check_find(c, finding, err, "%s: %s has %s%zu samples, the manifest %zu", size->what, r->set,
                      k->tolerance ? "about " : "", k->count, size->found);
}

static s4d_status check_classes(check *c, s4d_err *err)
{
    char classes[S4D_MAX_CLASSES][S4D_CLASS_NAME_MAX];
    const char *const *name;
    int n = s4d_labels_table(c->report->set, &name);
    s4d_status status = S4D_OK;
    for (int i = 0; i < n; i++) {
        snprintf(classes[i], sizeof classes[i], "%s", name[i]);
    }
    for (size_t i = 0; i < c->report->table.count && status == S4D_OK; i++) {
        const s4d_row *row = &c->report->table.row[i];
        if (row->label[0] && s4d_labels_find(classes, n, row->label) < 0) {
            status = check_find(c, (s4d_check_finding){S4D_CHECK_CLASS, (long)i, -1, NULL}, err,
                                "line %ld: %s has the label \"%s\", which is no class of %s", row->line, row->path,
                                row->label, c->report->set);
        }
    }
    return status;
}

s4d_status check_known(check *c, s4d_err *err)
{
    s4d_check_report *r = c->report;
    r->set_guessed = c->opts->set == NULL;
    r->set = c->opts->set ? known_name(c->opts->set) : guess(c);
    s4d_status status = S4D_OK;
    if (!r->set) {
        return S4D_OK;
    }
    for (size_t i = 0; i < SIZES_COUNT && status == S4D_OK; i++) {
        if (strcmp(SIZES[i].set, r->set) == 0 && comparable(c, &SIZES[i])) {
            status = compare(c, &SIZES[i], err);
        }
    }
    return status == S4D_OK && !r->set_guessed ? check_classes(c, err) : status;
}
