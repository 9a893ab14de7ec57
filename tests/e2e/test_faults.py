"""Writing fails at the n-th call, in a build with test hooks: one sentence, status 1, and the run goes on from what is whole."""
import os
import shutil
import subprocess

from support import BINARY, Case, finetune_config, run, tensors


class Faults(Case):
    def sweep(self, kind):
        if "is ignored" not in run("doctor", env={"S4D_FAULT": "nonsense"}).stderr:
            self.skipTest("needs a build with S4D_TEST_HOOKS")
        config = finetune_config()
        config["train"].update(epochs=2, ema=0.9, select="held_out", held_out=0.3)
        path = self.write(config)
        whole = self.dir / "whole"
        self.ok("finetune", "--config", path, "--output", whole)
        most, failed, n = int(os.environ.get("S4D_FAULTS", "10")), 0, 1
        for _ in range(most):
            out = self.dir / "out"
            done = subprocess.run([BINARY, "finetune", "--config", str(path), "--output", str(out)], text=True, timeout=300,
                                  capture_output=True, env={**os.environ, "S4D_FAULT": f"{kind}:{n}"})
            if done.returncode == 0:
                break
            with self.subTest(f"{kind}:{n}"):
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("s4d: ")]), 1, done.stderr)
                self.assertFalse([p for p in out.rglob("*") if ".tmp" in p.name and p.is_file()])
                self.ok("finetune", "--config", path, "--output", out, "--resume")
                self.assertEqual(tensors(out / "model.safetensors")[0], tensors(whole / "model.safetensors")[0])
            failed += 1
            shutil.rmtree(out, ignore_errors=True)
            n += 1 + n // 2
        self.assertGreater(failed, 3)

    def test_write(self):
        self.sweep("write")

    def test_fsync(self):
        self.sweep("fsync")

    def test_rename(self):
        self.sweep("rename")
