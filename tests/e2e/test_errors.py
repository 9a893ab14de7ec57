"""What a user can get wrong: one exact sentence, the right exit status, nothing created."""
import copy
import json
import os
import pathlib
import resource
import signal
import shutil
import subprocess

from support import BINARY, Case, eval_config, faces, finetune_config, pretrain_config, strict_lines

KNOWN = '"pretrain", "finetune"'


def edited(config, path, value):
    """A copy with the value at a dotted path; KeyError removes the key."""
    config = copy.deepcopy(config)
    *groups, last = path.split(".")
    node = config
    for key in groups:
        node = node.setdefault(key, {})
    if value is KeyError:
        del node[last]
    else:
        node[last] = value
    return config


class Config(Case):
    def refused(self, config, sentence, *more, command="finetune"):
        path = self.write(config)
        line = self.fails(2, [], command, "--config", path, "--output", self.dir / "out", *more)
        self.assertEqual(line, "s4d: " + sentence.replace("FILE", str(path)))
        self.assertFalse((self.dir / "out").exists())

    def test_values(self):
        base = finetune_config()
        for path, value, sentence in [
            ("train.lrr", 1, "FILE: train.lrr: unknown key; did you mean train.lr?"),
            ("nonsense.of.mine", 1, 'FILE: nonsense: unknown key; remove it ("s4d schema" lists all)'),
            ("train.lr", "1e-4", 'FILE: train.lr: expected a number from 0 to 1000, got "1e-4"'),
            ("train.epochs", 1.5, "FILE: train.epochs: expected a whole number from 1 to 1000000, got 1.5"),
            ("train.epochs", 0, "FILE: train.epochs: expected a whole number from 1 to 1000000, got 0"),
            ("train.epochs", 1e300, "FILE: train.epochs: expected a whole number from 1 to 1000000, got 1e+300"),
            ("train.epochs", True, "FILE: train.epochs: expected a whole number from 1 to 1000000, got a boolean"),
            ("train.lr", None, "FILE: train.lr: null is no value; remove the key to get the default"),
            ("data.video", None, "FILE: data.video: null is no value; remove the key to get the default"),
            ("model", 3, "FILE: model: expected an object, got a number"),
            ("stage", "train", f'FILE: stage: expected one of {KNOWN}, got "train"'),
            ("stage", KeyError, 'FILE: stage: this key must be given; set it to "pretrain" or "finetune"'),
            ("model.patch_size", 5, "FILE: model.patch_size: 5 does not divide model.img_size 32; choose a divisor"),
            ("model.img_size", 36, "FILE: model.patch_size: 8 does not divide model.img_size 36; choose a divisor"),
            ("model.num_frames", 5, "FILE: model.tubelet_size: 2 does not divide model.num_frames 5; choose a divisor"),
            ("model.encoder.heads", 5, "FILE: model.encoder.heads: 5 does not divide model.encoder.dim 24; choose a divisor"),
            ("model.moae.layers", [2],
             "FILE: model.moae.layers: there is no block 2 in an encoder of depth 2; the last is 1"),
            ("model.moae.layers", [1, 0],
             "FILE: model.moae.layers: 0 comes after 1; list each block once, in rising order"),
            ("model.moae.top_k", 5, "FILE: model.moae.top_k: 5 is more than the 4 experts; lower it"),
            ("data.image.classes", ["angry", "anger"],
             'FILE: data.image.classes: "anger" stands there twice (synonyms are one class); name each class once'),
            ("data.image.classes", "dfew2", "FILE: data.image.classes: expected class names, or one of afew, affectnet7, "
             "affectnet8, caer, caers, ckextended, ckplus, cremad, dfew, enterface, fer2013, ferplus, ferv39k, ferv39k_maedfer, mafw, "
             'mafw_dferclip, mafw_maedfer, oulucasia, rafdb, rafdb_compound, ravdess, sfew, got "dfew2"'),
            ("data.video.augment.area", [1, 0.5],
             "FILE: data.video.augment.area: 1 is above 0.5; put the smaller number first"),
            ("data.video.name", "stills",
             'FILE: data.video.name: "stills" is the image set\'s name too; results need two folders'),
            ("data.video.name", "../up",
             'FILE: data.video.name: "../up" cannot name a folder of results; use letters, digits, - and _'),
            ("data.video.repeat", 3, "FILE: data.video.repeat: 3 does not divide data.video.batch 8; choose a divisor"),
            ("data.video.batch", 1000,
             "data.video.train: 24 clips are fewer than one batch of 1000; lower data.video.batch"),
            ("train.accumulate", 1000,
             "data.image.train: 24 pictures are fewer than one update of 8000; lower data.image.batch or train.accumulate"),
            ("train.warmup_epochs", 2, "FILE: train.warmup_epochs: 2 is not below train.epochs 2; lower it"),
            ("device", "gpu", 'device: "gpu" is none; use auto, cuda, cpu or ref'),
        ]:
            with self.subTest(path=path, value=value):
                self.refused(edited(base, path, value), sentence)

    def test_text(self):
        base = json.dumps(finetune_config())
        for text, sentence in [
            (base[:-1] + ', "stage": "finetune"}', "FILE: stage is given twice; remove one of the two"),
            (base + " x", "FILE: line 1: expected the end of the text, got 'x'"),
            ("[1]", "FILE: expected an object, got an array; a config begins with {"),
            ("{\n", "FILE: line 2: expected a name in double quotes, but the text ends here"),
            ("", "FILE: line 1: expected a value, but there is only empty text"),
        ]:
            with self.subTest(text=text[-40:]):
                self.refused(text, sentence)
        self.refused(base.replace('"threads": 2', '"threads": null'),
                     "FILE: threads: null is no value; remove the key to get the default")

    def test_command_line(self):
        base = finetune_config()
        for more, sentence in [
            (["--set", "train.lr"], "--set train.lr: expected KEY=VALUE, such as train.lr=1e-4"),
            (["--set", "trainx.lr=1"], "--set: trainx.lr: unknown key; did you mean train.lr?"),
            (["--set", "train.lr=abc"], '--set: train.lr: expected a number from 0 to 1000, got "abc"'),
            (["--thread", "3"], '--thread: unknown option of "s4d finetune"; did you mean --threads?'),
            (["--threads", "x"], '--threads: expected a whole number from 0 to 4096, got "x"'),
            (["--resume", "--overwrite"], "--resume and --overwrite exclude each other; give one"),
            (["--device"], "--device: needs a value, NAME"),
        ]:
            with self.subTest(more=more):
                self.refused(base, sentence, *more)
        self.refused(base, 'stage: this config is for finetune; "s4d pretrain" needs one whose stage is "pretrain"',
                     command="pretrain")
        none = self.dir / "none.json"
        self.assertEqual(self.fails(2, [], "finetune", "--config", none),
                         f"s4d: {none}: there is no such config; check the path after --config")
        self.assertEqual(self.fails(2, [], "evl"), 's4d: evl: unknown command; did you mean "s4d eval"?')
        self.fails(2, "no command is given")
        self.fails(2, "no run folder is named", "finetune", "--config", self.write(base))

    def test_eval_needs_a_fine_tuned_model(self):
        self.ok("pretrain", "--config", self.write(edited(pretrain_config(), "train.epochs", 1), "p.json"), "--output",
                self.dir / "pre")
        model = self.dir / "pre/model.safetensors"
        self.fails(1, [str(model), "names no classes"], "eval", "--config", self.write(eval_config(model)), "--output",
                   self.dir / "out")
        self.assertFalse((self.dir / "out").exists())


