/* s4d ckpt import, export. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cmd_ckpt.h"
#include "s4d/base/log.h"
#include "s4d/base/str.h"
#include "s4d/ckpt/export.h"
#include "s4d/config/config.h"

static const char import_details[] =
    "IN may be in shards: the folder, the list (*.index.json) or one of the shards stands for all. Of PyTorch's files the\n"
    "dict that holds the model is found by the keys in use (model, state_dict, model_ema, ...), or by --key, which is given\n"
    "several times, or with dots, for keys one below the other. Wrappers' words before names (module., _orig_mod., model.,\n"
    "backbone., ...) are taken off; --strip takes off others, and what lies outside is ignored.\n"
    "FROM is one of s4d, videomae, mae-dfer, mae, timm, transformers; it is told by the tensors' names where it is not\n"
    "given. Shapes do not tell how many heads attention has: without --config the sizes stay out of the metadata, and\n"
    "the config of the run that uses the weights tells them. Every tensor is listed as used, reshaped (split, joined, or\n"
    "a kernel of images spread over the frames of a tubelet), ignored or missing; what does not fit is marked with !,\n"
    "and then nothing is written and the exit status is 1, unless --allow-missing lets it pass: what is missing begins anew\n"
    "then, and the file is whole.\n";

static const char export_details[] =
    "s4d: a file under the names used here. videomae: a file under VideoMAE's names. transformers: a folder with\n"
    "model.safetensors, config.json and preprocessor_config.json. The latter two have no place for adapter experts (MoAE) and have one head: that\n"
    "of clips, else that of pictures. IN may be anything that \"s4d ckpt import\" reads.\n";

typedef struct shared_args {
    const char *in, *out, *from, *config, *strip;
    arg_list allow, key;
    s4d_config loaded;
} shared_args;

static s4d_status open_import(shared_args *a, s4d_import **im, s4d_err *err)
{
    s4d_import_opts opts = {.file = {.key = a->key.item, .keys = a->key.count}, .strip = a->strip, .from = a->from,
                            .allow = a->allow.item, .allowed = a->allow.count};
    s4d_status status = a->config ? s4d_config_load(a->config, NULL, 0, NULL, &a->loaded, err) : S4D_OK;
    if (status == S4D_OK && a->config) {
        opts.config = a->loaded.resolved;
        opts.config_name = a->config;
    }
    return status == S4D_OK ? s4d_import_open(a->in, &opts, im, err) : status;
}

static void print_report(const s4d_import *im)
{
    size_t of[4] = {0};
    for (size_t i = 0; i < s4d_import_lines(im); ++i) {
        const s4d_import_line *line = s4d_import_line_at(im, i);
        s4d_line("%c %-9s %-*.190s%s%.510s", line->fault ? '!' : ' ', s4d_import_verdict_name(line->verdict),
                 *line->detail ? 52 : 0, line->name, *line->detail ? " " : "", line->detail);
        of[line->verdict]++;
    }
    printf("names of %s: %zu used, %zu reshaped, %zu ignored, %zu missing; %zu do not fit\n", s4d_import_from(im),
           of[S4D_IMPORT_USED], of[S4D_IMPORT_RESHAPED], of[S4D_IMPORT_IGNORED], of[S4D_IMPORT_MISSING], s4d_import_faults(im));
}

s4d_status cmd_ckpt_import(int argc, char **argv, s4d_err *err)
{
    shared_args a = {0};
    bool done;
    s4d_import *im = NULL;
    const arg_place place[] = {{"IN", &a.in, "weights of another program, a file or a folder", false},
                               {"OUT", &a.out, "the safetensors file to write", false}};
    const arg_option option[] = {
        {"config", ARG_TEXT, &a.config, "FILE", "the config (JSON) of the model, for what shapes do not show", 0, 0},
        {"from", ARG_TEXT, &a.from, "FROM", "whose names they are", 0, 0},
        {"key", ARG_LIST, &a.key, "NAME", "the key of PyTorch's object that holds the model; may be repeated", 0, 0},
        {"strip", ARG_TEXT, &a.strip, "PREFIX", "what names begin with, besides known wrappers", 0, 0},
        {"allow-missing", ARG_LIST, &a.allow, "GLOB", "names that may be missing, or have no place; may be repeated", 0, 0},
    };
    const arg_command c = {.name = "ckpt import",
                           .summary = "bring weights of PyTorch, VideoMAE, MAE or transformers under the names used here",
                           .details = import_details, .option = option, .options = 5, .place = place, .places = 2};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = open_import(&a, &im, err);
    if (status == S4D_OK) print_report(im);
    if (status == S4D_OK) s4d_import_tell_choice(im);
    if (status == S4D_OK) status = s4d_import_write(im, a.out, err);
    if (status == S4D_OK) s4d_log(S4D_LOG_INFO, "%s is written", a.out);
    if (status == S4D_OK && !s4d_import_metadata(im, "config"))
        s4d_log(S4D_LOG_INFO, "it does not say how many heads its attention has; the config of its use must");
    const char *start_only = status == S4D_OK ? s4d_import_start_only(im) : NULL;
    if (start_only) s4d_log(S4D_LOG_INFO, "it can only be what fine-tuning begins with (--init), and eval refuses it: %s", start_only);
    s4d_import_close(&im);
    s4d_config_release(&a.loaded);
    return status;
}

s4d_status cmd_ckpt_export(int argc, char **argv, s4d_err *err)
{
    shared_args a = {0};
    bool done;
    const char *to = NULL, *left_out;
    s4d_import *im = NULL;
    s4d_export_to kind;
    const arg_place place[] = {{"IN", &a.in, "a model.safetensors", false}, {"OUT", &a.out, "the file or folder to write", false}};
    const arg_option option[] = {
        {"to", ARG_TEXT, &to, "NAMES", "s4d, videomae or transformers", 0, 0},
        {"config", ARG_TEXT, &a.config, "FILE", "the config (JSON) of the model, where its metadata has none", 0, 0},
        {"from", ARG_TEXT, &a.from, "FROM", "whose names IN has, where they do not tell", 0, 0},
        {"key", ARG_LIST, &a.key, "NAME", "the key of PyTorch's object that holds the model; may be repeated", 0, 0},
        {"strip", ARG_TEXT, &a.strip, "PREFIX", "what names begin with, besides known wrappers", 0, 0},
    };
    const arg_command c = {.name = "ckpt export", .summary = "write a model under the names of VideoMAE or transformers",
                           .details = export_details, .option = option, .options = 5, .place = place, .places = 2};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    if (!to) return s4d_err_set(err, S4D_USAGE, "--to: not given; name s4d, videomae or transformers");
    status = s4d_export_named(to, &kind, err);
    if (status == S4D_OK) status = open_import(&a, &im, err);
    if (status == S4D_OK) status = s4d_export_write(im, kind, a.out, err);
    if (status == S4D_OK) {
        left_out = s4d_export_left_out(im, kind);
        if (s4d_export_forgets_pictures(im, kind))
            s4d_log(S4D_LOG_WARN, "the head is of pictures; these names do not say so, and read back it is taken for one of clips");
        if (left_out) s4d_log(S4D_LOG_WARN, "%s is left out: there is room for one head", left_out);
        s4d_log(S4D_LOG_INFO, "%s is written", a.out);
    }
    s4d_import_close(&im);
    s4d_config_release(&a.loaded);
    return status;
}
