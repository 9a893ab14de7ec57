"""Runs as a user makes them: what they leave, that they repeat, that they go on where they stopped."""
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from support import BINARY, ROOT, Case, eval_config, finetune_config, pretrain_config, strict_lines, tensors

TIMES = ("data_ms", "compute_ms", "samples_per_s")


def without_times(lines):
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


class Pretrain(Case):
    def train(self, name, *more, config=None):
        path = self.write(config or pretrain_config(), name + ".json")
        self.ok("pretrain", "--config", path, "--output", self.dir / name, *more)
        return self.dir / name

    def test_folder_holds_what_is_promised(self):
        out = self.train("run")
        self.assertLessEqual({"config.resolved.json", "metrics.jsonl", "model.safetensors"},
                             {p.name for p in out.iterdir()})
        lines = strict_lines(out / "metrics.jsonl")
        steps = [line["step"] for line in lines]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))
        for key in ("step", "epoch", "modality", "loss", "lr", "grad_norm", *TIMES):
            self.assertIn(key, lines[0])
        self.assertEqual({line["modality"] for line in lines}, {"image", "video"})
        names, meta = tensors(out / "model.safetensors")
        for name in ("mask_token", "encoder.patch_embed.proj.weight", "encoder.blocks.1.attn.q_bias",
                     "decoder.blocks.0.mlp.fc2.weight", "decoder.head.bias", "encoder_to_decoder.weight"):
            self.assertIn(name, names)
        self.assertEqual(json.loads(meta["config"])["stage"], "pretrain")

    def test_same_seed_same_bits_whatever_the_workers(self):
        runs = [self.train(f"w{n}", "--set", f"data.workers={n}") for n in (0, 1, 3)]
        first = tensors(runs[0] / "model.safetensors")[0]
        lines = without_times(strict_lines(runs[0] / "metrics.jsonl"))
        for other in runs[1:]:
            self.assertEqual(tensors(other / "model.safetensors")[0], first)
            self.assertEqual(without_times(strict_lines(other / "metrics.jsonl")), lines)

    def test_another_seed_another_model(self):
        a, b = self.train("a"), self.train("b", "--set", "seed=4")
        self.assertNotEqual(tensors(a / "model.safetensors")[0], tensors(b / "model.safetensors")[0])

    def test_resolved_config_gives_the_same_run(self):
        a = self.train("a")
        resolved = json.loads((a / "config.resolved.json").read_text())
        b = self.train("b", config=resolved)
        self.assertEqual(tensors(a / "model.safetensors")[0], tensors(b / "model.safetensors")[0])

    def test_existing_folder_needs_a_word(self):
        out = self.train("run")
        path = self.dir / "run.json"
        self.fails(2, [str(out), "--resume", "--overwrite"], "pretrain", "--config", path, "--output", out)
        self.ok("pretrain", "--config", path, "--output", out, "--overwrite")
        stranger = self.dir / "stranger"
        stranger.mkdir()
        (stranger / "thesis.tex").write_text("years of work")
        self.fails(2, str(stranger), "pretrain", "--config", path, "--output", stranger, "--overwrite")
        self.assertTrue((stranger / "thesis.tex").exists())

    def test_ref_and_cpu_agree(self):
        def losses(device):
            out = self.train(device, "--device", device, "--set", "train.epochs=1")
            return [line["loss"] for line in strict_lines(out / "metrics.jsonl")]
        for a, b in zip(losses("ref"), losses("cpu"), strict=True):
            self.assertAlmostEqual(a, b, delta=2e-5 * abs(a))


class Resume(Case):
    def compare_cut_run(self, command, config):
        """A run of 4 epochs, against one killed by SIGINT on the way and resumed."""
        config["train"]["epochs"] = 4
        path = self.write(config)
        whole, cut = self.dir / "whole", self.dir / "cut"
        self.ok(command, "--config", path, "--output", whole)
        process = subprocess.Popen([BINARY, command, "--config", path, "--output", cut], stderr=subprocess.PIPE, text=True)
        log = cut / "metrics.jsonl"
        deadline = time.time() + 60
        while time.time() < deadline and process.poll() is None:
            if log.exists() and log.read_text().count("\n") >= 3:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        if process.returncode == 0:
            self.skipTest("the run ended before the signal came")
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("--resume", errors)
        self.ok(command, "--config", path, "--output", cut, "--resume", "--set", "data.workers=2")
        self.assertEqual(tensors(cut / "model.safetensors")[0], tensors(whole / "model.safetensors")[0])
        self.assertEqual(without_times(strict_lines(cut / "metrics.jsonl")),
                         without_times(strict_lines(whole / "metrics.jsonl")))
        state = [max((run / "checkpoints").iterdir()) / "state.safetensors" for run in (whole, cut)]
        self.assertEqual(tensors(state[0])[0], tensors(state[1])[0])

    def test_pretrain(self):
        self.compare_cut_run("pretrain", pretrain_config())

    def test_finetune(self):
        self.compare_cut_run("finetune", finetune_config())

    def test_on_ref(self):
        for command, config in (("pretrain", pretrain_config()), ("finetune", finetune_config())):
            config["device"] = "ref"
            with self.subTest(command):
                self.compare_cut_run(command, config)
                for name in ("whole", "cut"):
                    shutil.rmtree(self.dir / name)

    def test_finetune_that_selects(self):
        config = finetune_config()
        config["train"].update(select="held_out", held_out=0.3)
        self.compare_cut_run("finetune", config)


