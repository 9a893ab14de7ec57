"""Checkpoints: how many are kept, which is taken, averages, updates that are left out, and what survives a kill."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time

from support import BINARY, Case, eval_config, finetune_config, pretrain_config, strict_lines, tensors

TIMES = ("data_ms", "compute_ms", "samples_per_s")


def lines_of(run):
    return [{k: v for k, v in line.items() if k not in TIMES} for line in strict_lines(run / "metrics.jsonl")]


def floats(data):
    return struct.unpack(f"<{len(data) // 4}f", data)


class Checkpoints(Case):
    def train(self, config, name, *more, command="finetune"):
        self.ok(command, "--config", self.write(config, name + ".json"), "--output", self.dir / name, *more)
        return self.dir / name

    def same_end(self, a, b):
        self.assertEqual(tensors(a / "model.safetensors")[0], tensors(b / "model.safetensors")[0])
        newest = [max((run / "checkpoints").iterdir()) for run in (a, b)]
        self.assertEqual(newest[0].name, newest[1].name)
        self.assertEqual(tensors(newest[0] / "state.safetensors")[0], tensors(newest[1] / "state.safetensors")[0])
        self.assertEqual(lines_of(a), lines_of(b))

    def test_the_last_are_kept(self):
        config = pretrain_config()
        config["train"].update(epochs=5, keep_checkpoints=3)
        out = self.train(config, "run", command="pretrain")
        self.assertEqual(sorted(p.name for p in (out / "checkpoints").iterdir()),
                         [f"step-{step:08d}" for step in (12, 16, 20)])

    def test_the_newest_whole_one_is_taken(self):
        config = finetune_config()
        config["train"]["epochs"] = 4
        whole = self.train(config, "whole")
        damaged = self.dir / "damaged"
        shutil.copytree(whole, damaged)
        newest = max((damaged / "checkpoints").iterdir())
        for name in ("model.safetensors", "state.safetensors"):
            data = (newest / name).read_bytes()
            (newest / name).write_bytes(data[:len(data) // 2])
        (damaged / "checkpoints/.tmp-00000099").mkdir()
        done = self.ok("finetune", "--config", self.write(config), "--output", damaged, "--resume")
        self.assertIn("going back to the checkpoint before", done.stderr)
        self.assertFalse((damaged / "checkpoints/.tmp-00000099").exists())
        aside = damaged / "checkpoints" / ("damaged-" + newest.name)
        self.assertTrue(aside.is_dir())
        shutil.rmtree(aside)
        self.same_end(whole, damaged)
        self.ok("finetune", "--config", self.write(config), "--output", damaged, "--resume", "auto")
        self.same_end(whole, damaged)

    def test_half_checkpoints_are_not_taken(self):
        config = finetune_config()
        config["train"].update(epochs=4, ema=0.9, keep_checkpoints=8)
        whole = self.train(config, "whole")
        names = sorted(p.name for p in (whole / "checkpoints").iterdir())
        for i, spoil in enumerate((
                lambda newest, first: (newest / "average.safetensors").unlink(),
                lambda newest, first: shutil.copy(first / "model.safetensors", newest / "model.safetensors"),
                lambda newest, first: shutil.copy(first / "average.safetensors", newest / "average.safetensors"))):
            run = self.dir / f"half{i}"
            shutil.copytree(whole, run)
            spoil(run / "checkpoints" / names[-1], run / "checkpoints" / names[0])
            done = self.ok("finetune", "--config", self.write(config), "--output", run, "--resume")
            self.assertIn("going back to the checkpoint before", done.stderr)
            shutil.rmtree(run / "checkpoints" / ("damaged-" + names[-1]))
            self.same_end(whole, run)

    def test_two_pasts_are_not_mixed(self):
        config = finetune_config()
        config["train"].update(epochs=3, keep_checkpoints=8)
        whole, other = self.train(config, "whole"), self.train(config, "other")
        first = min((whole / "checkpoints").iterdir())
        path = self.write(config)
        for source in (first, str(first) + "/"):
            self.fails(2, ["holds checkpoints of its own", "--output"], "finetune", "--config", path, "--output", whole, "--resume", source)
            self.fails(2, "holds checkpoints of its own", "finetune", "--config", path, "--output", other, "--resume", source)
            self.fails(2, "seed", "finetune", "--config", path, "--output", self.dir / "x", "--resume", source, "--seed", "99")
        done = subprocess.run([BINARY, "finetune", "--config", str(path), "--output", str(self.dir / "x"), "--resume", ".", "--seed",
                               "99"], cwd=first, text=True, capture_output=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        begun = self.dir / "begun"
        begun.mkdir()
        (begun / "config.resolved.json.tmp").write_text("{")
        self.ok("finetune", "--config", path, "--output", begun, "--resume")
        self.same_end(whole, begun)

    def test_from_a_checkpoint_of_another_run(self):
        config = finetune_config()
        config["train"]["epochs"] = 3
        whole = self.train(config, "whole")
        earlier = min((whole / "checkpoints").iterdir())
        other = self.dir / "other"
        self.ok("finetune", "--config", self.write(config), "--output", other, "--resume", earlier)
        self.assertEqual(tensors(other / "model.safetensors")[0], tensors(whole / "model.safetensors")[0])
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "third", "--resume=" + str(whole))
        self.fails(1, "neither a checkpoint nor a run folder", "finetune", "--config", self.write(config), "--output",
                   self.dir / "x", "--resume", self.dir)
        self.assertFalse((self.dir / "x").exists())

    def test_the_best_comes_along(self):
        config = finetune_config()
        config["train"].update(epochs=3, select="test")
        first = self.train(config, "first")
        other = self.dir / "other"
        self.ok("finetune", "--config", self.write(config), "--output", other, "--resume", first)
        self.assertEqual(tensors(other / "model.safetensors")[0], tensors(first / "model.safetensors")[0])
        self.assertEqual(tensors(other / "model.safetensors")[1]["s4d.selection"], tensors(first / "model.safetensors")[1]["s4d.selection"])
        (first / "best.safetensors").unlink()
        done = self.ok("finetune", "--config", self.write(config), "--output", first, "--resume")
        self.assertIn("looked for anew", done.stderr)

    def test_average(self):
        config = finetune_config()
        config["train"].update(ema=0.5, epochs=1, warmup_epochs=0)
        out = self.train(config, "run")
        weights, average = tensors(out / "model.safetensors")[0], tensors(out / "model_ema.safetensors")[0]
        self.assertEqual(set(weights), set(average))
        self.assertNotEqual(weights, average)
        config["train"]["ema_eval"] = True
        evaluated = self.train(config, "evaluated")
        self.assertFalse((evaluated / "model_ema.safetensors").exists())
        self.assertEqual(tensors(evaluated / "model.safetensors")[0], average)
        self.ok("eval", "--config", self.write(eval_config(out / "model_ema.safetensors")), "--output", self.dir / "eval")
        results = [json.loads((run / "clips/metrics.json").read_text())["confusion"] for run in (evaluated, self.dir / "eval")]
        self.assertEqual(*results)
        config["train"]["select"] = "held_out"
        config["train"]["held_out"] = 0.3
        self.train(config, "selected")
        line = self.fails(2, "train.ema_eval", "finetune", "--config", self.write(finetune_config()), "--output", self.dir / "x",
                          "--set", "train.ema_eval=true")
        self.assertIn("set train.ema", line)

    def test_the_average_goes_on(self):
        config = finetune_config()
        config["train"].update(ema=0.9, epochs=4)
        whole = self.train(config, "whole")
        config["train"]["epochs"] = 2
        cut = self.train(config, "cut")
        self.ok("finetune", "--config", self.write(config), "--output", cut, "--resume", "--set", "train.epochs=4")
        # The schedule of 2 epochs is another one, so the runs differ; the average must still be one of this run's weights.
        self.assertEqual(set(tensors(cut / "model_ema.safetensors")[0]), set(tensors(whole / "model_ema.safetensors")[0]))
        again = self.dir / "again"
        shutil.copytree(whole, again)
        shutil.rmtree(max((again / "checkpoints").iterdir()))
        config["train"]["epochs"] = 4
        self.ok("finetune", "--config", self.write(config), "--output", again, "--resume")
        self.assertEqual(tensors(again / "model_ema.safetensors")[0], tensors(whole / "model_ema.safetensors")[0])
        self.same_end(whole, again)

    def test_updates_that_are_not_finite(self):
        config = pretrain_config()
        config["train"].update(epochs=40, lr=1000, weight_decay=1000, keep_checkpoints=1)
        path = self.write(config)
        line = self.fails(3, "not finite", "pretrain", "--config", path, "--output", self.dir / "stop")
        self.assertRegex(line, "begin anew|--resume|nothing is written")
        told = [line for line in strict_lines(self.dir / "stop/metrics.jsonl") if line.get("event") == "not_finite"]
        self.assertEqual(len(told), 0 if "nothing is written" in line else 1)
        out = self.dir / "skip"
        done = subprocess.run([BINARY, "pretrain", "--config", path, "--output", out, "--set", "train.not_finite=skip"], text=True,
                              capture_output=True, timeout=300)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        events = [line for line in strict_lines(out / "metrics.jsonl") if line.get("event") == "not_finite"]
        self.assertTrue(events)
        self.assertTrue(events[0]["samples"])
        self.assertIn(events[0]["what"], ("loss", "gradient"))

    def test_updates_left_out_in_a_row_go_on(self):
        """Clips always overflow and stills never do: how many were left out before a checkpoint counts after it, and what was
        tried before it is not tried again."""
        config = finetune_config()
        config["train"].update(epochs=1, warmup_epochs=0)
        init = self.train(config, "init") / "model.safetensors"
        spoiled = self.dir / "spoiled.safetensors"
        data = bytearray(init.read_bytes())
        size = struct.unpack("<Q", data[:8])[0]
        begin, end = json.loads(data[8:8 + size])["head.video.weight"]["data_offsets"]
        data[8 + size + begin:8 + size + end] = struct.pack("<f", 3e38) * ((end - begin) // 4)
        spoiled.write_bytes(data)
        config["train"].update(epochs=30, not_finite="skip", keep_checkpoints=1000, clip_grad=1)
        config["data"]["image"]["batch"] = 24
        config["data"]["video"]["batch"] = 2
        path = self.write(config)
        whole = self.dir / "whole"
        line = self.fails(3, "not finite", "finetune", "--config", path, "--init", spoiled, "--output", whole)
        events = [e.get("event") for e in lines_of(whole)]
        self.assertEqual(events[-21:], ["not_finite"] * 21)
        states = {p: tensors(p / "state.safetensors")[1] for p in sorted((whole / "checkpoints").iterdir())}
        counts = {p.name: int(meta["s4d.dropped_in_a_row"]) for p, meta in states.items()}
        self.assertGreater(max(counts.values()), 0)
        for p, meta in list(states.items())[-4:]:  # the last are within the 21 that end the run
            seen = events[:int(meta["s4d.log_lines"])]
            in_a_row = len(seen) - max((i + 1 for i, e in enumerate(seen) if e != "not_finite"), default=0)
            self.assertEqual(counts[p.name], in_a_row)
            again = self.dir / "again"
            shutil.copytree(whole, again)
            for later in (again / "checkpoints").iterdir():
                if later.name > p.name:
                    shutil.rmtree(later)
            self.assertEqual(self.fails(3, "not finite", "finetune", "--config", path, "--output", again, "--resume"), line)
            self.assertEqual(lines_of(again), lines_of(whole))
            shutil.rmtree(again)
        chance, cut = random.Random(5), self.dir / "cut"
        for i in range(200):  # until it ends by itself
            process = subprocess.Popen([BINARY, "finetune", "--config", path, "--init", spoiled, "--output", cut, "--resume"],
                                       stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.1, 0.2 + i / 50))
            process.send_signal(signal.SIGTERM)
            if process.wait() == 3:
                break
        self.assertEqual(lines_of(cut), lines_of(whole))

    def test_killed_at_any_moment(self):
        """SIGKILL at random moments of a run that checkpoints at every step, again and again until it ends by itself; what
        goes on must end as the undisturbed run does. S4D_KILLS: how many kills there are at least."""
        config = finetune_config()
        config["train"].update(epochs=6, ema=0.9, select="held_out", held_out=0.3, checkpoint_every=1)
        whole = self.train(config, "whole")
        path = self.write(config)
        chance = random.Random(11)
        killed, wanted = 0, int(os.environ.get("S4D_KILLS", "15"))
        while killed < wanted:
            run = self.dir / f"run{killed}"
            while True:
                process = subprocess.Popen([BINARY, "finetune", "--config", path, "--output", run, "--resume"],
                                           stderr=subprocess.DEVNULL)
                time.sleep(chance.uniform(0.05, 0.4))
                process.send_signal(signal.SIGKILL)
                if process.wait() == 0:
                    break
                killed += 1
            self.same_end(whole, run)
            shutil.rmtree(run)
