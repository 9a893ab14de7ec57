"""The cuda device as a user meets it: chosen by auto, held against the cpu, recorded, resumed, out of memory, broken. What needs a
card is skipped without one; tests/emulator's build has one that is imitated."""
import re
import unittest

from support import Case, finetune_config, pretrain_config, run, strict_lines, tensors

NO_CARD = {"CUDA_VISIBLE_DEVICES": "-1"}
DOCTOR = run("doctor").stdout
WORKS = re.search(r"^cuda +works", DOCTOR, re.M)
EMULATED = "CPU emulation" in DOCTOR
needs_card = unittest.skipUnless(WORKS, "no cuda device works here")
needs_emulator = unittest.skipUnless(EMULATED, "needs the build over tests/emulator")


class WithoutCard(Case):
    def test_auto_takes_the_cpu_and_says_why(self):
        path = self.write(pretrain_config())
        done = self.ok("pretrain", "--config", path, "--output", self.dir / "out", "--set", "train.epochs=1", env=NO_CARD)
        self.assertRegex(done.stderr, r"not on cuda: .+")
        self.assertIn('"device": "cpu"', (self.dir / "out/config.resolved.json").read_text())

    def test_asked_for_by_name(self):
        path = self.write(pretrain_config())
        line = self.fails(1, ["device cuda", "--device cpu"], "pretrain", "--config", path, "--output", self.dir / "out",
                          "--device", "cuda", env=NO_CARD)
        self.assertFalse((self.dir / "out").exists(), line)

    def test_precision_is_for_cards(self):
        path = self.write(pretrain_config())
        self.fails(2, ["precision", "float32"], "pretrain", "--config", path, "--output", self.dir / "out", "--device", "cpu",
                   "--set", "precision=bf16")


@needs_card
class Card(Case):
    def losses(self, command, name, config, *args, env=None):
        self.ok(command, "--config", self.write(config), "--output", self.dir / name, *args, env=env)
        return [line["loss"] for line in strict_lines(self.dir / name / "metrics.jsonl") if "loss" in line]

    def test_auto_takes_it(self):
        done = self.ok("pretrain", "--config", self.write(pretrain_config()), "--output", self.dir / "out", "--set", "train.epochs=1")
        self.assertRegex(done.stderr, r"on cuda: float32, .*products by cuBLASLt")
        self.assertIn('"device": "cuda"', (self.dir / "out/config.resolved.json").read_text())

    def test_losses_are_the_cpus(self):
        for command, config in (("pretrain", pretrain_config()), ("finetune", finetune_config())):
            cpu = self.losses(command, command + "-cpu", config, "--device", "cpu")
            for precision, within in (("float32", 1e-4), ("bf16", 1e-2)):
                with self.subTest(command, precision=precision):
                    cuda = self.losses(command, f"{command}-{precision}", config, "--device", "cuda", "--set", f"precision={precision}")
                    self.assertEqual(len(cpu), len(cuda))
                    for a, b in zip(cpu, cuda):
                        self.assertAlmostEqual(b / a, 1, delta=within)

    def test_recorded_steps_have_the_same_bits(self):
        config = finetune_config()
        config["train"].update(accumulate=2, clip_grad=0.5, ema=0.9)
        for name, graphs in (("with", "true"), ("without", "false")):
            self.losses("finetune", name, config, "--set", "precision=bf16", "--set", f"cuda.graphs={graphs}")
        for file in ("model.safetensors", "model_ema.safetensors"):
            self.assertEqual(tensors(self.dir / "with" / file)[0], tensors(self.dir / "without" / file)[0])

    def test_a_resumed_run_in_bf16(self):
        config = finetune_config()
        config["precision"] = "bf16"
        config["train"].update(epochs=3, keep_checkpoints=9, checkpoint_every=2)
        self.losses("finetune", "whole", config)
        middle = sorted((self.dir / "whole/checkpoints").iterdir())[2]
        self.losses("finetune", "cut", config, "--resume", middle)
        self.assertEqual(tensors(self.dir / "cut/model.safetensors")[0], tensors(self.dir / "whole/model.safetensors")[0])
        self.assertIn("s4d.tuning", tensors(middle / "state.safetensors")[1])

    def test_an_operation_from_ref(self):
        config = pretrain_config()
        plain = self.losses("pretrain", "plain", config, "--set", "train.epochs=1")
        other = self.losses("pretrain", "other", config, "--set", "train.epochs=1", "--set", "op=gelu_fwd=ref,attention_bwd=ref")
        for a, b in zip(plain, other):
            self.assertAlmostEqual(b / a, 1, delta=1e-5)
        self.fails(2, ["op", "bf16"], "pretrain", "--config", self.write(config), "--output", self.dir / "x", "--set",
                   "op=gelu_fwd=ref", "--set", "precision=bf16")

    def test_what_is_not_finite(self):
        config = pretrain_config()
        config["train"].update(lr=1000, weight_decay=1000, epochs=40)
        self.fails(3, "not finite", "pretrain", "--config", self.write(config), "--output", self.dir / "stop")
        told = [line for line in strict_lines(self.dir / "stop/metrics.jsonl") if line.get("event") == "not_finite"]
        self.assertLessEqual(len(told), 1)

    @needs_emulator
    def test_out_of_memory(self):
        path = self.write(pretrain_config())
        small = {"S4D_EMULATOR_MEMORY": str(60 << 20)}
        args = ("bench", "step", "--config", path, "--workload", "pretrain-video", "--seconds", "1", "--batch")
        line = self.fails(1, ["not enough memory on cuda", "MiB for weights", "for a batch"], *args, "4096", env=small)
        fits = re.search(r"set data\.video\.batch to (\d+), which fits \(it is 4096\)", line)
        self.assertTrue(fits, line)
        self.assertGreater(int(fits[1]), 64)
        self.ok(*args, str(int(fits[1]) // 2 * 2), env=small)

    @needs_emulator
    def test_a_fault_on_the_card(self):
        args = ("pretrain", "--config", self.write(pretrain_config()), "--set", "train.epochs=1", "--output")
        fault = {"S4D_EMULATOR_FAIL_LAUNCH": "300"}
        line = self.fails(1, ["device cuda", "illegal"], *args, self.dir / "a", env=fault)
        self.assertIn("S4D_SYNC=1", line)
        line = self.fails(1, ["device cuda: operation ", "illegal"], *args, self.dir / "b", env={**fault, "S4D_SYNC": "1"})
        self.assertNotIn("issued before", line)
