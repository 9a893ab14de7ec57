"""s4d report --table: figures computed here once more, folds, formats, and what a user can get wrong."""
import csv
import io
import json
import shutil
import statistics
import subprocess

from support import BINARY, Case, eval_config, finetune_config

NAMES = ["anger", "fear", "joy"]
RESAMPLES, SEED, SAMPLE = 2000, 1, 3
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10, written anew from the paper."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & MASK, (p >> 32) ^ d ^ k1, p & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return a, b, c, d


def draws(n, resample, fold):
    """n numbers below n of the stream of that resample and fold."""
    block, word, out = 0, [], []
    while len(out) < n:
        if not word:
            word = list(philox((block, SAMPLE << 24, resample, fold), (SEED, 0)))
            block += 1
        value = word.pop(0)
        if value >= 2 ** 32 % n:
            out.append(value % n)
    return out


def shares(rows):
    """UAR and WAR of (label, pred) rows."""
    recalls = []
    for name in {label for label, _ in rows}:
        own = [pred == name for label, pred in rows if label == name]
        recalls.append(sum(own) / len(own))
    return statistics.fmean(recalls), sum(label == pred for label, pred in rows) / len(rows)


def by_class(rows, names):
    """What metrics.json says of (label, pred) rows class by class."""
    confusion = [[sum(row == (t, p) for row in rows) for p in names] for t in names]
    present = [i for i in range(len(names)) if sum(confusion[i])]
    judged = [i for i in range(len(names)) if sum(confusion[i]) + sum(row[i] for row in confusion)]
    f1 = {i: 2 * confusion[i][i] / (sum(confusion[i]) + sum(row[i] for row in confusion)) for i in judged}
    return {"confusion": confusion, "recall": {names[i]: confusion[i][i] / sum(confusion[i]) for i in present},
            "macro_f1": statistics.fmean(f1.values()), "micro_f1": shares(rows)[1],
            "weighted_f1": sum(f1[i] * sum(confusion[i]) for i in present) / len(rows)}


def interval(folds, which):
    """folds: fold number -> rows. 95% by the percentile method, each fold drawn for itself."""
    values = []
    for r in range(RESAMPLES):
        values.append(statistics.fmean(shares([rows[i] for i in draws(len(rows), r, fold)])[which]
                                       for fold, rows in folds.items()))
    cut = statistics.quantiles(values, n=40, method="inclusive")
    return cut[0], cut[-1]


def rows_of(seed, n=30, names=NAMES):
    """Predictions that are right about half of the time."""
    out = []
    for i in range(n):
        x = (i * 7919 + seed * 104729) % 1009
        out.append((names[i % len(names)], names[i % len(names)] if x % 2 else names[x % len(names)]))
    return out


