/* A command that is a group of tools: s4d GROUP TOOL [options]. Private to src/cli. */
#ifndef S4D_CLI_TOOLS_H
#define S4D_CLI_TOOLS_H

#include "s4d/base/err.h"

enum { TOOLS_MAX = 16 };

typedef struct tool {
    const char *name;
    s4d_status (*run)(int argc, char **argv, s4d_err *err); /* given what follows its name */
    const char *summary;
} tool;

typedef struct tool_group {
    const char *name, *summary;
    const char *details; /* more of the help's last paragraph, or "" */
    const tool *tool;
    int tools; /* at most TOOLS_MAX */
} tool_group;

/* Runs the tool that argv[0] names, or prints the help; none or an unknown one is S4D_USAGE. */
s4d_status tools_run(const tool_group *g, int argc, char **argv, s4d_err *err);

#endif
