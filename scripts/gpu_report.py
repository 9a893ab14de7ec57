#!/usr/bin/env python3
"""What scripts/gpu_check.sh found, as one JSON and one Markdown file, and the comparisons of files that it needs.

    gpu_report.py machine WORK [PYTHON]    # WORK/machine.json: the card, the versions
    gpu_report.py write WORK BASE          # BASE.json and BASE.md from what is in WORK so far
    gpu_report.py same RUN RESUMED         # does what went on from the first's checkpoint end with the same bits?
    gpu_report.py curves RUN RUN STEPS     # mean relative difference of the losses, at most 1%
    gpu_report.py batches FILE             # options for bench_pytorch.py that give it the batches of "s4d bench step"
"""
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

# Of a sample, forward and backward, ViT-Base as published; 2 operations a multiply-add.
GFLOP = {"pretrain-video": 69.3, "pretrain-image": 9.92, "finetune-video": 499.6, "finetune-image": 54.7}
MOST_DIFFERENCE = 0.01
WORDS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped", "cut": "cut short"}


# ---- the machine ----

def said_by(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine(work, python="python3"):
    keys = ("name", "memory.total", "driver_version", "compute_cap", "clocks.max.sm", "power.limit")
    emulated = os.environ.get("emulated") == "true"
    card = [] if emulated else said_by("nvidia-smi", f"--query-gpu={','.join(keys)}", "--format=csv,noheader").splitlines()
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    torch = said_by(python, "-c", "import torch; print(torch.__version__, torch.backends.cudnn.version())")
    changed = said_by("git", "status", "--short")
    release = re.search(r"release ([\d.]+)", said_by("nvcc", "--version"))
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    facts = {
        "gpu": dict(zip(keys, card[0].split(", "))) if card else {"name": "emulated"},
        "processor": cpu.group(1) if cpu else "", "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{system.group(1) if system else ''}, Linux {os.uname().release}",
        "cuda_toolkit": release.group(1) if release else "", "gcc": said_by("gcc", "-dumpfullversion"),
        "cmake": (said_by("cmake", "--version").splitlines() or [""])[0].replace("cmake version ", ""),
        "pytorch": torch, "ffmpeg": said_by("pkg-config", "--modversion", "libavcodec"),
        "commit": said_by("git", "rev-parse", "--short", "HEAD") + (" and changes" if changed else ""),
    }
    (work / "machine.json").write_text(json.dumps(facts))


# ---- comparisons ----

def weights(path):
    """What stands behind the header, and the header without its remarks."""
    data = pathlib.Path(path).read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return header, data[8 + size:]


def losses(run):
    lines = map(json.loads, (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if "loss" in line and "event" not in line]


def same(one, other):
    whole, rest = losses(one), losses(other)
    last = [max((pathlib.Path(run) / "checkpoints").glob("step-*")) / "state.safetensors" for run in (one, other)]
    models = [pathlib.Path(run) / "model.safetensors" for run in (one, other)]
    result = {"weights_equal": weights(models[0]) == weights(models[1]), "state_equal": weights(last[0]) == weights(last[1]),
              "losses_equal": 0 < len(rest) < len(whole) and whole[-len(rest):] == rest}
    print(json.dumps({"run": pathlib.Path(one).name, **result, "updates": len(whole),
                      "resumed_after": len(whole) - len(rest)}))
    return 0 if all(result.values()) else 1


def curves(one, other, steps):
    a, b = losses(one)[:int(steps)], losses(other)[:int(steps)]
    apart = [abs(x - y) / abs(x) for x, y in zip(a, b)]
    mean = sum(apart) / len(apart)
    ok = len(a) == len(b) == int(steps) and mean <= MOST_DIFFERENCE
    print(json.dumps({"runs": [pathlib.Path(run).name for run in (one, other)], "steps": len(apart), "mean_difference": mean,
                      "largest_difference": max(apart), "allowed_mean": MOST_DIFFERENCE, "first": [a[0], b[0]],
                      "last": [a[-1], b[-1]], "ok": ok}))
    return 0 if ok else 1


# ---- what the stages left ----

def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""


def objects(path):
    """The JSON objects among a file's lines; a line that was cut is left out."""
    found = []
    for line in text_of(path).splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
    return found


def batches(path):
    for name in GFLOP:
        rows = [row for row in objects(pathlib.Path(path)) if row.get("workload") == name and row.get("precision") == "bf16"]
        if rows:
            print(f"--{name}", int(max(rows, key=lambda row: row["samples_per_s"])["batch"]))


def last_words(work, name):
    """The last line of a stage that is prose, or how many results it gave."""
    lines = [line for line in text_of(work / f"{name}.out").splitlines() if line.strip()]
    prose = [line for line in lines if not line.startswith("{")]
    return prose[-1].strip().lstrip("= ") if prose else f"results: {len(lines)}" if lines else ""


def trouble(work, name):
    """The line that tells best what is wrong, and all such lines with the end of what the stage said."""
    out, err = text_of(work / f"{name}.out").splitlines(), text_of(work / f"{name}.err").splitlines()
    signs = r"FAILED|\berror\b|Error|wrong|^s4d: |\"ok\": false|_equal\": false"
    telling = [line for line in out + err if re.search(signs, line)]
    lines = list(dict.fromkeys(telling[:20] + out[-5:] + err[-15:]))
    return (telling or lines[-1:] or [""])[0].strip()[:160], lines


def stages(work):
    planned = text_of(work / "planned").split()
    done = {}
    for line in text_of(work / "stages.tsv").splitlines():
        name, status, seconds, words = line.split("\t", 3)
        done[name] = {"stage": name, "status": status, "seconds": float(seconds), "words": words or last_words(work, name)}
        if status == "failed":
            first, done[name]["trouble"] = trouble(work, name)
            done[name]["words"] += first and f": {first}"
    for name in planned:
        done.setdefault(name, {"stage": name, "status": "cut", "seconds": 0, "words": "not reached"})
    return [done[name] for name in sorted(done, key=lambda n: planned.index(n) if n in planned else len(planned))]


def compare(steps, torch):
    """Each of our steps against the fastest variant of PyTorch with the same batch and precision."""
    ratios = []
    for row in steps:
        rivals = [r for r in torch if "samples_per_s" in r and r["precision"] == row["precision"]
                  and (r["workload"], r["batch"]) == (row["workload"], row["batch"])]
        best = max(rivals, key=lambda r: r["samples_per_s"], default=None)
        ratios.append({"workload": row["workload"], "precision": row["precision"], "batch": row["batch"],
                       "deterministic": row.get("deterministic", True),
                       "s4d": row["samples_per_s"], "ms_per_step": row["ms_per_step"],
                       "tflops": row.get("tflops") or row["samples_per_s"] * GFLOP[row["workload"]] / 1e3,
                       "pytorch": best and best["samples_per_s"], "variant": best and best["variant"],
                       "ratio": best and row["samples_per_s"] / best["samples_per_s"]})
    return ratios


def collect(work):
    all_stages = stages(work)
    count = {status: sum(s["status"] == status for s in all_stages) for status in WORDS}
    steps = [row for name in ("step", "other-precisions") for row in objects(work / f"{name}.out") if "device" in row
             and "variant" not in row]
    torch = [row for name in ("pytorch", "other-precisions") for row in objects(work / f"{name}.out") if "variant" in row]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": json.loads(text_of(work / "machine.json") or "{}"), **count, "stages": all_stages,
        "doctor": text_of(work / "doctor.txt").splitlines(), "ratios": compare(steps, torch), "step": steps,
        "pytorch": torch, "pytorch_golden": objects(work / "pytorch-golden.out"), "ops": objects(work / "ops.out"),
        "resume": objects(work / "resume.out"), "curves": objects(work / "curves.out"),
        "failures": [s for s in all_stages if s["status"] == "failed"],
    }


# ---- Markdown ----

def table(head, rows, right=()):
    """right: the columns of numbers."""
    if not rows:
        return []
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *cells)] + [""]


