"""Where in a file the model is, and whose names it has: keys, wrappers, families of models, what config.json says."""
import json
from collections import OrderedDict

from makers import torchlike
from makers.case import Bring
from makers.models import (D, DD, DEPTH, as_mae, as_tensors, as_transformers, as_vit, numbers, published, put_safetensors,
                           put_transformers, raw)
from makers.torchlike import Tensor
from support import MODEL, tensors


def other(model):
    """The same tensors with other numbers."""
    return OrderedDict((k, (shape, [x + 1 for x in v])) for k, (shape, v) in model.items())


def behind(prefix, model):
    return OrderedDict((prefix + k, v) for k, v in model.items())


class Keys(Bring):
    def put(self, thing):
        torchlike.save(thing, self.dir / "a.pth")
        return self.dir / "a.pth"

    def test_keys_in_use(self):
        model = published("finetune", 3)
        sd = as_tensors(model)
        step = Tensor((), [1.0])
        for thing in ({"model_state_dict": sd, "epoch": 1, "loss": step}, {"net": sd, "acc": 0.5}, {"weights": sd},
                      {"model_state": sd, "optimizer_state": {"exp_avg": {"a": step}}}, {"model_ema": sd, "epoch": 3},
                      {"params_ema": sd}, {"ema": sd, "ema_decay": step}, {"state_dict_ema": sd}, {"params": sd},
                      {"model": {"state_dict": sd}, "epoch": 2}, {"module": {"model": {"net": sd}}}, {"teacher": sd}, {"student": sd},
                      (sd, {"epoch": 3}), [sd, 5], {"checkpoint": (1, {"state_dict": sd})}, {"mine": sd, "lr": 0.1},
                      {"model": {"version": step}, "state_dict": sd}, {"optimizer": {"state": {"a": sd}}, "network": sd}):
            _, done = self.check(self.put(thing), model)
            self.assertNotIn("there is also", done.stderr)

    def test_of_several_the_weights_themselves(self):
        model = published("finetune", 3)
        sd, average = as_tensors(model), as_tensors(other(model))
        for thing, key in (({"state_dict": sd, "state_dict_ema": average}, "state_dict_ema"), ({"model_ema": average, "model": sd}, "model_ema"),
                           ({"params_ema": average, "params": sd}, "params_ema"), ({"student": average, "teacher": sd}, "student"),
                           ({"model": {"state_dict": sd, "ema": average}}, "model.ema"), ((sd, average), "1"),
                           ({**sd, "ema": average}, "ema")):
            path = self.put(thing)
            _, done = self.check(path, model)
            self.assertIn(f"there is also {key} (", done.stderr)
            self.assertRegex(self.ok("ckpt", "info", path).stdout, rf"(?m)^also +{key} \(\d+ tensors\)$")
            self.check(path, other(model), "--key", key)
            self.assertIn("sound", self.ok("ckpt", "verify", path, "--key", key).stdout)
        path = self.put({"model": {"ema.v2": average, "net": sd}})
        self.check(path, other(model), "--key", "model", "--key", "ema.v2")
        self.check(path, other(model), "--key", "model.ema.v2")
        self.check(path, model, "--key", "model")

    def test_unknown_ones_are_listed(self):
        model = published("finetune", 3)
        path = self.put({"one": as_tensors(model), "two": {"deep": as_tensors(other(model))}, "optim": as_tensors(model)})
        n = len(model)
        self.refused(1, [f"holds several dicts of tensors, one ({n} tensors), two.deep ({n} tensors); choose one by --key NAME"], path)
        self.fails(1, "holds several dicts of tensors", "ckpt", "info", path)
        self.check(path, other(model), "--key", "two.deep")
        self.check(path, other(model), "--key", "two")
        self.refused(2, ["--key three: leads to no tensors", f"which holds one ({n} tensors), two.deep ({n} tensors)"], path, "--key", "three")
        self.refused(2, "--key one.x: leads to no tensors", path, "--key", "one.x")
        put_safetensors(self.dir / "a", model)
        self.refused(2, ["--key:", "--strip PREFIX"], self.dir / "a", "--key", "model")

    def test_objects_without_tensors(self):
        for thing, words in (({"epoch": 1}, "holds no tensors by their names: a dict of 1"), ([1, 2], "holds no tensors by their names: a list of 2"),
                             (7, "holds 7, not tensors by their names"), ({"optimizer": {"state": {"a": Tensor((1,), [1.0])}}}, "no tensors")):
            self.refused(1, words, self.put(thing))


