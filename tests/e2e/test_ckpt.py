"""s4d ckpt: files of other programs, put together here without the binary's maps, in and out."""
import argparse
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import textwrap
import unittest
from collections import OrderedDict

import torchlike
from support import MODEL, Case, eval_config, finetune_config, pretrain_config, run, tensors
from torchlike import Storage, Tensor

D, DD, DEPTH, HIDDEN, PATCH, TUBELET = 24, 16, 2, 48, 8, 2
PAIRS = {"norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.output.dense",
         "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}


def numbers(n, seed):
    draw = random.Random(seed)
    return [struct.unpack("<f", struct.pack("<f", draw.uniform(-1, 1)))[0] for _ in range(n)]


def product(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def block(prefix, d, hidden):
    yield from ((f"{prefix}.{norm}.{w}", (d,)) for norm in ("norm1", "norm2") for w in ("weight", "bias"))
    yield f"{prefix}.attn.q_bias", (d,)
    yield f"{prefix}.attn.v_bias", (d,)
    yield f"{prefix}.attn.qkv.weight", (3 * d, d)
    for name, n, k in (("attn.proj", d, d), ("mlp.fc1", hidden, d), ("mlp.fc2", d, hidden)):
        yield f"{prefix}.{name}.weight", (n, k)
        yield f"{prefix}.{name}.bias", (n,)


def published(stage, classes=0):
    """name -> (shape, numbers) under the published names."""
    head = "encoder." if stage == "pretrain" else ""
    shapes = [(head + "patch_embed.proj.weight", (D, 3, TUBELET, PATCH, PATCH)), (head + "patch_embed.proj.bias", (D,))]
    for i in range(DEPTH):
        shapes += block(f"{head}blocks.{i}", D, HIDDEN)
    norm = "encoder.norm" if stage == "pretrain" else "fc_norm"
    shapes += [(norm + ".weight", (D,)), (norm + ".bias", (D,))]
    if stage == "pretrain":
        shapes += block("decoder.blocks.0", DD, 2 * DD)
        pixels = 3 * TUBELET * PATCH * PATCH
        shapes += [("decoder.norm.weight", (DD,)), ("decoder.norm.bias", (DD,)), ("decoder.head.weight", (pixels, DD)),
                   ("decoder.head.bias", (pixels,)), ("encoder_to_decoder.weight", (DD, D)), ("mask_token", (1, 1, DD))]
    if classes:
        shapes += [("head.video.weight", (classes, D)), ("head.video.bias", (classes,))]
    return OrderedDict((name, (shape, numbers(product(shape), name))) for name, shape in shapes)


def raw(model):
    return {name: struct.pack(f"<{len(v)}f", *v) for name, (_, v) in model.items()}


def as_tensors(model):
    return OrderedDict((name, Tensor(shape, v)) for name, (shape, v) in model.items())


def put_safetensors(path, model, meta=None):
    header, at = {"__metadata__": meta} if meta else {}, 0
    for name, (shape, v) in model.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + 4 * len(v)]}
        at += 4 * len(v)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(raw(model).values()))


def as_transformers(model, base="videomae."):
    out = OrderedDict()
    for name, (shape, v) in model.items():
        name = name.replace("encoder.blocks.", "blocks.").replace("encoder.patch_embed", "patch_embed")
        name = name.replace("patch_embed.proj", base + "embeddings.patch_embeddings.projection")
        name = name.replace("encoder.norm", base + "layernorm").replace("head.video", "classifier")
        name = name.replace("decoder.blocks.", "decoder.decoder_layers.")
        if name.startswith("blocks."):
            name = base + "encoder.layer." + name[len("blocks."):]
        for ours, theirs in PAIRS.items():
            name = name.replace(f".{ours}.", f".{theirs}.")
        name = name.replace("attn.q_bias", "attention.attention.q_bias").replace("attn.v_bias", "attention.attention.v_bias")
        if name.endswith("attn.qkv.weight"):
            third = len(v) // 3
            for i, part in enumerate(("query", "key", "value")):
                out[name.replace("attn.qkv", f"attention.attention.{part}")] = ((shape[1], shape[1]), v[i * third:(i + 1) * third])
        else:
            out[name] = (shape, v)
    return out


