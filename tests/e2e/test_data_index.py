"""s4d data index: every layout as it is distributed, what is decided by what evidence, and what a user can get wrong."""
import collections
import csv
import pathlib
import shutil

import layouts
from support import Case, finetune_config


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def replace(path, old, new, count=1):
    text = path.read_bytes()
    assert old.encode() in text
    path.write_bytes(text.replace(old.encode(), new.encode(), count))


class Indexed(Case):
    def setUp(self):
        super().setUp()
        self.root = self.dir / "set"

    def index(self, name, *more):
        """The rows of the manifest, by path, and what the tool printed."""
        done = self.ok("data", "index", name, self.root, "--overwrite", *more)
        read = rows(self.root / f"{name}.csv")
        for row in read:
            self.assertTrue((self.root / row["path"]).exists(), row["path"])
        self.assertEqual(len({row["path"] for row in read}), len(read))
        return {row["path"]: row for row in read}, done.stdout

    def refused(self, name, sentence, *more, status=1):
        line = self.fails(status, [], "data", "index", name, self.root, *more)
        self.assertEqual(line, "s4d: " + sentence.replace("ROOT", str(self.root)))
        self.assertFalse((self.root / f"{name}.csv").exists())


class Layouts(Indexed):
    def check_dfew(self, read, path):
        self.assertEqual(len(read), 35)
        for i in range(1, 36):
            row = read[path.format(i)]
            self.assertEqual((row["label"], row["fold"]), (layouts.DFEW[i % 7], str(i % 5 or 5)), row)

    def test_dfew_official(self):
        layouts.dfew_official(self.root)
        read, told = self.index("dfew")
        self.check_dfew(read, "Clip/clip_224x224/{:05d}")
        self.assertEqual(list(next(iter(read.values()))), ["path", "label", "fold"])
        self.assertIn("labels are numbers counted from 1: 7 is seen and 0 is not\n", told)
        self.assertIn("names with other zeros in front on disk: 35; ", told)
        self.assertIn("  EmoLabel_DataSplit/test(single-labeled)/set_3.csv: 7 samples, test, fold 3\n", told)

    def test_dfew_release(self):
        for tail in (None, ".mp4", ".AVI"):
            with self.subTest(tail=tail):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.dfew_release(self.root, tail=tail)
                read, told = self.index("dfew")
                self.check_dfew(read, "clips/{:05d}" + (tail or ""))
                self.assertIn("labels are numbers counted from 0: 0 is seen\n", told)

    def test_one_fold(self):
        layouts.dfew_release(self.root)
        read, _ = self.index("dfew", "--fold", 2)
        self.assertEqual(collections.Counter(r["split"] for r in read.values()), {"train": 28, "test": 7})
        self.assertNotIn("fold", next(iter(read.values())))
        for path, row in read.items():
            self.assertEqual(row["split"], "test" if int(path[-5:]) % 5 == 2 else "train")

    def test_lists_of_one_fold_alone(self):
        """Who is tested in no fold that is there trains in all of them."""
        layouts.dfew_release(self.root)
        for fold in (2, 3, 4, 5):
            for name in ("train", "test"):
                (self.root / f"{name}_set_{fold}.csv").unlink()
        read, _ = self.index("dfew")
        self.assertEqual(collections.Counter((r["split"], r["fold"]) for r in read.values()), {("train", ""): 28, ("", "1"): 7})

    def test_ferv39k(self):
        for make, base in ((layouts.ferv39k_official, "2_ClipsforFaceCrop"), (layouts.ferv39k_release, "clips")):
            with self.subTest(make=make.__name__):
                shutil.rmtree(self.root, ignore_errors=True)
                make(self.root)
                read, _ = self.index("ferv39k")
                self.assertEqual(len(read), 42)
                for i, path in layouts.ferv39k_clips(self.root, 42):
                    row = read[f"{base}/{path}"]
                    self.assertEqual((row["label"], row["split"]), (layouts.FERV39K[i % 7], "train" if i < 28 else "test"))

    def test_ferv39k_other_order(self):
        """Paths hold the emotion, and so tell which order the numbers are of."""
        layouts.ferv39k_release(self.root, order=layouts.DFEW)
        read, told = self.index("ferv39k")
        self.assertIn("the order of classes is that of data/labels/ferv39k_maedfer.json: the classes in the paths agree\n", told)
        for i, path in layouts.ferv39k_clips(self.root, 42):
            self.assertEqual(read["clips/" + path]["label"], layouts.FERV39K[i % 7])

    def test_mafw(self):
        for make, path in ((layouts.mafw_official, "data/clips/{:05d}.mp4"), (layouts.mafw_release, "frames/{:05d}")):
            with self.subTest(make=make.__name__):
                shutil.rmtree(self.root, ignore_errors=True)
                make(self.root)
                read, _ = self.index("mafw")
                self.assertEqual(len(read), 55)
                for i in range(1, 56):
                    row = read[path.format(i)]
                    self.assertEqual((row["label"], row["fold"]), (layouts.MAFW[i % 11], str(i % 5 or 5)))

    def test_mafw_captions(self):
        """Captions in GBK behind the label are passed over."""
        layouts.mafw_official(self.root)
        base = "Train & Test Set/single/with_caption/set_{fold}/"
        read, _ = self.index("mafw", "--train", base + "train.txt", "--test", base + "test.txt")
        self.assertEqual(len(read), 55)
        self.assertEqual(read["data/clips/00012.mp4"]["label"], "anxiety")

    def test_mafw_numbers_without_header(self):
        layouts.mafw_release(self.root, head=None)
        self.refused("mafw", "train_set_1.csv: its numbers may stand for more than one order of classes, and nothing tells which; "
                     "choose with --classes mafw or --classes mafw_dferclip")
        read, told = self.index("mafw", "--classes", "mafw_maedfer")
        self.assertEqual(read["frames/00001"]["label"], "disgust")
        self.assertIn("test_set_1.csv: no header, its first line is a sample\n", told)

    def test_affectnet(self):
        for n in (7, 8):
            for tail in (".jpg", ".bmp"):
                with self.subTest(n=n, tail=tail):
                    shutil.rmtree(self.root, ignore_errors=True)
                    layouts.affectnet_official(self.root, tail=tail)
                    read, told = self.index(f"affectnet{n}")
                    want = {f"Manually_Annotated_Images/{i % 3}/{i * 7919:08x}{tail}":
                            (layouts.AFFECTNET[i % 11], "train" if i < 44 else "test") for i in range(55) if i % 11 < n}
                    self.assertEqual({p: (r["label"], r["split"]) for p, r in read.items()}, want)
                    self.assertIn("lines left out: 15 of expressions 8, 9 and 10", told)
                    self.assertEqual("lines left out: 5 of expression 7, contempt, which is no class of affectnet7" in told, n == 7)
                    self.assertIn("the validation list is the split test", told)

    def test_affectnet_release(self):
        layouts.affectnet_release(self.root)
        read, _ = self.index("affectnet7")
        self.assertEqual(len(read), 29)
        self.assertEqual((read["test/5.jpg"]["label"], read["test/5.jpg"]["split"]), ("disgust", "test"))

    def test_rafdb(self):
        layouts.rafdb(self.root)
        read, told = self.index("rafdb")
        self.assertEqual(len(read), 84)
        for path, row in read.items():
            split, number = pathlib.Path(path).stem.split("_")[:2]
            self.assertTrue(path.startswith("Image/aligned/"))
            self.assertEqual((row["label"], row["split"]), (layouts.RAFDB[int(number) % 7], split))
        self.assertIn('samples with several copies: 84; those with "_aligned." in their path are taken\n', told)
        read, _ = self.index("rafdb", "--media", "Image/original")
        self.assertIn("Image/original/test_00014.jpg", read)

    def test_ferplus(self):
        layouts.ferplus(self.root)
        read, _ = self.index("ferplus")
        self.assertEqual(collections.Counter(r["split"] for r in read.values()), {"train": 16, "val": 8, "test": 8})
        self.assertEqual(read["valid/fer0000002.png"]["label"], "surprise")

    def test_voxceleb2(self):
        layouts.voxceleb2(self.root)
        layouts.put(self.root / "stray.mp4")
        read, told = self.index("voxceleb2")
        self.assertEqual(list(next(iter(read.values()))), ["path", "split", "subject"])
        self.assertEqual(len(read), 18)
        self.assertEqual(read["test/mp4/id00017/21Uxsk56VDQ/00010.mp4"],
                         {"path": "test/mp4/id00017/21Uxsk56VDQ/00010.mp4", "split": "test", "subject": "id00017"})
        self.assertEqual(list(read)[:3], [f"dev/mp4/id00012/2DLq_Kkc1r8/{i:05d}.mp4" for i in (1, 2, 10)])
        self.assertIn("videos left out: 1 in no folder named as a person", told)

    def test_videomae(self):
        for kw in ({}, {"total": True}, {"prefix": "/data/other/set/"}, {"prefix": str(self.root) + "/", "total": True}):
            with self.subTest(**kw):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.videomae(self.root, **kw)
                read, told = self.index("videomae", "--classes", "rafdb")
                self.assertEqual(len(read), 21)
                self.assertEqual(read["train/my clip 12.mp4"]["label"], layouts.RAFDB[5])
                self.assertIn("the validation list repeats the test list and is not kept apart\n", told)
                self.assertEqual("is the count of frames" in told, "total" in kw)
        read, _ = self.index("videomae", "--unlabelled")
        self.assertEqual(list(next(iter(read.values()))), ["path", "split"])

    def test_folders(self):
        for kind, sample in (("pictures", "{}/1.jpg"), ("videos", "{}/1.mp4"), ("frames", "{}/clip1")):
            for splits in (True, False):
                with self.subTest(kind=kind, splits=splits):
                    shutil.rmtree(self.root, ignore_errors=True)
                    layouts.folders(self.root, splits, kind)
                    read, _ = self.index("folders")
                    self.assertEqual(len(read), 18 if splits else 9)
                    self.assertEqual(read[("test/" if splits else "") + sample.format("Happy")],
                                     {"path": ("test/" if splits else "") + sample.format("Happy"), "label": "happiness",
                                      **({"split": "test"} if splits else {})})

    def test_csv(self):
        layouts.csv(self.root)
        self.ok("data", "index", "csv", self.root)
        self.assertEqual((self.root / "csv.csv").read_text(),
                         'path,label,subject,start,end\na.mp4,happiness,p1,,2\na.mp4,happiness,p1,2,4\n"b, c.mp4",sadness,p2,,\n')
        replace(self.root / "mine.csv", "sad", "4")
        replace(self.root / "mine.csv", "HAPPINESS", "1")
        replace(self.root / "mine.csv", "Happy", "1")
        self.fails(1, "mine.csv: its labels may be counted from 0 or from 1, as neither 0 nor 7 is seen; choose with --first-label",
                   "data", "index", "csv", self.root, "--overwrite", "--classes", "dfew")
        self.ok("data", "index", "csv", self.root, "--overwrite", "--classes", "dfew", "--first-label", 1)
        self.assertEqual([r["label"] for r in rows(self.root / "csv.csv")], ["happiness", "happiness", "anger"])


