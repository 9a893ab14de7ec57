"""Writers of images and videos, byte by byte: sound ones, and ones made to be slow. Nothing but the standard library is needed.

H.264 here is a grey key frame of eight bits a macroblock, then frames of a dozen bytes in which every macroblock is skipped."""
import struct
import zlib


class Bits:
    def __init__(self):
        self.text = ""

    def u(self, n, value):
        self.text += format(value, f"0{n}b") if n else ""
        return self

    def ue(self, value):
        n = (value + 1).bit_length()
        return self.u(n - 1, 0).u(n, value + 1)

    def se(self, value):
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def end(self):
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


# ---- H.264 (ITU-T H.264, 7.3) ----

def unit(kind, body):
    out, zeros = bytearray([kind]), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def parameter_sets(wide, high):
    """For wide x high macroblocks of 16 x 16 pixels."""
    s = Bits().u(8, 66).u(8, 0xC0).u(8, 62).ue(0).ue(4).ue(2).ue(1).u(1, 0).ue(wide - 1).ue(high - 1).u(1, 1).u(1, 1).u(2, 0)
    p = Bits().ue(0).ue(0).u(2, 0).ue(0).ue(0).ue(0).u(3, 0).se(0).se(0).se(0).u(3, 4)
    return unit(0x67, s.end()), unit(0x68, p.end())


def key_frame(blocks):
    head = Bits().ue(0).ue(7).ue(0).u(8, 0).ue(0).u(2, 0).se(0).ue(1).text
    text = head + "00100111" * (-(-(8 - len(head) % 8) // 8) + 1)  # each: DC prediction, no residual
    whole, shift = len(head) // 8, len(head) % 8
    first = int(text[:8 * whole + 8], 2).to_bytes(whole + 1, "big")
    turned = int(("00100111" * 2)[8 - shift:16 - shift], 2)
    tail = ("00100111" * 2)[8 - shift:8] + "1"
    tail += "0" * (-len(tail) % 8)
    return unit(0x65, first + bytes([turned]) * (blocks - 1) + bytes([int(tail, 2)]))


def skipped_frame(blocks, number, first=0):
    """A slice from macroblock `first` to the last, all of them as they were."""
    return unit(0x41, Bits().ue(first).ue(5).ue(0).u(8, number % 256).u(3, 0).se(0).ue(1).ue(blocks - first).end())


def sized(data):
    return struct.pack(">I", len(data)) + data


def annex_b(*units):
    return b"".join(b"\0\0\0\1" + u for u in units)


# ---- MP4 (ISO 14496-12) ----

def box(kind, *inside):
    inside = b"".join(inside)
    return struct.pack(">I", 8 + len(inside)) + kind + inside


def full(kind, flags, *inside):
    return box(kind, struct.pack(">I", flags), *inside)


def table(kind, *values):
    return full(kind, 0, struct.pack(f">{len(values)}I", *values))


MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def described(kind, width, height, *boxes):
    return box(kind, bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
               struct.pack(">IIIH", 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1), *boxes)


def avc(wide, high, kind=b"avc1", *boxes):
    s, p = parameter_sets(wide, high)
    config = b"\x01" + s[1:4] + b"\xff\xe1" + struct.pack(">H", len(s)) + s + b"\x01" + struct.pack(">H", len(p)) + p
    return described(kind, 16 * wide, 16 * high, box(b"avcC", config), *boxes)


def sample_tables(samples, at, **other):
    """stts, stss, stsc, stsz, stco; `other` puts a box in the place of one, or behind them."""
    n = len(samples)
    tables = {"stts": table(b"stts", 1, n, 1), "stss": table(b"stss", 1, 1), "stsc": table(b"stsc", 1, 1, max(n, 1), 1),
              "stsz": table(b"stsz", 0, n, *map(len, samples)), "stco": table(b"stco", 1, at)}
    for name, made in other.items():
        tables[name] = made(at) if callable(made) else made
    return b"".join(tables.values())


def track(width, height, entry, tables, number=1, frames=1, edits=b""):
    media = full(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"v\0")
    inside = box(b"minf", full(b"vmhd", 1, bytes(8)), box(b"dinf", full(b"dref", 0, struct.pack(">I", 1), full(b"url ", 1))),
                 box(b"stbl", full(b"stsd", 0, struct.pack(">I", 1), entry), tables))
    return box(b"trak", full(b"tkhd", 7, struct.pack(">IIIII", 0, 0, number, 0, frames), bytes(16), MATRIX,
                             struct.pack(">II", width << 16, height << 16)), edits,
               box(b"mdia", full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, 30, frames, 0x55C4, 0)), media, inside))


def mp4(width, height, entry, samples, tracks=1, edits=b"", behind=b"", extends=b"", **other):
    head = box(b"ftyp", b"isom", bytes(4), b"isom")

    def movie(at):
        tables = sample_tables(samples, at, **other)
        return box(b"moov", full(b"mvhd", 0, struct.pack(">IIIIIH", 0, 0, 30, len(samples), 0x10000, 0x100), bytes(10), MATRIX,
                                 bytes(24), struct.pack(">I", 2)),
                   *[track(width, height, entry, tables, 1 + k, len(samples), edits) for k in range(tracks)], extends)
    return head + movie(len(head) + len(movie(0)) + 8) + box(b"mdat", *samples) + behind


def skipping(wide, high, frames):
    """An .mp4 of that many frames."""
    blocks = wide * high
    samples = [sized(key_frame(blocks))] + [sized(skipped_frame(blocks, i)) for i in range(1, frames)]
    return mp4(16 * wide, 16 * high, avc(wide, high), samples)


# ---- Matroska (RFC 9559) ----