def number(value, digits=1):
    return "" if value is None else f"{value:,.{digits}f}"


def share(value):
    return "" if value is None else f"{100 * value:.0f}%"


def speed(r):
    lines = ["## Training steps", "", "Samples a second, ViT-Base. `s4d bench step` uploads and augments its batch, PyTorch "
             "has one on the card. Beside each, PyTorch's fastest variant of equal batch and precision, whose bits may differ from "
             "run to run; ours may where `cuda.deterministic` is false.", ""]
    lines += table(("workload", "precision", "deterministic", "batch", "ms a step", "s4d", "TFLOP/s", "PyTorch", "variant",
                    "s4d / PyTorch"),
                   [(x["workload"], x["precision"], "yes" if x["deterministic"] else "no", int(x["batch"]),
                     number(x["ms_per_step"], 2), number(x["s4d"]), number(x["tflops"]), number(x["pytorch"]),
                     x["variant"] or "not measured", number(x["ratio"], 2)) for x in r["ratios"]], (3, 4, 5, 6, 7, 9))
    timed = [x for x in r["pytorch"] if "samples_per_s" in x]
    lines += table(("PyTorch", "variant", "precision", "batch", "samples/s", "least to most", "ms a step", "peak GiB"),
                   [(x["workload"], x["variant"], x["precision"], x["batch"], number(x["samples_per_s"]),
                     f"{number(x['min'])} to {number(x['max'])}", number(x["ms_per_step"], 2),
                     number(x["peak_memory_bytes"] and x["peak_memory_bytes"] / 2**30)) for x in timed], (3, 4, 6, 7))
    missing = [f"- PyTorch, {x['workload']}, {x['variant']}, batch {x['batch']}: {x.get('error') or x['skipped']}"
               for x in r["pytorch"] if "samples_per_s" not in x]
    return (lines if r["step"] or r["pytorch"] else []) + missing + [""] * bool(missing)


