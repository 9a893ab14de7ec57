"""What another program's names cannot say of a model is said when it is exported; what ours says of itself stays."""
import json

from support import Case, finetune_config, tensors


class Stills(Case):
    def test_a_model_of_stills_and_an_average(self):
        config = finetune_config()
        del config["data"]["video"]
        config["model"]["moae"]["layers"] = []
        config["train"].update(epochs=1, warmup_epochs=0, ema=0.5)
        out = self.dir / "run"
        self.ok("finetune", "--config", self.write(config), "--output", out)
        done = self.ok("ckpt", "export", out / "model.safetensors", self.dir / "there.safetensors", "--to", "videomae")
        self.assertIn("the head is of pictures", done.stderr)
        again = self.dir / "again.safetensors"
        self.ok("ckpt", "import", out / "model_ema.safetensors", again)
        meta = [tensors(path)[1] for path in (out / "model_ema.safetensors", again)]
        for key in ("s4d.averaged", "s4d.normalisation", "s4d.selection"):
            self.assertEqual(meta[0][key], meta[1][key])
        self.assertEqual(json.loads(meta[0]["s4d.normalisation"]).keys(), {"mean", "std"})
