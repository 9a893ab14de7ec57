/* Names of columns: what lists of other programs call a path, a label and the rest. One table for every reader. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "s4d/data/list.h"
#include "s4d/data/manifest.h"

enum { NAME_MAX_BYTES = 40 };

/* As in the manifest, lists of DFEW, FERV39K, MAFW, AffectNet, FER+, and data frames of speech sets. */
static const char *const OTHERS[S4D_COLUMNS] = {
    [S4D_COLUMN_PATH] = (" paths video_name video_path video_file file_path file_name filename filepath image_path image_name image_file"
                        " img_path img_name img_file imagepath imagename videopath videoname clip_path clip_name clip_file"
                        " relative_path rel_path subdirectory_filepath frames_path frame_path "),
    [S4D_COLUMN_LABEL] = (" labels class classes class_name classname emotion emotions emotion_label expression expression_label expr"
                         " category label_name emotion_name ground_truth "),
    [S4D_COLUMN_SPLIT] = " usage subset partition set ",
    [S4D_COLUMN_FOLD] = " folds fold_id ",
    [S4D_COLUMN_SUBJECT] = " subject_id subjectid speaker speaker_id person person_id actor actor_id participant participant_id identity ",
    [S4D_COLUMN_START] = " start_time start_sec start_seconds ",
    [S4D_COLUMN_END] = " end_time end_sec end_seconds ",
};
static const char *const WEAK[S4D_COLUMNS] = {
    [S4D_COLUMN_PATH] = " name file files video videos image images img clip sample video_id clip_id image_id ",
    [S4D_COLUMN_LABEL] = " id label_id class_id emotion_id expression_id target gt y ",
};

/* In small letters, with _ for what parts words; false: too long to be known. */
static bool plain_name(const char *field, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (; field[n] && n < NAME_MAX_BYTES - 1; n++) {
        char c = field[n];
        out[n] = c == ' ' || c == '-' || c == '.' ? '_' : (char)tolower((unsigned char)c);
    }
    out[n] = '\0';
    return !field[n] && n > 0;
}

static bool holds(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)); at++) {
        if (at[-1] == ' ' && at[size] == ' ') {
            return true;
        }
    }
    return false;
}

s4d_head_rank s4d_list_head(const char *field, s4d_column *column)
{
    char name[NAME_MAX_BYTES];
    if (!plain_name(field, name)) {
        return S4D_HEAD_NONE;
    }
    for (int c = 0; c < S4D_COLUMNS; c++) {
        *column = (s4d_column)c;
        if (strcmp(name, s4d_column_name(*column)) == 0) {
            return S4D_HEAD_OWN;
        }
        if (holds(OTHERS[c], name)) {
            return S4D_HEAD_OTHER;
        }
        if (holds(WEAK[c], name)) {
            return S4D_HEAD_WEAK;
        }
    }
    return S4D_HEAD_NONE;
}

bool s4d_list_is_path(const char *field)
{
    const char *dot = strrchr(field, '.');
    size_t n = 0, letters = 0;
    if (strpbrk(field, "/\\")) {
        return true;
    }
    for (; dot && isalnum((unsigned char)dot[n + 1]); n++) {
        letters += isalpha((unsigned char)dot[n + 1]) != 0;
    }
    return dot > field && n >= 2 && n <= 5 && letters > 0 && !dot[n + 1];
}

/* ---- a header ---- */

static const char REMEDY[] = "a manifest's columns are path, label, split, fold, subject, start, end and content";

static bool is_unnamed(const char *field)
{
    return !*field || strncasecmp(field, "Unnamed:", 8) == 0;
}

/* A header in one piece that separators nobody knows would cut into names of columns: the first of them, '\0': none would. */
static char foreign_separator(const char *header)
{
    char separator = '\0';
    int known = 0;
    for (const char *at = header; *at;) {
        char name[NAME_MAX_BYTES];
        s4d_column c;
        size_t n = 0;
        while (isalnum((unsigned char)at[n]) || at[n] == '_') {
            n++;
        }
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 0, at);
        known += s4d_list_head(name, &c) != S4D_HEAD_NONE;
        at += n;
        separator = *at && !separator ? *at : separator;
        at += *at != '\0';
    }
    return known > 1 ? separator : '\0';
}

static s4d_status check_form(const s4d_record *r, s4d_err *err)
{
    char separator = r->columns == 1 ? foreign_separator(r->field[0]) : '\0';
    if (*r->field[0] == '{' || *r->field[0] == '[') {
        return s4d_err_set(err, S4D_FAILED, "line %ld: this is JSON, not csv; write a csv with a header such as path,label", r->line);
    }
    if (r->fault) {
        return s4d_err_set(err, S4D_FAILED, "line %ld: %s", r->line, r->fault);
    }
    if (separator) {
        return s4d_err_set(err, S4D_FAILED, "line %ld: the columns are separated by \"%c\"; separate them by commas", r->line,
                           separator);
    }
    return S4D_OK;
}

