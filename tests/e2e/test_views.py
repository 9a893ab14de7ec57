"""Evaluation by views: batches of the published mode, squashed frames and such that keep their aspect."""
import csv
import json
import subprocess

from support import BINARY, Case, eval_config, faces, finetune_config


class Views(Case):
    def setUp(self):
        super().setUp()
        config = finetune_config()
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        config["data"]["image"].pop("test")
        config["data"]["video"].pop("test")
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        self.config = eval_config(self.dir / "run/model.safetensors")
        del self.config["data"]["image"]

    def evaluate(self, name, **settings):
        path = self.write(self.config, f"{name}.json")
        words = [word for key, value in settings.items() for word in ("--set", f"{key.replace('__', '.')}={json.dumps(value)}")]
        self.ok("eval", "--config", path, "--output", self.dir / name, *words)
        with open(self.dir / name / "clips/pred.csv", newline="") as file:
            return {row["id"]: [float(value) for key, value in row.items() if key not in ("id", "label", "pred")]
                    for row in csv.DictReader(file)}

    def worst(self, a, b):
        self.assertEqual(list(a), list(b))
        return max(abs(x - y) for name in a for x, y in zip(a[name], b[name]))

    def test_published_batches(self):
        """With the capacity limit a view's prediction depends on what else is in its batch: on the other clips' same view, whatever
        the number of views; without it on nothing."""
        free = {size: self.evaluate(f"free{size}", eval__batch=size) for size in (1, 8)}
        self.assertLess(self.worst(free[1], free[8]), 1e-5)
        limit = {"model__moae__eval_capacity": True, "model__moae__capacity_factor": 0.3}
        one = self.evaluate("one", eval__batch=1, eval__segments=2, **limit)
        many = self.evaluate("many", eval__batch=8, eval__segments=2, **limit)
        self.assertGreater(self.worst(one, many), 2e-5)
        # Two crops of squashed frames are the same: each clip's four views are its two, twice. In batches of all clips' one view
        # (21 to a batch) that changes nothing; were a clip's views together, it would.
        two = self.evaluate("two", eval__batch=21, eval__segments=2, eval__crops=1, **limit)
        four = self.evaluate("four", eval__batch=21, eval__segments=2, eval__crops=2, **limit)
        self.assertLess(self.worst(two, four), 1e-5)

    def test_noise_depends_on_the_view(self):
        noise = {"model__moae__eval_noise": True}
        a, b = self.evaluate("a", **noise), self.evaluate("b", data__workers=3, **noise)
        self.assertEqual(a, b)
        self.assertGreater(self.worst(a, self.evaluate("quiet")), 1e-5)

    def test_frames_that_are_not_square(self):
        # The middle two thirds of each frame, 32 x 22 (source_crop), squashed or cut.
        self.config["data"]["video"]["source_crop"] = "0,5,32,22"
        squashed = self.evaluate("squashed", eval__segments=1)
        same = self.evaluate("same", eval__segments=1, eval__crops=2)
        kept = self.evaluate("kept", eval__segments=1, eval__keep_aspect=True)
        cuts = self.evaluate("cuts", eval__segments=1, eval__crops=3, eval__keep_aspect=True)
        self.assertLess(self.worst(squashed, same), 1e-5)
        self.assertGreater(self.worst(squashed, kept), 1e-5)
        self.assertGreater(self.worst(cuts, kept), 1e-6)
        told = json.loads((self.dir / "kept/clips/metrics.json").read_text())
        self.assertTrue(told["keep_aspect"])
        words = subprocess.run([BINARY, "report", "--table", self.dir / "kept", self.dir / "squashed"], text=True,
                               capture_output=True, check=True).stdout
        self.assertIn("keep their aspect", words)
        self.assertIn("squashed", words)
