/* Whether what was read can be a set at all. Folders that do not lie as a layout expects still give rows, with nonsense for
 * classes; each such doubt is a stop, unless --accept says that it is meant. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/image.h"
#include "s4d/data/manifest.h"

static const s4d_index_doubt doubts[] = {
    {"one-class", "all samples are of one class"},
    {"names", "classes are called as splits, persons or kinds of files are"},
    {"deep", "samples lie deeper than CLASS/SAMPLE"},
    {"beside", "folders beside train and test are left out"},
    {"stills", "the images of a clip have very different sizes, or its folder is called as a class is"},
};

const s4d_index_doubt *s4d_index_doubts(size_t *count)
{
    *count = sizeof doubts / sizeof *doubts;
    return doubts;
}

bool index_accepts(const index_job *job, const char *word)
{
    const char *at = job->opts->accept;
    for (size_t size; at && *at; at += size + (at[size] == ',')) {
        size = strcspn(at, ",");
        if (size == strlen(word) && memcmp(at, word, size) == 0) {
            return true;
        }
    }
    return false;
}

s4d_status index_check_accept(const index_job *job, s4d_err *err)
{
    const char *at = job->opts->accept;
    for (size_t size; at && *at; at += size + (at[size] == ',')) {
        size = strcspn(at, ",");
        bool known = false;
        for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++) {
            known = known || (size == strlen(doubts[i].word) && memcmp(at, doubts[i].word, size) == 0);
        }
        if (!known) {
            return s4d_err_set(err, S4D_USAGE, "--accept: \"%.*s\" is none of one-class, names, deep, beside and stills",
                               (int)(size > 60 ? 60 : size), at);
        }
    }
    return S4D_OK;
}

/* ---- names ---- */

typedef struct word {
    char text[24]; /* in small letters; longer ones are cut, as none of those below is so long */
    bool digits;
} word;

/* The next run of letters or of digits; false: there is none. */
static bool next_word(const char **at, word *out)
{
    size_t n = 0;
    while (**at && !isalnum((unsigned char)**at)) {
        ++*at;
    }
    out->digits = isdigit((unsigned char)**at) != 0;
    for (; isalnum((unsigned char)**at) && (isdigit((unsigned char)**at) != 0) == out->digits; ++*at) {
        if (n + 1 < sizeof out->text) {
            out->text[n++] = (char)tolower((unsigned char)**at);
        }
    }
    out->text[n] = '\0';
    return n > 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(*words, text) != 0) {
        words++;
    }
    return *words != NULL;
}

/* Words that people are numbered with, other than single letters. */
static bool is_person(const char *text)
{
    static const char *const words[] = {"actor", "actors", "subject", "subjects", "sub", "subj", "person", "people", "speaker",
                                        "spk", "participant", "participants", "user", "patient", "client", "identity", "id",
                                        "man", "woman", "male", "female", "sid", "pid", "uid", NULL};
    return is_one_of(text, words);
}

/* Words of files, of their kinds and of what holds them. */
static bool is_file(const char *text)
{
    static const char *const words[] = {
        "image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos", "frame", "frames", "video",
        "videos", "vid", "vids", "clip", "clips", "movie", "movies", "audio", "audios", "wav", "mp", "avi", "mkv", "mov", "flv",
        "webm", "jpg", "jpeg", "png", "bmp", "tif", "tiff", "gif", "webp", "npy", "csv", "txt", "json", "zip", "flash",
        "annotation", "annotations", "label", "labels", "list", "lists", "meta", "metadata", "landmark", "landmarks", "feature",
        "features", "data", "dataset", "datasets", "raw", "original", "originals", "processed", "preprocess", "preprocessed",
        "aligned", "crop", "crops", "cropped", "face", "faces", "sequence", "sequences", "seq", "media", "file", "files",
        "sample", "samples", "thumb", "thumbs", "thumbnail", "thumbnails", "backup", "doc", "docs", "figure", "figures",
        "script", "scripts", "set", "folder", "split", "splits", "fold", "folds", "tmp", "temp", "cache", "output", "outputs",
        "result", "results", "rgb", "gray", "grey", "flow", "depth", "speech", "song", "manually", "automatically", "annotated",
        "all", "part", "batch", "scene", "session", "camera", "cam", NULL};
    return is_one_of(text, words);
}