def as_mae(model, key=0.0):
    """The fine-tuned model as a model of pictures, and what it must become."""
    out, want = OrderedDict(cls_token=((1, 1, D), numbers(D, "cls")), pos_embed=((1, 17, D), numbers(17 * D, "pos"))), OrderedDict()
    for name, (shape, v) in model.items():
        if name == "patch_embed.proj.weight":
            area = PATCH * PATCH
            flat = [x for r in range(3 * D) for x in v[r * 2 * area:r * 2 * area + area]]
            out[name] = ((D, 3, PATCH, PATCH), flat)
            want[name] = (shape, [flat[r * area + k] / 2 for r in range(3 * D) for _ in range(2) for k in range(area)])
            continue
        if name.startswith("head.") or name.startswith("fc_norm."):
            name = {"fc": name.replace("fc_norm", "norm"), "he": name.replace("head.video", "head")}[name[:2]]
        if name.endswith("attn.q_bias"):
            values = model[name.replace("q_bias", "v_bias")][1]
            out[name.replace("q_bias", "qkv.bias")] = ((3 * D,), v + [key] * D + values)
        elif not name.endswith("attn.v_bias"):
            out[name] = (shape, v)
        if name.startswith("head."):
            name = name.replace("head.", "head.image.")
        if not name.startswith("norm."):
            want[name] = (shape, v)
    return out, want


