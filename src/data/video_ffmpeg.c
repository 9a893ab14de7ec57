/* Reading video files: how many frames there are, and any of them in rising order. */
#include "data/video.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "s4d/base/mem.h"
#include "s4d/data/clip.h"

#ifdef S4D_WITH_VIDEO

#include "data/stream_ffmpeg.h"

const char *s4d_video_library(void)
{
    return av_version_info();
}

struct s4d_video {
    char *path;
    s4d_stream stream; /* closed until the first read */
    int frames;
};

/* What the packets of a file tell without decoding. */
typedef struct packet_count {
    int64_t all, shown; /* shown: without those that an edit list hides */
    bool key_first, whole, last_whole;
} packet_count;

static s4d_status count_packets(s4d_stream *s, packet_count *count, s4d_err *err)
{
    *count = (packet_count){.whole = true, .last_whole = true};
    for (;;) {
        bool end;
        s4d_status status = s4d_stream_packet(s, &end, err);
        if (status != S4D_OK || end) {
            return status;
        }
        const AVPacket *p = s->packet;
        count->key_first = count->all == 0 ? p->flags & AV_PKT_FLAG_KEY : count->key_first;
        count->all++;
        count->shown += !(p->flags & AV_PKT_FLAG_DISCARD);
        count->last_whole = !(p->flags & AV_PKT_FLAG_CORRUPT);
        count->whole = count->whole && count->last_whole;
    }
}

static s4d_status count_decoded(const char *path, int64_t *frames, s4d_err *err)
{
    s4d_stream s;
    s4d_status status = s4d_stream_open(&s, path, err);
    for (bool end = false; status == S4D_OK && !end;) {
        status = s4d_stream_next(&s, &end, err);
    }
    *frames = s.decoded;
    s4d_stream_close(&s);
    return status;
}

static s4d_status ends_early(const packet_count *count, int64_t promised, s4d_err *err)
{
    char of[32] = "";
    if (promised > 0) {
        snprintf(of, sizeof of, " of %lld", (long long)promised);
    }
    return s4d_err_set(
        err, S4D_FAILED,
        "the file ends early: %lld%s frames can be read; copy it again or take it out of the list",
        (long long)(count->last_whole ? count->all : count->all - 1), of);
}

/* Where the file's own count agrees with its packets, nothing need be decoded to know it. */
static s4d_status count_frames(const char *path, int64_t *frames, s4d_err *err)
{
    s4d_stream s;
    packet_count count = {0};
    s4d_status status = s4d_stream_open(&s, path, err);
    if (status == S4D_OK && s4d_stream_still(&s)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "this is a picture where a video or a folder of frames is expected");
    }
    if (status == S4D_OK) {
        status = count_packets(&s, &count, err);
    }
    if (status != S4D_OK) {
        goto done;
    }
    int64_t promised = s.video->nb_frames;
    bool indexed = strstr(s.format->iformat->name, "mp4") != NULL; /* its index names every frame */
    bool missing = promised > count.all || !count.last_whole;
    if (promised > 0 ? missing && (indexed || s.cut) : s.cut) {
        status = ends_early(&count, promised, err);
    } else if (promised == count.all && count.key_first && count.whole) {
        *frames = count.shown;
    } else {
        status = count_decoded(path, frames, err);
    }
    if (status == S4D_OK && *frames < 1) {
        status =
            s4d_err_set(err, S4D_FAILED,
                        "no frame of it can be decoded; copy it again or take it out of the list");
    } else if (status == S4D_OK && *frames > INT_MAX) {
        status =
            s4d_err_set(err, S4D_FAILED, "it has more than %d frames; cut it into parts", INT_MAX);
    }
done:
    s4d_stream_close(&s);
    return status;
}

s4d_status s4d_video_open(const char *path, s4d_video **out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    int64_t frames = 0;
    s4d_video *v = s4d_mem_alloc(1, sizeof *v);
    if (!v || !(v->path = s4d_mem_strdup(path))) {
        status = s4d_err_memory(err, sizeof *v + strlen(path), "a video");
        goto done;
    }
    status = count_frames(path, &frames, err);
    v->frames = (int)frames;
done:
    if (status != S4D_OK) {
        s4d_video_close(&v);
    }
    *out = v;
    return status;
}

void s4d_video_close(s4d_video **video)
{
    s4d_video *v = *video;
    if (v) {
        s4d_stream_close(&v->stream);
        s4d_mem_free(v->path);
        s4d_mem_free(v);
    }
    *video = NULL;
}

int s4d_video_frames(const s4d_video *video)
{
    return video->frames;
}

s4d_status s4d_video_read(s4d_video *video, int index, s4d_image *out, s4d_err *err)
{
    s4d_stream *s = &video->stream;
    S4D_BUG_IF(index < 0 || index >= video->frames);
    s4d_status status = S4D_OK;
    if (!s->io || index < s->decoded - 1) {
        s4d_stream_close(s);
        status = s4d_stream_open(s, video->path, err);
    }
    bool end = false;
    while (status == S4D_OK && !end && s->decoded <= index) {
        status = s4d_stream_next(s, &end, err);
    }
    if (status == S4D_OK && end) {
        status = s4d_err_set(err, S4D_FAILED,
                             "the file is damaged: %lld of %d frames can be read; copy it again or "
                             "take it out of the list",
                             (long long)s->decoded, video->frames);
    }
    return status == S4D_OK ? s4d_stream_rgb(s, out, err) : status;
}

#else

const char *s4d_video_library(void)
{
    return NULL;
}

s4d_status s4d_video_open(const char *path, s4d_video **out, s4d_err *err)
{
    (void)path;
    *out = NULL;
    return s4d_err_set(err, S4D_FAILED,
                       "this build has no video support (S4D_VIDEO=OFF); build it with FFmpeg, or "
                       "give a folder of pictures");
}

void s4d_video_close(s4d_video **video)
{
    *video = NULL;
}

/* Without an open video there is nothing to ask. */
int s4d_video_frames(const s4d_video *video)
{
    S4D_BUG_IF(video);
    return 0;
}

s4d_status s4d_video_read(s4d_video *video, int index, s4d_image *out, s4d_err *err)
{
    (void)index;
    (void)out;
    S4D_BUG_IF(video);
    return s4d_err_set(err, S4D_FAILED, "this build has no video support (S4D_VIDEO=OFF)");
}

#endif
