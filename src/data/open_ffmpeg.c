/* Opening by FFmpeg: which containers and kinds of video are read at all, and which stream of a file. */
#ifdef S4D_WITH_VIDEO

#include <string.h>

#include "data/kind.h"
#include "data/stream_ffmpeg.h"
#include "s4d/base/str.h"

/* FFmpeg knows hundreds more, of games, cameras and discs. Each is a parser of foreign bytes with costs of its own, and what
 * these here cost is known (effort.h). The name of a format is a list too. */
static const char CONTAINERS[] = "mov,matroska,avi,flv,live_flv,mpegts,mpegtsraw,mpeg,mpegvideo,asf,asf_o,ogg,ivf,obu,av1,h264,hevc,"
                                 "m4v,h263,vc1,mjpeg,dv,rm,mxf,nut,wtv,yuv4mpegpipe,gif,apng,ico,bmp_pipe,gif_pipe,jpeg_pipe,"
                                 "png_pipe,webp_pipe,tiff_pipe,pbm_pipe,pgm_pipe,ppm_pipe,pam_pipe,pcx_pipe,sgi_pipe,sunrast_pipe";

static const enum AVCodecID CODECS[] = {
    AV_CODEC_ID_H264,       AV_CODEC_ID_HEVC,       AV_CODEC_ID_AV1,        AV_CODEC_ID_VP8,        AV_CODEC_ID_VP9,
    AV_CODEC_ID_MPEG4,      AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MSMPEG4V1,  AV_CODEC_ID_MSMPEG4V2,
    AV_CODEC_ID_MSMPEG4V3,  AV_CODEC_ID_WMV1,       AV_CODEC_ID_WMV2,       AV_CODEC_ID_WMV3,       AV_CODEC_ID_VC1,
    AV_CODEC_ID_H263,       AV_CODEC_ID_H263P,      AV_CODEC_ID_FLV1,       AV_CODEC_ID_THEORA,     AV_CODEC_ID_VP3,
    AV_CODEC_ID_VP6,        AV_CODEC_ID_VP6A,       AV_CODEC_ID_VP6F,       AV_CODEC_ID_MJPEG,      AV_CODEC_ID_MJPEGB,
    AV_CODEC_ID_DVVIDEO,    AV_CODEC_ID_PRORES,     AV_CODEC_ID_DNXHD,      AV_CODEC_ID_FFV1,       AV_CODEC_ID_HUFFYUV,
    AV_CODEC_ID_FFVHUFF,    AV_CODEC_ID_UTVIDEO,    AV_CODEC_ID_LAGARITH,   AV_CODEC_ID_MAGICYUV,   AV_CODEC_ID_RAWVIDEO,
    AV_CODEC_ID_V210,       AV_CODEC_ID_V308,       AV_CODEC_ID_V408,       AV_CODEC_ID_V410,       AV_CODEC_ID_R210,
    AV_CODEC_ID_RV10,       AV_CODEC_ID_RV20,       AV_CODEC_ID_RV30,       AV_CODEC_ID_RV40,       AV_CODEC_ID_SVQ1,
    AV_CODEC_ID_SVQ3,       AV_CODEC_ID_CINEPAK,    AV_CODEC_ID_INDEO3,     AV_CODEC_ID_INDEO4,     AV_CODEC_ID_INDEO5,
    AV_CODEC_ID_QTRLE,      AV_CODEC_ID_RPZA,       AV_CODEC_ID_MSRLE,      AV_CODEC_ID_MSVIDEO1,   AV_CODEC_ID_CFHD,
    AV_CODEC_ID_PNG,        AV_CODEC_ID_APNG,       AV_CODEC_ID_GIF,        AV_CODEC_ID_BMP,        AV_CODEC_ID_WEBP,
    AV_CODEC_ID_TIFF,       AV_CODEC_ID_PPM,        AV_CODEC_ID_PGM,        AV_CODEC_ID_PBM,        AV_CODEC_ID_PAM,
    AV_CODEC_ID_PCX,        AV_CODEC_ID_SGI,        AV_CODEC_ID_SUNRAST,
};

enum { PROBED = 1 << 18 }; /* bytes; some of FFmpeg's probes take seconds for a megabyte of their marks */

static const char CONVERT[] = "convert it (ffmpeg -i OLD NEW.mp4), or take it out of the list";

static bool codec_is_read(enum AVCodecID id)
{
    for (size_t i = 0; i < sizeof CODECS / sizeof *CODECS; i++) {
        if (CODECS[i] == id) {
            return true;
        }
    }
    return false;
}

