/* What a run begins with: weights of any program, and the class names of heads. */
#include <stdio.h>
#include <string.h>

#include "s4d/base/json.h"
#include "s4d/base/log.h"
#include "s4d/ckpt/import.h"
#include "s4d/ckpt/safetensors.h"
#include "train/session.h"
#include "train/settings.h"

/* ---- class names ---- */

/* list: the class names of each modality as JSON, or NULL. */
static s4d_status read_heads(const char *path, const char *const list[2], s4d_head_classes head[2], s4d_err *err)
{
    static const char *const key[2] = {"classes.image", "classes.video"};
    s4d_status status = S4D_OK;
    for (int i = 0; i < 2 && status == S4D_OK; ++i) {
        const char *text = list[i];
        s4d_json *doc = NULL;
        head[i].count = 0;
        if (!text) continue;
        status = s4d_json_parse(text, strlen(text), path, &doc, err);
        size_t n = status == S4D_OK ? s4d_json_count(doc) : 0;
        bool good = n <= S4D_MAX_CLASSES;
        for (size_t c = 0; c < n && good; ++c) {
            const s4d_json *name = s4d_json_at(doc, c);
            good = s4d_json_kind_of(name) == S4D_JSON_STRING && strlen(s4d_json_string(name)) < S4D_CLASS_NAME_MAX;
            if (good) s4d_labels_canonical(s4d_json_string(name), head[i].name[head[i].count++]);
        }
        if (status == S4D_OK && !good)
            status = s4d_err_set(err, S4D_FAILED, "%s: the metadata's \"%s\" is not a list of class names", path, key[i]);
        if (status != S4D_OK) status = S4D_FAILED; /* a bad file, not a bad config */
        s4d_json_destroy(&doc);
    }
    return status;
}

s4d_status s4d_checkpoint_heads(const char *path, s4d_head_classes head[2], s4d_err *err)
{
    s4d_safetensors *file = NULL;
    s4d_status status = s4d_safetensors_open(path, &file, err);
    if (status == S4D_OK)
        status = read_heads(path, (const char *const[2]){s4d_safetensors_metadata(file, "classes.image"),
                                                         s4d_safetensors_metadata(file, "classes.video")}, head, err);
    if (status == S4D_OK && !head[0].count && !head[1].count)
        status = s4d_err_set(err, S4D_FAILED, "%s: names no classes, so it is not a fine-tuned model of s4d; give the "
                                              "model.safetensors of a fine-tuning run", path);
    s4d_safetensors_close(&file);
    return status;
}

/* ---- which tensor begins as which ---- */

/* A file that a run begins with. */
typedef struct beginning {
    s4d_engine *e;
    s4d_import *file;
    s4d_head_classes head[2];
    bool pretrained; /* it has the names of stage 1 */
    bool decoder;    /* and the decoder of this run's */
    int used, fresh;
    char anew[160]; /* "decoder, mask_token": what begins from random numbers */
} beginning;

/* A head is taken over only where the class names, in order, are the same. */
static bool head_agrees(const s4d_engine *e, const s4d_head_classes head[2], int modality)
{
    const s4d_set_opts *set = s4d_run_set(e->o, (s4d_modality)modality);
    if (head[modality].count != e->classes[modality]) return false;
    for (int c = 0; c < e->classes[modality]; ++c)
        if (s4d_labels_find(head[modality].name, head[modality].count, set->classes[c]) != c) return false;
    return true;
}

/* The names of a head that may agree: another number of classes cannot. */
static const char *class_list(const s4d_engine *e, const s4d_import *file, s4d_modality modality)
{
    const s4d_import_tensor *t = s4d_import_find(file, modality == S4D_IMAGE ? "head.image.weight" : "head.video.weight");
    bool same = t && t->dim[0] == e->classes[modality];
    return same ? s4d_import_metadata(file, modality == S4D_IMAGE ? "classes.image" : "classes.video") : NULL;
}

static bool of_decoder(const char *name)
{
    return strncmp(name, "decoder.", 8) == 0 || strncmp(name, "encoder_to_decoder.", 19) == 0 || strcmp(name, "mask_token") == 0;
}

/* The tensor of the file a parameter begins from, or NULL where it keeps its first draw. */
static const s4d_import_tensor *find_source(const beginning *b, const s4d_param *p)
{
    char name[S4D_PARAM_NAME_MAX + 16];
    bool stage1 = b->e->o->stage == S4D_PRETRAIN;
    const char *below = stage1 && !b->pretrained && strncmp(p->name, "encoder.", 8) == 0 ? p->name + 8 : p->name;
    if (p->modality >= 0 && !head_agrees(b->e, b->head, p->modality)) return NULL;
    if (stage1 && of_decoder(p->name) && !b->decoder) return NULL;
    snprintf(name, sizeof name, "%s%s", !stage1 && b->pretrained ? "encoder." : "", below);
    return s4d_import_find(b->file, name);
}

