/* Reading video files: how many frames there are, and any of them. */
#include "data/video.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/video_index.h"
#include "s4d/base/mem.h"
#include "s4d/data/clip.h"

#ifdef S4D_WITH_VIDEO

#include "data/stream_ffmpeg.h"

const char *s4d_video_library(void)
{
    return av_version_info();
}

struct s4d_video {
    char *path;      /* that `from` names */
    s4d_source from;
    s4d_stream stream; /* closed until the first read */
    s4d_video_index index;
    size_t first; /* the file's frame that counts as 0 */
    int frames;
    size_t next; /* the file's frame that the stream decodes next */
    size_t wasted; /* frames before the key frames that were sought */
    bool sought; /* the stream did not come there from the beginning */
};

/* What the packets of a file tell without decoding, beside their times. */
typedef struct packet_count {
    int64_t all;
    bool key_first, whole, last_whole;
} packet_count;

static s4d_status count_packets(s4d_stream *s, packet_count *count, s4d_video_index *index, s4d_err *err)
{
    *count = (packet_count){.whole = true, .last_whole = true};
    for (;;) {
        bool end;
        s4d_status status = s4d_stream_packet(s, &end, err);
        if (status != S4D_OK || end) {
            return status;
        }
        status = s4d_stream_charge(s, err); /* so that what would take too long is refused before any of it is decoded */
        if (status != S4D_OK) {
            return status;
        }
        const AVPacket *p = s->packet;
        bool key = p->flags & AV_PKT_FLAG_KEY;
        count->key_first = count->all == 0 ? key : count->key_first;
        count->all++;
        count->last_whole = !(p->flags & AV_PKT_FLAG_CORRUPT);
        count->whole = count->whole && count->last_whole;
        status = s4d_video_index_add(index, p->pts, p->pts != AV_NOPTS_VALUE, s4d_stream_begins(s),
                                     !(p->flags & AV_PKT_FLAG_DISCARD), err);
        if (status != S4D_OK) {
            return status;
        }
    }
}

