"""s4d data index: sets whose paths tell what a sample is, files of labels, and --pattern for names of one's own."""
import collections
import shutil

import layouts
from test_data_index import Indexed, rows


def count(read, column):
    return dict(collections.Counter(row[column] for row in read.values()))


class Paths(Indexed):
    def test_ravdess(self):
        layouts.ravdess(self.root)
        read, told = self.index("ravdess")
        self.assertEqual(len(read), 32)
        for path, row in read.items():
            modality, channel, code, _, _, _, actor = path.split("/")[-1][:-4].split("-")
            self.assertEqual((row["label"], row["subject"], modality), (layouts.RAVDESS[int(code) - 1], actor, "01"))
        self.assertIn("vocal channels, 01 speech and 02 song, all taken: 01: 16, 02: 16\n", told)
        self.assertIn("left out: 32 recordings without sound (02-...), which repeat those with it\n", told)

    def test_ravdess_without_sound(self):
        """Where there is nothing but the silent form, it is taken; frames in folders are clips as well."""
        layouts.ravdess(self.root, ("02",), 1)
        layouts.frames(self.root / "frames/01-01-05-02-01-01-24")
        layouts.put(self.root / "notes.mp4")
        read, told = self.index("ravdess")
        self.assertEqual(len(read), 17)
        self.assertEqual(read["frames/01-01-05-02-01-01-24"], {"path": "frames/01-01-05-02-01-01-24", "label": "anger", "subject": "24"})
        self.assertIn("clips left out: 1 not named as 01-01-03-01-01-01-12.mp4 is, the first is notes.mp4\n", told)

    def test_cremad(self):
        layouts.cremad(self.root)
        read, _ = self.index("cremad")
        self.assertEqual(len(read), 19)
        for actor in ("1001", "1002", "1091"):
            for code, label in layouts.CREMAD.items():
                row = read[f"VideoFlash/{actor}_DFA_{code}_XX.flv"]
                self.assertEqual((row["label"], row["subject"]), (label, actor))
        self.assertEqual(read["VideoFlash/1040_ITH_SAD_X.flv"]["label"], "sadness")

    def test_cremad_twice(self):
        layouts.cremad(self.root)
        layouts.put(self.root / "mp4/1001_DFA_ANG_XX.mp4")
        self.refused("cremad", "VideoFlash/1001_DFA_ANG_XX.flv and mp4/1001_DFA_ANG_XX.mp4 are the same sample twice; move what "
                     "does not belong there away, or name the folder to take with --media")
        read, _ = self.index("cremad", "--media", "VideoFlash")
        self.assertEqual(len(read), 19)

    def test_enterface(self):
        layouts.enterface(self.root)
        read, told = self.index("enterface")
        self.assertEqual(len(read), 36)
        self.assertEqual(count(read, "subject"), {"1": 12, "11": 12, "12": 12})
        for path, row in read.items():
            self.assertEqual(row["label"], path.split("/")[1])
        self.assertIn("clips left out: 1 not at subject N/anger/sentence N/NAME.avi and not named as s1_an_1.avi is, the first is "
                      "subject 6/anger/subject 6.avi\n", told)

    def test_enterface_without_folders(self):
        for subject in (1, 2):
            for name in layouts.BASIC:
                layouts.put(self.root / f"s{subject}_{name[:2]}_1.avi")
        layouts.put(self.root / "s_3_ha_1.avi")
        layouts.put(self.root / "s16_su_3avi.avi")
        read, _ = self.index("enterface")
        self.assertEqual(len(read), 14)
        self.assertEqual((read["s2_sa_1.avi"]["label"], read["s2_sa_1.avi"]["subject"]), ("sadness", "2"))
        self.assertEqual((read["s_3_ha_1.avi"]["label"], read["s_3_ha_1.avi"]["subject"]), ("happiness", "3"))
        self.assertEqual((read["s16_su_3avi.avi"]["label"], read["s16_su_3avi.avi"]["subject"]), ("surprise", "16"))

    def test_by_folders(self):
        for name, splits, tail, want in [
            ("afew", ("Train_AFEW", "Val_AFEW"), ".avi", {"train": 14, "test": 14}),
            ("afew", ("Train", "Val"), ".mp4", {"train": 14, "test": 14}),
            ("sfew", ("Train/Train_Aligned_Faces", "Val/Val_Aligned_Faces_new/Val_Aligned_Faces"), ".png", {"train": 14, "test": 14}),
            ("caer", ("CAER/train", "CAER/validation", "CAER/test"), ".avi", {"train": 14, "val": 14, "test": 14}),
            ("caers", ("train", "test"), ".png", {"train": 14, "test": 14}),
            ("fer2013", ("train", "test"), ".jpg", {"train": 14, "test": 14}),
        ]:
            with self.subTest(name=name, splits=splits):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.by_folders(self.root, splits, tail, "Anger" if name == "caer" else "Angry")
                layouts.put(self.root / "Test" / f"00000{tail}")  # without labels, as these sets' test samples are
                done = self.ok("data", "index", name, self.root, "--output", self.dir / "out.csv", "--overwrite")
                read = {row["path"]: row for row in rows(self.dir / "out.csv")}
                self.assertEqual(count(read, "split"), want)
                self.assertEqual(count(read, "label"), {c: 2 * len(want) for c in layouts.BASIC + ["neutral"]})
                self.assertEqual("results are reported on it" in done.stdout, "Val" in splits[1])
                self.assertIn("left out: 1 not at SPLIT/CLASS/NAME", done.stdout)

    def test_two_copies_of_a_split(self):
        layouts.by_folders(self.root, ("Train", "Train/Aligned"))
        self.refused("afew", "Train/Aligned/Angry/000.avi and Train/Angry/000.avi are the same sample twice (and 13 more such faults); move "
                     "what does not belong there away, or name the folder to take with --media")

    def test_a_folder_that_only_sounds_like_a_split(self):
        layouts.by_folders(self.root, ("train/constraint", "test/interval"))
        read, _ = self.index("caer")
        self.assertEqual(count(read, "split"), {"train": 14, "test": 14})

    def test_oulucasia(self):
        layouts.oulucasia(self.root)
        read, told = self.index("oulucasia")
        self.assertEqual(len(read), 36)
        self.assertEqual(read["OriginalImg/VL/Strong/P080/Happiness"],
                         {"path": "OriginalImg/VL/Strong/P080/Happiness", "label": "happiness", "subject": "P080"})
        self.assertIn("cameras, NI infrared and VL visible light, all taken, in every light (--media names the folder of one): NI: 12, VL: 24\n",
                      told)
        read, _ = self.index("oulucasia", "--media", "OriginalImg/VL/Strong")
        self.assertEqual(len(read), 12)
        shutil.copytree(self.root / "OriginalImg/VL", self.root / "PreProcess Img/VL_Acropped")
        self.fails(1, "OriginalImg/VL/Strong/P001/Anger and PreProcess Img/VL_Acropped/Strong/P001/Anger are the same sample twice",
                   "data", "index", "oulucasia", self.root, "--overwrite")

    def test_ck48(self):
        for name in ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"):
            for i in (9, 10, 11):
                layouts.put(self.root / f"CK+48/{name}/S010_004_{i:08d}.png")
        read, _ = self.index("ckplus")
        self.assertEqual(len(read), 21)
        self.assertEqual(count(read, "subject"), {"S010": 21})
        self.assertEqual(read["CK+48/happy/S010_004_00000009.png"]["label"], "happiness")

    def test_nothing_is_named_so(self):
        layouts.cremad(self.root)
        self.refused("ravdess", "ROOT: 19 images or clips are there and none is taken, as they are not named as 01-01-03-01-01-01-12.mp4 is; "
                     "the first is VideoFlash/1001_DFA_ANG_XX.flv")

    def test_an_unknown_code(self):
        layouts.ravdess(self.root)
        layouts.put(self.root / "01-01-09-01-01-01-01.mp4")
        self.refused("ravdess", '01-01-09-01-01-01-01.mp4: its code "09" stands for no class of the table ravdess; move what does not '
                     "belong there away, or name the folder to take with --media")


