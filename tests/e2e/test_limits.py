"""Limits of the process: memory, open files, threads. What runs out is told in one sentence that names it, and no file is blamed."""
import os
import pathlib
import re
import resource
import subprocess

from support import BINARY, Case, eval_config, faces, finetune_config, tensors

SENTENCE = re.compile(r"^s4d: [^\n]+$")
SANITIZED = "asan" in subprocess.run(["ldd", BINARY], text=True, capture_output=True).stdout


def under(limit, *args, env=None):
    """A command under a limit, as (status, its sentences)."""
    done = subprocess.run([BINARY, *map(str, args)], text=True, capture_output=True, timeout=300, env={**os.environ, **(env or {})},
                          preexec_fn=lambda: [resource.setrlimit(kind, (n, n)) for kind, n in limit.items()])
    return done.returncode, [line for line in done.stderr.splitlines() if line.startswith("s4d: ")], done.stderr


class Limits(Case):
    def setUp(self):
        super().setUp()
        self.config = self.write(finetune_config())
        model = finetune_config()
        model["train"].update(epochs=1, warmup_epochs=0)
        self.ok("finetune", "--config", self.write(model, "m.json"), "--output", self.dir / "model")
        self.model = self.dir / "model/model.safetensors"
        listed = self.dir / "list.csv"
        root = pathlib.Path(faces())
        listed.write_text("path,label\n" + "".join(f"{p},happiness\n" for kind in ("images/train", "clips") for p in (root / kind).iterdir()
                                                   if p.suffix in (".jpg", ".png", ".mp4")))
        self.commands = {
            "finetune": ["finetune", "--config", self.config, "--output", self.dir / "out", "--overwrite", "--set",
                         "data.on_bad_sample=skip"],
            "eval": ["eval", "--config", self.write(eval_config(self.model), "e.json"), "--output", self.dir / "eval", "--overwrite"],
            "check": ["data", "check", listed, "--root", "/"],
            "pack": ["data", "pack", listed, "--root", "/", "--output", self.dir / "pack", "--overwrite"],
            "verify": ["ckpt", "verify", self.model],
            "import": ["ckpt", "import", self.model, self.dir / "imported.safetensors"],
        }

    def sweep(self, kind, values, words, blamed):
        """Each command ends well or with one sentence that holds one of the words; of each both are seen."""
        for name, args in self.commands.items():
            done = failed = 0
            for value in values:
                status, sentences, errors = under({kind: value}, *args)
                if status == 127:
                    continue  # not even the libraries can be loaded
                with self.subTest(command=name, limit=value):
                    self.assertIn(status, (0, 1), errors)
                    self.assertEqual(len(sentences), status, errors)
                    if status:
                        self.assertTrue(any(word in sentences[0] for word in words), errors)
                        self.assertNotRegex(errors, blamed)
                    else:
                        self.assertNotRegex(errors, "skipped|could not be read|damaged")
                done += status == 0
                failed += status == 1
            self.assertGreater(done, 0, name)
            yield name, failed

    def test_address_space(self):
        """oneDNN's code is made before anything else asks for memory, threads are tried before OpenMP starts them."""
        if SANITIZED:
            self.skipTest("sanitizers map terabytes")
        least = 100 << 20
        while under({resource.RLIMIT_AS: least}, "--version")[0] == 127:
            least += 8 << 20
        values = range(least, least + (208 << 20), 16 << 20)
        for name, failed in self.sweep(resource.RLIMIT_AS, values, ("memory",), "damaged|copy it again|Resource temporarily"):
            self.assertGreater(failed, 0 if name not in ("import", "verify") else -1, name)

    def test_open_files(self):
        failed = dict(self.sweep(resource.RLIMIT_NOFILE, range(4, 16, 3), ("Too many open files",), "damaged|copy it again|permission"))
        self.assertGreater(failed["eval"] + failed["finetune"] + failed["pack"], 2)

    def test_threads(self):
        """More than the address space has stacks for; and, where this is not root, than the system gives."""
        if SANITIZED:
            self.skipTest("sanitizers map terabytes")
        for more in (("--threads", 4000), ("--set", "data.workers=256")):
            with self.subTest(more):
                status, sentences, errors = under({resource.RLIMIT_AS: 1 << 30}, *self.commands["finetune"], *more)
                self.assertEqual(status, 1, errors)
                self.assertRegex(sentences[0], r"thread \d+ of \d+: not enough memory")
        if os.geteuid() == 0:
            return
        status, sentences, errors = under({resource.RLIMIT_NPROC: 1}, *self.commands["finetune"])
        self.assertEqual(status, 1, errors)
        self.assertIn("raise the process limit", sentences[0])

    def test_a_small_stack(self):
        if SANITIZED:
            self.skipTest("sanitizers need a larger one")
        for size in (64 << 10, 128 << 10):
            done = subprocess.run([BINARY, *map(str, self.commands["eval"])], text=True, capture_output=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (size, resource.RLIM_INFINITY)))
            self.assertEqual(done.returncode, 0, done.stderr)
            status, sentences, errors = under({resource.RLIMIT_STACK: size}, *self.commands["eval"])
            self.assertEqual(len(sentences), status, errors)  # root may raise it
            if status:
                self.assertRegex(sentences[0], "not enough memory for the stack.*ulimit -s")

    def test_small_stacks_of_threads(self):
        """By the variables of OpenMP runtimes."""
        whole = tensors(self.dir / "model/model.safetensors")[0]
        for variable in ("OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"):
            for value in ("16k", "1", "900G", "nonsense"):
                with self.subTest(variable=variable, value=value):
                    self.ok("finetune", "--config", self.dir / "m.json", "--output", self.dir / "again", "--overwrite",
                            env={variable: value})
                    self.assertTrue(tensors(self.dir / "again/model.safetensors")[0] == whole)
