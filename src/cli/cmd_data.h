/* The tools of s4d data: one function each, given what follows its name. Private to src/cli. */
#ifndef S4D_CLI_CMD_DATA_H
#define S4D_CLI_CMD_DATA_H

#include "s4d/base/err.h"
#include "s4d/dataset/check.h"
#include "s4d/dataset/stats.h"

s4d_status cmd_data_index(int argc, char **argv, s4d_err *err);
s4d_status cmd_data_check(int argc, char **argv, s4d_err *err);
s4d_status cmd_data_stats(int argc, char **argv, s4d_err *err);
s4d_status cmd_data_split(int argc, char **argv, s4d_err *err);
s4d_status cmd_data_pack(int argc, char **argv, s4d_err *err);

/* The counts as a table on standard output. */
void print_stats(const s4d_stats *s);
/* How far the reading of files is, as a line on a terminal that the next one replaces. */
void print_progress(void *arg, const s4d_check_progress *p);

#endif