class LabelFiles(Indexed):
    def test_affectnet(self):
        for descr in ("<U2", "|S2", "<i4", ">i8", "|u1", "<f8", "<f4"):
            for n in (7, 8):
                with self.subTest(descr=descr, n=n):
                    shutil.rmtree(self.root, ignore_errors=True)
                    layouts.affectnet_npy(self.root, descr=descr)
                    read, told = self.index(f"affectnet{n}")
                    self.assertEqual(len(read), 2 * n)
                    for i in range(n):
                        self.assertEqual(read[f"train_set/images/{i}.jpg"]["label"], layouts.AFFECTNET[i])
                        self.assertEqual(read[f"val_set/images/{i}.jpg"]["split"], "test")
                    self.assertIn("lines left out: 6 of expressions 8, 9 and 10", told)
                    self.assertEqual("lines left out: 2 of expression 7, contempt" in told, n == 7)

    def test_one_part_of_affectnet(self):
        layouts.affectnet_npy(self.root)
        read = {row["path"]: row for row in self.index_below("affectnet8", "train_set")}
        self.assertEqual(read["images/5.jpg"], {"path": "images/5.jpg", "label": "disgust"})

    def index_below(self, name, folder):
        self.ok("data", "index", name, self.root / folder, "--output", self.dir / "out.csv")
        return rows(self.dir / "out.csv")

    def test_affectnet_in_parts(self):
        layouts.affectnet_npy(self.root)
        (self.root / "train_set/annotations/3_exp.npy").unlink()
        (self.root / "val_set/images/2.jpg").unlink()
        read, told = self.index("affectnet8")
        self.assertEqual(len(read), 14)
        self.assertIn("left out as they have no file of a label (*_exp.npy): 1\n", told)
        self.assertIn("files of labels without their samples: 1, the first is val_set/annotations/2_exp.npy\n", told)

    def test_files_that_are_none(self):
        layouts.affectnet_npy(self.root)
        path = self.root / "train_set/annotations/1_exp.npy"
        good, more = path.read_bytes(), "; put the right file there, or name the folder to take with --media"
        for data, why in [(b"", "is no NumPy array of one element (.npy)"), (good[:-1], "is cut off, or no array of one element"),
                          (good[:20], "is no NumPy array of one element (.npy)"), (layouts.npy("x"), "holds no whole number"),
                          (layouts.npy(0.5, "<f8"), "holds no whole number"), (layouts.npy(3, "<U1", "(2,)"),
                                                                             "is no NumPy array of one element (.npy)"),
                          (layouts.npy(float("nan"), "<f8"), "holds no whole number")]:
            with self.subTest(why=why, size=len(data)):
                path.write_bytes(data)
                self.refused("affectnet8", f"train_set/annotations/1_exp.npy: {why}{more}")
        path.write_bytes(layouts.npy(11, "<i8"))
        self.refused("affectnet8", "train_set/images/1.jpg: label 11 is not in 0..7, the numbers of affectnet8; correct the list, or choose "
                     "with --classes and --first-label")

    def test_ckplus(self):
        layouts.ckplus(self.root)
        read, told = self.index("ckplus")
        self.assertEqual(len(read), 7)
        for i, label in enumerate(layouts.CKPLUS):
            subject = f"S{10 * i + 5:03d}"
            self.assertEqual(read[f"cohn-kanade-images/{subject}/001"],
                             {"path": f"cohn-kanade-images/{subject}/001", "label": label, "subject": subject})
        self.assertIn("left out as they have no file of a label (*_emotion.txt): 7\n", told)

    def test_ckplus_as_unpacked(self):
        """Each archive in a folder of its own; a second copy of the images is noticed."""
        layouts.ckplus(self.root / "a")
        (self.root / "extended-cohn-kanade-images").mkdir()
        (self.root / "Emotion_labels").mkdir()
        (self.root / "a/cohn-kanade-images").rename(self.root / "extended-cohn-kanade-images/cohn-kanade-images")
        (self.root / "a/Emotion").rename(self.root / "Emotion_labels/Emotion")
        read, _ = self.index("ckplus")
        self.assertEqual(len(read), 7)
        shutil.copytree(self.root / "extended-cohn-kanade-images/cohn-kanade-images", self.root / "small")
        self.fails(1, "small/S005/001: its label Emotion_labels/Emotion/S005/001/S005_001_00000003_emotion.txt is that of another copy, too",
                   "data", "index", "ckplus", self.root, "--overwrite")
        read, _ = self.index("ckplus", "--media", "small")
        self.assertIn("small/S005/001", read)

    def test_ckplus_without_labels(self):
        layouts.ckplus(self.root)
        for path in self.root.rglob("*_emotion.txt"):
            path.write_text("happy")
        self.fails(1, "_emotion.txt: holds no whole number", "data", "index", "ckplus", self.root)
        for path in self.root.rglob("*_emotion.txt"):
            path.rename(path.with_name("x_emotion.txt").parent.parent / path.name)
        self.fails(1, "of 14 samples none has a file of its label (*_emotion.txt); put these files there, too",
                   "data", "index", "ckplus", self.root)


