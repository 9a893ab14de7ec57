/* Name maps: single names, as the programs that made them call them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "ckpt/names.h"

#define TRANSFORMERS(word, of_layout)                                                              \
    {                                                                                              \
        .kind = S4D_NAMES_TRANSFORMERS, .base = word, .layout = of_layout                          \
    }
static const s4d_names pretrain = TRANSFORMERS("videomae.", S4D_LAYOUT_PRETRAIN),
                       finetune = TRANSFORMERS("videomae.", S4D_LAYOUT_FINETUNE),
                       bare = TRANSFORMERS("", S4D_LAYOUT_ENCODER),
                       vit = {.kind = S4D_NAMES_TRANSFORMERS,
                              .base = "vit.",
                              .images = true,
                              .layout = S4D_LAYOUT_FINETUNE},
                       newer = {.kind = S4D_NAMES_TRANSFORMERS,
                                .base = "vit.",
                                .newer = true,
                                .images = true,
                                .layout = S4D_LAYOUT_FINETUNE},
                       mae = {.kind = S4D_NAMES_MAE, .images = true, .layout = S4D_LAYOUT_FINETUNE},
                       clips = {.kind = S4D_NAMES_MAE, .layout = S4D_LAYOUT_FINETUNE},
                       videomae = {.kind = S4D_NAMES_VIDEOMAE, .layout = S4D_LAYOUT_FINETUNE},
                       published = {.kind = S4D_NAMES_S4D, .layout = S4D_LAYOUT_FINETUNE};

static void copies(void **state)
{
    (void)state;
    static const struct {
        const s4d_names *map;
        const char *ours, *theirs;
    } known[] = {
        {&pretrain, "encoder.patch_embed.proj.weight",
         "videomae.embeddings.patch_embeddings.projection.weight"},
        {&pretrain, "encoder.blocks.11.norm1.weight",
         "videomae.encoder.layer.11.layernorm_before.weight"},
        {&pretrain, "encoder.blocks.0.norm2.bias", "videomae.encoder.layer.0.layernorm_after.bias"},
        {&pretrain, "encoder.blocks.0.attn.q_bias",
         "videomae.encoder.layer.0.attention.attention.q_bias"},
        {&pretrain, "encoder.blocks.0.attn.proj.bias",
         "videomae.encoder.layer.0.attention.output.dense.bias"},
        {&pretrain, "encoder.blocks.0.mlp.fc1.weight",
         "videomae.encoder.layer.0.intermediate.dense.weight"},
        {&pretrain, "encoder.blocks.0.mlp.fc2.weight",
         "videomae.encoder.layer.0.output.dense.weight"},
        {&pretrain, "encoder.norm.weight", "videomae.layernorm.weight"},
        {&pretrain, "decoder.blocks.3.attn.v_bias",
         "decoder.decoder_layers.3.attention.attention.v_bias"},
        {&pretrain, "decoder.norm.weight", "decoder.norm.weight"},
        {&pretrain, "decoder.head.bias", "decoder.head.bias"},
        {&pretrain, "encoder_to_decoder.weight", "encoder_to_decoder.weight"},
        {&pretrain, "mask_token", "mask_token"},
        {&finetune, "blocks.7.norm1.bias", "videomae.encoder.layer.7.layernorm_before.bias"},
        {&finetune, "fc_norm.weight", "fc_norm.weight"},
        {&finetune, "head.video.weight", "classifier.weight"},
        {&bare, "encoder.blocks.2.norm1.bias", "encoder.layer.2.layernorm_before.bias"},
        {&bare, "encoder.patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias"},
        {&vit, "blocks.3.norm2.bias", "vit.encoder.layer.3.layernorm_after.bias"},
        {&vit, "head.image.weight", "classifier.weight"},
        {&newer, "blocks.3.norm2.bias", "vit.layers.3.layernorm_after.bias"},
        {&newer, "blocks.3.attn.proj.weight", "vit.layers.3.attention.o_proj.weight"},
        {&newer, "blocks.11.mlp.fc2.bias", "vit.layers.11.mlp.fc2.bias"},
        {&mae, "patch_embed.proj.weight", "patch_embed.proj.weight"},
        {&mae, "blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.weight"},
        {&mae, "head.image.bias", "head.bias"},
        {&clips, "head.video.bias", "head.bias"},
        {&videomae, "head.video.weight", "head.weight"},
        {&videomae, "blocks.0.attn.q_bias", "blocks.0.attn.q_bias"},
        {&published, "head.image.weight", "head.image.weight"},
        {&published, "blocks.1.moe_layer.experts.7.fc1.weight",
         "blocks.1.moe_layer.experts.7.fc1.weight"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        s4d_recipe r;
        assert_true(s4d_names_recipe(known[i].map, known[i].ours, 0, &r));
        assert_int_equal(r.kind, S4D_RECIPE_COPY);
        assert_int_equal(r.sources, 1);
        assert_string_equal(r.source[0], known[i].theirs);
    }
}

static void splits_and_joins(void **state)
{
    (void)state;
    s4d_recipe r;
    assert_true(s4d_names_recipe(&pretrain, "encoder.blocks.4.attn.qkv.weight", 0, &r));
    assert_int_equal(r.kind, S4D_RECIPE_JOIN);
    assert_int_equal(r.sources, 3);
    assert_string_equal(r.source[0], "videomae.encoder.layer.4.attention.attention.query.weight");
    assert_string_equal(r.source[1], "videomae.encoder.layer.4.attention.attention.key.weight");
    assert_string_equal(r.source[2], "videomae.encoder.layer.4.attention.attention.value.weight");
    assert_false(s4d_names_recipe(&pretrain, "encoder.blocks.4.attn.qkv.weight", 1, &r));
    /* biases of their own, as later versions have them */
    assert_true(s4d_names_recipe(&finetune, "blocks.4.attn.v_bias", 1, &r));
    assert_string_equal(r.source[0], "videomae.encoder.layer.4.attention.attention.value.bias");
    assert_false(s4d_names_recipe(&finetune, "blocks.4.attn.v_bias", 2, &r));
    assert_true(s4d_names_recipe(&newer, "blocks.4.attn.q_bias", 1, &r));
    assert_string_equal(r.source[0], "vit.layers.4.attention.q_proj.bias");
    assert_true(s4d_names_recipe(&newer, "blocks.4.attn.qkv.weight", 0, &r));
    assert_string_equal(r.source[1], "vit.layers.4.attention.k_proj.weight");
    assert_true(s4d_names_recipe(&mae, "blocks.4.attn.q_bias", 0, &r));
    assert_int_equal(r.kind, S4D_RECIPE_PART);
    assert_int_equal(r.part, 0);
    assert_string_equal(r.source[0], "blocks.4.attn.qkv.bias");
    assert_true(s4d_names_recipe(&mae, "blocks.4.attn.v_bias", 0, &r));
    assert_int_equal(r.part, 2);
    assert_true(s4d_names_recipe(&mae, "blocks.4.attn.v_bias", 1, &r));
    assert_int_equal(r.kind, S4D_RECIPE_COPY);
    assert_string_equal(r.source[0], "blocks.4.attn.v_bias");
    assert_false(s4d_names_recipe(&mae, "blocks.4.attn.v_bias", 2, &r));
}

