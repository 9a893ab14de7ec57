"""Lists as other programs write them: read where that is unambiguous, else said by their cause, by every command alike."""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import time
import unicodedata

import support
from support import Case, faces, finetune_config, pretrain_config, run

ROWS = [("img/a.png", "happy"), ("img/b.png", "sad"), ("img/c.png", "Happy"), ("img/d.png", "SAD"), ("img/with space.png", "joy"),
        ("img/e.png", "Sadness")]
NUMBER = {"happy": 1, "joy": 1, "sad": 2, "sadness": 2}  # of affectnet7


def join(separator=",", head=("path", "label"), rows=ROWS, quote=""):
    return "".join(separator.join(f"{quote}{field}{quote}" for field in row) + "\n" for row in ([head] if head else []) + list(rows))


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Lists(Case):
    def setUp(self):
        super().setUp()
        self.stills = sorted((faces() / "images/train").iterdir())
        for (path, _), still in zip(ROWS, self.stills):
            self.put(path, still.read_bytes())
        self.list = self.dir / "list.csv"

    def put(self, path, data):
        path = self.dir / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def save(self, data):
        self.list.write_bytes(data if isinstance(data, bytes) else data.encode())

    def train(self, form):
        config = finetune_config()
        config["data"]["image"] = {"name": "x", "root": str(self.dir), "train": "list.csv", "format": form, "classes": "affectnet7",
                                   "batch": 2, "rate": 1}
        del config["data"]["video"]
        config["train"].update(epochs=1, warmup_epochs=0)
        return run("finetune", "--config", self.write(config), "--output", self.dir / "run", "--overwrite")

    def counted(self):
        """The classes of the list, by three commands that must agree."""
        stats = json.loads(self.ok("data", "stats", self.list, "--json").stdout)
        self.ok("data", "index", "csv", self.dir, "--train", "list.csv", "--output", self.dir / "out.csv", "--overwrite")
        out = table(self.dir / "out.csv")
        self.assertEqual([row["path"] for row in out], sorted(path for path, _ in ROWS))
        self.assertEqual({name: sum(row["label"] == name for row in out) for name in stats["classes"]}, stats["classes"])
        self.ok("data", "check", self.list)
        self.ok("data", "split", self.list, "--test-share", "0.5", "--output", self.dir / "split.csv", "--overwrite")
        self.assertEqual([row["path"] for row in table(self.dir / "split.csv")], [path for path, _ in ROWS])
        return stats["classes"]