/* Whether the first of a format's names is one of the containers'. */
static bool container_is_read(const AVInputFormat *format)
{
    size_t n = strcspn(format->name, ",");
    for (const char *at = CONTAINERS; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        if (strcspn(at, ",") == n && strncmp(at, format->name, n) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- streams ---- */

static bool is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

/* The video with the most pixels, of equal ones the first, as the ffmpeg command chooses; -1: there is none that can be
 * decoded, and *other is one that cannot, or NULL. */
static int choose_stream(const AVFormatContext *format, const AVStream **other)
{
    int best = -1;
    int64_t most = -1;
    *other = NULL;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        const AVCodecParameters *about = stream->codecpar;
        int64_t pixels = (int64_t)about->width * about->height;
        if (!is_video(stream)) {
            continue;
        }
        if (!codec_is_read(about->codec_id) || !avcodec_find_decoder(about->codec_id)) {
            *other = stream;
        } else if (pixels > most) {
            best = (int)i;
            most = pixels;
        }
    }
    return best;
}

/* Matroska's tracks have the key's name, and MP4 what is left of a system's own boxes. */
static bool is_encrypted(const AVStream *stream)
{
    if (av_dict_get(stream->metadata, "enc_key_id", NULL, 0)) {
        return true;
    }
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 0) /* FFmpeg 6.1 */
    const AVCodecParameters *about = stream->codecpar;
    return av_packet_side_data_get(about->coded_side_data, about->nb_coded_side_data, AV_PKT_DATA_ENCRYPTION_INIT_INFO) != NULL;
#else
    return av_stream_get_side_data(stream, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL) != NULL;
#endif
}

static s4d_status no_stream(const AVFormatContext *format, const AVStream *other, s4d_err *err)
{
    if (other) {
        const AVCodecDescriptor *kind = avcodec_descriptor_get(other->codecpar->codec_id);
        return s4d_err_set(err, S4D_FAILED, "its video is of a kind that is not read (%s); %s",
                           kind && kind->long_name ? kind->long_name : av_fourcc2str(other->codecpar->codec_tag), CONVERT);
    }
    for (unsigned i = 0; i < format->nb_streams; i++) {
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
            return s4d_err_set(err, S4D_FAILED, "it has sound and no video; take it out of the list");
        }
    }
    return s4d_err_set(err, S4D_FAILED,
                       "no video is found in it; it is damaged or has none: copy it again or take it out of the list");
}

/* Of several videos of which a header tells, all but the chosen one are left out before any packet is read: what they share
 * may be decoded once for each. */
static s4d_status choose_early(s4d_stream *s, s4d_err *err)
{
    const AVStream *other;
    int chosen = choose_stream(s->format, &other);
    if (chosen < 0 && other) {
        return no_stream(s->format, other, err);
    }
    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        if (chosen >= 0 && (int)i != chosen && is_video(s->format->streams[i])) {
            s->format->streams[i]->discard = AVDISCARD_ALL;
        }
    }
    return S4D_OK;
}

s4d_status s4d_stream_choose(s4d_stream *s, s4d_err *err)
{
    const AVStream *other;
    int chosen = choose_stream(s->format, &other);
    if (chosen < 0) {
        return no_stream(s->format, other, err);
    }
    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        s->format->streams[i]->discard = (int)i == chosen ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    s->video = s->format->streams[chosen];
    if (is_encrypted(s->video)) {
        return s4d_err_set(err, S4D_FAILED, "its video is encrypted, and s4d has no key; decrypt it, or take it out of the list");
    }
    return S4D_OK;
}

/* ---- formats ---- */

static s4d_status not_readable(const s4d_stream *s, int code, s4d_err *err)
{
    if (s->failure.text[0]) {
        return s4d_err_set(err, S4D_FAILED, "%s", s->failure.text);
    }
    if (code == AVERROR(ENOMEM)) {
        return s4d_err_memory(err, s->in.size, "opening a video");
    }
    return s4d_err_set(err, S4D_FAILED,
                       "this is no video or image that can be read, or its beginning or end is missing (%s); copy it again or "
                       "convert it", av_err2str(code));
}

/* What the bytes look like. */
static s4d_status probe(s4d_stream *s, const AVInputFormat **out, s4d_err *err)
{
    int code = av_probe_input_buffer2(s->io, out, "", NULL, 0, PROBED);
    if (code < 0 || !*out) {
        return not_readable(s, code < 0 ? code : AVERROR_INVALIDDATA, err);
    }
    if (!container_is_read(*out)) {
        return s4d_err_set(err, S4D_FAILED, "this is a file of a kind that is not read (%s); %s",
                           (*out)->long_name ? (*out)->long_name : (*out)->name,
                           s4d_str_ends((*out)->name, "_pipe") ? "convert it to PNG or JPEG" : CONVERT);
    }
    return S4D_OK;
}

s4d_status s4d_stream_open_format(s4d_stream *s, s4d_err *err)
{
    const AVInputFormat *format = NULL;
    AVDictionary *options = NULL;
    s4d_status status = probe(s, &format, err);
    if (status != S4D_OK) {
        return status;
    }
    int code = AVERROR(ENOMEM);
    s->format = avformat_alloc_context();
    /* No protocol bears that name: nothing but our reader is ever opened. */
    if (s->format && av_dict_set(&options, "protocol_whitelist", "none", 0) >= 0) {
        s->format->pb = s->io;
        /* Cues out of order cost FFmpeg the square of their number, and what reading through has found serves as well. */
        s->format->flags |= strncmp(format->name, "matroska", 8) == 0 ? AVFMT_FLAG_IGNIDX : 0;
        code = avformat_open_input(&s->format, NULL, format, &options);
    }
    av_dict_free(&options);
    if (code >= 0) {
        status = choose_early(s, err);
        s4d_effort_turn(&s->effort, S4D_EFFORT_DECODING); /* some frames, to know what they are */
        code = status == S4D_OK ? avformat_find_stream_info(s->format, NULL) : 0;
    }
    return code < 0 ? not_readable(s, code, err) : status;
}

#endif
