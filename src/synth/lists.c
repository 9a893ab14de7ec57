/* What stands beside the pictures: lists as the known sets have them, who is in which file, and a
 * page about the set. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/json.h"
#include "synth/plan.h"

static const char LICENCE[] =
    "Every picture is drawn by a program and shows no real person. "
    "The set is free of rights and may be used by anyone for any purpose.";

/* One list file. */
typedef struct list {
    char path[64]; /* below the set's folder */
    bool clips, labelled;
    bool training;  /* of labelled clips: the training list of `fold` */
    uint32_t group; /* of all others: whose items; of a test list the fold's group */
    size_t count, of_class[S4D_EMOTIONS];
} list;

enum { LISTS_MAX = 4 + 2 * S4D_FOLDS_MAX };

static bool belongs(const list *l, const s4d_item *item)
{
    if (l->clips != item->clip) {
        return false;
    }
    if (l->clips && l->training) {
        return item->group >= S4D_GROUP_TRAIN_CLIPS && item->group != l->group;
    }
    return item->group == l->group;
}

static int lists_of(const s4d_plan *plan, list out[LISTS_MAX])
{
    int n = 0;
    out[n++] =
        (list){.path = "images/train.txt", .labelled = true, .group = S4D_GROUP_TRAIN_STILLS};
    out[n++] = (list){.path = "images/test.txt", .labelled = true, .group = S4D_GROUP_TEST_STILLS};
    for (int k = 0; k < plan->opts->folds; k++) {
        for (int training = 1; training >= 0; training--) {
            list l = {.clips = true,
                      .labelled = true,
                      .training = training,
                      .group = S4D_GROUP_FOLD + (uint32_t)k};
            snprintf(l.path, sizeof l.path, "clips/%s_set_%d.csv", training ? "train" : "test",
                     k + 1);
            out[n++] = l;
        }
    }
    out[n++] = (list){.path = "unlabelled/images.txt", .group = S4D_GROUP_UNLABELLED};
    out[n++] = (list){.path = "unlabelled/clips.txt", .clips = true, .group = S4D_GROUP_UNLABELLED};
    for (int i = 0; i < n; i++) {
        for (size_t k = 0; k < plan->count; k++) {
            if (belongs(&out[i], &plan->item[k])) {
                out[i].count++;
                out[i].of_class[s4d_class_index(plan->opts, &plan->item[k])]++;
            }
        }
    }
    return n;
}

static s4d_status write_text(const char *folder, const char *name, s4d_str *text, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    s4d_status status = S4D_OK;
    if (text->failed) {
        status = s4d_err_memory(err, text->size, name);
        goto done;
    }
    status = s4d_path_join(path, folder, name, err);
    if (!status) {
        status = s4d_file_write(path, text->text, text->size, err);
    }
done:
    s4d_str_release(text);
    return status;
}

static s4d_status write_list(const s4d_plan *plan, const list *l, const char *folder, s4d_err *err)
{
    s4d_str text = {0};
    char path[64];
    if (l->count == 0) {
        return S4D_OK;
    }
    if (l->clips && l->labelled) {
        s4d_str_add(&text,
                    plan->opts->classes == 11 ? "video_name,labels\n" : "video_name,label\n");
    }
    for (size_t i = 0; i < plan->count; i++) {
        const s4d_item *item = &plan->item[i];
        if (!belongs(l, item)) {
            continue;
        }
        s4d_item_path(plan, item, !l->labelled, path);
        if (l->labelled) {
            s4d_str_printf(&text, "%s%c%d\n", path, l->clips ? ',' : ' ',
                           s4d_class_index(plan->opts, item));
        } else {
            s4d_str_printf(&text, "%s\n", path);
        }
    }
    return write_text(folder, l->path, &text, err);
}

static const char *part_name(uint32_t group, char out[16])
{
    if (group < S4D_GROUP_FOLD) {
        static const char *const names[] = {"", "train", "test", "unlabelled", "train"};
        return names[group];
    }
    snprintf(out, 16, "fold %u", group - S4D_GROUP_FOLD + 1);
    return out;
}

static s4d_status write_subjects(const s4d_plan *plan, const char *folder, s4d_err *err)
{
    s4d_str text = {0};
    char path[64], part[16];
    s4d_str_add(&text, "path,subject,part,class\n");
    for (size_t i = 0; i < plan->count; i++) {
        const s4d_item *item = &plan->item[i];
        s4d_item_path(plan, item, true, path);
        bool labelled = item->group != S4D_GROUP_UNLABELLED;
        s4d_str_printf(&text, "%s,p%02" PRIu32 "-%04" PRIu32 ",%s,%s\n", path, item->group,
                       item->subject & 0xFFFFF, part_name(item->group, part),
                       labelled ? s4d_emotion_name(item->emotion) : "");
    }
    return write_text(folder, "subjects.csv", &text, err);
}