/* A word of files, or two without anything between. */
static bool is_of_files(const char *text)
{
    char front[sizeof((word *)0)->text];
    bool found = is_file(text);
    for (size_t n = 1; !found && text[n]; n++) {
        memcpy(front, text, n);
        front[n] = '\0';
        found = is_file(front) && is_file(text + n);
    }
    return found;
}

/* A word of splits, or one with a word of files behind it. */
static bool is_split(const char *text)
{
    static const char *const words[] = {"train", "training", "trainval", "test", "testing", "val", "valid", "validation", "dev",
                                        "eval", "evaluation", "publictest", "privatetest", "unlabeled", "unlabelled", NULL};
    static const char *const fronts[] = {"train", "test", "valid", "val", "dev"};
    bool found = is_one_of(text, words);
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts && !found; i++) {
        size_t n = strlen(fronts[i]);
        found = strncmp(text, fronts[i], n) == 0 && is_of_files(text + n);
    }
    return found;
}

const char *index_no_class(const char *name)
{
    word w;
    int words = 0, numbers = 0, letters = 0, persons = 0, files = 0;
    bool split = false, numbered = false;
    for (const char *at = name; next_word(&at, &w); words++) {
        bool letter = !w.digits && !w.text[1], person = !w.digits && is_person(w.text);
        numbered = numbered || (w.digits && letters + persons > 0) || (letter && persons > 0);
        split = split || is_split(w.text);
        numbers += w.digits;
        letters += letter;
        persons += person;
        files += !w.digits && is_of_files(w.text);
    }
    if (split) {
        return "which is the name of a split";
    }
    if (files + persons + letters + numbers < words) {
        return NULL;
    }
    if (numbered && (persons > 0 || files == 0)) {
        return "which is the name of a person";
    }
    return files > 0 ? "which is the name of files or of what holds them" : NULL;
}

/* What to do about it, to follow a semicolon. */
static const char *remedy(const index_job *job)
{
    return job->layout->run == index_run_folders && !job->opts->pattern
               ? "name the folder that holds the classes, or say with --pattern where paths have them"
           : job->opts->pattern ? "correct the pattern"
                                : "take the whole set, and lists that name classes";
}

/* Names out of lists and folders; those of a table, or of --classes, are what they are. */
static s4d_status check_names(index_job *job, s4d_err *err)
{
    const s4d_index *out = job->out;
    for (int i = 0; i < out->class_count && !job->table; i++) {
        const char *why = index_no_class(out->classes[i]);
        if (why && !index_accepts(job, "names")) {
            return s4d_err_set(err, S4D_FAILED,
                               "%s: a class would be called \"%s\", %s; %s, or add --accept names if it is a class", job->opts->root,
                               out->classes[i], why, remedy(job));
        }
    }
    return S4D_OK;
}

/* ---- one class ---- */

static s4d_status check_count(index_job *job, s4d_err *err)
{
    const s4d_table *t = &job->out->table;
    const char *class = NULL;
    size_t labelled = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *label = t->row[i].label;
        if (class && *label && strcmp(label, class) != 0) {
            return S4D_OK;
        }
        class = *label ? label : class;
        labelled += *label != '\0';
    }
    if (!class || index_accepts(job, "one-class")) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: all samples with a label, %zu, are of one class, \"%s\"; %s, or add --accept one-class if it is the only one",
                       job->opts->root, labelled, class, remedy(job));
}

/* ---- clips ---- */

enum { CLIPS_PROBED = 2, FRAMES_PROBED = 4 };

