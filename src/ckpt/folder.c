/* Which file of a folder holds the weights, and what folders are that hold them in another form. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/file_private.h"

enum { STEPS = 3 }; /* folders that are entered one below the other */

static s4d_status search(const char *folder, int step, char out[S4D_PATH_MAX], s4d_err *err);

static bool has(const char *folder, const char *name, char out[S4D_PATH_MAX])
{
    return s4d_path_join(out, folder, name, NULL) == S4D_OK && s4d_path_exists(out);
}

/* ---- what other programs leave ---- */

/* Names in a folder, with their tails, and what they mean: the first ones whatever else is there.
 */
enum { WHATEVER = 5 };
static const struct {
    const char *head, *tail, *what;
} explained[] = {
    {"zero_pp_rank_", "_model_states.pt",
     "is a checkpoint of DeepSpeed's ZeRO-3, whose weights lie in pieces; run \"python "
     "zero_to_fp32.py . "
     "OUT\" in the folder above and name OUT"},
    {"bf16_zero_pp_rank_", "_optim_states.pt",
     "holds DeepSpeed's optimiser alone; run \"python zero_to_fp32.py . OUT\" in the folder above "
     "and name "
     "OUT"},
    {"", ".distcp",
     "is a checkpoint of torch.distributed, whose weights lie in pieces; join them by \"python -m "
     "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE\" and name FILE"},
    {"pytorch_model_fsdp_", "",
     "is a checkpoint of torch.distributed, whose weights lie in pieces; join them by \"python -m "
     "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE\" and name FILE"},
    {"adapter_model.", "",
     "holds an adapter of PEFT without its model; merge them (merge_and_unload), save the whole "
     "and name "
     "it"},
    {"tf_model.h5", "", "has TensorFlow's weights only; take PyTorch's file of the same model"},
    {"flax_model.msgpack", "", "has Flax's weights only; take PyTorch's file of the same model"},
    {"saved_model.pb", "", "is a SavedModel of TensorFlow; take PyTorch's file of the same model"},
    {"model_state.pdparams", "",
     "has Paddle's weights only; take PyTorch's file of the same model"},
};

static bool fits(const char *name, const char *head, const char *tail)
{
    return strncmp(name, head, strlen(head)) == 0 && s4d_str_ends(name, tail);
}

/* All names in a folder, hidden ones as well; an unreadable folder has none. */
static bool any_named(const char *folder, const char *head, const char *tail)
{
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e && !found; e = readdir(dir)) {
        found = fits(e->d_name, head, tail);
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}

static s4d_status explain(const char *folder, size_t from, size_t to, s4d_err *err)
{
    for (size_t i = from; i < to; i++) {
        if (any_named(folder, explained[i].head, explained[i].tail)) {
            return s4d_err_set(err, S4D_FAILED, "%s: %s", folder, explained[i].what);
        }
    }
    return S4D_OK;
}

/* DeepSpeed: one file of weights for each part that the model itself was cut into. */
static s4d_status find_deepspeed(const char *folder, char out[S4D_PATH_MAX], s4d_err *err)
{
    char other[S4D_PATH_MAX];
    if (!has(folder, "mp_rank_00_model_states.pt", out)) {
        out[0] = '\0';
        return S4D_OK;
    }
    if (has(folder, "mp_rank_01_model_states.pt", other)) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: is a checkpoint of DeepSpeed whose model is cut into several parts "
                           "(mp_rank_01); run "
                           "\"python zero_to_fp32.py . OUT\" in the folder above and name OUT",
                           folder);
    }
    return S4D_OK;
}

/* DeepSpeed's folder names its newest checkpoint in the file "latest"; that of a Trainer does as
 * well. */
