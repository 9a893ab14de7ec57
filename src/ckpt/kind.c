/* Kinds of files that come in the place of weights: what they are called, and what to do with them.
 */
#include "ckpt/kind.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "s4d/base/file.h"
#include "s4d/base/str.h"

enum { HEAD = 4096, SHOWN = 80 };

/* The first bytes of a file, with a NUL behind them. */
typedef struct head {
    unsigned char byte[HEAD + 1];
    size_t size;
    const s4d_reader *file;
} head;

/* PROTO 2, LONG1 of 10 bytes with PyTorch's magic number, STOP. */
#define LEGACY_MAGIC "\x80\2\x8A\nl\xFC\x9C\x46\xF9 j\xA8P\x19."

static const char other_format[] =
    "load it with the program that wrote it and save the tensors as safetensors, or take PyTorch's "
    "file of the same model",
                  unpack[] = "unpack it and name the checkpoint in it",
                  by_python[] =
                      "load it in Python and save its tensors with torch.save or safetensors";

/* Files by bytes at a place. */
static const struct {
    size_t at;
    const char *bytes;
    size_t size;
    const char *what, *remedy;
} known[] = {
#define ROW(at, bytes, what, remedy)                                                               \
    {                                                                                              \
        at, bytes, sizeof bytes - 1, what, remedy                                                  \
    }
    ROW(0, "\x89HDF\r\n\x1A\n", "an HDF5 file, as Keras and MATLAB write it", other_format),
    ROW(0, "\x93NUMPY", "an array of NumPy (.npy)", by_python),
    ROW(0, "GGUF", "a GGUF file of llama.cpp", other_format),
    ROW(0, "lmgg", "a GGML file of llama.cpp", other_format),
    ROW(0, "tjgg", "a GGML file of llama.cpp", other_format),
    ROW(4, "TFL3", "a model of TensorFlow Lite", other_format),
    ROW(0, "\x08\1\x12", "a SavedModel of TensorFlow or a model of ONNX", other_format),
    ROW(0, "model_checkpoint_path:", "the list of a checkpoint of TensorFlow", other_format),
    ROW(257, "ustar", "a tar archive", unpack),
    ROW(0, "\x1F\x8B", "compressed by gzip", unpack),
    ROW(0, "BZh", "compressed by bzip2", unpack),
    ROW(0,
        "\xFD"
        "7zXZ",
        "compressed by xz", unpack),
    ROW(0, "\x28\xB5\x2F\xFD", "compressed by zstd", unpack),
    ROW(0, "\4\x22\x4D\x18", "compressed by lz4", unpack),
    ROW(0, "x\x9C", "compressed by zlib, as joblib does", by_python),
    ROW(0, "7z\xBC\xAF\x27\x1C", "a 7z archive", unpack),
    ROW(0, "Rar!\x1A\7", "a RAR archive", unpack),
    ROW(0, "(dp", "a Python pickle that torch.save did not write", by_python),
    ROW(0, "(lp", "a Python pickle that torch.save did not write", by_python),
    ROW(0, "ccopy_reg\n", "a Python pickle that torch.save did not write", by_python),
    ROW(0, "cnumpy", "a Python pickle that torch.save did not write", by_python),
    ROW(0, "%PDF", "a PDF document", "name a checkpoint"),
    ROW(0, "\x89PNG", "a PNG image", "name a checkpoint"),
    ROW(0, "\xFF\xD8\xFF", "a JPEG image", "name a checkpoint"),
#undef ROW
};

/* Files that only their names tell. */
static const struct {
    const char *tail, *what, *remedy;
} named[] = {
    {".distcp", "a part of a checkpoint of torch.distributed",
     "join the folder first: python -m torch.distributed.checkpoint.format_utils dcp_to_torch "
     "FOLDER FILE"},
    {".msgpack", "a checkpoint of Flax", other_format},
    {".onnx", "a model of ONNX", other_format},
    {".pb", "a graph of TensorFlow", other_format},
    {".gguf", "a GGUF file of llama.cpp", other_format},
};

static s4d_status say(const head *h, const char *what, const char *remedy, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "%s: is %s, not weights that s4d reads; %s", h->file->path,
                       what, remedy);
}

static bool has(const head *h, size_t at, const char *bytes, size_t size)
{
    return h->size >= at + size && memcmp(h->byte + at, bytes, size) == 0;
}

