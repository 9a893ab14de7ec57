/* s4d data split. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cmd_data.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/dataset/split.h"
#include "s4d/dataset/stats.h"

typedef struct request {
    const char *manifest, *share, *output, *root;
    int64_t folds, seed, threads;
    bool by_subject, by_sample, replace, overwrite, no_contents;
    char folder[S4D_PATH_MAX]; /* of the manifest */
} request;

static s4d_status check_request(request *q, s4d_split_opts *o, s4d_err *err)
{
    if ((q->folds > 0) == (q->share != NULL))
        return s4d_err_set(err, S4D_USAGE, "data split: give either --folds K or --test-share SHARE");
    if (q->by_subject && q->by_sample)
        return s4d_err_set(err, S4D_USAGE,
                           "data split: --by-subject and --by-sample exclude each other; give one of them");
    if (!q->output) return s4d_err_set(err, S4D_USAGE, "--output: no file is given; name the manifest to write");
    if (q->share) {
        char *end;
        o->test_share = strtod(q->share, &end);
        if (end == q->share || *end || !(o->test_share > 0 && o->test_share < 1))
            return s4d_err_set(err, S4D_USAGE, "--test-share: expected a number between 0 and 1, got \"%.60s\"",
                               q->share);
    }
    o->folds = (int)q->folds;
    o->seed = (uint64_t)q->seed;
    o->replace = q->replace;
    s4d_path_dir(q->folder, q->manifest);
    o->root = q->no_contents ? NULL : q->root ? q->root : q->folder;
    o->manifest = q->manifest;
    o->threads = (int)q->threads;
    o->progress = isatty(STDERR_FILENO) ? print_progress : NULL;
    o->by = q->by_subject ? S4D_SPLIT_SUBJECT : q->by_sample ? S4D_SPLIT_SAMPLE : S4D_SPLIT_AUTO;
    if (!q->overwrite && s4d_path_exists(q->output))
        return s4d_err_set(err, S4D_USAGE, "%s: exists already; give --overwrite to replace it, or another --output",
                           q->output);
    return S4D_OK;
}