class Data(Case):
    def fails_with(self, config, status, words, *more, command="finetune"):
        line = self.fails(status, words, command, "--config", self.write(config), "--output", self.dir / "out", *more)
        return line

    def test_lists(self):
        base = finetune_config()
        empty = self.write("", "empty.txt")
        bad = self.write("images/train/00001.jpg 9\nimages/train/none.png 1\nimages/train/00002.png\n", "bad.txt")
        root = faces()
        for path, value, sentence in [
            ("data.image.train", "images/none.txt", f"{root}/images/none.txt: cannot be opened: No such file or directory; check the path"),
            ("data.video.root", "/nowhere", "/nowhere/clips/train_set_1.csv: cannot be opened: No such file or directory; check the path"),
            ("data.image.train", str(empty),
             f"{empty}: the list is empty; add samples, or leave the list out of the settings"),
            ("data.image.train", str(bad), f"{bad}: line 1: label 9 is not in 0..6 (and 2 more faulty lines); correct the list, "
             "or the settings classes and first_label"),
        ]:
            with self.subTest(value=value):
                self.assertEqual(self.fails_with(edited(base, path, value), 1, []), "s4d: " + sentence)
                self.assertFalse((self.dir / "out").exists())
        missing = self.dir / "none.safetensors"
        self.assertEqual(self.fails_with(edited(base, "init", str(missing)), 1, []),
                         f"s4d: {missing}: cannot be opened: No such file or directory; check the path")
        self.assertFalse((self.dir / "out").exists())

    def broken_copy(self, victim, keep):
        """The sample set with one file cut to a share of its length."""
        root = self.dir / "faces"
        shutil.copytree(faces(), root)
        path = root / victim
        data = path.read_bytes()
        path.write_bytes(data[:int(len(data) * keep)])
        return root, path

    def first(self, which, suffix):
        listed = (faces() / which).read_text().split()
        return next(name for name in listed if name.endswith(suffix))

    def config_at(self, root):
        config = finetune_config()
        for kind in ("image", "video"):
            config["data"][kind]["root"] = str(root)
        config["data"]["image"]["balanced"] = False
        return config

    def test_truncated_picture(self):
        for suffix in (".png", ".jpg"):
            victim = self.first("images/train.txt", suffix)
            root, path = self.broken_copy(victim, 0.5)
            self.fails_with(self.config_at(root), 1, [str(path)])
            shutil.rmtree(self.dir / "out")
            config = self.config_at(root)
            config["data"]["on_bad_sample"] = "skip"
            done = self.ok("finetune", "--config", self.write(config), "--output", self.dir / "out")
            self.assertIn(str(path), done.stderr)
            lines = strict_lines(self.dir / "out/metrics.jsonl")
            self.assertEqual(sum(line.get("skipped", 0) for line in lines), config["train"]["epochs"])
            shutil.rmtree(self.dir / "out")
            shutil.rmtree(root)

    def test_nothing_can_be_read(self):
        """Skipping single files is one thing; a set of which nothing is left ends the run."""
        root = self.dir / "faces"
        shutil.copytree(faces(), root)
        for path in (root / "images/train").iterdir():
            path.write_bytes(b"x")
        config = self.config_at(root)
        config["data"]["on_bad_sample"] = "skip"
        line = self.fails_with(config, 1, [])
        self.assertEqual(line, "s4d: data.image: not one sample of the list images/train.txt could be read; check "
                               "data.image.root")
        self.assertFalse((self.dir / "out/model.safetensors").exists())

    def test_truncated_video(self):
        victim = (faces() / "clips/test_set_1.csv").read_text().split()[1].split(",")[0] + ".mp4"
        root, path = self.broken_copy(victim, 0.4)
        config = self.config_at(root)
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        self.fails_with(config, 1, [str(path)])
        shutil.rmtree(self.dir / "out")
        config["data"]["on_bad_sample"] = "skip"
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "out")
        result = json.loads((self.dir / "out/clips/metrics.json").read_text())
        self.assertEqual((result["samples"], result["missing"]), (20, 1))

    def test_bytes_that_are_no_checkpoint(self):
        for name, data in (("zeros", bytes(64)), ("empty", b""), ("text", b"not a model"), ("long", b"\xff" * 4096)):
            path = self.dir / name
            path.write_bytes(data)
            with self.subTest(name):
                self.fails_with(edited(finetune_config(), "init", str(path)), 1, [str(path)])
                self.assertFalse((self.dir / "out").exists())

    def test_checkpoint_of_another_size(self):
        config = pretrain_config()
        config["model"]["encoder"]["dim"] = 32
        config["train"]["epochs"] = 1
        self.ok("pretrain", "--config", self.write(config), "--output", self.dir / "pre")
        model = self.dir / "pre/model.safetensors"
        self.fails_with(edited(finetune_config(), "init", str(model)), 1, [str(model), "[32,3,2,8,8]", "[24,3,2,8,8]"])


