/* RandAugment's operators against Pillow's, byte for byte; names and arguments come from the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "s4d/base/mem.h"
#include "s4d/data/augment.h"

static const char prefix[] = "output/", crop[] = "output/resized_crop/"; /* golden_resized_crop has those */

/* The note says "fill colour R,G,B". */
static void read_fill(const golden *g, uint8_t fill[3])
{
    static const char words[] = "fill colour ";
    const char *note = s4d_safetensors_metadata(g->file, "note"), *at = note ? strstr(note, words) : NULL;
    int value[3];
    if (!at || sscanf(at + strlen(words), "%d,%d,%d", &value[0], &value[1], &value[2]) != 3)
        golden_die("augment: the note does not tell the fill colour");
    for (int c = 0; c < 3; ++c) fill[c] = (uint8_t)value[c];
}

/* NAME of "output/NAME[/FILTER][/ARGUMENT]" names no operator: false. */
static bool read_step(const char *name, s4d_augment_step *step)
{
    char op[32], filter[16] = "";
    const char *rest = name + strlen(prefix);
    size_t n = strcspn(rest, "/");
    snprintf(op, sizeof op, "%.*s", (int)n, rest);
    *step = (s4d_augment_step){0};
    if (n >= sizeof op || !s4d_augment_op_find(op, &step->op)) return false;
    rest += n + (rest[n] == '/');
    if (sscanf(rest, "%15[a-z]/", filter) == 1) {
        step->resample = strcmp(filter, "bicubic") == 0 ? S4D_BICUBIC : S4D_BILINEAR;
        if (step->resample == S4D_BILINEAR && strcmp(filter, "bilinear") != 0) golden_die("%s: unknown filter", name);
        rest += strlen(filter) + 1;
    }
    char *end;
    step->argument = strtod(rest, &end);
    if (*end) golden_die("%s: expected a number after the operator", name);
    return true;
}

/* Bytes that differ. */
static double differing(const golden *g, const s4d_image *got, const s4d_safetensors_info *want)
{
    if (strcmp(want->type, "U8") != 0 || want->rank != 3 || want->dim[0] != got->height || want->dim[1] != got->width)
        return INFINITY;
    double wrong = 0;
    uint8_t *byte = golden_raw(g, want);
    for (size_t i = 0; i < want->bytes; ++i) wrong += got->rgb[i] != byte[i];
    s4d_mem_free(byte);
    return wrong;
}

void golden_augment(golden *g)
{
    g->part = "augment";
    if (!golden_open(g, "images/augment.safetensors")) {
        golden_skip(g, "images/augment.safetensors", "not in this folder");
        return;
    }
    const s4d_safetensors_info *input = s4d_safetensors_find(g->file, "input");
    if (!input || strcmp(input->type, "U8") != 0 || input->rank != 3 || input->dim[2] != 3)
        golden_die("augment: no input picture");
    uint8_t fill[3];
    s4d_image image = {0}, spare = {0};
    s4d_err err = {0};
    read_fill(g, fill);
    for (size_t i = 0; i < s4d_safetensors_count(g->file); ++i) {
        const s4d_safetensors_info *want = s4d_safetensors_at(g->file, i);
        s4d_augment_plan plan = {.count = 1};
        if (strncmp(want->name, prefix, strlen(prefix)) || strncmp(want->name, crop, strlen(crop)) == 0) continue;
        if (!read_step(want->name, &plan.step[0])) {
            golden_skip(g, want->name, "there is no such operator");
            continue;
        }
        if (s4d_image_size(&image, (int)input->dim[0], (int)input->dim[1], &err) != S4D_OK) golden_die("%s", err.text);
        if (s4d_safetensors_read(g->file, input, image.rgb, &err) != S4D_OK) golden_die("%s", err.text);
        if (s4d_augment_apply(&plan, fill, &image, &spare, &err) != S4D_OK) golden_die("%s", err.text);
        golden_line(g, want->name, differing(g, &image, want), 0);
    }
    s4d_image_release(&image);
    s4d_image_release(&spare);
    golden_close(g);
}