class Pattern(Indexed):
    def test_names_of_images(self):
        for i, (split, label) in enumerate((s, c) for s in ("train", "test") for c in ("Happy", "sad", "ANGRY")):
            layouts.put(self.root / f"all/p{i % 2}_{label}_{split}_{i}.jpg")
        layouts.put(self.root / "all/readme.jpg")
        read, told = self.index("folders", "--pattern", r"(?P<subject>p\d+)_(?P<label>[A-Za-z]+)_(?<split>\w+?)_\d+\.jpg$")
        self.assertEqual(read["all/p0_Happy_train_0.jpg"],
                         {"path": "all/p0_Happy_train_0.jpg", "label": "happiness", "split": "train", "subject": "p0"})
        self.assertEqual(count(read, "label"), {"happiness": 2, "sadness": 2, "anger": 2})
        self.assertIn("images or clips left out: 1 not named as the pattern says, the first is all/readme.jpg\n", told)

    def test_folders_of_frames(self):
        for subject in ("s1", "s2"):
            for label in ("happy", "sad"):
                layouts.frames(self.root / f"{subject}/{label}/clip3")
        read, _ = self.index("folders", "--pattern", r"^(?<subject>s\d)/(?<label>\w+)/(?:clip)(?<fold>\d)$")
        self.assertEqual(read["s1/sad/clip3"], {"path": "s1/sad/clip3", "label": "sadness", "fold": "3", "subject": "s1"})
        self.assertEqual(len(read), 4)

    def test_numbers_and_classes(self):
        for i in range(4):
            layouts.put(self.root / f"e{i % 2 + 1}_{i}.mp4")
        words = ("folders", "--pattern", r"e(?<label>\d)_")
        self.fails(1, "labels are numbers; name their classes in order with --classes", "data", "index", words[0], self.root, *words[1:])
        read, _ = self.index(*words, "--classes", "calm,wild", "--first-label", "1")
        self.assertEqual((read["e1_0.mp4"]["label"], read["e2_1.mp4"]["label"]), ("calm", "wild"))

    def test_of_a_known_set(self):
        """Codes stay those of the set."""
        layouts.ravdess(self.root)
        read, _ = self.index("ravdess", "--pattern", r"/01-01-(?<label>..)-..-..-..-(?<subject>..)\.mp4$")
        self.assertEqual(len(read), 16)
        self.assertEqual(count(read, "label"), {label: 2 for label in layouts.RAVDESS})

    def test_what_is_wrong_with_it(self):
        layouts.folders(self.root)
        for pattern, sentence, status in [
            ("(?<label>[", 'the pattern is no regular expression: missing terminating ] for character class, behind "(?<label>["', 2),
            ("(?<mood>.*)/", '"mood" is no group that is known; name groups label, subject, split and fold', 2),
            ("Happy/.*", '"Happy/.*" has no group (?<label>...); write one around what stands for the class, or add --unlabelled', 2),
            ("(?<label>x" + "y" * 2000 + ")", "the pattern has more than 2000 bytes; write a shorter one", 2),
        ]:
            with self.subTest(pattern=pattern[:40]):
                self.refused("folders", "--pattern: " + sentence, "--pattern", pattern, status=status)
        self.refused("folders", "ROOT: 18 images or clips are there and none is taken, as they are not named as the pattern says; the first "
                     "is test/Happy/0.jpg", "--pattern", r"(?<label>\w+)\.gif$")
        self.fails(1, ["the pattern fits the folder test/Happy and the image test/Happy/0.jpg in it", "correct the pattern"],
                   "data", "index", "folders", self.root, "--pattern", r"(?<split>\w+)/(?<label>\w+)")
        self.fails(1, 'the split "Happy" is none of train, val and test', "data", "index", "folders", self.root, "--pattern",
                   r"(?<label>\w+)/(?<split>\w+)/\d\.jpg$")
        self.refused("dfew", "--pattern: the set dfew does not take this option; leave it out", "--pattern", "(?<label>x)", status=2)

    def test_one_that_takes_for_ever(self):
        layouts.put(self.root / ("a" * 200 + ".jpg"))
        self.fails(1, "the pattern takes too many steps on this path", "data", "index", "folders", self.root, "--pattern", r"(?<label>(a|aa)+)\d$",
                   timeout=20)
