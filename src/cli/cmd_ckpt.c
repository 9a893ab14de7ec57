/* s4d ckpt: a table of tools and a dispatch. */
#include "cli/cmd_ckpt.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "s4d/base/str.h"

typedef struct tool {
    const char *name;
    s4d_status (*run)(int argc, char **argv, s4d_err *err);
    const char *summary;
} tool;

static const tool tools[] = {
    {"info", cmd_ckpt_info, "what a file of weights holds"},
    {"verify", cmd_ckpt_verify, "read everything and tell what is wrong with it"},
    {"diff", cmd_ckpt_diff, "how the tensors of two files differ"},
    {"import", cmd_ckpt_import, "bring weights of PyTorch, VideoMAE, MAE or transformers under the names used here"},
    {"export", cmd_ckpt_export, "write a model under the names of VideoMAE or transformers"},
};
enum { TOOLS = sizeof tools / sizeof *tools };

static void help(void)
{
    puts("s4d ckpt: look at files of weights, and bring them from and to other programs\n"
         "\nusage: s4d ckpt TOOL [options]\n");
    for (int i = 0; i < TOOLS; ++i) printf("  %-10s %s\n", tools[i].name, tools[i].summary);
    puts("\n\"s4d ckpt TOOL --help\" lists a tool's options. Files are safetensors or PyTorch's, in both of its forms; nothing\n"
         "in them is executed. A folder stands for the model.safetensors or pytorch_model.bin in it.");
}

static s4d_status unknown_tool(const char *name, s4d_err *err)
{
    const char *names[TOOLS];
    for (int i = 0; i < TOOLS; ++i) names[i] = tools[i].name;
    const char *near = s4d_str_nearest(name, names, TOOLS);
    if (near) return s4d_err_set(err, S4D_USAGE, "ckpt %s: unknown tool; did you mean \"s4d ckpt %s\"?", name, near);
    return s4d_err_set(err, S4D_USAGE, "ckpt %s: unknown tool; \"s4d ckpt --help\" lists them", name);
}

s4d_status cmd_ckpt(int argc, char **argv, s4d_err *err)
{
    if (argc == 0) return s4d_err_set(err, S4D_USAGE, "ckpt: no tool is given; \"s4d ckpt --help\" lists them");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        help();
        return S4D_OK;
    }
    for (int i = 0; i < TOOLS; ++i)
        if (strcmp(tools[i].name, argv[0]) == 0) return tools[i].run(argc - 1, argv + 1, err);
    return unknown_tool(argv[0], err);
}
