/* What is on disk: clips, pictures and lists below a folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset/index_job.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/image.h"

/* A folder with more texts holds annotations of single samples, not lists. Links may lead to a folder again and again; it is
 * read a few times, so that the time is bounded by what is on disk. */
enum { DEPTH_MAX = 24, TEXTS_MAX = 64, VISITS_MAX = 8, STRAY_MAX = 6 };

typedef struct folder {
    const struct folder *up;
    dev_t device;
    ino_t inode;
    int depth;
    bool leaf; /* it has no folders inside, so that one picture tells all about it */
} folder;

typedef struct walk {
    index_job *job;
    unsigned kinds; /* of units that are kept */
    bool texts;     /* so are lists */
    bool clips;     /* a folder of pictures is one sample: its first picture suffices */
    s4d_str path; /* of the folder that is read, below the root; "" is the root */
    index_map visits; /* of each folder, by device and inode */
    s4d_err *err;
} walk;

unsigned index_kind_of(const char *name)
{
    static const char *const videos[] = {".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".flv", ".wmv"};
    for (size_t i = 0; i < sizeof videos / sizeof *videos; i++) {
        if (s4d_str_ends_nocase(name, videos[i])) {
            return INDEX_VIDEO;
        }
    }
    return s4d_image_named(name) ? INDEX_PICTURE : 0;
}

/* What systems and tools leave beside files: hidden files and folders, previews of network drives, waste bins. */
static bool is_stray(const char *name)
{
    static const char *const names[] = {"@eaDir", "#recycle", "@Recycle", "@Recently-Snapshot", "#snapshot", "$RECYCLE.BIN",
                                        "RECYCLER", "System Volume Information", "__MACOSX", "lost+found", "__pycache__",
                                        "Thumbs.db", "ehthumbs.db", "desktop.ini", "Network Trash Folder", "Temporary Items"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return name[0] == '.';
}

/* Keeps a few such names to be told; "._NAME" of macOS is one of them. */
static s4d_status note_stray(walk *w, const char *name)
{
    s4d_strlist *stray = &w->job->tree.stray;
    const char *shown = strncmp(name, "._", 2) == 0 ? "._NAME" : name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || s4d_strlist_find(stray, shown) >= 0 || stray->count == STRAY_MAX) {
        return S4D_OK;
    }
    return s4d_strlist_add(stray, shown) ? S4D_OK : s4d_err_memory(w->err, S4D_PATH_MAX, "the names below a folder");
}

void index_tree_release(index_tree *tree)
{
    s4d_texts_release(&tree->paths);
    s4d_mem_free(tree->unit);
    s4d_strlist_release(&tree->texts);
    s4d_strlist_release(&tree->stray);
    *tree = (index_tree){0};
}

static s4d_status no_memory(walk *w)
{
    return s4d_err_memory(w->err, S4D_PATH_MAX, "the names below a folder");
}

static s4d_status add_unit(walk *w, unsigned kind)
{
    index_tree *t = &w->job->tree;
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        if (!s4d_mem_grow(&t->unit, t->room, room, sizeof *t->unit)) {
            return no_memory(w);
        }
        t->room = room;
    }
    char *copy = w->path.failed ? NULL : (char *)s4d_texts_add(&t->paths, w->path.text);
    if (!copy) {
        return no_memory(w);
    }
    t->unit[t->count++] = (index_unit){.path = copy, .kind = kind};
    return S4D_OK;
}

/* The path of an entry; its length before is what shorten needs. */
static size_t lengthen(walk *w, const char *name)
{
    size_t size = w->path.size;
    s4d_str_printf(&w->path, "%s%s", size ? "/" : "", name);
    return size;
}

static void shorten(walk *w, size_t size)
{
    if (!w->path.failed) {
        w->path.size = size;
        w->path.text[size] = '\0';
    }
}

/* Whether an entry is a folder, following links. */
static bool is_folder(int fd, const struct dirent *entry)
{
    struct stat about;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(fd, entry->d_name, &about, 0) == 0 && S_ISDIR(about.st_mode);
}

