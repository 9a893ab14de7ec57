/* transformers' config.json beside a model: taken or refused, by import and by info. */
#include "fuzz_folder.h"
#include "s4d/ckpt/import.h"

enum { D = 4 };

static const fuzz_tensor model[] = {
    {"videomae.embeddings.patch_embeddings.projection.weight", {D, 3, 2, 2, 2}},
    {"videomae.embeddings.patch_embeddings.projection.bias", {D}},
    {"videomae.encoder.layer.0.layernorm_before.weight", {D}},
    {"videomae.encoder.layer.0.layernorm_before.bias", {D}},
    {"videomae.encoder.layer.0.attention.attention.query.weight", {D, D}},
    {"videomae.encoder.layer.0.attention.attention.key.weight", {D, D}},
    {"videomae.encoder.layer.0.attention.attention.value.weight", {D, D}},
    {"videomae.encoder.layer.0.attention.attention.q_bias", {D}},
    {"videomae.encoder.layer.0.attention.attention.v_bias", {D}},
    {"videomae.encoder.layer.0.attention.output.dense.weight", {D, D}},
    {"videomae.encoder.layer.0.attention.output.dense.bias", {D}},
    {"videomae.encoder.layer.0.layernorm_after.weight", {D}},
    {"videomae.encoder.layer.0.layernorm_after.bias", {D}},
    {"videomae.encoder.layer.0.intermediate.dense.weight", {2 * D, D}},
    {"videomae.encoder.layer.0.intermediate.dense.bias", {2 * D}},
    {"videomae.encoder.layer.0.output.dense.weight", {D, 2 * D}},
    {"videomae.encoder.layer.0.output.dense.bias", {D}},
    {"fc_norm.weight", {D}},
    {"fc_norm.bias", {D}},
    {"classifier.weight", {2, D}},
    {"classifier.bias", {2}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char weights[S4D_PATH_MAX], config[S4D_PATH_MAX];
    s4d_import *im = NULL;
    s4d_err err = {0};
    if (!weights[0]) {
        strcpy(weights, fuzz_path("model.safetensors"));
        strcpy(config, fuzz_path("config.json"));
        fuzz_put_tensors(weights, model, sizeof model / sizeof *model);
    }
    fuzz_put(config, data, size);
    fuzz_outcome(s4d_import_open(weights, &(s4d_import_opts){0}, &im, &err), &err);
    s4d_import_close(&im);
    return 0;
}
