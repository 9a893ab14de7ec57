/* The tools of "s4d ckpt", given what follows their names. Private to src/cli. */
#ifndef S4D_CLI_CMD_CKPT_H
#define S4D_CLI_CMD_CKPT_H

#include "s4d/base/err.h"

s4d_status cmd_ckpt_info(int argc, char **argv, s4d_err *err);
s4d_status cmd_ckpt_verify(int argc, char **argv, s4d_err *err);
s4d_status cmd_ckpt_diff(int argc, char **argv, s4d_err *err);
s4d_status cmd_ckpt_import(int argc, char **argv, s4d_err *err);
s4d_status cmd_ckpt_export(int argc, char **argv, s4d_err *err);

#endif
