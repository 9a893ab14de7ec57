/* s4d data: its tools. */
#include "cli/cmd_data.h"

#include "cli/commands.h"
#include "cli/tools.h"

static const tool tools[] = {
    {"index", cmd_data_index, "read a set as it is distributed into one manifest"},
    {"check", cmd_data_check, "check a manifest against the disk and against itself"},
    {"stats", cmd_data_stats, "samples by class, split and fold, subjects, imbalance"},
    {"split", cmd_data_split, "divide a manifest into folds, or into train and test"},
    {"pack", cmd_data_pack, "gather pictures and clips into a few large files"},
};

s4d_status cmd_data(int argc, char **argv, s4d_err *err)
{
    return tools_run(&(tool_group){"data", "index data sets as they are distributed, and what is done with a manifest", "", tools,
                                   sizeof tools / sizeof *tools},
                     argc, argv, err);
}