class Dialects(Lists):
    def test_what_is_read(self):
        indexed = [(str(i), *row) for i, row in enumerate(ROWS)]
        for name, text in {
            "semicolons": join(";"), "tabs": join("\t"), "bars": join("|"), "sep line": "sep=;\r\n" + join(";"),
            "pandas": join(head=("", "path", "label"), rows=indexed), "pandas twice": join(head=("Unnamed: 0", "path", "label"), rows=indexed),
            "three columns": join(head=("path", "label", "confidence"), rows=[(*row, "0.5") for row in ROWS]),
            "other order": join(head=("label", "path"), rows=[row[::-1] for row in ROWS]),
            "other names": join(head=("video_name", "Emotion")), "file, class": join(";", head=("File Name", "class")),
            "apostrophes": join(quote="'"), "apostrophes behind a header": join() .split("\n")[0] + "\n" + join(head=None, quote="'"),
            "quotes": join(quote='"'), "mark": "\ufeff" + join(), "UTF-16": join("\t").encode("utf-16"),
            "UTF-16, no mark": join().encode("utf-16-le"), "big UTF-16": b"\xfe\xff" + join().encode("utf-16-be"),
            "CRLF": join().replace("\n", "\r\n"), "CR": join().replace("\n", "\r"), "CRCRLF": join().replace("\n", "\r\r\n"),
            "unseen": join(rows=[(f"\u200b{path}\u00a0", f"{label}\u00a0\u200b") for path, label in ROWS]),
            "empty lines": join() + ",\n\n,\n", "commas behind": join(head=("path", "label", ""), rows=[(*row, "") for row in ROWS]),
            "end of DOS": join() + "\x1a",
        }.items():
            with self.subTest(name):
                self.save(text)
                self.assertEqual(self.counted(), {"happiness": 3, "sadness": 3})
                for form in ("manifest", "csv"):
                    done = self.train(form)
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_is_passed_over_is_told_in_a_line(self):
        self.save(join(head=("", "path", "label"), rows=[("7", *row) for row in ROWS]))
        self.assertEqual(self.ok("data", "stats", self.list).stderr,
                         f"{self.list}: a column without a name, such as the index that pandas writes, is not read\n")
        self.save(join(head=("age", "path", "label", "sex"), rows=[("7", *row, "f") for row in ROWS]))
        self.assertEqual(self.ok("data", "stats", self.list).stderr, f'{self.list}: not read are the columns "age", "sex"\n')

    def test_plain_lines(self):
        numbered = [(path, str(NUMBER[label.lower()])) for path, label in ROWS]
        for name, text in {
            "blanks": join(" ", None, numbered), "tabs": join("\t", None, numbered), "commas": join(",", None, numbered),
            "names": join(" ", None), "floats": join(" ", None, [(path, label + ".0") for path, label in numbered]),
            "zeros": join(" ", None, [(path, "0" + label) for path, label in numbered]), "header": join(" ", ("path", "label"), numbered),
            "csv": join(",", ("name", "id"), numbered), "manifest": join(), "no-break space": join("\u00a0", None, numbered),
        }.items():
            with self.subTest(name):
                self.save(text)
                done = self.train("text")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_pretraining_takes_a_manifest(self):
        for form in ({}, {"format": "manifest"}, {"format": "paths"}):
            for text in (join(), join(";", ("video_name", "emotion")), join(",", ("path",), [row[:1] for row in ROWS]),
                         join(",", ("path", "split"), [(path, "train") for path, _ in ROWS])):
                with self.subTest(form=form, text=text):
                    self.save(text)
                    config = pretrain_config()
                    config["data"]["image"] = {"name": "x", "root": str(self.dir), "train": "list.csv", "batch": 2, "rate": 1, **form}
                    del config["data"]["video"]
                    config["train"].update(epochs=1, warmup_epochs=0)
                    self.ok("pretrain", "--config", self.write(config), "--output", self.dir / "run", "--overwrite")

    def refused(self, text, sentence, form="manifest"):
        self.save(text)
        done = self.train(form)
        self.assertEqual((done.returncode, done.stderr), (1, f"s4d: {self.list}: {sentence}\n".replace("ROOT", str(self.dir))))

    def test_what_is_said_by_its_cause(self):
        header = 'a header such as "path,label" must stand here, not "img/a.png" with '
        for text, sentence in [
            (join(rows=[row[::-1] for row in ROWS]), 'line 2: "img/a.png" stands under label and "happy" under path; the two are swapped, '
             "so name them the other way round"),
            (join(head=None), f"line 1: {header}2 columns; write one, or set the format the list has"),
            (join(head=None, rows=[(*row, "1") for row in ROWS]), f"line 1: {header}3 columns; write one, or set the format the list has"),
            (join(":"), 'line 1: the columns are separated by ":"; separate them by commas'),
            ("path,label\n0,img/a.png,happy\n", "line 2: 3 columns where the header has 2; the number in front needs a name in the header, "
             "or may be left out; correct the manifest"),
            ("path,label\nimg/a,1.png,happy\n", "line 2: 3 columns where the header has 2; a field that holds the separator stands in quotes; "
             "correct the manifest"),
            ("path,label\nimg/a.png;happy\n", 'line 2: the fields are separated by ";", those of the header by ","; correct the manifest'),
            ("path;label;start\nimg/a.png;happy;0,5\n", 'line 2: start "0,5" is not a number of seconds, which are written with a point; '
             "correct the manifest"),
            ("file,image,label\n", 'line 1: the columns "file" and "image" may both be the path; name the one that is "path"'),
            ('{"path": "img/a.png"}\n', "line 1: this is JSON, not csv; write a csv with a header such as path,label"),
            (b"PK\x03\x04" + bytes(20), "the file is a zip archive or an Excel workbook, not a text; unpack it, or save the sheet as "
             '"CSV UTF-8"'),
            ("path,label\nimg/a.png,\n", "line 2: the label is empty; correct the list"),
        ]:
            with self.subTest(text=text):
                self.refused(text, sentence)
        self.refused("img/a.png 0 1\nimg/b.png 1 1\n", "line 1: 3 columns or more, where a path and a label are expected, in the line with "
                     '"img/a.png 0" (and 1 more faulty line); correct the list', "text")
        self.refused("0 img/a.png\n", 'line 1: the label stands in front, where the path is expected, in the line with "0"; correct the list',
                     "text")

    def test_an_official_list_with_three_columns(self):
        for i in range(3):
            self.put(f"Image/aligned/train_{i:05d}_aligned.jpg", b"x")
        self.put("EmoLabel/list_patition_label.txt", "".join(f"train_{i:05d}.jpg {i + 1} 0\n" for i in range(3)).encode())
        self.fails(1, 'list_patition_label.txt: line 1: 3 columns and no header, and both "1" and "0" may be the label; leave one of the '
                   "two columns out, or write a header", "data", "index", "rafdb", self.dir)


