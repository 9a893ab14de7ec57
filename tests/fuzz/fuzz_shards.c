/* The list of a model in shards, of which two are there. */
#include "fuzz_folder.h"
#include "s4d/ckpt/check.h"

static const fuzz_tensor first[] = {{"patch_embed.proj.weight", {4, 3, 2, 2, 2}},
                                    {"fc_norm.weight", {4}},
                                    {"twice", {1}}},
                         second[] = {{"fc_norm.bias", {4}}, {"twice", {1}}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char list[S4D_PATH_MAX];
    s4d_strlist faults = {0};
    s4d_err err = {0};
    if (!list[0]) {
        fuzz_put_tensors(fuzz_path("a"), first, sizeof first / sizeof *first);
        fuzz_put_tensors(fuzz_path("b"), second, sizeof second / sizeof *second);
        strcpy(list, fuzz_path("model.safetensors.index.json"));
    }
    fuzz_put(list, data, size);
    fuzz_outcome(s4d_ckpt_verify(list, &(s4d_import_opts){0}, &faults, &err), &err);
    s4d_strlist_release(&faults);
    return 0;
}
