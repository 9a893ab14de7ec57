/* s4d pretrain, s4d finetune. */
#include "cli/cmd_run.h"
#include "cli/commands.h"
#include "s4d/train/run.h"

static s4d_status need_stage(const s4d_config *config, s4d_stage stage, const char *command, s4d_err *err)
{
    if (config->run.stage == stage) return S4D_OK;
    return s4d_err_set(err, S4D_USAGE, "stage: this config is for %s; \"s4d %s\" needs one whose stage is \"%s\"",
                       config->run.stage == S4D_PRETRAIN ? "pretrain" : "finetune", command,
                       stage == S4D_PRETRAIN ? "pretrain" : "finetune");
}

static s4d_status pretrain(const s4d_config *config, s4d_err *err)
{
    s4d_status status = need_stage(config, S4D_PRETRAIN, "pretrain", err);
    return status == S4D_OK ? s4d_pretrain(&config->run, err) : status;
}

static s4d_status finetune(const s4d_config *config, s4d_err *err)
{
    s4d_status status = need_stage(config, S4D_FINETUNE, "finetune", err);
    return status == S4D_OK ? s4d_finetune(&config->run, err) : status;
}

s4d_status cmd_pretrain(int argc, char **argv, s4d_err *err)
{
    const arg_command what = {.name = "pretrain", .summary = "stage 1: masked autoencoder on pictures and clips"};
    return run_command(&what, RUN_OUTPUT | RUN_RESUME | RUN_INIT, argc, argv, (run_work){.body = pretrain}, err);
}

s4d_status cmd_finetune(int argc, char **argv, s4d_err *err)
{
    const arg_command what = {.name = "finetune", .summary = "stage 2: pictures and clips together, or one of them"};
    return run_command(&what, RUN_OUTPUT | RUN_RESUME | RUN_INIT | RUN_FOLDS, argc, argv,
                       (run_work){.body = finetune, .check = s4d_finetune_check}, err);
}