class Paths(Lists):
    def told(self, rows, hint, encoding="utf-8", all_missing=True):
        """Training and the check end with one line that holds the hint."""
        self.save(join(rows=rows).encode(encoding))
        done = self.train("manifest")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(hint, done.stderr)
        report = self.dir / "report.json"
        line = self.fails(1, hint if all_missing else "1 missing", "data", "check", self.list, "--output", report)
        found = json.loads(report.read_text(errors="replace"))["faults"]
        self.assertEqual([fault["kind"] for fault in found], ["missing"], line)
        self.assertIn(hint, found[0]["text"])
        self.fails(1, hint, "data", "index", "csv", self.dir, "--train", "list.csv", "--output", self.dir / "out.csv")

    def test_spellings(self):
        for change, hint in [
            (lambda p: p.replace("/", "\\"), "with slashes it is there: img/a.png"),
            (lambda p: "C:\\Users\\me\\set\\" + p.replace("/", "\\"), 'with slashes and without "C:/Users/me/set/" in front it is there: '
             "img/a.png"),
            (lambda p: "/home/me/set/" + p, 'without "/home/me/set/" in front it is there: img/a.png'),
            (lambda p: "file:///set/" + p, 'without "file://" and without "/set/" in front it is there: img/a.png'),
            (lambda p: "https://host.org/" + p, 'without "https://host.org/" in front it is there: img/a.png'),
            (lambda p: "https://host.org/x/" + p[::-1], "it is an address on the network: download the files"),
            (lambda p: p.upper(), "in other capitals it is there: img/a.png"),
            (lambda p: p[:-4] + ".jpg", "with another ending it is there: img/a.png"),
            (lambda p: p[4:], f"it is there below {self.dir}/img"),
            (lambda p: f'"{p}\u00a0"', "without characters that are not seen it is there: img/a.png"),
        ]:
            with self.subTest(hint):
                self.told([(change(path), label) for path, label in ROWS], hint)

    def test_forms_and_encodings(self):
        self.put("img/" + unicodedata.normalize("NFD", "Zoë.png"), self.stills[6].read_bytes())
        self.put("img/高兴/张三.png", self.stills[7].read_bytes())
        composed, apart = (unicodedata.normalize(form, "img/Zoë.png") for form in ("NFC", "NFD"))
        self.told(ROWS + [(composed, "sad")], f"in the other Unicode form it is there: {apart}", all_missing=False)
        self.told(ROWS + [("img/高兴/张三.png", "sad")], "read as GBK, as the list is not UTF-8, it is there: img/高兴/张三.png", "gb18030", False)

    def test_a_wrong_root_is_one_line(self):
        self.save(join(rows=[(f"img/{i}.png", "sad") for i in range(937)]))
        done = self.train("manifest")
        self.assertEqual(done.stderr, f"s4d: {self.list}: none of the 937 files is below {self.dir} (line 2: {self.dir}/img/0.png does not "
                         "exist); correct the list, or the settings root, zero_pad and suffix, or set on_bad_sample to \"skip\"\n")
        done = run("data", "check", self.list)
        self.assertEqual(done.stderr, f"s4d: {self.list}: none of the 937 files is below {self.dir} (first: line 2, img/0.png); name the "
                         "folder that the paths are below with --root\n")
        self.assertEqual(done.stdout.count("img/"), 1)

    def test_numbers_are_no_names(self):
        for label in ("0", "1", "2.0", "03"):
            self.save(join(rows=[(path, label) for path, _ in ROWS]))
            done = run("data", "check", self.list)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f'the label "{label}" is a number, as in 6 of 6 lines; a manifest holds names of classes, so write them with "s4d '
                          'data index csv --classes TABLE"', done.stdout)
            self.assertIn("1 fault is found (1 number)", done.stderr)
            done = self.train("manifest")
            self.assertEqual(done.stderr, f's4d: {self.list}: line 2: label "{label}" is a number, but a manifest holds names of classes (and '
                             '5 more faulty lines); write names, as "s4d data index csv --classes TABLE" does\n')
            self.ok("data", "index", "csv", self.dir, "--train", "list.csv", "--classes", "affectnet7", "--first-label", 0, "--output",
                    self.dir / "out.csv", "--overwrite", "--accept", "one-class")
            self.assertEqual({row["label"] for row in table(self.dir / "out.csv")},
                             {["neutral", "happiness", "sadness", "surprise"][int(float(label))]})