class Import(Case):
    def bring(self, source, *more):
        out = self.dir / "out.safetensors"
        done = self.ok("ckpt", "import", source, out, *more)
        return *tensors(out), done

    def check(self, source, want, *more):
        got, meta, done = self.bring(source, *more)
        self.assertEqual(sorted(got), sorted(want))
        for name, data in raw(want).items():
            self.assertEqual(got[name], data, name)
        self.assertEqual(meta["format"], "s4d")
        return meta, done

    def test_both_forms_and_every_top_key(self):
        model = published("finetune", 3)
        path = self.dir / "a.pth"
        for legacy in (False, True):
            for top in ("model", "module", "state_dict", None):
                for protocol in (2, 4):
                    thing = as_tensors(model)
                    torchlike.save({top: thing, "epoch": 7} if top else thing, path, legacy=legacy, protocol=protocol)
                    self.check(path, model)

    def test_objects_in_it_are_placeholders(self):
        model = published("pretrain")
        marker = self.dir / "ran"

        class Bomb:
            def __reduce__(self):
                return os.system, (f"touch {marker}",)

        path = self.dir / "a.pth"
        torchlike.save({"model": as_tensors(model), "args": argparse.Namespace(lr=1), "x": Bomb(), "optimizer": {"s": [1]}}, path)
        self.check(path, model)
        self.assertFalse(marker.exists())
        text = self.ok("ckpt", "info", path).stdout
        self.assertIn("an object of argparse.Namespace", text)
        self.assertIn("an object of posix.system", text)

    def test_strides_shared_storages_and_types(self):
        model = published("finetune")
        thing = as_tensors(model)
        shape, v = model["blocks.0.mlp.fc1.weight"]
        turned = [v[r * shape[1] + c] for c in range(shape[1]) for r in range(shape[0])]
        thing["blocks.0.mlp.fc1.weight"] = Tensor(shape, turned, 0, (1, shape[0]))
        both = Storage([9.0] + model["fc_norm.weight"][1] + model["fc_norm.bias"][1])
        thing["fc_norm.weight"], thing["fc_norm.bias"] = Tensor((D,), both, 1), Tensor((D,), both, 1 + D)
        q = "blocks.0.attn.q_bias"
        for kind, narrow in (("HalfStorage", lambda x: struct.unpack("<e", struct.pack("<e", x))[0]), ("DoubleStorage", float),
                             ("BFloat16Storage", lambda x: struct.unpack("<f", b"\0\0" + struct.pack("<f", x)[2:])[0])):
            thing[q] = Tensor((D,), Storage(model[q][1], kind))
            want = OrderedDict(model, **{q: ((D,), [narrow(x) for x in model[q][1]])})
            for legacy in (False, True):
                torchlike.save(thing, self.dir / "a.pth", legacy=legacy)
                self.check(self.dir / "a.pth", want)

    def test_wrappers(self):
        model = published("pretrain")
        for word in ("module.", "_orig_mod."):
            torchlike.save({"model": OrderedDict((word + k, v) for k, v in as_tensors(model).items())}, self.dir / "a.pth")
            self.check(self.dir / "a.pth", model)

    def test_videomae(self):
        model = published("finetune", 5)
        path = self.dir / "a.pth"
        torchlike.save({"module": as_tensors(OrderedDict((k.replace("head.video", "head"), v) for k, v in model.items()))}, path)
        meta, done = self.check(path, model)
        self.assertEqual(meta["s4d.imported_from"], "videomae")
        self.assertNotIn("config", meta)
        self.assertNotIn("classes.video", meta)
        self.assertIn("does not say how many heads", done.stderr)

    def test_pictures(self):
        theirs, want = as_mae(published("finetune", 4))
        path = self.dir / "mae.pth"
        torchlike.save({"model": as_tensors(theirs)}, path)
        _, done = self.check(path, want)
        self.assertRegex(done.stdout, r"reshaped +patch_embed.proj.weight +from patch_embed.proj.weight, spread evenly over 2 frames")
        self.assertRegex(done.stdout, r"ignored +cls_token")
        theirs, _ = as_mae(published("finetune", 4), key=0.5)
        torchlike.save({"model": as_tensors(theirs)}, path)
        _, done = self.check(path, want)
        self.assertRegex(done.stdout, r"ignored +blocks.0.attn.qkv.bias +the key's part is not zero; it is dropped")
        self.assertIn(f"the key's bias is dropped in {DEPTH} tensors", done.stderr)
        out = self.dir / "out.safetensors"
        done = self.ok("ckpt", "verify", out)
        self.assertIn("sound", done.stdout)
        self.assertNotIn("dropped", done.stderr)
        self.check_again(out, want)

    def check_again(self, out, want):
        again = self.dir / "again.safetensors"
        done = self.ok("ckpt", "import", out, again)
        self.assertRegex(done.stdout, r"missing +fc_norm +it begins anew")
        self.assertEqual(tensors(again)[0], raw(want))
        self.assertEqual(tensors(again)[1]["s4d.imported_from"], tensors(out)[1]["s4d.imported_from"])

    def test_a_last_norm_of_another_place(self):
        for save, norm, head in ((as_tensors, "norm", "head"), (None, "videomae.layernorm", "classifier")):
            model = published("finetune", 3)
            want = OrderedDict((k, v) for k, v in model.items() if not k.startswith("fc_norm"))
            theirs = model if save else as_transformers(model)
            theirs = OrderedDict((k.replace("fc_norm", norm).replace("head.video", head), v) for k, v in theirs.items())
            path = self.dir / "a"
            if save:
                torchlike.save({"model": save(theirs)}, path)
            else:
                put_safetensors(path, theirs)
            _, done = self.check(path, want)
            self.assertRegex(done.stdout, rf"ignored +{norm}.weight +its last norm")
            self.assertIn("sound", self.ok("ckpt", "verify", self.dir / "out.safetensors").stdout)
            self.check_again(self.dir / "out.safetensors", want)

    def test_transformers(self):
        for stage, classes in (("pretrain", 0), ("finetune", 3)):
            model = published(stage, classes)
            folder = self.dir / stage
            folder.mkdir()
            put_safetensors(folder / "model.safetensors", as_transformers(model), {"format": "pt"})
            meta, _ = self.check(folder / "model.safetensors", model)
            self.assertNotIn("config", meta)
            sizes = {"image_size": 32, "patch_size": 8, "num_frames": 4, "tubelet_size": 2, "hidden_size": D,
                     "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": HIDDEN, "decoder_hidden_size": DD,
                     "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2, "decoder_intermediate_size": 2 * DD}
            labels = {"id2label": {"0": "anger", "1": "fear", "2": "joy"}}
            (folder / "config.json").write_text(json.dumps({"model_type": "videomae", **sizes, **labels}))
            meta, _ = self.check(folder, model)
            geometry = json.loads(meta["config"])["model"]
            self.assertEqual(geometry["encoder"], {"dim": D, "depth": 2, "heads": 2})
            self.assertEqual(geometry["img_size"], 32)
            if classes:
                self.assertEqual(json.loads(meta["classes.video"]), ["anger", "fear", "joy"])
            (folder / "config.json").write_text(json.dumps({**sizes, "hidden_size": 32}))
            self.fails(1, "model.encoder.dim is 24 by its tensors, but 32 in config.json", "ckpt", "import", folder, self.dir / "x")

    def test_what_does_not_fit(self):
        model = published("finetune", 3)
        del model["blocks.1.norm2.bias"]
        model["blocks.0.gamma_1"] = ((D,), [1.0] * D)
        source, out = self.dir / "a.safetensors", self.dir / "out.safetensors"
        put_safetensors(source, model)
        self.fails(1, [str(source), "do not fit"], "ckpt", "import", source, out)
        self.assertFalse(out.exists())
        self.fails(1, "blocks.0.gamma_1", "ckpt", "import", source, out, "--allow-missing", "*norm2*")
        _, _, done = self.bring(source, "--allow-missing", "*norm2*", "--allow-missing=blocks.0.gamma_?")
        self.assertRegex(done.stdout, r"missing +blocks.1.norm2.bias +\[24\] is expected")
        self.assertRegex(done.stdout, r"ignored +blocks.0.gamma_1")

    def test_a_config_tells_what_shapes_do_not(self):
        model = published("finetune", 7)
        source = self.dir / "a.safetensors"
        put_safetensors(source, model)
        config = finetune_config()
        config["model"]["moae"] = {"layers": []}
        meta, _ = self.check(source, model, "--config", self.write(config))
        self.assertEqual(json.loads(meta["config"])["model"]["encoder"]["heads"], 2)
        self.assertEqual(len(json.loads(meta["classes.video"])), 7)
        self.assertEqual(self.ok("ckpt", "verify", self.dir / "out.safetensors").stdout.strip()[-7:], ": sound")
        config["model"]["encoder"]["depth"] = 3
        self.fails(1, "model.encoder.depth is 2 by its tensors, but 3", "ckpt", "import", source, self.dir / "x", "--config",
                   self.write(config))

    def test_a_config_agrees_with_the_file_s_own(self):
        model = published("finetune", 7)
        config = finetune_config()
        config["model"]["moae"] = {"layers": []}
        names = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
        source, out = self.dir / "a.safetensors", self.dir / "out.safetensors"

        def put(heads, classes):
            own = {**MODEL, "encoder": {"dim": D, "depth": DEPTH, **heads}, "moae": {"layers": []}}
            put_safetensors(source, model, {"format": "s4d", "config": json.dumps({"stage": "finetune", "model": own}), **classes})

        put({"heads": 2}, {"classes.video": json.dumps(names)})
        self.ok("ckpt", "import", source, out, "--config", self.write(config))
        config["model"]["encoder"]["heads"] = 4
        other = self.write(config)
        for tool, more in (("import", []), ("export", ["--to", "videomae"])):
            self.fails(1, f"model.encoder.heads is 2 in its own metadata, but 4 in {other}", "ckpt", tool, source, self.dir / "x",
                       "--config", other, *more)
        put({}, {"classes.video": json.dumps(names)})
        meta, _ = self.check(source, model, "--config", other)
        self.assertEqual(json.loads(meta["config"])["model"]["encoder"]["heads"], 4)
        put({"heads": 4}, {"classes.video": json.dumps(names[::-1])})
        self.fails(1, ["classes.video is [", "in its own metadata", f"{other} names other classes or another order"], "ckpt",
                   "import", source, self.dir / "x", "--config", other)
        put({"heads": 4}, {})
        meta, _ = self.check(source, model, "--config", other)
        self.assertEqual(json.loads(meta["classes.video"]), names)
        self.assertFalse((self.dir / "x").exists())


class Export(Case):
    def test_there_and_back(self):
        for stage, classes in (("pretrain", 0), ("finetune", 3)):
            model = published(stage, classes)
            source = self.dir / f"{stage}.safetensors"
            meta = {"format": "s4d", "s4d.stage": stage, "config": json.dumps({"stage": stage, "model": {**MODEL, "moae": {"layers": []}}})}
            if classes:
                meta["classes.video"] = json.dumps(["anger", "fear", "joy"])
            put_safetensors(source, model, meta)
            out = self.dir / f"{stage}-hf"
            self.ok("ckpt", "export", source, out, "--to", "transformers")
            self.assertEqual(sorted(p.name for p in out.iterdir()), ["config.json", "model.safetensors"])
            got, header = tensors(out / "model.safetensors")
            self.assertEqual(header, {"format": "pt"})
            self.assertEqual(got, raw(as_transformers(model)))
            config = json.loads((out / "config.json").read_text())
            self.assertEqual(config["model_type"], "videomae")
            self.assertEqual([config[k] for k in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                                                  "image_size", "patch_size", "num_frames", "tubelet_size")],
                             [D, DEPTH, 2, HIDDEN, 32, PATCH, 4, TUBELET])
            self.assertEqual(config["layer_norm_eps"], 1e-6)
            if classes:
                self.assertEqual(config["architectures"], ["VideoMAEForVideoClassification"])
                self.assertEqual(config["id2label"], {"0": "anger", "1": "fear", "2": "joy"})
                self.assertEqual(config["label2id"], {"anger": 0, "fear": 1, "joy": 2})
                self.assertTrue(config["use_mean_pooling"])
            else:
                self.assertEqual(config["architectures"], ["VideoMAEForPreTraining"])
                self.assertEqual([config["decoder_" + k] for k in ("hidden_size", "num_hidden_layers", "num_attention_heads",
                                                                   "intermediate_size")], [DD, 1, 2, 2 * DD])
                self.assertFalse(config["use_mean_pooling"])
            back = self.dir / f"{stage}-back.safetensors"
            self.ok("ckpt", "import", out, back)
            self.ok("ckpt", "diff", source, back)
            self.fails(1, "is there already", "ckpt", "export", source, out, "--to", "transformers")
            flat = self.dir / f"{stage}-videomae.safetensors"
            self.ok("ckpt", "export", source, flat, "--to", "videomae")
            self.assertEqual(tensors(flat)[0], raw(OrderedDict((k.replace("head.video", "head"), v) for k, v in model.items())))

    def test_only_its_own_folders_are_touched(self):
        source, out, theirs = self.dir / "a.safetensors", self.dir / "new/hf", self.dir / "new/hf.tmp"
        put_safetensors(source, published("finetune", 3),
                        {"format": "s4d", "config": json.dumps({"stage": "finetune", "model": {**MODEL, "moae": {"layers": []}}})})
        theirs.mkdir(parents=True)
        (theirs / "notes").write_text("mine")
        self.ok("ckpt", "export", source, f"{out}//", "--to", "transformers")
        self.assertEqual(sorted(p.name for p in out.parent.iterdir()), ["hf", "hf.tmp"])
        self.assertEqual(sorted(p.name for p in out.iterdir()), ["config.json", "model.safetensors"])
        self.assertEqual((theirs / "notes").read_text(), "mine")
        self.fails(1, f"{out}: is there already", "ckpt", "export", source, f"{out}/", "--to", "transformers")

    def test_words(self):
        source = self.dir / "a.safetensors"
        put_safetensors(source, published("finetune", 3))
        self.fails(2, "--to: not given", "ckpt", "export", source, self.dir / "x")
        self.fails(2, '--to: expected s4d, videomae or transformers, got "hf"', "ckpt", "export", source, self.dir / "x", "--to", "hf")
        self.fails(2, "give the config it was made with by --config", "ckpt", "export", source, self.dir / "x", "--to",
                   "transformers")
        self.assertFalse((self.dir / "x").exists())


