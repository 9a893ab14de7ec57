/* What the parts of the indexer share: the layouts, lists, lines, samples and the tree below the root. Private to dataset.
 * A job goes through: tree (what is on disk), find (which lists), read (their lines), labels (what they mean), merge (one
 * sample for all its lines), media (where it is on disk), rows; or, without lists, through: tree, paths (or pixels: a csv
 * that holds the images), labels, rows. Then plausible (whether what came out can be a set at all). */
#ifndef S4D_DATASET_INDEX_JOB_H
#define S4D_DATASET_INDEX_JOB_H

#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/data/list.h"
#include "s4d/dataset/index.h"

typedef struct index_job index_job;

/* ---- a map from text to a number ---- */

typedef struct index_map {
    struct index_pair *pair;
    size_t count, room;
    s4d_texts texts; /* the keys */
} index_map;

/* The value of a key, or -1. */
long index_map_get(const index_map *m, const char *key);
/* The map's own copy of a key, or NULL. */
const char *index_map_key(const index_map *m, const char *key);
/* Keys are copied; false: no memory. */
bool index_map_put(index_map *m, const char *key, long value);
void index_map_release(index_map *m);

/* ---- layouts ---- */

typedef enum index_role { INDEX_ANY, INDEX_TRAIN, INDEX_TEST, INDEX_VAL } index_role;
enum {
    INDEX_ROLES = 4,
    INDEX_FRAMES = 1, /* kinds of samples, as bits */
    INDEX_VIDEO = 2,
    INDEX_PICTURE = 4,
    INDEX_LABEL = 8,      /* a file that holds the label of a sample beside it */
    INDEX_LABEL_MAX = 32, /* bytes of such a label */
    INDEX_PATTERNS = 3
};

/* How paths tell what a sample is, by regular expressions (PCRE2) over the path below the root, of which the first that
 * fits counts. Groups: label, subject, split, fold; and id: what tells two samples of one label, subject and split apart,
 * so that the same id twice is the same sample in two folders; copy: of samples that differ in it alone the lowest is
 * taken; part: told with counts, and part of the id; key: what a sample and the file of its label share. */
typedef struct index_paths {
    const char *pattern[INDEX_PATTERNS];
    bool codes;             /* labels are codes of the set's table */
    const char *form;       /* "not named as ...": which paths do not fit, for sentences */
    const char *splits;     /* of what stands for a split: "dev=train"; NULL: the words themselves */
    const char *copies;     /* what is left out for a lower copy, for a sentence */
    const char *parts;      /* what the parts are, for a sentence */
    const char *label_tail; /* the ending of files that hold labels; NULL: the path has the label */
    const char *label_file; /* their pattern, with the group key */
    const char *(*read_label)(const s4d_bytes *file, char out[INDEX_LABEL_MAX]); /* why not, or NULL */
} index_paths;

/* Labels in files: a whole number as text, or what is wrong with the file, to follow its name. */
const char *index_label_npy(const s4d_bytes *file, char out[INDEX_LABEL_MAX]);
const char *index_label_text(const s4d_bytes *file, char out[INDEX_LABEL_MAX]);

typedef struct index_layout {
    s4d_index_set set;
    const char *names;    /* of its lists, for sentences */
    const char *manifest; /* what it is called; NULL: by the set's name */
    s4d_status (*run)(index_job *job, s4d_err *err);
    const index_paths *paths; /* NULL: paths tell nothing */
    const char *pixels;       /* the table of its csv with pixels in it; NULL: there is none */
    bool votes;               /* lists may hold the votes of FER+ */
    const char *tables[3];  /* what its numbers may mean; the first is that of the S4D release */
    unsigned media;         /* kinds of samples */
    s4d_list_cut cut;       /* of a list without separators */
    bool folds;             /* has lists by fold */
    const char *last;       /* name of a list that is read where there is no other, by the beginning of the file's name */
    const char *whole;      /* name of a list that holds training and test samples, by the beginning of the file's name */
    const char *prefer[2];  /* of several lists for one purpose, those with this in their path */
    const char *copy;       /* of several copies of a sample, the one with this in its path */
} index_layout;

/* The known sets, in the order of the help. */
extern const index_layout index_layouts[];
extern const size_t index_layout_count;