class Wrappers(Bring):
    def test_words_before_names(self):
        for stage, classes in (("finetune", 3), ("pretrain", 0)):
            model = published(stage, classes)
            for prefix in ("module.", "_orig_mod.", "model.", "backbone.", "net.", "module._orig_mod.", "_orig_mod.module.", "model.module.",
                           "module.module.", "base_model.model.", "model.backbone.", "student.", "teacher.backbone.", "ema_model.module."):
                torchlike.save({"state_dict": as_tensors(behind(prefix, model))}, self.dir / "a.pth")
                self.check(self.dir / "a.pth", model)
        model = published("finetune", 3)
        for prefix in ("encoder.", "model.encoder.", "encoder.module."):
            put_safetensors(self.dir / "a", behind(prefix, model))
            _, done = self.check(self.dir / "a", model)
            self.assertIn(f"{prefix} is taken off the names", done.stderr)

    def test_pytorch_s_own_stand_anywhere(self):
        model = published("finetune", 3)
        theirs = OrderedDict((k.replace("blocks.1.", "blocks.1._checkpoint_wrapped_module.").replace("mlp.", "mlp._orig_mod."), v)
                             for k, v in behind("_fsdp_wrapped_module.", model).items())
        put_safetensors(self.dir / "a", theirs)
        self.check(self.dir / "a", model)

    def test_what_lies_outside_is_ignored(self):
        model = published("finetune", 3)
        theirs = OrderedDict(behind("model.", as_transformers(model)), **{"loss.weight": ((3,), [1.0] * 3), "metric.x": ((1,), [2.0])})
        torchlike.save({"state_dict": as_tensors(theirs), "pytorch-lightning_version": "2.5.0", "hyper_parameters": {"lr": 1}},
                       self.dir / "a.ckpt")
        _, done = self.check(self.dir / "a.ckpt", model)
        self.assertRegex(done.stdout, r"(?m)^  ignored   loss.weight +outside of the model, whose names begin with model\.$")

    def test_given_ones(self):
        model = published("finetune", 3)
        put_safetensors(self.dir / "a", OrderedDict(behind("video_tower.", model), **{"text.w": ((1,), [1.0])}))
        self.refused(1, ['the names of its model begin with "video_tower."', "--strip PREFIX"], self.dir / "a")
        for prefix in ("video_tower.", "video_tower"):
            self.check(self.dir / "a", model, "--strip", prefix)
        self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "a", "--strip", "video_tower").stdout)
        self.assertIn("s4d, finetune, behind video_tower.", self.ok("ckpt", "info", self.dir / "a", "--strip", "video_tower").stdout)
        self.refused(2, "--strip none: no name in", self.dir / "a", "--strip", "none")
        put_safetensors(self.dir / "a", behind("tower.module._orig_mod.", model))
        self.check(self.dir / "a", model, "--strip", "tower")

    def test_several_models(self):
        model = published("finetune", 3)
        both = OrderedDict(behind("teacher.backbone.", other(model)), **behind("student.backbone.", model))
        put_safetensors(self.dir / "a", both)
        self.check(self.dir / "a", other(model))
        self.check(self.dir / "a", model, "--strip", "student")
        put_safetensors(self.dir / "a", OrderedDict(behind("model.", model), **behind("model_ema.module.", other(model))))
        self.check(self.dir / "a", model)
        put_safetensors(self.dir / "a", OrderedDict(behind("a.", model), **behind("b.", other(model))))
        self.refused(1, ["holds several models", '"a."', '"b."', "--strip"], self.dir / "a")
        self.check(self.dir / "a", other(model), "--strip", "b")