/* The first text after leading blanks and a byte order mark. */
static const char *first_text(const head *h)
{
    const char *at = (const char *)h->byte;
    if (has(h, 0, "\xEF\xBB\xBF", 3)) {
        at += 3;
    }
    while (isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

/* ---- text in the place of weights ---- */

/* Large files in git are kept elsewhere, and a clone without git-lfs has three lines in their
 * place. */
static s4d_status say_lfs(const head *h, s4d_err *err)
{
    char what[128];
    unsigned long long bytes = 0;
    const char *size = strstr((const char *)h->byte, "\nsize ");
    if (size && sscanf(size, "\nsize %20llu", &bytes) == 1) {
        snprintf(what, sizeof what, "a Git LFS pointer to the weights (%llu bytes kept elsewhere)",
                 bytes);
    } else {
        snprintf(what, sizeof what, "a Git LFS pointer to the weights");
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: is %s; run \"git lfs pull\" in its folder, or download the file itself",
                       h->file->path, what);
}

static s4d_status say_page(const head *h, s4d_err *err)
{
    char title[SHOWN + 1] = "", what[SHOWN + 64];
    const char *begin = strcasestr((const char *)h->byte, "<title>");
    if (begin) {
        begin += strlen("<title>");
        snprintf(title, sizeof title, "%.*s", (int)strcspn(begin, "<\n"), begin);
    }
    snprintf(what, sizeof what, "a web page%s%s%s", *title ? " (\"" : "", title,
             *title ? "\")" : "");
    return s4d_err_set(err, S4D_FAILED,
                       "%s: is %s saved in the place of the weights; download it again by the "
                       "file's own link, signed in where "
                       "that is needed",
                       h->file->path, what);
}

/* UTF-8 without control characters; the last character may be cut. */
static bool is_text(const head *h)
{
    const char *at = (const char *)h->byte, *end = at + h->size;
    while (at < end) {
        unsigned char c = (unsigned char)*at;
        size_t n = s4d_utf8_length(at, end);
        if (c == 0x7F || (c < ' ' && !isspace(c)) || (n == 0 && end - at >= 4)) {
            return false;
        }
        at += n ? n : (size_t)(end - at);
    }
    return true;
}

static s4d_status say_text(const head *h, s4d_err *err)
{
    char line[SHOWN + 1];
    const char *at = first_text(h);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\r\n"), at);
    if (strstr((const char *)h->byte, "annex/objects/")) {
        return s4d_err_set(err, S4D_FAILED,
                           "%s: is a git-annex pointer to the weights; run \"git annex get\" on it",
                           h->file->path);
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s: is text (\"%s\"), not weights; download or copy the file again",
                       h->file->path, line);
}

/* ---- all ---- */

/* The index of a checkpoint of TensorFlow ends with the magic number of its tables. */
static s4d_status check_end(const head *h, s4d_err *err)
{
    unsigned char end[8];
    if (h->file->size < sizeof end) {
        return S4D_OK;
    }
    s4d_status status = s4d_reader_read(h->file, h->file->size - sizeof end, end, sizeof end, err);
    if (status == S4D_OK && memcmp(end, "\x57\xFB\x80\x8B\x24\x75\x47\xDB", sizeof end) == 0) {
        status = say(h, "the index of a checkpoint of TensorFlow", other_format, err);
    }
    return status;
}

static s4d_status say_unknown(const head *h, s4d_err *err)
{
    char bytes[3 * 8 + 1] = "";
    for (size_t i = 0; i < h->size && i < 8; i++) {
        snprintf(bytes + 3 * i, 4, " %02X", h->byte[i]);
    }
    s4d_status status = check_end(h, err);
    return status ? status
                  : s4d_err_set(err, S4D_FAILED,
                                "%s: is neither safetensors nor PyTorch's (it begins with%s); the "
                                "file is damaged or of another "
                                "program, copy it again or name another",
                                h->file->path, bytes);
}

static s4d_status check_known(const head *h, s4d_err *err)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (s4d_str_ends_nocase(h->file->path, named[i].tail)) {
            return say(h, named[i].what, named[i].remedy, err);
        }
    }
    if (strstr(s4d_path_name(h->file->path), ".data-000")) {
        return say(h, "the numbers of a checkpoint of TensorFlow", other_format, err);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (has(h, known[i].at, known[i].bytes, known[i].size)) {
            return say(h, known[i].what, known[i].remedy, err);
        }
    }
    if (has(h, 0, "\x80", 1) && h->size > 1 && h->byte[1] >= 2 && h->byte[1] <= 5) {
        return say(h, "a Python pickle that torch.save did not write", by_python, err);
    }
    return S4D_OK;
}

static s4d_status choose(const head *h, s4d_kind *out, s4d_err *err)
{
    const char *text = first_text(h);
    if (h->size == 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: is empty; copy or download it again",
                           h->file->path);
    }
    s4d_status status = S4D_OK;
    if (has(h, 0, LEGACY_MAGIC, sizeof LEGACY_MAGIC - 1)) {
        *out = S4D_KIND_LEGACY;
    } else if (has(h, 4, "\0\0\0\0{", 5)) { /* a header of less than 4 GiB, and the header */
        *out = S4D_KIND_SAFETENSORS;
    } else if (has(h, 0, "version https://git-lfs", 23) ||
               has(h, 0, "version https://hawser", 22)) {
        return say_lfs(h, err);
    } else if ((status = check_known(h, err)) != S4D_OK) {
        return status;
    } else if (has(h, 0, "PK\3\4", 4) || has(h, 0, "PK\5\6", 4)) {
        *out = S4D_KIND_ZIP;
    } else if (*text == '{' || *text == '[') {
        *out = S4D_KIND_JSON;
    } else if (*text == '<') {
        return say_page(h, err);
    } else {
        return is_text(h) ? say_text(h, err) : say_unknown(h, err);
    }
    return S4D_OK;
}

s4d_status s4d_kind_of(const s4d_reader *file, s4d_kind *out, s4d_err *err)
{
    head h = {.file = file, .size = file->size < HEAD ? (size_t)file->size : HEAD};
    s4d_status status = s4d_reader_read(file, 0, h.byte, h.size, err);
    return status ? status : choose(&h, out, err);
}
