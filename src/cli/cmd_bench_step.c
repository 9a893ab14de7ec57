/* s4d bench step: training steps of both stages on made-up frames, by default of the published ViT-Base. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd_bench.h"
#include "cli/cmd_run.h"
#include "s4d/base/json.h"
#include "s4d/base/thread.h"
#include "s4d/train/bench.h"

/* What is timed where no config is given. The batches fill a card of 80 GB; on a cpu they are small, so that a step ends. */
typedef struct workload {
    const char *name, *stage;
    s4d_modality modality;
    int batch[2]; /* on cuda, elsewhere */
} workload;

static const workload workloads[] = {
    {"pretrain-video", "pretrain", S4D_VIDEO, {128, 2}},
    {"finetune-video", "finetune", S4D_VIDEO, {32, 1}},
    {"pretrain-image", "pretrain", S4D_IMAGE, {1024, 16}},
    {"finetune-image", "finetune", S4D_IMAGE, {256, 4}},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

typedef struct options {
    const char *config, *device, *precision, *only;
    int64_t batch, seconds;
    bool json;
    arg_list set;
} options;

static void print_json(const workload *w, const s4d_run_opts *o, const s4d_bench_result *r)
{
    s4d_json_writer out = {0};
    s4d_json_open(&out, '{');
    const struct {
        const char *key, *text;
    } texts[] = {{"workload", w->name}, {"device", r->device}, {"precision", s4d_precision_name(o->precision)}};
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"batch", s4d_run_set(o, w->modality)->batch}, {"samples_per_s", r->samples_per_s}, {"ms_per_step", r->ms},
                   {"ms_min", r->ms_min}, {"ms_max", r->ms_max}, {"steps", (double)r->steps},
                   {"tflops", r->samples_per_s * r->gflop / 1e3}, {"device_gib", r->device_gib},
                   {"first_loss", r->first_loss}, {"last_loss", r->last_loss}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        s4d_json_put_key(&out, texts[i].key);
        s4d_json_put_string(&out, texts[i].text);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        s4d_json_put_key(&out, numbers[i].key);
        s4d_json_put_number(&out, numbers[i].value);
    }
    s4d_json_put_key(&out, "deterministic");
    s4d_json_put_bool(&out, o->cuda.deterministic);
    s4d_json_close(&out, '}');
    if (!out.out.failed) puts(out.out.text);
    s4d_str_release(&out.out);
}

/* Settings of one workload: the user's --set come last. */
static s4d_status load(const options *p, const workload *w, s4d_config *config, s4d_err *err)
{
    char text[4][64];
    const char *set[ARGS_LIST_MAX + 8];
    int n = 0;
    bool cuda = strcmp(p->device, "cuda") == 0;
    snprintf(text[0], sizeof text[0], "device=%.40s", p->device);
    set[n++] = text[0];
    if (!p->config) {
        snprintf(text[1], sizeof text[1], "stage=%s", w->stage);
        set[n++] = text[1];
    }
    if (!p->config || p->batch) {
        int batch = p->batch ? (int)p->batch : w->batch[cuda ? 0 : 1];
        snprintf(text[2], sizeof text[2], "data.%s.batch=%d", s4d_modality_name(w->modality), batch);
        set[n++] = text[2];
    }
    if (p->precision) {
        snprintf(text[3], sizeof text[3], "precision=%.40s", p->precision);
        set[n++] = text[3];
    }
    if (!p->config) set[n++] = w->modality == S4D_VIDEO ? "data.video.train=none is read" : "data.image.train=none is read";
    if (!p->config && w->modality == S4D_VIDEO) set[n++] = "data.video.repeat=1";
    if (!p->config && strcmp(w->stage, "finetune") == 0)
        set[n++] = w->modality == S4D_VIDEO ? "data.video.classes=dfew" : "data.image.classes=affectnet7";
    for (int i = 0; i < p->set.count; ++i) set[n++] = p->set.item[i];
    return s4d_config_load(p->config, set, n, NULL, config, err);
}

static s4d_status time_one(const options *p, const workload *w, s4d_err *err)
{
    s4d_config config = {0};
    s4d_bench_result r;
    s4d_status status = load(p, w, &config, err);
    const s4d_run_opts *o = &config.run;
    bool other = status == S4D_OK && p->config &&
                 ((o->stage == S4D_PRETRAIN) != (strcmp(w->stage, "pretrain") == 0) || !s4d_run_set(o, w->modality)->train[0]);
    if (status == S4D_OK && !other) {
        status = s4d_bench_step(o, w->modality, (double)p->seconds, &r, err);
        if (status == S4D_OK && p->json)
            print_json(w, o, &r);
        else if (status == S4D_OK)
            printf("%-15s batch %5d %9.2f ms a step (%.2f to %.2f in %lld) %9.1f samples/s %7.1f TFLOP/s %7.1f GiB  %s\n", w->name,
                   s4d_run_set(o, w->modality)->batch, r.ms, r.ms_min, r.ms_max, (long long)r.steps, r.samples_per_s,
                   r.samples_per_s * r.gflop / 1e3, r.device_gib, r.device);
        fflush(stdout);
    }
    s4d_config_release(&config);
    return status;
}

s4d_status cmd_bench_step(int argc, char **argv, s4d_err *err)
{
    options p = {.device = "auto", .seconds = 5};
    const arg_option option[] = {
        {"config", ARG_TEXT, &p.config, "FILE", "the stage, model, sets and batches of a config instead of the published ViT-Base", 0, 0},
        {"set", ARG_LIST, &p.set, "KEY=VALUE", "one setting; may be repeated", 0, 0},
        {"workload", ARG_TEXT, &p.only, "NAME", "only pretrain-video, pretrain-image, finetune-video or finetune-image", 0, 0},
        {"batch", ARG_NUMBER, &p.batch, "N", "samples of a step", 1, 65536},
        {"device", ARG_TEXT, &p.device, "NAME", "auto (the default), cuda, cpu or ref", 0, 0},
        {"precision", ARG_TEXT, &p.precision, "NAME", "float32 (the default); on cuda also tf32 or bf16", 0, 0},
        {"seconds", ARG_NUMBER, &p.seconds, "N", "for each workload (5)", 1, 3600},
        {"json", ARG_FLAG, &p.json, NULL, "a JSON object a line", 0, 0},
    };
    const arg_command c = {.name = "bench step", .summary = "training steps on made-up frames", .option = option,
                           .options = sizeof option / sizeof *option};
    bool done, known = false;
    s4d_err why = {0};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    p.device = s4d_backend_choose(p.device, &why); /* once for all workloads */
    for (int i = 0; i < WORKLOADS && status == S4D_OK; ++i) {
        if (p.only && strcmp(p.only, workloads[i].name) != 0) continue;
        known = true;
        status = time_one(&p, &workloads[i], err);
    }
    if (status == S4D_OK && !known)
        return s4d_err_set(err, S4D_USAGE, "--workload: \"%.40s\" is none; take pretrain-video, pretrain-image, finetune-video or "
                                           "finetune-image", p.only);
    return status;
}