def element(number, *inside, width=None):
    inside = b"".join(inside)
    width = width or next(k for k in range(1, 9) if len(inside) < (1 << 7 * k) - 1)
    return bytes.fromhex(number) + (len(inside) | 1 << 7 * width).to_bytes(width, "big") + inside


def value(number, n):
    return element(number, n.to_bytes(max(1, (n.bit_length() + 7) // 8), "big"))


def mkv_track(wide, high, number=1, encodings=b""):
    s, p = parameter_sets(wide, high)
    config = b"\x01" + s[1:4] + b"\xff\xe1" + struct.pack(">H", len(s)) + s + b"\x01" + struct.pack(">H", len(p)) + p
    return element("AE", value("D7", number), value("73C5", number), value("83", 1), element("86", b"V_MPEG4/ISO/AVC"),
                   element("63A2", config), element("E0", value("B0", 16 * wide), value("BA", 16 * high)), encodings)


def mkv_block(time, data, key=False, flags=0):
    return element("A3", b"\x81", struct.pack(">hB", time, (0x80 if key else 0) | flags), data)


def mkv(tracks, *parts):
    head = element("1A45DFA3", value("4286", 1), value("42F7", 1), value("42F2", 4), value("42F3", 8), element("4282", b"matroska"),
                   value("4287", 4), value("4285", 2))
    info = element("1549A966", value("2AD7B1", 1000000), element("4489", struct.pack(">d", 1000)))
    return head + element("18538067", info, element("1654AE6B", *tracks), *parts)


def mkv_cluster(*blocks):
    return element("1F43B675", value("E7", 0), *blocks)


def mkv_encoding(*inside):
    return element("6D80", element("6240", value("5031", 0), value("5032", 1), *inside))


# ---- AVI ----

def chunk(kind, *inside):
    inside = b"".join(inside)
    return kind + struct.pack("<I", len(inside)) + inside + bytes(len(inside) % 2)


def avi(width, height, kind, frames, index=None):
    n = len(frames)
    head = chunk(b"avih", struct.pack("<14I", 33333, 0, 0, 0x10, n, 0, 1, 0, width, height, 0, 0, 0, 0))
    stream = chunk(b"LIST", b"strl", chunk(b"strh", b"vids", kind, struct.pack("<IHHIIIIIIII4H", 0, 0, 0, 0, 1, 30, 0, n, 0, 2**32 - 1, 0,
                                                                            0, 0, width, height)),
                   chunk(b"strf", struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, kind, width * height * 3, 0, 0, 0, 0)))
    if index is None:
        at, index = 4, b""
        for frame in frames:
            index += struct.pack("<4sIII", b"00dc", 0x10, at, len(frame))
            at += 8 + len(frame) + len(frame) % 2
    return chunk(b"RIFF", b"AVI ", chunk(b"LIST", b"hdrl", head, stream), chunk(b"LIST", b"movi", *[chunk(b"00dc", f) for f in frames]),
                 chunk(b"idx1", index))


# ---- images ----

def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zeros(n):
    """n zero bytes, deflated a thousandfold."""
    deflate, piece = zlib.compressobj(9), bytes(1 << 20)
    return b"".join([deflate.compress(piece) for _ in range(n >> 20)] + [deflate.compress(bytes(n % (1 << 20))), deflate.flush()])


def png(width, height, pixels, depth=8, colour=2, interlaced=0, before=b"", behind=b""):
    """`pixels` are deflated already."""
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)) +
            before + png_chunk(b"IDAT", pixels) + behind + png_chunk(b"IEND", b""))


def jpeg_segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(data)) + data


def entropy(text):
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xFF", b"\xFF\0")


def jpeg(width, height, scans):
    """Grey and progressive: one scan of a bit a block, and `scans` more of which each is a few runs over all blocks."""
    blocks = -(-width // 8) * -(-height // 8)
    runs, left = "", blocks
    while left:
        n = min(left.bit_length() - 1, 14)
        taken = min(left, (2 << n) - 1)
        runs += format(n, "04b") + (format(taken - (1 << n), f"0{n}b") if n else "")
        left -= taken
    out = (b"\xFF\xD8" + jpeg_segment(0xDB, bytes([0]) + bytes([1] * 64)) +
           jpeg_segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])) +
           jpeg_segment(0xC4, bytes([0, 1] + [0] * 16)) +
           jpeg_segment(0xC4, bytes([0x10, 0, 0, 0, 15] + [0] * 12 + [n << 4 for n in range(15)])) +
           jpeg_segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8) + (entropy("0" * (blocks % 8)) if blocks % 8 else b""))
    bands = [(low, band) for low in range(13, -1, -1) for band in range(1, 64)][:scans]
    for low, band in bands:
        out += jpeg_segment(0xDA, bytes([1, 1, 0, band, band, (0 if low == 13 else low + 1) << 4 | low])) + entropy(runs)
    return out + b"\xFF\xD9"


def gif(width, height, frames):
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b"\x3b"


def bmp(width, height, bits, pixels, compression=0, masks=b"", palette=b""):
    at = 54 + len(masks) + len(palette)
    return (b"BM" + struct.pack("<IIIIiiHHIIIIII", at + len(pixels), 0, at, 40, width, height, 1, bits, compression, len(pixels), 0, 0, 0,
                                0) + masks + palette + pixels)


def tiff(width, height, compression, data, bits=8, photometric=1):
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, compression), (262, 3, photometric), (273, 4, 8), (277, 3, 1),
               (278, 4, height), (279, 4, len(data))]
    at = 8 + len(data)
    return (b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(entries)) +
            b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in entries) + bytes(4))
