"""s4d bench: figures for every set, step and operation, and the comparison said to be missing where the command is."""
import json

from support import Case, finetune_config


class Bench(Case):
    def test_data(self):
        path = self.write(finetune_config())
        done = self.ok("bench", "data", "--config", path, "--seconds", "1", "--files", "2")
        for words in ("stills: 24 training samples", "clips: 24 training samples", "1 thread", "2 files from beginning to end"):
            self.assertIn(words, done.stdout)
        done = self.ok("bench", "data", "--config", path, "--seconds", "1", "--files", "1", env={"PATH": "/nowhere"})
        self.assertIn("ffmpeg: the command is not there", done.stdout)
        self.fails(2, "bench", "bench")
        self.fails(2, "--config", "bench", "data")
        self.fails(2, "--seconds", "bench", "data", "--config", path, "--seconds", "0")

    SMALL = ("model.img_size=16", "model.patch_size=8", "model.num_frames=4", "model.encoder.dim=24", "model.encoder.depth=2",
             "model.encoder.heads=3", "model.decoder.dim=16", "model.decoder.depth=1", "model.decoder.heads=2")

    def test_step(self):
        settings = [word for setting in self.SMALL for word in ("--set", setting)]
        for workload in ("pretrain-video", "pretrain-image", "finetune-image"):
            more = ["--set", "model.moae.layers=[1]"] if workload.startswith("finetune") else []
            done = self.ok("bench", "step", "--device", "cpu", "--seconds", "1", "--workload", workload, "--batch", "2", "--json",
                           *settings, *more)
            line = json.loads(done.stdout)
            self.assertEqual((line["workload"], line["batch"], line["precision"]), (workload, 2, "float32"))
            self.assertGreater(line["samples_per_s"], 0)
            self.assertGreater(line["first_loss"], 0)
            self.assertAlmostEqual(line["samples_per_s"] * line["ms_per_step"], 2000, delta=1)
        path = self.write(finetune_config())
        done = self.ok("bench", "step", "--config", path, "--device", "cpu", "--seconds", "1")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["finetune-video", "finetune-image"])
        self.fails(2, "--workload", "bench", "step", "--device", "cpu", "--workload", "all of them")

    def test_ops(self):
        done = self.ok("bench", "ops", "--device", "cpu", "--clips", "1", "--ms", "1", "--json", "--op", "layer_norm_fwd")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["op"] for line in lines], ["add", "linear_fwd", "layer_norm_fwd"])
        self.assertGreater(lines[2]["floor_ms"], 0)
        self.fails(2, "no operation", "bench", "ops", "--op", "layernorm")
