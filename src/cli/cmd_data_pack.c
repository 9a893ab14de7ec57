/* s4d data pack. */
#include <stdio.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/cmd_data.h"
#include "s4d/base/log.h"
#include "s4d/dataset/pack.h"

static void show_progress(void *arg, const s4d_pack_progress *p)
{
    double rate = p->seconds > 0 ? (double)p->done / p->seconds : 0;
    (void)arg;
    fprintf(stderr, "\r%zu of %zu files, %.0f MB, %.0f a second", p->done, p->total, (double)p->bytes / 1e6, rate);
    if (p->done < p->total && rate > 0) {
        double left = (double)(p->total - p->done) / rate;
        fprintf(stderr, ", %d:%02d left", (int)(left / 60), (int)left % 60);
    }
    fputs("\033[K", stderr);
    fflush(stderr);
}

/* -1: not given. */
static s4d_status settings(int64_t side, int64_t quality, bool png, s4d_pack_settings *out, s4d_err *err)
{
    *out = (s4d_pack_settings){.encoding = S4D_PACK_ORIGINAL};
    if (side < 0 && (quality >= 0 || png))
        return s4d_err_set(err, S4D_USAGE, "--%s: is for pictures that are encoded anew; give --resize too", png ? "png" : "quality");
    if (quality >= 0 && png)
        return s4d_err_set(err, S4D_USAGE, "--quality: PNG loses nothing and has no quality; leave it or --png out");
    if (side >= 0 && quality < 0 && !png)
        return s4d_err_set(err, S4D_USAGE, "--resize: choose how pictures are encoded anew, --quality N (JPEG) or --png");
    if (side >= 0)
        *out = (s4d_pack_settings){.encoding = png ? S4D_PACK_PNG : S4D_PACK_JPEG, .side = (int)side, .quality = png ? 0 : (int)quality};
    return S4D_OK;
}

static void print_report(const s4d_pack_opts *o, const s4d_pack_report *r)
{
    s4d_line("%s: %zu files, %zu members in %zu shards, %.1f MB; %.1f s, %.0f files and %.1f MB a second", o->output, r->files,
           r->members, r->shards, (double)r->bytes / 1e6, r->seconds, (double)r->files / (r->seconds > 0 ? r->seconds : 1),
           (double)r->bytes / 1e6 / (r->seconds > 0 ? r->seconds : 1));
    s4d_line("To use it, set \"root\" to \"%s\", \"format\" to \"manifest\" and the lists to \"%s\".", o->output, S4D_PACK_MANIFEST);
}

s4d_status cmd_data_pack(int argc, char **argv, s4d_err *err)
{
    const char *manifest = NULL, *root = NULL, *output = NULL;
    int64_t shard = 256, side = -1, quality = -1, threads = 0;
    bool png = false, overwrite = false, done;
    const arg_option option[] = {
        {"root", ARG_TEXT, &root, "DIR", "folder or pack that the paths are below (the manifest's)", 0, 0},
        {"output", ARG_TEXT, &output, "PACK", "folder to make", 0, 0},
        {"shard-mib", ARG_NUMBER, &shard, "N", "size that a shard does not pass, in MiB (256)", 1, 1 << 20},
        {"resize", ARG_NUMBER, &side, "S", "bring pictures and frames to S x S, and encode them anew", 1, 16384},
        {"quality", ARG_NUMBER, &quality, "Q", "as JPEG of this quality", 1, 100},
        {"png", ARG_FLAG, &png, NULL, "or as PNG", 0, 0},
        {"threads", ARG_NUMBER, &threads, "N", "0: one a processor (0)", 0, 1024},
        {"overwrite", ARG_FLAG, &overwrite, NULL, "replace a pack that is there", 0, 0},
    };
    const arg_place place[] = {{"MANIFEST", &manifest, "the csv that names what to pack", false}};
    const arg_command c = {.name = "data pack",
                           .summary = "gather a set's pictures and clips into a few large files",
                           .details = "A pack stands wherever a set's root does. Without --resize every file's bytes are kept, and training\n"
                                      "gives the same model, bit for bit. With it, pictures change, and videos become frames.\n",
                           .option = option,
                           .options = sizeof option / sizeof *option,
                           .place = place,
                           .places = 1};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    if (!output) return s4d_err_set(err, S4D_USAGE, "--output: no folder is given; name the one to make");
    s4d_pack_opts o = {.manifest = manifest, .root = root, .output = output, .shard_mib = shard, .threads = (int)threads,
                       .overwrite = overwrite, .progress = isatty(STDERR_FILENO) ? show_progress : NULL};
    s4d_pack_report report;
    status = settings(side, quality, png, &o.settings, err);
    if (status != S4D_OK) return status;
    status = s4d_pack_make(&o, &report, err);
    if (o.progress) fputs("\r\033[K", stderr);
    if (status == S4D_OK) print_report(&o, &report);
    return status;
}