class Evidence(Indexed):
    def test_first_label(self):
        """Labels that are all within both ranges: asked, then taken as told."""
        layouts.dfew_release(self.root)
        for path in self.root.glob("*_set_*.csv"):
            path.write_text("\n".join(line[:-1] + "3" if line.endswith(",0") else line for line in path.read_text().splitlines()))
        self.refused("dfew", "train_set_1.csv: its labels may be counted from 0 or from 1, as neither 0 nor 7 is seen; choose with "
                     "--first-label")
        for first, label in ((0, "neutral"), (1, "sadness")):
            read, told = self.index("dfew", "--first-label", first)
            self.assertEqual(read["clips/00002"]["label"], label)
            self.assertIn(f"counted from {first}: --first-label says so", told)

    def test_a_complete_copy_wins(self):
        layouts.dfew_official(self.root, copies=("Clip/clip_224x224", "Clip/sample"))
        shutil.rmtree(self.root / "Clip/sample/00007")
        read, told = self.index("dfew")
        self.assertIn("Clip/clip_224x224/00001", read)
        self.assertIn("samples with several copies: 34; those in Clip/clip_224x224/ are taken, the one folder with all\n", told)

    def test_two_complete_copies(self):
        layouts.dfew_official(self.root, copies=("Clip/clip_224x224", "Clip/clip_224x224_16f"))
        self.refused("dfew", 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv: line 2: "2" is there more than once, as '
                     "Clip/clip_224x224/00002 and as Clip/clip_224x224_16f/00002 (and 34 more such faults); name the folder to take "
                     "with --media, or move one of the two away")
        read, _ = self.index("dfew", "--media", "Clip/clip_224x224_16f/")
        self.assertIn("Clip/clip_224x224_16f/00001", read)

    def test_two_lists(self):
        layouts.ferv39k_release(self.root)
        shutil.copy(self.root / "test.csv", self.root / "my_test.csv")
        self.refused("ferv39k", "ROOT: two lists are for testing: my_test.csv and test.csv; name those to read with --train and "
                     "--test")
        read, _ = self.index("ferv39k", "--train", "train.csv", "--test", self.root / "test.csv")
        self.assertEqual(len(read), 42)

    def test_lists_with_folders_above_the_root(self):
        layouts.ferv39k_release(self.root)
        for name in ("train", "test"):
            path = self.root / f"{name}.csv"
            head, *lines = path.read_text().splitlines()
            path.write_text("\n".join([head] + ["/data/FERV39K/" + line for line in lines]))
        read, told = self.index("ferv39k")
        self.assertEqual(len(read), 42)
        self.assertIn('"/data/FERV39K/" in front of the listed paths', told)

    def test_links(self):
        """Links are followed, but not back up."""
        layouts.dfew_release(self.dir / "elsewhere")
        self.root.mkdir()
        for path in (self.dir / "elsewhere").iterdir():
            (self.root / path.name).symlink_to(path)
        (self.dir / "elsewhere/clips/up").symlink_to(self.root)
        (self.dir / "elsewhere/clips/self").symlink_to(self.dir / "elsewhere/clips")
        read, _ = self.index("dfew")
        self.assertEqual(len(read), 35)