class Runs(Case):
    """With models that training left."""

    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.folder = tempfile.TemporaryDirectory(prefix="s4d-e2e-ckpt-")
        cls.base = pathlib.Path(cls.folder.name)
        config = finetune_config()
        config["train"].update(epochs=1, warmup_epochs=0)
        (cls.base / "f.json").write_text(json.dumps(config))
        config = pretrain_config()
        config["train"]["epochs"] = 1
        (cls.base / "p.json").write_text(json.dumps(config))
        for command, name in (("pretrain", "p"), ("finetune", "f")):
            done = run(command, "--config", cls.base / f"{name}.json", "--output", cls.base / name)
            if done.returncode:
                raise RuntimeError(done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_verify_knows_what_training_leaves(self):
        for path in self.base.rglob("*.safetensors"):
            self.assertIn("sound", self.ok("ckpt", "verify", path).stdout)
        self.assertGreaterEqual(len(list(self.base.rglob("*.safetensors"))), 6)

    def test_info(self):
        text = self.ok("ckpt", "info", self.base / "f/model.safetensors").stdout
        for words in ("s4d, finetune", "encoder.heads 2", "classes.video", '"happiness"', "s4d.step", "s4d.epoch",
                      "blocks.1.moe_layer.experts.3.fc2.weight"):
            self.assertIn(words, text)

    def test_verify_finds_faults(self):
        data = bytearray((self.base / "f/model.safetensors").read_bytes())
        data[-4:] = struct.pack("<f", float("nan"))
        broken = self.dir / "b.safetensors"
        broken.write_bytes(data)
        self.fails(1, [str(broken), "1 fault, listed above"], "ckpt", "verify", broken)
        broken.write_bytes(data[:-1])
        self.fails(1, [str(broken)], "ckpt", "verify", broken)
        header = struct.unpack("<Q", data[:8])[0]
        text = bytes(data[8:8 + header]).replace(b'\\"depth\\": 2', b'\\"depth\\": 3')
        broken.write_bytes(bytes(data[:8]) + text + bytes(data[8 + header:-4]) + b"\0\0\0\0")
        self.fails(1, "fault", "ckpt", "verify", broken)

    def test_verify_reads_all_of_a_checkpoint(self):
        folder = self.dir / "step"
        shutil.copytree(next((self.base / "f/checkpoints").iterdir()), folder)
        shutil.copy(folder / "model.safetensors", folder / "average.safetensors")
        self.assertIn("sound", self.ok("ckpt", "verify", folder).stdout)
        for name in ("state.safetensors", "average.safetensors"):
            whole = (folder / name).read_bytes()
            for data, fault in ((whole[:-4] + struct.pack("<f", float("nan")), rf"(?m)^{name}: .* 1 of \d+ numbers are not finite"),
                                (whole[:-1], rf"(?m)^{name} cannot be read: ")):
                if name.startswith("state") and data != whole[:-1]:
                    header = struct.unpack("<Q", whole[:8])[0]
                    about = json.loads(whole[8:8 + header])
                    at = 8 + header + next(v["data_offsets"][0] for k, v in about.items() if k.startswith("m/"))
                    data = whole[:at] + struct.pack("<f", float("nan")) + whole[at + 4:]
                (folder / name).write_bytes(data)
                done = run("ckpt", "verify", folder)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stdout, fault)
                self.assertIn("1 fault, listed above", done.stderr)
            (folder / name).write_bytes(whole)

    def test_diff(self):
        a, b = self.base / "f/model.safetensors", self.base / "p/model.safetensors"
        self.assertIn("0 differ", self.ok("ckpt", "diff", a, a).stdout)
        self.fails(1, "differs from", "ckpt", "diff", a, b)
        data = bytearray(a.read_bytes())
        old = struct.unpack("<f", data[-4:])[0]
        data[-4:] = struct.pack("<f", old + 0.5)
        (self.dir / "c").write_bytes(data)
        self.fails(1, "in 1 tensors", "ckpt", "diff", a, self.dir / "c")

    def test_experts_are_refused(self):
        for to in ("videomae", "transformers"):
            self.fails(1, "adapter experts (MoAE) in 1 of 2 blocks", "ckpt", "export", self.base / "f/model.safetensors",
                       self.dir / "x", "--to", to)
        self.ok("ckpt", "export", self.base / "f/model.safetensors", self.dir / "x", "--to", "s4d")
        self.ok("ckpt", "diff", self.base / "f/model.safetensors", self.dir / "x")

    def init(self, path, name, config=None):
        config = config or json.loads((self.base / "f.json").read_text())
        return self.ok("finetune", "--config", self.write(config), "--init", path, "--output", self.dir / name).stderr

    def test_fine_tuning_begins_from_any_of_them(self):
        pre = {k: (None, list(struct.unpack(f"<{len(v) // 4}f", v)))
               for k, v in tensors(self.base / "p/model.safetensors")[0].items()}
        shapes = published("pretrain")
        model = OrderedDict((k, (shapes[k][0], pre[k][1])) for k in shapes)
        self.init(self.base / "p/model.safetensors", "first")
        want = tensors(self.dir / "first/model.safetensors")[0]
        torchlike.save({"model": as_tensors(model)}, self.dir / "a.pth", legacy=True)
        put_safetensors(self.dir / "hf.safetensors", as_transformers(model), {"format": "pt"})
        for i, path in enumerate((self.dir / "a.pth", self.dir / "hf.safetensors")):
            self.init(path, f"other{i}")
            self.assertEqual(tensors(self.dir / f"other{i}/model.safetensors")[0], want)

    def test_fine_tuning_begins_from_pictures(self):
        """With fc_norm drawn anew, and without the key's bias, from the file itself and as imported."""
        theirs, _ = as_mae(published("finetune", 4), key=0.5)
        path, out = self.dir / "mae.pth", self.dir / "mae.safetensors"
        torchlike.save({"model": as_tensors(theirs)}, path)
        self.ok("ckpt", "import", path, out)
        self.assertIn("the key's bias is dropped in 2 tensors", self.init(path, "direct"))
        self.assertNotIn("dropped", self.init(out, "imported"))
        self.assertEqual(tensors(self.dir / "direct/model.safetensors")[0], tensors(self.dir / "imported/model.safetensors")[0])

    def test_what_training_left_has_its_norm(self):
        data = (self.base / "f/model.safetensors").read_bytes()
        broken = self.dir / "b.safetensors"
        broken.write_bytes(data.replace(b'"fc_norm.', b'"no_norm.'))
        self.fails(1, "4 faults", "ckpt", "verify", broken)
        self.fails(1, "fc_norm.weight is missing", "ckpt", "export", broken, self.dir / "x", "--to", "s4d")

    def test_heads_are_kept_by_class_names(self):
        names = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
        model = published("finetune", 7)
        put_safetensors(self.dir / "plain.safetensors", model)
        plain = self.init(self.dir / "plain.safetensors", "plain")
        put_safetensors(self.dir / "named.safetensors", model, {"format": "s4d", "classes.video": json.dumps(names)})
        named = self.init(self.dir / "named.safetensors", "named")
        put_safetensors(self.dir / "order.safetensors", model, {"format": "s4d", "classes.video": json.dumps(names[::-1])})
        order = self.init(self.dir / "order.safetensors", "order")
        used = [int(text.split(" tensors used")[0].split()[-1]) for text in (plain, named, order)]
        self.assertEqual(used, [used[0], used[0] + 2, used[0]])
        many = published("finetune", 100)
        put_safetensors(self.dir / "many.safetensors", many, {"format": "s4d", "classes.video": json.dumps([f"c{i}" for i in range(100)])})
        self.assertIn(f"{used[0]} tensors used", self.init(self.dir / "many.safetensors", "many"))

    def test_what_cannot_begin(self):
        model = published("finetune", 7)
        del model["blocks.1.attn.v_bias"]
        put_safetensors(self.dir / "a.safetensors", model)
        self.fails(1, ["blocks.1.attn.v_bias is missing", "s4d ckpt import"], "finetune", "--config", self.base / "f.json",
                   "--init", self.dir / "a.safetensors", "--output", self.dir / "run")
        self.assertFalse((self.dir / "run").exists())

    def test_an_imported_model_is_evaluated(self):
        torchlike.save({"model": OrderedDict(
            (k, Tensor(shape, v)) for k, (shape, v) in published("finetune", 7).items())}, self.dir / "a.pth")
        config = finetune_config()
        config["model"]["moae"] = {"layers": []}
        del config["data"]["image"]
        self.ok("ckpt", "import", self.dir / "a.pth", self.dir / "m.safetensors", "--config", self.write(config))
        config = eval_config(self.dir / "m.safetensors")
        config["model"]["moae"] = {"layers": []}
        del config["data"]["image"]
        self.ok("eval", "--config", self.write(config), "--output", self.dir / "eval")
        self.assertTrue((self.dir / "eval/clips/metrics.json").exists())