static void put_list(s4d_json_writer *w, const s4d_plan *plan, const list *l)
{
    const s4d_emotion *order;
    int n = s4d_classes_of(plan->opts, l->clips, &order);
    s4d_json_open(w, '{');
    s4d_json_put_key(w, "path");
    s4d_json_put_string(w, l->path);
    s4d_json_put_key(w, "kind");
    s4d_json_put_string(w, l->clips ? "clips" : "stills");
    s4d_json_put_key(w, "count");
    s4d_json_put_integer(w, (int64_t)l->count);
    if (l->labelled) {
        s4d_json_put_key(w, "classes");
        s4d_json_open(w, '{');
        for (int i = 0; i < n; i++) {
            s4d_json_put_key(w, s4d_emotion_name(order[i]));
            s4d_json_put_integer(w, (int64_t)l->of_class[i]);
        }
        s4d_json_close(w, '}');
    }
    s4d_json_close(w, '}');
}

static s4d_status write_index(const s4d_plan *plan, const list *lists, int n, const char *folder,
                              s4d_err *err)
{
    const s4d_synth_opts *o = plan->opts;
    s4d_json_writer w = {.indent = 2};
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    s4d_json_open(&w, '{');
    s4d_json_put_key(&w, "generator");
    s4d_json_put_string(&w, "s4d " S4D_VERSION);
    s4d_json_put_key(&w, "seed");
    s4d_json_put_string(&w, seed);
    const struct {
        const char *key;
        int value;
    } number[] = {{"size", o->size},
                  {"classes", o->classes},
                  {"train_images", o->train_images},
                  {"test_images", o->test_images},
                  {"train_clips", o->train_clips},
                  {"test_clips", o->test_clips},
                  {"unlabelled_images", o->unlabelled_images},
                  {"unlabelled_clips", o->unlabelled_clips},
                  {"folds", o->folds}};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        s4d_json_put_key(&w, number[i].key);
        s4d_json_put_integer(&w, number[i].value);
    }
    s4d_json_put_key(&w, "frame_folders");
    s4d_json_put_bool(&w, o->frame_folders);
    s4d_json_put_key(&w, "lists");
    s4d_json_open(&w, '[');
    for (int i = 0; i < n; i++) {
        if (lists[i].count > 0) {
            put_list(&w, plan, &lists[i]);
        }
    }
    s4d_json_close(&w, ']');
    s4d_json_put_key(&w, "licence");
    s4d_json_put_string(&w, LICENCE);
    s4d_json_close(&w, '}');
    s4d_str_add(&w.out, "\n");
    return write_text(folder, "index.json", &w.out, err);
}

/* A row for every class, with the counts of the first lists of that kind. */
static void put_table(s4d_str *text, const s4d_plan *plan, const list *lists, const int which[2])
{
    const list *train = &lists[which[0]], *test = &lists[which[1]];
    const s4d_emotion *order;
    int n = s4d_classes_of(plan->opts, train->clips, &order);
    s4d_str_printf(text, "\n| label | class | %s | %s |\n| ---: | --- | ---: | ---: |\n",
                   train->path, test->path);
    for (int i = 0; i < n; i++) {
        s4d_str_printf(text, "| %d | %s | %zu | %zu |\n", i, s4d_emotion_name(order[i]),
                       train->of_class[i], test->of_class[i]);
    }
    s4d_str_printf(text, "| | all | %zu | %zu |\n", train->count, test->count);
}

static s4d_status write_readme(const s4d_plan *plan, const list *lists, const char *folder,
                               s4d_err *err)
{
    const s4d_synth_opts *o = plan->opts;
    s4d_str text = {0};
    bool eleven = o->classes == 11;
    s4d_str_printf(&text,
                   "# Drawn faces\n\nMade by `s4d synth` %s with seed %" PRIu64
                   "; pictures are %d x %d. %s\n\n",
                   S4D_VERSION, o->seed, o->size, o->size, LICENCE);
    s4d_str_add(&text,
                "Paths in every list are below this folder, so it is the `root` of each set.\n\n"
                "| list | what it names |\n| --- | --- |\n");
    s4d_str_printf(
        &text, "| `images/train.txt`, `images/test.txt` | stills, `path label` as AffectNet-%d |\n",
        eleven ? 8 : 7);
    s4d_str_printf(&text,
                   "| `clips/train_set_K.csv`, `clips/test_set_K.csv` | clips of fold K, numbered "
                   "as %s; %s |\n",
                   eleven ? "MAFW" : "DFEW",
                   o->frame_folders ? "each a folder of frames"
                                    : "names without their suffix `.mp4`");
    s4d_str_add(
        &text,
        "| `unlabelled/images.txt`, `unlabelled/clips.txt` | stills and clips without labels |\n"
        "| `subjects.csv` | who is in every file; nobody of a test list is in the training list of "
        "the same "
        "fold, in another part or among the unlabelled |\n"
        "| `index.json` | all of this page's numbers |\n\n"
        "A list that would be empty is absent. Folds share their clips: each clip is tested in at "
        "most one fold.\n");
    put_table(&text, plan, lists, (int[2]){0, 1});
    put_table(&text, plan, lists, (int[2]){2, 3});
    return write_text(folder, "README.md", &text, err);
}

s4d_status s4d_lists_write(const s4d_plan *plan, const char *folder, s4d_err *err)
{
    list lists[LISTS_MAX];
    int n = lists_of(plan, lists);
    for (int i = 0; i < n; i++) {
        s4d_status status = write_list(plan, &lists[i], folder, err);
        if (status) {
            return status;
        }
    }
    s4d_status status = write_subjects(plan, folder, err);
    if (!status) {
        status = write_index(plan, lists, n, folder, err);
    }
    return status ? status : write_readme(plan, lists, folder, err);
}
