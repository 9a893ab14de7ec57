/* Pictures: mixing and float crops on the device; Pillow's resize and the decoders, byte for byte. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/clip.h"
#include "s4d/data/draw.h"
#include "s4d/data/image.h"

static void *device_alloc(golden *g, size_t bytes)
{
    s4d_err err = {0};
    void *block = NULL;
    if (s4d_backend_alloc(g->be, bytes, &block, &err) != S4D_OK) golden_die("%s", err.text);
    return block;
}

static void check_mix(golden *g, const char *kind, const s4d_mix_draw *draw)
{
    char name[64];
    s4d_tensor shape = golden_shape(g, "input/pixels");
    int64_t n, C;
    float *pixels = golden_floats(g, "input/pixels", &n);
    int32_t *label = golden_ints(g, "input/labels", NULL);
    s4d_tensor x = s4d_tensor_of(s4d_backend_real(g->be), NULL, shape.rank, shape.dim);
    x.data = device_alloc(g, s4d_tensor_bytes(&x));
    s4d_backend_upload_floats(g->be, x, pixels);
    s4d_mix(g->be, &(s4d_mix_args){.draw = *draw, .x = x});
    snprintf(name, sizeof name, "%s/pixels", kind);
    golden_compare_tensor(g, name, x, 1.2e-7); /* exact but for one fused multiply-add */
    snprintf(name, sizeof name, "%s/targets", kind);
    C = golden_shape(g, name).dim[1];
    float *target = s4d_mem_alloc((size_t)(shape.dim[0] * C), sizeof *target);
    s4d_mix_targets(draw, 0.1, label, (int)shape.dim[0], (int)C, target);
    golden_compare(g, name, target, shape.dim[0] * C, TOL_FORWARD);
    s4d_backend_free(g->be, x.data);
    s4d_mem_free(pixels);
    s4d_mem_free(label);
    s4d_mem_free(target);
}

void golden_mix(golden *g)
{
    g->part = "mix";
    if (!golden_open(g, "images/mix.safetensors")) {
        golden_skip(g, "images/mix.safetensors", "not in this folder");
        return;
    }
    s4d_tensor shape = golden_shape(g, "input/pixels");
    s4d_mix_draw mixup = {.mode = S4D_MIX_MIXUP, .lam = golden_scalar(g, "mixup/lam")}, cutmix;
    check_mix(g, "mixup", &mixup);
    int32_t *centre = golden_ints(g, "cutmix/centre_yx", NULL), *box = golden_ints(g, "cutmix/box_yl_yh_xl_xh", NULL);
    s4d_cutmix_box(golden_scalar(g, "cutmix/lam_drawn"), centre[0], centre[1], (int)shape.dim[3], (int)shape.dim[4],
                   &cutmix);
    golden_line(g, "cutmix/box_yl_yh_xl_xh",
                abs(box[0] - cutmix.yl) + abs(box[1] - cutmix.yh) + abs(box[2] - cutmix.xl) + abs(box[3] - cutmix.xh), 0);
    golden_line(g, "cutmix/lam_used", fabs(cutmix.lam - golden_scalar(g, "cutmix/lam_used")), 1e-15);
    check_mix(g, "cutmix", &cutmix);
    s4d_mem_free(centre);
    s4d_mem_free(box);
    golden_close(g);
}

/* Absolute, as PIXELS.md section 4 states the crop's tolerance. */
static double largest_difference(golden *g, const char *name, s4d_tensor got)
{
    int64_t n;
    double worst = 0;
    float *want = golden_floats(g, name, &n), *host = s4d_mem_alloc((size_t)n, sizeof *host);
    if (!host || n != s4d_tensor_count(&got)) golden_die("%s: unexpected size", name);
    s4d_backend_download_floats(g->be, host, got);
    for (int64_t i = 0; i < n; ++i) {
        double d = fabs((double)host[i] - want[i]);
        worst = golden_worse(worst, d);
    }
    s4d_mem_free(want);
    s4d_mem_free(host);
    return worst;
}