/* Where a sample stands in place of the header. */
static s4d_status check_sample(const s4d_record *r, s4d_err *err)
{
    bool sample = false;
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        s4d_column c;
        if (s4d_list_head(r->field[i], &c) != S4D_HEAD_NONE) {
            return S4D_OK;
        }
        sample = sample || s4d_list_is_path(r->field[i]) || s4d_labels_numeric(r->field[i]);
    }
    if (!sample) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED,
                       "line %ld: a header such as \"path,label\" must stand here, not \"%.60s\" with %d column%s; write one, or set "
                       "the format the list has", r->line, r->field[0], r->columns, r->columns == 1 ? "" : "s");
}

/* Gives columns of a rank their fields. */
static s4d_status take_rank(const s4d_record *r, s4d_head_rank rank, s4d_heads *h, s4d_err *err)
{
    bool mine[S4D_COLUMNS] = {false};
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        s4d_column c;
        if (s4d_list_head(r->field[i], &c) != rank) {
            continue;
        }
        if (mine[c] && rank == S4D_HEAD_OWN) {
            return s4d_err_set(err, S4D_FAILED, "line %ld: the column \"%s\" stands there twice; keep one", r->line, s4d_column_name(c));
        }
        if (mine[c]) {
            return s4d_err_set(err, S4D_FAILED,
                               "line %ld: the columns \"%.40s\" and \"%.40s\" may both be the %s; name the one that is \"%s\"", r->line,
                               r->field[h->at[c]], r->field[i], s4d_column_name(c), s4d_column_name(c));
        }
        if (h->at[c] < 0) {
            h->at[c] = i;
            mine[c] = true;
        }
    }
    return S4D_OK;
}

static bool is_taken(const s4d_heads *h, int field)
{
    for (int c = 0; c < S4D_COLUMNS; c++) {
        if (h->at[c] == field) {
            return true;
        }
    }
    return false;
}

/* The field that is left of two with a name, -1: there are more or fewer, or it is not left. */
static int other_of_two(const s4d_record *r, const s4d_heads *h)
{
    int other = -1, named = 0;
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        named += !is_unnamed(r->field[i]);
        other = is_unnamed(r->field[i]) || is_taken(h, i) ? other : i;
    }
    return named == 2 ? other : -1;
}

/* Of two columns, what names alone do not tell. */
static void complete(const s4d_record *r, bool two, s4d_heads *h)
{
    int *path = &h->at[S4D_COLUMN_PATH], *label = &h->at[S4D_COLUMN_LABEL], other = other_of_two(r, h);
    if (*path < 0 && *label >= 0) {
        *path = other;
    } else if (two && *path >= 0 && *label < 0) {
        *label = other;
    } else if (two && *path < 0 && other == 1 && r->columns == 2) {
        *path = 0;
        *label = 1;
    }
}

/* A column that is missing and nearly has this name, or NULL. */
static const char *near_miss(const s4d_heads *h, const char *field)
{
    const char *missing[S4D_COLUMNS];
    char name[NAME_MAX_BYTES];
    size_t n = 0;
    for (int c = 0; c < S4D_COLUMNS; c++) {
        if (h->at[c] < 0) {
            missing[n++] = s4d_column_name((s4d_column)c);
        }
    }
    const char *near = plain_name(field, name) ? s4d_str_nearest(name, missing, n) : NULL;
    return near && strlen(near) <= strlen(name) + 1 && strlen(name) <= strlen(near) + 1 ? near : NULL;
}

static s4d_status pass_over(const s4d_record *r, s4d_heads *h, s4d_err *err)
{
    size_t used = 0;
    for (int i = 0; i < r->columns && i < S4D_LIST_FIELDS; i++) {
        s4d_column c;
        if (is_taken(h, i)) {
            continue;
        }
        h->unnamed = (used == 0 || h->unnamed) && is_unnamed(r->field[i]);
        bool unknown = !is_unnamed(r->field[i]) && s4d_list_head(r->field[i], &c) == S4D_HEAD_NONE;
        const char *near = unknown ? near_miss(h, r->field[i]) : NULL;
        if (near) {
            return s4d_err_set(err, S4D_FAILED, "line %ld: \"%.60s\" is no column; did you mean %s? %s", r->line, r->field[i], near,
                               REMEDY);
        }
        if (used + 60 < sizeof h->unread) {
            used += (size_t)snprintf(h->unread + used, sizeof h->unread - used, "%s\"%.40s\"", used ? ", " : "", r->field[i]);
        } else if (used < sizeof h->unread - 5) {
            strcpy(h->unread + used, ", ...");
            used = sizeof h->unread;
        }
    }
    return S4D_OK;
}

s4d_status s4d_heads_read(const s4d_record *r, bool two, s4d_heads *out, s4d_err *err)
{
    *out = (s4d_heads){.columns = r->columns};
    for (int c = 0; c < S4D_COLUMNS; c++) {
        out->at[c] = -1;
    }
    s4d_status status = check_form(r, err);
    if (status == S4D_OK) {
        status = check_sample(r, err);
    }
    for (int rank = S4D_HEAD_OWN; rank > S4D_HEAD_NONE && status == S4D_OK; rank--) {
        status = take_rank(r, (s4d_head_rank)rank, out, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    complete(r, two, out);
    status = pass_over(r, out, err);
    if (status == S4D_OK && out->at[S4D_COLUMN_PATH] < 0) {
        status = s4d_err_set(err, S4D_FAILED, "line %ld: the column \"path\" is missing from the header; %s", r->line, REMEDY);
    }
    return status;
}
