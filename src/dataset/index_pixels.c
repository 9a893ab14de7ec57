/* Sets that come as a csv with the images in it: FER2013 (emotion,pixels,Usage, with or without blanks in front of the names,
 * or without Usage as train.csv), its labels or FER+'s beside it, and CK+ as ckextended.csv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dataset/index_job.h"
#include "s4d/base/mem.h"
#include "s4d/data/manifest.h"

enum { HEAD_MAX = 4096, SIDE_MAX = 1024 };

/* ---- which files ---- */

/* The first line's columns; a file that cannot be read has none. */
static index_columns peek(const index_job *job, const char *name)
{
    char path[S4D_PATH_MAX];
    const index_columns none = {-1, -1, -1, -1};
    s4d_bytes head = {.data = s4d_mem_alloc(HEAD_MAX + 1, 1)};
    s4d_list list = {0};
    s4d_record record;
    FILE *file = head.data && s4d_path_join(path, job->opts->root, name, NULL) == S4D_OK ? fopen(path, "rb") : NULL;
    if (file) {
        head.size = fread(head.data, 1, HEAD_MAX, file);
        fclose(file);
    }
    bool read = file && s4d_list_take(&head, &list, NULL) == S4D_OK;
    if (read) {
        s4d_list_begin(&list, S4D_CUT_LAST);
    }
    const index_columns c = read && s4d_list_next(&list, &record) ? index_read_header(&record) : none;
    s4d_list_release(&list);
    s4d_bytes_release(&head);
    return c;
}

bool index_has_pixels(const index_job *job, const char *list)
{
    return peek(job, list).pixels >= 0;
}

static bool is_named(const char *path, const char *begin)
{
    return strncasecmp(s4d_path_name(path), begin, strlen(begin)) == 0;
}

/* A file of the right name without the columns is not passed over. */
static s4d_status check_named(index_job *job, s4d_err *err)
{
    const s4d_strlist *texts = &job->tree.texts;
    for (size_t i = 0; i < texts->count && job->layout->pixels && job->pixel_lists.count == 0 && !job->layout->names; i++) {
        const char *name = texts->item[i];
        if (is_named(name, job->layout->pixels) && strcasecmp(s4d_path_name(name) + strlen(job->layout->pixels), ".csv") == 0) {
            return s4d_err_set(err, S4D_FAILED, "%.300s: has no header with the columns emotion and pixels; take the file as it is given "
                               "out", name);
        }
    }
    return S4D_OK;
}

s4d_status index_find_pixels(index_job *job, s4d_err *err)
{
    s4d_strlist *texts = &job->tree.texts;
    size_t kept = 0;
    bool good = true;
    for (size_t i = 0; i < texts->count; i++) {
        char *name = texts->item[i];
        if (job->layout->pixels && peek(job, name).pixels >= 0) {
            good = s4d_strlist_add(&job->pixel_lists, name) && good;
            s4d_mem_free(name);
        } else {
            texts->item[kept++] = name;
        }
    }
    texts->count = kept;
    return good ? check_named(job, err) : s4d_err_memory(err, S4D_PATH_MAX, "the names of lists");
}

/* Whether the file says what the set needs: labels, unless they stand elsewhere or are not read. */
static bool is_labelled(const index_job *job, const char *name)
{
    return peek(job, name).label >= 0 || job->opts->unlabelled || job->layout->votes;
}

/* Of several files with a column Usage, which hold the same, the one called as the set is. */
static s4d_status choose_whole(index_job *job, s4d_err *err)
{
    const char *first = NULL, *second = NULL, *named = NULL;
    int named_count = 0;
    for (size_t i = 0; i < job->pixel_lists.count; i++) {
        const char *name = job->pixel_lists.item[i];
        if (peek(job, name).usage >= 0 && is_labelled(job, name)) {
            second = first && !second ? name : second;
            first = first ? first : name;
            named = is_named(name, job->layout->pixels) ? name : named;
            named_count += is_named(name, job->layout->pixels);
        }
    }
    if (!first) {
        return S4D_OK;
    }
    if (second && named_count != 1) {
        return s4d_err_set(err, S4D_FAILED, "%s: %.200s and %.200s both hold images and their usage; move one of the two away",
                           job->opts->root, first, second);
    }
    const char *taken = second ? named : first;
    s4d_status status = index_add_list(job, taken, INDEX_ANY, 0, err);
    return status == S4D_OK && second
               ? index_decide(job, err, "%s is read and %s is not, as both hold images and their usage", taken,
                              taken == first ? second : first)
               : status;
}

/* Files without Usage, by what their names say: train.csv; those without labels, as test.csv, only where none are wanted. */
static s4d_status choose_parts(index_job *job, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (size_t i = 0; i < job->pixel_lists.count && status == S4D_OK; i++) {
        const char *name = job->pixel_lists.item[i];
        index_role role;
        int fold;
        index_read_name(name, &role, &fold);
        if (!is_labelled(job, name)) {
            status = index_decide(job, err, "%s is not read, as it has no column of labels", name);
        } else {
            status = index_add_list(job, name, role, 0, err);
        }
    }
    return status;
}