class Fixture(Case):
    def put_run(self, name, rows, set_name="clips", names=NAMES, fold=0, **more):
        """A run folder with what `s4d eval` leaves; `more` goes over metrics.json."""
        folder = self.dir / name / set_name
        folder.mkdir(parents=True)
        config = {"checkpoint": "", "model": {"img_size": 32, "num_frames": 16, "moae": {
            "layers": [1], "eval_noise": False, "eval_capacity": False}},
            "data": {"frame_order": "natural", "video": {"sampling_rate": 4, "fold": fold}, "image": {"fold": fold}}}
        (self.dir / name / "config.resolved.json").write_text(json.dumps(config))
        uar, war = shares(rows)
        metrics = {"set": set_name, "modality": "video", "split": "test", "checkpoint": "last", "selection": "last epoch",
                   "segments": 2, "crops": 1, "samples": len(rows), "missing": 0, "uar": uar, "war": war, "classes": names,
                   "support": {c: sum(label == c for label, _ in rows) for c in names}, **by_class(rows, names), **more}
        (folder / "metrics.json").write_text(json.dumps(metrics))
        lines = [f"v{i},{label},{pred}," + ",".join("1" if c == pred else "0" for c in names)
                 for i, (label, pred) in enumerate(rows)]
        (folder / "pred.csv").write_text(f"id,label,pred,{','.join(names)}\n" + "\n".join(lines) + "\n")
        return self.dir / name

    def table(self, *args):
        return self.ok("report", "--table", *args).stdout

    def flat(self, *args):
        return list(csv.DictReader(io.StringIO(self.table("--format", "csv", *args))))

    def cells(self, text):
        """The lines of a Markdown text's tables, as lists of cells."""
        return [[c.strip() for c in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]


class Figures(Fixture):
    def test_folds(self):
        folds = {n: rows_of(n, 20 + 5 * n) for n in (1, 2, 10)}
        for n, rows in folds.items():
            self.put_run(f"cv/fold-{n}", rows, fold=n, missing=n)
        got = self.flat(self.dir / "cv")
        percent = {(r["fold"], r["measure"], r["class"]): r for r in got}
        self.assertEqual(list(dict.fromkeys(r["fold"] for r in got)), ["1", "2", "10", "mean"])
        for which, measure in enumerate(("uar", "war")):
            values = [100 * shares(rows)[which] for rows in folds.values()]
            for value, fold in zip(values, folds, strict=True):
                row = percent[str(fold), measure, ""]
                self.assertEqual((row["percent"], row["deviation"]), (f"{value:.2f}", ""))
                low, high = interval({fold: folds[fold]}, which)
                self.assertEqual((row["low"], row["high"]), (f"{100 * low:.2f}", f"{100 * high:.2f}"))
            row = percent["mean", measure, ""]
            self.assertEqual(row["percent"], f"{statistics.fmean(values):.2f}")
            self.assertEqual(row["deviation"], f"{statistics.stdev(values):.2f}")
            low, high = interval(folds, which)
            self.assertEqual((row["low"], row["high"]), (f"{100 * low:.2f}", f"{100 * high:.2f}"))
            self.assertEqual((row["samples"], row["missing"]), (str(sum(map(len, folds.values()))), "13"))
        for name in NAMES:
            recalls = [100 * statistics.fmean(p == name for l, p in rows if l == name) for rows in folds.values()]
            row = percent["mean", "recall", name]
            self.assertEqual((row["percent"], row["deviation"]),
                             (f"{statistics.fmean(recalls):.2f}", f"{statistics.stdev(recalls):.2f}"))
        text = self.table(self.dir / "cv")
        for words in ("over folds 1, 2, 10, ± the sample standard deviation", "2 segments x 1 crop = 2 views a clip",
                      "16 frames a view, stride 4", "Model: last epoch; no result chose it.", "router noise was off",
                      "fold 10: 10 of 80 test samples could not be read",
                      f"Protocol of {self.dir}/cv, fold 1, 2, 10: ", "2000 resamples, seed 1"):
            self.assertIn(words, text)
        self.assertNotIn("NOT EVALUATED ALIKE", text)
        self.assertEqual(text.count("Protocol of"), 1)

    def test_loose_runs_are_rows_of_their_own(self):
        for n in (1, 2):
            self.put_run(f"r{n}", rows_of(n), fold=n)
        text = self.table(self.dir / "r1", self.dir / "r2")
        self.assertEqual([c[:2] for c in self.cells(text) if str(self.dir) in c[0]],
                         2 * [[str(self.dir / "r1"), "1"], [str(self.dir / "r2"), "2"]])
        self.assertNotIn("mean", [c[1] for c in self.cells(text)])

    def test_class_order_does_not_matter_but_names_do(self):
        rows = rows_of(3)
        self.put_run("a", rows)
        self.put_run("b", rows, names=NAMES[::-1])
        self.put_run("c", [(l.replace("joy", "fun"), p.replace("joy", "fun")) for l, p in rows],
                     names=["anger", "fear", "fun"])
        text = self.table(self.dir / "a", self.dir / "b", self.dir / "c")
        self.assertEqual(text.count("## clips"), 2)
        a, b = [c for c in self.cells(text) if c[0] in (str(self.dir / "a"), str(self.dir / "b"))][2:]
        self.assertEqual(a[2:], b[2:])
        self.assertEqual(len(set(a[2:])), 3)
        self.put_run("cv/fold-1", rows, fold=1)
        self.put_run("cv/fold-2", rows, names=["anger", "fear", "joy", "fun"], fold=2)
        self.fails(1, [str(self.dir / "cv/fold-2/clips/metrics.json"), "its classes are not those of fold-1"], "report",
                   "--table", self.dir / "cv")

    def test_a_class_without_samples(self):
        rows = [r for r in rows_of(3) if r[0] != "joy"]
        self.put_run("a", rows)
        text = self.table(self.dir / "a")
        self.assertIn("- (0)", text)
        self.assertIn("no test sample is of class joy, which is left out of its UAR", text)
        row = next(r for r in self.flat(self.dir / "a") if r["class"] == "joy")
        self.assertEqual((row["percent"], row["samples"]), ("", "0"))

    def test_epochs_may_differ_between_folds(self):
        for n in (1, 2):
            self.put_run(f"cv/fold-{n}", rows_of(n), fold=n, selection=f"epoch {7 * n}, best UAR on clips's test list itself")
        text = self.table(self.dir / "cv")
        self.assertNotIn("NOT EVALUATED ALIKE", text)
        self.assertEqual(text.count("THE TEST LIST SHOWN HERE CHOSE IT"), 1)

    def test_folds_that_differ_in_protocol(self):
        self.put_run("cv/fold-1", rows_of(1), fold=1)
        self.put_run("cv/fold-2", rows_of(2), fold=2, segments=5)
        text = self.table(self.dir / "cv")
        self.assertIn("THE FOLDS WERE NOT EVALUATED ALIKE", text)
        self.assertEqual(text.count("Protocol of"), 2)

    def test_against_paper(self):
        seven = NAMES + ["d", "e", "f", "g"]
        self.put_run("a", rows_of(1, 70, seven), set_name="dfew", names=seven)
        self.put_run("b", rows_of(1), set_name="mine")
        text = self.table("--against", "paper", self.dir / "a", self.dir / "b")
        published = [c[-2:] for c in self.cells(text) if str(self.dir) in c[0] and len(c) == 10]
        self.assertEqual(published[0], ["66.80 / 76.68", "63.60 / 74.60"])
        self.assertEqual(published[1], ["no published number"] * 2)
        self.assertIn("arXiv 2409.06154", text)
        rows = self.flat("--against", "paper", self.dir / "a")
        self.assertEqual([r["published_s4d"] for r in rows[:3]], ["66.80", "76.68", ""])
        self.assertEqual([r["published_videomae"] for r in rows[:3]], ["63.60", "74.60", ""])


class Formats(Fixture):
    def test_latex_is_escaped_and_balanced(self):
        names = ["a_b & c", "50%", "#1 $x$", "{z}~^\\"]
        self.put_run("r_1", rows_of(1, names=names), names=names)
        self.put_run("cv/fold-1", rows_of(1), set_name="folds", fold=1)
        self.put_run("cv/fold-2", rows_of(2), set_name="folds", fold=2)
        text = self.table("--format", "latex", self.dir / "r_1", self.dir / "cv")
        for words in ("a\\_b \\& c", "50\\%", "\\#1 \\$x\\$", "\\{z\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}",
                      "r\\_1", "$\\pm$"):
            self.assertIn(words, text)
        self.assertNotIn("±", text)
        for part in ("table", "tabular", "minipage"):
            self.assertEqual(text.count(f"\\begin{{{part}}}"), text.count(f"\\end{{{part}}}"))
        for rule in ("toprule", "midrule", "bottomrule"):
            self.assertEqual(text.count(f"\\{rule}"), 4)
        for tabular in text.split("\\begin{tabular}{")[1:]:
            columns = tabular.index("}")
            for line in tabular[:tabular.index("\\end{tabular}")].splitlines():
                if line.endswith("\\\\"):
                    self.assertEqual(line.replace("\\&", "").count("&") + 1, columns, line)

    def test_markdown_and_csv_are_escaped(self):
        names = ["a|b", 'say "x"', "*c*"]
        self.put_run("r", rows_of(1, names=names), names=names)
        path = self.dir / "r/clips/pred.csv"
        path.write_text(path.read_text().replace('say "x"', '"say ""x"""'))
        text = self.table(self.dir / "r")
        self.assertIn("a\\|b", text)
        self.assertIn("\\*c\\*", text)
        self.assertEqual([r["class"] for r in self.flat(self.dir / "r")][2:], names)

    def test_output_file(self):
        self.put_run("r", rows_of(1))
        out = self.dir / "t.md"
        self.assertEqual(self.table("--output", out, self.dir / "r"), "")
        self.assertEqual(out.read_text(), self.table(self.dir / "r"))
        self.assertEqual(self.table(self.dir / "r"), self.table(self.dir / "r"))
        (self.dir / "r/clips/pred.csv").unlink()
        old = out.read_text()
        self.fails(1, str(self.dir / "r/clips/pred.csv"), "report", "--table", self.dir / "r", "--output", out)
        self.assertEqual(out.read_text(), old)
        self.assertEqual([p.name for p in self.dir.iterdir() if p.suffix == ".tmp"], [])

    def test_full_standard_output(self):
        self.put_run("r", rows_of(1))
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "report", "--table", self.dir / "r"], stdout=full, stderr=subprocess.PIPE,
                                  text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output cannot be written", done.stderr)


