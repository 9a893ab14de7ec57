/* Demuxing and decoding by FFmpeg. Bytes come through our own reader, so that a
 * file can neither name other files nor be taken for a pattern of names. */
#ifdef S4D_WITH_VIDEO

#include "data/stream_ffmpeg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/container.h"
#include "s4d/base/fault.h"
#include "s4d/base/mem.h"
#include "s4d/base/str.h"

enum { IO_BUFFER = 1 << 16 };

static int copy_bytes(s4d_stream *s, uint8_t *to, int n)
{
    int64_t left = s->size - s->at; /* far below 0 where a damaged file had the place set far behind its end */
    if (n <= 0 || left <= 0) {
        return AVERROR_EOF;
    }
    n = n < left ? n : (int)left;
    memcpy(to, s->bytes + s->at, (size_t)n);
    s->at += n;
    return n;
}

static int read_bytes(void *opaque, uint8_t *to, int n)
{
    s4d_stream *s = opaque;
    if (s4d_fault_hit(S4D_FAULT_READ)) {
        return AVERROR(EIO);
    }
    if (s->bytes) {
        return copy_bytes(s, to, n);
    }
    ssize_t got;
    do {
        got = read(s->file, to, (size_t)n);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return AVERROR(errno);
    }
    return got == 0 ? AVERROR_EOF : (int)got;
}

/* As lseek does in a file; a place behind the end is one to read nothing at. */
static int64_t seek_in_bytes(s4d_stream *s, int64_t offset, int whence)
{
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : s->size, at;
    if (__builtin_add_overflow(from, offset, &at) || at < 0) {
        return AVERROR(EINVAL);
    }
    s->at = at;
    return at;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    s4d_stream *s = opaque;
    if (s->bytes) {
        return whence & AVSEEK_SIZE ? s->size : seek_in_bytes(s, offset, whence & ~AVSEEK_FORCE);
    }
    if (whence & AVSEEK_SIZE) {
        struct stat about;
        return fstat(s->file, &about) == 0 ? (int64_t)about.st_size : AVERROR(errno);
    }
    off_t at = lseek(s->file, (off_t)offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : (int64_t)at;
}

static s4d_status no_memory(s4d_err *err)
{
    return s4d_err_memory(err, IO_BUFFER, "reading a video");
}

static s4d_status open_io(s4d_stream *s, s4d_err *err)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (buffer) {
        s->io = avio_alloc_context(buffer, IO_BUFFER, 0, s, read_bytes, NULL, seek_bytes);
    }
    if (!s->io) {
        av_free(buffer);
        return no_memory(err);
    }
    return S4D_OK;
}

static s4d_status is_empty(s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "the file is empty; copy it again or take it out of the list");
}

static s4d_status open_bytes(s4d_stream *s, const s4d_source *from, s4d_err *err)
{
    size_t head = from->size < S4D_CONTAINER_HEAD ? from->size : S4D_CONTAINER_HEAD;
    if (from->size == 0) {
        return is_empty(err);
    }
    s->cut = s4d_container_is_cut(from->bytes, head, from->size) || s4d_boxes_are_cut_in(from->bytes, from->size);
    s->bytes = from->bytes;
    s->size = (int64_t)from->size;
    s->file = -1;
    return open_io(s, err);
}

static s4d_status open_file(s4d_stream *s, const char *path, s4d_err *err)
{
    struct stat about;
    uint8_t head[S4D_CONTAINER_HEAD];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe would wait */
    if (file < 0) {
        return s4d_err_system(err, errno, "cannot be opened");
    }
    bool regular = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    if (!regular || about.st_size == 0) {
        close(file);
        return regular ? is_empty(err) : s4d_err_set(err, S4D_FAILED, "is not a regular file; name a file");
    }
    ssize_t n = pread(file, head, sizeof head, 0);
    s->cut = n > 0 && (s4d_container_is_cut(head, (size_t)n, (uint64_t)about.st_size) ||
                       s4d_boxes_are_cut(file, (uint64_t)about.st_size));
    s4d_status status = open_io(s, err);
    if (status != S4D_OK) {
        close(file);
        return status;
    }
    s->file = file;
    return S4D_OK;
}

static s4d_status open_format(s4d_stream *s, s4d_err *err)
{
    AVDictionary *options = NULL;
    int code = AVERROR(ENOMEM);
    s->format = avformat_alloc_context();
    /* No protocol bears that name: nothing but our reader is ever opened. */
    if (s->format && av_dict_set(&options, "protocol_whitelist", "none", 0) >= 0) {
        s->format->pb = s->io;
        code = avformat_open_input(&s->format, NULL, NULL, &options);
    }
    av_dict_free(&options);
    if (code >= 0) {
        code = avformat_find_stream_info(s->format, NULL);
    }
    if (code == AVERROR(ENOMEM)) {
        return no_memory(err);
    }
    if (code < 0) {
        return s4d_err_set(err, S4D_FAILED,
                           "this is no video or picture that can be read, or its beginning or end "
                           "is missing (%s); copy it again or convert it",
                           av_err2str(code));
    }
    return S4D_OK;
}

