"""Gradient accumulation: an update of N samples is the same whether they go through the model at once or in micro-batches, whether
all of them can be read or not."""
import pathlib
import shutil
import struct

from support import Case, faces, finetune_config, pretrain_config, strict_lines, tensors


def floats(model):
    return {name: struct.unpack(f"<{len(raw) // 4}f", raw) for name, raw in tensors(model)[0].items()}


class Accumulate(Case):
    def train(self, command, config, name):
        self.ok(command, "--config", self.write(config, f"{name}.json"), "--output", self.dir / name)
        return self.dir / name

    def compare(self, command, config, divisor):
        """The run of `config`, and one whose batches are a divisor-th as large."""
        whole = self.train(command, config, "whole")
        for kind in ("image", "video"):
            if kind in config["data"]:
                config["data"][kind]["batch"] //= divisor
        config["train"]["accumulate"] = divisor
        parts = self.train(command, config, "parts")
        lines = [[line for line in strict_lines(run / "metrics.jsonl") if "loss" in line] for run in (whole, parts)]
        self.assertEqual(len(lines[0]), len(lines[1]))
        for a, b in zip(*lines):
            self.assertEqual((a["modality"], a.get("skipped")), (b["modality"], b.get("skipped")))
            self.assertAlmostEqual(a["loss"], b["loss"], delta=2e-5 * abs(a["loss"]))
            self.assertAlmostEqual(a["grad_norm"], b["grad_norm"], delta=1e-4 * a["grad_norm"])
        return whole, parts, lines

    def finetune(self):
        config = finetune_config()
        config["data"]["mixing"] = {"mixup": 0, "cutmix": 0}  # they mix within a micro-batch
        config["model"]["moae"] = {"layers": []}              # its capacity counts the tokens of a micro-batch
        config["train"].update(lr=1e-4)
        return config

    def test_pre_training(self):
        lines = self.compare("pretrain", pretrain_config(), 2)[2][0]
        self.assertEqual(len(lines), 2 * (2 + 2))

    def test_the_last_update_is_smaller(self):
        config = pretrain_config()
        for kind in ("image", "video"):
            config["data"][kind]["batch"] = 12  # of 16 images and 2 x 8 clips
        lines = self.compare("pretrain", config, 3)[2][0]
        self.assertEqual(len(lines), 2 * (2 + 2))

    def test_fine_tuning(self):
        self.compare("finetune", self.finetune(), 4)

    def broken(self, config, modality, broken):
        """A copy of the sample set in which the listed entries cannot be read."""
        root = self.dir / "faces"
        if not root.exists():
            shutil.copytree(faces(), root)
        for kind in ("image", "video"):
            config["data"][kind]["root"] = str(root)
        listed = (root / config["data"][modality]["train"]).read_text().splitlines()
        for at in broken:
            (root / listed[at].split(" ")[0]).write_bytes(b"")
        config["data"]["on_bad_sample"] = "skip"

    def test_samples_that_cannot_be_read(self):
        config = pretrain_config()
        self.broken(config, "image", (0, 3, 4, 9, 13))
        self.broken(config, "video", (1, 2, 6))
        whole, parts, lines = self.compare("pretrain", config, 4)
        self.assertEqual(sum(line.get("skipped", 0) for line in lines[0]), 2 * 8)
        a, b = floats(whole / "model.safetensors"), floats(parts / "model.safetensors")
        worst = max(abs(x - y) for name in a for x, y in zip(a[name], b[name]))
        self.assertLess(worst, 2e-4)

    def test_a_micro_batch_of_which_nothing_can_be_read(self):
        config = self.finetune()
        root = self.dir / "faces"
        shutil.copytree(faces(), root)
        for kind in ("image", "video"):
            config["data"][kind]["root"] = str(root)
        listed = (root / "images/train.txt").read_text().splitlines()
        for line in listed[::2] + listed[1::4]:
            (root / line.split(" ")[0]).write_bytes(b"")
        config["data"]["on_bad_sample"] = "skip"
        lines = self.compare("finetune", config, 8)[2][0]  # of one image each, most of them empty
        self.assertGreater(max(line.get("skipped", 0) for line in lines), 4)