void golden_resized_crop(golden *g)
{
    static const char prefix[] = "output/resized_crop/";
    g->part = "crop";
    if (!golden_open(g, "images/augment.safetensors")) {
        golden_skip(g, "images/augment.safetensors", "not in this folder");
        return;
    }
    const s4d_safetensors_info *input = s4d_safetensors_find(g->file, "input");
    if (!input || input->rank != 3) golden_die("augment: no input picture");
    void *frames = device_alloc(g, input->bytes);
    void *bytes = golden_raw(g, input);
    s4d_backend_upload(g->be, frames, bytes, input->bytes);
    s4d_mem_free(bytes);
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i) {
        const s4d_safetensors_info *out = s4d_safetensors_at(g->file, i);
        if (strncmp(out->name, prefix, strlen(prefix))) continue;
        int size;
        s4d_recipe r = {.height = (int32_t)input->dim[0], .width = (int32_t)input->dim[1]};
        r.mid_height = r.height;
        r.mid_width = r.width;
        if (sscanf(out->name + strlen(prefix), "%d_%d_%d_%d_%d", &r.top, &r.left, &r.box_height, &r.box_width, &size) != 5)
            golden_die("%s: expected top_left_height_width_size", out->name);
        s4d_tensor y = S4D_TENSOR(s4d_backend_real(g->be), NULL, 1, 3, 1, size, size);
        y.data = device_alloc(g, s4d_tensor_bytes(&y));
        s4d_pixels(g->be, &(s4d_pixels_args){.frames = S4D_TENSOR(S4D_U8, frames, (int64_t)input->bytes),
                                             .recipe = &r,
                                             .mean = {0.485f, 0.456f, 0.406f},
                                             .std = {0.229f, 0.224f, 0.225f},
                                             .y = y});
        golden_line(g, out->name, largest_difference(g, out->name, y), 1e-5);
        s4d_backend_free(g->be, y.data);
    }
    s4d_backend_free(g->be, frames);
    golden_close(g);
}

/* Bytes that differ. */
static double differing(const golden *g, const s4d_image *got, const s4d_safetensors_info *want)
{
    if (want->rank != 3 || want->dim[0] != got->height || want->dim[1] != got->width) return INFINITY;
    uint8_t *byte = golden_raw(g, want);
    double wrong = 0;
    for (size_t i = 0; i < want->bytes; ++i) wrong += got->rgb[i] != byte[i];
    s4d_mem_free(byte);
    return wrong;
}

void golden_resize(golden *g)
{
    g->part = "resize";
    if (!golden_open(g, "images/resize.safetensors")) {
        golden_skip(g, "images/resize.safetensors", "not in this folder");
        return;
    }
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i) {
        const s4d_safetensors_info *want = s4d_safetensors_at(g->file, i), *in;
        char filter[16], input[32];
        int which, height, width;
        s4d_err err = {0};
        if (sscanf(want->name, "output/%15[a-z]/%d/%dx%d", filter, &which, &height, &width) != 4) continue;
        snprintf(input, sizeof input, "input/%d", which);
        in = s4d_safetensors_find(g->file, input);
        if (!in || in->rank != 3) golden_die("%s: its input is missing", want->name);
        s4d_image source = {.rgb = golden_raw(g, in), .height = (int)in->dim[0], .width = (int)in->dim[1]}, out = {0};
        s4d_filter f = strcmp(filter, "bicubic") == 0 ? S4D_BICUBIC : S4D_BILINEAR;
        if (s4d_image_resize(&source, NULL, f, height, width, &out, &err) != S4D_OK) golden_die("%s", err.text);
        golden_line(g, want->name, differing(g, &out, want), 0);
        s4d_mem_free(source.rgb);
        s4d_image_release(&out);
    }
    golden_close(g);
}

void golden_decode(golden *g)
{
    g->part = "decode";
    if (!golden_open(g, "images/decode/expected.safetensors")) {
        golden_skip(g, "images/decode", "not in this folder");
        return;
    }
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i) {
        const s4d_safetensors_info *want = s4d_safetensors_at(g->file, i);
        char path[S4D_PATH_MAX];
        s4d_image image = {0};
        s4d_err err = {0};
        if (strncmp(want->name, "rgb/", 4)) continue;
        if (s4d_str_ends(want->name, ".bmp") && !s4d_video_library()) {
            golden_skip(g, want->name, "this build has no libavcodec");
            continue;
        }
        snprintf(path, sizeof path, "%s/images/decode/%s", g->dir, want->name + 4);
        if (s4d_image_read(path, &image, &err) != S4D_OK) golden_die("%s", err.text);
        golden_line(g, want->name, differing(g, &image, want), 0);
        s4d_image_release(&image);
    }
    golden_close(g);
}
