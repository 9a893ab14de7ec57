"""s4d data index: lists in other forms than path and label: votes, pixels, columns in another order, and lists without a sample."""
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time
import unittest
import zlib

import layouts
from support import BINARY
from test_data_index import Indexed, rows


def gray(path):
    """Height, width and pixels of a PNG file; colour must be gray. A small reader, for what libpng writes."""
    data, at, body = pathlib.Path(path).read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        body += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    n = {0: 1, 2: 3}[colour]
    raw, out, before = zlib.decompress(body), [], [0] * (width * n)
    assert depth == 8
    for y in range(height):
        line = raw[y * (width * n + 1):(y + 1) * (width * n + 1)]
        row = []
        for x, byte in enumerate(line[1:]):
            left, up, corner = (row[x - n] if x >= n else 0), before[x], (before[x - n] if x >= n else 0)
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            row.append((byte + [0, left, up, (left + up) // 2, near][line[0]]) % 256)
        before = row
        assert all(len(set(row[x:x + n])) == 1 for x in range(0, len(row), n))
        out += row[::n]
    return height, width, out


class Votes(Indexed):
    def test_as_the_script_leaves_them(self):
        layouts.ferplus_votes(self.root)
        read, told = self.index("ferplus")
        self.assertEqual(len(read), 32)
        for part, split, n in (("FER2013Train", "train", 16), ("FER2013Valid", "val", 8), ("FER2013Test", "test", 8)):
            for i in range(n):
                row = read[f"{part}/fer{i:07d}.png"]
                self.assertEqual((row["label"], row["split"]), (layouts.FERPLUS[i % 8], split))

    def test_what_is_left_out(self):
        layouts.ferplus_votes(self.root)
        more = [',"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,0,10', 'a.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,6,4', 'b.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,3,7',
                'c.png,"(0, 0, 48, 48)",5,5,0,0,0,0,0,0,0,0', 'd.png,"(0, 0, 48, 48)",2,2,2,2,0,0,0,0,2,0', 'e.png,"(0, 0, 48, 48)",0,0,0,0,4,0,0,0,3,3',
                'f.png,"(0, 0, 48, 48)",0,4,0,0,0,0,0,0,4,2', 'g.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,0,0']
        with open(self.root / "FER2013Train/label.csv", "a") as file:
            file.write(layouts.lines(more))
        layouts.put(self.root / "FER2013Train/e.png")
        read, told = self.index("ferplus")
        self.assertEqual(len(read), 33)
        self.assertEqual(read["FER2013Train/e.png"]["label"], "anger")
        self.assertIn("of 40 lines left out: 2 whose most votes are for unknown or NF (no face), 4 with a tie, 1 without a name\n", told)

    def test_the_list_of_all(self):
        """fer2013new.csv, where the images are there under FER+'s names; without a box there are eleven columns."""
        lines = [f"{layouts.usage(i, 16)},fer{i:07d}.png,{layouts.votes(i % 8)}" for i in range(16)]
        layouts.put(self.root / "fer2013new.csv", layouts.lines(lines + ["Training,,0,0,0,0,0,0,0,0,0,10"], layouts.VOTES_HEADER))
        for i in range(16):
            layouts.put(self.root / f"images/fer{i:07d}.png")
        read, _ = self.index("ferplus")
        self.assertEqual([read[f"images/fer{i:07d}.png"]["split"] for i in (0, 7, 8, 11, 12, 15)], ["train", "train", "val", "val", "test", "test"])
        self.assertEqual([read[f"images/fer{i:07d}.png"]["label"] for i in range(8)], layouts.FERPLUS)
        shutil.rmtree(self.root)
        for part in ("train", "test"):
            layouts.put(self.root / part / "label.csv", layouts.lines(f"{i}.png,{layouts.votes(i)}" for i in range(8)))
            for i in range(8):
                layouts.put(self.root / part / f"{i}.png")
        read, _ = self.index("ferplus")
        self.assertEqual([read[f"test/{i}.png"]["label"] for i in range(8)], layouts.FERPLUS)

    def test_faults(self):
        layouts.ferplus_votes(self.root)
        path = self.root / "FER2013Test/label.csv"
        good = path.read_text()
        path.write_text(good + 'x.png,"(0, 0, 48, 48)",1,2,3\n')
        self.refused("ferplus", "FER2013Test/label.csv: line 9: there are not 10 numbers of votes behind the name; correct the list")
        path.write_text(good + 'x.png,"(0, 0, 48, 48)",1,2,x,0,0,0,0,0,0,0\n')
        self.refused("ferplus", "FER2013Test/label.csv: line 9: there are not 10 numbers of votes behind the name; correct the list")
        shutil.rmtree(self.root)
        layouts.put(self.root / "fer2013new.csv", layouts.lines(["Holiday,a.png," + layouts.votes(1)], layouts.VOTES_HEADER))
        self.refused("ferplus", 'fer2013new.csv: line 2: the usage "Holiday" is none of Training, PublicTest and PrivateTest; correct the list')


class Pixels(Indexed):
    def index_pixels(self, name="fer2013", *more):
        self.ok("data", "index", name, self.root, "--output", self.dir / "out.csv", "--overwrite", *more)
        return {row["path"]: row for row in rows(self.dir / "out.csv")}

    def check(self, read, folder="fer2013_images", classes=layouts.FER2013, n=28):
        self.assertEqual(len(read), n)
        for i in range(n):
            row = read[f"{folder}/{i:05d}.png"]
            self.assertEqual((row["label"], row["split"]), (classes[i % len(classes)], {"T": "train", "Pu": "val", "Pr": "test"}[
                layouts.usage(i, n)[:1 if i < n // 2 else 2]]))
            self.assertEqual(gray(self.root / row["path"]), (4, 4, layouts.pixels(i)))

    def test_fer2013(self):
        for head in ("emotion,pixels,Usage", "emotion, Usage, pixels", " Emotion ,usage,Pixels"):
            with self.subTest(head=head):
                shutil.rmtree(self.root, ignore_errors=True)
                self.root.mkdir()
                cells = head.replace("Emotion", "emotion").replace("usage", "Usage").replace("Pixels", "pixels")
                layouts.fer2013(self.root, head=cells)
                layouts.put(self.root / "fer2013.csv", (self.root / "fer2013.csv").read_text().replace(cells, head))
                self.check(self.index_pixels())

    def test_where_it_is_written(self):
        layouts.fer2013(self.root)
        before = (self.root / "fer2013.csv").read_bytes()
        done = self.ok("data", "index", "fer2013", self.root)
        self.assertIn(f"fer2013.csv: 28 images are written as PNG files into {self.root}/fer2013_images\n", done.stdout)
        self.assertEqual(sorted(os.listdir(self.root)), ["fer2013.csv", "fer2013_images", "fer2013_manifest.csv"])
        self.assertEqual((self.root / "fer2013.csv").read_bytes(), before)
        line = self.fails(1, [], "data", "index", "fer2013", self.root, "--overwrite", "--output", self.root / "fer2013.csv")
        self.assertEqual(line, f"s4d: {self.root}/fer2013.csv: is a list that is read and would be replaced; write elsewhere with --output")
        self.assertEqual((self.root / "fer2013.csv").read_bytes(), before)

    def test_written_once(self):
        """What is there is compared and kept; where it is another image, nothing is replaced."""
        layouts.fer2013(self.root)
        self.index_pixels()
        path = self.root / "fer2013_images/00003.png"
        dates = {p: p.stat().st_mtime_ns for p in path.parent.iterdir()}
        done = self.ok("data", "index", "fer2013", self.root, "--output", self.dir / "again.csv")
        self.assertIn(f"28 images are as they were written before, in {self.root}/fer2013_images\n", done.stdout)
        self.assertEqual(dates, {p: p.stat().st_mtime_ns for p in path.parent.iterdir()})
        kept = path.read_bytes()
        for data in (kept[:40], (path.parent / "00004.png").read_bytes(), None):
            path.write_bytes(data) if data else path.unlink()
            line = self.fails(1, [], "data", "index", "fer2013", self.root)
            self.assertEqual(line, f"s4d: {path}: is not the image of line 4 behind the header of fer2013.csv; move the folder away, so that "
                             "it is written anew")
            self.assertEqual(sorted(os.listdir(self.root)), ["fer2013.csv", "fer2013_images"])

    def test_cut_short(self):
        """A kill while images are written leaves a folder that the next time begins anew; an interrupt leaves none."""
        layouts.fer2013(self.root, n=30000)
        for number in (signal.SIGKILL, signal.SIGINT):
            shutil.rmtree(self.root / "fer2013_images.tmp", ignore_errors=True)
            child = subprocess.Popen([BINARY, "data", "index", "fer2013", self.root], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            until = time.monotonic() + 60
            while not (self.root / "fer2013_images.tmp/00100.png").exists() and child.poll() is None and time.monotonic() < until:
                time.sleep(0.001)
            child.send_signal(number)
            error = child.communicate(timeout=60)[1]
            self.assertNotEqual(child.returncode, 0)
            self.assertEqual((self.root / "fer2013_images.tmp").exists(), number == signal.SIGKILL)
            self.assertFalse((self.root / "fer2013_images").exists())
        self.assertIn("interrupted; nothing was written", error)
        layouts.fer2013(self.root)
        (self.root / "fer2013_images.tmp").mkdir()
        self.check(self.index_pixels())
        self.assertFalse((self.root / "fer2013_images.tmp").exists())

    def test_parts_of_the_challenge(self):
        """icml_face_data.csv beside fer2013.csv; train.csv, which has no Usage, and test.csv, which has no labels."""
        layouts.fer2013(self.root)
        layouts.fer2013(self.root, head="emotion, Usage, pixels", name="icml_face_data.csv")
        layouts.fer2013(self.root, head="emotion,pixels", name="train.csv")
        layouts.fer2013(self.root, head="pixels", name="test.csv")
        done = self.ok("data", "index", "fer2013", self.root)
        self.assertIn("fer2013.csv is read and icml_face_data.csv is not, as both hold images and their usage\n", done.stdout)
        shutil.rmtree(self.root / "fer2013_images")
        (self.root / "fer2013_manifest.csv").unlink()
        (self.root / "fer2013.csv").unlink()
        read = self.index_pixels()
        self.check(read, "icml_face_data_images")
        (self.root / "icml_face_data.csv").unlink()
        done = self.ok("data", "index", "fer2013", self.root, "--output", self.dir / "train.csv")
        self.assertIn("test.csv is not read, as it has no column of labels\n", done.stdout)
        read = rows(self.dir / "train.csv")
        self.assertEqual({row["split"] for row in read}, {"train"})
        self.assertEqual(read[9], {"path": "train_images/00009.png", "label": "fear", "split": "train"})

    def test_joined(self):
        layouts.fer2013(self.root)
        votes = [f"{layouts.usage(i, 28)},{'' if i == 5 else f'fer{i:07d}.png'},{layouts.votes(i % 8, 5 if i == 6 else 9)}" for i in range(28)]
        layouts.put(self.root / "fer2013new.csv", layouts.lines(votes, layouts.VOTES_HEADER))
        read, told = self.index("ferplus")
        self.assertEqual(len(read), 26)
        self.assertEqual(read["fer2013_images/00010.png"], {"path": "fer2013_images/00010.png", "label": "surprise", "split": "train"})
        self.assertEqual(read["fer2013_images/00027.png"], {"path": "fer2013_images/00027.png", "label": "sadness", "split": "test"})
        self.assertEqual(gray(self.root / "fer2013_images/00010.png")[2], layouts.pixels(10))
        self.assertIn("of 28 lines left out: 0 whose most votes are for unknown or NF (no face), 1 with a tie, 1 without a name\n", told)
        self.assertEqual(len(self.index_pixels()), 28)  # the same images serve FER2013's own labels
        self.ok("data", "check", self.root / "ferplus.csv", "--root", self.root)
        (self.root / "ferplus.csv").unlink()
        layouts.put(self.root / "fer2013new.csv", layouts.lines(votes[:-1], layouts.VOTES_HEADER))
        self.refused("ferplus", "fer2013new.csv: has 27 lines of votes, and fer2013.csv has 28 images; take two files that belong together")
        (self.root / "fer2013new.csv").unlink()
        self.refused("ferplus", "ROOT: there are the images (fer2013.csv) but not the votes of FER+; put fer2013new.csv beside them")

    def test_the_repository_of_ferplus(self):
        """label.csv of each part is there, but no image besides those of fer2013.csv."""
        layouts.fer2013(self.root)
        layouts.put(self.root / "fer2013new.csv", layouts.lines((f"{layouts.usage(i, 28)},fer{i:07d}.png,{layouts.votes(i % 8)}"
                                                                 for i in range(28)), layouts.VOTES_HEADER))
        layouts.put(self.root / "data/FER2013Train/label.csv", 'fer0000000.png,"(0, 0, 48, 48)",' + layouts.votes(0) + "\n")
        for _ in range(2):
            read, _ = self.index("ferplus")
            self.assertEqual(len(read), 28)

    def test_ckextended(self):
        layouts.fer2013(self.root, name="ckextended.csv", codes=8)
        self.check(self.index_pixels("ckplus"), "ckextended_images", layouts.FER2013 + ["contempt"])

    def test_faults(self):
        for old, new, sentence in [
            ("3,111", "9,111", 'fer2013.csv: line 5: label "9" is a number, where others are names'),
            (" 122 ", " 256 ", "fer2013.csv: line 5: the pixels are not all numbers of 0 to 255 with blanks between"),
            (" 122 ", " 1x2 ", "fer2013.csv: line 5: the pixels are not all numbers of 0 to 255 with blanks between"),
            (" 122 ", " ", "fer2013.csv: line 5: 15 pixels are no square image, such as 2304 for 48 x 48"),
            ("20,Training", "20,training set 7,9", ""),
            ("20,Training", "20,Holiday", 'fer2013.csv: line 5: the usage "Holiday" is none of Training, PublicTest and PrivateTest'),
            ("20,Training", "20", "fer2013.csv: line 5: the line has too few columns"),
            ("pixels,Usage", "pictures,Usage", "fer2013.csv: has no header with the columns emotion and pixels; take the file as it is given out"),
        ]:
            with self.subTest(new=new):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.fer2013(self.root)
                path = self.root / "fer2013.csv"
                text = path.read_text().splitlines()
                line = 0 if "Usage" in old else 4
                self.assertIn(old, text[line])
                text[line] = text[line].replace(old, new, 1)
                path.write_text("\n".join(text) + "\n")
                if sentence:
                    self.fails(1, sentence, "data", "index", "fer2013", self.root)
                    self.assertEqual(os.listdir(self.root), ["fer2013.csv"])
                else:
                    self.ok("data", "index", "fer2013", self.root)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_full_disk(self):
        """A limit on file size stands in for a full disk."""
        layouts.fer2013(self.root, n=28)
        done = subprocess.run(["bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$0" data index fer2013 "$1" --output /dev/null --overwrite', BINARY,
                               self.root], text=True, capture_output=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("fer2013_images.tmp/00000.png: cannot be written: ", done.stderr)
        self.assertEqual(os.listdir(self.root), ["fer2013.csv"])

    def test_as_another_set(self):
        layouts.fer2013(self.root)
        self.refused("csv", 'fer2013.csv: has the images in it, as FER2013 has; take "s4d data index fer2013", which writes them as files')


class Columns(Indexed):
    def rafdb(self, form, comma=False):
        layouts.rafdb(self.root, originals=False)
        path = self.root / "EmoLabel/list_patition_label.txt"
        cells = [line.split() for line in path.read_text().splitlines()]
        path.write_text(layouts.lines((("," if comma else " ").join(form(i, *row)) for i, row in enumerate(cells)), end="\r\n"))

    def check(self, said):
        read, told = self.index("rafdb")
        self.assertEqual(len(read), 84)
        for i in range(1, 71):
            self.assertEqual(read[f"Image/aligned/train_{i:05d}_aligned.jpg"]["label"], layouts.RAFDB[i % 7])
        self.assertIn("EmoLabel/list_patition_label.txt: " + said + "\n", told)
        shutil.rmtree(self.root)

    def test_read(self):
        for comma in (False, True):
            with self.subTest(comma=comma):
                self.rafdb(lambda i, name, label: (label, name), comma)
                self.check("no header, and the label stands in front of the path")
                self.rafdb(lambda i, name, label: (name, label, label), comma)
                self.check("3 columns and no header: the second is read as the label, as the other says the same in every line")
                self.rafdb(lambda i, name, label: (name, label, f"0.{i}"), comma)
                self.check("3 columns and no header: the second is read as the label, as the other is no whole number")
                self.rafdb(lambda i, name, label: (name, f"{i}.5", label), comma)
                self.check("3 columns and no header: the third is read as the label, as the other is no whole number")
                self.rafdb(lambda i, name, label: (name, label, layouts.RAFDB[int(label) - 1]), comma)
                self.check("3 columns and no header: the third is read as the label, as it names classes")
                self.rafdb(lambda i, name, label: (label, "x", name), comma)
                self.check("3 columns and no header: the first is read as the label, as the other is no whole number")

    def test_asked(self):
        for comma in (False, True):
            with self.subTest(comma=comma):
                self.rafdb(lambda i, name, label: (name, str(int(label) - 1), "0"), comma)
                self.refused("rafdb", 'EmoLabel/list_patition_label.txt: line 1: 3 columns and no header, and both "1" and "0" may be the label; '
                             "leave one of the two columns out, or write a header such as path,label,other")
                shutil.rmtree(self.root)
                self.rafdb(lambda i, name, label: (name, label, label) if i != 7 else (name, label), comma)
                self.fails(1, "line 8: 2 columns, where the first line has 3", "data", "index", "rafdb", self.root)
                shutil.rmtree(self.root)

    def test_with_a_header(self):
        layouts.rafdb(self.root, originals=False)
        path = self.root / "EmoLabel/list_patition_label.txt"
        path.write_text(layouts.lines((",".join(["x", *reversed(line.split())]) for line in path.read_text().splitlines()), "other,label,path"))
        read, _ = self.index("rafdb")
        self.assertEqual(read["Image/aligned/train_00003_aligned.jpg"]["label"], layouts.RAFDB[3])

    def test_compound_expressions(self):
        layouts.rafdb(self.root, originals=False)
        path = self.root / "EmoLabel/list_patition_label.txt"
        path.write_text(layouts.lines(f"{line.split()[0]} {i % 11 + 1}" for i, line in enumerate(path.read_text().splitlines())))
        self.fails(1, "label 8 is not in 1..7, the numbers of rafdb", "data", "index", "rafdb", self.root)
        read, _ = self.index("rafdb", "--classes", "rafdb_compound")
        self.assertEqual(read["Image/aligned/train_00011_aligned.jpg"]["label"], "disgustedly surprised")


class Nothing(Indexed):
    """Lists that are empty, or of which every line is left out."""

    def test_every_reader(self):
        head, votes = layouts.AFFECTNET_HEADER + "\n", layouts.VOTES_HEADER + "\n"
        empty, header = "the list is empty; ", "the list holds a header and no sample; take the whole one"
        left_out = "every line of the lists is left out, as none is of a class of the set "
        for name, path, text, sentence in [
            *((name, path, blank, empty) for blank in ("", "\n\n", "\ufeff", "\ufeff\r\n \t\n", " ") for name, path in
              (("dfew", "train_set_1.csv"), ("ferv39k", "train.csv"), ("mafw", "set_1/train.txt"), ("affectnet8", "training.csv"),
               ("rafdb", "list_patition_label.txt"), ("ferplus", "fer2013new.csv"), ("ferplus", "FER2013Train/label.csv"),
               ("videomae", "train.csv"), ("csv", "mine.csv"))),
            ("dfew", "train_set_1.csv", "video_name,label\n", header), ("ferv39k", "train.csv", "path,id\n", header),
            ("mafw", "train_set_1.csv", "video_name,labels\n\n", header), ("affectnet7", "training.csv", head, header),
            ("ferplus", "fer2013new.csv", votes, header), ("fer2013", "fer2013.csv", "emotion,pixels,Usage\n", header),
            ("csv", "mine.csv", "path,label\n", header), ("csv", "mine.csv", "path\n", header), ("videomae", "train.csv", "path,label\n", header),
            ("affectnet7", "training.csv", head + "x.jpg,0,0,1,1,1;2,8,0,0\nx.jpg,0,0,1,1,1;2,9,0,0\n", left_out + "affectnet7"),
            ("affectnet7", "training.csv", "a,b,c,d,e,f,8,0,0\n", left_out + "affectnet7"),
            ("affectnet7", "training.csv", head + "x.jpg,0,0,1,1,1;2,7,0,0\n", left_out + "affectnet7"),
            ("affectnet8", "training.csv", head + "x.jpg,0,0,1,1,1;2,10,0,0\n", left_out + "affectnet8"),
            ("ferplus", "fer2013new.csv", votes + "Training,,0,0,0,0,0,0,0,0,0,10\n", left_out + "ferplus"),
            ("ferplus", "FER2013Test/label.csv", 'x.jpg,"(0, 0, 48, 48)",5,5,0,0,0,0,0,0,0,0\n', left_out + "ferplus"),
            ("fer2013", "fer2013.csv", "", "has no header with the columns emotion and pixels"),
        ]:
            with self.subTest(name=name, path=path, text=text):
                shutil.rmtree(self.root, ignore_errors=True)
                layouts.put(self.root / path, text)
                layouts.put(self.root / "x.jpg")
                self.fails(1, sentence, "data", "index", name, self.root)
                self.assertFalse((self.root / f"{name}.csv").exists() and name != "fer2013")

    def test_csv_without_labels(self):
        for text in ("path\na.mp4\n", "path,label\na.mp4,\n"):
            layouts.put(self.root / "a.mp4")
            layouts.put(self.root / "mine.csv", text)
            done = self.ok("data", "index", "csv", self.root, "--overwrite")
            self.assertIn("no label is read: no line that is taken has one\n", done.stdout)
            self.assertEqual((self.root / "csv.csv").read_text(), "path\na.mp4\n")

    def test_label_files(self):
        layouts.affectnet_npy(self.root, 3)
        for path in self.root.rglob("*_exp.npy"):
            path.write_bytes(layouts.npy(8))
        self.refused("affectnet8", "ROOT: every sample is left out, as none is of a class of the set affectnet8; take the whole set")
