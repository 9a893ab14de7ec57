/* What the packets of a video tell without decoding: where decoding may begin, and whether each is a frame. */
#ifdef S4D_WITH_VIDEO

#include <string.h>

#include "data/stream_ffmpeg.h"

/* The types of the NAL units of a packet: behind lengths of `bytes` bytes each, or with 0 behind start codes. */
static bool holds_unit(const AVPacket *p, int bytes, bool (*wanted)(uint8_t first))
{
    const uint8_t *at = p->data, *end = at + p->size;
    while (end - at > 4) {
        if (bytes > 0) {
            int64_t length = 0;
            for (int i = 0; i < bytes; i++) {
                length = length << 8 | *at++;
            }
            if (length < 1 || length > end - at) {
                return false;
            }
            if (wanted(*at)) {
                return true;
            }
            at += length;
        } else if (at[0] == 0 && at[1] == 0 && at[2] == 1) {
            if (wanted(at[3])) {
                return true;
            }
            at += 4;
        } else {
            at++;
        }
    }
    return false;
}

static bool is_avc_idr(uint8_t first)
{
    return (first & 31) == 5;
}

static bool is_hevc_idr(uint8_t first)
{
    int type = first >> 1 & 63;
    return type == 19 || type == 20;
}

bool s4d_stream_begins(const s4d_stream *s)
{
    const AVCodecParameters *about = s->video->codecpar;
    const uint8_t *extra = about->extradata;
    if (!(s->packet->flags & AV_PKT_FLAG_KEY)) {
        return false;
    }
    switch (about->codec_id) {
    case AV_CODEC_ID_H264: /* avcC begins with 1 and has the length's bytes in its fifth */
        return holds_unit(s->packet, extra && about->extradata_size >= 7 && extra[0] == 1 ? (extra[4] & 3) + 1 : 0, is_avc_idr);
    case AV_CODEC_ID_HEVC:
        return holds_unit(s->packet, extra && about->extradata_size >= 23 && extra[0] == 1 ? (extra[21] & 3) + 1 : 0, is_hevc_idr);
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

#endif
