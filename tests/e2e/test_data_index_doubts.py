"""s4d data index: what cannot be a set is refused, whatever reads it, and is taken where --accept says that it is meant."""
import shutil

import layouts
from test_data_index import Indexed, rows

FOLDER = "name the folder that holds the classes, or say with --pattern where paths have them"


class Doubts(Indexed):
    def tree(self, *paths, data=b"x"):
        shutil.rmtree(self.root, ignore_errors=True)
        for path in paths:
            layouts.put(self.root / path, data)

    def accepted(self, word, name="folders", *more):
        self.ok("data", "index", name, self.root, "--accept", word, "--output", self.dir / "out.csv", "--overwrite", *more)
        return rows(self.dir / "out.csv")


class OneClass(Doubts):
    def test_every_reader(self):
        for name, make, more in [
            ("folders", lambda: self.tree("train/happy/1.jpg", "test/happy/1.jpg"), ()),
            ("folders", lambda: self.tree("a_happy_1.jpg", "b_happy_2.jpg"), ("--pattern", "_(?<label>[a-z]+)_")),
            ("csv", lambda: self.tree("mine.csv", data="path,label\nmine.csv,happy\n"), ()),
            ("ravdess", lambda: self.tree("01-01-03-01-01-01-01.mp4", "01-01-03-01-02-01-01.mp4"), ()),
            ("afew", lambda: self.tree("Train/Happy/1.avi", "Val/Happy/2.avi"), ()),
            ("affectnet8", lambda: [layouts.affectnet_npy(self.root, 4), [p.write_bytes(layouts.npy(1)) for p in self.root.rglob("*_exp.npy")]], ()),
            ("dfew", lambda: self.one_list("train_set_1.csv", "video_name,label\n1,0\n", "1.mp4"), ()),
            ("rafdb", lambda: self.one_list("train.txt", "a.jpg 4\n", "a.jpg"), ("--first-label", "1")),
            ("ferplus", lambda: self.one_list("train.csv", f"a.png,{layouts.votes(1)}\n", "a.png"), ()),
            ("videomae", lambda: self.one_list("train.csv", "a.mp4 happy\n", "a.mp4"), ()),
            ("fer2013", lambda: self.one_list("fer2013.csv", "emotion,pixels,Usage\n3,1,Training\n", "x.jpg"), ()),
        ]:
            with self.subTest(name=name, more=more):
                shutil.rmtree(self.root, ignore_errors=True)
                make()
                before = sorted(self.root.rglob("*"))
                self.fails(1, ["are of one class, \"", "add --accept one-class if it is the only one"], "data", "index", name, self.root, *more)
                self.assertEqual(sorted(self.root.rglob("*")), before)
                self.assertTrue(self.accepted("names,one-class", name, *more))

    def one_list(self, path, text, sample):
        layouts.put(self.root / path, text)
        layouts.put(self.root / sample)
        if path == "train_set_1.csv":
            layouts.put(self.root / "test_set_1.csv", "video_name,label\n2,0\n")
            layouts.put(self.root / "2.mp4")

    def test_sentence(self):
        self.tree("unpacked/happy/1.jpg", "unpacked/sad/1.jpg")
        self.refused("folders", "ROOT: unpacked/happy would be a clip, but its folder is called as a class is; " + FOLDER +
                     ", or add --accept stills if it is a clip")
        self.tree("happy/1.jpg", "happy/2.jpg")
        self.refused("folders", f'ROOT: all samples with a label, 2, are of one class, "happiness"; {FOLDER}, or add --accept one-class if it '
                     "is the only one")
        self.assertEqual(len(self.accepted("one-class")), 2)

    def test_without_labels_there_is_none(self):
        layouts.voxceleb2(self.root)
        self.index("voxceleb2")


