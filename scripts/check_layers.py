#!/usr/bin/env python3
"""Checks that includes point one way, that private headers stay in their folder and that every third-party header has
one owner. The layers and their order are those of src/README.md."""
import pathlib
import re
import sys

MAY = {
    "base": "",
    "tensor": "base",
    "backend": "base tensor",
    "data": "base tensor",
    "ckpt": "base tensor",
    "model": "base tensor backend",
    "synth": "base tensor data",
    "dataset": "base tensor data",
    "report": "base tensor",
    "train": "base tensor backend data ckpt model",
    "config": "base tensor backend data model train",
    "cli": "base tensor backend data ckpt model synth dataset report train config",
}
OWNERS = [
    (r"cjson/", r"src/base/json\w*\.(c|h)"),
    (r"xxhash\.h", r"src/(dataset/index_map|dataset/pack_write|data/pack_read|data/content|data/fingerprint)\.c"),
    (r"pcre2\.h", r"src/dataset/index_regex\.c"),
    (r"zip\.h", r"src/ckpt/torch_zip\.c"),
    (r"png\.h", r"src/data/image_png\.c"),
    (r"(jpeglib|jerror)\.h", r"src/data/image_jpeg\.c"),
    (r"lib(av|sw)\w+/", r"src/data/\w*ffmpeg\w*\.(c|h)"),
    (r"(dnnl|oneapi/|cblas)", r"src/backend/cpu/\w+\.c"),
    (r"(cuda|cudnn|cublas)", r"src/backend/cuda/.*"),
    (r"omp\.h", r"src/backend/cpu/\w+\.(c|h)"),
    (r"pthread\.h", r"(include/s4d|src)/base/.*"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
root = pathlib.Path(__file__).resolve().parent.parent


def layer_of(path):
    parts = path.relative_to(root).parts
    return parts[2] if parts[0] == "include" else parts[1]


def check(path, faults):
    here, name = layer_of(path), str(path.relative_to(root))
    for quote, target in INCLUDE.findall(path.read_text()):
        for pattern, owner in OWNERS:
            if re.match(pattern, target) and not re.fullmatch(owner, name):
                faults.append(f"{name}: includes <{target}>, which belongs to {owner}")
        if quote == "<":
            continue
        if target.startswith("s4d/"):
            there = target.split("/")[1]
            if there != here and there not in MAY[here].split():
                faults.append(f"{name}: layer {here} may not include {target}")
        elif not target.endswith(".def"):
            folder = target.split("/")[0]
            if folder != here and "/" in target:
                faults.append(f"{name}: {target} is private to src/{folder}")


def main():
    faults, count = [], 0
    for base in ("include/s4d", "src"):
        for path in sorted((root / base).rglob("*")):
            if path.suffix in (".c", ".h", ".cu", ".cuh", ".def"):
                count += 1
                if layer_of(path) not in MAY:
                    faults.append(f"{path.relative_to(root)}: stands in no layer")
                else:
                    check(path, faults)
    print("\n".join(faults) if faults else f"{count} files, every include points the right way")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
