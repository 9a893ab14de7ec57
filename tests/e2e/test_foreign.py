"""Files of others: made to be slow, encrypted, of kinds that are not read, cut off under the reader. Each costs little and is told
in one sentence; sound ones by the same writers are read."""
import json
import struct
import subprocess
import time
import zlib

import foreign as f
from support import BINARY, Case, run


class Files(Case):
    def check(self, name, data, seconds=5):
        """What `data check` says of one file, and its report."""
        (self.dir / name).write_bytes(data)
        (self.dir / "list.csv").write_text(f"path\n{name}\n")
        begin = time.monotonic()
        done = run("data", "check", self.dir / "list.csv", "--root", self.dir, "--output", self.dir / "report.json", timeout=120)
        took = time.monotonic() - begin
        self.assertLess(took, seconds, f"{name}, {len(data)} bytes")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done, json.loads((self.dir / "report.json").read_text())

    def refused(self, name, data, words, seconds=5):
        done, report = self.check(name, data, seconds)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([fault["kind"] for fault in report["faults"]], ["unreadable"])
        self.assertIn(words, report["faults"][0]["text"])

    def read(self, name, data, frames, height, width, seconds=5):
        done, report = self.check(name, data, seconds)
        self.assertEqual(done.returncode, 0, report["faults"])
        files = report["files"]
        self.assertEqual(files["frames"], frames)
        self.assertEqual((files["height"]["max"], files["width"]["max"]), (height, width))


