"""s4d ckpt: files of other programs, put together here without the binary's maps, in and out."""
import argparse
import json
import os
import struct
import subprocess
import sys
import textwrap
import unittest
from collections import OrderedDict

from makers import torchlike
from makers.case import Bring
from makers.models import D, DD, DEPTH, HIDDEN, PATCH, TUBELET, as_mae, as_tensors, as_transformers, published, put_safetensors, raw
from makers.torchlike import Storage, Tensor
from support import MODEL, Case, finetune_config, tensors


class Import(Bring):
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
            self.assertEqual(sorted(p.name for p in out.iterdir()), ["config.json", "model.safetensors", "preprocessor_config.json"])
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
        self.assertEqual(sorted(p.name for p in out.iterdir()), ["config.json", "model.safetensors", "preprocessor_config.json"])
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
        self.fails(1, [str(self.dir / "text"), "is text (\"hello"], "ckpt", "info", self.dir / "text")
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