s4d_status index_run_set(index_job *job, s4d_err *err);    /* by label files, pixels, paths or lists: what is there */
s4d_status index_run_paths(index_job *job, s4d_err *err);  /* after the walk */
s4d_status index_run_pixels(index_job *job, s4d_err *err); /* after index_find_pixels */
s4d_status index_run_direct(index_job *job, s4d_err *err); /* VideoMAE's lists: paths as they stand */
s4d_status index_run_csv(index_job *job, s4d_err *err);
s4d_status index_run_folders(index_job *job, s4d_err *err);

/* ---- lists and their lines ---- */

typedef struct index_list {
    char *path; /* below the root unless absolute; owned */
    index_role role;
    int fold; /* 0: none */
    s4d_list text; /* entries point into it */
    bool shared;    /* more lines of the list before it, of another role */
    bool header;
    bool expressions; /* AffectNet's official csv: 8 and above are no classes */
} index_list;

typedef struct index_entry {
    char *name; /* of the sample, as listed */
    char *label; /* as listed; NULL where the line has none */
    long line;
    int list;
    int class; /* -1: none */
    bool left_out;
} index_entry;

/* What a first record says if it is a header; -1: no such column. */
typedef struct index_columns {
    int name, label, usage, pixels;
} index_columns;
index_columns index_read_header(const s4d_record *r);
/* "Training", "PublicTest" and "PrivateTest" of FER2013 and FER+ are train, val and test, as is what names of lists say. */
index_role index_usage_role(const char *usage);
/* The list that holds lines of this role out of the list's file: itself, or one that is added; -1: no memory. */
int index_list_of_role(index_job *job, int list, index_role role, s4d_err *err);
/* Where a list's text is; read once. */
s4d_status index_read_text(index_job *job, int list, s4d_err *err);

/* ---- the votes of FER+ ---- */

typedef struct index_votes {
    int name, usage, first; /* columns; usage -1: there is none */
    bool header;            /* in the first record, which is no sample then */
} index_votes;

/* Whether the list's first record shows that it holds votes. */
bool index_votes_form(const s4d_record *first, index_votes *out);
/* The class with the most votes, of the table ferplus; NULL: the line is left out and counted, or a fault was gathered. */
const char *index_votes_class(index_job *job, const index_votes *v, int list, const s4d_record *r);
/* How many lines were left out, and why. */
s4d_status index_votes_end(index_job *job, s4d_err *err);

/* ---- lists without a header whose columns are not path and label ---- */

/* Columns; third: another that may be the label, -1: there is none. */
typedef struct index_shape {
    int name, label, third;
    bool words; /* without commas: the last word of the first field is a column of its own */
} index_shape;

/* Whether a first record has the label in front, or three columns, one of which is a path. */
bool index_shape_odd(const index_job *job, const s4d_record *first, const s4d_list *l, index_shape *out);
/* Makes a record's three words three fields; false: it has not so many. */
bool index_shape_words(s4d_record *r);
/* Of the entries from `before` on, whose label is the one column, third[i] the other: takes the one that must be it.
 * S4D_FAILED: both may. */
s4d_status index_shape_choose(index_job *job, int list, const index_shape *s, size_t before, char *const *third, s4d_err *err);

/* ---- the tree ---- */

typedef struct index_unit {
    char *path; /* below the root; the tree's */
    unsigned kind;
    bool taken;
} index_unit;

typedef struct index_tree {
    index_unit *unit;
    size_t count, room;
    s4d_texts paths;
    s4d_strlist texts; /* .csv and .txt, below the root */
    s4d_strlist stray; /* names of what systems and tools left there, each once; it is passed over */
} index_tree;

/* Lists below the root, unless they are given, and units of the layout's kinds below the root or its media folder. */
s4d_status index_tree_walk(index_job *job, s4d_err *err);
/* Lists in the root itself alone. */
s4d_status index_tree_top(index_job *job, s4d_err *err);
void index_tree_release(index_tree *tree);
/* The kind by a file's ending, 0: neither video nor picture. */
unsigned index_kind_of(const char *name);

/* ---- samples ---- */

typedef struct index_sample {
    const char *name; /* as first listed */
    int list;
    long line;
    int class;
    uint32_t member[INDEX_ROLES]; /* by role, a bit for each slot */
    long unit; /* in the tree, -1: not found */
    const char *path; /* as long as the job */
    int fold;
    const char *split;
} index_sample;

enum { INDEX_SLOTS = 32 };

typedef struct index_faults {
    long count;
    char text[700];
} index_faults;

/* A csv that holds the images. */
typedef struct index_pixels {
    int list;
    char *folder;        /* where its images are written, below the root; owned */
    const uint8_t **row; /* of each data line, side * side gray values, in the list's text; owned */
    int *side;           /* owned */
    size_t rows, room;
} index_pixels;