class Families(Bring):
    def test_vit_of_transformers(self):
        for base, newer, config in (("vit.", False, {"model_type": "vit"}), ("deit.", False, None), ("", False, None), ("vit.", True, None),
                                    ("", True, {"model_type": "vit", "qkv_bias": True})):
            theirs, want = as_vit(published("finetune", 4), base, newer)
            folder = self.dir / "vit"
            folder.mkdir(exist_ok=True)
            theirs[base + "pooler.dense.weight"] = (D, D), numbers(D * D, "pool")
            put_safetensors(folder / "model.safetensors", theirs)
            (folder / "config.json").write_text(json.dumps(config or {}))
            meta, done = self.check(folder, want)
            self.assertIn("can only be what fine-tuning begins with", done.stderr)
            self.assertEqual(meta["s4d.imported_from"], "transformers")
            self.assertRegex(done.stdout, r"reshaped +patch_embed.proj.weight +from \S+, spread evenly over 2 frames")

    def test_vitmae(self):
        theirs, want = as_vit(published("finetune"))
        theirs["vit.embeddings.mask_token"] = (1, 1, D), [0.0] * D
        for name, shape in (("decoder.decoder_embed.weight", (DD, D)), ("decoder.mask_token", (1, 1, DD)),
                            ("decoder.decoder_layers.0.attention.q_proj.bias", (DD,)), ("decoder.decoder_pos_embed", (1, 17, DD))):
            n = 1
            for d in shape:
                n *= d
            theirs[name] = shape, numbers(n, name)
        put_safetensors(self.dir / "a", theirs)
        _, done = self.check(self.dir / "a", want)
        self.assertRegex(done.stdout, r"ignored +decoder.decoder_embed.weight +the decoder of images")

    def test_other_families_are_named(self):
        model = published("finetune", 3)
        for base, words in (("beit.", "is BEiT"), ("dinov2.", "is DINOv2"), ("vivit.", "is ViViT"), ("data2vec_vision.", "is data2vec"),
                            ("timesformer.", "is TimeSformer"), ("dinov3_vit.", "is DINOv3")):
            put_safetensors(self.dir / "a", as_transformers(model, base))
            self.refused(1, [words, f"({base})", "take weights of VideoMAE, MAE or a plain ViT"], self.dir / "a")
            self.assertIn(words, self.ok("ckpt", "info", self.dir / "a").stdout)
        for extra, words in (("embeddings.cls_token", "is ViViT"), ("encoder.layer.0.lambda_1", "is BEiT"),
                             ("encoder.layer.0.layer_scale1.lambda1", "is DINOv2")):
            put_safetensors(self.dir / "a", OrderedDict(as_transformers(model, ""), **{extra: ((D,), [1.0] * D)}))
            self.refused(1, words, self.dir / "a")

    def test_parts_of_others(self):
        model = published("finetune", 3)
        for extra, words in (("blocks.0.attn.q_norm.weight", "a norm of queries"), ("blocks.0.ls1.gamma", "LayerScale"),
                             ("blocks.0.attn.relative_position_bias_table", "relative positions"), ("reg_token", "register tokens"),
                             ("blocks.0.mlp.w12.weight", "SwiGLU"), ("pos_embed", "a table of positions that was trained"),
                             ("blocks.0.attn.qkv.weight_scale", "convert them to float32 first"), ("rope.freqs", "rotary positions")):
            put_safetensors(self.dir / "a", OrderedDict(model, **{extra: ((D,), [1.0] * D)}))
            self.refused(1, [f"{extra} is ignored", words], self.dir / "a")
        for extra, words in (("blocks.0.attn.qkv.lora_A.default.weight", "merge_and_unload"), ("blocks.0.attn.qkv.base_layer.weight", "merge_and_unload"),
                             ("_flat_param", "FULL_STATE_DICT"), ("blocks.0.attn.first_attn.w", "local-global")):
            put_safetensors(self.dir / "a", OrderedDict(behind("base_model.model.", model), **{"base_model.model." + extra: ((D,), [1.0] * D)}))
            self.refused(1, words, self.dir / "a")

    def test_a_bare_encoder(self):
        model = OrderedDict((k, v) for k, v in published("pretrain").items() if k.startswith("encoder.") and "norm." not in k.split("blocks")[0])
        put_safetensors(self.dir / "a", as_transformers(model, ""))
        _, done = self.check(self.dir / "a", model)
        self.assertRegex(done.stdout, r"missing +encoder.norm +fine-tuning does not use it")
        whole = OrderedDict((k, v) for k, v in published("pretrain").items() if k.startswith("encoder."))
        put_safetensors(self.dir / "a", as_transformers(whole, ""))
        self.check(self.dir / "a", whole)

    def test_clips_of_timm(self):
        model = published("finetune", 3)
        theirs = OrderedDict((k.replace("head.video", "head"), v) for k, v in model.items() if "v_bias" not in k)
        for i in range(DEPTH):
            q, v = model[f"blocks.{i}.attn.q_bias"][1], model[f"blocks.{i}.attn.v_bias"][1]
            del theirs[f"blocks.{i}.attn.q_bias"]
            theirs[f"blocks.{i}.attn.qkv.bias"] = (3 * D,), q + [0.0] * D + v
        put_safetensors(self.dir / "a", theirs)
        _, done = self.check(self.dir / "a", model)
        self.assertNotIn("can only be", done.stderr)


