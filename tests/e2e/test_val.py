"""Validation lists: read as lists of their own or as rows of split val, selected by, evaluated, and never called a test."""
import csv
import json

from support import Case, eval_config, faces, finetune_config, pretrain_config, strict_lines


class Validation(Case):
    def manifests(self):
        """The sample set's clips as one manifest with all three splits: every third training clip validates."""
        root = faces()
        names = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
        rows = []
        for split in ("train", "test"):
            with open(root / f"clips/{split}_set_1.csv", newline="") as file:
                for i, row in enumerate(csv.DictReader(file)):
                    name = "val" if split == "train" and i % 3 == 0 else split
                    rows.append((f"{row['video_name']}.mp4", names[int(row["label"])], name))
        self.count = {name: sum(row[2] == name for row in rows) for name in ("train", "val", "test")}
        def write(name, chosen):
            path = self.dir / name
            path.write_text("path,label,split\n" + "".join(",".join(row) + "\n" for row in chosen))
            return str(path)
        return {"all": write("all.csv", rows), **{name: write(f"{name}.csv", [(p, c, "") for p, c, s in rows if s == name])
                                                  for name in self.count}}

    def config(self, train, test, **more):
        config = finetune_config()
        del config["data"]["image"]
        video = config["data"]["video"]
        del video["suffix"]
        video.update(root=str(faces()), train=train, test=test, format="manifest", batch=4, **more)
        config["train"].update(epochs=3, warmup_epochs=1, select_by="uar")
        return config

    def result(self, place):
        return json.loads((self.dir / place / "metrics.json").read_text())

    def test_rows_of_split_val(self):
        lists = self.manifests()
        config = self.config(lists["all"], lists["all"])
        config["train"]["select"] = "val"
        done = self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        self.assertIn(f"clips: {self.count['val']} validation samples", done.stderr)
        self.assertIn("validation on clips: UAR", done.stderr)
        lines = [line for line in strict_lines(self.dir / "run/metrics.jsonl") if line.get("event") == "evaluation"]
        seen = [line for line in lines[:-3] if line["split"] == "val"]
        self.assertEqual([line["epoch"] for line in seen], [1, 2, 3])
        self.assertEqual({line["split"] for line in lines[:-3]}, {"val"})
        best = max(seen, key=lambda line: (line["uar"], -line["epoch"]))
        kept, last, judged = self.result("run/clips"), self.result("run/clips.last"), self.result("run/clips.val")
        self.assertEqual(kept["selection"], f"epoch {best['epoch']}, best UAR on clips's validation list")
        self.assertEqual((kept["split"], kept["samples"]), ("test", self.count["test"]))
        self.assertEqual((last["selection"], last["samples"]), ("last epoch", self.count["test"]))
        self.assertEqual((judged["split"], judged["samples"], judged["selection"]), ("val", self.count["val"], kept["selection"]))
        self.assertAlmostEqual(judged["uar"], best["uar"])
        told = self.ok("report", "--table", self.dir / "run").stdout
        self.assertIn("clips, validation (dynamic", told)
        self.assertIn("THE VALIDATION LIST SHOWN HERE CHOSE IT", told)
        self.assertIn("no test list chose it", told)
        page = told[told.index("clips, validation"):]
        page = page[:page.index("\n# ")] if "\n# " in page else page
        self.assertNotIn("test samples", page)

    def test_a_list_of_its_own_gives_the_same(self):
        lists = self.manifests()
        one, own = self.config(lists["all"], lists["all"]), self.config(lists["train"], lists["test"], val=lists["val"])
        for name, config in (("one", one), ("own", own)):
            config["train"].update(select="val", eval_every=1)
            self.ok("finetune", "--config", self.write(config), "--output", self.dir / name)
        for place in ("clips", "clips.val", "clips.last"):
            a, b = self.result(f"one/{place}"), self.result(f"own/{place}")
            self.assertEqual((a["confusion"], a["selection"]), (b["confusion"], b["selection"]))

    def test_validation_without_selection(self):
        """Epochs are judged on the validation list; the last is kept and tested."""
        lists = self.manifests()
        config = self.config(lists["all"], lists["all"])
        config["train"]["eval_every"] = 1
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        lines = [line for line in strict_lines(self.dir / "run/metrics.jsonl") if line.get("event") == "evaluation"]
        self.assertEqual([(line["split"], line["epoch"]) for line in lines], [("val", 1), ("val", 2), ("test", 3), ("val", 3)])
        self.assertEqual(self.result("run/clips")["selection"], "last epoch")
        self.assertFalse((self.dir / "run/clips.last").exists())

    def test_evaluation(self):
        lists = self.manifests()
        config = self.config(lists["train"], lists["test"])
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        config = eval_config(self.dir / "run/model.safetensors")
        del config["data"]["image"]
        del config["data"]["video"]["suffix"]
        config["data"]["video"].update(format="manifest", test=lists["all"])
        path = self.write(config, "e.json")
        done = self.ok("eval", "--config", path, "--output", self.dir / "e", "--split", "val")
        self.assertIn(f"clips (dynamic, {self.count['val']} validation samples)", done.stdout)
        self.assertNotIn("test", done.stdout)
        self.assertEqual({p.name for p in (self.dir / "e").iterdir() if p.is_dir()}, {"clips.val"})
        self.assertEqual(self.result("e/clips.val")["split"], "val")
        self.assertIn("clips, validation", self.ok("report", "--table", self.dir / "e").stdout)
        self.ok("eval", "--config", path, "--output", self.dir / "t")
        self.assertEqual(self.result("t/clips")["samples"], self.count["test"])
        self.fails(2, 'eval.split: expected one of "test", "val", got "dev"', "eval", "--config", path, "--output", self.dir / "x", "--split", "dev")

    def test_what_is_missing_is_said(self):
        lists = self.manifests()
        config = self.config(lists["train"], lists["test"])
        config["train"]["select"] = "val"
        self.fails(2, ["train.select: val, but the video set has no validation list", "data.video.val"], "finetune", "--config",
                   self.write(config), "--output", self.dir / "x")
        config = self.config(lists["train"], lists["test"], val=lists["all"] + ".none")
        self.fails(1, "all.csv.none", "finetune", "--config", self.write(config), "--output", self.dir / "x")
        (self.dir / "empty.csv").write_text("path,label\n")
        config = self.config(lists["train"], lists["test"], val=str(self.dir / "empty.csv"))
        self.fails(1, "empty.csv: the list is empty", "finetune", "--config", self.write(config), "--output", self.dir / "x")
        config = eval_config("none")
        self.assertFalse((self.dir / "x").exists())

    def test_pre_training_says_what_it_leaves_out(self):
        lists = self.manifests()
        config = pretrain_config()
        del config["data"]["image"]
        config["data"]["video"].update(root=str(faces()), train=lists["all"], format="manifest")
        done = self.ok("pretrain", "--config", self.write(config), "--output", self.dir / "run")
        self.assertIn(f"clips: {self.count['val']} validation samples, which pre-training leaves out", done.stderr)
