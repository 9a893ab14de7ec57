"""What is tested must not be trained on: lists are held against each other before the first step, and results say what was found."""
import json
import os
import shutil

from support import Case, eval_config, faces, finetune_config

CLASSES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]


class Leakage(Case):
    def setUp(self):
        super().setUp()
        self.root = self.dir / "set"
        self.root.mkdir()
        clips = sorted((faces() / "clips").glob("*.mp4"))
        self.names = [clip.name for clip in clips]
        for clip in clips:
            shutil.copy(clip, self.root)

    def lists(self, **rows):
        """NAME.csv of (path, class number, subject) or of (path, class number, subject, start, end) rows."""
        for name, lines in rows.items():
            text = "path,label,subject,start,end\n"
            for line in lines:
                path, label, who, start, end = (*line, "", "")[:5] if len(line) == 3 else line
                text += f"{path},{CLASSES[label]},{who},{start},{end}\n"
            (self.root / f"{name}.csv").write_text(text)

    def rows(self, first, last, subject=""):
        return [(name, i % 7, subject and f"{subject}{i}") for i, name in enumerate(self.names[first:last])]

    def config(self, **more):
        config = finetune_config()
        del config["data"]["image"]
        video = config["data"]["video"]
        del video["suffix"]
        video.update({"root": str(self.root), "train": "train.csv", "test": "test.csv", "format": "manifest", "batch": 4, **more})
        config["train"].update(epochs=1, warmup_epochs=0)
        return self.write(config)

    def train(self, *more, name="run", **sets):
        done = self.ok("finetune", "--config", self.config(**sets), "--output", self.dir / name, *more)
        return done.stderr, json.loads((self.dir / name / "clips/metrics.json").read_text())["lists"]

    def told(self, name="run"):
        return self.ok("report", "--table", self.dir / name).stdout

    def test_lists_that_share_nothing(self):
        self.lists(train=self.rows(0, 14), test=self.rows(14, 24))
        stderr, found = self.train()
        self.assertNotIn("flatter", stderr)
        self.assertEqual((found["in_training"], found["never_trained"], found["trained_classes"]), ({"files": 0}, {}, 7))
        self.assertIn("no file shown here was trained on. Contents were not compared.", self.told())

    def test_files_in_both(self):
        self.lists(train=self.rows(0, 14), test=self.rows(11, 24))
        stderr, found = self.train()
        self.assertIn("clips: of 13 test samples some are in the training list too, 3 by their files; results on them flatter", stderr)
        self.assertEqual(found["in_training"], {"files": 3})
        self.assertIn("OF THE 13 SAMPLES SHOWN HERE, THE TRAINING LIST HAS 3 by their files", self.told())
        # An evaluation of the same list says so too; of another one it is not known.
        config = json.loads(self.config().read_text())
        other = eval_config(self.dir / "run/model.safetensors")
        del other["data"]["image"]
        other["data"]["video"] = {k: v for k, v in config["data"]["video"].items() if k not in ("train", "batch", "augment")}
        self.ok("eval", "--config", self.write(other, "e.json"), "--output", self.dir / "same")
        self.assertEqual(json.loads((self.dir / "same/clips/metrics.json").read_text())["lists"], found)
        self.lists(test=self.rows(12, 24))
        self.ok("eval", "--config", self.write(other, "e.json"), "--output", self.dir / "other")
        self.assertNotIn("lists", json.loads((self.dir / "other/clips/metrics.json").read_text()))
        self.assertIn("whether samples shown here were trained on is not recorded", self.told("other"))

    def test_one_file_by_other_names(self):
        os.symlink(self.names[0], self.root / "link.mp4")
        os.link(self.root / self.names[1], self.root / "hard.mp4")
        (self.root / "sub").mkdir()
        rows = [("link.mp4", 0, ""), ("hard.mp4", 1, ""), (f"./{self.names[2]}", 2, ""), (f"sub/../{self.names[3]}", 3, "")]
        self.lists(train=self.rows(0, 14), test=rows + self.rows(14, 24))
        self.assertEqual(self.train()[1]["in_training"], {"files": 4})

    def test_contents(self):
        shutil.copy(self.root / self.names[0], self.root / "copy.mp4")
        shutil.copy(self.root / self.names[1], self.root / "another.mp4")
        with open(self.root / "another.mp4", "r+b") as file:  # of one size, but not the same
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        self.lists(train=self.rows(0, 14), test=[("copy.mp4", 0, ""), ("another.mp4", 1, "")] + self.rows(14, 24))
        self.assertEqual(self.train()[1]["in_training"], {"files": 0})
        stderr, found = self.train("--set", "data.check=content", name="content")
        self.assertEqual(found["in_training"], {"files": 0, "contents": 1})
        self.assertIn("1 by their content", stderr)
        self.assertIn("HAS 1 by their content", self.told("content"))

    def test_contents_that_the_manifest_names(self):
        """Hashes written by the check are compared without reading, and told apart from the files when these change."""
        shutil.copy(self.root / self.names[0], self.root / "copy.mp4")
        self.lists(train=self.rows(0, 14), test=[("copy.mp4", 0, "")] + self.rows(14, 24))
        for name in ("train", "test"):
            self.ok("data", "check", self.root / f"{name}.csv", "--hashes", self.root / f"{name}_hashed.csv")
        stderr, found = self.train(train="train_hashed.csv", test="test_hashed.csv")
        self.assertEqual(found["in_training"], {"files": 0, "contents": 1})
        self.assertIn("1 by their content", stderr)
        with open(self.root / self.names[1], "ab") as file:
            file.write(b"!")
        done = self.fails(1, "1 fault is found (1 altered)", "data", "check", self.root / "train_hashed.csv", "--decode", "none")
        self.assertIn("--output FILE.json", done)
        (self.root / "bad.csv").write_text("path,label,content\na.mp4,fear,12ab\n")
        self.fails(1, 'bad.csv: line 2: content "12ab" is not a hash of 32 hexadecimal digits', "data", "stats", self.root / "bad.csv")

    def test_contents_of_folders(self):
        still = sorted((faces() / "images").rglob("*.png"))[:6]
        for name, frames in (("a", still), ("b", still), ("c", still[::-1])):
            (self.root / name).mkdir()
            for i, frame in enumerate(frames):
                shutil.copy(frame, self.root / name / (f"{i}.png" if name == "a" else f"frame_{i:03}.png"))
        self.lists(train=self.rows(0, 14) + [("a", 0, "")], test=[("b", 0, ""), ("c", 1, "")] + self.rows(14, 24))
        self.assertEqual(self.train("--set", "data.check=content")[1]["in_training"], {"files": 0, "contents": 1})

    def test_parts_of_a_video(self):
        """Of one file: parts that touch share nothing, parts that overlap do."""
        name = self.names[0]
        train = [(name, 0, "", "0", "0.2"), (name, 0, "", "0.5", "0.6")]
        test = [(name, 1, "", "0.2", "0.4"), (name, 1, "", "0.15", "0.3"), (name, 1, "", "0.55", "")]
        self.lists(train=[(*row, "", "") for row in self.rows(1, 14)] + train, test=[(*row, "", "") for row in self.rows(14, 20)] + test)
        self.assertEqual(self.train()[1]["in_training"], {"files": 2})

    def test_people(self):
        self.lists(train=self.rows(0, 14, "p"), test=self.rows(14, 24, "p"))
        stderr, found = self.train()
        self.assertEqual(found["in_training"], {"files": 0, "people": 10})
        self.assertIn("10 by the people they show", stderr)
        self.lists(train=self.rows(0, 14, "p"), test=self.rows(14, 24, "q"))
        self.assertEqual(self.train(name="others")[1]["in_training"], {"files": 0, "people": 0})
        self.assertIn("no file and nobody shown here was trained on", self.told("others"))

    def test_the_same_list_twice(self):
        self.lists(train=self.rows(0, 14), test=self.rows(0, 14))
        words = "data.video: all 14 samples of the test list are in the training list too, so a result on it says nothing"
        for test in ("test.csv", "train.csv"):
            self.fails(2, [words, "data.same_list"], "finetune", "--config", self.config(test=test), "--output", self.dir / "run")
        self.assertFalse((self.dir / "run").exists())
        stderr, found = self.train("--set", "data.same_list=true")
        self.assertEqual(found["in_training"], {"files": 14})
        self.assertIn("14 by their files", stderr)
        self.lists(train=self.rows(0, 14), test=self.rows(14, 20), val=self.rows(0, 7))
        self.fails(2, "of the validation list are in the training list", "finetune", "--config", self.config(val="val.csv"), "--output",
                   self.dir / "val")

    def test_validation_and_test(self):
        self.lists(train=self.rows(0, 12), val=self.rows(12, 18), test=self.rows(16, 24))
        stderr, found = self.train("--set", "train.select=val", val="val.csv")
        self.assertEqual((found["in_training"], found["in_validation"]), ({"files": 0}, {"files": 2}))
        self.assertIn("of 8 test samples some are in the validation list too, 2 by their files", stderr)
        self.assertIn("THE VALIDATION LIST HAS 2 by their files", self.told())

    def test_classes_that_are_only_tested(self):
        rows = [row for row in self.rows(0, 14) if row[1] not in (5, 6)]
        self.lists(train=rows, test=self.rows(14, 24))
        stderr, found = self.train()
        self.assertEqual((found["never_trained"], found["trained_classes"]), ({"disgust": 1, "fear": 1}, 5))
        self.assertIn("clips: 1 test samples are of class fear, but no training sample is", stderr)
        self.assertIn("NO TRAINING SAMPLE IS OF CLASS disgust. NO TRAINING SAMPLE IS OF CLASS fear.", self.told())

    def test_one_class_only(self):
        self.lists(train=[(name, 2, "") for name in self.names[:14]], test=self.rows(14, 24))
        stderr, found = self.train()
        self.assertIn("clips: all 14 training samples are of class neutral, so there is nothing to tell apart", stderr)
        self.assertEqual(found["trained_classes"], 1)