static s4d_status choose_files(index_job *job, s4d_err *err)
{
    s4d_status status = choose_whole(job, err);
    if (status == S4D_OK && job->lists == 0) {
        status = choose_parts(job, err);
    }
    if (status == S4D_OK && job->lists == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: %.300s has pixels and no column of labels; take the whole file, or add --unlabelled",
                             job->opts->root, job->pixel_lists.item[0]);
    }
    if (status != S4D_OK) {
        return status;
    }
    job->pixels = s4d_mem_alloc(job->lists, sizeof *job->pixels);
    job->pixel_count = job->pixels ? job->lists : 0;
    for (size_t i = 0; i < job->pixel_count; i++) {
        job->pixels[i].list = (int)i;
    }
    return job->pixels ? S4D_OK : s4d_err_memory(err, job->lists * sizeof *job->pixels, "lists");
}

/* ---- lines ---- */

/* Numbers with blanks between become bytes, in place; how many, or -1: what stands there is none of 0..255. */
static long take_gray(char *text)
{
    unsigned char *out = (unsigned char *)text;
    long n = 0;
    while (*text) {
        int value = 0, digits = 0;
        for (; *text >= '0' && *text <= '9'; text++) {
            value = value * 10 + (*text - '0');
            if (++digits > 3) {
                return -1;
            }
        }
        if (digits == 0 || value > 255 || (*text && *text != ' ')) {
            return -1;
        }
        text += strspn(text, " ");
        out[n++] = (unsigned char)value; /* no further than what was read */
    }
    return n;
}

static int side_of(long values)
{
    int side = 1;
    while (side < SIDE_MAX && (long)side * side < values) {
        side++;
    }
    return (long)side * side == values ? side : 0;
}

/* Keeps a line's image. */
static s4d_status keep_image(index_job *job, index_pixels *p, const s4d_record *r, char *field, s4d_err *err)
{
    long n = take_gray(field);
    int side = n > 0 ? side_of(n) : 0;
    if (n < 0) {
        index_fault(job, p->list, r->line, "the pixels are not all numbers of 0 to 255 with blanks between");
    } else if (side == 0) {
        index_fault(job, p->list, r->line, "%ld pixels are no square image, such as 2304 for 48 x 48", n);
    }
    if (p->rows == p->room) {
        size_t room = p->room ? 2 * p->room : 1024;
        if (!s4d_mem_grow(&p->row, p->room, room, sizeof *p->row) || !s4d_mem_grow(&p->side, p->room, room, sizeof *p->side)) {
            return s4d_err_memory(err, room * sizeof *p->row, "the images of a list");
        }
        p->room = room;
    }
    p->row[p->rows] = (const uint8_t *)field;
    p->side[p->rows++] = side;
    return S4D_OK;
}

/* The folder of a file's images, beside it: fer2013.csv's are in fer2013_images. */
static bool name_folder(index_job *job, index_pixels *p)
{
    const char *path = job->list[p->list].path, *dot = strrchr(s4d_path_name(path), '.');
    s4d_str name = {0};
    s4d_str_add_bytes(&name, path, dot ? (size_t)(dot - path) : strlen(path));
    s4d_str_add(&name, "_images");
    p->folder = name.failed ? NULL : s4d_mem_strdup(name.text);
    s4d_str_release(&name);
    return p->folder != NULL;
}

/* Adds the sample of data line `row`. */
static s4d_status add_image(index_job *job, const index_pixels *p, size_t row, index_entry e, s4d_err *err)
{
    s4d_str name = {0};
    s4d_str_printf(&name, "%s/%05zu.png", p->folder, row);
    e.name = name.failed ? NULL : index_text(job, name.text, name.size);
    e.class = -1;
    s4d_str_release(&name);
    return e.name ? index_add_entry(job, &e, err) : s4d_err_memory(err, S4D_PATH_MAX, "the names of images");
}

/* The label as the set's table has it, unless --classes says what numbers mean. */
static char *label_of(const index_job *job, char *text)
{
    const char *class = job->opts->classes ? NULL : s4d_labels_code(job->layout->pixels, text);
    return class ? (char *)class : text;
}