/* The times of the frames as decoding gives them, with no key frame to begin at. */
static s4d_status count_decoded(const s4d_source *from, s4d_video_index *index, s4d_err *err)
{
    s4d_stream s;
    bool end = false;
    s4d_video_index_release(index);
    s4d_status status = s4d_stream_open(&s, from, err);
    while (status == S4D_OK && !end) {
        status = s4d_stream_next(&s, &end, err);
        int64_t time = status == S4D_OK && !end ? s.frame->best_effort_timestamp : 0;
        if (status == S4D_OK && !end) {
            status = s4d_video_index_add(index, time, time != AV_NOPTS_VALUE, false, true, err);
        }
    }
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

/* start and end in frames of the file. */
static s4d_status cut_out(s4d_video *v, const s4d_stream *s, double start, double end, s4d_err *err)
{
    const s4d_video_index *x = &v->index;
    double unit = av_q2d(s->video->time_base);
    int64_t zero = s->video->start_time == AV_NOPTS_VALUE ? 0 : s->video->start_time;
    size_t last = x->count;
    v->first = 0;
    if (start > 0 || isfinite(end)) {
        if (x->odd) {
            return s4d_err_set(err, S4D_FAILED, "its frames have no times, so start and end cannot be found; convert it");
        }
        /* A frame shown at the very moment counts, whatever the last bit of the division says. */
        v->first = s4d_video_index_at(x, zero + (int64_t)ceil(start / unit - 1e-6));
        last = isfinite(end) && end / unit < 9e18 ? s4d_video_index_at(x, zero + (int64_t)ceil(end / unit - 1e-6)) : last;
        if (v->first >= last) {
            return s4d_err_set(err, S4D_FAILED, "no frame lies between %g and %g s; its last is shown at %.3f s", start, end,
                               x->count ? (double)(x->time[x->count - 1] - zero) * unit : 0.0);
        }
    }
    if (last - v->first < 1) {
        return s4d_err_set(err, S4D_FAILED,
                           "no frame of it can be decoded; copy it again or take it out of the list");
    }
    if (last - v->first > INT_MAX) {
        return s4d_err_set(err, S4D_FAILED, "it has more than %d frames; cut it into parts", INT_MAX);
    }
    v->frames = (int)(last - v->first);
    return S4D_OK;
}

/* Where the file's own count agrees with its packets, or such a file's packets are its frames, nothing need be decoded to
 * know it. A stream that was read through knows its key frames, if it is of a kind that then seeks by them alone
 * (open_ffmpeg.c), and stays; else the first read opens another. */
static s4d_status count_frames(s4d_video *v, double start, double end, s4d_err *err)
{
    s4d_stream *s = &v->stream;
    packet_count count = {0};
    s4d_status status = s4d_stream_open(s, &v->from, err);
    if (status == S4D_OK && s4d_stream_still(s)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "this is a picture where a video or a folder of frames is expected");
    }
    if (status == S4D_OK) {
        status = count_packets(s, &count, &v->index, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    int64_t promised = s->video->nb_frames;
    bool indexed = strstr(s->format->iformat->name, "mp4") != NULL; /* its index names every frame */
    bool missing = promised > count.all || !count.last_whole;
    if (promised > 0 ? missing && (indexed || s->cut) : s->cut) {
        status = ends_early(&count, promised, err);
    } else {
        s4d_video_index_finish(&v->index);
        bool named = promised == count.all || (promised == 0 && s4d_stream_counts(s) && !v->index.odd);
        if (!named || !count.key_first || !count.whole) {
            status = count_decoded(&v->from, &v->index, err);
        }
    }
    s4d_video_index_finish(&v->index);
    if (status == S4D_OK) {
        status = cut_out(v, s, start, end, err);
    }
    if (status == S4D_OK && v->index.keys > 0 && s->format->flags & AVFMT_FLAG_IGNIDX) {
        s4d_effort_begin(&s->effort, s->in.size);
        v->next = v->index.count + 1; /* behind the last */
    } else {
        s4d_stream_close(s);
    }
    return status;
}

s4d_status s4d_video_open(const s4d_source *from, double start, double end, s4d_video **out, s4d_err *err)
{
    s4d_status status = S4D_OK;
    s4d_video *v = s4d_mem_alloc(1, sizeof *v);
    if (!v || !(v->path = s4d_mem_strdup(from->path))) {
        status = s4d_err_memory(err, sizeof *v + strlen(from->path), "a video");
    } else {
        v->from = (s4d_source){.path = v->path, .store = from->store, .bytes = from->bytes, .size = from->size};
        status = count_frames(v, start, end, err);
    }
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
        s4d_video_index_release(&v->index);
        s4d_mem_free(v->path);
        s4d_mem_free(v);
    }
    *video = NULL;
}

int s4d_video_frames(const s4d_video *video)
{
    return video->frames;
}

static s4d_status from_the_beginning(s4d_video *v, s4d_err *err)
{
    s4d_stream_close(&v->stream);
    v->next = 0;
    v->sought = false;
    return s4d_stream_open(&v->stream, &v->from, err);
}

/* Frame `at` of the file by way of its key frame. False: it did not come out, and the file must be read from its beginning;
 * what went wrong shows itself again there. A file that leads far before its key frames is not sought in again, once that has
 * cost as much as reading all of it. */
static bool jump(s4d_video *v, size_t at, size_t key)
{
    s4d_stream *s = &v->stream;
    const int64_t *time = v->index.time;
    size_t frames = 0;
    bool end = false;
    if (!s4d_stream_seek(s, time[key])) {
        return false;
    }
    s->decoded = (int64_t)key;
    do {
        if (s4d_stream_next(s, &end, NULL) != S4D_OK || end || s->frame->best_effort_timestamp > time[at]) {
            return false;
        }
        frames++;
    } while (s->frame->best_effort_timestamp < time[at]);
    v->wasted += frames > at - key + 1 ? frames - (at - key + 1) : 0;
    if (v->wasted > v->index.count) {
        v->index.keys = 0;
    }
    s->decoded = (int64_t)at + 1;
    v->next = at + 1;
    v->sought = true;
    return true;
}

/* Forward to frame `at`. Behind a jump each frame must be the one its time says, or the file is not sought again and read from
 * its beginning. */
static s4d_status go_on(s4d_video *v, size_t at, s4d_err *err)
{
    s4d_stream *s = &v->stream;
    s4d_status status = S4D_OK;
    while (status == S4D_OK && v->next <= at) {
        bool end = false;
        status = s4d_stream_next(s, &end, v->sought ? NULL : err);
        bool there = status == S4D_OK && !end;
        if (v->sought && (!there || s->frame->best_effort_timestamp != v->index.time[v->next])) {
            v->index.keys = 0;
            status = from_the_beginning(v, err);
            continue;
        }
        if (status == S4D_OK && end) {
            return s4d_err_set(err, S4D_FAILED,
                               "the file is damaged: %lld of %zu frames can be read; copy it again or "
                               "take it out of the list",
                               (long long)s->decoded, v->index.count);
        }
        v->next += there;
    }
    return status;
}

s4d_status s4d_video_read(s4d_video *video, int index, s4d_image *out, s4d_err *err)
{
    s4d_stream *s = &video->stream;
    S4D_BUG_IF(index < 0 || index >= video->frames);
    size_t at = video->first + (size_t)index, key;
    s4d_status status = s->io ? S4D_OK : from_the_beginning(video, err);
    bool back = at + 1 < video->next, held = status == S4D_OK && at + 1 == video->next;
    bool nearer = status == S4D_OK && !held && s4d_video_index_key(&video->index, at, &key) && (back || key > video->next);
    if (nearer && jump(video, at, key)) {
        return s4d_stream_rgb(s, out, err);
    }
    if (nearer) {
        video->index.keys = 0; /* or each frame that is asked for may cost the whole file */
    }
    if (status == S4D_OK && (back || nearer)) {
        status = from_the_beginning(video, err);
    }
    if (status == S4D_OK) {
        status = go_on(video, at, err);
    }
    return status == S4D_OK ? s4d_stream_rgb(s, out, err) : status;
}

#else

const char *s4d_video_library(void)
{
    return NULL;
}

s4d_status s4d_video_open(const s4d_source *from, double start, double end, s4d_video **out, s4d_err *err)
{
    (void)from;
    (void)start;
    (void)end;
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
