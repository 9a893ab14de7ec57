/* s4d ckpt: its tools. */
#include "cli/cmd_ckpt.h"

#include "cli/commands.h"
#include "cli/tools.h"

static const tool tools[] = {
    {"info", cmd_ckpt_info, "what a file of weights holds"},
    {"verify", cmd_ckpt_verify, "read everything and tell what is wrong with it"},
    {"diff", cmd_ckpt_diff, "how the tensors of two files differ"},
    {"import", cmd_ckpt_import, "bring weights of PyTorch, VideoMAE, MAE or transformers under the names used here"},
    {"export", cmd_ckpt_export, "write a model under the names of VideoMAE or transformers"},
};

s4d_status cmd_ckpt(int argc, char **argv, s4d_err *err)
{
    return tools_run(&(tool_group){"ckpt", "look at files of weights, and bring them from and to other programs",
                                   " Files are safetensors or PyTorch's, in both of its forms; nothing\n"
                                   "in them is executed. A folder stands for the weights in it.",
                                   tools, sizeof tools / sizeof *tools},
                     argc, argv, err);
}