class Slow(Files):
    """The bounds of data/README.md."""

    def test_progressive_jpeg(self):
        self.read("a.jpg", f.jpeg(640, 480, 11), 1, 480, 640)
        self.read("b.jpg", f.jpeg(1600, 1200, 200), 1, 1200, 1600)
        self.refused("c.jpg", f.jpeg(8192, 8192, 480), "481 scans of 8192 x 8192 pixels are out of all proportion")
        self.refused("d.jpg", f.jpeg(16384, 16384, 100), "101 scans of 16384 x 16384 pixels")
        many = f.jpeg(1024, 1024, 800)
        self.refused("e.avi", f.avi(1024, 1024, b"MJPG", [many] * 40), "out of all proportion")

    def test_frames_of_a_dozen_bytes(self):
        self.read("a.mp4", f.skipping(16, 16, 200), 200, 256, 256)
        self.refused("b.mp4", f.skipping(256, 256, 60000), "out of all proportion")
        self.refused("c.mp4", f.skipping(1000, 1000, 2000), "out of all proportion", 10)
        frames = [f.annex_b(*f.parameter_sets(256, 256), f.key_frame(65536))]
        frames += [f.annex_b(f.skipped_frame(65536, i)) for i in range(1, 3000)]
        self.refused("d.avi", f.avi(4096, 4096, b"H264", frames), "out of all proportion")
        self.read("e.avi", f.avi(4096, 4096, b"H264", frames[:20]), 20, 4096, 4096)
        self.refused("f.gif", f.gif(16000, 16000, 2000), "out of all proportion")
        self.read("g.gif", f.gif(64, 64, 200), 200, 64, 64)

    def test_slices_over_one_another(self):
        blocks = 65536
        for firsts in (range(4000), [0] + [5] * 4000):
            slices = [f.sized(f.skipped_frame(blocks, 1, first)) for first in firsts]
            samples = [f.sized(f.key_frame(blocks)), b"".join(slices)]
            self.refused("a.mp4", f.mp4(4096, 4096, f.avc(256, 256), samples), "slices of 4096 x 4096 pixels in one frame", 20)

    def test_tables_of_mp4(self):
        entry, blocks = f.avc(16, 16), 256
        samples = [f.sized(f.key_frame(blocks))] + [f.sized(f.skipped_frame(blocks, i)) for i in range(1, 10)]
        many = 2**31 - 1
        for name, other in (
                ("sizes", {"stsz": f.table(b"stsz", 1, many)}),
                ("sizes28", {"stsz": f.table(b"stsz", 1, 2**28), "stsc": f.table(b"stsc", 1, 1, 2**28, 1)}),
                ("times", {"stts": f.table(b"stts", 1, many, 1)}),
                ("runs", {"stts": f.table(b"stts", 50000, *[many, 1] * 50000)}),
                ("shifts", {"ctts": f.table(b"ctts", 1, many, 1)}),
                ("chunks", {"stco": f.table(b"stco", many)}),
                ("in_chunks", {"stsc": f.table(b"stsc", 2, 1, many, 1, many, many, 1)})):
            with self.subTest(name):
                self.refused(name + ".mp4", f.mp4(256, 256, entry, samples, **other), "samples, more than a file of")
        self.refused("again.mp4", f.mp4(256, 256, entry, [samples[0] + bytes(20000)], stts=f.table(b"stts", 1, 50000, 1),
                                        stsc=f.table(b"stsc", 1, 1, 1, 1), stsz=f.table(b"stsz", len(samples[0]) + 20000, 50000),
                                        stco=lambda at: f.table(b"stco", 50000, *[at] * 50000)), "out of all proportion")
        edits = f.box(b"edts", f.table(b"elst", 20000, *[10, 0, 0x10000] * 20000))
        self.refused("edits.mp4", f.mp4(256, 256, entry, [b"\0"] * 20000, edits=edits), "20000 edits of 20000 samples")
        empty = {name: f.table(name.encode(), *numbers) for name, numbers in
                 (("stts", [0]), ("stsc", [0]), ("stsz", [0, 0]), ("stco", [0]))}
        runs = b"".join(f.box(b"moof", f.full(b"mfhd", 0, struct.pack(">I", i)), f.box(b"traf", f.full(
            b"tfhd", 0x20018, struct.pack(">III", 1, 1, 1)), f.full(b"trun", 0, struct.pack(">I", 2**26)))) for i in range(20))
        self.refused("runs.mp4", f.mp4(256, 256, entry, [], behind=runs, extends=f.box(b"mvex", f.full(
            b"trex", 0, struct.pack(">IIIII", 1, 1, 1, 1, 0))), **empty), "samples, more than a file of")
        deep = b""
        for _ in range(20000):
            deep = f.box(b"udta", deep)
        self.refused("deep.mp4", f.box(b"ftyp", b"isom", bytes(4)) + f.box(b"moov", deep), "")
        self.refused("packed.mp4", f.box(b"ftyp", b"isom", bytes(4)) + f.box(b"moov", f.box(
            b"cmov", f.box(b"dcom", b"zlib"), f.box(b"cmvd", struct.pack(">I", 2**30), f.zeros(2**28)))), "its header is compressed")

    def test_many_tracks_of_one_picture(self):
        samples = [f.sized(f.key_frame(65536))] + [f.sized(f.skipped_frame(65536, i)) for i in range(1, 20)]
        self.read("a.mp4", f.mp4(4096, 4096, f.avc(256, 256), samples, tracks=300), 20, 4096, 4096, 20)

    def test_matroska(self):
        blocks = [f.mkv_block(0, f.sized(f.key_frame(256)), True)]
        blocks += [f.mkv_block(40 * i, f.sized(f.skipped_frame(256, i))) for i in range(1, 20)]
        self.read("a.mkv", f.mkv([f.mkv_track(16, 16)], f.mkv_cluster(*blocks)), 20, 256, 256)
        cue = [f.element("BB", f.value("B3", 20000 - i), f.element("B7", f.value("F7", 1), f.value("F1", 9))) for i in range(20000)]
        self.read("cues.mkv", f.mkv([f.mkv_track(16, 16)], f.element("1C53BB6B", *cue), f.mkv_cluster(*blocks)), 20, 256, 256)
        deep = b""
        for _ in range(20000):
            deep = f.element("1654AE6B", deep, width=8)
        self.read("deep.mkv", f.mkv([f.mkv_track(16, 16)], deep, f.mkv_cluster(*blocks)), 20, 256, 256)
        self.read("void.mkv", f.mkv([f.mkv_track(16, 16)], f.mkv_cluster(*blocks), b"\xec\x80" * 300000), 20, 256, 256)
        tiny = [f.mkv_block(i % 30000, b"\xff" + bytes(256), flags=4) for i in range(3000)]
        self.refused("laced.mkv", f.mkv([f.mkv_track(64, 64)], f.mkv_cluster(f.mkv_block(0, f.sized(f.key_frame(4096)), True), *tiny)),
                     "out of all proportion")
        prefix = f.mkv_encoding(f.value("5033", 0), f.element("5034", f.value("4254", 3), f.element(
            "4255", f.sized(f.key_frame(256)) + bytes(100000))))
        self.refused("prefix.mkv", f.mkv([f.mkv_track(16, 16, encodings=prefix)], f.mkv_cluster(
            *[f.mkv_block(i, b"\0") for i in range(20000)])), "packets of")
        packed, bomb = f.mkv_encoding(f.value("5033", 0), f.element("5034", f.value("4254", 0))), f.zeros(9500000)
        self.refused("packed.mkv", f.mkv([f.mkv_track(16, 16, encodings=packed)], f.mkv_cluster(
            f.mkv_block(0, zlib.compress(f.sized(f.key_frame(256)))), *[f.mkv_block(i, bomb) for i in range(1, 40)])),
            "packets of")

    def test_avi_index(self):
        frames = [f.annex_b(*f.parameter_sets(16, 16), f.key_frame(256))]
        frames += [f.annex_b(f.skipped_frame(256, i)) for i in range(1, 20)]
        self.read("a.avi", f.avi(256, 256, b"H264", frames), 20, 256, 256)
        back = b"".join(struct.pack("<4sIII", b"00dc", 0x10, 16 * (60000 - i), 8) for i in range(60000))
        self.check("b.avi", f.avi(256, 256, b"H264", frames, back))
        self.check("c.avi", f.avi(256, 256, b"H264", frames + [b""] * 100000))

    def test_png(self):
        small = zlib.compress(bytes(13 * 4))
        bomb = f.zeros(7900000)
        for name, before in (("ztxt", f.png_chunk(b"zTXt", b"a\0\0" + bomb) * 300), ("text", f.png_chunk(b"tEXt", b"a\0bc") * 100000),
                             ("itxt", f.png_chunk(b"iTXt", b"a\0\1\0\0\0" + bomb) * 300), ("empty", f.png_chunk(b"abCd", b"") * 200000),
                             ("iccp", f.png_chunk(b"iCCP", b"a\0\0" + f.zeros(1 << 29))),
                             ("splt", b"".join(f.png_chunk(b"sPLT", b"a%d\0\x08" % i + bytes(600)) for i in range(3000)))):
            with self.subTest(name):
                self.read(name + ".png", f.png(4, 4, small, before=before), 1, 4, 4)
        self.read("more.png", f.png(4, 4, f.zeros(1 << 29)), 1, 4, 4, 10)
        self.read("parts.png", f.png(4, 4, small, behind=f.png_chunk(b"IDAT", b"") * 100000), 1, 4, 4)
        self.read("bits.png", f.png(16384, 16384, f.zeros(16384 * 2049), 1, 0), 1, 16384, 16384, 15)
        self.refused("head.png", f.png(16384, 16384, b""), "the PNG file is damaged")

    def test_other_images(self):
        self.read("a.bmp", f.bmp(16384, 16384, 8, b"\0\1", 1, palette=bytes(1024)), 1, 16384, 16384, 15)
        self.refused("b.bmp", f.bmp(16384, 16384, 8, b"\0\2\0\0" * 100000, 1, palette=bytes(1024)), "ends early", 15)
        self.read("c.tif", f.tiff(4000, 4000, 8, f.zeros(4000 * 4000)), 1, 4000, 4000, 10)
        self.refused("d.tif", f.tiff(4000, 4000, 5, b"\x80\0" * 100), "damaged")  # the strip ends early: not black in silence
        self.refused("e.tif", b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + struct.pack("<HHII", 270, 2, 1 << 20, 8) * 65535, "")
        self.read("f.ppm", b"P6\n" + b"#\n" * 300000 + b"16 16 255\n" + bytes(768), 1, 16, 16)
        self.refused("g.ppm", b"P3 16000 16000 255\n" + b"0 " * 300000, "")

    def test_bytes_that_look_like_many_things(self):
        for i, mark in enumerate((b"\x0b\x77", b"\xff\xfb\x90\0", b"OggS\0\2", b"\0\0\1\xba", b"\x47", b"\0\0\1\x67\x42", b"\x1a\x45\xdf\xa3")):
            self.refused(f"{i}.bin", (mark * (1 << 20))[:1 << 20], "", 10)


