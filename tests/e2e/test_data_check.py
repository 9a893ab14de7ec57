"""s4d data check, stats and split as a user runs them."""
import csv
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import time

import support
from support import Case, faces, run

NAMES = "happiness sadness neutral anger surprise disgust fear".split()


def strict(text):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")
    return json.loads(text, parse_constant=refuse)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Manifest(Case):
    """A manifest of the sample set's clips: train and test of the first fold, with subjects."""

    def setUp(self):
        super().setUp()
        subject = {row["path"]: row["subject"] for row in table(faces() / "subjects.csv")}
        self.rows = []
        for split in ("train", "test"):
            for row in table(faces() / f"clips/{split}_set_1.csv"):
                path = row["video_name"] + ".mp4"
                self.rows.append([path, NAMES[int(row["label"])], split, subject.get(path, subject.get(row["video_name"], ""))])
        self.assertTrue(all(row[3] for row in self.rows))
        self.manifest = self.put("clips.csv", self.rows)

    def put(self, name, rows, header=("path", "label", "split", "subject")):
        path = self.dir / name
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        return path


class Check(Manifest):
    def check(self, *more, status=0, manifest=None):
        out = self.dir / "report.json"
        done = run("data", "check", manifest or self.manifest, "--root", faces(), "--output", out, *more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done, strict(out.read_text())

    def test_a_good_set(self):
        done, report = self.check()
        self.assertEqual(done.stderr, "")
        self.assertIs(report["good"], True)
        self.assertEqual(report["faults"] + report["notes"], [])
        self.assertEqual(report["files"]["videos"], 45)
        self.assertEqual(report["files"]["decoded"], 45)
        self.assertEqual(report["files"]["width"], {"n": 45, "min": 32, "median": 32, "max": 32})
        self.assertEqual(report["stats"]["groups"][0]["samples"], 24)
        self.assertIn("found      45 of 45: 0 pictures, 45 videos, 0 folders of frames", done.stdout)
        self.assertIn("0 faults, 0 notes", done.stdout)
        self.assertEqual(self.check("--decode", "7", "--threads", "1")[1]["files"]["decoded"], 7)
        self.assertEqual(self.check("--decode", "none")[1]["files"]["frames"], 0)

    def test_faults_are_counted_and_named(self):
        whole = (faces() / self.rows[0][0]).read_bytes()
        (self.dir / "copy.mp4").write_bytes(whole)
        (self.dir / "cut.mp4").write_bytes(whole[:-200])
        rows = self.rows + [[self.dir / "copy.mp4", "fear", "test", ""], [self.dir / "cut.mp4", "fear", "train", ""]]
        rows += [[f"nowhere/{i}.mp4", "fear", "train", ""] for i in range(25)]
        done, report = self.check(manifest=self.put("bad.csv", rows), status=1)
        line = done.stderr.splitlines()
        self.assertEqual(len(line), 1)
        self.assertIn("27 faults are found (25 missing, 1 unreadable, 1 content_overlap)", line[0])
        self.assertIn("report.json names every one", line[0])
        self.assertEqual(report["counts"]["missing"], 25)
        self.assertEqual(len(report["faults"]), 27)
        self.assertEqual(done.stdout.count("there is no such file or folder"), 20)
        self.assertIn("  and 5 more\n", done.stdout)
        cut = next(fault for fault in report["faults"] if fault["kind"] == "unreadable")
        self.assertEqual(cut["line"], 48)
        self.assertIn("cut.mp4", cut["text"])
        twin = next(fault for fault in report["faults"] if fault["kind"] == "content_overlap")
        self.assertEqual((twin["line"], twin["other_line"]), (2, 47))

    def test_a_named_set_must_be_whole(self):
        line = self.fails(1, ["1 size"], "data", "check", self.manifest, "--root", faces(), "--decode", "none", "--set", "dfew")
        self.assertIn("--output FILE.json would name every one", line)
        guessed = self.put("dfew.csv", self.rows)
        done, report = self.check("--decode", "none", manifest=guessed)
        self.assertEqual(report["set"]["name"], "dfew")
        self.assertIs(report["set"]["guessed"], True)
        self.assertEqual(report["counts"]["size_guessed"], 1)
        self.assertIn("guessed by the name or the classes", done.stdout)

    def test_wrong_use(self):
        self.fails(2, "MANIFEST is missing", "data", "check")
        self.fails(2, "--decode: expected all, none or a number", "data", "check", self.manifest, "--decode", "some")
        self.fails(2, "--decode: expected all, none or a number", "data", "check", self.manifest, "--decode", "-3")
        self.fails(2, "--set: expected dfew, ferv39k or mafw, got \"rafdb\"", "data", "check", self.manifest, "--set", "rafdb")
        self.fails(2, "--threads", "data", "check", self.manifest, "--threads", "9999")
        self.fails(1, "no-such.csv", "data", "check", self.dir / "no-such.csv")
        self.fails(2, ["--output", "nowhere: there is no such folder"], "data", "check", self.manifest, "--root", faces(),
                   "--output", self.dir / "nowhere/report.json")
        before = self.manifest.read_bytes()
        self.fails(2, "is the manifest itself", "data", "check", self.manifest, "--output", self.manifest)
        self.assertEqual(self.manifest.read_bytes(), before)

    def test_paths_are_below_the_manifest(self):
        shutil.copytree(faces() / "clips", self.dir / "clips")
        self.ok("data", "check", self.manifest)

    def test_progress_on_a_terminal_only(self):
        try:
            ours, theirs = pty.openpty()
        except OSError as why:
            self.skipTest(f"no terminal can be opened here: {why}")
        done = subprocess.run([support.BINARY, "data", "check", self.manifest, "--root", faces()], stderr=theirs,
                              stdout=subprocess.PIPE, timeout=60, check=True)
        os.close(theirs)
        shown = os.read(ours, 1 << 16).decode()
        os.close(ours)
        self.assertIn("\rfiles     45 of 45, ", shown)
        self.assertNotIn("\n", shown)
        self.assertNotIn(b"\r", done.stdout)

    def test_an_interruption(self):
        path = self.rows[0][0]
        rows = [[path, "fear", "train", f"{i * 1e-6:.6f}"] for i in range(200000)]
        manifest = self.put("long.csv", rows, ("path", "label", "split", "start"))
        out = self.dir / "report.json"
        child = subprocess.Popen([support.BINARY, "data", "check", manifest, "--root", faces(), "--output", out], text=True,
                                 stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, stderr)
        self.assertRegex(stderr, r"^s4d: .*long\.csv: interrupted after \d+ of 200000 files; nothing is reported\n$")
        self.assertEqual(stdout, "")
        self.assertFalse(out.exists())


class Stats(Manifest):
    def test_text_and_json(self):
        text = self.ok("data", "stats", self.manifest).stdout
        self.assertIn("samples    45 in 45 files or folders, 45 with a label", text)
        self.assertRegex(text, r"\n  samples +45 +24 +21\n")
        stats = strict(self.ok("data", "stats", self.manifest, "--json").stdout)
        for name in NAMES:
            self.assertEqual(stats["classes"][name], sum(row[1] == name for row in self.rows))
        people = {row[3] for row in self.rows}
        self.assertEqual(stats["subjects"], len(people))
        self.assertEqual(stats["groups"][1]["subjects"], len({row[3] for row in self.rows if row[2] == "test"}))
        counts = stats["classes"].values()
        self.assertEqual(stats["imbalance"], max(counts) / min(counts))

    def test_no_manifest(self):
        self.fails(1, ["clips.txt", "\"path\" is missing"], "data", "stats", self.put("clips.txt", [], ("subject", "label")))
        self.fails(2, "MANIFEST is missing", "data", "stats")


class Split(Manifest):
    def setUp(self):
        super().setUp()
        self.whole = self.put("whole.csv", [[*row[:2], row[3]] for row in self.rows], ("path", "label", "subject"))
        self.out = self.dir / "out.csv"

    def split(self, *more):
        self.ok("data", "split", self.whole, "--output", self.out, "--overwrite", *more)
        return table(self.out)

    def test_folds_by_subject(self):
        rows = self.split("--folds", "3")
        self.assertEqual([row["path"] for row in rows], [row[0] for row in self.rows])
        self.assertEqual([row["label"] for row in rows], [row[1] for row in self.rows])
        self.assertEqual({row["fold"] for row in rows}, {"1", "2", "3"})
        fold_of = {}
        for row in rows:
            self.assertEqual(fold_of.setdefault(row["subject"], row["fold"]), row["fold"])
        self.assertEqual(self.split("--folds", "3"), rows)
        self.assertNotEqual(self.split("--folds", "3", "--seed", "2"), rows)
        self.ok("data", "check", self.out, "--root", faces(), "--decode", "none")

    def test_folds_by_sample(self):
        rows = self.split("--folds", "4", "--by-sample")
        for name in NAMES:
            counts = [sum(row["label"] == name and row["fold"] == str(k) for row in rows) for k in range(1, 5)]
            self.assertLessEqual(max(counts) - min(counts), 1)
        sizes = [sum(row["fold"] == str(k) for row in rows) for k in range(1, 5)]
        self.assertLessEqual(max(sizes) - min(sizes), 1)

    def test_a_share_for_testing(self):
        rows = self.split("--test-share", "0.3", "--by-sample")
        self.assertNotIn("fold", rows[0])
        for name in NAMES:
            mine = [row["split"] for row in rows if row["label"] == name]
            self.assertLess(abs(mine.count("test") - 0.3 * len(mine)), 1)

    def test_what_is_refused(self):
        write = ("--output", self.out)
        split = ("data", "split", self.whole)
        self.fails(2, "either --folds K or --test-share", *split, *write)
        self.fails(2, "either --folds K or --test-share", *split, *write, "--folds", "2", "--test-share", "0.5")
        self.fails(2, "--test-share: expected a number between 0 and 1", *split, *write, "--test-share", "1")
        self.fails(2, "exclude each other", *split, *write, "--folds", "2", "--by-sample", "--by-subject")
        self.fails(2, "--output", *split, "--folds", "2")
        self.fails(1, ["whole.csv", "999 folds are more than"], *split, *write, "--folds", "999")
        self.fails(1, ["clips.csv: line 2", "divided already"], "data", "split", self.manifest, *write, "--folds", "2")
        self.assertFalse(self.out.exists())
        self.ok("data", "split", self.manifest, *write, "--folds", "2", "--replace")
        before = self.out.read_bytes()
        self.fails(2, ["out.csv: exists already", "--overwrite"], *split, *write, "--folds", "3")
        self.assertEqual(pathlib.Path(self.out).read_bytes(), before)
