/* The tools of s4d bench. Private to src/cli. */
#ifndef S4D_CLI_CMD_BENCH_H
#define S4D_CLI_CMD_BENCH_H

#include "s4d/base/err.h"

s4d_status cmd_bench_data(int argc, char **argv, s4d_err *err);
s4d_status cmd_bench_step(int argc, char **argv, s4d_err *err);
s4d_status cmd_bench_ops(int argc, char **argv, s4d_err *err);

#endif
