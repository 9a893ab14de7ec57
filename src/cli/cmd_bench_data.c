/* s4d bench data: how fast a config's sets are decoded, by the loader and against the ffmpeg command on the same frames. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd_bench.h"
#include "cli/cmd_run.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"
#include "s4d/base/thread.h"
#include "s4d/data/clip.h"
#include "s4d/data/loader.h"

extern char **environ;

/* What is measured. */
typedef struct bench {
    const s4d_run_opts *o;
    int64_t seconds, files;
} bench;

/* ---- the loader ---- */

static s4d_status load_for(const bench *b, const s4d_loader_set *set, int workers, s4d_err *err)
{
    const s4d_model_opts *m = &b->o->model;
    s4d_data_opts data = b->o->data;
    data.workers = workers;
    s4d_loader_opts opts = {.mode = b->o->stage == S4D_PRETRAIN ? S4D_LOAD_PRETRAIN : S4D_LOAD_FINETUNE, .set = set, .sets = 1,
                            .data = &data, .img_size = m->img_size, .patch_size = m->patch_size, .num_frames = m->num_frames,
                            .tubelet_size = m->tubelet_size, .seed = (uint64_t)b->o->seed};
    s4d_loader *loader = NULL;
    double decoded = 0, thread_ms = 0, begin = s4d_clock_ms(), end = begin + 1e3 * (double)b->seconds;
    s4d_status status = s4d_loader_create(&opts, &loader, err);
    for (uint32_t epoch = 0; status == S4D_OK && s4d_clock_ms() < end; ++epoch) {
        const s4d_batch *batch = NULL;
        status = s4d_loader_start(loader, epoch, 0, err);
        while (status == S4D_OK && s4d_clock_ms() < end) {
            status = s4d_loader_next(loader, &batch, err);
            if (status != S4D_OK || !batch) break;
            decoded += (double)batch->count / set->opts->repeat;
            thread_ms += batch->decode_ms;
            if (status == S4D_OK) status = s4d_interrupt_status();
        }
    }
    double took = (s4d_clock_ms() - begin) / 1e3;
    if (status == S4D_OK)
        printf("  %3d thread%s %10.1f a second %10.1f per thread %8.2f ms each\n", workers, workers == 1 ? " " : "s", decoded / took,
               decoded / took / workers, decoded > 0 ? thread_ms / decoded : 0.0);
    s4d_loader_destroy(&loader);
    return status;
}

/* ---- whole files, one thread, against ffmpeg ---- */

/* Frames of a video brought to RGB, all of them. */
static s4d_status decode_all(const char *path, int64_t *frames, s4d_err *err)
{
    s4d_clip *clip = NULL;
    s4d_image frame = {0};
    s4d_status status = s4d_clip_open(&(s4d_clip_source){.path = path}, &clip, err);
    for (int i = 0; status == S4D_OK && i < s4d_clip_frames(clip); ++i) {
        status = s4d_clip_read(clip, &i, 1, &frame, err);
        ++*frames;
    }
    s4d_clip_close(&clip);
    s4d_image_release(&frame);
    return status;
}

/* The names one behind the other, as ffmpeg's concat format wants them; quotes are written '\''. */
static s4d_status write_list(const char *path, char *const *file, int64_t n, s4d_err *err)
{
    s4d_str text = {0};
    for (int64_t i = 0; i < n; ++i) {
        s4d_str_add(&text, "file '");
        for (const char *c = file[i]; *c; ++c) s4d_str_printf(&text, *c == '\'' ? "'\\''" : "%c", *c);
        s4d_str_add(&text, "'\n");
    }
    s4d_status status = text.failed ? s4d_err_memory(err, text.size, "a list") : s4d_file_write(path, text.text, text.size, err);
    s4d_str_release(&text);
    return status;
}

