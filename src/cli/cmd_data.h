/* The tools of s4d data: one function each, given what follows its name. Private to src/cli. */
#ifndef S4D_CLI_CMD_DATA_H
#define S4D_CLI_CMD_DATA_H

#include "s4d/base/err.h"

#endif
