/* s4d data: a table of tools and a dispatch. */
#include "cli/cmd_data.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "s4d/base/str.h"

typedef struct tool {
    const char *name;
    s4d_status (*run)(int argc, char **argv, s4d_err *err);
    const char *summary;
} tool;

/* Ends with a tool without a name. */
static const tool tools[] = {
    {"index", cmd_data_index, "read a set as it is distributed into one manifest"},
    {"check", cmd_data_check, "check a manifest against the disk and against itself"},
    {"stats", cmd_data_stats, "samples by class, split and fold, subjects, imbalance"},
    {"split", cmd_data_split, "divide a manifest into folds, or into train and test"},
    {"pack", cmd_data_pack, "gather pictures and clips into a few large files"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    puts("s4d data: index data sets as they are distributed, and what is done with a manifest\n"
         "\nusage: s4d data TOOL [options]\n");
    for (const tool *t = tools; t->name; ++t) printf("  %-10s %s\n", t->name, t->summary);
    puts("\n\"s4d data TOOL --help\" lists a tool's options.");
}

static s4d_status unknown_tool(const char *name, s4d_err *err)
{
    const char *names[sizeof tools / sizeof *tools] = {NULL};
    size_t n = 0;
    for (const tool *t = tools; t->name; ++t) names[n++] = t->name;
    const char *near = s4d_str_nearest(name, names, n);
    if (near) return s4d_err_set(err, S4D_USAGE, "data %s: unknown tool; did you mean \"s4d data %s\"?", name, near);
    return s4d_err_set(err, S4D_USAGE, "data %s: unknown tool; \"s4d data --help\" lists them", name);
}

s4d_status cmd_data(int argc, char **argv, s4d_err *err)
{
    if (argc == 0) return s4d_err_set(err, S4D_USAGE, "data: no tool is given; \"s4d data --help\" lists them");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        help();
        return S4D_OK;
    }
    for (const tool *t = tools; t->name; ++t)
        if (strcmp(t->name, argv[0]) == 0) return t->run(argc - 1, argv + 1, err);
    return unknown_tool(argv[0], err);
}