class Disk(Case):
    def test_no_permission(self):
        target = "/proc/s4d" if os.geteuid() == 0 else "/s4d-e2e"
        line = self.fails(1, [target, "cannot be made"], "finetune", "--config", self.write(finetune_config()), "--output",
                          target)
        self.assertTrue(line)

    def test_full_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "schema"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output cannot be written", done.stderr)

    def test_full_disk(self):
        """A limit on file size stands in for a full disk: writing fails in the same place, without needing root."""
        config = self.write(finetune_config())

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        done = subprocess.run([BINARY, "finetune", "--config", config, "--output", self.dir / "out"], text=True,
                              capture_output=True, preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("s4d: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertIn("cannot be written", errors[0])
        self.assertEqual([p for p in (self.dir / "out").rglob("*") if p.name.endswith(".tmp")], [])
        self.assertEqual([p for p in (self.dir / "out").rglob("model.safetensors")], [])

    def test_a_real_full_disk(self):
        disk = self.dir / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", disk], capture_output=True)
        if mounted.returncode:
            self.skipTest("no small file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        line = self.fails(1, ["cannot be written", "No space left on device"], "finetune", "--config",
                          self.write(finetune_config()), "--output", disk / "out")
        self.assertIn(str(disk), line)
        self.assertEqual([p for p in disk.rglob("model.safetensors")], [])


class Help(Case):
    def test_help_and_version_everywhere(self):
        top = self.ok("--help").stdout
        version = self.ok("--version").stdout
        self.assertRegex(version, r"^s4d \d+\.\d+\.\d+\n$")
        for command in ("synth", "pretrain", "finetune", "eval", "plan", "schema", "doctor"):
            self.assertIn(command, top)
            text = self.ok(command, "--help").stdout
            self.assertIn(f"usage: s4d {command}", text)
            self.assertEqual(self.ok("help", command).stdout, text)
            self.assertEqual(self.ok(command, "--version").stdout, version)

    def test_schema_is_the_committed_one(self):
        schema = self.ok("schema").stdout
        json.loads(schema)
        committed = pathlib.Path(__file__).resolve().parent.parent.parent / "configs/schema.json"
        self.assertEqual(committed.read_text(), schema, "write it again: build/s4d schema > configs/schema.json")

    def test_doctor(self):
        text = self.ok("doctor").stdout
        self.assertRegex(text, r"cpu +works")

    def test_plan(self):
        text = self.ok("plan", "--config", self.write(finetune_config())).stdout
        self.assertIn("parameters", text)
        self.assertIn("GFLOP a sample", text)
