/* What the packets of a video tell without decoding: where decoding may begin, whether each is a frame, and how much work it
 * is. */
#ifdef S4D_WITH_VIDEO

#include <string.h>

#include "data/stream_ffmpeg.h"

/* A slice may lie over all that precede it in its picture, each a pass over the picture of ten bytes; that shows when the
 * picture is done, and as damage. One picture of 8K with a slice for each row of blocks has 9e9. */
static const double SLICED_MAX = 1.7e10;
static const double SLICES_A_PASS = 64;

/* Bytes in front of each NAL unit that tell its length, or 0: start codes stand between them. avcC and hvcC begin with 1. */
static int length_bytes(const AVCodecParameters *about)
{
    const uint8_t *extra = about->extradata;
    bool avc = about->codec_id == AV_CODEC_ID_H264;
    return extra && about->extradata_size >= (avc ? 7 : 23) && extra[0] == 1 ? (extra[avc ? 4 : 21] & 3) + 1 : 0;
}

/* Moves *at to the next NAL unit of a packet, of which at least two bytes are there; false: there is none. Zeroed = before
 * the first. */
typedef struct unit {
    const uint8_t *at, *next;
} unit;

static bool next_unit(const AVPacket *p, int bytes, unit *u)
{
    const uint8_t *at = u->next ? u->next : p->data, *end = p->data + p->size;
    while (bytes > 0 && end - at > bytes) {
        int64_t length = 0;
        for (int i = 0; i < bytes; i++) {
            length = length << 8 | *at++;
        }
        if (length < 1 || length > end - at) {
            return false;
        }
        u->at = at;
        u->next = at += length;
        if (length > 1) {
            return true;
        }
    }
    for (; bytes == 0 && end - at > 4; at++) {
        if (at[0] == 0 && at[1] == 0 && at[2] == 1) {
            u->at = at + 3;
            u->next = at + 4;
            return true;
        }
    }
    return false;
}

static bool is_slice(enum AVCodecID codec, const uint8_t *u)
{
    int avc = u[0] & 31, hevc = u[0] >> 1 & 63;
    return codec == AV_CODEC_ID_H264 ? avc == 1 || avc == 5 : hevc < 32;
}

/* The slice of a picture that needs no other. */
static bool is_idr(enum AVCodecID codec, const uint8_t *u)
{
    int hevc = u[0] >> 1 & 63;
    return codec == AV_CODEC_ID_H264 ? (u[0] & 31) == 5 : hevc == 19 || hevc == 20;
}

static bool holds_idr(const AVPacket *p, const AVCodecParameters *about)
{
    int bytes = length_bytes(about);
    for (unit u = {0}; next_unit(p, bytes, &u);) {
        if (is_idr(about->codec_id, u.at)) {
            return true;
        }
    }
    return false;
}

bool s4d_stream_begins(const s4d_stream *s)
{
    const AVCodecParameters *about = s->video->codecpar;
    if (!(s->packet->flags & AV_PKT_FLAG_KEY)) {
        return false;
    }
    switch (about->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
        return holds_idr(s->packet, about);
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_FFV1:
        return true;
    default:
        return false;
    }
}

bool s4d_stream_counts(const s4d_stream *s)
{
    switch (s->video->codecpar->codec_id) { /* VP8, VP9 and AV1 have packets that show nothing */
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_FFV1:
        return strstr(s->format->iformat->name, "matroska") != NULL && !s->cut;
    default:
        return false;
    }
}

/* ---- the work in a packet ---- */

/* Slices, and how many of them begin a picture: the first bit behind the unit's header says so in both. */
static void count_slices(const AVPacket *p, const AVCodecParameters *about, double *slices, double *firsts)
{
    int bytes = length_bytes(about), header = about->codec_id == AV_CODEC_ID_H264 ? 1 : 2;
    for (unit u = {0}; next_unit(p, bytes, &u);) {
        if (is_slice(about->codec_id, u.at) && u.at + header < p->data + p->size) {
            ++*slices;
            *firsts += u.at[header] >> 7;
        }
    }
}

/* Units of AV1, each with its length: those of types 3 and 6 hold a frame. */
static double count_av1_frames(const AVPacket *p)
{
    const uint8_t *at = p->data, *end = p->data + p->size;
    double frames = 0;
    while (end - at >= 2 && at[0] & 2) {
        int type = at[0] >> 3 & 15, shift = 0;
        uint64_t length = 0;
        frames += type == 3 || type == 6;
        at += at[0] & 4 ? 2 : 1;
        do {
            length |= at < end ? (uint64_t)(*at & 127) << shift : 0;
            shift += 7;
        } while (at < end && *at++ & 128 && shift < 56);
        if (length > (uint64_t)(end - at)) {
            break;
        }
        at += length;
    }
    return frames;
}

static double count_scans(const AVPacket *p)
{
    double scans = 0;
    for (int i = 0; i + 1 < p->size; i++) {
        scans += p->data[i] == 0xFF && p->data[i + 1] == 0xDA;
    }
    return scans;
}

s4d_status s4d_stream_charge(s4d_stream *s, s4d_err *err)
{
    const AVCodecParameters *about = s->video->codecpar;
    const AVPacket *p = s->packet;
    double passes = 1, slices = 0, firsts = 0, pixels = (double)s->codec->width * s->codec->height;
    switch (about->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
        count_slices(p, about, &slices, &firsts);
        if (slices * pixels > SLICED_MAX) {
            return s4d_err_set(err, S4D_FAILED, "%.0f slices of %d x %d pixels in one frame of %d bytes are out of all proportion; it is "
                                                "damaged or made to be slow: take it out of the list, or encode it anew", slices,
                               s->codec->height, s->codec->width, p->size);
        }
        passes = firsts + slices / SLICES_A_PASS;
        break;
    case AV_CODEC_ID_AV1: passes = count_av1_frames(p); break;
    case AV_CODEC_ID_VP9: /* a superframe ends with a byte that tells how many there are */
        passes = p->size > 0 && (p->data[p->size - 1] & 0xE0) == 0xC0 ? (p->data[p->size - 1] & 7) + 1 : 1;
        break;
    case AV_CODEC_ID_MJPEG: passes = count_scans(p); break;
    default: break;
    }
    return s4d_effort_add_pictures(&s->effort, passes > 1 ? passes : 1, s->codec->height, s->codec->width, err);
}

#endif
