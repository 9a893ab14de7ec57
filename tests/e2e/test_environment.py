"""The environment: no variable changes a result by more than rounding, and those that change bits are told."""
import copy
import csv
import json
import os
import pathlib
import subprocess
import time

from support import BINARY, Case, eval_config, finetune_config, run, tensors

# Nothing of these reaches a result, or they are taken out before they can.
NOTHING = [
    "OMP_DYNAMIC=true", "OMP_NESTED=true", "OMP_MAX_ACTIVE_LEVELS=0", "OMP_MAX_ACTIVE_LEVELS=4", "OMP_SCHEDULE=dynamic,1",
    "OMP_NUM_THREADS=1", "OMP_NUM_THREADS=3,2", "OMP_PROC_BIND=true", "OMP_PROC_BIND=spread,close", "OMP_PLACES=cores", "OMP_PLACES={0}",
    "GOMP_CPU_AFFINITY=0", "OMP_STACKSIZE=16k", "OMP_STACKSIZE=900G", "GOMP_STACKSIZE=16", "OMP_WAIT_POLICY=active", "GOMP_SPINCOUNT=0",
    "OMP_CANCELLATION=true", "OMP_TEAMS_THREAD_LIMIT=1", "OMP_NUM_TEAMS=1", "OMP_MAX_TASK_PRIORITY=3", "KMP_DETERMINISTIC_REDUCTION=1",
    "KMP_BLOCKTIME=0", "KMP_STACKSIZE=16k", "KMP_AFFINITY=disabled",
    "OPENBLAS_NUM_THREADS=3", "GOTO_NUM_THREADS=3", "BLIS_NUM_THREADS=3", "MKL_NUM_THREADS=3", "MKL_DYNAMIC=true",
    "ONEDNN_DEFAULT_FPMATH_MODE=bf16", "ONEDNN_DEFAULT_FPMATH_MODE=any", "ONEDNN_PRIMITIVE_CACHE_CAPACITY=0", "ONEDNN_ITT_TASK_LEVEL=0",
    "NVIDIA_TF32_OVERRIDE=1", "CUBLAS_EMULATE_SINGLE_PRECISION=1", "CUBLAS_WORKSPACE_CONFIG=:16:8",
    "JPEGMEM=1", "JSIMD_FORCENONE=1", "JSIMD_FORCESSE2=1", "JSIMD_NOHUFFENC=1", "PIXMAN_DISABLE=sse2", "VPX_SIMD_CAPS=0", "AOM_SIMD_CAPS=0",
    "LC_ALL=de_DE.UTF-8", "LC_NUMERIC=fr_FR.UTF-8", "LANG=tr_TR.UTF-8", "TZ=Pacific/Kiritimati", "HOME=/nowhere", "TMPDIR=/nowhere",
    "MALLOC_PERTURB_=165", "MALLOC_ARENA_MAX=1", "MALLOC_TOP_PAD_=0", "MALLOC_MMAP_THRESHOLD_=4096", "NO_COLOR=1", "TERM=dumb",
    "GLIBC_TUNABLES=glibc.malloc.arena_max=1",
]
# These choose other instructions: another rounding, which is told.
BITS = [
    "ONEDNN_MAX_CPU_ISA=SSE41", "ONEDNN_MAX_CPU_ISA=AVX2", "DNNL_MAX_CPU_ISA=AVX", "ONEDNN_CPU_ISA_HINTS=PREFER_YMM",
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F", "OPENBLAS_CORETYPE=Prescott", "MKL_CBWR=COMPATIBLE",
]
SETS = ("stills", "clips")


def with_threads(config):
    """Large enough for products to be shared out."""
    config["model"]["encoder"].update(dim=96, heads=3)
    config["threads"] = 2
    return config


def probabilities(folder):
    return [[float(value) for value in row[3:]] for name in SETS
            for row in list(csv.reader((folder / name / "pred.csv").open()))[1:]]


