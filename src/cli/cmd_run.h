/* Options shared by the commands with a config. Private to src/cli. */
#ifndef S4D_CLI_CMD_RUN_H
#define S4D_CLI_CMD_RUN_H

#include "cli/args.h"
#include "s4d/config/config.h"

typedef struct run_args {
    const char *config, *output, *device, *precision, *init, *init_key, *init_strip, *checkpoint, *folds, *resume, *split;
    int64_t threads, seed; /* -1: not given */
    bool overwrite;
    arg_list set;
} run_args;

enum {
    RUN_OUTPUT = 1,    /* --output, --overwrite */
    RUN_RESUME = 2,    /* --resume */
    RUN_INIT = 4,      /* --init, --key, --strip */
    RUN_CHECKPOINT = 8, /* --checkpoint */
    RUN_FOLDS = 16,     /* --folds */
    RUN_SPLIT = 32      /* --split */
};

/* What a command does with its config. */
typedef s4d_status (*run_body)(const s4d_config *config, s4d_err *err);
/* The same with settings alone, to see beforehand whether it can begin; NULL for commands without folds. */
typedef s4d_status (*run_check)(const s4d_run_opts *o, s4d_err *err);
typedef struct run_work {
    run_body body;
    run_check check;
} run_work;
/* what: name and summary. Parses the options, loads the config and runs the body; with --folds once for each fold, with data.video.fold set and
 * OUTPUT/fold-K as run folder. */
s4d_status run_command(const arg_command *what, int wants, int argc, char **argv, run_work work, s4d_err *err);
/* Parses the options and loads the config; *done after --help. Release the config in every case. */
s4d_status run_load(const char *name, const char *summary, int wants, int argc, char **argv, s4d_config *config,
                    bool *done, s4d_err *err);

#endif