class Faults(Indexed):
    def test_a_clip_tested_twice(self):
        layouts.dfew_release(self.root)
        with open(self.root / "test_set_2.csv", "a") as file:
            file.write("00001,1\n00006,6\n")
        self.refused("dfew", 'test_set_1.csv: line 2: "00001" stands in the test lists of folds 1 and 2 (and 1 more such fault); '
                     "correct the lists, or write one fold's with --fold")

    def test_train_and_test(self):
        layouts.dfew_release(self.root)
        with open(self.root / "train_set_1.csv", "a") as file:
            file.write("00001,1\n")
        self.refused("dfew", 'train_set_1.csv: line 30: "00001" stands in the training and in the test list of fold 1; correct the '
                     "lists, or write one fold's with --fold")
        shutil.rmtree(self.root)
        layouts.ferv39k_release(self.root)
        with open(self.root / "test.csv", "a") as file:
            file.write("Action/Angry/0000,0\n")
        self.refused("ferv39k", 'train.csv: line 2: "Action/Angry/0000" stands in the lists for train and for test; correct the '
                     "lists")

    def test_a_clip_in_no_list_of_a_fold(self):
        layouts.dfew_release(self.root)
        replace(self.root / "train_set_3.csv", "00001,1\n", "")
        self.refused("dfew", 'test_set_1.csv: line 2: "00001" stands in no list of fold 3; correct the lists, or write one fold\'s '
                     "with --fold")

    def test_listed_twice(self):
        layouts.dfew_release(self.root)
        with open(self.root / "test_set_1.csv", "a") as file:
            file.write("1,1\n")
        self.refused("dfew", 'test_set_1.csv: line 9: "1" stands in the list twice, also as 00001; correct the lists')

    def test_one_file_in_two_spellings(self):
        layouts.csv(self.root)
        mine = self.root / "mine.csv"
        keep = "; correct the list, or keep such lines with --keep-missing"
        for other, label in (("./a.mp4", "sad"), (".//./a.mp4", "happy")):
            mine.write_text(f"path,label\na.mp4,happy\n{other},{label}\n")
            self.refused("csv", 'mine.csv: line 3: "a.mp4" stands there twice' + keep)
        mine.write_text('path,label\na.mp4,happy\nx/../a.mp4,sad\n')
        (self.root / "x").mkdir()
        self.refused("csv", 'mine.csv: line 3: the path "x/../a.mp4" goes into a folder and out again by ".."; write it without' +
                     keep)
        mine.write_text('path,label\n./a.mp4,happy\n".//b, c.mp4",sad\n')
        self.ok("data", "index", "csv", self.root)
        self.assertEqual((self.root / "csv.csv").read_text(), 'path,label\na.mp4,happiness\n"b, c.mp4",sadness\n')
        shutil.rmtree(self.root)
        layouts.put(self.root / "a.mp4")
        layouts.put(self.root / "train.csv", "a.mp4 0\n.//a.mp4 1\n")
        self.refused("videomae", 'train.csv: line 2: "a.mp4" stands in the list twice; correct the lists', "--classes", "dfew",
                     "--first-label", "0")

    def test_labels_that_disagree(self):
        layouts.dfew_release(self.root)
        replace(self.root / "train_set_3.csv", "00001,1\n", "00001,2\n")
        self.refused("dfew", 'train_set_3.csv: line 2: "00001" is neutral here and sadness in test_set_1.csv, line 2; correct the '
                     "lists")

    def test_not_on_disk(self):
        layouts.dfew_release(self.root)
        for i in (3, 9):
            shutil.rmtree(self.root / f"clips/{i:05d}")
        sentence = ('train_set_1.csv: line 3: "00003" is not on disk below ROOT (and 1 more such fault); complete the set, name its '
                    "folder with --media, or keep such lines with --keep-missing")
        self.refused("dfew", sentence)
        done = self.ok("data", "index", "dfew", self.root, "--keep-missing")
        self.assertIn("samples not on disk: 2; their lines are kept, as --keep-missing says", done.stdout)
        self.assertIn("clips/00009", [row["path"] for row in rows(self.root / "dfew.csv")])

    def test_a_folder_without_pictures_is_no_clip(self):
        layouts.dfew_release(self.root)
        for path in (self.root / "clips/00004").iterdir():
            path.unlink()
        self.fails(1, '"00004" is not on disk', "data", "index", "dfew", self.root)

    def test_unknown_labels(self):
        layouts.dfew_release(self.root)
        replace(self.root / "train_set_1.csv", "00003,3", "00003,9")
        self.refused("dfew", "train_set_1.csv: line 3: label 9 is not in 0..6, the numbers of dfew; correct the list, or choose with "
                     "--classes and --first-label")
        replace(self.root / "train_set_1.csv", "00003,9", "00003,angry")
        self.refused("dfew", 'train_set_1.csv: line 3: label "angry" is no number, where others are numbers; correct the list; where '
                     "this line is a header, name its columns path,label")
        shutil.rmtree(self.root)
        layouts.mafw_official(self.root)
        replace(self.root / "Train & Test Set/single/no_caption/set_1/test.txt", "anxiety", "worried")
        self.refused("mafw", 'Train & Test Set/single/no_caption/set_1/test.txt: line 1: label "worried" is none of the 11 classes; '
                     "correct the list, or name its classes with --classes")

    def test_a_label_that_the_path_contradicts(self):
        layouts.ferv39k_release(self.root)
        replace(self.root / "test.csv", "Crime/Angry/0004,0", "Crime/Angry/0004,3")
        self.refused("ferv39k", "test.csv: line 2: label 3 is happiness by ferv39k, but the path says anger; correct the list, or "
                     "choose with --classes and --first-label")

    def test_a_name_that_the_path_contradicts(self):
        layouts.ferv39k_official(self.root)
        path = self.root / "4_setups/All_scenes/test_All.csv"
        replace(path, "Crime/Angry/0004 Angry", "Crime/Angry/0004 anger")  # another spelling is the same class
        self.index("ferv39k")
        (self.root / "ferv39k.csv").unlink()
        replace(path, "Crime/Angry/0004 anger", "Crime/Angry/0004 Sad")
        self.refused("ferv39k", '4_setups/All_scenes/test_All.csv: line 1: label "Sad" is sadness, but the path "Crime/Angry/0004" '
                     "says anger; correct the list, or name its classes with --classes")

    def test_names_that_are_no_utf8(self):
        layouts.csv(self.root)
        path = self.root / "mine.csv"
        text = path.read_bytes()
        path.write_bytes(text.replace(b"sad", "悲伤".encode("gbk")))
        more = "; correct the list, or name its classes with --classes"
        self.refused("csv", "mine.csv: line 4: the label is not UTF-8 text; the list must be saved as UTF-8" + more)
        path.write_bytes(text.replace(b"sad", "悲伤".encode()))
        self.ok("data", "index", "csv", self.root)
        self.assertIn("悲伤", (self.root / "csv.csv").read_text())
        (self.root / "csv.csv").unlink()
        path.write_bytes(text.replace(b"sad", b"x" * 200))
        self.refused("csv", f'mine.csv: line 4: label "{"x" * 60}..." is longer than the 47 bytes of a class name' + more)

    def test_lists_that_cannot_be_read(self):
        for text, sentence in [
            (b"", "train.csv: the list is empty; take the whole one, or name others with --train and --test"),
            (b"path,id\n", "train.csv: the list holds a header and no sample; take the whole one"),
            (b"path,id\nAction/Angry/0000\n", 'train.csv: line 2: no label follows "Action/Angry/0000"; correct the list'),
            (b"path,id\n,3\n", "train.csv: line 2: the path is empty; correct the list"),
            (b'path,id\n"a,3\n', "train.csv: line 2: a quote is not closed before the end of the file; correct the list"),
            (b"a,b,c,1\n", "train.csv: line 1: 4 columns and no header that names one for the path and one for the label; write a "
             "header such as path,label"),
            ("path,id\n不/x,3\n".encode("gbk"), 'train.csv: line 2: the path "\\xB2\\xBB/x" is not UTF-8; correct the list'),
            ("path,id\na,1\n".encode("utf-32"), "ROOT/train.csv: the list is not plain text; save it as UTF-8"),
        ]:
            with self.subTest(text=text):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.ferv39k_release(self.root)
                layouts.put(self.root / "train.csv", text)
                self.refused("ferv39k", sentence)

    def test_folders(self):
        layouts.folders(self.root, splits=False)
        layouts.put(self.root / "preview.jpg")
        self.refused("folders", "the folders: preview.jpg lies in no class's folder; put it into one, or elsewhere")
        (self.root / "preview.jpg").unlink()
        layouts.put(self.root / "sad/x.mp4")
        self.refused("folders", "ROOT: sad/2.jpg is a picture and sad/x.mp4 is a clip; put pictures and clips under two folders, as "
                     "they are two sets")

    def test_usage(self):
        layouts.dfew_release(self.root)
        sets = "dfew, ferv39k, mafw, afew, caer, ravdess, cremad, enterface, oulucasia, ckplus, affectnet7, affectnet8, rafdb, " \
               "ferplus, fer2013, sfew, caers, voxceleb2, videomae, folders, csv"
        for words, sentence in [
            (("dfev", self.root), f"dfev: unknown set; did you mean dfew? there are {sets}"),
            (("dfew",), 's4d data index: ROOT is missing, the folder it was unpacked to; "s4d data index --help" tells more'),
            (("dfew", self.root, "x"), 'x: one word too many; "s4d data index --help" tells what is expected'),
            (("ferv39k", self.root, "--fold", 1), "--fold: the set ferv39k does not take this option; leave it out"),
            (("voxceleb2", self.root, "--train", "x"), "--train: the set voxceleb2 does not take this option; leave it out"),
            (("dfew", self.root, "--classes", "dfew2"), '--classes: "dfew2" is no known table; name one of afew, affectnet7, '
             "affectnet8, caer, caers, ckextended, ckplus, cremad, dfew, enterface, fer2013, ferplus, ferv39k, ferv39k_maedfer, mafw, "
             "mafw_dferclip, mafw_maedfer, oulucasia, rafdb, rafdb_compound, ravdess, sfew, or all classes with commas"),
            (("dfew", self.root, "--classes", "sad,sadness"),
             '--classes: "sadness" stands there twice (synonyms are one class); name each class once'),
            (("dfew", self.root, "--train", "train_set_{fold}.csv", "--test", "test_set_1.csv"),
             "--train, --test, --val: some lists are of one fold and some of all; write {fold} in each name or in none"),
        ]:
            with self.subTest(words=words):
                self.assertEqual(self.fails(2, [], "data", "index", *words), "s4d: " + sentence)
        for words, sentence in [
            (("dfew", self.dir / "nowhere"), f"{self.dir}/nowhere: is no folder; name the one the set was unpacked to"),
            (("dfew", self.root / "clips"), f"{self.root}/clips: no list of the set dfew is there, such as set_K.csv of the official "
             "split, or train_set_K.csv and test_set_K.csv; name the lists with --train and --test"),
            (("dfew", self.root, "--media", "no"), f"{self.root}/no: is no folder; name one below {self.root} with --media"),
            (("dfew", self.root, "--output", self.root / "train_set_1.csv"),
             f"{self.root}/train_set_1.csv: is there already; write elsewhere with --output, or replace it with --overwrite"),
            (("voxceleb2", self.root), f"{self.root}: no sample of the set voxceleb2 is there; name the folder it was unpacked to"),
        ]:
            with self.subTest(words=words):
                self.assertEqual(self.fails(1, [], "data", "index", *words), "s4d: " + sentence)

    def test_nothing_is_written_after_a_fault(self):
        layouts.dfew_release(self.root)
        (self.root / "dfew.csv").write_text("mine")
        replace(self.root / "train_set_1.csv", "00003,3", "00003,9")
        self.fails(1, "label 9", "data", "index", "dfew", self.root, "--overwrite")
        self.assertEqual((self.root / "dfew.csv").read_text(), "mine")


