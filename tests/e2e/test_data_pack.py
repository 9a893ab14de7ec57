"""s4d data pack as a user runs it, and training from what it makes."""
import csv
import resource
import shutil
import signal
import subprocess
import time

from support import BINARY, Case, faces, finetune_config, pretrain_config, tensors

NAMES = "happiness sadness neutral anger surprise disgust fear".split()


class Packed(Case):
    """The sample set below `a/set` as it is, with one manifest of pictures, frame folders and videos, and below `b/set` as a
    pack: seen from `a` and from `b` every name is the same."""

    def setUp(self):
        super().setUp()
        self.a, self.b = self.dir / "a", self.dir / "b"
        self.a.mkdir()
        self.b.mkdir()
        shutil.copytree(faces(), self.a / "set")
        rows = []
        for split in ("train", "test"):
            for line in (faces() / f"images/{split}.txt").read_text().splitlines():
                path, label = line.rsplit(" ", 1)
                rows.append([path, NAMES[int(label)], split])
        self.put(self.a / "set/images.csv", rows)
        clips = []
        for split in ("train", "test"):
            with open(faces() / f"clips/{split}_set_1.csv", newline="") as file:
                clips += [[r["video_name"] + ".mp4", NAMES[int(r["label"])], split] for r in csv.DictReader(file)]
        self.frames(clips[:6])
        self.put(self.a / "set/clips.csv", clips)
        self.rows = rows + clips
        self.manifest = self.put(self.dir / "all.csv", self.rows)

    def put(self, path, rows, header=("path", "label", "split")):
        with open(path, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        return path

    def frames(self, rows):
        """Some videos become folders: of the set's own pictures, which is all that matters here."""
        pictures = sorted((self.a / "set/images/train").glob("*.png"))
        for i, row in enumerate(rows):
            row[0] = row[0].replace(".mp4", "")
            (self.a / "set" / row[0]).mkdir()
            for k in range(11):
                shutil.copy(pictures[(i + k) % len(pictures)], self.a / "set" / row[0] / f"{k}.png")

    def pack(self, *more, output=None):
        return self.ok("data", "pack", self.manifest, "--root", self.a / "set", "--output", output or self.b / "set", *more)

    def give_lists(self):
        for name in ("images.csv", "clips.csv"):
            shutil.copy(self.a / "set" / name, self.b / "set" / name)

    def lists(self, config):
        for kind in ("image", "video"):
            part = config["data"][kind]
            part.pop("suffix", None)
            part.update(root="set", format="manifest", train="images.csv" if kind == "image" else "clips.csv")
            if "test" in part:
                part["test"] = part["train"]
        return config


class Training(Packed):
    def both(self, command, config):
        """Runs the config in both places and compares every byte of the model."""
        for place in (self.a, self.b):
            path = self.write(config)
            self.ok(command, "--config", path, "--output", "run", cwd=place)
        model = [(place / "run/model.safetensors").read_bytes() for place in (self.a, self.b)]
        self.assertEqual(model[0], model[1])

    def test_finetuning_is_the_same_bit_for_bit(self):
        self.pack("--shard-mib", 1)
        self.give_lists()
        config = self.lists(finetune_config())
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        config["data"]["workers"] = 3
        self.both("finetune", config)
        for name in ("pred.csv", "metrics.json"):
            files = [sorted((place / "run").rglob(name)) for place in (self.a, self.b)]
            self.assertEqual(len(files[0]), 2)
            self.assertEqual(*[[path.read_bytes() for path in list] for list in files])

    def test_pretraining_is_the_same_bit_for_bit(self):
        self.pack()
        self.give_lists()
        config = self.lists(pretrain_config())
        config["train"]["epochs"] = 1
        for kind in ("image", "video"):
            config["data"][kind]["classes"] = []
        self.both("pretrain", config)

    def test_a_damaged_pack_ends_the_run_with_names(self):
        self.pack()
        self.give_lists()
        config = self.lists(finetune_config())
        path = self.write(config)
        shard = self.b / "set/shard-00000.s4dpack"
        whole = shard.read_bytes()
        train = ("finetune", "--config", path, "--output", "run", "--overwrite")
        middle = len(whole) // 2
        shard.write_bytes(whole[:middle])
        text = self.fails(1, ["shard-00000.s4dpack: the shard is cut off", f"{middle} of {len(whole)} bytes"], *train, cwd=self.b)
        self.assertTrue(any(row[0] in text for row in self.rows))
        shard.unlink()
        self.fails(1, ["shard-00000.s4dpack: the shard is missing", "make it anew"], *train, cwd=self.b)
        spoiled = bytearray(whole)
        for at in range(64, len(whole), 1500):
            spoiled[at] ^= 1
        shard.write_bytes(spoiled)
        self.fails(1, ["shard-00000.s4dpack: the bytes of", "were altered since they were packed"], *train, cwd=self.b)
        index = self.b / "set/index.s4dpack"
        shard.write_bytes(whole)
        index.write_bytes(index.read_bytes()[:-1])
        self.fails(1, ["index.s4dpack: the index is damaged"], *train, cwd=self.b)

    def test_a_path_that_is_not_in_the_pack_is_named(self):
        self.pack()
        self.give_lists()
        self.put(self.b / "set/images.csv", [*self.rows[:30], ["images/train/none.png", "anger", "train"]])
        self.fails(1, ["images.csv: line 32: set/images/train/none.png is not in the pack"], "finetune", "--config",
                   self.write(self.lists(finetune_config())), "--output", "run", cwd=self.b)


class Making(Packed):
    def test_what_is_said_and_what_is_there(self):
        done = self.pack()
        self.assertIn("in 1 shards", done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertEqual(sorted(p.name for p in (self.b / "set").iterdir()),
                         ["index.s4dpack", "manifest.csv", "shard-00000.s4dpack"])
        self.assertEqual((self.b / "set/manifest.csv").read_bytes(), self.manifest.read_bytes())
        self.ok("data", "check", self.b / "set/manifest.csv", "--decode", "5")

    def test_encoded_anew(self):
        self.pack("--resize", 32, "--quality", 90)
        self.give_lists()
        index = (self.b / "set/index.s4dpack").read_bytes()
        self.assertIn(b'{"encoding": "jpeg", "side": 32, "filter": "bilinear", "quality": 90}', index)
        config = self.lists(finetune_config())
        config["train"].update(epochs=1, warmup_epochs=0)
        config["data"]["video"]["augment"] = config["data"]["image"]["augment"] = {"resize": 0}
        done = self.ok("finetune", "--config", self.write(config), "--output", "run", cwd=self.b)
        self.assertIn("brought to 32 x 32, stored as JPEG of quality 90", done.stderr)
        self.assertTrue(tensors(self.b / "run/model.safetensors")[0])

    def test_words(self):
        pack = ("data", "pack", self.manifest)
        self.fails(2, ["--output: no folder is given"], *pack)
        out = ("--root", self.a / "set", "--output", self.dir / "p")
        self.fails(2, ["--quality: is for pictures that are encoded anew"], *pack, *out, "--quality", 90)
        self.fails(2, ["--png: is for pictures that are encoded anew"], *pack, *out, "--png")
        self.fails(2, ["--resize: choose how"], *pack, *out, "--resize", 32)
        self.fails(2, ["--quality: PNG loses nothing"], *pack, *out, "--resize", 32, "--png", "--quality", 90)
        self.fails(2, ["--shard-mib: expected a whole number"], *pack, *out, "--shard-mib", 0)
        self.fails(1, ["all.csv: line 2: ", "does not exist (and", "data check"], *pack, "--output", self.dir / "p")
        self.fails(1, ["nowhere.csv"], "data", "pack", "nowhere.csv", *out)
        self.assertFalse((self.dir / "p").exists())
        self.assertFalse((self.dir / "p.tmp").exists())
        self.pack(output=self.dir / "p")
        self.fails(1, ["p: the pack is there already; give --overwrite"], *pack, *out)
        self.pack("--overwrite", output=self.dir / "p")

    def test_interruption_leaves_nothing(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            # One thread and large pictures as PNG: long enough to be met on the way.
            process = subprocess.Popen([BINARY, "data", "pack", self.manifest, "--root", self.a / "set", "--output",
                                        self.dir / "p", "--resize", "600", "--png", "--threads", "1"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not (self.dir / "p.tmp/shard-00000.s4dpack.tmp").exists() and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, status, errors)
            self.assertIn("nothing of the pack is left", errors)
            self.assertFalse((self.dir / "p").exists())
            self.assertFalse((self.dir / "p.tmp").exists())

    def test_a_full_disk_leaves_nothing(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        done = subprocess.run([BINARY, "data", "pack", self.manifest, "--root", self.a / "set", "--output", self.dir / "p"],
                              preexec_fn=limit, text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot be written", done.stderr)
        self.assertFalse((self.dir / "p").exists())
        self.assertFalse((self.dir / "p.tmp").exists())
