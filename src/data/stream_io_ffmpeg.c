/* FFmpeg's reading and seeking in a source. Bytes come through here alone, so that a file can neither name other files nor be
 * taken for a pattern of names, and so that none is read for ever. */
#ifdef S4D_WITH_VIDEO

#include <errno.h>
#include <string.h>

#include "data/boxes.h"
#include "data/container.h"
#include "data/kind.h"
#include "data/stream_ffmpeg.h"

enum { IO_BUFFER = 1 << 16 };

static int read_bytes(void *opaque, uint8_t *to, int n)
{
    s4d_stream *s = opaque;
    size_t got = 0;
    if (!s4d_effort_turn(&s->effort, s->effort.kind)) {
        s4d_effort_too_slow(&s->effort, &s->failure);
        return AVERROR(EIO);
    }
    if (n <= 0 || s->at < 0) {
        return AVERROR_EOF;
    }
    if (s4d_input_read(&s->in, (uint64_t)s->at, to, (size_t)n, &got, &s->failure) != S4D_OK) {
        return AVERROR(EIO);
    }
    s->at += (int64_t)got;
    return got == 0 ? AVERROR_EOF : (int)got;
}

/* A place behind the end is one to read nothing at. */
static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    s4d_stream *s = opaque;
    if (whence & AVSEEK_SIZE) {
        return (int64_t)s->in.size;
    }
    whence &= ~AVSEEK_FORCE;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : (int64_t)s->in.size, at;
    if (__builtin_add_overflow(from, offset, &at) || at < 0) {
        return AVERROR(EINVAL);
    }
    s->at = at;
    return at;
}

static s4d_status make_io(s4d_stream *s, s4d_err *err)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (buffer) {
        s->io = avio_alloc_context(buffer, IO_BUFFER, 0, s, read_bytes, NULL, seek_bytes);
    }
    if (!s->io) {
        av_free(buffer);
        return s4d_err_memory(err, IO_BUFFER, "reading a video");
    }
    return S4D_OK;
}

s4d_status s4d_stream_open_io(s4d_stream *s, const s4d_source *from, s4d_err *err)
{
    uint8_t head[S4D_CONTAINER_HEAD];
    size_t n = 0;
    s4d_status status = s4d_input_open(from, &s->in, err);
    if (status == S4D_OK) {
        s4d_effort_begin(&s->effort, s->in.size);
        status = s4d_input_read(&s->in, 0, head, sizeof head, &n, err);
    }
    if (status == S4D_OK) {
        status = s4d_kind_check(&s->in, err);
    }
    if (status == S4D_OK) {
        status = s4d_boxes_look(&s->in, &s->cut, err);
    }
    s->cut = s->cut || s4d_container_is_cut(head, n, s->in.size);
    return status == S4D_OK ? make_io(s, err) : status;
}

#endif