/* How far the folds are apart in each class, and of a test share how far it was met. */
static void print_spread(const s4d_stats *s)
{
    puts("\nspread");
    for (int c = 0; c <= s->classes.count; ++c) {
        size_t least = SIZE_MAX, most = 0;
        for (size_t g = 0; g < s->groups; ++g) {
            size_t n = c < s->classes.count ? s->group[g].per_class[c] : s->group[g].samples;
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
        const char *name = c < s->classes.count ? s->classes.name[c] : "samples";
        s4d_line("  %-16s %zu to %zu a fold", name, least, most);
        if (least == 0)
            s4d_log(S4D_LOG_WARN, "a fold has no sample of \"%s\", so its UAR leaves that class out; try another seed",
                    name);
    }
}

static void print_share(const s4d_stats *s)
{
    puts("\ntest share");
    for (int c = 0; c <= s->classes.count; ++c) {
        size_t test = 0, all = c < s->classes.count ? s->per_class[c] : s->samples;
        const char *name = c < s->classes.count ? s->classes.name[c] : "samples";
        for (size_t g = 0; g < s->groups; ++g)
            if (strcmp(s->group[g].split, "test") == 0)
                test += c < s->classes.count ? s->group[g].per_class[c] : s->group[g].samples;
        s4d_line("  %-16s %.2f%%", name, 100.0 * (double)test / (double)all);
        if (test == 0) s4d_log(S4D_LOG_WARN, "the test list has no sample of \"%s\"", name);
        if (test == all) s4d_log(S4D_LOG_WARN, "the training list has no sample of \"%s\"", name);
    }
}

static void print_contents(const s4d_split_result *r, const s4d_split_opts *o)
{
    if (!o->root) {
        puts("contents   not compared");
        return;
    }
    if (r->unread == r->files)
        puts("contents   not compared, as no file is there");
    else if (r->equal > 0)
        printf("contents   %zu samples have the content of others, %zu contents; these are kept together\n", r->equal, r->contents);
    else
        puts("contents   no two of the files that are there are equal");
    if (r->unread > 0)
        s4d_log(S4D_LOG_WARN, "%zu of %zu files are not below %s or cannot be read, so that equal ones among them may be parted; name "
                "the folder with --root, or give --no-contents", r->unread, r->files, o->root);
}

static s4d_status divide(const request *q, const s4d_split_opts *o, s4d_table *table, s4d_err *err)
{
    s4d_split_result result;
    s4d_stats stats = {0};
    s4d_status status = s4d_split_table(table, o, &result, err);
    if (o->progress) fputs("\r\033[K", stderr);
    if (status == S4D_OK) status = s4d_stats_make(table, &stats, err);
    if (status != S4D_OK) s4d_err_prefix(err, "%s", q->manifest);
    if (status == S4D_OK) status = s4d_table_write(q->output, table, err);
    if (status != S4D_OK) goto done;
    printf("by         %s: %zu are kept whole, seed %lld\n", result.by_subject ? "subject" : "sample", result.groups,
           (long long)q->seed);
    if (result.without_subject > 0)
        s4d_log(S4D_LOG_WARN, "%zu samples name no subject; each counts as a person of its own",
                result.without_subject);
    print_contents(&result, o);
    print_stats(&stats);
    if (o->folds > 0)
        print_spread(&stats);
    else
        print_share(&stats);
    s4d_log(S4D_LOG_INFO, "%s is written", q->output);
done:
    s4d_stats_release(&stats);
    return status;
}

s4d_status cmd_data_split(int argc, char **argv, s4d_err *err)
{
    request q = {.seed = 1};
    bool done;
    const arg_option option[] = {
        {"folds", ARG_NUMBER, &q.folds, "K", "k folds: a column \"fold\"", 2, 1000},
        {"test-share", ARG_TEXT, &q.share, "SHARE", "or train and test: a column \"split\", such a share tests", 0, 0},
        {"by-subject", ARG_FLAG, &q.by_subject, NULL, "nobody stands on two sides (default where subjects are named)",
         0, 0},
        {"by-sample", ARG_FLAG, &q.by_sample, NULL, "subjects do not matter", 0, 0},
        {"root", ARG_TEXT, &q.root, "DIR", "folder that the paths are below (the manifest's)", 0, 0},
        {"no-contents", ARG_FLAG, &q.no_contents, NULL, "no file is read, so that equal ones may be parted", 0, 0},
        {"threads", ARG_NUMBER, &q.threads, "N", "that read files; 0: one a processor (0)", 0, 1024},
        {"seed", ARG_NUMBER, &q.seed, "N", "same seed, same division (1)", 0, 9007199254740991},
        {"output", ARG_TEXT, &q.output, "FILE", "manifest to write", 0, 0},
        {"replace", ARG_FLAG, &q.replace, NULL, "a split or folds that the manifest has give way", 0, 0},
        {"overwrite", ARG_FLAG, &q.overwrite, NULL, "replace the file that is there", 0, 0},
    };
    const arg_place place[] = {{"MANIFEST", &q.manifest, "the csv to divide", false}};
    const arg_command c = {
        .name = "data split",
        .summary = "divide a manifest into folds, or into train and test",
        .details =
            "Stratified by class. The division depends on the seed and on what the lines and their files hold, not on their order.\n"
            "Lines with one path always stay together, and so do those whose files hold the same bytes: files of one size are\n"
            "read to see which.\n",
        .option = option,
        .options = sizeof option / sizeof *option,
        .place = place,
        .places = 1};
    s4d_split_opts o = {0};
    s4d_table table = {0};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = check_request(&q, &o, err);
    if (status == S4D_OK) status = s4d_table_read(q.manifest, &table, err);
    if (status == S4D_OK) status = divide(&q, &o, &table, err);
    s4d_table_release(&table);
    return status;
}
