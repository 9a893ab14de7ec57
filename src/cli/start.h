/* How the process begins. */
#ifndef S4D_CLI_START_H
#define S4D_CLI_START_H

#include "s4d/base/err.h"

/* Before anything else: standard streams that are open, room on the stack, OpenMP as it is needed, for which the program may
 * start itself anew once; then the environment and signals. S4D_FAILED where the stack is too small and cannot be made larger. */
s4d_status start_process(char **argv, s4d_err *err);

#endif
