/* s4d bench: its tools. */
#include "cli/cmd_bench.h"

#include "cli/commands.h"
#include "cli/tools.h"

static const tool tools[] = {
    {"data", cmd_bench_data, "decoded clips and pictures a second"},
    {"step", cmd_bench_step, "training steps on made-up frames: samples a second of both stages"},
    {"ops", cmd_bench_ops, "each operation alone, held against the floor that memory or arithmetic sets"},
};

s4d_status cmd_bench(int argc, char **argv, s4d_err *err)
{
    return tools_run(&(tool_group){"bench", "how fast parts of s4d are on this machine", "", tools, sizeof tools / sizeof *tools},
                     argc, argv, err);
}
