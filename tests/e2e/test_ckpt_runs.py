"""s4d ckpt with what training leaves, and training from what other programs leave."""
import json
import pathlib
import shutil
import struct
import tempfile
from collections import OrderedDict

from makers import torchlike
from makers.models import as_mae, as_tensors, as_transformers, published, put_safetensors
from support import Case, eval_config, finetune_config, pretrain_config, run, tensors
from makers.torchlike import Tensor


class Runs(Case):
    """With models that training left."""

    @classmethod
    def setUpClass(cls):
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