class Names(Doubts):
    def test_names(self):
        split, person, files = "which is the name of a split", "which is the name of a person", "which is the name of files or of what holds them"
        for name, why in [
            *((n, split) for n in ("dev", "train_set", "Test", "FER2013Train", "trainset", "val", "Validation", "TrainImages", "eval", "test_aligned",
                                   "PublicTest", "Train_AFEW")),
            *((n, person) for n in ("Actor_01", "actor01", "sub01", "sub-01", "s001", "id00012", "P001", "subject 12", "M003", "W_9", "person_b",
                                    "Video_Speech_Actor_01", "speaker3")),
            *((n, files) for n in ("images", "Videos", "frames", "annotations", "jpg", "PNG", "mp4", "clips", "VideoFlash", "AudioWAV", "clip_224x224",
                                   "clip001", "OriginalImg", "Manually_Annotated_Images", "raw_data", "dataset", "img2", "faces", "labels", "video1")),
        ]:
            with self.subTest(name=name):
                self.tree(f"{name}/1.mp4", "happy/1.mp4")
                self.refused("folders", f'ROOT: a class would be called "{name.lower()}", {why}; {FOLDER}, or add --accept names if it is a class')
                self.assertEqual({row["label"] for row in self.accepted("names")}, {name.lower(), "happiness"})

    def test_names_of_classes(self):
        names = ["Angry", "calm", "happily surprised", "au12", "pain 3", "neutral_face", "valence high", "other", "None", "level2", "不", "class 1",
                 "bored-2", "attested", "detrained", "a-b"]
        self.tree(*(f"{name}/1.mp4" for name in names))
        read, _ = self.index("folders")
        self.assertEqual(len({row["label"] for row in read.values()}), len(names))

    def test_lists(self):
        layouts.put(self.root / "a.mp4")
        layouts.put(self.root / "mine.csv", "path,label\na.mp4,actor_01\n./b.mp4,actor_02\n")
        layouts.put(self.root / "b.mp4")
        self.refused("csv", 'ROOT: a class would be called "actor_01", which is the name of a person; take the whole set, and lists that name '
                     "classes, or add --accept names if it is a class")
        self.index("csv", "--classes", "actor_01,actor_02")

    def test_the_public_cases(self):
        layouts.affectnet_npy(self.root)
        self.fails(1, 'a class would be called "images", which is the name of files', "data", "index", "folders", self.root)
        shutil.rmtree(self.root)
        layouts.ravdess(self.root)
        self.fails(1, ["lies deeper than CLASS/SAMPLE", "--pattern"], "data", "index", "folders", self.root)
        shutil.rmtree(self.root)
        layouts.cremad(self.root)
        self.fails(1, 'a class would be called "videoflash"', "data", "index", "folders", self.root)
        shutil.rmtree(self.root)
        layouts.oulucasia(self.root)
        self.fails(1, "lies deeper than CLASS/SAMPLE", "data", "index", "folders", self.root)


