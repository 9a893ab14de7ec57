/* The commands: one function each, given what follows its name. Private to src/cli. */
#ifndef S4D_CLI_COMMANDS_H
#define S4D_CLI_COMMANDS_H

#include "s4d/base/err.h"

s4d_status cmd_data(int argc, char **argv, s4d_err *err);
s4d_status cmd_synth(int argc, char **argv, s4d_err *err);
s4d_status cmd_pretrain(int argc, char **argv, s4d_err *err);
s4d_status cmd_finetune(int argc, char **argv, s4d_err *err);
s4d_status cmd_eval(int argc, char **argv, s4d_err *err);
s4d_status cmd_ckpt(int argc, char **argv, s4d_err *err);
s4d_status cmd_report(int argc, char **argv, s4d_err *err);
s4d_status cmd_bench(int argc, char **argv, s4d_err *err);
s4d_status cmd_plan(int argc, char **argv, s4d_err *err);
s4d_status cmd_schema(int argc, char **argv, s4d_err *err);
s4d_status cmd_doctor(int argc, char **argv, s4d_err *err);

#endif
