/* What the commands with a config share: their options, and the config with the options applied. */
#include "cli/cmd_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/log.h"

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
        o[n++] = (arg_option){"resume", ARG_MAYBE, &a->resume, "[FROM]", "go on from the newest checkpoint here (auto), of a run or a checkpoint", 0, 0};
    if (wants & RUN_INIT) {
        o[n++] = (arg_option){"init", ARG_TEXT, &a->init, "FILE", "weights to begin from: whatever \"s4d ckpt import\" reads", 0, 0};
        o[n++] = (arg_option){"key", ARG_TEXT, &a->init_key, "NAME", "where in that file the model is, keys joined by dots", 0, 0};
        o[n++] = (arg_option){"strip", ARG_TEXT, &a->init_strip, "PREFIX", "what its names begin with, besides known wrappers", 0, 0};
    }
    if (wants & RUN_CHECKPOINT)
        o[n++] = (arg_option){"checkpoint", ARG_TEXT, &a->checkpoint, "FILE", "the model to evaluate (model.safetensors)", 0, 0};
    if (wants & RUN_SPLIT)
        o[n++] = (arg_option){"split", ARG_TEXT, &a->split, "NAME", "test (the default), or val: the validation lists", 0, 0};
    if (wants & RUN_FOLDS)
        o[n++] = (arg_option){"folds", ARG_TEXT, &a->folds, "LIST", "one run for each of these folds, such as 1-5 or 1,3", 0, 0};
    o[n++] = (arg_option){"device", ARG_TEXT, &a->device, "NAME", "auto (the default), cuda, cpu or ref", 0, 0};
    o[n++] = (arg_option){"precision", ARG_TEXT, &a->precision, "NAME", "float32; on cuda also tf32 or bf16", 0, 0};
    o[n++] = (arg_option){"threads", ARG_NUMBER, &a->threads, "N", "threads of the device; 0: OMP_NUM_THREADS, or all processors", 0, 4096};
    o[n++] = (arg_option){"seed", ARG_NUMBER, &a->seed, "N", "of every random draw", 0, 9007199254740991};
    return n;
}

enum { SHORTCUTS = 10, OPTIONS_MAX = 18 };

/* Options that stand for settings become --set assignments behind the user's own. */
typedef struct shortcuts {
    char text[SHORTCUTS][S4D_PATH_MAX + 32];
    const char *set[ARGS_LIST_MAX + SHORTCUTS];
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

/* fold 0: as the config says. */
static s4d_status load(const run_args *a, int fold, const char *output, s4d_config *config, s4d_err *err)
{
    shortcuts s = {0};
    for (int i = 0; i < a->set.count; ++i) s.set[s.count++] = a->set.item[i];
    s4d_status status = add_text(&s, "device", a->device, err);
    if (status == S4D_OK) status = add_text(&s, "precision", a->precision, err);
    if (status == S4D_OK) status = add_text(&s, "init", a->init, err);
    if (status == S4D_OK) status = add_text(&s, "init_key", a->init_key, err);
    if (status == S4D_OK) status = add_text(&s, "init_strip", a->init_strip, err);
    if (status == S4D_OK) status = add_text(&s, "checkpoint", a->checkpoint, err);
    if (status == S4D_OK) status = add_text(&s, "eval.split", a->split, err);
    if (status != S4D_OK) return status;
    add_number(&s, "threads", a->threads);
    add_number(&s, "seed", a->seed);
    if (fold) add_number(&s, "data.video.fold", fold);
    status = s4d_config_load(a->config, s.set, s.count, output, config, err);
    config->run.resume = a->resume != NULL;
    if (a->resume && strcmp(a->resume, "auto") != 0) {
        if (strlen(a->resume) >= S4D_PATH_MAX)
            return s4d_err_set(err, S4D_USAGE, "--resume: the path is longer than %d bytes", S4D_PATH_MAX - 1);
        snprintf(config->run.resume_from, S4D_PATH_MAX, "%s", a->resume);
    }
    config->run.overwrite = a->overwrite;
    return status;
}

static s4d_status parse(const char *name, const char *summary, int wants, int argc, char **argv, run_args *a, bool *done,
                        s4d_err *err)
{
    arg_option option[OPTIONS_MAX];
    *a = (run_args){.threads = -1, .seed = -1};
    arg_command c = {.name = name, .summary = summary, .details = details, .option = option,
                     .options = list_options(a, wants, option)};
    s4d_status status = args_parse(&c, argc, argv, done, err);
    if (status != S4D_OK || *done) return status;
    if (!a->config)
        return s4d_err_set(err, S4D_USAGE, "--config: no config is given; name one, such as configs/demo_%s.json",
                           strcmp(name, "plan") ? name : "pretrain");
    if (a->resume && a->overwrite)
        return s4d_err_set(err, S4D_USAGE, "--resume and --overwrite exclude each other; give one");
    return S4D_OK;
}

s4d_status run_load(const char *name, const char *summary, int wants, int argc, char **argv, s4d_config *config,
                    bool *done, s4d_err *err)
{
    run_args a;
    *config = (s4d_config){0};
    s4d_status status = parse(name, summary, wants, argc, argv, &a, done, err);
    return status == S4D_OK && !*done ? load(&a, 0, a.output, config, err) : status;
}

/* ---- folds ---- */

enum { FOLDS_MAX = 64 };

/* "1-5", "1,3", "2" into numbers; how many, or 0. */
static int read_folds(const char *text, int fold[FOLDS_MAX])
{
    int n = 0;
    for (const char *p = text; n < FOLDS_MAX;) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (end == p) return 0;
        if (*end == '-') {
            p = end + 1;
            last = strtol(p, &end, 10);
            if (end == p) return 0;
        }
        if (first < 1 || last < first || last > 1000 || last - first >= FOLDS_MAX - n || (*end && *end != ',')) return 0;
        for (long k = first; k <= last; ++k) {
            for (int i = 0; i < n; ++i)
                if (fold[i] == k) return 0;
            fold[n++] = (int)k;
        }
        if (!*end) return n;
        p = end + 1;
    }
    return 0;
}

