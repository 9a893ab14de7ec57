"""Names of files, classes and folders that would act on a terminal, a table or a spreadsheet: shown by their numbers or guarded,
and stored exactly."""
import csv
import io
import json
import os
import shutil
import subprocess
import unicodedata

from support import BINARY, faces, finetune_config
from test_report import Fixture, rows_of

# Escape, C1's CSI, right-to-left override, isolate, separators, zero width, a byte-order mark, line end, bytes that are no UTF-8.
PARTS = ["\x1b[31m", "\x9b31m", "\u202e", "\u2067", "\u2028", "\u200b", "\ufeff", "\n", "\r", "\x7f", "\udcff", "\U000e0041"]
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def unseen(text):
    """The characters of a text, line ends aside, that no output may hold."""
    return {c for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"))}


class Shown(Fixture):
    def says(self, *args):
        """Status and both outputs of a command; whatever the status, nothing stands there that is not seen."""
        done = subprocess.run([BINARY, *[os.fsencode(str(a)) for a in args]], capture_output=True, timeout=120)
        out, errors = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
        self.assertEqual(unseen(out + errors), set(), args)
        return done.returncode, out, errors

    def test_manifests(self):
        image = next((faces() / "images/train").glob("*.png"))
        rows = [["path", "label", "subject", "split"]]
        for i, part in enumerate(part for part in PARTS if part not in ("\n", "\r", "\udcff")):
            name = f"a{part}b{i}.png"
            shutil.copy(image, self.dir / name)
            rows.append([name, f"c{part}lass{i % 3}", f"s{part}", "train" if i % 2 else "test"])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        manifest = self.write(text.getvalue(), "m\u202e\x1b.csv")
        for args in (("check", manifest), ("stats", manifest), ("stats", manifest, "--json"), ("check", manifest, "--root", self.dir / "no\x9b"),
                     ("split", manifest, "--folds", 2, "--replace", "--output", self.dir / "out\u2066.csv", "--by-sample"),
                     ("pack", manifest, "--output", self.dir / "pack\u2028"), ("index", "csv", self.dir), ("index", "folders", self.dir)):
            with self.subTest(args[0]):
                code, out, errors = self.says("data", *args)
                self.assertIn(code, (0, 1, 2))
                self.assertTrue(out + errors)
        code, out, errors = self.says("data", "check", manifest)
        self.assertIn("\\u202E", out)
        self.assertIn("\\x1B[31m", out)

    def test_stored_names_are_exact(self):
        names = ["\x1b[31mx.png", "photo\u202egnp.exe.png", "=cmd().png", "plain.png"]
        for name, image in zip(names, sorted((faces() / "images/train").glob("*.png"))):
            shutil.copy(image, self.dir / name)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["path", "label"], *[[name, "anger"] for name in names], ["no\u202e.png", "anger"]])
        manifest = self.write(text.getvalue(), "m.csv")
        self.says("data", "check", manifest, "--output", self.dir / "report.json")
        report = json.loads((self.dir / "report.json").read_text())
        self.assertEqual([fault["path"] for fault in report["faults"]], ["no\u202e.png"])
        shutil.copy(self.dir / "plain.png", self.dir / "no\u202e.png")
        code, _, errors = self.says("data", "split", manifest, "--folds", 2, "--output", self.dir / "folds.csv")
        self.assertEqual(code, 0, errors)
        with open(self.dir / "folds.csv", newline="", encoding="utf-8") as file:
            self.assertEqual(sorted(row["path"] for row in csv.DictReader(file)), sorted([*names, "no\u202e.png"]))
        self.assertEqual(unseen((self.dir / "report.json").read_text()), set())

    def test_arguments_and_configs(self):
        for part in PARTS:
            for args in (("plan", "--config", f"no{part}.json"), ("report", "--table", f"runs/a{part}b"), (f"pla{part}n",),
                         ("data", "check", f"{part}.csv"), ("ckpt", "info", f"{part}.pth"), ("plan", f"--{part}"),
                         ("data", "index", f"{part}", "x"), ("eval", "--config", f"{part}", "--set", f"a{part}b=1")):
                code, out, errors = self.says(*args)
                self.assertNotEqual(code, 0)
                self.assertEqual(errors.count("\n"), 1, errors)
        config = self.dir / "c.json"
        for key in ("se\u202eed", "\u001bseed", "x\u009b"):
            config.write_text(json.dumps({"stage": "finetune", key: 3}))
            self.says("plan", "--config", config)
            config.write_text(json.dumps({"stage": "finetune", "data": {"image": {"name": key}}}))
            self.says("plan", "--config", config)

    def test_tables_of_results(self):
        names = ["an\u202eger", "fe\x1b[31mar", "j\x9boy", "=sum(A1)", "-x"]
        folder = self.put_run("r\u202e\x1b[2J", rows_of(1, 30, names), set_name="cl\u2067ips", names=names)
        quoted = (folder / "cl\u2067ips/pred.csv").read_text().replace("=sum", "'=sum").replace("-x", "'-x")
        (folder / "cl\u2067ips/pred.csv").write_text(quoted)
        for form in ("md", "latex", "csv"):
            code, out, errors = self.says("report", "--table", "--format", form, folder)
            self.assertEqual(code, 0, errors)
            self.assertIn("u202E", out)
        rows = list(csv.reader(io.StringIO(out)))
        self.assertIn("'=sum(A1)", {row[rows[0].index("class")] for row in rows})
        for row in rows:
            for cell in row:
                self.assertFalse(cell.startswith(FORMULAS), cell)


class Formulas(Fixture):
    def test_predictions(self):
        """Classes and paths that a spreadsheet would run: guarded in pred.csv, and `s4d report` reads its own file exactly."""
        root = self.dir / "set"
        root.mkdir()
        classes = ["=joy", "+fear", "'=odd", "plain"]
        train, test = [], []
        images = sorted((faces() / "images/train").glob("*.png"))
        for i, image in enumerate(images[:16]):
            name = f"{['=', '-', '+', '@', '', 'a='][i % 6]}{i}.png"
            shutil.copy(image, root / name)
            (train if i % 2 else test).append([name, classes[i // 2 % 4], "train" if i % 2 else "test"])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["path", "label", "split"], *train, *test])
        (root / "m.csv").write_text(text.getvalue())
        config = finetune_config()
        del config["data"]["video"]
        config["data"]["image"].update(root=str(root), train="m.csv", test="m.csv", format="manifest", classes=classes, batch=4)
        config["train"].update(epochs=1, warmup_epochs=0)
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        with open(self.dir / "run/stills/pred.csv", newline="") as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0], ["id", "label", "pred", "'=joy", "'+fear", "''=odd", "plain"])
        self.assertEqual(len(rows), 1 + len(test))
        for row in rows:
            for cell in row:
                self.assertFalse(cell.startswith(FORMULAS), cell)
        for row in rows[1:]:
            self.assertTrue((root / row[0]).exists(), row[0])  # still a path to the file
        metrics = json.loads((self.dir / "run/stills/metrics.json").read_text())
        self.assertEqual(metrics["classes"], classes)
        done = self.ok("report", "--table", "--format", "csv", self.dir / "run")
        for row in csv.reader(io.StringIO(done.stdout)):
            for cell in row:
                self.assertFalse(cell.startswith(FORMULAS), cell)
