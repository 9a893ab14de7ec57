/* s4d: a table of commands and a dispatch. The one place that prints errors and ends the process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/start.h"
#include "s4d/base/str.h"

typedef struct command {
    const char *name;
    s4d_status (*run)(int argc, char **argv, s4d_err *err);
    const char *summary;
} command;

static const command commands[] = {
    {"data", cmd_data, "index data sets as they are distributed, and what is done with a manifest"},
    {"synth", cmd_synth, "draw a labelled sample set of faces"},
    {"pretrain", cmd_pretrain, "stage 1: masked autoencoder on pictures and clips"},
    {"finetune", cmd_finetune, "stage 2: pictures and clips together, or one of them"},
    {"eval", cmd_eval, "UAR, WAR and predictions of a model on test lists"},
    {"ckpt", cmd_ckpt, "look at files of weights, and bring them from and to other programs"},
    {"report", cmd_report, "tables of results, with intervals and the protocol in words"},
    {"bench", cmd_bench, "how fast decoding, training steps and single operations are"},
    {"plan", cmd_plan, "memory and arithmetic of a run, before it starts"},
    {"schema", cmd_schema, "every setting of a config, as a JSON Schema"},
    {"doctor", cmd_doctor, "what was built in, and whether it works here"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(void)
{
    puts("s4d: facial expressions in video, learned from pictures and clips together\n"
         "\nusage: s4d COMMAND [options]\n");
    for (int i = 0; i < COMMANDS; ++i) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    puts("\n\"s4d COMMAND --help\" lists a command's options; --version tells the version.\n"
         "Exit status: 0 done, 1 failed, 2 usage or config, 3 diverged, 130 or 143 interrupted.");
}

static const command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; ++i)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static s4d_status unknown_command(const char *name, s4d_err *err)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; ++i) names[i] = commands[i].name;
    const char *near = s4d_str_nearest(name, names, COMMANDS);
    if (near) return s4d_err_set(err, S4D_USAGE, "%s: unknown command; did you mean \"s4d %s\"?", name, near);
    return s4d_err_set(err, S4D_USAGE, "%s: unknown command; \"s4d --help\" lists them", name);
}

static s4d_status dispatch(int argc, char **argv, s4d_err *err)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (!*name) return s4d_err_set(err, S4D_USAGE, "no command is given; \"s4d --help\" lists them");
    if (strcmp(name, "--version") == 0) {
        puts("s4d " S4D_VERSION);
        return S4D_OK;
    }
    bool asked = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (asked && argc < 3) {
        help();
        return S4D_OK;
    }
    const command *c = find(asked ? argv[2] : name);
    if (!c) return unknown_command(asked ? argv[2] : name, err);
    for (int i = 2; i < argc; ++i)
        if (strcmp(argv[i], "--version") == 0) {
            puts("s4d " S4D_VERSION);
            return S4D_OK;
        }
    char *only_help[] = {"--help"};
    return asked ? c->run(1, only_help, err) : c->run(argc - 2, argv + 2, err);
}

int main(int argc, char **argv)
{
    s4d_err err = {0};
    s4d_status status = start_process(argv, &err);
    if (status == S4D_OK) status = dispatch(argc, argv, &err);
    if (status == S4D_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = s4d_err_set(&err, S4D_FAILED, "standard output cannot be written: %s", strerror(errno));
    if (status != S4D_OK) fprintf(stderr, "s4d: %s\n", err.text[0] ? err.text : "failed without a reason; please report this");
    return (int)status;
}