static s4d_status take_file(walk *w, const char *name, unsigned kind)
{
    s4d_status status = S4D_OK;
    const index_paths *how = w->job->layout->paths;
    kind = how && how->label_tail && s4d_str_ends_nocase(name, how->label_tail) ? INDEX_LABEL : kind;
    bool text = w->texts && kind != INDEX_LABEL && (s4d_str_ends_nocase(name, ".csv") || s4d_str_ends_nocase(name, ".txt"));
    if (!text && !(kind & w->kinds)) {
        return S4D_OK;
    }
    size_t size = lengthen(w, name);
    if (!text) {
        status = add_unit(w, kind);
    } else if (w->path.failed || !s4d_strlist_add(&w->job->tree.texts, w->path.text)) {
        status = no_memory(w);
    }
    shorten(w, size);
    return status;
}

static void forget_texts(s4d_strlist *texts, size_t keep)
{
    while (texts->count > keep) {
        s4d_mem_free(texts->item[--texts->count]);
    }
}

/* NULL at the end with errno 0, or after a failure. */
static struct dirent *next_entry(DIR *dir)
{
    errno = EIO;
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        return NULL;
    }
    errno = 0;
    return readdir(dir);
}

/* The files of a folder, and the names of the folders inside. */
static s4d_status read_entries(walk *w, DIR *dir, bool leaf, s4d_strlist *inside)
{
    size_t texts = w->job->tree.texts.count;
    bool pictures = false, whole = !(leaf && w->clips) || w->path.size == 0;
    s4d_status status = S4D_OK;
    struct dirent *entry;
    errno = 0; /* where a picture ends the loop */
    while (status == S4D_OK && (whole || !pictures) && (entry = next_entry(dir))) {
        unsigned kind = index_kind_of(entry->d_name);
        if (is_stray(entry->d_name)) {
            status = whole ? note_stray(w, entry->d_name) : S4D_OK; /* else how many are met is chance */
            continue;
        }
        if ((!leaf || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) && is_folder(dirfd(dir), entry)) {
            status = s4d_strlist_add(inside, entry->d_name) ? S4D_OK : no_memory(w);
        } else {
            pictures = pictures || kind == INDEX_PICTURE;
            status = take_file(w, entry->d_name, kind);
        }
    }
    if (status == S4D_OK && errno != 0) {
        status = s4d_err_system(w->err, errno, "%s/%.400s: the folder cannot be read", w->job->opts->root,
                                w->path.text ? w->path.text : "");
    }
    if (w->job->tree.texts.count - texts > TEXTS_MAX) {
        forget_texts(&w->job->tree.texts, texts);
    }
    if (status == S4D_OK && pictures && (w->kinds & INDEX_FRAMES) && w->path.size > 0) {
        status = add_unit(w, INDEX_FRAMES);
    }
    return status;
}

static s4d_status walk_folder(walk *w, int parent, const char *name, const folder *up);

static s4d_status walk_inside(walk *w, int fd, const s4d_strlist *inside, const folder *here)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < inside->count && status == S4D_OK; i++) {
        size_t size = lengthen(w, inside->item[i]);
        status = w->path.failed ? no_memory(w) : walk_folder(w, fd, inside->item[i], here);
        shorten(w, size);
    }
    return status;
}

/* Links that lead back up are not followed again. */
static bool is_loop(const folder *here)
{
    for (const folder *f = here->up; f; f = f->up) {
        if (f->device == here->device && f->inode == here->inode) {
            return true;
        }
    }
    return false;
}

/* Whether the folder was read so often that it is no more. */
static s4d_status count_visit(walk *w, const folder *here, bool *enough)
{
    char key[64];
    snprintf(key, sizeof key, "%jx:%jx", (uintmax_t)here->device, (uintmax_t)here->inode);
    long visits = index_map_get(&w->visits, key);
    *enough = visits >= VISITS_MAX;
    return *enough || index_map_put(&w->visits, key, visits < 0 ? 1 : visits + 1) ? S4D_OK : no_memory(w);
}

