/* s4d data check. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cmd_data.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/str.h"
#include "s4d/dataset/check.h"

enum { NAMED = 20 }; /* findings of a kind on screen */

void print_progress(void *arg, const s4d_check_progress *p)
{
    double rate = p->seconds > 0 ? (double)p->done / p->seconds : 0;
    (void)arg;
    fprintf(stderr, "\r%-9s %zu of %zu, %.0f a second", p->what, p->done, p->total, rate);
    if (p->done < p->total && rate > 0) {
        double left = (double)(p->total - p->done) / rate;
        fprintf(stderr, ", %d:%02d left", (int)(left / 60), (int)left % 60);
    }
    fputs(p->done < p->total ? "\033[K" : "\r\033[K", stderr);
    fflush(stderr);
}

static s4d_status parse_decode(const char *text, int64_t *decode, s4d_err *err)
{
    char *end;
    if (strcmp(text, "all") == 0) {
        *decode = S4D_CHECK_ALL;
        return S4D_OK;
    }
    errno = 0;
    long long n = strtoll(text, &end, 10);
    *decode = 0;
    if (strcmp(text, "none") == 0) return S4D_OK;
    if (errno || end == text || *end || n < 1 || n > INT64_C(1000000000000))
        return s4d_err_set(err, S4D_USAGE, "--decode: expected all, none or a number of files above 0, got \"%.60s\"",
                           text);
    *decode = n;
    return S4D_OK;
}

/* Looked at before hours of decoding, not after. */
static s4d_status check_output(const char *output, const char *manifest, s4d_err *err)
{
    char folder[S4D_PATH_MAX];
    struct stat there, read;
    if (!output) return S4D_OK;
    s4d_path_dir(folder, output);
    if (!s4d_path_is_dir(folder))
        return s4d_err_set(err, S4D_USAGE, "--output: %s: there is no such folder; make it first", folder);
    if (stat(output, &there) == 0 && stat(manifest, &read) == 0 && there.st_dev == read.st_dev &&
        there.st_ino == read.st_ino)
        return s4d_err_set(err, S4D_USAGE, "--output: %s is the manifest itself; name another file", output);
    return S4D_OK;
}

static void print_range(const char *name, const s4d_check_range *r)
{
    if (r->n > 0) printf("%-10s %.6g / %.6g / %.6g\n", name, r->min, r->median, r->max);
}

static void print_sizes(const s4d_check_report *r)
{
    if (!r->set) return;
    printf("\nknown      %s%s\n", r->set,
           r->set_guessed ? " (guessed by the name or the classes; --set makes it count)" : "");
    for (int i = 0; i < r->sizes; ++i) {
        const s4d_check_size *s = &r->size[i];
        size_t off = s->found > s->expected ? s->found - s->expected : s->expected - s->found;
        printf("  %-24s %8zu, known are %s%zu%s\n", s->what, s->found, s->tolerance ? "about " : "", s->expected,
               off > s->tolerance ? "  DIFFERS" : "");
    }
}

static void print_findings(const s4d_check_report *r)
{
    for (size_t i = 0, n = 0; i < r->findings; ++i) {
        const s4d_check_finding *f = &r->finding[i];
        n = i > 0 && f->kind == r->finding[i - 1].kind ? n + 1 : 0;
        if (n == 0)
            printf("\n%s: %s, %zu\n", (int)f->kind < (int)S4D_CHECK_FAULTS ? "fault" : "note", s4d_check_title(f->kind),
                   r->count[f->kind]);
        if (n < NAMED)
            s4d_line("  %s", f->text);
        else if (n == NAMED)
            printf("  and %zu more\n", r->count[f->kind] - NAMED);
    }
}

