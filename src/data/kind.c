/* First bytes of files that people put into lists, and what to do about those that are neither image nor video here. */
#include "data/kind.h"

#include <string.h>
#include <strings.h>

#include "data/tiff.h"

enum { HEAD = 8192, TEXT = 512, FLV_TAGS = 20 };

static const char CONVERT[] = "convert it to PNG or JPEG";
static const char UNPACK[] = "unpack it and list what is in it";
static const char SOUND[] = "it has sound and no frames: take it out of the list";
static const char TEXT_FILE[] = "take it out of the list";

typedef struct kind {
    size_t at, n;
    const char *bytes; /* [n] */
    const char *name, *remedy;
} kind;

#define MARK(bytes) sizeof(bytes) - 1, bytes

static const kind kinds[] = {
    {4, MARK("ftypavif"), "an AVIF image", CONVERT},
    {4, MARK("ftypavis"), "a series of AVIF images", CONVERT},
    {4, MARK("ftypheic"), "an HEIC image", CONVERT},
    {4, MARK("ftypheix"), "an HEIC image", CONVERT},
    {4, MARK("ftypheim"), "an HEIC image", CONVERT},
    {4, MARK("ftypheis"), "an HEIC image", CONVERT},
    {4, MARK("ftyphevc"), "a series of HEIC images", CONVERT},
    {4, MARK("ftyphevx"), "a series of HEIC images", CONVERT},
    {4, MARK("ftypmif1"), "an HEIF image", CONVERT},
    {4, MARK("ftypmsf1"), "a series of HEIF images", CONVERT},
    {4, MARK("ftypcrx "), "a camera's raw image (CR3)", CONVERT},
    {4, MARK("ftypM4A "), "a sound file (M4A)", SOUND},
    {4, MARK("ftypM4B "), "a sound file (M4B)", SOUND},
    {0, MARK("\0\0\0\x0CJXL "), "a JPEG XL image", CONVERT},
    {0, MARK("\xFF\x0A"), "a JPEG XL image", CONVERT},
    {0, MARK("\0\0\0\x0CjP  "), "a JPEG 2000 image", CONVERT},
    {0, MARK("\xFF\x4F\xFF\x51"), "a JPEG 2000 image", CONVERT},
    {0, MARK("\xFF\xD8\xFF\xF7"), "a JPEG-LS image", CONVERT},
    {0, MARK("II+\0"), "a BigTIFF image", CONVERT},
    {0, MARK("MM\0+"), "a BigTIFF image", CONVERT},
    {0, MARK("8BPS"), "a Photoshop document (PSD)", CONVERT},
    {0, MARK("gimp xcf"), "a GIMP document (XCF)", CONVERT},
    {0, MARK("FUJIFILMCCD-RAW"), "a camera's raw image (RAF)", CONVERT},
    {0, MARK("IIRO\x08"), "a camera's raw image (ORF)", CONVERT},
    {0, MARK("IIRS\x08"), "a camera's raw image (ORF)", CONVERT},
    {0, MARK("MMOR\0"), "a camera's raw image (ORF)", CONVERT},
    {0, MARK("IIU\0"), "a camera's raw image (RW2)", CONVERT},
    {0, MARK("\x76\x2F\x31\x01"), "an OpenEXR image", CONVERT},
    {0, MARK("#?RADIANCE"), "a Radiance HDR image", CONVERT},
    {0, MARK("DDS "), "a texture (DDS)", CONVERT},
    {0, MARK("BPG\xFB"), "a BPG image", CONVERT},
    {0, MARK("qoif"), "a QOI image", CONVERT},
    {0, MARK("SIMPLE  ="), "a FITS image", CONVERT},
    {128, MARK("DICM"), "a DICOM image", CONVERT},
    {0, MARK("II\xBC\1"), "a JPEG XR image", CONVERT},
    {0, MARK("\x8BJNG"), "a JNG image", CONVERT},
    {0, MARK("\x8AMNG"), "an MNG animation", CONVERT},
    {0, MARK("PF\n"), "a floating-point image (PFM)", CONVERT},
    {0, MARK("Pf\n"), "a floating-point image (PFM)", CONVERT},
    {0, MARK("icns"), "an icon of macOS (ICNS)", CONVERT},
    {0, MARK("\xD7\xCD\xC6\x9A"), "a drawing (WMF)", CONVERT},
    {40, MARK(" EMF"), "a drawing (EMF)", CONVERT},
    {0, MARK("%!PS"), "a PostScript document", CONVERT},
    {0, MARK("FWS"), "a Flash file (SWF)", "record it as a video"},
    {0, MARK("CWS"), "a Flash file (SWF)", "record it as a video"},
    {0, MARK("AT&TFORM"), "a DjVu document", CONVERT},
    {0, MARK("%PDF-"), "a PDF document", "take the images out of it and list those"},
    {0, MARK("PK\3\4"), "a zip archive, or an office document, which is one", UNPACK},
    {0, MARK("Rar!\x1A\7"), "a RAR archive", UNPACK},
    {0, MARK("7z\xBC\xAF\x27\x1C"), "a 7z archive", UNPACK},
    {0, MARK("\x1F\x8B"), "compressed with gzip", UNPACK},
    {0, MARK("BZh"), "compressed with bzip2", UNPACK},
    {0, MARK("\xFD" "7zXZ"), "compressed with xz", UNPACK},
    {0, MARK("\x28\xB5\x2F\xFD"), "compressed with zstd", UNPACK},
    {257, MARK("ustar"), "a tar archive", UNPACK},
    {0, MARK("\x89HDF\r\n"), "an HDF5 file", "write its frames as images or videos and list those"},
    {0, MARK("\x93NUMPY"), "a NumPy array", "write its frames as images or videos and list those"},
    {0, MARK("ID3"), "a sound file (MP3)", SOUND},
    {0, MARK("fLaC"), "a sound file (FLAC)", SOUND},
    {8, MARK("WAVE"), "a sound file (WAV)", SOUND},
    {0, MARK("#!AMR"), "a sound file (AMR)", SOUND},
    {0, MARK("MThd"), "a sound file (MIDI)", SOUND},
    {0, MARK("version https://git-lfs"), "a Git LFS pointer that stands for the file", "fetch the file with \"git lfs pull\""},
};