static void heads_without_a_place(void **state)
{
    (void)state;
    s4d_recipe r;
    assert_false(s4d_names_recipe(&finetune, "head.image.weight", 0, &r));
    assert_false(s4d_names_recipe(&videomae, "head.image.weight", 0, &r));
    assert_false(s4d_names_recipe(&mae, "head.video.weight", 0, &r));
    assert_false(s4d_names_recipe(&clips, "head.image.weight", 0, &r));
    assert_false(s4d_names_recipe(&vit, "head.video.weight", 0, &r));
    assert_false(s4d_names_recipe(&finetune, "blocks.1.moe_layer.experts.7.fc1.weight", 0, &r));
}

static void left_out(void **state)
{
    (void)state;
    assert_non_null(s4d_names_left_out(&mae, "cls_token"));
    assert_non_null(s4d_names_left_out(&mae, "decoder_blocks.0.norm1.weight"));
    assert_null(s4d_names_left_out(&mae, "blocks.0.gamma_1"));
    assert_null(s4d_names_left_out(&published, "cls_token"));
    assert_non_null(s4d_names_left_out(&vit, "vit.embeddings.position_embeddings"));
    assert_non_null(s4d_names_left_out(&vit, "vit.layernorm.weight"));
    assert_non_null(s4d_names_left_out(&vit, "decoder.decoder_pred.weight"));
    assert_null(s4d_names_left_out(&finetune, "videomae.embeddings.position_embeddings"));
    assert_true(
        s4d_names_key_bias(&finetune, "videomae.encoder.layer.0.attention.attention.key.bias"));
    assert_true(s4d_names_key_bias(&newer, "vit.layers.0.attention.k_proj.bias"));
    assert_false(s4d_names_key_bias(&mae, "blocks.0.attn.qkv.bias"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(splits_and_joins),
        cmocka_unit_test(heads_without_a_place),
        cmocka_unit_test(left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
