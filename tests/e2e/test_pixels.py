"""Pixels of widths that libswscale converts in parts: the same in every run, whoever decodes them and in whatever order. In a
build with test hooks every buffer of pixels holds something else each time, so that one left unwritten shows here."""
import pathlib
import tempfile

from support import Case, eval_config, finetune_config, run, tensors

_wide = None


def wide():
    """A sample set whose frames are 340 x 340: 340 % 16 is 4."""
    global _wide
    if _wide is None:
        _wide = tempfile.TemporaryDirectory(prefix="s4d-e2e-wide-")
        done = run("synth", "--output", pathlib.Path(_wide.name) / "faces", "--size", 340, "--seed", 2, "--train-images", 7,
                   "--test-images", 7, "--train-clips", 8, "--test-clips", 7, "--unlabelled-images", 1, "--unlabelled-clips", 1,
                   "--folds", 1)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return str(pathlib.Path(_wide.name) / "faces")


class OddWidths(Case):
    def train(self, name, **more):
        config = finetune_config()
        del config["data"]["image"]
        config["data"]["video"].update(root=wide(), batch=4, augment={"area": [0.5, 1]})
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        config["data"].update(more)
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / name)
        return self.dir / name / "model.safetensors"

    def test_training_twice_and_evaluation_by_any_number_of_workers(self):
        model = self.train("a")
        self.assertEqual(tensors(model)[0], tensors(self.train("b", workers=3))[0])
        config = eval_config(model)
        del config["data"]["image"]
        config["data"]["video"]["root"] = wide()
        path = self.write(config, "eval.json")
        seen = {}
        for workers in (0, 1, 2, 4):
            out = self.dir / f"w{workers}"
            self.ok("eval", "--config", path, "--output", out, "--set", f"data.workers={workers}")
            seen[workers] = (out / "clips/pred.csv").read_text()
        self.assertEqual(len(set(seen.values())), 1)
        listed = pathlib.Path(wide(), "clips/test_set_1.csv").read_text().splitlines()
        turned = self.dir / "turned.csv"
        turned.write_text("\n".join([listed[0], *listed[:0:-1]]) + "\n")
        self.ok("eval", "--config", path, "--output", self.dir / "turned", "--set", f"data.video.test={turned}")
        lines = (self.dir / "turned/clips/pred.csv").read_text().splitlines()
        self.assertEqual(sorted(lines), sorted(seen[1].splitlines()))