class Refused(Fixture):
    def refused(self, sentence, *args, status=1):
        self.assertEqual(self.fails(status, [], "report", *args), "s4d: " + sentence)

    def test_words(self):
        run = self.put_run("r", rows_of(1))
        self.refused('s4d report: RUN is missing, a run folder, or a folder of folds; "s4d report --help" tells more',
                     "--table", status=2)
        self.refused("report: nothing is asked for; give --table", run, status=2)
        self.refused('--format: expected md, csv or latex, got "xml"', "--table", run, "--format", "xml", status=2)
        self.refused('--against: expected paper, got "me"', "--table", run, "--against", "me", status=2)
        self.refused(f"{run}: given twice; name each run once", "--table", run, run, status=2)

    def test_folders(self):
        self.refused(f'{self.dir}/no: there is no such folder; give a run folder of "s4d finetune" or "s4d eval"', "--table",
                     self.dir / "no")
        none = ('no results are there (SET/metrics.json and SET/pred.csv); give a run folder of "s4d finetune" or "s4d eval", '
                "or a folder of such, named fold-1, fold-2, ...")
        (self.dir / "empty/clips").mkdir(parents=True)
        self.refused(f"{self.dir}/empty: {none}", "--table", self.dir / "empty")
        self.put_run("cv/fold-1", rows_of(1), fold=1)
        (self.dir / "cv/fold-2").mkdir()
        self.refused(f"{self.dir}/cv/fold-2: {none}", "--table", self.dir / "cv")
        self.put_run("cv/fold-2/", rows_of(1), set_name="other", fold=2)
        self.refused(f"{self.dir}/cv/fold-2/clips: there are no results of this fold, though others have them; evaluate it, or "
                     "move the folder away", "--table", self.dir / "cv")
        self.put_run("cv", rows_of(1))
        self.refused(f"{self.dir}/cv: it holds results of its own (clips) and of folds (fold-1); give the one that is meant",
                     "--table", self.dir / "cv")

    def test_a_folder_named_after_another_fold(self):
        run = self.put_run("cv/fold-1", rows_of(1), fold=1)
        shutil.copytree(run, self.dir / "cv/fold-2")
        self.refused(f"{self.dir}/cv/fold-2: its config.resolved.json says data.video.fold 1, so it is not the run of fold 2; give "
                     "the folder the name of its fold, or such runs apart", "--table", self.dir / "cv")
        config = self.dir / "cv/fold-2/config.resolved.json"
        config.write_text(config.read_text().replace('"fold": 1', '"fold": 2'))
        self.table(self.dir / "cv")
        plain = json.loads(config.read_text())
        del plain["data"]["video"]["fold"]
        config.write_text(json.dumps(plain).replace('"fold": 2', '"fold": 3'))
        self.fails(1, [f"{self.dir}/cv/fold-2: ", "data.image.fold 3"], "report", "--table", self.dir / "cv")

    def test_files(self):
        run = self.put_run("r", rows_of(1))
        leave = '"s4d finetune" and "s4d eval" leave it in their run folders'
        for name, sentence in (("config.resolved.json", f"there is no such file; {leave}"),
                               ("clips/metrics.json", f"there is no such file; {leave}"),
                               ("clips/pred.csv", "there is no such file, though metrics.json lies beside; evaluate again")):
            text = (run / name).read_text()
            (run / name).unlink()
            self.refused(f"{run}/{name}: {sentence}", "--table", run)
            (run / name).write_text(text)
        (run / "clips/pred.csv").write_bytes(b"\0" * 10)
        self.refused(f"{run}/clips/pred.csv: a zero byte stands in it, so it is no text; evaluate again", "--table", run)

    def test_predictions_of_another_evaluation(self):
        run = self.put_run("r", rows_of(1))
        path = run / "clips/pred.csv"
        lines = path.read_text().splitlines()
        wrong = next(i for i, line in enumerate(lines) if i and line.split(",")[1] != line.split(",")[2])
        fields = lines[wrong].split(",")
        lines[wrong] = ",".join(fields[:2] + [fields[1]] + fields[3:])
        path.write_text("\n".join(lines) + "\n")
        line = self.fails(1, [str(path), "war", "metrics.json", "evaluate again"], "report", "--table", run)
        self.assertIn("the two are not of one evaluation", line)


