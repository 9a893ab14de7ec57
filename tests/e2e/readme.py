#!/usr/bin/env python3
"""Runs the README's commands as they stand, in a folder laid out as the README says. The two scripts and the build have tests of their own."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import support  # noqa: E402

TESTED_ELSEWHERE = ("scripts/", "cmake ")
NEEDS_REAL_SETS = ("data/dfew", "configs/paper", "runs/finetune_dfew")


def commands():
    """Indented lines of the README that begin with a program of ours, without their comments."""
    for line in (support.ROOT / "README.md").read_text().splitlines():
        found = re.match(r"^    (?:\$ )?((?:build/s4d|scripts/|cmake ).*?)(?:\s+#.*)?$", line)
        if found:
            yield found.group(1)


def lay_out(folder):
    """The binary, the configs, and a user's own clips with the config the README tells how to make."""
    (folder / "build").mkdir()
    os.symlink(pathlib.Path(support.BINARY).resolve(), folder / "build/s4d")
    os.symlink(support.ROOT / "configs", folder / "configs")
    faces = support.faces()
    shutil.copytree(faces / "clips", folder / "mine/clips")
    names = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
    for mine, listed in (("train.csv", "train_set_1.csv"), ("test.csv", "test_set_1.csv")):
        rows = [line.split(",") for line in (faces / "clips" / listed).read_text().splitlines()[1:]]
        text = "path,label\n" + "".join(f"{path}.mp4,{names[int(label)]}\n" for path, label in rows)
        (folder / "mine" / mine).write_text(text)
    config = json.loads((support.ROOT / "configs/demo_finetune.json").read_text())
    del config["data"]["image"]
    video = config["data"]["video"]
    video.update(root="mine", train="train.csv", test="test.csv", format="manifest", classes=names, batch=8)
    video.pop("suffix")
    config["train"].update(epochs=1, warmup_epochs=0)
    (folder / "mine.json").write_text(json.dumps(config))


def main():
    done, failed, skipped = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="s4d-readme-") as name:
        lay_out(pathlib.Path(name))
        for command in commands():
            if command.startswith(TESTED_ELSEWHERE):
                continue
            if any(word in command for word in NEEDS_REAL_SETS):
                print(f"skipped  {command}: needs a real set")
                skipped += 1
                continue
            ran = subprocess.run(command, shell=True, cwd=name, text=True, capture_output=True)
            print(f"{'ok' if ran.returncode == 0 else 'FAILED'}  {command}")
            if ran.returncode:
                print(ran.stderr)
            done += 1
            failed += ran.returncode != 0
    support.forget_faces()
    print(f"{done - failed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or done < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
