"""Folds: one run each, one evaluation each, and what cannot be folds."""
import json

from support import Case, eval_config, finetune_config, tensors


def folded(config):
    config["data"]["video"].update(train="clips/train_set_{fold}.csv", test="clips/test_set_{fold}.csv")
    return config


class Folds(Case):
    def test_a_run_and_an_evaluation_for_each(self):
        config = folded(finetune_config())
        config["train"].update(epochs=1, warmup_epochs=0)
        out = self.dir / "runs"
        self.ok("finetune", "--config", self.write(config), "--output", out, "--folds", "1-2")
        tested = []
        for k in (1, 2):
            resolved = json.loads((out / f"fold-{k}/config.resolved.json").read_text())
            self.assertEqual(resolved["data"]["video"]["fold"], k)
            tested.append({line.split(",")[0] for line in (out / f"fold-{k}/clips/pred.csv").read_text().splitlines()[1:]})
        self.assertFalse(tested[0] & tested[1])
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "alone", "--set", "data.video.fold=2")
        self.assertEqual(tensors(self.dir / "alone/model.safetensors")[0], tensors(out / "fold-2/model.safetensors")[0])
        evaluation = folded(eval_config(out / "fold-{fold}/model.safetensors"))
        del evaluation["data"]["video"]["train"]
        self.ok("eval", "--config", self.write(evaluation), "--output", self.dir / "eval", "--folds", "2,1")
        for k in (1, 2):
            a, b = (json.loads((root / f"fold-{k}/clips/metrics.json").read_text()) for root in (out, self.dir / "eval"))
            self.assertEqual(a["confusion"], b["confusion"])
        self.ok("finetune", "--config", self.write(config), "--output", out, "--folds", "1-2", "--resume")

    def test_all_folds_are_checked_first(self):
        config = folded(finetune_config())
        config["train"].update(epochs=1, warmup_epochs=0)
        out = self.dir / "runs"
        self.fails(1, ["fold 7: ", "train_set_7.csv"], "finetune", "--config", self.write(config), "--output", out, "--folds", "1,7")
        self.assertFalse(out.exists())
        self.fails(2, ["--folds", "the same for every fold"], "finetune", "--config", self.write(finetune_config()), "--output", out,
                   "--folds", "1-2")
        self.assertFalse(out.exists())
        self.ok("finetune", "--config", self.write(config), "--output", out, "--folds", "1")
        fixed = folded(eval_config(out / "fold-1/model.safetensors"))
        del fixed["data"]["video"]["train"]
        self.fails(2, ["fold 2: ", "data.video.fold", "knows what would be tested"], "eval", "--config", self.write(fixed), "--output",
                   self.dir / "eval", "--folds", "1-2")
        self.assertFalse((self.dir / "eval").exists())

    def test_what_cannot_be(self):
        config = self.write(folded(finetune_config()))
        for folds in ("0", "2-1", "1,1", "one", "1-", "1-2-3", "", "1-5000"):
            with self.subTest(folds):
                self.fails(2, "--folds", "finetune", "--config", config, "--output", self.dir / "x", "--folds", folds)
        self.fails(2, ["{fold}", "fold"], "finetune", "--config", config, "--output", self.dir / "x")
        self.fails(1, ["fold 7: ", "train_set_7.csv"], "finetune", "--config", config, "--output", self.dir / "x", "--folds", "7")
        self.fails(2, "checkpoint", "eval", "--config", self.write(eval_config("m-{fold}.safetensors")), "--output", self.dir / "x")
        self.assertFalse((self.dir / "x").exists())
