/* Parameter groups and schedules: who is decayed, whose rate is lower, and since when a head is updated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "s4d/model/classifier.h"
#include "s4d/model/mae.h"
#include "s4d/train/optim.h"

static const s4d_model_opts tiny = {.img_size = 8, .patch_size = 4, .num_frames = 4, .tubelet_size = 2,
                                    .encoder = {8, 3, 2}, .decoder = {8, 1, 2}, .mlp_ratio = 2,
                                    .moae = {.layers = {2}, .layer_count = 1, .experts = 3, .top_k = 1, .reduction = 2,
                                             .capacity_factor = 1}};
static const s4d_train_opts settings = {.weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .layer_decay = 0.5};

static s4d_backend *ref(void)
{
    s4d_backend *be = NULL;
    s4d_err err = {0};
    if (s4d_backend_create(&(s4d_backend_opts){.device = "ref", .override = ""}, &be, &err)) fail_msg("%s", err.text);
    return be;
}

static int find(const s4d_params *p, const char *name)
{
    int i = s4d_params_find(p, name);
    if (i < 0) fail_msg("%s is no parameter", name);
    return i;
}

static void test_pretraining_decays_all_but_norms_and_biases(void **state)
{
    (void)state;
    s4d_backend *be = ref();
    s4d_mae *mae;
    s4d_optim o;
    s4d_err err = {0};
    assert_int_equal(s4d_mae_create(be, &tiny, &mae, &err), S4D_OK);
    const s4d_params *p = s4d_mae_params(mae);
    assert_int_equal(s4d_optim_create(&o, S4D_PRETRAIN, &settings, p, 3, &err), S4D_OK);
    const char *const decayed[] = {"mask_token", "encoder.blocks.0.attn.q_bias", "decoder.blocks.0.attn.v_bias",
                                   "encoder.patch_embed.proj.weight", "encoder_to_decoder.weight"};
    const char *const spared[] = {"encoder.norm.weight", "encoder.blocks.1.norm2.bias", "decoder.head.bias",
                                  "encoder.patch_embed.proj.bias", "decoder.norm.weight"};
    for (int i = 0; i < 5; ++i) {
        assert_true(o.decayed[find(p, decayed[i])]);
        assert_false(o.decayed[find(p, spared[i])]);
        assert_true(o.scale[find(p, decayed[i])] == 1);
    }
    s4d_optim_release(&o);
    s4d_mae_destroy(&mae);
    s4d_backend_destroy(&be);
}

static void test_layers_and_heads_of_finetuning(void **state)
{
    (void)state;
    s4d_backend *be = ref();
    s4d_classifier *c;
    s4d_optim o;
    s4d_err err = {0};
    assert_int_equal(s4d_classifier_create(be, &tiny, (int[]){3, 4}, &c, &err), S4D_OK);
    s4d_params *p = s4d_classifier_params(c);
    assert_int_equal(s4d_params_alloc(p, be, true, &err), S4D_OK);
    assert_int_equal(s4d_optim_create(&o, S4D_FINETUNE, &settings, p, 3, &err), S4D_OK);
    assert_true(o.scale[find(p, "patch_embed.proj.weight")] == 0.0625);
    assert_true(o.scale[find(p, "blocks.0.mlp.fc1.weight")] == 0.125);
    assert_true(o.scale[find(p, "blocks.2.moe_layer.experts.1.fc1.weight")] == 0.5);
    assert_true(o.scale[find(p, "fc_norm.weight")] == 1 && o.scale[find(p, "head.video.weight")] == 1);
    assert_false(o.decayed[find(p, "blocks.0.attn.q_bias")]);
    assert_true(o.decayed[find(p, "head.image.weight")]);

    int image = find(p, "head.image.weight"), video = find(p, "head.video.weight"), block = find(p, "blocks.0.mlp.fc1.weight");
    s4d_optim_step(&o, be, p, &(s4d_optim_update){.rate = 1e-3, .modality = S4D_VIDEO});
    assert_true(o.step[image] == 0 && o.step[video] == 1 && o.step[block] == 1);
    s4d_optim_step(&o, be, p, &(s4d_optim_update){.rate = 1e-3, .modality = S4D_IMAGE});
    assert_true(o.step[image] == 1 && o.step[video] == 2 && o.step[block] == 2);
    s4d_optim_step(&o, be, p, &(s4d_optim_update){.rate = 1e-3, .modality = S4D_VIDEO});
    assert_true(o.step[image] == 2 && o.step[video] == 3);
    s4d_optim_release(&o);
    s4d_classifier_destroy(&c);
    s4d_backend_destroy(&be);
}

static void test_rates_are_scaled_only_where_asked(void **state)
{
    (void)state;
    s4d_train_opts o = {.epochs = 10, .lr = 1e-3, .min_lr = 1e-5, .warmup_epochs = 2};
    s4d_schedule s;
    s4d_schedule_make(S4D_FINETUNE, &o, 16, 5, &s);
    assert_true(s.peak == 1e-3 && s.min == 1e-5 && s.steps == 50 && s.warmup_steps == 10);
    o.lr_scale_batch = 8;
    o.min_lr_scale_batch = 256;
    s4d_schedule_make(S4D_FINETUNE, &o, 16, 5, &s);
    assert_true(s.peak == 2e-3 && fabs(s.min - 6.25e-7) < 1e-20);
    assert_true(s4d_schedule_rate(&s, 0) == 0 && s4d_schedule_rate(&s, 9) == 2e-3 && s4d_schedule_rate(&s, 10) == 2e-3);
    assert_true(s4d_schedule_rate(&s, 49) > s.min);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pretraining_decays_all_but_norms_and_biases),
        cmocka_unit_test(test_layers_and_heads_of_finetuning),
        cmocka_unit_test(test_rates_are_scaled_only_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