struct index_job {
    const s4d_index_opts *opts;
    const index_layout *layout;
    s4d_index *out;
    index_map text;    /* index_text's */
    s4d_texts missing; /* paths of samples that are not in the tree */
    s4d_strlist pixel_lists; /* taken out of the tree's texts */
    index_pixels *pixels;
    size_t pixel_count;
    struct {
        long rows, nameless, none, ties;
    } votes;
    index_tree tree;
    index_list *list;
    size_t lists, list_room;
    index_entry *entry;
    size_t entries, entry_room;
    index_sample *sample;
    size_t samples, sample_room;
    index_faults faults;
    const char *table; /* of the classes, NULL: names only */
};

void index_release_job(index_job *job); /* all but what it has made */
/* One copy of a text, which lives as long as the job; NULL: no memory. */
char *index_text(index_job *job, const char *at, size_t size);
/* Adds a line about a decision; false: no memory. */
s4d_status index_decide(index_job *job, s4d_err *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Gathers a fault at a line of a list (line 0: of the whole list; list -1: of the set). */
void index_fault(index_job *job, int list, long line, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Gathers that a listed path is not on disk below the root, or its media folder; the first such fault tells where it may be. */
void index_fault_missing(index_job *job, int list, long line, const char *path);
/* S4D_FAILED with the first of the gathered faults, their number and the remedy; S4D_OK where there are none. */
s4d_status index_faults_end(index_job *job, const char *remedy, s4d_err *err);
s4d_status index_add_list(index_job *job, const char *path, index_role role, int fold, s4d_err *err);
s4d_status index_add_entry(index_job *job, const index_entry *entry, s4d_err *err);
/* The last part of a path brought to one form: without ending, zeros before a number, "_aligned". */
bool index_key(const char *path, bool with_parents, s4d_str *out);
/* A listed path in one spelling, which is never longer; *fault: why it cannot be taken, to follow the path, or NULL.
 * S4D_FAILED: it is too long. */
s4d_status index_spell(char out[S4D_PATH_MAX], const char *path, const char **fault, s4d_err *err);

/* A row for every entry that is not left out, with its list's split. */
s4d_status index_add_entries(index_job *job, s4d_err *err);
/* Tells that a set whose only samples held back are for validation is tested on them. */
s4d_status index_tell_validation(index_job *job, s4d_err *err);
/* The classes of a table as the job's. */
void index_take_table(index_job *job, const char *table);
/* Whether a list's header has a column of pixels. */
bool index_has_pixels(const index_job *job, const char *list);
/* Of the tree's texts those that hold pixels, for sets that come so. */
s4d_status index_find_pixels(index_job *job, s4d_err *err);
/* Writes the images of csv files, unless they are there from an earlier time. */
s4d_status index_write_images(index_job *job, s4d_err *err);
/* S4D_FAILED where what came out is no set: one class, classes that are no classes, clips that are none. */
s4d_status index_check_plausible(index_job *job, s4d_err *err);
/* S4D_USAGE: --accept has a word that is none of the doubts. */
s4d_status index_check_accept(const index_job *job, s4d_err *err);
/* Whether --accept names the word. */
bool index_accepts(const index_job *job, const char *word);
/* Whether the name says that a folder is a split, a person, or a kind of file, as a sentence's end; NULL: it does not. */
const char *index_no_class(const char *name);

/* What a list is for, by its name and the folders above. */
void index_read_name(const char *path, index_role *role, int *fold);
/* What a folder is for, by its name alone. */
index_role index_folder_role(const char *name, size_t size);
bool index_has_role_lists(const index_job *job);
s4d_status index_find_lists(index_job *job, s4d_err *err);
s4d_status index_read_lists(index_job *job, s4d_err *err);
s4d_status index_read_labels(index_job *job, s4d_err *err);
s4d_status index_merge(index_job *job, s4d_err *err);
s4d_status index_find_media(index_job *job, s4d_err *err);
s4d_status index_find_direct(index_job *job, s4d_err *err);
/* opts->classes as the job's classes. */
s4d_status index_take_classes(index_job *job, s4d_err *err);
/* The class's place, added where the set has no table; -1: unknown or one too many. */
int index_class_of(index_job *job, const char *name);
s4d_status index_add_row(index_job *job, const s4d_row *row, s4d_err *err);
/* The role as a manifest's split. */
const char *index_split(index_role role);

#endif
