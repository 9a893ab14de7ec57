/* Writing .mp4 by libavcodec's own MPEG-4 part 2 encoder. The file is made in memory and stored as
 * a whole. */
#include <limits.h>
#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/base/mem.h"
#include "s4d/data/clip.h"

#ifdef S4D_WITH_VIDEO

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

enum { QUANTISER = 3, KEY_EVERY = 12 };

struct s4d_video_writer {
    char *path;
    AVFormatContext *format; /* format->pb: a growing buffer */
    AVCodecContext *codec;
    AVStream *video;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scale;
    int64_t frames;
    s4d_status status; /* the first failure; later calls do nothing and close stores nothing */
};

static s4d_status failed(s4d_video_writer *w, const char *what, int code, s4d_err *err)
{
    w->status = s4d_err_set(err, S4D_FAILED, "%s: %s failed: %s", w->path, what, av_err2str(code));
    return w->status;
}

/* Everything that could make the bytes depend on the machine or the hour is fixed. */
static int open_encoder(s4d_video_writer *w, int height, int width, int fps)
{
    const AVCodec *encoder = avcodec_find_encoder_by_name("mpeg4");
    if (!encoder) {
        return AVERROR_ENCODER_NOT_FOUND;
    }
    w->codec = avcodec_alloc_context3(encoder);
    if (!w->codec) {
        return AVERROR(ENOMEM);
    }
    w->codec->width = width;
    w->codec->height = height;
    w->codec->time_base = (AVRational){1, fps};
    w->codec->framerate = (AVRational){fps, 1};
    w->codec->pix_fmt = AV_PIX_FMT_YUV420P;
    w->codec->gop_size = KEY_EVERY;
    w->codec->thread_count = 1;
    w->codec->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    w->codec->global_quality = FF_QP2LAMBDA * QUANTISER;
    w->codec->dct_algo = FF_DCT_INT;
    w->codec->idct_algo = FF_IDCT_SIMPLE;
    return avcodec_open2(w->codec, encoder, NULL);
}

static int open_format(s4d_video_writer *w)
{
    int code = avformat_alloc_output_context2(&w->format, NULL, "mp4", NULL);
    if (code < 0) {
        return code;
    }
    w->video = avformat_new_stream(w->format, NULL);
    if (!w->video) {
        return AVERROR(ENOMEM);
    }
    w->format->flags |= AVFMT_FLAG_BITEXACT;
    w->video->time_base = w->codec->time_base;
    w->video->avg_frame_rate = w->codec->framerate;
    code = avcodec_parameters_from_context(w->video->codecpar, w->codec);
    if (code >= 0) {
        code = avio_open_dyn_buf(&w->format->pb);
    }
    return code < 0 ? code : avformat_write_header(w->format, NULL);
}

static int open_frame(s4d_video_writer *w)
{
    const AVCodecContext *c = w->codec;
    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    w->scale =
        sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width, c->height, c->pix_fmt,
                       SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!w->packet || !w->frame || !w->scale) {
        return AVERROR(ENOMEM);
    }
    w->frame->width = c->width;
    w->frame->height = c->height;
    w->frame->format = c->pix_fmt;
    return av_frame_get_buffer(w->frame, 0);
}

static void release(s4d_video_writer **writer)
{
    s4d_video_writer *w = *writer;
    if (w) {
        if (w->format && w->format->pb) {
            uint8_t *bytes;
            avio_close_dyn_buf(w->format->pb, &bytes);
            av_free(bytes);
        }
        avformat_free_context(w->format);
        avcodec_free_context(&w->codec);
        av_packet_free(&w->packet);
        av_frame_free(&w->frame);
        sws_freeContext(w->scale);
        s4d_mem_free(w->path);
        s4d_mem_free(w);
    }
    *writer = NULL;
}