/* The same by the command, all files in one process; false: there is no such command, or it failed. */
static bool decode_by_command(const char *list)
{
    char *const argv[] = {"ffmpeg", "-v", "quiet", "-nostdin", "-threads", "1", "-f", "concat", "-safe", "0", "-i", (char *)list,
                          "-an", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null", NULL};
    pid_t pid;
    int status = 0;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0) return false;
    while (waitpid(pid, &status, 0) < 0) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static s4d_status compare(char *const *file, int64_t n, s4d_err *err)
{
    char folder[] = "/tmp/s4d-bench-XXXXXX", list[64];
    int64_t frames = 0;
    s4d_status status = S4D_OK;
    double begin = s4d_clock_ms(), took[2];
    for (int64_t i = 0; i < n && status == S4D_OK; ++i) {
        status = decode_all(file[i], &frames, err);
        if (status == S4D_OK) status = s4d_interrupt_status();
    }
    took[0] = s4d_clock_ms() - begin;
    if (status != S4D_OK) return status;
    if (!mkdtemp(folder)) return s4d_err_set(err, S4D_FAILED, "%s: the folder cannot be made", folder);
    snprintf(list, sizeof list, "%s/list.txt", folder);
    status = write_list(list, file, n, err);
    begin = s4d_clock_ms();
    bool done = status == S4D_OK && decode_by_command(list);
    took[1] = s4d_clock_ms() - begin;
    s4d_dir_remove(folder, NULL);
    if (status != S4D_OK) return status;
    printf("  %lld files from beginning to end, %lld frames to RGB, one thread each:\n", (long long)n, (long long)frames);
    printf("  s4d    %10.1f frames a second\n", 1e3 * (double)frames / took[0]);
    if (done)
        printf("  ffmpeg %10.1f frames a second, one start of the command included; s4d / ffmpeg %.2f\n",
               1e3 * (double)frames / took[1], took[1] / took[0]);
    else
        puts("  ffmpeg: the command is not there, or cannot read these files one behind the other; install it, or take a set of one "
             "kind of file, to compare");
    return S4D_OK;
}

static s4d_status against_ffmpeg(const bench *b, const s4d_manifest *m, s4d_err *err)
{
    char **file = s4d_mem_alloc(m->count, sizeof *file);
    int64_t n = 0;
    s4d_status status = file ? S4D_OK : s4d_err_memory(err, m->count * sizeof *file, "the names of videos");
    for (size_t i = 0; status == S4D_OK && i < m->count && n < b->files; ++i) {
        const char *path = m->sample[i].path;
        char *whole = s4d_path_exists(path) && !s4d_path_is_dir(path) ? realpath(path, NULL) : NULL;
        if (whole) file[n++] = whole;
    }
    if (status == S4D_OK && n == 0)
        puts("  no video files to compare with ffmpeg: the set is folders of frames, or a pack");
    else if (status == S4D_OK)
        status = compare(file, n, err);
    for (int64_t i = 0; i < n; ++i) free(file[i]); /* realpath's own */
    s4d_mem_free(file);
    return status;
}

/* ---- the whole ---- */

static s4d_status bench_set(const bench *b, s4d_modality modality, s4d_err *err)
{
    const s4d_set_opts *opts = s4d_run_set(b->o, modality);
    s4d_manifest m = {0};
    if (!opts->train[0]) return S4D_OK;
    s4d_status status = s4d_manifest_read(opts, S4D_LIST_TRAIN, b->o->data.on_bad_sample, &m, err);
    s4d_loader_set set = {.modality = modality, .manifest = &m, .opts = opts};
    if (status == S4D_OK) {
        putchar('\n');
        s4d_line("%s: %zu training samples, decoded and augmented by the loader", opts->name, m.count);
    }
    int most = s4d_cpu_count();
    for (int workers = 1; status == S4D_OK; workers = 2 * workers < most ? 2 * workers : most) {
        status = load_for(b, &set, workers, err);
        if (workers == most) break;
    }
    if (status == S4D_OK && modality == S4D_VIDEO) status = against_ffmpeg(b, &m, err);
    s4d_manifest_release(&m);
    return status;
}

s4d_status cmd_bench_data(int argc, char **argv, s4d_err *err)
{
    const char *config_path = NULL;
    arg_list set = {0};
    bench b = {.seconds = 5, .files = 64};
    const arg_option option[] = {
        {"config", ARG_TEXT, &config_path, "FILE", "the config whose training sets are read", 0, 0},
        {"set", ARG_LIST, &set, "KEY=VALUE", "one setting, over the config's; may be repeated", 0, 0},
        {"seconds", ARG_NUMBER, &b.seconds, "N", "for each number of threads (5)", 1, 3600},
        {"files", ARG_NUMBER, &b.files, "N", "videos to compare with the ffmpeg command (64)", 1, 1000000},
    };
    const arg_command c = {.name = "bench data",
                           .summary = "decoded clips and pictures a second",
                           .option = option,
                           .options = sizeof option / sizeof *option};
    s4d_config config = {0};
    bool done;
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    if (!config_path) return s4d_err_set(err, S4D_USAGE, "--config: no config is given; name one, such as configs/demo_finetune.json");
    status = s4d_config_load(config_path, set.item, set.count, NULL, &config, err);
    b.o = &config.run;
    if (status == S4D_OK) status = bench_set(&b, S4D_IMAGE, err);
    if (status == S4D_OK) status = bench_set(&b, S4D_VIDEO, err);
    s4d_config_release(&config);
    return status;
}