class Finetune(Case):
    def train(self, config, *more, name="run"):
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / name, *more)
        return self.dir / name

    def test_overfits_one_batch(self):
        for kind in ("image", "video"):
            config = finetune_config()
            other = "video" if kind == "image" else "image"
            del config["data"][other]
            data = config["data"][kind]
            listed = pathlib.Path(data["root"], data["train"]).read_text().splitlines()
            few = listed[:9] if kind == "video" else listed[:8]
            data.pop("test")
            data["train"] = str(self.write("\n".join(few) + "\n", "few.txt"))
            data["balanced"] = False
            data["batch"] = 8
            size = config["model"]["img_size"]
            data["augment"] = {"resize": size, "crop": "none", "flip": 0, "randaugment": "", "erase_prob": 0}
            config["data"]["mixing"] = {"mixup": 0, "cutmix": 0, "smoothing": 0}
            config["model"]["moae"]["balance_coef"] = 0
            config["train"] = {"epochs": 300, "lr": 3e-3, "lr_scale_batch": 0, "min_lr": 1e-6, "min_lr_scale_batch": 0,
                               "warmup_epochs": 5, "weight_decay": 0, "layer_decay": 1}
            out = self.train(config, name=kind)
            loss = [line["loss"] for line in strict_lines(out / "metrics.jsonl")]
            self.assertGreater(loss[0], 1.5)
            self.assertLess(loss[-1], 0.02)

    def test_from_pretrained_to_predictions(self):
        self.ok("pretrain", "--config", self.write(pretrain_config(), "p.json"), "--output", self.dir / "pre")
        out = self.train(finetune_config(), "--init", self.dir / "pre/model.safetensors")
        lines = strict_lines(out / "metrics.jsonl")
        evaluations = [line for line in lines if line.get("event") == "evaluation"]
        self.assertEqual({line["set"] for line in evaluations}, {"stills", "clips"})
        step = next(line for line in lines if "expert_load" in line)
        self.assertIn("balance", step)
        model = out / "model.safetensors"
        meta = tensors(model)[1]
        self.assertEqual(json.loads(meta["classes.video"])[0], "happiness")
        self.ok("eval", "--config", self.write(eval_config(model), "e.json"), "--output", self.dir / "eval")
        for name, modality in (("stills", "image"), ("clips", "video")):
            self.check_results(self.dir / "eval" / name, modality)
            trained = json.loads((out / name / "metrics.json").read_text())
            again = json.loads((self.dir / "eval" / name / "metrics.json").read_text())
            self.assertEqual(trained["confusion"], again["confusion"])

    def check_results(self, folder, modality):
        result = json.loads((folder / "metrics.json").read_text())
        self.assertEqual(result["modality"], modality)
        with open(folder / "pred.csv", newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(list(rows[0]), ["id", "label", "pred", *result["classes"]])
        right = sum(row["label"] == row["pred"] for row in rows)
        self.assertAlmostEqual(result["war"], right / len(rows))
        recalls = []
        for name in result["classes"]:
            of_class = [row for row in rows if row["label"] == name]
            self.assertEqual(result["support"][name], len(of_class))
            if of_class:
                recalls.append(sum(row["pred"] == name for row in of_class) / len(of_class))
        self.assertAlmostEqual(result["uar"], sum(recalls) / len(recalls))
        for row in rows:
            prob = [float(row[name]) for name in result["classes"]]
            self.assertAlmostEqual(sum(prob), 1, places=4)
            self.assertEqual(max(zip(prob, result["classes"]), key=lambda pair: pair[0])[1], row["pred"])

    def test_prediction_does_not_depend_on_its_batch(self):
        model = self.train(finetune_config()) / "model.safetensors"
        tables = []
        for batch in (1, 8):
            out = self.dir / f"eval{batch}"
            self.ok("eval", "--config", self.write(eval_config(model), "e.json"), "--output", out, "--set",
                    f"eval.batch={batch}")
            with open(out / "clips/pred.csv", newline="") as f:
                tables.append(list(csv.DictReader(f)))
        for one, eight in zip(*tables, strict=True):
            self.assertEqual((one["id"], one["pred"]), (eight["id"], eight["pred"]))
            for name in list(one)[3:]:
                self.assertAlmostEqual(float(one[name]), float(eight[name]), delta=1e-5)

    def test_one_modality_alone(self):
        for kind, other in (("image", "video"), ("video", "image")):
            config = finetune_config()
            del config["data"][other]
            config["train"]["epochs"] = 1
            config["train"]["warmup_epochs"] = 0
            out = self.train(config, name=kind)
            names = tensors(out / "model.safetensors")[0]
            self.assertIn(f"head.{kind}.weight", names)
            self.assertNotIn(f"head.{other}.weight", names)

    def test_the_epoch_that_is_kept(self):
        for select, words in (("last", "last epoch"), ("held_out", "held out of training"), ("test", "test list itself")):
            config = finetune_config()
            config["train"].update(epochs=4, select=select, held_out=0.3, select_by="uar", select_draw=select == "test")
            out = self.train(config, name=select)
            lines = [line for line in strict_lines(out / "metrics.jsonl") if line.get("event") == "evaluation"]
            meta = tensors(out / "model.safetensors")[1]
            result = json.loads((out / "clips/metrics.json").read_text())
            self.assertIn(words, result["selection"])
            self.assertEqual(meta["s4d.selection"], result["selection"])
            self.ok("eval", "--config", self.write(eval_config(out / "model.safetensors"), "e.json"), "--output", out / "again")
            again = json.loads((out / "again/clips/metrics.json").read_text())
            self.assertEqual((again["selection"], again["confusion"]), (result["selection"], result["confusion"]))
            if select == "last":
                self.assertFalse((out / "clips.last").exists())
                continue
            last = json.loads((out / "clips.last/metrics.json").read_text())
            self.assertEqual((last["split"], last["selection"]), ("test", "last epoch"))
            self.ok("eval", "--config", self.write(eval_config(out / last["checkpoint"]), "e.json"), "--output", out / "again2")
            self.assertEqual(json.loads((out / "again2/clips/metrics.json").read_text())["confusion"], last["confusion"])
            split = "held_out" if select == "held_out" else "test"
            seen = {line["epoch"]: line["uar"] for line in lines[:-4] if line["set"] == "clips" and line["split"] == split}
            self.assertEqual(set(seen), {1, 2, 3, 4})
            best = max(seen, key=lambda epoch: (seen[epoch], -epoch))
            self.assertEqual(int(meta["s4d.epoch"]), best)
            self.assertIn(f"epoch {best}, best UAR", result["selection"])
            told = self.ok("report", "--table", out).stdout
            self.assertIn("CHOSE IT" if select == "test" else "no test list chose it", told)
            self.assertEqual("one drawn clip a video" in told, select == "test")

    def test_imbalance_is_told(self):
        config = finetune_config()
        config["data"]["image"]["balanced"] = False
        config["train"].update(class_weights="inverse", logit_adjustment=0.5, epochs=1, warmup_epochs=0)
        out = self.train(config)
        told = json.loads((out / "clips/metrics.json").read_text())["imbalance"]
        self.assertEqual(told, {"balanced": False, "class_weights": "inverse", "logit_adjustment": 0.5})
        plain = finetune_config()
        plain["data"]["image"]["balanced"] = False
        plain["train"].update(epochs=1, warmup_epochs=0)
        other = self.train(plain, name="plain")
        self.assertNotEqual(tensors(out / "model.safetensors")[0], tensors(other / "model.safetensors")[0])

    def test_accumulation_and_clipping(self):
        config = finetune_config()
        config["train"].update(accumulate=2, clip_grad=0.5)
        lines = strict_lines(self.train(config) / "metrics.jsonl")
        steps = [line for line in lines if "loss" in line]
        self.assertEqual([line["step"] for line in steps], list(range(1, len(steps) + 1)))
        self.assertEqual(len(steps), 2 * (24 // 16 + 24 // 16))


class Sample(Case):
    def test_the_committed_sample_can_be_trained_on(self):
        config = finetune_config()
        for kind in ("image", "video"):
            config["data"][kind].update(root=str(ROOT / "data/sample"), batch=7)
        config["train"].update(epochs=1, warmup_epochs=0)
        out = self.dir / "out"
        self.ok("finetune", "--config", self.write(config), "--output", out)
        for name in ("stills", "clips"):
            self.assertEqual(json.loads((out / name / "metrics.json").read_text())["samples"], 7)
