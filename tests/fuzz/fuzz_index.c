/* The indexer's readers: lists of every set, votes, csv with pixels, files of labels, paths with codes in them, and patterns of
 * users. The first byte chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"
#include "fuzz.h"
#include "s4d/base/mem.h"

/* Lists are read as files, each set's in a folder of its own. */
typedef struct form {
    const char *set, *list, *other; /* the list that is fuzzed, and one that stands beside it */
    const char *text;               /* of that one */
    const char *classes;
} form;

static const form forms[] = {
    {"dfew", "train_set_1.csv", "test_set_1.csv", "video_name,label\n1,0\n2,6\n", NULL},
    {"ferv39k", "test.csv", "train.csv", "path,id\nAction/Angry/1,0\nAction/Sad/2,5\n", NULL},
    {"mafw", "set_1/train.txt", "set_1/test.txt", "1.mp4 anger\n2.mp4 fear\n", NULL},
    {"affectnet7", "training.csv", "validation.csv", "a.jpg,0,0,1,1,1;2,0,0,0\nb.jpg,0,0,1,1,1;2,6,0,0\n", NULL},
    {"rafdb", "list_patition_label.txt", NULL, NULL, NULL},
    {"ferplus", "fer2013new.csv", NULL, NULL, NULL},
    {"ferplus", "FER2013Train/label.csv", NULL, NULL, NULL},
    {"fer2013", "fer2013.csv", NULL, NULL, NULL},
    {"videomae", "train.csv", "test.csv", "a.mp4 0\nb.mp4 1\n", "dfew"},
    {"csv", "mine.csv", NULL, NULL, NULL},
};
enum { FORMS = sizeof forms / sizeof *forms };

static void make(const s4d_index_opts *o)
{
    s4d_index x;
    s4d_err err = {0};
    s4d_status status = s4d_index_make(o, &x, &err);
    fuzz_outcome(status, &err);
    s4d_index_release(&x);
}

static void put(const char *root, const char *name, const void *data, size_t size)
{
    char path[S4D_PATH_MAX], folder[S4D_PATH_MAX];
    s4d_path_join(path, root, name, NULL);
    s4d_path_dir(folder, path);
    FILE *file = s4d_dir_make(folder, NULL) == S4D_OK ? fopen(path, "wb") : NULL;
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static char top[] = "/tmp/s4d-fuzz-index-XXXXXX";

static void remove_top(void)
{
    s4d_dir_remove(top, NULL);
}

/* A list of each set, whose clips need not be there. */
static void lists(const form *f, unsigned options, const uint8_t *data, size_t size)
{
    static bool made;
    char root[S4D_PATH_MAX], name[32], images[S4D_PATH_MAX];
    if (!made) {
        made = mkdtemp(top) != NULL;
        atexit(remove_top);
    }
    snprintf(name, sizeof name, "%d", (int)(f - forms));
    s4d_path_join(root, top, name, NULL);
    s4d_path_join(images, root, "fer2013_images", NULL);
    s4d_dir_remove(images, NULL);
    put(root, f->list, data, size);
    if (f->other) {
        put(root, f->other, f->text, strlen(f->text));
    }
    s4d_index_opts o = {.set = f->set, .root = root, .first_label = options & 1 ? 1 : -1, .unlabelled = options & 2,
                        .classes = options & 4 ? "angry,happy,sad" : f->classes, .accept = options & 8 ? "one-class,names" : NULL};
    o.keep_missing = strcmp(f->set, "fer2013") != 0;
    o.first_label = o.keep_missing ? o.first_label : -1;
    make(&o);
}

/* Lines as the paths below a root; those that end with a slash are folders of frames. */
static void paths(const index_layout *layout, const char *pattern, char *text)
{
    s4d_index x = {0};
    s4d_err err = {0};
    const s4d_index_opts o = {.set = layout->set.name, .root = "/nowhere", .first_label = -1, .pattern = pattern};
    index_job job = {.opts = &o, .layout = layout, .out = &x};
    size_t lines = 1;
    for (const char *p = text; *p; p++) {
        lines += *p == '\n';
    }
    job.tree.unit = s4d_mem_alloc(lines, sizeof *job.tree.unit);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t n = strlen(line);
        bool folder = line[n - 1] == '/';
        line[folder ? n - 1 : n] = '\0';
        if (*line && n < S4D_PATH_MAX) {
            unsigned kind = folder ? INDEX_FRAMES : index_kind_of(line) ? index_kind_of(line) : INDEX_LABEL;
            job.tree.unit[job.tree.count++] = (index_unit){.path = (char *)s4d_texts_add(&job.tree.paths, line), .kind = kind};
        }
    }
    s4d_status status = index_run_paths(&job, &err);
    fuzz_outcome(status, &err);
    index_no_class(text);
    index_release_job(&job);
    s4d_index_release(&x);
}

static void label_files(const uint8_t *data, size_t size)
{
    char label[INDEX_LABEL_MAX];
    uint8_t *copy = malloc(size + 1); /* so that a step outside is seen */
    memcpy(copy, data, size);
    copy[size] = '\0';
    s4d_bytes file = {.data = copy, .size = size};
    if (!index_label_npy(&file, label)) {
        (void)strlen(label);
    }
    if (!index_label_text(&file, label)) {
        (void)strlen(label);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LABELS = FORMS, CODES, PATTERN, KINDS };
    if (size < 2 || size > 1 << 16) {
        return 0;
    }
    int kind = data[0] % KINDS;
    if (kind < FORMS) {
        fuzz_file(data, 0); /* logging is off from here */
        lists(&forms[kind], data[1], data + 2, size - 2);
    } else if (kind == LABELS) {
        label_files(data + 1, size - 1);
    } else {
        char *text = calloc(size, 1), *end;
        memcpy(text, data + 2, size - 2);
        end = text + strcspn(text, "\n");
        const index_layout *layout = &index_layouts[data[1] % index_layout_count];
        if (kind == PATTERN && *end) {
            *end = '\0';
            paths(layout, text, end + 1);
        } else if (kind == CODES && layout->paths) {
            paths(layout, NULL, text);
        }
        free(text);
    }
    return 0;
}