static s4d_status take_line(index_job *job, index_pixels *p, const index_columns *c, const s4d_record *r, s4d_err *err)
{
    index_entry e = {.line = r->line, .list = p->list};
    bool labelled = !job->opts->unlabelled && !job->layout->votes;
    int last = c->pixels > c->usage ? c->pixels : c->usage;
    last = labelled && c->label > last ? c->label : last;
    if (r->fault || r->columns <= last) {
        index_fault(job, p->list, r->line, "%s", r->fault ? r->fault : "the line has too few columns");
        return S4D_OK;
    }
    s4d_status status = keep_image(job, p, r, r->field[c->pixels], err);
    if (status != S4D_OK || job->layout->votes) {
        return status;
    }
    e.label = labelled ? label_of(job, r->field[c->label]) : NULL;
    if (c->usage >= 0) {
        index_role role = index_usage_role(r->field[c->usage]);
        if (role == INDEX_ANY) {
            index_fault(job, p->list, r->line, "the usage \"%.40s\" is none of Training, PublicTest and PrivateTest", r->field[c->usage]);
            return S4D_OK;
        }
        e.list = index_list_of_role(job, p->list, role, err);
        if (e.list < 0) {
            return S4D_FAILED;
        }
    }
    return add_image(job, p, p->rows - 1, e, err);
}

static s4d_status read_file(index_job *job, index_pixels *p, s4d_err *err)
{
    s4d_record r;
    s4d_status status = index_read_text(job, p->list, err);
    if (status == S4D_OK && !name_folder(job, p)) {
        status = s4d_err_memory(err, S4D_PATH_MAX, "a folder's name");
    }
    if (status != S4D_OK) {
        return status;
    }
    s4d_list_begin(&job->list[p->list].text, S4D_CUT_LAST);
    bool more = s4d_list_next(&job->list[p->list].text, &r);
    const index_columns c = more ? index_read_header(&r) : (index_columns){-1, -1, -1, -1};
    while (status == S4D_OK && s4d_list_next(&job->list[p->list].text, &r)) { /* job->list may have moved */
        status = take_line(job, p, &c, &r, err);
    }
    if (status == S4D_OK && p->rows == 0 && job->faults.count == 0) {
        status = s4d_err_set(err, S4D_FAILED, "%s: the list holds a header and no sample; take the whole one", job->list[p->list].path);
    }
    return status;
}

/* ---- FER+ over FER2013 ---- */

/* fer2013new.csv has the votes for the lines of fer2013.csv, in the same order. */
static s4d_status join_votes(index_job *job, s4d_err *err)
{
    s4d_record r;
    index_votes v;
    const index_pixels *p = &job->pixels[0];
    int list = (int)job->lists;
    size_t row = 0;
    const char *name = NULL;
    for (size_t i = 0; i < job->tree.texts.count && !name; i++) {
        name = is_named(job->tree.texts.item[i], job->layout->last) ? job->tree.texts.item[i] : NULL;
    }
    if (!name) {
        return s4d_err_set(err, S4D_FAILED, "%s: there are the images (%.200s) but not the votes of FER+; put fer2013new.csv beside them",
                           job->opts->root, job->list[p->list].path);
    }
    s4d_status status = index_add_list(job, name, INDEX_ANY, 0, err);
    status = status == S4D_OK ? index_read_text(job, list, err) : status;
    if (status != S4D_OK) {
        return status;
    }
    s4d_list_begin(&job->list[list].text, S4D_CUT_LAST);
    if (!s4d_list_next(&job->list[list].text, &r) || !index_votes_form(&r, &v) || v.usage < 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: has not the columns Usage, Image name and the ten of votes; take FER+'s fer2013new.csv "
                           "as it is", name);
    }
    for (; status == S4D_OK && s4d_list_next(&job->list[list].text, &r); row++) { /* job->list may have moved */
        const char *class = index_votes_class(job, &v, list, &r);
        index_entry e = {.label = (char *)class, .line = r.line};
        if (class && row < p->rows) {
            e.list = index_list_of_role(job, list, index_usage_role(r.field[v.usage]), err);
            status = e.list < 0 ? S4D_FAILED : add_image(job, p, row, e, err);
        }
    }
    if (status == S4D_OK && row != p->rows) {
        status = s4d_err_set(err, S4D_FAILED, "%s: has %zu lines of votes, and %s has %zu images; take two files that belong together",
                             name, row, job->list[p->list].path, p->rows);
    }
    return status;
}

s4d_status index_run_pixels(index_job *job, s4d_err *err)
{
    s4d_status status = choose_files(job, err);
    for (size_t i = 0; i < job->pixel_count && status == S4D_OK; i++) {
        status = read_file(job, &job->pixels[i], err);
    }
    if (status == S4D_OK && job->layout->votes) {
        status = join_votes(job, err);
    }
    if (status == S4D_OK) {
        status = index_faults_end(job, "correct the list", err);
    }
    if (status == S4D_OK) {
        status = index_votes_end(job, err);
    }
    if (status == S4D_OK && !job->table && !job->layout->votes) {
        index_take_table(job, job->layout->pixels);
    }
    if (status == S4D_OK && job->entries > 0) {
        status = index_read_labels(job, err);
    }
    return status == S4D_OK ? index_add_entries(job, err) : status;
}
