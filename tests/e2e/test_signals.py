"""Signals and closed outputs: a run that is told to end leaves a checkpoint, and nothing is lost because nobody reads."""
import json
import os
import resource
import shutil
import signal
import subprocess
import time

from support import BINARY, Case, eval_config, finetune_config, strict_lines, tensors

ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143, signal.SIGUSR1: 143, signal.SIGUSR2: 143, signal.SIGXCPU: 143}


class Signals(Case):
    def setUp(self):
        super().setUp()
        config = finetune_config()
        config["train"].update(epochs=8, keep_checkpoints=100)
        self.config = self.write(config)
        self.out = self.dir / "run"

    def start(self, *more, **kw):
        """A run that has done a few steps."""
        process = subprocess.Popen([BINARY, "finetune", "--config", self.config, "--output", self.out, *more], text=True,
                                   **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **kw})
        log = self.out / "metrics.jsonl"
        for _ in range(1000):
            if log.exists() and log.read_bytes().count(b"\n") >= 3:
                return process
            time.sleep(0.005)
        process.kill()
        self.fail("the run does not begin")

    def steps(self):
        return [line["step"] for line in strict_lines(self.out / "metrics.jsonl") if "event" not in line]

    def test_a_run_goes_on_after_each(self):
        self.ok("finetune", "--config", self.config, "--output", self.dir / "whole")
        whole = tensors(self.dir / "whole/model.safetensors")[0]
        for number, status in ENDS.items():
            with self.subTest(number.name):
                process = self.start()
                process.send_signal(number)
                errors = process.communicate(timeout=120)[1]
                self.assertEqual(process.returncode, status, errors)
                self.assertRegex(errors, r"s4d: interrupted at step \d+; the same command with --resume")
                newest = max(p.name for p in (self.out / "checkpoints").iterdir())
                self.assertEqual(int(newest.split("-")[1]), max(self.steps()))  # no step is lost
                self.ok("finetune", "--config", self.config, "--output", self.out, "--resume")
                self.assertTrue(tensors(self.out / "model.safetensors")[0] == whole)
                self.assertEqual(self.steps(), list(range(1, max(self.steps()) + 1)))
                shutil.rmtree(self.out)

    def test_what_comes_by_twos_cuts_nothing_short(self):
        """A closed terminal, a batch system that sends SIGTERM behind its warning, a limit of time that repeats."""
        for numbers in ((signal.SIGHUP, signal.SIGHUP), (signal.SIGUSR1, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP),
                        (signal.SIGXCPU,) * 5):
            with self.subTest([n.name for n in numbers]):
                process = self.start()
                for number in numbers:
                    process.send_signal(number)
                errors = process.communicate(timeout=120)[1]
                self.assertEqual(process.returncode, 143, errors)
                self.assertIn("interrupted at step", errors)
                shutil.rmtree(self.out)

    def test_a_limit_of_time(self):
        self.config.write_text(json.dumps({**json.loads(self.config.read_text()), "threads": 1}))
        done = subprocess.run([BINARY, "finetune", "--config", self.config, "--output", self.out, "--set", "train.epochs=100000"],
                              text=True, capture_output=True, timeout=120,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 60)))
        self.assertEqual(done.returncode, 143, done.stderr)
        self.assertIn("interrupted at step", done.stderr)

    def test_what_is_ignored_stays_ignored(self):
        """As under nohup."""
        process = self.start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        errors = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, errors)

    def test_evaluation(self):
        process = self.start()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.ok("finetune", "--config", self.config, "--output", self.out, "--resume", "--set", "train.epochs=8")
        config = eval_config(self.out / "model.safetensors")
        config["eval"].update(segments=64, crops=16, batch=1)
        for number, status in ENDS.items():
            with self.subTest(number.name):
                out = self.dir / f"eval-{number.name}"
                process = subprocess.Popen([BINARY, "eval", "--config", self.write(config, "e.json"), "--output", out],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                while not (out / "metrics.jsonl").exists() and process.poll() is None:
                    time.sleep(0.005)
                process.send_signal(number)
                table, errors = process.communicate(timeout=120)
                self.assertEqual(process.returncode, status, errors)
                self.assertEqual(len([line for line in errors.splitlines() if line.startswith("s4d: interrupted")]), 1, errors)
                self.assertEqual(table, "")
                self.assertFalse((out / "clips/metrics.json").exists())


class Outputs(Case):
    def test_nobody_reads_the_log(self):
        """`s4d finetune ... 2>&1 | head -1`: the run goes on to its end."""
        config = finetune_config()
        config["train"]["epochs"] = 6
        command = f"'{BINARY}' finetune --config '{self.write(config)}' --output '{self.dir}/run' 2>&1; echo $? > '{self.dir}/status'"
        done = subprocess.run(["sh", "-c", f"({command}) | head -n 1"], text=True, capture_output=True, timeout=300)
        self.assertIn("fine-tuning", done.stdout)
        self.assertEqual((self.dir / "status").read_text(), "0\n")
        self.assertTrue((self.dir / "run/model.safetensors").exists())
        self.assertEqual(max(line["step"] for line in strict_lines(self.dir / "run/metrics.jsonl")), 36)

    def output_to(self, *args, **kw):
        return subprocess.run([BINARY, *args], text=True, stderr=subprocess.PIPE, timeout=120, **kw)

    def test_nobody_reads_the_output(self):
        for args in (["schema"], ["--help"], ["doctor"], ["schema", "--help"]):
            with self.subTest(args):
                reader, writer = os.pipe()
                os.close(reader)
                done = self.output_to(*args, stdout=writer)
                os.close(writer)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(done.stderr.splitlines()[-1], "s4d: standard output cannot be written: Broken pipe")

    def test_closed_standard_streams(self):
        """What is opened next must not take their place: a log line would go into it."""
        config = self.write(finetune_config())
        self.ok("finetune", "--config", config, "--output", self.dir / "whole")
        whole = tensors(self.dir / "whole/model.safetensors")[0]
        for n, closed in enumerate(((0,), (1,), (2,), (0, 1, 2), (1, 2))):
            with self.subTest(closed):
                out = self.dir / f"run{n}"
                done = subprocess.run([BINARY, "finetune", "--config", config, "--output", out], timeout=120,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      preexec_fn=lambda: [os.close(fd) for fd in closed])
                self.assertEqual(done.returncode, 0)  # training writes nothing there
                self.assertTrue(tensors(out / "model.safetensors")[0] == whole)
                for path in out.rglob("*"):
                    if path.is_file():
                        self.assertNotIn(b"samples/s,", path.read_bytes())
                strict_lines(out / "metrics.jsonl")
        for args in (["schema"], ["--version"]):
            done = self.output_to(*args, preexec_fn=lambda: os.close(1))
            self.assertEqual(done.returncode, 1)
            self.assertIn("standard output cannot be written", done.stderr)

    def test_the_limit_of_a_file(self):
        """SIGXFSZ ends no run; the reason and the remedy are told, and the run goes on where it was."""
        config = self.write(finetune_config())
        out = self.dir / "run"

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
        done = subprocess.run([BINARY, "finetune", "--config", config, "--output", out], text=True, capture_output=True, preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("s4d: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        for words in ("File too large", "ulimit -f", str(out)):
            self.assertIn(words, errors[0])
        self.assertEqual([p for p in out.rglob("*.tmp*")], [])
        self.ok("finetune", "--config", config, "--output", out, "--resume")
        whole = self.dir / "schema"
        with whole.open("w") as file:
            done = subprocess.run([BINARY, "schema"], stdout=file, stderr=subprocess.PIPE, text=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output cannot be written: File too large", done.stderr)