static s4d_status is_not_read(const char *name, const char *remedy, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "this is %s, which is not read; %s", name, remedy);
}

/* ---- texts ---- */

/* Whether the words stand there, after white space and in either case. */
static bool begins(const char *text, const char *words)
{
    return strncasecmp(text, words, strlen(words)) == 0;
}

static s4d_status check_text(const uint8_t *head, size_t n, s4d_err *err)
{
    char text[TEXT + 1];
    n = n < TEXT ? n : TEXT;
    memcpy(text, head, n);
    text[n] = '\0';
    if (strlen(text) < n) {
        return S4D_OK;
    }
    const char *at = text + (memcmp(text, "\xEF\xBB\xBF", n < 3 ? n : 3) == 0 && n >= 3 ? 3 : 0);
    at += strspn(at, " \t\r\n");
    if (begins(at, "<svg") || ((begins(at, "<?xml") || begins(at, "<!")) && strcasestr(at, "<svg"))) {
        return is_not_read("an SVG drawing", CONVERT, err);
    }
    if (begins(at, "<!doctype html") || begins(at, "<html") || begins(at, "<head")) {
        return is_not_read("a web page, as a failed download leaves it", "download the file again", err);
    }
    return begins(at, "<?xml") ? is_not_read("an XML document", TEXT_FILE, err) : S4D_OK;
}

/* ---- others ---- */

/* The extended header has a bit for it. */
static bool is_animated_webp(const uint8_t *head, size_t n)
{
    return n > 20 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBPVP8X", 8) == 0 && head[20] & 2;
}