class Synonyms(Lists):
    def test_folders_of_another_spelling(self):
        words = ["neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry"]
        names = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"]
        for split in ("train", "test"):
            for word in words:
                self.put(f"set/{split}/{word}/{split}_{word}.png", b"x")
        self.ok("data", "index", "folders", self.dir / "set", "--classes", "affectnet7")
        for row in table(self.dir / "set/folders.csv"):
            self.assertEqual(row["label"], names[words.index(row["path"].split("/")[1])])

    def test_two_spellings_that_become_one_are_told(self):
        for word in ("joy", "happiness", "fear"):
            self.put(f"set/{word}/1.png", b"x")
        done = self.ok("data", "index", "folders", self.dir / "set")
        self.assertIn('"happiness" and "joy" are one class, happiness\n', done.stdout)
        self.save(join())
        self.assertIn('lines 2 and 6: "happy" and "joy" are one class, happiness', self.ok("data", "check", self.list).stdout)


class EqualContents(Lists):
    def test_they_stay_on_one_side(self):
        rows = [(f"many/{i:03d}.png", ("fear", "anger")[i % 2]) for i in range(60)]
        for i, (path, _) in enumerate(rows):
            self.put(path, self.stills[(i - 1 if i % 10 == 9 else i) % len(self.stills)].read_bytes() + bytes(i // len(self.stills) * 2))
        self.save(join(rows=rows))
        contents = {path: (self.dir / path).read_bytes() for path, _ in rows}
        for more, column in ((("--folds", 4), "fold"), (("--test-share", 0.4), "split")):
            for seed in range(3):
                done = self.ok("data", "split", self.list, "--output", self.dir / "out.csv", "--overwrite", "--seed", seed, *more)
                side = {}
                for row in table(self.dir / "out.csv"):
                    self.assertEqual(side.setdefault(contents[row["path"]], row[column]), row[column])
        equal = [path for path, data in contents.items() if list(contents.values()).count(data) > 1]
        self.assertGreater(len(equal), 8)
        self.assertIn(f"contents   {len(equal)} samples have the content of others, {len({contents[p] for p in equal})} contents; these are kept "
                      "together\n", done.stdout)
        done = self.ok("data", "split", self.list, "--output", self.dir / "out.csv", "--overwrite", "--folds", 4, "--no-contents")
        self.assertIn("contents   not compared\n", done.stdout)

    def test_files_that_are_not_there(self):
        done = self.ok("data", "split", self.put_rows(("img/a.png", "fear"), ("no.png", "fear"), ("none.png", "fear"), ("img/b.png", "fear")),
                       "--output", self.dir / "out.csv", "--folds", 2)
        self.assertIn(f"warning: 2 of 4 files are not below {self.dir} or cannot be read, so that equal ones among them may be parted; name the "
                      "folder with --root, or give --no-contents\n", done.stderr)
        done = self.ok("data", "split", self.list, "--output", self.dir / "out.csv", "--folds", 2, "--overwrite", "--root", "/nowhere")
        self.assertIn("contents   not compared, as no file is there\n", done.stdout)

    def put_rows(self, *rows):
        self.save(join(rows=rows))
        return self.list


class Long(Lists):
    def peak(self, *args):
        """Peak memory in KiB and seconds of a command that may fail."""
        begin = time.monotonic()
        child = subprocess.Popen([support.BINARY, *map(str, args)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertIn(child.returncode, (0, 1))
        return usage.ru_maxrss, time.monotonic() - begin

    def test_memory_of_a_line(self):
        """Below 300 bytes a line of about 70, by every tool that reads a manifest."""
        lines = 200000
        small, large = self.dir / "small.csv", self.dir / "large.csv"
        for path, n in ((small, 100), (large, lines)):
            path.write_text("path,label\n" + "".join(
                f"clips/part_{i // 1000:04d}/session_{i % 997:04d}/subject_{i:09d}_frame.jpg,{('happiness', 'fear', 'anger')[i % 3]}\n"
                for i in range(n)))
        out = self.dir / "out.csv"
        for args in (("data", "stats"), ("data", "check", "--decode", "none"), ("data", "split", "--folds", 5, "--output", out, "--overwrite"),
                     ("data", "split", "--folds", 5, "--output", out, "--overwrite", "--no-contents")):
            base, _ = self.peak(*args[:2], small, *args[2:])
            most, seconds = self.peak(*args[:2], large, *args[2:])
            self.assertLess((most - base) * 1024 / lines, 300, args)
            self.assertLess(seconds, 30, args)

    def test_a_line_of_many_separators(self):
        for separator in (",", ";", "\t", "|", '"', "\r", "\u00a0"):
            self.save(separator * 1000000)
            begin = time.monotonic()
            self.assertIn(run("data", "stats", self.list, timeout=60).returncode, (0, 1))
            self.assertLess(time.monotonic() - begin, 20)
