"""What protects a run: nothing good is replaced by something ruined, nothing is mixed up in silence."""
import json
import os
import pathlib
import re
import shutil
import struct

from support import Case, eval_config, finetune_config, pretrain_config, strict_lines, tensors

CHECKPOINT = "checkpoints/step-00000012"


def edited_header(path, edit):
    """Writes a safetensors file again with its header changed."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    edit(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size:])


def with_nan(path, name):
    """Makes the first number of a tensor not a number."""
    data = bytearray(pathlib.Path(path).read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    at = 8 + size + json.loads(data[8:8 + size])[name]["data_offsets"][0]
    data[at:at + 4] = struct.pack("<f", float("nan"))
    pathlib.Path(path).write_bytes(data)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class Guards(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "run"
        config = finetune_config()
        config["train"]["keep_checkpoints"] = 1
        self.config = self.write(config)
        self.ok("finetune", "--config", self.config, "--output", self.out)
        self.model = self.out / "model.safetensors"
        self.assertTrue((self.out / CHECKPOINT).is_dir())

    def resume(self, *more):
        return ("finetune", "--config", self.config, "--output", self.out, "--resume", *more)

    def evaluate(self, model, *more):
        return ("eval", "--config", self.write(eval_config(model), "e.json"), *more)

    def test_a_ruined_model_is_not_evaluated(self):
        with_nan(self.model, "fc_norm.weight")
        self.fails(3, "not finite", *self.evaluate(self.model, "--output", self.dir / "eval"))
        self.assertFalse((self.dir / "eval/clips/metrics.json").exists())

    def test_a_divergence_keeps_the_last_checkpoint(self):
        before = contents(self.out / CHECKPOINT)
        line = self.fails(3, "not finite", *self.resume("--set", "train.epochs=40", "--set", "train.lr=1000", "--set",
                                                        "train.weight_decay=1000"))
        self.assertTrue("--resume" in line or "nothing is written" in line, line)
        kept = sorted((self.out / "checkpoints").iterdir())
        self.assertEqual(len(kept), 1)
        if kept[0].name == pathlib.Path(CHECKPOINT).name:
            self.assertEqual(contents(kept[0]), before)
        for values in tensors(kept[0] / "model.safetensors")[0].values():
            self.assertNotIn(struct.pack("<f", float("nan")), [values[i:i + 4] for i in range(0, len(values), 4)])

    def test_settings_that_shapes_do_not_show(self):
        for setting, value in (("model.encoder.heads", 3), ("model.moae.top_k", 1), ("model.encoder.depth", 1),
                               ("model.moae.layers", [0, 1])):
            config = eval_config(self.model)
            *groups, last = setting.split(".")
            node = config
            for key in groups:
                node = node[key]
            node[last] = value
            if setting == "model.encoder.depth":
                config["model"]["moae"]["layers"] = [0]
            with self.subTest(setting):
                line = self.fails(2, str(self.model), "eval", "--config", self.write(config, "e.json"), "--output", self.dir / "x")
                self.assertRegex(line, r"^s4d: model\.")
                self.assertFalse((self.dir / "x").exists())
        self.fails(2, ["model.encoder.heads", str(self.model)], "finetune", "--config", self.config, "--init", self.model,
                   "--output", self.dir / "x", "--set", "model.encoder.heads=4")
        self.assertFalse((self.dir / "x").exists())

    def test_overwrite_spares_what_is_read(self):
        before = contents(self.out)
        self.fails(2, [str(self.model), "--overwrite"], *self.evaluate(self.model, "--output", self.out, "--overwrite"))
        self.fails(2, str(self.model), "finetune", "--config", self.config, "--init", self.model, "--output", self.out,
                   "--overwrite")
        link = self.dir / "link"
        os.symlink(self.out, link)
        self.fails(2, [str(self.model), "--overwrite"], *self.evaluate(self.model, "--output", link, "--overwrite"))
        self.assertEqual(contents(self.out), before)

    def test_resume_is_the_same_run_or_none(self):
        before = contents(self.out)
        classes = list(reversed(["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"]))
        for more in (["seed=77"], ["data.image.batch=4"], ["data.image.classes=" + json.dumps(classes)],
                     ["model.encoder.dim=48"], ["train.select=test"], ["train.held_out=0.4"], ["data.video.name=other"], ["train.epochs=1", "train.warmup_epochs=0"]):
            with self.subTest(more):
                key = more[0].split("=")[0]
                self.fails(2, key, *self.resume(*[word for item in more for word in ("--set", item)]))
                self.assertEqual(contents(self.out), before)
        other = self.write(pretrain_config(), "p.json")
        self.fails(2, str(self.out), "pretrain", "--config", other, "--output", self.out, "--resume")
        self.assertEqual(contents(self.out), before)
        done = self.ok(*self.resume("--set", "train.epochs=3"))
        self.assertIn("train.epochs: was 2, is 3", done.stderr)
        self.assertEqual(strict_lines(self.out / "metrics.jsonl")[-1]["epoch"], 3)

    def test_resume_with_another_list(self):
        config = json.loads(self.config.read_text())
        rows = (pathlib.Path(config["data"]["image"]["root"]) / "images/train.txt").read_text().splitlines()
        config["data"]["image"]["train"] = str(self.write("\n".join(reversed(rows)) + "\n", "turned.txt"))
        before = contents(self.out)
        self.fails(2, ["data.image.train", "has changed"], "finetune", "--config", self.write(config), "--output", self.out,
                   "--resume")
        self.assertEqual(contents(self.out), before)

    def test_resume_needs_no_init(self):
        first = self.dir / "first.safetensors"
        shutil.copy(self.model, first)
        self.ok("finetune", "--config", self.config, "--init", first, "--output", self.dir / "second")
        first.unlink()
        self.ok("finetune", "--config", self.dir / "second/config.resolved.json", "--output", self.dir / "second", "--resume")

    def test_damaged_positions(self):
        state = self.out / CHECKPOINT / "state.safetensors"
        for key, value in (("s4d.epoch", "2147483648"), ("s4d.epoch", "4294967296"), ("s4d.step", "9" * 23), ("s4d.step", "13"),
                           ("s4d.batch", "-1"), ("s4d.batch", "")):
            whole = state.read_bytes()
            edited_header(state, lambda header: header["__metadata__"].update({key: value}))
            with self.subTest((key, value)):
                self.fails(1, str(state), *self.resume())
            state.write_bytes(whole)

    def test_what_a_user_keeps_beside_checkpoints(self):
        mine = self.out / "checkpoints/step-00000006-mine"
        mine.mkdir()
        (mine / "note.txt").write_text("keep")
        self.ok(*self.resume("--set", "train.epochs=3"))
        self.assertTrue((mine / "note.txt").exists())
        self.assertTrue(re.fullmatch(r"step-\d+", sorted(p.name for p in (self.out / "checkpoints").iterdir())[-1]))

    def test_classes_are_checked_before_anything_is_made(self):
        config = eval_config(self.model)
        config["data"]["video"]["classes"] = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "boredom"]
        self.fails(2, "boredom", "eval", "--config", self.write(config, "e.json"), "--output", self.dir / "eval")
        self.assertFalse((self.dir / "eval").exists())

    def test_an_evaluation_is_no_run(self):
        self.ok(*self.evaluate(self.model, "--output", self.dir / "eval"))
        line = self.fails(2, str(self.dir / "eval"), *self.evaluate(self.model, "--output", self.dir / "eval"))
        self.assertNotIn("--resume", line)
        self.fails(2, "evaluation", "finetune", "--config", self.config, "--output", self.dir / "eval", "--resume")

    def test_a_rate_that_only_scaling_makes_too_large(self):
        self.fails(2, ["train.lr", "7200"], "finetune", "--config", self.config, "--output", self.dir / "x", "--set",
                   "train.lr=900", "--set", "train.lr_scale_batch=1")
        self.assertFalse((self.dir / "x").exists())

    def test_a_model_larger_than_the_machine(self):
        self.fails(1, ["not enough memory", "GiB"], "finetune", "--config", self.config, "--output", self.dir / "x", "--set",
                   "model.encoder.dim=65536", "--set", "model.encoder.depth=60")
        self.assertFalse((self.dir / "x").exists())