static s4d_status load_fold(const run_args *a, int fold, const char *base, s4d_config *config, s4d_err *err)
{
    char output[S4D_PATH_MAX + 16];
    snprintf(output, sizeof output, "%s/fold-%d", base, fold);
    return load(a, fold, output, config, err);
}

/* Every fold's settings, lists and folder before the first one begins. */
static s4d_status check_folds(const run_args *a, const int *fold, int folds, const char *base, run_check check, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (int i = 0; i < folds && status == S4D_OK; ++i) {
        s4d_config config = {0};
        status = load_fold(a, fold[i], base, &config, err);
        const s4d_set_opts *v = &config.run.data.video;
        const char *lists[3] = {v->train, v->val, v->test};
        for (int k = 0; k < 3 && status == S4D_OK; ++k)
            if (lists[k][0] && v->format != S4D_LIST_MANIFEST && !strstr(lists[k], "{fold}"))
                status = s4d_err_set(err, S4D_USAGE, "--folds: the list %s is the same for every fold; write {fold} where its number "
                                                     "stands, or use a manifest with folds", lists[k]);
        if (status == S4D_OK) status = check(&config.run, err);
        s4d_config_release(&config);
        if (status != S4D_OK) s4d_err_prefix(err, "fold %d", fold[i]);
    }
    return status;
}

static s4d_status run_fold(const run_args *a, int fold, const char *base, run_body body, s4d_err *err)
{
    s4d_config config = {0};
    s4d_status status = load_fold(a, fold, base, &config, err);
    if (status == S4D_OK) {
        s4d_log(S4D_LOG_INFO, "fold %d, in %s", fold, config.run.output);
        status = body(&config, err);
    }
    s4d_config_release(&config);
    if (status != S4D_OK) s4d_err_prefix(err, "fold %d", fold);
    return status;
}

static s4d_status run_folds(const run_args *a, const int *fold, int folds, run_work work, s4d_err *err)
{
    s4d_config config = {0};
    s4d_status status = load(a, fold[0], a->output, &config, err);
    const char *base = config.run.output;
    if (status == S4D_OK && !base[0])
        status = s4d_err_set(err, S4D_USAGE, "output: no folder is named for the folds' runs; set \"output\" or give --output DIR");
    if (status == S4D_OK && !config.run.data.video.train[0] && !config.run.data.video.test[0])
        status = s4d_err_set(err, S4D_USAGE, "--folds: the config has no video set to take folds of");
    if (status == S4D_OK) status = check_folds(a, fold, folds, base, work.check, err);
    for (int i = 0; i < folds && status == S4D_OK; ++i) status = run_fold(a, fold[i], base, work.body, err);
    if (status == S4D_OK) s4d_log(S4D_LOG_INFO, "\"s4d report --table %s\" sums the folds up", base);
    s4d_config_release(&config);
    return status;
}

s4d_status run_command(const arg_command *what, int wants, int argc, char **argv, run_work work, s4d_err *err)
{
    run_args a;
    s4d_config config = {0};
    bool done;
    int fold[FOLDS_MAX], folds = 0;
    s4d_status status = parse(what->name, what->summary, wants, argc, argv, &a, &done, err);
    if (status != S4D_OK || done) return status;
    if (a.folds && !(folds = read_folds(a.folds, fold)))
        return s4d_err_set(err, S4D_USAGE, "--folds: \"%.60s\" is not a list of folds, each once, such as 1-5 or 1,3", a.folds);
    if (folds) return run_folds(&a, fold, folds, work, err);
    status = load(&a, 0, a.output, &config, err);
    if (status == S4D_OK) status = work.body(&config, err);
    s4d_config_release(&config);
    return status;
}