s4d_status s4d_video_writer_create(const char *path, int height, int width, int fps,
                                   s4d_video_writer **out, s4d_err *err)
{
    *out = NULL;
    S4D_BUG_IF(fps < 1);
    av_log_set_level(AV_LOG_QUIET);
    s4d_video_writer *w = s4d_mem_alloc(1, sizeof *w);
    if (!w || !(w->path = s4d_mem_strdup(path))) {
        release(&w);
        return s4d_err_memory(err, sizeof *w, "writing a video");
    }
    int code = open_encoder(w, height, width, fps);
    if (code >= 0) {
        code = open_format(w);
    }
    if (code >= 0) {
        code = open_frame(w);
    }
    s4d_status status = S4D_OK;
    if (code < 0) {
        status =
            s4d_err_set(err, S4D_FAILED,
                        "%s: a video of %d x %d pixels at %d frames a second cannot be written: %s",
                        path, width, height, fps, av_err2str(code));
        release(&w);
    }
    *out = w;
    return status;
}

/* frame NULL: what the encoder still holds. */
static s4d_status encode(s4d_video_writer *w, const AVFrame *frame, s4d_err *err)
{
    int code = avcodec_send_frame(w->codec, frame);
    while (code >= 0) {
        code = avcodec_receive_packet(w->codec, w->packet);
        if (code >= 0) {
            w->packet->stream_index = w->video->index;
            w->packet->duration = 1;
            av_packet_rescale_ts(w->packet, w->codec->time_base, w->video->time_base);
            code = av_interleaved_write_frame(w->format, w->packet);
        }
    }
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF ? S4D_OK
                                                          : failed(w, "encoding", code, err);
}

s4d_status s4d_video_writer_add(s4d_video_writer *w, const s4d_image *frame, s4d_err *err)
{
    S4D_BUG_IF(frame->height != w->codec->height || frame->width != w->codec->width);
    if (w->status != S4D_OK) {
        return s4d_err_set(err, w->status, "%s: an earlier frame could not be written", w->path);
    }
    int code = av_frame_make_writable(w->frame);
    if (code < 0) {
        return failed(w, "encoding", code, err);
    }
    const uint8_t *from[4] = {frame->rgb};
    const int stride[4] = {frame->width * 3};
    sws_scale(w->scale, from, stride, 0, frame->height, w->frame->data, w->frame->linesize);
    w->frame->pts = w->frames++;
    w->frame->quality = w->codec->global_quality;
    return encode(w, w->frame, err);
}

static s4d_status finish(s4d_video_writer *w, s4d_err *err)
{
    if (w->status != S4D_OK) {
        return s4d_err_set(err, w->status, "%s: not written, since a frame could not be encoded",
                           w->path);
    }
    if (w->frames == 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: not written, since no frame was given", w->path);
    }
    s4d_status status = encode(w, NULL, err);
    if (status != S4D_OK) {
        return status;
    }
    int code = av_write_trailer(w->format);
    if (code < 0) {
        return failed(w, "ending the file", code, err);
    }
    uint8_t *bytes = NULL;
    int size = avio_close_dyn_buf(w->format->pb, &bytes);
    w->format->pb = NULL;
    status = bytes ? s4d_file_write(w->path, bytes, (size_t)size, err)
                   : s4d_err_memory(err, (unsigned long long)size, "writing a video");
    av_free(bytes);
    return status;
}

s4d_status s4d_video_writer_close(s4d_video_writer **w, s4d_err *err)
{
    s4d_status status = *w ? finish(*w, err) : S4D_OK;
    release(w);
    return status;
}

#else

s4d_status s4d_video_writer_create(const char *path, int height, int width, int fps,
                                   s4d_video_writer **out, s4d_err *err)
{
    (void)height;
    (void)width;
    (void)fps;
    *out = NULL;
    return s4d_err_set(err, S4D_FAILED,
                       "%s: this build has no video support (S4D_VIDEO=OFF); build it with FFmpeg, "
                       "or write pictures",
                       path);
}

/* No writer exists in such a build. */
s4d_status s4d_video_writer_add(s4d_video_writer *w, const s4d_image *frame, s4d_err *err)
{
    (void)frame;
    S4D_BUG_IF(w);
    return s4d_err_set(err, S4D_FAILED, "this build has no video support (S4D_VIDEO=OFF)");
}

s4d_status s4d_video_writer_close(s4d_video_writer **w, s4d_err *err)
{
    (void)err;
    S4D_BUG_IF(*w);
    return S4D_OK;
}

#endif
