"""What the end-to-end tests share: the binary, a small sample set, small configs."""
import copy
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("S4D", str(ROOT / "build/s4d"))

# In a shell's background these are ignored, and what is ignored here stays so in the programs that are started.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)

MODEL = {
    "img_size": 32, "patch_size": 8, "num_frames": 4, "tubelet_size": 2, "mlp_ratio": 2,
    "encoder": {"dim": 24, "depth": 2, "heads": 2}, "decoder": {"dim": 16, "depth": 1, "heads": 2},
}
_shared = None


def run(*args, cwd=None, env=None, timeout=300):
    """Runs the binary; returns the finished process with text output."""
    return subprocess.run([BINARY, *map(str, args)], cwd=cwd, env={**os.environ, **(env or {})}, text=True, errors="backslashreplace",
                          capture_output=True, timeout=timeout)


def faces():
    """A sample set of 32 x 32 pixels, drawn once for all tests."""
    global _shared
    if _shared is None:
        _shared = pathlib.Path(tempfile.mkdtemp(prefix="s4d-e2e-"))
        done = run("synth", "--output", _shared / "faces", "--size", 32, "--seed", 5, "--train-images", 24,
                   "--test-images", 21, "--train-clips", 24, "--test-clips", 21, "--unlabelled-images", 16,
                   "--unlabelled-clips", 8, "--folds", 2)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return _shared / "faces"


def forget_faces():
    if _shared:
        shutil.rmtree(_shared)


def pretrain_config():
    root = str(faces())
    return {
        "stage": "pretrain", "seed": 3, "threads": 2, "model": copy.deepcopy(MODEL),
        "data": {
            "workers": 1,
            "image": {"name": "stills", "root": root, "train": "unlabelled/images.txt", "format": "paths", "batch": 8,
                      "rate": 1},
            "video": {"name": "clips", "root": root, "train": "unlabelled/clips.txt", "format": "paths", "batch": 8,
                      "repeat": 2, "rate": 1, "sampling_rate": 2, "augment": {"short_side": 36, "area": [0.5, 1]}},
        },
        "train": {"epochs": 2, "lr": 1e-3, "lr_scale_batch": 0},
    }


def finetune_config():
    root = str(faces())
    model = copy.deepcopy(MODEL)
    model["moae"] = {"layers": [1], "experts": 4, "top_k": 2}
    return {
        "stage": "finetune", "seed": 3, "threads": 2, "model": model,
        "data": {
            "workers": 1,
            "image": {"name": "stills", "root": root, "train": "images/train.txt", "test": "images/test.txt",
                      "format": "text", "classes": "affectnet7", "batch": 8, "rate": 1, "augment": {"resize": 36}},
            "video": {"name": "clips", "root": root, "train": "clips/train_set_1.csv", "test": "clips/test_set_1.csv",
                      "format": "csv", "classes": "dfew", "suffix": ".mp4", "batch": 8, "sampling_rate": 2,
                      "augment": {"resize": 32}},
        },
        "train": {"epochs": 2, "lr": 1e-3, "lr_scale_batch": 0, "min_lr": 1e-6, "min_lr_scale_batch": 0,
                  "warmup_epochs": 1},
        "eval": {"batch": 8},
    }


def eval_config(checkpoint):
    config = finetune_config()
    del config["train"]
    for kind in ("image", "video"):
        for key in ("train", "batch", "rate", "augment"):
            config["data"][kind].pop(key, None)
    config["checkpoint"] = str(checkpoint)
    return config


def tensors(path):
    """Name -> raw bytes of a safetensors file, and its metadata."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__", {})
    body = data[8 + size:]
    return {name: body[slice(*info["data_offsets"])] for name, info in header.items()}, meta


def strict_lines(path):
    """Lines of a metrics.jsonl, refused unless each is one strict JSON object."""
    def refuse(word):
        raise ValueError(f"{word} is not JSON")
    lines = pathlib.Path(path).read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def preloaded(folder, source):
    """The environment in which these C functions stand before the system's own; None where that cannot be done."""
    library = pathlib.Path(folder) / "before.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    sanitized = "asan" in subprocess.run(["ldd", BINARY], text=True, capture_output=True).stdout
    if not compiler or sanitized:
        return None
    head = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <stdio.h>\n#include <string.h>\n" \
           "#include <sys/stat.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-o", library, "-", "-ldl"], input=head + source, text=True, check=True)
    return {"LD_PRELOAD": str(library)}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="s4d-e2e-case-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def write(self, config, name="config.json"):
        path = self.dir / name
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return path

    def ok(self, *args, **kw):
        done = run(*args, **kw)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def fails(self, status, words, *args, **kw):
        """The command ends with that status and one line on standard error that holds all the words."""
        done = run(*args, **kw)
        self.assertEqual(done.returncode, status, done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("s4d: ")]
        self.assertEqual(len(errors), 1, done.stderr)
        for word in words if isinstance(words, (list, tuple)) else [words]:
            self.assertIn(word, errors[0])
        return errors[0]
