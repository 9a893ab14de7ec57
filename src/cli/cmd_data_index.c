/* s4d data index: a set as it is distributed becomes one manifest. */
#include <stdio.h>
#include <sys/stat.h>

#include "cli/args.h"
#include "cli/cmd_data.h"
#include "s4d/base/log.h"
#include "s4d/base/file.h"
#include "s4d/dataset/index.h"
#include "s4d/dataset/stats.h"

/* What was read, what was decided and why, and the counts. */
static void print_index(const s4d_index *x, const s4d_stats *stats, const char *set, const char *output)
{
    s4d_line("%s: %zu samples, written to %s", set, x->table.count, output);
    if (x->lists) puts("\nread");
    for (size_t i = 0; i < x->lists; ++i) {
        const s4d_index_list *l = &x->list[i];
        char fold[24] = "";
        if (l->fold) snprintf(fold, sizeof fold, ", fold %d", l->fold);
        s4d_line("  %s: %ld samples%s%s%s", l->path, l->samples, *l->split ? ", " : "", l->split, fold);
    }
    if (x->decided.count) puts("\ndecided");
    for (size_t i = 0; i < x->decided.count; ++i) s4d_line("  %s", x->decided.item[i]);
    puts("");
    print_stats(stats);
}

/* The lists that were read stay as they are, whatever --overwrite says. */
static s4d_status check_output(const s4d_index_opts *o, const s4d_index *x, const char *output, s4d_err *err)
{
    struct stat there, list;
    char path[S4D_PATH_MAX];
    for (size_t i = 0; i < x->lists && stat(output, &there) == 0; ++i)
        if (s4d_path_join(path, o->root, x->list[i].path, NULL) == S4D_OK && stat(path, &list) == 0 && there.st_dev == list.st_dev &&
            there.st_ino == list.st_ino)
            return s4d_err_set(err, S4D_FAILED, "%s: is a list that is read and would be replaced; write elsewhere with --output", output);
    return S4D_OK;
}

static s4d_status write_manifest(const s4d_index_opts *o, const char *output, s4d_err *err)
{
    s4d_index index;
    s4d_stats stats = {0};
    s4d_status status = s4d_index_make(o, &index, err);
    if (status == S4D_OK) status = check_output(o, &index, output, err);
    if (status == S4D_OK) status = s4d_stats_make(&index.table, &stats, err);
    if (status == S4D_OK) status = s4d_table_write(output, &index.table, err);
    if (status == S4D_OK) print_index(&index, &stats, o->set, output);
    s4d_stats_release(&stats);
    s4d_index_release(&index);
    return status;
}

static s4d_status run(const s4d_index_opts *o, const char *output, bool overwrite, s4d_err *err)
{
    char standard[S4D_PATH_MAX], name[80];
    if (!output) {
        s4d_index_manifest(o->set, name);
        s4d_status status = s4d_path_join(standard, o->root, name, err);
        if (status != S4D_OK) return status;
        output = standard;
    }
    if (!overwrite && s4d_path_exists(output))
        return s4d_err_set(err, S4D_FAILED, "%s: is there already; write elsewhere with --output, or replace it with --overwrite",
                           output);
    return write_manifest(o, output, err);
}

static const char details_head[] =
    "The manifest has paths below ROOT, class names in one spelling, and split, fold and subject where they are known;\n"
    "data/README.md describes it. What could be read in two ways is decided by what the lists and the folders hold, and\n"
    "told; where nothing decides it, the tool asks for an option.\n\nsets\n";

s4d_status cmd_data_index(int argc, char **argv, s4d_err *err)
{
    s4d_index_opts o = {.first_label = -1};
    const char *output = NULL;
    int64_t first_label = -1, fold = 0;
    bool overwrite = false, done;
    const arg_place place[] = {{"SET", &o.set, "which set it is, or how own data lie", false},
                               {"ROOT", &o.root, "the folder it was unpacked to", false}};
    const arg_option option[] = {
        {"output", ARG_TEXT, &output, "FILE", "the manifest to write (ROOT/SET.csv; of fer2013 ROOT/fer2013_manifest.csv)", 0, 0},
        {"overwrite", ARG_FLAG, &overwrite, NULL, "replace the manifest if it is there", 0, 0},
        {"train", ARG_TEXT, &o.train, "LIST", "the training list, below ROOT; {fold} stands for a number (looked for)", 0, 0},
        {"test", ARG_TEXT, &o.test, "LIST", "the test list (looked for)", 0, 0},
        {"val", ARG_TEXT, &o.val, "LIST", "the validation list (looked for)", 0, 0},
        {"media", ARG_TEXT, &o.media, "DIR", "where clips or pictures are, below ROOT (looked for)", 0, 0},
        {"fold", ARG_NUMBER, &fold, "N", "this fold alone, as train and test (all folds)", 1, 1000},
        {"classes", ARG_TEXT, &o.classes, "NAMES", "what numbers mean: a table of data/labels, or names with commas", 0, 0},
        {"first-label", ARG_NUMBER, &first_label, "N", "number of the first class (told by the lists)", 0, 1},
        {"pattern", ARG_TEXT, &o.pattern, "REGEX", "where paths have (?<label>...), (?<subject>...), (?<split>...), (?<fold>...)", 0, 0},
        {"accept", ARG_TEXT, &o.accept, "WORDS", "go on where a set looks wrong, with commas between words of the list below", 0, 0},
        {"unlabelled", ARG_FLAG, &o.unlabelled, NULL, "do not read labels", 0, 0},
        {"keep-missing", ARG_FLAG, &o.keep_missing, NULL, "keep the lines of samples that are not on disk", 0, 0},
    };
    s4d_str details = {0};
    size_t sets, doubts;
    const s4d_index_set *set = s4d_index_sets(&sets);
    const s4d_index_doubt *doubt = s4d_index_doubts(&doubts);
    s4d_str_add(&details, details_head);
    for (size_t i = 0; i < sets; ++i) s4d_str_printf(&details, "  %-12s %s\n", set[i].name, set[i].summary);
    s4d_str_add(&details, "\nwhat a set is refused for unless --accept names it\n");
    for (size_t i = 0; i < doubts; ++i) s4d_str_printf(&details, "  %-12s %s\n", doubt[i].word, doubt[i].summary);
    const arg_command c = {.name = "data index",
                           .summary = "read a set as it is distributed into one manifest",
                           .details = details.text,
                           .option = option,
                           .options = sizeof option / sizeof *option,
                           .place = place,
                           .places = sizeof place / sizeof *place};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    o.first_label = (int)first_label;
    o.fold = (int)fold;
    if (status == S4D_OK && !done) status = run(&o, output, overwrite, err);
    s4d_str_release(&details);
    return status;
}