class Biases(Bring):
    def test_none_is_zeros(self):
        model = published("finetune", 3)
        bare = OrderedDict((k, v) for k, v in model.items() if "q_bias" not in k and "v_bias" not in k)
        want = OrderedDict((k, (s, [0.0] * len(v) if "q_bias" in k or "v_bias" in k else v)) for k, (s, v) in model.items())
        for theirs in (bare, as_transformers(bare)):
            put_safetensors(self.dir / "a", theirs)
            for more in ((), ("--allow-missing", "*_bias")):
                _, done = self.check(self.dir / "a", want, *more)
                self.assertRegex(done.stdout, r"reshaped +blocks.1.attn.v_bias +zeros: no block of the file has this bias")
            self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "out.safetensors").stdout)
        pre = published("pretrain")
        want = OrderedDict((k, (s, [0.0] * len(v) if "q_bias" in k or "v_bias" in k else v)) for k, (s, v) in pre.items())
        put_safetensors(self.dir / "a", OrderedDict((k, v) for k, v in pre.items() if "q_bias" not in k and "v_bias" not in k))
        self.check(self.dir / "a", want)
        images, want = as_mae(model)
        put_safetensors(self.dir / "a", OrderedDict((k, v) for k, v in images.items() if "qkv.bias" not in k))
        got, _, _ = self.bring(self.dir / "a")
        self.assertEqual(got["blocks.0.attn.q_bias"], bytes(4 * D))

    def test_a_lost_one_is_no_zero(self):
        model = published("finetune", 3)
        for lost in ("blocks.1.attn.q_bias", "blocks.0.attn.v_bias"):
            theirs = OrderedDict((k, v) for k, v in model.items() if k != lost)
            put_safetensors(self.dir / "a", theirs)
            self.refused(1, f"{lost} is missing", self.dir / "a")
        theirs = OrderedDict((k, v) for k, v in model.items() if "q_bias" not in k)
        put_safetensors(self.dir / "a", theirs)
        self.refused(1, "blocks.0.attn.q_bias is missing", self.dir / "a")

    def test_what_may_be_missing_begins_anew(self):
        model = published("finetune", 3)
        theirs = OrderedDict((k, v) for k, v in model.items() if "blocks.1.norm2" not in k and "blocks.1.mlp.fc1" not in k)
        put_safetensors(self.dir / "a", theirs)
        got, _, done = self.bring(self.dir / "a", "--allow-missing", "blocks.*")
        self.assertEqual(sorted(got), sorted(model))
        ones, zeros = raw({"a": ((D,), [1.0] * D), "b": ((D,), [0.0] * D)}).values()
        self.assertEqual(got["blocks.1.norm2.weight"], ones)
        self.assertEqual(got["blocks.1.norm2.bias"], zeros)
        drawn = memoryview(got["blocks.1.mlp.fc1.weight"]).cast("f")
        self.assertLess(max(map(abs, drawn)), 0.0401)
        self.assertGreater(len(set(drawn)), len(drawn) // 2)
        self.assertRegex(done.stdout, r"missing +blocks.1.mlp.fc1.weight +\[48,24\] is expected; it begins anew")
        self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "out.safetensors").stdout)
        self.assertEqual(self.bring(self.dir / "a", "--allow-missing", "blocks.*")[0], got)


