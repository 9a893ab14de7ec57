"""Checkpoints that PyTorch, timm and transformers make themselves, where they are installed; TORCH_PYTHON names their Python.
What their models give must come out of s4d eval within 1e-6, and what s4d exports must give the same in transformers."""
import csv
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support import MODEL, Case, run, tensors

TORCH = os.environ.get("TORCH_PYTHON", sys.executable)
MAKER = pathlib.Path(__file__).resolve().parent / "makers/torch_made.py"
NAMES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
WITHIN = 1e-6


def has_all():
    return subprocess.run([TORCH, "-c", "import torch, timm, transformers, safetensors"], capture_output=True).returncode == 0


@unittest.skipUnless(has_all(), "PyTorch, timm and transformers are not installed together")
class Torch(Case):
    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="s4d-e2e-torch-"))
        done = subprocess.run([TORCH, str(MAKER), str(cls.base)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        cls.made = json.loads((cls.base / "made.json").read_text())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base)

    def config(self, classes, checkpoint=None):
        clips = sorted(p.name for p in self.base.glob("clip*"))
        (self.base / "test.csv").write_text("path,label\n" + "".join(f"{c},{classes[i]}\n" for i, c in enumerate(clips)))
        video = {"name": "clips", "root": str(self.base), "test": "test.csv", "classes": classes, "sampling_rate": 1}
        config = {"stage": "finetune", "threads": 2, "model": {**MODEL, "moae": {"layers": []}}, "data": {"workers": 1, "video": video},
                  "eval": {"segments": 1}}
        return {**config, "checkpoint": str(checkpoint)} if checkpoint else config

    def probabilities(self, source, made):
        classes = NAMES if not made.get("classes") else [f"c{i}" for i in range(made["classes"])]
        model = self.dir / "model.safetensors"
        more = [] if made.get("folder") else ["--config", self.write(self.config(classes), "model.json")]
        self.ok("ckpt", "import", source, model, *more, *made["options"])
        out = self.dir / "eval"
        self.ok("eval", "--config", self.write(self.config(classes, model)), "--output", out, "--overwrite")
        with open(out / "clips/pred.csv") as f:
            return [[float(row[name]) for name in classes] for row in csv.DictReader(f)]

    def test_probabilities_and_features(self):
        worst, n = 0, 0
        for made in (m for m in self.made if m["want"]):
            with self.subTest(made["file"]):
                got = self.probabilities(made["file"], made)
                apart = max(abs(a - b) for x, y in zip(got, made["want"]) for a, b in zip(x, y))
                self.assertLess(apart, WITHIN)
                worst, n = max(worst, apart), n + 1
        self.assertGreaterEqual(n, 60)
        print(f"{n} files of PyTorch and transformers: probabilities apart by {worst:.1e} at most", file=sys.stderr)

    def test_starts(self):
        for made in (m for m in self.made if m["start"]):
            with self.subTest(made["file"]):
                out = self.dir / "start.safetensors"
                self.ok("ckpt", "import", made["file"], out)
                got = tensors(out)[0]
                for name, want in made["start"].items():
                    self.assertEqual(got[name], struct.pack(f"<{len(want)}f", *want), name)
        self.assertGreater(sum(bool(m["start"]) for m in self.made), 15)

    def test_words(self):
        for made in (m for m in self.made if m["words"] is not None):
            with self.subTest(made["file"]):
                self.fails(1, made["words"], "ckpt", "import", made["file"], self.dir / "x", *made["options"])
        self.assertFalse((self.dir / "x").exists())

    def test_info_and_verify(self):
        for made in self.made:
            with self.subTest(made["file"]):
                keys = [] if "--key" not in made["options"] else made["options"]
                for tool in ("info", "verify"):
                    done = run("ckpt", tool, made["file"], *keys)
                    self.assertIn(done.returncode, (0, 1))
                    if made["want"] and made["options"] == keys:
                        self.assertEqual(done.returncode, 0, done.stderr)

    def test_there_and_back(self):
        """Exported, read by transformers with its processor, and the same comes out."""
        made = next(m for m in self.made if m.get("export"))
        out = self.dir / "exported"
        self.ok("ckpt", "import", made["file"], self.dir / "m.safetensors")
        self.ok("ckpt", "export", self.dir / "m.safetensors", out, "--to", "transformers")
        done = subprocess.run([TORCH, "-c", textwrap.dedent("""
            import json, sys, pathlib
            import torch
            from transformers import AutoImageProcessor, AutoModelForVideoClassification
            from torchvision.io import decode_image
            base = pathlib.Path(sys.argv[1])
            processor = AutoImageProcessor.from_pretrained(sys.argv[2])
            model, info = AutoModelForVideoClassification.from_pretrained(sys.argv[2], output_loading_info=True)
            assert not any(info.values()), info
            model.fc_norm.eps = 1e-6  # there it is 1e-5 whatever the config says
            clips = [[decode_image(str(p)) for p in sorted(c.iterdir())] for c in sorted(base.glob("clip*"))]
            x = processor(clips, return_tensors="pt")["pixel_values"]
            with torch.no_grad():
                print(json.dumps([torch.softmax(model(x).logits.double(), -1).tolist(), list(model.config.id2label.values())]))
            """), str(self.base), str(out)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        got, names = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(names, NAMES)
        apart = max(abs(a - b) for x, y in zip(got, made["want"]) for a, b in zip(x, y))
        self.assertLess(apart, WITHIN)
