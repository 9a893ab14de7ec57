/* MP4 and QuickTime files, box by box: whether the end is missing, what is encrypted, and counts held against the file's size. */
#include "data/boxes.h"

#include <string.h>

enum {
    PIECE = 4096,
    DEPTH_MAX = 10, /* as deep as FFmpeg goes */
    /* A sample has at least a byte of its own; but old QuickTime sound counts one for each value, and up to 16 of them are in
     * a byte. */
    SAMPLES_A_BYTE = 16,
    SAMPLES_FREE = 1 << 16,
    EDITS_FREE = 16,         /* as many in any file, */
    EDITED_MAX = 1 << 25     /* beyond that edits times samples, for each edit may take in every sample */
};

typedef struct walk {
    const s4d_input *in;
    s4d_err *err;
    s4d_status status;
    bool ordered; /* it begins with ftyp */
    bool cut;
    uint64_t fragments; /* samples of all of them */
    /* Of the track that is visited: */
    uint64_t samples, chunks, edits;
    uint64_t in_chunks, last_first, last_each; /* of stsc: samples up to its last run, and that run */
    uint64_t from; /* the piece that was read last */
    size_t have;
    uint8_t piece[PIECE];
} walk;

static uint64_t number(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* n bytes of the file; NULL behind its end, or after a failure. */
static const uint8_t *look(walk *w, uint64_t at, size_t n)
{
    if (at < w->from || at + n > w->from + w->have) {
        w->from = at;
        w->have = 0;
        w->status = w->status == S4D_OK ? s4d_input_read(w->in, at, w->piece, PIECE, &w->have, w->err) : w->status;
    }
    return w->status == S4D_OK && w->have >= n && at + n <= w->from + w->have ? w->piece + (at - w->from) : NULL;
}

static bool is(const uint8_t *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

static bool is_one_of(const uint8_t *type, const char *names)
{
    for (; *names; names += 4) {
        if (is(type, names)) {
            return true;
        }
    }
    return false;
}

static void refuse(walk *w, const char *what, uint64_t n)
{
    w->status = s4d_err_set(w->err, S4D_FAILED, "its tables promise %llu %s, more than a file of %llu bytes can hold; it is "
                                                "damaged or made to be slow: copy it again or take it out of the list",
                            (unsigned long long)n, what, (unsigned long long)w->in->size);
}

static void check_samples(walk *w, uint64_t n)
{
    if (w->status == S4D_OK && n > SAMPLES_FREE && (n - SAMPLES_FREE) / SAMPLES_A_BYTE > w->in->size) {
        refuse(w, "samples", n);
    }
}

static void check_edits(walk *w)
{
    if (w->status == S4D_OK && w->edits > EDITS_FREE && w->samples > EDITED_MAX / w->edits) {
        w->status = s4d_err_set(w->err, S4D_FAILED, "its edit list has %llu edits of %llu samples, which takes too much memory; "
                                                    "write it anew without them (ffmpeg -i OLD -c copy NEW.mp4)",
                                (unsigned long long)w->edits, (unsigned long long)w->samples);
    }
}

/* A table of `count` entries of `bytes` bytes each, from `at` on: the sum of the numbers that the entries begin with. */
static uint64_t sum_of(walk *w, uint64_t at, uint64_t end, size_t bytes)
{
    const uint8_t *head = look(w, at, 8);
    uint64_t count = head ? number(head + 4, 4) : 0, sum = 0;
    for (at += 8; count > 0 && at + bytes <= end; count--, at += bytes) {
        const uint8_t *entry = look(w, at, bytes);
        if (!entry) {
            break;
        }
        sum += number(entry, 4);
    }
    return sum;
}

/* Runs of chunks with as many samples in each. */
static void add_runs(walk *w, uint64_t at, uint64_t end)
{
    const uint8_t *head = look(w, at, 8);
    uint64_t count = head ? number(head + 4, 4) : 0;
    w->in_chunks = w->last_first = w->last_each = 0;
    for (at += 8; count > 0 && at + 12 <= end; count--, at += 12) {
        const uint8_t *entry = look(w, at, 12);
        if (!entry) {
            break;
        }
        uint64_t first = number(entry, 4), chunks = first > w->last_first ? first - w->last_first : 0;
        if (__builtin_add_overflow(w->in_chunks, chunks * w->last_each, &w->in_chunks)) {
            w->in_chunks = UINT64_MAX;
        }
        w->last_first = first;
        w->last_each = number(entry + 4, 4);
    }
}

static void end_of_track(walk *w)
{
    uint64_t chunks = w->chunks + 1 > w->last_first ? w->chunks + 1 - w->last_first : 0;
    check_samples(w, w->in_chunks);
    check_samples(w, chunks * w->last_each);
    check_edits(w);
}

/* The description of an encrypted track: "schm" within tells by which scheme, such as cenc or cbcs. */
static void refuse_encrypted(walk *w, uint64_t at, uint64_t length)
{
    size_t n = length < PIECE / 2 ? (size_t)length : PIECE / 2;
    const uint8_t *entry = look(w, at, n), *scheme = entry ? memmem(entry, n, "schm", 4) : NULL;
    char name[5] = "DRM";
    if (scheme && scheme + 12 <= entry + n) {
        memcpy(name, scheme + 8, 4);
    }
    w->status = s4d_err_set(w->err, S4D_FAILED, "its video is encrypted (%s), and s4d has no key; decrypt it, or take it out of "
                                                "the list", name);
}

/* Sample descriptions are boxes too. */
static void look_at_descriptions(walk *w, uint64_t at, uint64_t end)
{
    const uint8_t *entry;
    for (at += 8; at + 8 <= end && (entry = look(w, at, 8)); ) {
        uint64_t length = number(entry, 4);
        if (is_one_of(entry + 4, "encvdrmi")) {
            refuse_encrypted(w, at, length < end - at ? length : end - at);
            return;
        }
        if (length < 8) {
            return;
        }
        at += length;
    }
}

static void visit(walk *w, uint64_t at, uint64_t end, int depth);

static void handle(walk *w, const uint8_t type[4], uint64_t at, uint64_t end, int depth)
{
    static const char inside[] = "moovtrakmdiaminfstbledtsdinfmoofmfratrafmvexudtameta";
    const uint8_t *head = look(w, at, is_one_of(type, "stszstz2") ? 12 : 8);
    bool hidden = head && is_one_of(type, "freehoov") && is_one_of(head + 4, "mvhdcmov"); /* FFmpeg takes it for moov */
    if (w->status != S4D_OK) {
        return;
    }
    if (is_one_of(type, inside) || hidden) {
        if (is(type, "trak")) {
            w->samples = w->chunks = w->edits = w->in_chunks = w->last_first = w->last_each = 0;
        }
        visit(w, at, end, depth + 1);
        if (is(type, "meta") && end - at > 4) { /* MP4's has four bytes in front */
            visit(w, at + 4, end, depth + 1);
        }
        if (is(type, "trak")) {
            end_of_track(w);
        }
    } else if (is(type, "stsd")) {
        look_at_descriptions(w, at, end);
    } else if (is_one_of(type, "sttsctts")) {
        check_samples(w, sum_of(w, at, end, 8));
    } else if (is(type, "stsc")) {
        add_runs(w, at, end);
    } else if (head && is_one_of(type, "stszstz2")) {
        w->samples = number(head + 8, 4);
        check_samples(w, w->samples);
    } else if (head && is_one_of(type, "stcoco64")) {
        w->chunks = number(head + 4, 4);
        check_samples(w, w->chunks);
    } else if (head && is(type, "elst")) {
        w->edits = number(head + 4, 4);
    } else if (head && is(type, "trun")) {
        w->fragments += number(head + 4, 4);
        check_samples(w, w->fragments);
    } else if (is(type, "cmov")) {
        w->status = s4d_err_set(w->err, S4D_FAILED, "its header is compressed, as QuickTime did in the nineties, and not read; "
                                                    "write it anew (ffmpeg -i OLD -c copy NEW.mp4)");
    }
}

static void visit(walk *w, uint64_t at, uint64_t end, int depth)
{
    while (w->status == S4D_OK && depth <= DEPTH_MAX && end - at >= 8) {
        const uint8_t *head = look(w, at, 8);
        uint8_t type[4];
        uint64_t header = 8;
        if (!head) {
            return;
        }
        memcpy(type, head + 4, sizeof type);
        uint64_t length = number(head, 4);
        if (length == 1 && end - at >= 16 && (head = look(w, at, 16))) {
            length = number(head + 8, 8);
            header = 16;
        } else if (length == 0) {
            length = end - at;
        }
        if (length < header) {
            return;
        }
        bool beyond = length > end - at;
        w->cut = w->cut || (depth == 0 && w->ordered && beyond && end - at >= 16);
        handle(w, type, at + header, beyond ? end : at + length, depth);
        if (beyond) {
            return;
        }
        at += length;
    }
}

s4d_status s4d_boxes_look(const s4d_input *in, bool *cut, s4d_err *err)
{
    walk w = {.in = in, .err = err};
    const uint8_t *head = look(&w, 0, 8);
    *cut = false;
    if (head) {
        w.ordered = is(head + 4, "ftyp");
        visit(&w, 0, in->size, 0);
    }
    *cut = w.cut;
    return w.status;
}