def operations(r):
    rows = [(x["op"], x["shape"], number(x["ms"], 4), number(x["gbytes_per_s"], 0), number(x["tflops"]),
             number(x["floor_ms"], 4), share(x["share_of_floor"])) for x in r["ops"]]
    head = ("operation", "shape", "ms", "GB/s", "TFLOP/s", "floor ms", "floor / time")
    return rows and ["## Operations against their floor", "", *table(head, rows, (2, 3, 4, 5, 6))]


def exactness(r):
    lines = [f"- Resumed after {x['resumed_after']} of {x['updates']} updates, {x['run']}: weights, state and losses "
             + ("equal bit for bit." if x["weights_equal"] and x["state_equal"] and x["losses_equal"] else "DIFFER.")
             for x in r["resume"]]
    lines += [f"- Loss curves, {' against '.join(x['runs'])}, {x['steps']} steps: mean relative difference "
              f"{x['mean_difference']:.2e} (allowed {x['allowed_mean']:.0e}), largest {x['largest_difference']:.2e}."
              for x in r["curves"]]
    golden = r["pytorch_golden"]
    if golden:
        right = sum(x["ok"] for x in golden)
        lines.append(f"- The PyTorch steps against `tests/golden`: {right} of {len(golden)} quantities within tolerance.")
    return lines and ["## Exactness", "", *lines, ""]


def markdown(r):
    m = r["machine"]
    gpu = m.get("gpu", {})
    lines = [f"# GPU check: {gpu.get('name', 'unknown')}, {r['date'][:10]}", "",
             f"{r['passed']} passed, {r['failed']} failed, {r['skipped'] + r['cut']} skipped or cut short. Made by "
             "`scripts/gpu_check.sh`; the same numbers and more are in the JSON file beside.", ""]
    lines += table(("stage", "result", "seconds", "what was seen"),
                   [(s["stage"], WORDS[s["status"]], number(s["seconds"]), s["words"]) for s in r["stages"]], (2,))
    for s in r["failures"]:
        lines += [f"### {s['stage']} failed", "", "```", *s["trouble"], "```", ""]
    lines += speed(r) + (exactness(r) or []) + (operations(r) or [])
    facts = [(k.replace("_", " "), v) for k, v in {**{f"GPU {k}": v for k, v in gpu.items()}, **m}.items() if k != "gpu"]
    lines += ["## Machine", "", *table(("what", "which"), [(k, v if v != "" else "absent") for k, v in facts])]
    lines += ["```", *r["doctor"], "```", ""] if r["doctor"] else []
    return "\n".join(lines)


def replace(path, text):
    """Whole or not at all."""
    new = path.with_name(path.name + ".tmp")
    new.write_text(text)
    os.replace(new, path)


def write(work, base):
    r = collect(work)
    base.parent.mkdir(parents=True, exist_ok=True)
    replace(base.with_name(base.name + ".json"), json.dumps(r, indent=1) + "\n")
    replace(base.with_name(base.name + ".md"), markdown(r))


def main(what, *args):
    if what == "machine":
        return machine(pathlib.Path(args[0]), *args[1:])
    if what == "write":
        return write(pathlib.Path(args[0]), pathlib.Path(args[1]))
    return {"same": same, "curves": curves, "batches": batches}[what](*args)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