/* The video with the most pixels, of equal ones the first, as the ffmpeg command chooses; -1: there is none that can be
 * decoded, and *any tells whether there is one at all. */
static int choose_stream(const AVFormatContext *format, const AVCodec **decoder, bool *any)
{
    int best = -1;
    int64_t most = -1;
    *any = false;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        const AVCodecParameters *about = stream->codecpar;
        int64_t pixels = (int64_t)about->width * about->height;
        if (about->codec_type != AVMEDIA_TYPE_VIDEO || stream->disposition & AV_DISPOSITION_ATTACHED_PIC) {
            continue;
        }
        *any = true;
        const AVCodec *of_stream = avcodec_find_decoder(about->codec_id);
        if (of_stream && pixels > most) {
            best = (int)i;
            most = pixels;
            *decoder = of_stream;
        }
    }
    return best;
}

static s4d_status open_codec(s4d_stream *s, s4d_err *err)
{
    const AVCodec *decoder = NULL;
    bool any;
    int index = choose_stream(s->format, &decoder, &any);
    if (index < 0) {
        return s4d_err_set(err, S4D_FAILED, "%s",
                           any ? "no decoder for its kind of video is installed; convert it"
                               : "no video is found in it; it is damaged or has none: copy it again or "
                                 "take it out of the list");
    }
    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        s->format->streams[i]->discard = (int)i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    s->video = s->format->streams[index];
    const AVCodecParameters *about = s->video->codecpar;
    if (about->width > S4D_IMAGE_SIDE_MAX || about->height > S4D_IMAGE_SIDE_MAX) {
        return s4d_err_set(err, S4D_FAILED,
                           "%d pixels high and %d wide is too large: each side must be 1..%d",
                           about->height, about->width, S4D_IMAGE_SIDE_MAX);
    }
    s->codec = avcodec_alloc_context3(decoder);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->codec || !s->packet || !s->frame) {
        return no_memory(err);
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
    av_log_set_level(AV_LOG_QUIET); /* process-wide, and always to this value */
    *s = (s4d_stream){0};
    s4d_status status = from->bytes ? open_bytes(s, from, err) : open_file(s, from->path, err);
    if (status == S4D_OK) {
        status = open_format(s, err);
    }
    if (status == S4D_OK) {
        status = open_codec(s, err);
    }
    if (status != S4D_OK && s->cut && !(err && err->shortage)) {
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
        if (!s->bytes) {
            close(s->file);
        }
    }
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

s4d_status s4d_stream_packet(s4d_stream *s, bool *end, s4d_err *err)
{
    *end = false;
    do {
        av_packet_unref(s->packet);
        int code = av_read_frame(s->format, s->packet);
        if (s->io->error < 0 && s->io->error != AVERROR_EOF) {
            return s4d_err_set(err, S4D_FAILED, "reading stopped after frame %lld: %s",
                               (long long)s->decoded, av_err2str(s->io->error));
        }
        if (code == AVERROR_EOF) {
            *end = true;
            return S4D_OK;
        }
        if (code < 0) {
            return damaged(s, av_err2str(code), err);
        }
    } while (s->packet->stream_index != s->video->index);
    return S4D_OK;
}

/* Broadcast formats may be cut anywhere; what precedes their first whole picture is no damage. */
static bool may_start_anywhere(const s4d_stream *s)
{
    return s->decoded == 0 && s->format->iformat->flags & AVFMT_TS_DISCONT;
}

static s4d_status feed(s4d_stream *s, s4d_err *err)
{
    bool end;
    s4d_status status = s4d_stream_packet(s, &end, err);
    if (status != S4D_OK) {
        return status;
    }
    if (!end && s->packet->flags & AV_PKT_FLAG_CORRUPT && !may_start_anywhere(s)) {
        return damaged(s, "a piece that is cut off", err);
    }
    int code = avcodec_send_packet(s->codec, end ? NULL : s->packet);
    s->drained = end;
    if (code == AVERROR(ENOMEM)) {
        return no_memory(err);
    }
    return code < 0 && !end && !may_start_anywhere(s) ? damaged(s, av_err2str(code), err) : S4D_OK;
}

s4d_status s4d_stream_next(s4d_stream *s, bool *end, s4d_err *err)
{
    *end = false;
    for (;;) {
        int code = avcodec_receive_frame(s->codec, s->frame);
        if (code == 0 &&
            (s->frame->decode_error_flags || s->frame->flags & AV_FRAME_FLAG_CORRUPT)) {
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
        if (code == AVERROR(ENOMEM)) {
            return no_memory(err);
        }
        if (code != AVERROR(EAGAIN) && !may_start_anywhere(s)) {
            return damaged(s, av_err2str(code), err);
        }
        s4d_status status = s->drained ? damaged(s, av_err2str(code), err) : feed(s, err);
        if (status != S4D_OK) {
            return status;
        }
    }
}

bool s4d_stream_seek(s4d_stream *s, int64_t time)
{
    if (avformat_seek_file(s->format, s->video->index, INT64_MIN, time, time, 0) < 0) {
        return false;
    }
    avcodec_flush_buffers(s->codec);
    s->drained = false;
    return true;
}

#endif