class Words(Case):
    def test_tools_and_usage(self):
        self.assertIn("import", self.ok("ckpt", "--help").stdout)
        for tool in ("info", "verify", "diff", "import", "export"):
            self.assertIn("usage: s4d ckpt " + tool, self.ok("ckpt", tool, "--help").stdout)
        self.fails(2, "ckpt: no tool is given", "ckpt")
        self.fails(2, 'did you mean "s4d ckpt import"?', "ckpt", "imports")
        self.fails(2, "FILE is missing", "ckpt", "info")
        self.fails(1, "cannot be opened", "ckpt", "info", self.dir / "none")
        (self.dir / "text").write_text("hello, this is no checkpoint at all")
        self.fails(1, [str(self.dir / "text"), "not a safetensors file"], "ckpt", "info", self.dir / "text")
        self.fails(1, "is a folder without model.safetensors", "ckpt", "info", self.dir)


TORCH = os.environ.get("TORCH_PYTHON", sys.executable)


def has_torch():
    return subprocess.run([TORCH, "-c", "import torch"], capture_output=True).returncode == 0


class Torch(Case):
    """The real thing, where it is installed; TORCH_PYTHON names its Python."""

    def torch(self, text, *args):
        done = subprocess.run([TORCH, "-c", textwrap.dedent(text), *map(str, args)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(has_torch(), "PyTorch is not installed")
    def test_round_trip(self):
        source, exported = self.dir / "a.safetensors", self.dir / "b.safetensors"
        put_safetensors(source, published("finetune", 3))
        self.ok("ckpt", "export", source, exported, "--to", "s4d")
        for legacy in (0, 1):
            saved = self.dir / f"torch{legacy}.pth"
            self.torch("""
                import json, struct, sys, torch
                from collections import OrderedDict
                data = open(sys.argv[1], "rb").read()
                size = struct.unpack("<Q", data[:8])[0]
                model = OrderedDict()
                for name, about in json.loads(data[8:8 + size]).items():
                    if name != "__metadata__":
                        first, last = about["data_offsets"]
                        part = bytearray(data[8 + size + first:8 + size + last])
                        model[name] = torch.frombuffer(part, dtype=torch.float32).reshape(about["shape"])
                model["blocks.0.mlp.fc1.weight"] = torch.nn.Parameter(model["blocks.0.mlp.fc1.weight"].t().contiguous().t())
                model["fc_norm.weight"] = model["fc_norm.weight"].double()
                torch.save({"model": model, "epoch": 5}, sys.argv[2], _use_new_zipfile_serialization=not int(sys.argv[3]))
                """, exported, saved, legacy)
            back = self.dir / f"back{legacy}.safetensors"
            self.ok("ckpt", "import", saved, back)
            self.ok("ckpt", "diff", source, back)