class Kinds(Files):
    def test_encrypted_videos(self):
        samples = [f.sized(f.key_frame(256))] + [f.sized(f.skipped_frame(256, i)) for i in range(1, 5)]
        for scheme in (b"cenc", b"cbcs"):
            protection = f.box(b"sinf", f.box(b"frma", b"avc1"), f.full(b"schm", 0, scheme, struct.pack(">I", 0x10000)))
            self.refused("a.mp4", f.mp4(256, 256, f.avc(16, 16, b"encv", protection), samples),
                         f"its video is encrypted ({scheme.decode()}), and s4d has no key; decrypt it")
        lock = f.mkv_encoding(f.value("5033", 1), f.element("5035", f.value("47E1", 5), f.element("47E2", b"0123456789abcdef")))
        self.refused("b.mkv", f.mkv([f.mkv_track(16, 16, encodings=lock)], f.mkv_cluster(f.mkv_block(0, samples[0], True))),
                     "its video is encrypted")
        packet = b"\x47\x41\0\xD0" + bytes(184)
        self.refused("c.ts", packet * 100, "encrypted (scrambled MPEG-TS)")

    def test_images_of_other_kinds(self):
        for name, data, words in (("a.jpg", b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "an HEIC image"),
                                  ("b.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
                                  ("c.jpg", b"%PDF-1.4\n", "a PDF document"), ("d.jpg", b"PK\3\4" + bytes(30), "a zip archive"),
                                  ("e.jpg", b"8BPS\0\1", "a Photoshop document"),
                                  ("f.tif", f.tiff(8, 8, 7, bytes(64)), "of a kind that is not read (JPEG inside)"),
                                  ("g.tif", f.tiff(8, 8, 1, bytes(256), 32), "(32 bits a sample)"),
                                  ("h.mp4", b"RIFF\x24\0\0\0WAVEfmt " + bytes(24), "a sound file (WAV)"),
                                  ("i.jpg", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")):
            with self.subTest(name):
                self.refused(name, data, words)
        grey = bytes(range(0, 256, 4))
        self.read("j.tif", f.tiff(8, 8, 1, grey), 1, 8, 8)
        self.read("k.tif", f.tiff(8, 8, 1, bytes(128), 16), 1, 8, 8)
        masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
        self.read("l.bmp", f.bmp(8, 8, 16, bytes(128), 3, masks), 1, 8, 8)

    def test_videos_of_other_kinds(self):
        self.refused("a.mov", f.mp4(64, 64, f.described(b"mjp2", 64, 64), [b"\xff\x4f\xff\x51"]), "of a kind that is not read (JPEG 2000)")
        self.refused("b.mp4", b"\x0b\x77" * 10, "")


class Shrinking(Files):
    def test_a_pack_cut_off_under_the_reader(self):
        """Whenever it happens, the run ends with a sentence that names the shard, or had read all before."""
        (self.dir / "set").mkdir()
        rows = ["path"]
        for i in range(60):
            (self.dir / f"set/{i}.mp4").write_bytes(f.skipping(32, 32, 40 + i))
            (self.dir / f"set/{i}.png").write_bytes(f.png(600, 600, zlib.compress(bytes([0, *[i] * 1800]) * 600, 0)))
            rows += [f"{i}.mp4", f"{i}.png"]
        (self.dir / "all.csv").write_text("\n".join(rows) + "\n")
        self.ok("data", "pack", self.dir / "all.csv", "--root", self.dir / "set", "--output", self.dir / "pack")
        shard = self.dir / "pack/shard-00000.s4dpack"
        whole = shard.read_bytes()
        met = 0
        for wait in (0.1, 0.2, 0.3, 0.5):
            shard.write_bytes(whole)
            process = subprocess.Popen([BINARY, "data", "check", self.dir / "all.csv", "--root", self.dir / "pack"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(wait)
            with open(shard, "r+b") as file:
                file.truncate(len(whole) // 10)
            out, errors = process.communicate(timeout=60)
            self.assertIn(process.returncode, (0, 1), errors)
            if process.returncode:
                met += 1
                self.assertIn("shard-00000.s4dpack", out + errors)
                self.assertIn("the shard is cut off", out + errors)
        self.assertGreater(met, 0)