/* Whether the name is that of a class in some table. */
static bool is_class(const char *name)
{
    char known[S4D_CLASS_NAME_MAX], table[64];
    const char *const *names;
    if (strlen(name) >= sizeof known) {
        return false;
    }
    s4d_labels_canonical(name, known);
    for (const char *at = s4d_labels_known(); *at; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        snprintf(table, sizeof table, "%.*s", (int)size, at);
        for (int i = s4d_labels_table(table, &names); i-- > 0;) {
            if (strcmp(names[i], known) == 0) {
                return true;
            }
        }
        at += size;
    }
    return false;
}

/* Whether some of the first images of a folder are half as large again as others, or more. */
static bool sizes_differ(const char *folder)
{
    s4d_strlist names = {0};
    s4d_image image = {0};
    char path[S4D_PATH_MAX];
    int low[2] = {0, 0}, high[2] = {0, 0}, seen = 0;
    s4d_dir_list(folder, &names, NULL);
    for (size_t i = 0; i < names.count && seen < FRAMES_PROBED; i++) {
        if (index_kind_of(names.item[i]) != INDEX_PICTURE || s4d_path_join(path, folder, names.item[i], NULL) != S4D_OK ||
            s4d_image_read(path, &image, NULL) != S4D_OK) {
            continue;
        }
        const int side[2] = {image.height, image.width};
        for (int k = 0; k < 2; k++) {
            low[k] = seen == 0 || side[k] < low[k] ? side[k] : low[k];
            high[k] = side[k] > high[k] ? side[k] : high[k];
        }
        seen++;
    }
    s4d_image_release(&image);
    s4d_strlist_release(&names);
    return seen > 1 && (2 * high[0] >= 3 * low[0] || 2 * high[1] >= 3 * low[1]);
}

/* Why a clip's folder would not be called so; NULL: it may. */
static const char *doubt_name(const char *name)
{
    const char *other = strpbrk(name, "0123456789") ? NULL : index_no_class(name);
    return is_class(name) ? "its folder is called as a class is" : other ? "its folder is not called as a clip's is" : NULL;
}

static s4d_status doubt_clip(const index_job *job, const char *path, const char *why, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED,
                       "%s: %.300s would be a clip, but %s; %s, or add --accept stills if it is a clip", job->opts->root, path, why,
                       remedy(job));
}

/* Looks into the first clips of every class. */
static s4d_status check_clips(index_job *job, s4d_err *err)
{
    const s4d_table *t = &job->out->table;
    int probed[S4D_MAX_CLASSES] = {0}, mixed[S4D_MAX_CLASSES] = {0}, left = CLIPS_PROBED * job->out->class_count;
    const char *shown[S4D_MAX_CLASSES] = {NULL};
    char path[S4D_PATH_MAX];
    for (size_t i = 0; i < t->count && left > 0 && !index_accepts(job, "stills"); i++) {
        const s4d_row *row = &t->row[i];
        if (index_kind_of(row->path)) {
            continue; /* a file */
        }
        int c = s4d_labels_find((const char(*)[S4D_CLASS_NAME_MAX])job->out->classes, job->out->class_count, row->label);
        if (c < 0 || probed[c] == CLIPS_PROBED || s4d_path_join(path, job->opts->root, row->path, NULL) != S4D_OK || !s4d_path_is_dir(path)) {
            continue;
        }
        const char *why = job->table ? NULL : doubt_name(s4d_path_name(row->path));
        if (why) {
            return doubt_clip(job, row->path, why, err);
        }
        probed[c]++;
        left--;
        if (sizes_differ(path)) {
            mixed[c]++;
            shown[c] = row->path;
        }
    }
    for (int c = 0; c < job->out->class_count; c++) {
        if (mixed[c] > 0 && mixed[c] == probed[c]) {
            return doubt_clip(job, shown[c], "its images have very different sizes, as those of no clip have", err);
        }
    }
    return S4D_OK;
}

s4d_status index_check_plausible(index_job *job, s4d_err *err)
{
    static s4d_status (*const checks[])(index_job *, s4d_err *) = {check_names, check_clips, check_count};
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && status == S4D_OK; i++) {
        status = checks[i](job, err);
    }
    return status;
}