class Environment(Case):
    model = None

    def setUp(self):
        super().setUp()
        if Environment.model is None:
            Environment.model = self.train("model", keep=True)
        self.config = self.write(with_threads(eval_config(Environment.model / "model.safetensors")), "eval.json")

    def train(self, name, variables=(), keep=False, more=()):
        out = (pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"s4d-e2e-environment-{os.getpid()}") if keep else self.dir / name
        config = self.write(with_threads(finetune_config()), "train.json")
        self.ok("finetune", "--config", config, "--output", out, "--overwrite", *more, env=dict(v.split("=", 1) for v in variables))
        return out

    @classmethod
    def tearDownClass(cls):
        if cls.model:
            subprocess.run(["rm", "-r", str(cls.model)], check=True)

    def evaluate(self, variables=(), more=()):
        out = self.dir / "out"
        done = self.ok("eval", "--config", self.config, "--output", out, "--overwrite", *more,
                       env=dict(v.split("=", 1) for v in variables))
        return out, done

    def predictions(self, *args):
        out, _ = self.evaluate(*args)
        return b"".join((out / name / "pred.csv").read_bytes() for name in SETS)

    def test_what_changes_nothing(self):
        whole = self.predictions()
        for variable in NOTHING:
            with self.subTest(variable):
                self.assertTrue(self.predictions([variable]) == whole, "other predictions")

    def test_fewer_threads_than_asked_for(self):
        """A limit is counted: the same bits as with as many threads as it leaves."""
        expected = {n: self.predictions((), ("--threads", n)) for n in (1, 2, 3)}
        for limit in (1, 2, 3):
            for asked in (2, 3, 64):
                with self.subTest(limit=limit, asked=asked):
                    out, done = self.evaluate([f"OMP_THREAD_LIMIT={limit}"], ("--threads", asked))
                    got = b"".join((out / name / "pred.csv").read_bytes() for name in SETS)
                    self.assertTrue(got == expected[min(limit, asked)], "other predictions")
                    if limit < asked:
                        words = f"{limit} thread{'s' * (limit > 1)} of the {asked} asked for"
                        self.assertIn(words, done.stderr)
                        self.assertIn(words, json.loads((out / "clips/metrics.json").read_text())["device"])
        self.assertTrue(self.predictions(["OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true", "OMP_NUM_THREADS=8"]) == expected[1])

    def test_fewer_threads_in_training(self):
        one = tensors(self.train("one", more=("--threads", 1)) / "model.safetensors")[0]
        two = tensors(Environment.model / "model.safetensors")[0]
        for variables, expected in ((["OMP_THREAD_LIMIT=1"], one), (["OMP_DYNAMIC=true"], two), (["OMP_MAX_ACTIVE_LEVELS=0"], two),
                                    (["OMP_NESTED=true", "OMP_MAX_ACTIVE_LEVELS=9"], two), (["OMP_PROC_BIND=true"], two)):
            with self.subTest(variables):
                self.assertTrue(tensors(self.train("again", variables) / "model.safetensors")[0] == expected, "other weights")

    def test_the_usual_number_of_threads(self):
        config = json.loads(self.config.read_text())
        del config["threads"]
        self.config.write_text(json.dumps(config))
        for variable, words in (("OMP_NUM_THREADS=1", "float32, 1 thread,"), ("OMP_NUM_THREADS=3", "float32, 3 threads,"),
                                ("OMP_NUM_THREADS=2,4", "float32, 2 threads,"), ("OMP_NUM_THREADS=none", "thread")):
            with self.subTest(variable):
                self.assertIn(words, self.evaluate([variable])[1].stderr)

    def test_other_instructions_are_told(self):
        whole = probabilities(self.evaluate()[0])
        for variable in BITS:
            with self.subTest(variable):
                out, done = self.evaluate([variable])
                self.assertIn(f"environment: {variable}", done.stderr)
                self.assertIn(f"environment: {variable}", json.loads((out / "stills/metrics.json").read_text())["device"])
                self.assertIn(f"environment: {variable}", run("doctor", env=dict([variable.split("=", 1)])).stdout)
                worst = max(abs(a - b) for x, y in zip(whole, probabilities(out)) for a, b in zip(x, y))
                self.assertLess(worst, 2e-6)
        self.assertNotIn("environment", self.evaluate()[1].stderr)

    def test_ignored_ones_are_told(self):
        for variable in ("ONEDNN_DEFAULT_FPMATH_MODE=bf16", "NVIDIA_TF32_OVERRIDE=1", "CUBLAS_EMULATE_SINGLE_PRECISION=1", "JPEGMEM=1"):
            with self.subTest(variable):
                self.assertIn(f"{variable} (ignored)", self.evaluate([variable])[1].stderr)

    def test_training_tells_and_a_resumed_run_compares(self):
        config = with_threads(finetune_config())
        config["train"]["epochs"] = 1
        config["train"]["warmup_epochs"] = 0
        out = self.dir / "run"
        done = self.ok("finetune", "--config", self.write(config), "--output", out, env={"ONEDNN_MAX_CPU_ISA": "SSE41"})
        self.assertIn("environment: ONEDNN_MAX_CPU_ISA=SSE41", done.stderr.splitlines()[0])
        resume = ("finetune", "--config", self.write(config), "--output", out, "--resume", "--set", "train.epochs=2")
        self.assertIn("not with the bits", self.ok(*resume).stderr)
        self.assertNotIn("not with the bits", self.ok(*resume).stderr)
        self.assertIn("not with the bits", self.ok(*resume, "--threads", 1).stderr)

    def test_doctor_counts(self):
        self.assertIn("1 thread of the ", run("doctor", env={"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "2"}).stdout)
        self.assertNotIn(" of the ", run("doctor", env={"OMP_NUM_THREADS": "2"}).stdout)

    def test_the_process_keeps_its_name(self):
        """Also after it has started itself again."""
        config = finetune_config()
        config["train"]["epochs"] = 5000
        process = subprocess.Popen([BINARY, "finetune", "--config", self.write(config), "--output", self.dir / "run"],
                                   stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                time.sleep(0.02)
                if (self.dir / "run/metrics.jsonl").exists():
                    break
            there = pathlib.Path(f"/proc/{process.pid}")
            self.assertEqual((there / "comm").read_text().strip(), pathlib.Path(BINARY).name)
            self.assertEqual((there / "cmdline").read_bytes().split(b"\0")[0].decode(), BINARY)
            self.assertEqual(os.readlink(there / "exe"), os.path.realpath(BINARY))
        finally:
            process.kill()
            process.wait()
