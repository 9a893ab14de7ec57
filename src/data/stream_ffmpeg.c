/* Demuxing and decoding by FFmpeg. Bytes come through our own reader, so that a
 * file can neither name other files nor be taken for a pattern of names. */
#ifdef S4D_WITH_VIDEO

#include "data/stream_ffmpeg.h"

#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

/* Nothing is printed. That a decoder has complained is kept, for one does so and goes on as if all were well. */
static _Thread_local bool complained;

static void hear(void *from, int level, const char *format, va_list arguments)
{
    (void)from;
    (void)format;
    (void)arguments;
    complained = complained || level <= AV_LOG_ERROR;
}

static s4d_status no_memory(const s4d_stream *s, s4d_err *err)
{
    unsigned long long pixels = s->codec ? (unsigned long long)s->codec->width * (unsigned)s->codec->height : 0;
    return s4d_err_memory(err, pixels > 0 ? 4 * pixels : s->in.size, "decoding");
}

static s4d_status open_codec(s4d_stream *s, s4d_err *err)
{
    const AVCodecParameters *about = s->video->codecpar;
    if (about->width > S4D_IMAGE_SIDE_MAX || about->height > S4D_IMAGE_SIDE_MAX) {
        return s4d_err_set(err, S4D_FAILED,
                           "%d pixels high and %d wide is too large: each side must be 1..%d",
                           about->height, about->width, S4D_IMAGE_SIDE_MAX);
    }
    const AVCodec *decoder = avcodec_find_decoder(about->codec_id);
    s->codec = avcodec_alloc_context3(decoder);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->codec || !s->packet || !s->frame) {
        return no_memory(s, err);
    }
    int code = avcodec_parameters_to_context(s->codec, about);
    if (code >= 0) {
        s->codec->pkt_timebase = s->video->time_base;
        s->codec->thread_count = 1;
        s->codec->max_pixels = (int64_t)S4D_IMAGE_SIDE_MAX * S4D_IMAGE_SIDE_MAX;
        code = avcodec_open2(s->codec, decoder, NULL);
    }
    if (code < 0) {
        return s4d_err_set(err, S4D_FAILED, "its decoder %s does not start (%s); convert the video",
                           decoder->name, av_err2str(code));
    }
    return S4D_OK;
}

s4d_status s4d_stream_open(s4d_stream *s, const s4d_source *from, s4d_err *err)
{
    av_log_set_callback(hear); /* process-wide, and always this one */
    *s = (s4d_stream){0};
    s4d_status status = s4d_stream_open_io(s, from, err);
    bool ours = status != S4D_OK; /* a sentence of ours, not FFmpeg's guess about a file without its end */
    s4d_effort_turn(&s->effort, S4D_EFFORT_READING);
    if (status == S4D_OK) {
        status = s4d_stream_open_format(s, err);
    }
    if (status == S4D_OK) {
        status = s4d_stream_choose(s, err);
    }
    if (status == S4D_OK) {
        status = open_codec(s, err);
    }
    s4d_effort_turn(&s->effort, S4D_EFFORT_IDLE);
    if (status != S4D_OK && !ours && s->cut && !s->failure.text[0] && !(err && err->shortage)) {
        s4d_err_set(err, status, "the file ends early; copy it again or take it out of the list");
    }
    if (status != S4D_OK) {
        s4d_stream_close(s);
    }
    return status;
}

void s4d_stream_close(s4d_stream *s)
{
    s4d_mem_free(s->rows);
    sws_freeContext(s->scale);
    av_frame_free(&s->frame);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->codec);
    avformat_close_input(&s->format);
    if (s->io) {
        av_freep(&s->io->buffer);
        avio_context_free(&s->io);
    }
    s4d_input_close(&s->in);
    *s = (s4d_stream){0};
}

bool s4d_stream_still(const s4d_stream *s)
{
    const char *name = s->format->iformat->name;
    return s4d_str_ends(name, "_pipe") || strcmp(name, "ico") == 0;
}

static s4d_status damaged(const s4d_stream *s, const char *reason, s4d_err *err)
{
    return s4d_err_set(
        err, S4D_FAILED,
        "the file is damaged: %lld frames can be read, then comes %s; copy it again or take it out "
        "of the list",
        (long long)s->decoded, reason);
}

