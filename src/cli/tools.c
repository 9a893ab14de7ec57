/* The dispatch of a group of tools, and its help. */
#include "cli/tools.h"

#include <stdio.h>
#include <string.h>

#include "s4d/base/str.h"

static void help(const tool_group *g)
{
    printf("s4d %s: %s\n\nusage: s4d %s TOOL [options]\n\n", g->name, g->summary, g->name);
    for (int i = 0; i < g->tools; ++i) printf("  %-10s %s\n", g->tool[i].name, g->tool[i].summary);
    printf("\n\"s4d %s TOOL --help\" lists a tool's options.%s\n", g->name, g->details);
}

static s4d_status unknown_tool(const tool_group *g, const char *name, s4d_err *err)
{
    const char *names[TOOLS_MAX];
    for (int i = 0; i < g->tools; ++i) names[i] = g->tool[i].name;
    const char *near = s4d_str_nearest(name, names, (size_t)g->tools);
    if (near)
        return s4d_err_set(err, S4D_USAGE, "%s %s: unknown tool; did you mean \"s4d %s %s\"?", g->name, name, g->name, near);
    return s4d_err_set(err, S4D_USAGE, "%s %s: unknown tool; \"s4d %s --help\" lists them", g->name, name, g->name);
}

s4d_status tools_run(const tool_group *g, int argc, char **argv, s4d_err *err)
{
    if (argc == 0) return s4d_err_set(err, S4D_USAGE, "%s: no tool is given; \"s4d %s --help\" lists them", g->name, g->name);
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        help(g);
        return S4D_OK;
    }
    for (int i = 0; i < g->tools; ++i)
        if (strcmp(g->tool[i].name, argv[0]) == 0) return g->tool[i].run(argc - 1, argv + 1, err);
    return unknown_tool(g, argv[0], err);
}