static void print_report(const s4d_check_report *r)
{
    size_t found = r->pictures + r->videos + r->folders;
    print_stats(&r->stats);
    putchar('\n');
    s4d_line("root       %s", r->root);
    printf("found      %zu of %zu: %zu pictures, %zu videos, %zu folders of frames\n", found, r->stats.paths,
           r->pictures, r->videos, r->folders);
    printf("decoded    %zu, in all %zu frames\n", r->decoded, r->frames);
    if (r->height.n + r->length.n > 0) printf("%-10s least / median / largest\n", "");
    print_range("width", &r->width);
    print_range("height", &r->height);
    print_range("frames", &r->length);
    print_sizes(r);
    print_findings(r);
    printf("\n%zu faults, %zu notes, %.1f s, %.0f files a second\n", s4d_check_faults(r),
           r->findings - s4d_check_faults(r), r->seconds, r->seconds > 0 ? (double)r->stats.paths / r->seconds : 0);
}

/* "12 faults (3 missing, 9 overlap)". */
static s4d_status summary(const char *manifest, const s4d_check_report *r, const char *output, s4d_err *err)
{
    s4d_str kinds = {0};
    size_t faults = s4d_check_faults(r);
    if (r->nothing_there) return s4d_err_set(err, S4D_FAILED, "%s: %s", manifest, r->finding[0].text);
    for (int kind = 0; kind < (int)S4D_CHECK_FAULTS; ++kind)
        if (r->count[kind] > 0)
            s4d_str_printf(&kinds, "%s%zu %s", kinds.size ? ", " : "", r->count[kind],
                           s4d_check_key((s4d_check_kind)kind));
    s4d_err_set(err, S4D_FAILED, "%s: %zu fault%s (%s); %s%s", manifest, faults,
                faults == 1 ? " is found" : "s are found", kinds.failed ? "out of memory" : kinds.text,
                output ? output : "--output FILE.json", output ? " names every one" : " would name every one");
    s4d_str_release(&kinds);
    return S4D_FAILED;
}

static s4d_status check(const s4d_check_opts *o, const char *output, s4d_err *err)
{
    s4d_check_report report = {0};
    s4d_status status = s4d_check_run(o, &report, err);
    if (o->progress) fputs("\r\033[K", stderr);
    if (status == S4D_OK) print_report(&report);
    if (status == S4D_OK && output) status = s4d_check_write(output, &report, err);
    if (status == S4D_OK && s4d_check_faults(&report) > 0) status = summary(o->manifest, &report, output, err);
    s4d_check_release(&report);
    return status;
}

s4d_status cmd_data_check(int argc, char **argv, s4d_err *err)
{
    const char *manifest = NULL, *root = NULL, *decode = "all", *set = NULL, *output = NULL, *hashes = NULL;
    int64_t threads = 0;
    bool done;
    const arg_option option[] = {
        {"root", ARG_TEXT, &root, "DIR", "folder that the paths are below (the manifest's)", 0, 0},
        {"decode", ARG_TEXT, &decode, "WHAT", "all, none, or a number: so many files, always the same (all)", 0, 0},
        {"threads", ARG_NUMBER, &threads, "N", "0: one a processor (0)", 0, 1024},
        {"set", ARG_TEXT, &set, "SET", "dfew, ferv39k or mafw: its sizes and classes must be met", 0, 0},
        {"output", ARG_TEXT, &output, "FILE", "every finding as JSON", 0, 0},
        {"hashes", ARG_TEXT, &hashes, "FILE", "the manifest again, with each file's hash in the column content", 0, 0},
    };
    const arg_place place[] = {{"MANIFEST", &manifest, "the csv to check", false}};
    const arg_command c = {
        .name = "data check",
        .summary = "check a manifest against the disk and against itself",
        .details = "Exit status 1 where a fault is found. data/README.md tells what is a fault and what a note.\n",
        .option = option,
        .options = sizeof option / sizeof *option,
        .place = place,
        .places = 1};
    s4d_check_opts o = {0};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = parse_decode(decode, &o.decode, err);
    if (status != S4D_OK) return status;
    if (set && !s4d_check_knows(set))
        return s4d_err_set(err, S4D_USAGE, "--set: expected dfew, ferv39k or mafw, got \"%.60s\"", set);
    status = check_output(output, manifest, err);
    if (status != S4D_OK) return status;
    o.manifest = manifest;
    o.root = root;
    o.threads = (int)threads;
    o.set = set;
    o.hashes = hashes;
    o.progress = isatty(STDERR_FILENO) ? print_progress : NULL;
    return check(&o, output, err);
}