static s4d_status enter_latest(const char *folder, int step, char out[S4D_PATH_MAX], s4d_err *err)
{
    char path[S4D_PATH_MAX], below[S4D_PATH_MAX];
    s4d_bytes text = {0};
    out[0] = '\0';
    if (!has(folder, "latest", path) || s4d_path_is_dir(path)) {
        return S4D_OK;
    }
    s4d_status status = s4d_file_read(path, 256, &text, err);
    if (status) {
        return status;
    }
    char *name = (char *)text.data;
    name[strcspn(name, "\r\n ")] = '\0';
    bool plain = *name && !strchr(name, '/') && strcmp(name, "..") != 0;
    if (plain && has(folder, name, below) && s4d_path_is_dir(below)) {
        status = search(below, step + 1, out, err);
    } else if (plain) {
        status = s4d_err_set(
            err, S4D_FAILED,
            "%s: names %s as its newest checkpoint, which is not in it; copy the whole folder",
            folder, name);
    }
    s4d_bytes_release(&text);
    return status;
}

/* ---- weights under any name ---- */

static bool is_weights(const char *name)
{
    static const char *const tail[] = {".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pth.tar"};
    static const char *const no_model[] = {"optimizer.", "scheduler.", "training_args.",
                                           "rng_state",  "scaler.",    "random_states"};
    bool good = false;
    for (size_t i = 0; i < sizeof tail / sizeof *tail; i++) {
        good = good || s4d_str_ends_nocase(name, tail[i]);
    }
    for (size_t i = 0; i < sizeof no_model / sizeof *no_model; i++) {
        good = good && strncmp(name, no_model[i], strlen(no_model[i])) != 0;
    }
    return good;
}

/* The only file that looks like weights or a list of shards; several of them are named. */
static s4d_status find_only(const char *folder, char out[S4D_PATH_MAX], s4d_err *err)
{
    s4d_strlist list = {0};
    char several[256] = "";
    size_t n = 0, files = 0;
    const char *found = NULL;
    s4d_status status = s4d_dir_list(folder, &list, err);
    for (int lists = 1; lists >= 0 && status == S4D_OK && !files; lists--) {
        for (size_t i = 0; i < list.count; i++) {
            if (!(lists ? s4d_str_ends(list.item[i], ".index.json") : is_weights(list.item[i]))) {
                continue;
            }
            found = list.item[i];
            if (n < sizeof several) {
                n += (size_t)snprintf(several + n, sizeof several - n, "%s%s", files ? ", " : "",
                                      found);
            }
            files++;
        }
    }
    out[0] = '\0';
    if (status == S4D_OK && files > 1) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is a folder with several files of weights (%s); name one of them",
                             folder, several);
    } else if (status == S4D_OK && files) {
        status = s4d_path_join(out, folder, found, err);
    }
    s4d_strlist_release(&list);
    return status;
}

static s4d_status search(const char *folder, int step, char out[S4D_PATH_MAX], s4d_err *err)
{
    static const char *const usual[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (has(folder, usual[i], out)) {
            return S4D_OK;
        }
    }
    out[0] = '\0';
    s4d_status status = find_deepspeed(folder, out, err);
    if (status == S4D_OK && !out[0]) {
        status = explain(folder, 0, WHATEVER, err);
    }
    if (status == S4D_OK && !out[0] && step < STEPS) {
        status = enter_latest(folder, step, out, err);
    }
    if (status == S4D_OK && !out[0]) {
        status = find_only(folder, out, err);
    }
    if (status == S4D_OK && !out[0]) {
        status = explain(folder, WHATEVER, sizeof explained / sizeof *explained, err);
    }
    if (status == S4D_OK && !out[0]) {
        status = s4d_err_set(err, S4D_FAILED,
                             "%s: is a folder without model.safetensors, pytorch_model.bin or "
                             "another file of weights; name a "
                             "checkpoint",
                             folder);
    }
    return status;
}

s4d_status s4d_ckpt_find_weights(const char *path, char out[S4D_PATH_MAX], s4d_err *err)
{
    if (s4d_path_is_dir(path)) {
        return search(path, 0, out, err);
    }
    return s4d_path_join(out, "", path, err);
}