class Use(Indexed):
    def test_a_run_takes_it(self):
        """A manifest of drawn clips, both folds, trains and tests."""
        config = finetune_config()
        del config["data"]["image"]
        video = config["data"]["video"]
        self.root.symlink_to(video["root"])
        out = self.dir / "clips.csv"
        done = self.ok("data", "index", "dfew", self.root, "--output", out)
        self.assertIn(f"those in {self.root} are taken, the one folder with all\n", done.stdout)
        video.update(train=str(out), test=str(out), format="manifest", fold=2)
        del video["suffix"]
        config["train"].update(epochs=1, warmup_epochs=0)
        self.ok("finetune", "--config", self.write(config), "--output", self.dir / "run")
        tested = rows(self.dir / "run/clips/pred.csv")
        self.assertEqual(sorted(r["id"] for r in tested), sorted(r["path"] for r in rows(out) if r["fold"] == "2"))

    def test_checks_and_statistics_take_it(self):
        layouts.dfew_release(self.root)
        self.index("dfew")
        done = self.ok("data", "stats", self.root / "dfew.csv")
        self.assertIn("samples    35 in 35 files or folders, 35 with a label", done.stdout)

    def test_help(self):
        for words in (("data", "--help"), ("data", "index", "--help"), ("help", "data")):
            self.assertIn("usage: s4d data", self.ok(*words).stdout)
        self.assertEqual(self.fails(2, [], "data"), 's4d: data: no tool is given; "s4d data --help" lists them')
        self.assertEqual(self.fails(2, [], "data", "indx"), 's4d: data indx: unknown tool; did you mean "s4d data index"?')