/* Told by its end. */
static s4d_status check_targa(const s4d_input *in, s4d_err *err)
{
    static const char mark[18] = "TRUEVISION-XFILE.";
    uint8_t tail[sizeof mark] = {0};
    size_t n;
    s4d_status status = in->size > 44 ? s4d_input_read(in, in->size - sizeof mark, tail, sizeof mark, &n, err) : S4D_OK;
    return status == S4D_OK && memcmp(tail, mark, sizeof mark) == 0 ? is_not_read("a Targa image (TGA)", CONVERT, err) : status;
}

/* ---- encrypted videos ---- */

static s4d_status is_encrypted(const char *how, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "its video is encrypted (%s), and s4d has no key; decrypt it, or take it out of the list", how);
}

/* Packets of 188 bytes, on discs with four more in front: most of those with a load have their scrambling bits set. */
static bool is_scrambled(const uint8_t *head, size_t n)
{
    for (size_t front = 0; front <= 4; front += 4) {
        size_t loads = 0, scrambled = 0, size = 188 + front;
        bool all = n >= 3 * size;
        for (size_t at = front; all && at + 188 <= n; at += size) {
            all = head[at] == 0x47;
            loads += (head[at + 3] & 0x10) != 0;
            scrambled += (head[at + 3] & 0x10) != 0 && head[at + 3] >> 6 >= 2;
        }
        if (all && 2 * scrambled > loads) {
            return true;
        }
    }
    return false;
}

/* Content encryption and extended content encryption of ASF. */
static bool is_locked_asf(const uint8_t *head, size_t n)
{
    static const uint8_t asf[8] = {0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11};
    static const uint8_t lock[2][16] = {
        {0xFB, 0xB3, 0x11, 0x22, 0x23, 0xBD, 0xD2, 0x11, 0xB4, 0xB7, 0x00, 0xA0, 0xC9, 0x55, 0xFC, 0x6E},
        {0x14, 0xE6, 0x8A, 0x29, 0x22, 0x26, 0x17, 0x4C, 0xB9, 0x35, 0xDA, 0xE0, 0x7E, 0xE9, 0x28, 0x9C}};
    return n >= sizeof asf && memcmp(head, asf, sizeof asf) == 0 &&
           (memmem(head, n, lock[0], 16) != NULL || memmem(head, n, lock[1], 16) != NULL);
}

static uint32_t big_endian(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* A video tag whose kind has the filter bit. */
static s4d_status check_flv(const s4d_input *in, const uint8_t *head, size_t n, s4d_err *err)
{
    uint8_t tag[4];
    size_t got = n >= 13 && memcmp(head, "FLV\1", 4) == 0 ? sizeof tag : 0;
    uint64_t at = 13;
    for (int i = 0; i < FLV_TAGS && got == sizeof tag; i++) {
        s4d_status status = s4d_input_read(in, at, tag, sizeof tag, &got, err);
        if (status != S4D_OK) {
            return status;
        }
        if (got == sizeof tag && (tag[0] & 0x3F) == (0x20 | 9)) {
            return is_encrypted("FLV with DRM", err);
        }
        at += 15 + big_endian(tag + 1, 3);
    }
    return S4D_OK;
}

s4d_status s4d_kind_check(const s4d_input *in, s4d_err *err)
{
    uint8_t head[HEAD];
    size_t n;
    s4d_status status = s4d_input_read(in, 0, head, sizeof head, &n, err);
    if (status != S4D_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        if (n >= k->at + k->n && memcmp(head + k->at, k->bytes, k->n) == 0) {
            return is_not_read(k->name, k->remedy, err);
        }
    }
    if (is_animated_webp(head, n)) {
        return is_not_read("an animated WebP image", CONVERT, err);
    }
    if (is_scrambled(head, n)) {
        return is_encrypted("scrambled MPEG-TS", err);
    }
    if (is_locked_asf(head, n)) {
        return is_encrypted("ASF with DRM", err);
    }
    status = check_flv(in, head, n, err);
    if (status == S4D_OK) {
        status = check_text(head, n, err);
    }
    if (status == S4D_OK) {
        status = check_targa(in, err);
    }
    return status == S4D_OK ? s4d_tiff_check(in, err) : status;
}