class Runs(Fixture):
    def test_what_finetune_and_eval_leave(self):
        config = finetune_config()
        config["train"].update(epochs=1, warmup_epochs=0)
        config["data"]["image"]["balanced"] = True
        config["train"]["select"] = "test"
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        checkpoint = self.dir / "run/model.safetensors"
        self.ok("eval", "--config", self.write(eval_config(checkpoint), "e.json"), "--output", self.dir / "eval")
        rows = self.flat(self.dir / "run", self.dir / "eval")
        self.assertEqual({r["set"] for r in rows}, {"clips", "stills"})
        for name in ("run", "eval"):
            for kind in ("clips", "stills"):
                metrics = json.loads((self.dir / name / kind / "metrics.json").read_text())
                for measure in ("uar", "war"):
                    place = (str(self.dir / name), kind, measure)
                    row = next(r for r in rows if (r["run"], r["set"], r["measure"]) == place and r["epoch"] == "kept")
                    self.assertEqual(row["percent"], f"{100 * metrics[measure]:.2f}")
        last = [r for r in rows if r["epoch"] == "last"]
        self.assertEqual({(r["run"], r["set"]) for r in last}, {(str(self.dir / "run"), "clips"), (str(self.dir / "run"), "stills")})
        for row in last:
            self.assertIn("Model: last epoch; no result chose it.", row["protocol"])
        for row in rows:
            self.assertEqual(row["split"], "test")
            if row in last:
                continue
            chosen = "THE TEST LIST SHOWN HERE CHOSE IT" if row["set"] == "clips" else "the test list of another set chose it"
            self.assertIn(chosen, row["protocol"])
            drawn = "each class equally often" if row["set"] == "stills" else "samples as the list has them"
            self.assertIn(drawn, row["protocol"], "also where the run only evaluates")

    def test_what_folds_leave(self):
        config = finetune_config()
        del config["data"]["image"]
        config["train"].update(epochs=1, warmup_epochs=0)
        config["data"]["video"].update(train="clips/train_set_{fold}.csv", test="clips/test_set_{fold}.csv")
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "cv", "--folds", "1-2")
        rows = self.flat(self.dir / "cv")
        self.assertEqual(list(dict.fromkeys(r["fold"] for r in rows)), ["1", "2", "mean"])
        uar = [json.loads((self.dir / f"cv/fold-{n}/clips/metrics.json").read_text())["uar"] for n in (1, 2)]
        mean = next(r for r in rows if r["fold"] == "mean")
        self.assertEqual(mean["percent"], f"{50 * sum(uar):.2f}")
        self.assertNotIn("not evaluated alike", mean["protocol"])

    def test_help_tells_the_columns(self):
        self.put_run("r", rows_of(1))
        text = self.ok("report", "--help").stdout
        for column in self.table("--format", "csv", self.dir / "r").splitlines()[0].split(","):
            self.assertIn(column.replace("published_videomae", "_videomae"), text)
        self.assertIn("report", self.ok("--help").stdout)
