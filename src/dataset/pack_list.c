/* Which files a manifest names. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/pack_private.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/image.h"
#include "s4d/data/table.h"

/* The lines that cannot be packed: the first in words, all counted. */
typedef struct faults {
    size_t count;
    char text[640];
} faults;

static s4d_status no_memory(const pack_list *list, s4d_err *err)
{
    return s4d_err_memory(err, list->room * 2 * sizeof *list->file, "a list of files");
}

void pack_list_release(pack_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        s4d_mem_free(list->file[i].path);
        s4d_mem_free(list->file[i].name);
    }
    s4d_mem_free(list->file);
    *list = (pack_list){0};
}

/* Copies path and name. */
static s4d_status append(pack_list *list, const pack_file *file, s4d_err *err)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 1024;
        if (!s4d_mem_grow(&list->file, list->room, room, sizeof *list->file)) {
            return no_memory(list, err);
        }
        list->room = room;
    }
    pack_file *f = &list->file[list->count++];
    *f = *file;
    f->path = s4d_mem_strdup(file->path);
    f->name = s4d_mem_strdup(file->name);
    return f->path && f->name ? S4D_OK : no_memory(list, err);
}

/* ---- each once ---- */

static int by_name(const void *a, const void *b)
{
    const pack_file *x = *(pack_file *const *)a, *y = *(pack_file *const *)b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Of files with one name the first stays, and knows whether a part of it is meant anywhere. */
static s4d_status drop_doubles(pack_list *list, s4d_err *err)
{
    pack_file **sorted = s4d_mem_alloc(list->count + 1, sizeof *sorted);
    if (!sorted) {
        return no_memory(list, err);
    }
    for (size_t i = 0; i < list->count; i++) {
        sorted[i] = &list->file[i];
    }
    qsort(sorted, list->count, sizeof *sorted, by_name);
    pack_file *first = sorted[0];
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(first->name, sorted[i]->name) != 0) {
            first = sorted[i];
            continue;
        }
        first->cut = first->cut || sorted[i]->cut;
        s4d_mem_free(sorted[i]->path);
        s4d_mem_free(sorted[i]->name);
        *sorted[i] = (pack_file){0};
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->file[i].name) {
            list->file[kept++] = list->file[i];
        }
    }
    list->count = kept;
    s4d_mem_free(sorted);
    return S4D_OK;
}

/* ---- from rows to files ---- */

static s4d_status take_rows(const char *root, const s4d_table *table, pack_list *out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < table->count && status == S4D_OK; i++) {
        const s4d_row *row = &table->row[i];
        char path[S4D_PATH_MAX], name[S4D_PATH_MAX];
        pack_file file = {.path = path, .name = name, .line = row->line, .cut = row->start > 0 || isfinite(row->end)};
        status = s4d_path_join(path, root, row->path, err);
        if (status == S4D_OK) {
            status = s4d_pack_name(name, row->path, err);
        }
        if (status == S4D_OK) {
            status = append(out, &file, err);
        }
    }
    return status == S4D_OK ? drop_doubles(out, err) : status;
}

static void add_fault(faults *f, const pack_file *file, const char *what)
{
    if (f->count++ == 0) {
        snprintf(f->text, sizeof f->text, "line %ld: %.400s %s", file->line, file->path, what);
    }
}

/* The pictures in a folder. */
static s4d_status take_folder(const s4d_store *store, const pack_file *folder, faults *f, pack_list *out, s4d_err *err)
{
    s4d_strlist name = {0};
    size_t before = out->count;
    s4d_status status = s4d_store_list(store, folder->path, &name, err);
    for (size_t i = 0; i < name.count && status == S4D_OK; i++) {
        char path[S4D_PATH_MAX], member[S4D_PATH_MAX];
        pack_file file = {.path = path, .name = member, .line = folder->line};
        if (!s4d_image_named(name.item[i])) {
            continue;
        }
        status = s4d_path_join(path, folder->path, name.item[i], err);
        if (status == S4D_OK) {
            status = s4d_path_join(member, folder->name, name.item[i], err);
        }
        if (status == S4D_OK && s4d_store_look(store, path, &file.size) != S4D_STORE_FILE) {
            add_fault(f, &file, "is a folder where a picture is expected");
        } else if (status == S4D_OK) {
            status = append(out, &file, err);
        }
    }
    if (status == S4D_OK && out->count == before) {
        add_fault(f, folder, "is a folder without a picture (.jpg, .png, .bmp, ...)");
    }
    s4d_strlist_release(&name);
    return status;
}

static s4d_status take_file(const s4d_store *store, pack_file *file, faults *f, pack_list *out, s4d_err *err)
{
    switch (s4d_store_look(store, file->path, &file->size)) {
    case S4D_STORE_FOLDER:
        return take_folder(store, file, f, out, err);
    case S4D_STORE_FILE:
        return append(out, file, err);
    default:
        add_fault(f, file, "does not exist");
        return S4D_OK;
    }
}

static s4d_status tell_faults(const s4d_pack_opts *o, const faults *f, s4d_err *err)
{
    char more[64] = "";
    if (f->count == 0) {
        return S4D_OK;
    }
    if (f->count > 1) {
        snprintf(more, sizeof more, " (and %zu more faulty path%s)", f->count - 1, f->count > 2 ? "s" : "");
    }
    return s4d_err_set(err, S4D_FAILED, "%s: %s%s; correct the manifest or --root, \"s4d data check\" names every fault",
                       o->manifest, f->text, more);
}

s4d_status pack_list_read(const s4d_pack_opts *o, const s4d_store *store, pack_list *out, s4d_err *err)
{
    s4d_table table = {0};
    pack_list named = {0};
    faults f = {0};
    *out = named;
    s4d_status status = s4d_table_read(o->manifest, &table, err);
    if (status == S4D_OK && table.count == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the manifest is empty; there is nothing to pack", o->manifest);
    }
    if (status == S4D_OK) {
        status = take_rows(o->root, &table, &named, err);
    }
    for (size_t i = 0; i < named.count && status == S4D_OK; i++) {
        status = take_file(store, &named.file[i], &f, out, err);
        if (status == S4D_OK && (status = s4d_interrupt_status()) != S4D_OK) {
            s4d_err_set(err, status, "%s: interrupted; nothing of the pack is left", o->output);
        }
    }
    if (status == S4D_OK) {
        status = tell_faults(o, &f, err);
    }
    if (status == S4D_OK) {
        status = drop_doubles(out, err);
    }
    if (status != S4D_OK) {
        pack_list_release(out);
    }
    pack_list_release(&named);
    s4d_table_release(&table);
    return status;
}