class Configs(Bring):
    def test_other_arithmetic_is_refused_by_name(self):
        model = published("finetune", 3)
        for key, value in (("hidden_act", "relu"), ("hidden_act", "gelu_new"), ("hidden_act", "quick_gelu"), ("hidden_act", "silu"),
                           ("hidden_act", {"a": 1}), ("layer_norm_eps", 0.1), ("layer_norm_eps", 1e-3), ("layer_norm_eps", 2e-5),
                           ("layer_norm_eps", -1), ("layer_norm_eps", "small"), ("num_channels", 4), ("image_size", [32, 64]),
                           ("patch_size", [8, 4]), ("qkv_bias", False), ("qv_bias", False), ("model_type", "vivit"),
                           ("problem_type", "multi_label_classification"), ("problem_type", "regression"), ("head_dim", 8),
                           ("auto_map", {"AutoModel": "mine.Model"}), ("quantization_config", {"load_in_8bit": True}),
                           ("pruned_heads", {"0": [1]}), ("use_swiglu_ffn", True), ("layerscale_value", 0.5),
                           ("layer_scale_init_value", 0.1), ("rope_theta", 100), ("num_register_tokens", 4),
                           ("use_absolute_position_embeddings", False), ("use_relative_position_bias", True), ("qk_norm", True)):
            folder = put_transformers(self.dir / "hf", model, **{key: value})
            for source in (folder, folder / "model.safetensors"):
                self.refused(1, [f"{key} is {json.dumps(value)} in config.json beside it", "another model"], source)
            self.assertIn(key, self.ok("ckpt", "info", folder).stdout)

    def test_sizes_are_held_against_the_tensors(self):
        model = published("finetune", 3)
        for key, value, words in (("tubelet_size", 4, "tubelet_size is 2"), ("patch_size", 16, "patch_size is 8"),
                                  ("hidden_size", 48, "model.mlp_ratio is 2 by its tensors"), ("num_hidden_layers", 3, "encoder.depth is 2"),
                                  ("intermediate_size", 96, "mlp_ratio is 2"), ("num_frames", "four", "num_frames is not a whole number")):
            self.refused(1, words, put_transformers(self.dir / "hf", model, **{key: value}))

    def test_what_does_not_matter_is_taken(self):
        model = published("finetune", 3)
        for settings in ({}, {"hidden_act": "gelu_python"}, {"layer_norm_eps": 1e-5}, {"layer_norm_eps": 0}, {"layer_norm_eps": 1e-6},
                         {"image_size": [32, 32], "patch_size": [8, 8]}, {"hidden_act": None, "layer_norm_eps": None},
                         {"qkv_bias": None, "qv_bias": True}, {"problem_type": "single_label_classification"}, {"head_dim": 12},
                         {"pruned_heads": {}, "transformers_version": "4.20.1", "use_swiglu_ffn": False, "mask_ratio": 0.5}):
            meta, _ = self.check(put_transformers(self.dir / "hf", model, **settings), model)
            self.assertEqual(json.loads(meta["config"])["model"]["encoder"]["heads"], 2)
        folder = put_transformers(self.dir / "hf", OrderedDict((k, v) for k, v in model.items() if "_bias" not in k), qkv_bias=False)
        got, _, _ = self.bring(folder)
        self.assertEqual(got["blocks.0.attn.q_bias"], bytes(4 * D))

    def test_targets_as_they_are(self):
        model = published("pretrain")
        folder = put_transformers(self.dir / "hf", model, norm_pix_loss=False, architectures=["VideoMAEForPreTraining"])
        _, done = self.check(folder, OrderedDict((k, v) for k, v in model.items() if k.startswith("encoder.")))
        self.assertRegex(done.stdout, r"ignored +decoder.norm.bias +of a decoder that was trained on pixels as they are")

    def test_configs_of_others(self):
        model = published("finetune", 3)
        folder = put_transformers(self.dir / "hf", model)
        (folder / "config.json").write_text(json.dumps({"stage": "finetune", "model": MODEL, "hidden_act": "relu"}))
        self.check(folder, model)
        (folder / "config.json").write_text("{")
        self.refused(1, "config.json beside it", folder)
        theirs, want = as_mae(model)
        put_safetensors(folder / "model.safetensors", theirs)
        (folder / "config.json").write_text(json.dumps({"hidden_act": "relu"}))
        self.check(folder, want)
        for about, key in (({"architecture": "vit_base_patch16_clip_quickgelu_224"}, "architecture"),
                           ({"architecture": "vit_base_patch16_224", "model_args": {"act_layer": "relu"}}, "act_layer")):
            (folder / "config.json").write_text(json.dumps(about))
            self.refused(1, f"{key} is ", folder)
        (folder / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_224.mae", "num_classes": 0, "model_args": {
            "img_size": 32, "act_layer": "gelu"}}))
        self.check(folder, want)

    def test_pixels_of_another_mean(self):
        model = published("finetune", 3)
        folder = put_transformers(self.dir / "hf", model)
        usual = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "do_normalize": True}
        for about, warned in ((usual, False), ({}, False), ({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}, True),
                              ({**usual, "image_std": [0.5] * 3}, True), ({**usual, "do_normalize": False}, True), ({"image_mean": "x"}, True)):
            (folder / "preprocessor_config.json").write_text(json.dumps(about))
            _, done = self.check(folder, model)
            self.assertEqual("pixels of another mean and deviation" in done.stderr, warned, about)

    def test_a_head_that_reads_the_first_token(self):
        model = published("finetune", 3)
        want = OrderedDict((k, v) for k, v in model.items() if not k.startswith("fc_norm"))
        folder = put_transformers(self.dir / "hf", want, use_mean_pooling=False)
        meta, done = self.check(folder, want)
        self.assertIn("it can only be what fine-tuning begins with (--init), and eval refuses it: it has no fc_norm", done.stderr)
        self.assertIn("no fc_norm", meta["s4d.start_only"])
        self.assertIn("to begin with only", self.ok("ckpt", "info", folder).stdout)
        out = self.dir / "again.safetensors"
        self.ok("ckpt", "import", self.dir / "out.safetensors", out)
        self.assertEqual(tensors(out)[1]["s4d.start_only"], meta["s4d.start_only"])