/* The next packet, as s4d_stream_packet gives it. */
static s4d_status take_packet(s4d_stream *s, bool *end, s4d_err *err)
{
    *end = false;
    do {
        av_packet_unref(s->packet);
        int code = av_read_frame(s->format, s->packet);
        if (s->failure.text[0]) {
            return s4d_err_set(err, S4D_FAILED, "reading stopped after frame %lld: %s", (long long)s->decoded, s->failure.text);
        }
        if (code == AVERROR_EOF) {
            *end = true;
            return S4D_OK;
        }
        if (code == AVERROR(ENOMEM)) {
            return no_memory(s, err);
        }
        if (code < 0) {
            return damaged(s, av_err2str(code), err);
        }
        s4d_status status = s4d_effort_add_packet(&s->effort, (uint64_t)s->packet->size, err);
        if (status != S4D_OK) {
            return status;
        }
    } while (s->packet->stream_index != s->video->index);
    return S4D_OK;
}

s4d_status s4d_stream_packet(s4d_stream *s, bool *end, s4d_err *err)
{
    s4d_effort_turn(&s->effort, S4D_EFFORT_READING);
    s4d_status status = take_packet(s, end, err);
    bool good = s4d_effort_turn(&s->effort, S4D_EFFORT_IDLE);
    return good || status != S4D_OK ? status : s4d_effort_too_slow(&s->effort, err);
}

/* Broadcast formats may be cut anywhere; what precedes their first whole picture is no damage. */
static bool may_start_anywhere(const s4d_stream *s)
{
    return s->decoded == 0 && s->format->iformat->flags & AVFMT_TS_DISCONT;
}

/* What a decoder's failure means. */
static s4d_status not_decoded(const s4d_stream *s, int code, s4d_err *err)
{
    if (code == AVERROR(ENOMEM)) {
        return no_memory(s, err);
    }
    if (code == AVERROR_PATCHWELCOME) {
        return s4d_err_set(err, S4D_FAILED, "it is of a rare kind that FFmpeg's decoder %s does not read; convert it", s->codec->codec->name);
    }
    return damaged(s, av_err2str(code), err);
}

static s4d_status feed(s4d_stream *s, s4d_err *err)
{
    bool end;
    s4d_status status = s4d_effort_turn(&s->effort, S4D_EFFORT_READING) ? take_packet(s, &end, err)
                                                                      : s4d_effort_too_slow(&s->effort, err);
    s4d_effort_turn(&s->effort, S4D_EFFORT_DECODING);
    if (status == S4D_OK && !end) {
        status = s4d_stream_charge(s, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    if (!end && s->packet->flags & AV_PKT_FLAG_CORRUPT && !may_start_anywhere(s)) {
        return damaged(s, "a piece that is cut off", err);
    }
    complained = false;
    int code = avcodec_send_packet(s->codec, end ? NULL : s->packet);
    s->drained = end;
    return code < 0 && !end && !may_start_anywhere(s) ? not_decoded(s, code, err) : S4D_OK;
}

static s4d_status take_frame(s4d_stream *s, bool *end, s4d_err *err)
{
    *end = false;
    for (;;) {
        int code = avcodec_receive_frame(s->codec, s->frame);
        if (code == 0 &&
            (s->frame->decode_error_flags || s->frame->flags & AV_FRAME_FLAG_CORRUPT)) {
            return damaged(s, "a frame with missing parts", err);
        }
        if (code == 0 && complained && s->video->codecpar->codec_id == AV_CODEC_ID_TIFF) { /* strips left black */
            return damaged(s, "a frame with missing parts", err);
        }
        if (code == 0) {
            s->decoded++;
            return S4D_OK;
        }
        if (code == AVERROR_EOF) {
            *end = true;
            return S4D_OK;
        }
        if (code != AVERROR(EAGAIN) && !may_start_anywhere(s)) {
            return not_decoded(s, code, err);
        }
        s4d_status status = s->drained ? not_decoded(s, code, err) : feed(s, err);
        if (status != S4D_OK) {
            return status;
        }
    }
}

s4d_status s4d_stream_next(s4d_stream *s, bool *end, s4d_err *err)
{
    s4d_effort_turn(&s->effort, S4D_EFFORT_DECODING);
    s4d_status status = take_frame(s, end, err);
    bool good = s4d_effort_turn(&s->effort, S4D_EFFORT_IDLE);
    return good || status != S4D_OK ? status : s4d_effort_too_slow(&s->effort, err);
}

bool s4d_stream_seek(s4d_stream *s, int64_t time)
{
    s4d_effort_turn(&s->effort, S4D_EFFORT_READING);
    int code = avformat_seek_file(s->format, s->video->index, INT64_MIN, time, time, 0);
    if (!s4d_effort_turn(&s->effort, S4D_EFFORT_IDLE) || code < 0) {
        return false;
    }
    avcodec_flush_buffers(s->codec);
    s->drained = false;
    return true;
}

#endif
