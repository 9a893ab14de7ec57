/* What the commands with a config share: their options, and the config with the options applied. */
#include "cli/cmd_run.h"

#include <stdio.h>
#include <string.h>

static const char details[] = "--set takes any key of the config; \"s4d schema\" lists them with ranges and defaults.\n";

static int list_options(run_args *a, int wants, arg_option *o)
{
    int n = 0;
    o[n++] = (arg_option){"config", ARG_TEXT, &a->config, "FILE", "the config (JSON)", 0, 0};
    o[n++] = (arg_option){"set", ARG_LIST, &a->set, "KEY=VALUE", "one setting, over the config's; may be repeated", 0, 0};
    if (wants & RUN_OUTPUT) {
        o[n++] = (arg_option){"output", ARG_TEXT, &a->output, "DIR", "the run folder, over the config's", 0, 0};
        o[n++] = (arg_option){"overwrite", ARG_FLAG, &a->overwrite, NULL, "replace an existing run folder", 0, 0};
    }
    if (wants & RUN_RESUME)
        o[n++] = (arg_option){"resume", ARG_FLAG, &a->resume, NULL, "go on where the run folder's newest checkpoint stands", 0, 0};
    if (wants & RUN_INIT)
        o[n++] = (arg_option){"init", ARG_TEXT, &a->init, "FILE", "weights to begin from (model.safetensors)", 0, 0};
    if (wants & RUN_CHECKPOINT)
        o[n++] = (arg_option){"checkpoint", ARG_TEXT, &a->checkpoint, "FILE", "the model to evaluate (model.safetensors)", 0, 0};
    o[n++] = (arg_option){"device", ARG_TEXT, &a->device, "NAME", "ref or cpu", 0, 0};
    o[n++] = (arg_option){"threads", ARG_NUMBER, &a->threads, "N", "threads of the device; 0: all processors", 0, 4096};
    o[n++] = (arg_option){"seed", ARG_NUMBER, &a->seed, "N", "of every random draw", 0, 9007199254740991};
    return n;
}

/* Options that stand for settings become --set assignments behind the user's own. */
typedef struct shortcuts {
    char text[5][S4D_PATH_MAX + 32];
    const char *set[ARGS_LIST_MAX + 5];
    int count, texts;
} shortcuts;

/* As a JSON string; file names may hold quotes and backslashes. */
static s4d_status add_text(shortcuts *s, const char *key, const char *value, s4d_err *err)
{
    char *out = s->text[s->texts], *end = out + sizeof s->text[0] - 3;
    if (!value) return S4D_OK;
    out += snprintf(out, sizeof s->text[0], "%s=\"", key);
    for (const char *p = value; *p; ++p) {
        if (out + 2 > end) return s4d_err_set(err, S4D_USAGE, "--%s: longer than %d bytes; shorten it", key, S4D_PATH_MAX - 1);
        if (*p == '"' || *p == '\\') *out++ = '\\';
        *out++ = *p;
    }
    strcpy(out, "\"");
    s->set[s->count++] = s->text[s->texts++];
    return S4D_OK;
}

static void add_number(shortcuts *s, const char *key, int64_t value)
{
    if (value < 0) return;
    snprintf(s->text[s->texts], sizeof s->text[0], "%s=%lld", key, (long long)value);
    s->set[s->count++] = s->text[s->texts++];
}

static s4d_status load(const run_args *a, s4d_config *config, s4d_err *err)
{
    shortcuts s = {0};
    for (int i = 0; i < a->set.count; ++i) s.set[s.count++] = a->set.item[i];
    s4d_status status = add_text(&s, "device", a->device, err);
    if (status == S4D_OK) status = add_text(&s, "init", a->init, err);
    if (status == S4D_OK) status = add_text(&s, "checkpoint", a->checkpoint, err);
    if (status != S4D_OK) return status;
    add_number(&s, "threads", a->threads);
    add_number(&s, "seed", a->seed);
    status = s4d_config_load(a->config, s.set, s.count, a->output, config, err);
    config->run.resume = a->resume;
    config->run.overwrite = a->overwrite;
    return status;
}

s4d_status run_load(const char *name, const char *summary, int wants, int argc, char **argv, s4d_config *config,
                    bool *done, s4d_err *err)
{
    run_args a = {.threads = -1, .seed = -1};
    arg_option option[12];
    *config = (s4d_config){0};
    arg_command c = {.name = name, .summary = summary, .details = details, .option = option,
                     .options = list_options(&a, wants, option)};
    s4d_status status = args_parse(&c, argc, argv, done, err);
    if (status != S4D_OK || *done) return status;
    if (!a.config)
        return s4d_err_set(err, S4D_USAGE, "--config: no config is given; name one, such as configs/demo_%s.json",
                           strcmp(name, "plan") ? name : "pretrain");
    if (a.resume && a.overwrite)
        return s4d_err_set(err, S4D_USAGE, "--resume and --overwrite exclude each other; give one");
    return load(&a, config, err);
}