static s4d_status walk_folder(walk *w, int parent, const char *name, const folder *up)
{
    struct stat about;
    s4d_strlist inside = {0};
    s4d_status status = s4d_interrupt_status();
    if (status != S4D_OK) {
        return s4d_err_set(w->err, status, "interrupted; nothing was written");
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 || fstat(fd, &about) != 0 ? NULL : fdopendir(fd);
    if (!dir) {
        status = s4d_err_system(w->err, errno, "%s/%.400s: the folder cannot be opened", w->job->opts->root,
                                w->path.text ? w->path.text : "");
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    folder here = {.up = up, .device = about.st_dev, .inode = about.st_ino, .depth = up ? up->depth + 1 : 0,
                   .leaf = about.st_nlink == 2};
    bool enough;
    status = count_visit(w, &here, &enough);
    if (status == S4D_OK && !enough && here.depth < DEPTH_MAX && !is_loop(&here)) {
        status = read_entries(w, dir, here.leaf, &inside);
    }
    if (status == S4D_OK) {
        s4d_strlist_sort(&inside, strcmp); /* the same order on every machine */
        status = walk_inside(w, fd, &inside, &here);
    }
    s4d_strlist_release(&inside);
    closedir(dir);
    return status;
}

static s4d_status walk_below(walk *w, const char *below)
{
    char top[S4D_PATH_MAX];
    s4d_status status = s4d_path_join(top, w->job->opts->root, below, w->err);
    if (status == S4D_OK && !s4d_path_is_dir(top)) {
        status = s4d_err_set(w->err, S4D_FAILED, "%s: is no folder; name one below %s with --media", top, w->job->opts->root);
    }
    if (status == S4D_OK) {
        size_t size = strlen(below);
        while (size > 0 && below[size - 1] == '/') {
            size--;
        }
        s4d_str_clear(&w->path);
        s4d_str_add_bytes(&w->path, below, size);
        status = walk_folder(w, AT_FDCWD, top, NULL);
    }
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const index_unit *)a)->path, ((const index_unit *)b)->path);
}

s4d_status index_tree_walk(index_job *job, s4d_err *err)
{
    const s4d_index_opts *o = job->opts;
    unsigned kinds = job->layout->media, labels = job->layout->paths && job->layout->paths->label_tail ? INDEX_LABEL : 0;
    walk w = {.job = job, .err = err, .texts = !o->train && !o->test && !o->val, .kinds = o->media ? labels : kinds | labels,
              .clips = (kinds & INDEX_FRAMES) && !(kinds & INDEX_PICTURE)};
    s4d_status status = S4D_OK;
    if (!o->media || w.texts || w.kinds) {
        status = walk_below(&w, "");
    }
    if (status == S4D_OK && o->media) {
        w.texts = false;
        w.kinds = kinds;
        status = walk_below(&w, o->media);
    }
    if (job->tree.count > 0) { /* a folder's entries come in any order */
        qsort(job->tree.unit, job->tree.count, sizeof *job->tree.unit, by_path);
    }
    s4d_strlist_sort(&job->tree.texts, s4d_str_natural);
    s4d_strlist_sort(&job->tree.stray, strcmp);
    index_map_release(&w.visits);
    s4d_str_release(&w.path);
    return status;
}

s4d_status index_tree_top(index_job *job, s4d_err *err)
{
    s4d_strlist names = {0};
    s4d_status status = s4d_dir_list(job->opts->root, &names, err);
    for (size_t i = 0; i < names.count && status == S4D_OK; i++) {
        bool text = s4d_str_ends_nocase(names.item[i], ".csv") || s4d_str_ends_nocase(names.item[i], ".txt");
        if (text && !s4d_strlist_add(&job->tree.texts, names.item[i])) {
            status = s4d_err_memory(err, S4D_PATH_MAX, "the names of lists");
        }
    }
    s4d_strlist_release(&names);
    return status;
}