/* Whether the file has a decoder of this run's sizes. Heads of attention show in no shape. */
static bool decoder_fits(const beginning *b)
{
    const char *config = s4d_import_metadata(b->file, "config");
    s4d_json *doc = NULL;
    const s4d_json *node = config && s4d_json_parse(config, strlen(config), "", &doc, NULL) == S4D_OK ? doc : NULL;
    static const char *const way[] = {"model", "decoder", "heads"};
    for (int i = 0; i < 3 && node; ++i) node = s4d_json_kind_of(node) == S4D_JSON_OBJECT ? s4d_json_find(node, way[i]) : NULL;
    int64_t heads;
    bool fits = !node || (s4d_json_kind_of(node) == S4D_JSON_NUMBER && s4d_json_integer(node, &heads) &&
                          heads == b->e->o->model.decoder.heads);
    s4d_json_destroy(&doc);
    for (int i = 0; i < b->e->params->count && fits; ++i) {
        const s4d_param *p = &b->e->params->item[i];
        const s4d_import_tensor *t = of_decoder(p->name) ? s4d_import_find(b->file, p->name) : NULL;
        fits = !of_decoder(p->name) || (t && s4d_restore_same_shape(t->rank, t->dim, p));
    }
    return fits;
}

/* What the other stage, or another program, does not have. */
static bool may_be_new(const beginning *b, const s4d_param *p)
{
    if (b->e->o->stage == S4D_PRETRAIN) return of_decoder(p->name) || strncmp(p->name, "encoder.norm.", 13) == 0;
    return p->modality >= 0 || strncmp(p->name, "fc_norm.", 8) == 0 || strstr(p->name, ".moe_layer.");
}

/* ---- taking over ---- */

/* Adds the part of the model that a parameter belongs to, once. */
static void note_anew(beginning *b, const char *name)
{
    static const char *const part[] = {"head.image", "head.video", "fc_norm", "encoder.norm", "encoder_to_decoder", "decoder",
                                       "mask_token"};
    const char *word = "adapter experts";
    for (size_t i = 0; i < sizeof part / sizeof *part; ++i)
        if (strncmp(name, part[i], strlen(part[i])) == 0 && (name[strlen(part[i])] == '.' || !name[strlen(part[i])])) word = part[i];
    size_t n = strlen(b->anew);
    ++b->fresh;
    if (!strstr(b->anew, word)) snprintf(b->anew + n, sizeof b->anew - n, "%s%s", n ? ", " : "", word);
}

/* One tensor into parameter i. */
static s4d_status take_over(beginning *b, const char *path, const s4d_import_tensor *t, int i, float *value, s4d_err *err)
{
    const s4d_param *p = &b->e->params->item[i];
    if (!s4d_restore_same_shape(t->rank, t->dim, p))
        return s4d_restore_wrong_shape(path, &(s4d_restored){t->name, t->rank, t->dim}, p, err);
    s4d_status status = s4d_import_read(b->file, t, value, err);
    if (status == S4D_OK) s4d_backend_upload_floats(b->e->be, s4d_params_w(b->e->params, i), value);
    ++b->used;
    return status;
}

static s4d_status take_all(beginning *b, const char *path, float *value, s4d_err *err)
{
    s4d_status status = S4D_OK;
    for (int i = 0; i < b->e->params->count && status == S4D_OK; ++i) {
        const s4d_param *p = &b->e->params->item[i];
        const s4d_import_tensor *source = find_source(b, p);
        if (source)
            status = take_over(b, path, source, i, value, err);
        else if (may_be_new(b, p))
            note_anew(b, p->name);
        else
            status = s4d_err_set(err, S4D_FAILED, "%s: %s%s is missing; give weights of the same encoder, or none", path,
                                 b->pretrained && b->e->o->stage == S4D_FINETUNE ? "encoder." : "", p->name);
    }
    return status;
}

static s4d_status open_file(beginning *b, const char *path, s4d_err *err)
{
    const s4d_run_opts *o = b->e->o;
    const char *key = o->init_key;
    const s4d_import_opts opts = {.file = {.key = &key, .keys = key[0] ? 1 : 0}, .strip = o->init_strip[0] ? o->init_strip : NULL,
                                  .tubelet_size = o->model.tubelet_size};
    s4d_status status = s4d_import_open(path, &opts, &b->file, err);
    if (status == S4D_OK) status = s4d_import_check(b->file, err);
    const char *config = status == S4D_OK ? s4d_import_metadata(b->file, "config") : NULL;
    if (config) status = s4d_settings_same_model(config, o->resolved, false, path, err);
    if (status == S4D_OK)
        status = read_heads(path, (const char *const[2]){class_list(b->e, b->file, S4D_IMAGE), class_list(b->e, b->file, S4D_VIDEO)},
                            b->head, err);
    return status;
}

s4d_status s4d_checkpoint_init(s4d_engine *e, s4d_err *err)
{
    beginning b = {.e = e};
    const char *path = e->o->init;
    float *value = NULL;
    int lines = 0; /* about what the file has */
    s4d_status status = open_file(&b, path, err);
    if (status == S4D_OK) status = s4d_restore_room(e, &value, err);
    if (status == S4D_OK) {
        b.pretrained = s4d_import_find(b.file, "encoder.patch_embed.proj.weight");
        b.decoder = e->o->stage == S4D_PRETRAIN && b.pretrained && decoder_fits(&b);
        status = take_all(&b, path, value, err);
    }
    s4d_params_refresh(e->params, e->be);
    for (size_t i = 0; status == S4D_OK && i < s4d_import_lines(b.file); ++i)
        lines += s4d_import_line_at(b.file, i)->verdict != S4D_IMPORT_MISSING;
    if (status == S4D_OK) {
        s4d_import_tell_choice(b.file);
        s4d_log(S4D_LOG_INFO, "%s: %d tensors used, %d begin anew%s%s%s, %d of the file ignored", path, b.used, b.fresh,
                b.fresh ? " (" : "", b.anew, b.fresh ? ")" : "", lines - b.used);
    }
    s4d_mem_free(value);
    s4d_import_close(&b.file);
    return status;
}
