/* s4d data stats, and the table of counts that the other tools print too. */
#include <stdio.h>

#include "cli/args.h"
#include "cli/cmd_data.h"
#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/base/str.h"
#include "s4d/dataset/stats.h"

enum { COLUMNS = 8 }; /* groups side by side */

/* A row of counts, ended by put_row. */
static void begin_row(s4d_str *row, const char *name)
{
    s4d_str_clear(row);
    s4d_str_printf(row, "  %-16s", name);
}

static void put_row(const s4d_str *row)
{
    s4d_line("%s", row->failed ? "  there is no memory for this row" : row->text);
}

static void print_block(const s4d_stats *s, size_t from, size_t to)
{
    s4d_str row = {0};
    begin_row(&row, "");
    s4d_str_printf(&row, " %8s %7s", "all", "share");
    for (size_t g = from; g < to; ++g) {
        char name[32];
        s4d_group_name(s->group[g].split, s->group[g].fold, name);
        s4d_str_printf(&row, " %14s", name);
    }
    put_row(&row);
    for (int c = 0; c < s->classes.count; ++c) {
        begin_row(&row, s->classes.name[c]);
        s4d_str_printf(&row, " %8zu %6.2f%%", s->per_class[c], 100.0 * (double)s->per_class[c] / (double)s->labelled);
        for (size_t g = from; g < to; ++g) s4d_str_printf(&row, " %14zu", s->group[g].per_class[c]);
        put_row(&row);
    }
    if (s->labelled < s->samples) {
        begin_row(&row, "no label");
        s4d_str_printf(&row, " %8zu %7s", s->samples - s->labelled, "");
        for (size_t g = from; g < to; ++g) s4d_str_printf(&row, " %14zu", s->group[g].samples - s->group[g].labelled);
        put_row(&row);
    }
    begin_row(&row, "samples");
    s4d_str_printf(&row, " %8zu %7s", s->samples, "");
    for (size_t g = from; g < to; ++g) s4d_str_printf(&row, " %14zu", s->group[g].samples);
    put_row(&row);
    if (s->subjects) {
        begin_row(&row, "subjects");
        s4d_str_printf(&row, " %8zu %7s", s->subjects, "");
        for (size_t g = from; g < to; ++g) s4d_str_printf(&row, " %14zu", s->group[g].subjects);
        put_row(&row);
    }
    s4d_str_release(&row);
}

static void print_imbalance(const s4d_stats *s)
{
    int most = 0, least = 0;
    for (int c = 1; c < s->classes.count; ++c) {
        if (s->per_class[c] > s->per_class[most]) most = c;
        if (s->per_class[c] < s->per_class[least]) least = c;
    }
    if (s->classes.count)
        s4d_line("imbalance  %.2f: %s %zu, %s %zu", s->imbalance, s->classes.name[most], s->per_class[most], s->classes.name[least],
                 s->per_class[least]);
}

void print_stats(const s4d_stats *s)
{
    printf("samples    %zu in %zu files or folders, %zu with a label\n", s->samples, s->paths, s->labelled);
    if (s->subjects)
        printf("subjects   %zu, of %zu samples\n", s->subjects, s->with_subject);
    else
        puts("subjects   not known");
    print_imbalance(s);
    bool whole = s->groups == 1 && !s->group[0].split[0] && s->group[0].fold == 0;
    for (size_t g = 0; g < s->groups; g += COLUMNS) {
        putchar('\n');
        print_block(s, g, whole ? g : g + COLUMNS < s->groups ? g + COLUMNS : s->groups);
    }
}

static s4d_status print_json(const s4d_stats *s, s4d_err *err)
{
    s4d_json_writer w = {.indent = 1};
    s4d_stats_put_json(s, &w);
    s4d_status status = w.out.failed ? s4d_err_memory(err, w.out.size, "the counts") : S4D_OK;
    if (status == S4D_OK) puts(w.out.text);
    s4d_str_release(&w.out);
    return status;
}

s4d_status cmd_data_stats(int argc, char **argv, s4d_err *err)
{
    const char *manifest = NULL;
    bool json = false, done;
    const arg_option option[] = {{"json", ARG_FLAG, &json, NULL, "as JSON", 0, 0}};
    const arg_place place[] = {{"MANIFEST", &manifest, "the csv", false}};
    const arg_command c = {.name = "data stats",
                           .summary = "samples by class, split and fold, subjects, imbalance",
                           .details =
                               "Nothing but the manifest is read. Imbalance is the largest class over the smallest.\n",
                           .option = option,
                           .options = sizeof option / sizeof *option,
                           .place = place,
                           .places = 1};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    s4d_table table = {0};
    s4d_stats stats = {0};
    status = s4d_table_read(manifest, &table, err);
    if (status == S4D_OK) {
        status = s4d_stats_make(&table, &stats, err);
        if (status != S4D_OK) s4d_err_prefix(err, "%s", manifest);
    }
    if (status == S4D_OK && json)
        status = print_json(&stats, err);
    else if (status == S4D_OK)
        print_stats(&stats);
    s4d_stats_release(&stats);
    s4d_table_release(&table);
    return status;
}