class Places(Doubts):
    def test_deep(self):
        for path in ("happy/session1/1.mp4", "happy/a/b/1.jpg"):
            self.tree(path, "sad/x.mp4")
            shown = path if path.endswith("mp4") else "happy/a/b"
            self.refused("folders", f"ROOT: {shown} lies deeper than CLASS/SAMPLE, so that its class is not told by its folders; say with "
                         "--pattern what they are, or add --accept deep where the class is the first")
            self.assertEqual([row["path"] for row in self.accepted("deep")], [shown, "sad/x.mp4"])

    def test_beside_splits(self):
        layouts.folders(self.root)
        layouts.put(self.root / "docs/figure.png")
        layouts.put(self.root / "docs/paper.pdf")
        self.refused("folders", "ROOT: train and others are splits, but docs beside them is none and holds images; move it away, or leave "
                     "it out with --accept beside")
        read = self.accepted("beside")
        self.assertEqual(len(read), 18)
        (self.root / "docs/figure.png").unlink()
        read, told = self.index("folders")
        self.assertEqual(len(read), 18)
        layouts.put(self.root / "front.jpg")
        self.fails(1, "front.jpg beside them is none", "data", "index", "folders", self.root, "--overwrite")

    def test_stray(self):
        """What network drives, macOS, Windows and tools leave is passed over, and told."""
        layouts.folders(self.root)
        for name in ("@eaDir/train/im0.png/SYNOPHOTO_THUMB_M.jpg", "train/Happy/@eaDir/0.jpg/SYNOPHOTO_THUMB_S.jpg", "__MACOSX/train/Happy/._0.jpg",
                     ".AppleDouble/0.jpg", "lost+found/x.jpg", ".git/x.jpg", "#recycle/train/Happy/9.jpg", "$RECYCLE.BIN/x.mp4",
                     "System Volume Information/x.jpg", "test/sad/.ipynb_checkpoints/0-checkpoint.jpg", "test/sad/._0.jpg", "test/sad/Thumbs.db",
                     "test/desktop.ini", ".DS_Store"):
            layouts.put(self.root / name)
        read, told = self.index("folders")
        self.assertEqual(len(read), 18)
        line = next(line for line in told.splitlines() if "they are no part of a set" in line)
        self.assertEqual(len(line.split(": ")[1].split(", ")), 6)
        self.assertIn("@eaDir", line)
        shutil.rmtree(self.root)
        layouts.dfew_release(self.root)
        layouts.put(self.root / "clips/@eaDir/00001/1.jpg")
        layouts.put(self.root / "@eaDir/train_set_1.csv", "video_name,label\n1,1\n")
        read, told = self.index("dfew")
        self.assertEqual(len(read), 35)
        self.assertIn("left out, as systems and tools make them and they are no part of a set: @eaDir\n", told)

    def test_accept(self):
        layouts.folders(self.root)
        self.refused("folders", '--accept: "everything" is none of one-class, names, deep, beside and stills', "--accept", "names,everything", status=2)


class Clips(Doubts):
    def clip(self, name, *sizes):
        for i, size in enumerate(sizes):
            layouts.put(self.root / name / f"{i}.png", layouts.png(*size))

    def test_sizes(self):
        same, other = ((40, 30),) * 4, ((40, 30), (64, 48), (20, 20))
        for name in ("happy", "sad"):
            self.clip(f"{name}/a", *(same if name == "sad" else other))
            self.clip(f"{name}/b", *(same if name == "sad" else other))
        self.refused("folders", "ROOT: happy/b would be a clip, but its images have very different sizes, as those of no clip have; " + FOLDER +
                     ", or add --accept stills if it is a clip")
        self.assertEqual(len(self.accepted("stills")), 4)

    def test_sizes_of_crops(self):
        """Faces that are cut out of frames differ a little; one clip of a class that is odd does not stop the set."""
        for name in ("happy", "sad"):
            self.clip(f"{name}/a", (40, 30), (44, 33), (38, 29))
            self.clip(f"{name}/b", (40, 30), (44, 33), (38, 29))
        self.clip("sad/a", (40, 30), (90, 70))
        read, _ = self.index("folders")
        self.assertEqual(len(read), 4)

    def test_every_reader(self):
        for i, name in enumerate(("anger", "fear")):
            self.clip(f"VL/Strong/P00{i}/{name}", (40, 30), (90, 70))
        self.fails(1, "VL/Strong/P000/anger would be a clip, but its images have very different sizes", "data", "index", "oulucasia", self.root)
        self.assertEqual(len(self.accepted("stills", "oulucasia")), 2)

    def test_folders_of_classes_and_of_files(self):
        for inner, why in (("sad", "its folder is called as a class is"), ("Surprise", "its folder is called as a class is"),
                           ("images", "its folder is not called as a clip's is"), ("test", "its folder is not called as a clip's is")):
            self.tree(f"bob/{inner}/1.jpg", "eve/clip1/1.jpg")
            self.fails(1, f"bob/{inner} would be a clip, but {why}", "data", "index", "folders", self.root)
            self.assertEqual(len(self.accepted("stills")), 2)
