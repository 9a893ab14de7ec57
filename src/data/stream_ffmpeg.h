/* The video stream of a file, decoded frame by frame. Private to the *_ffmpeg.c files, which own
 * FFmpeg. */
#ifndef S4D_DATA_STREAM_FFMPEG_H
#define S4D_DATA_STREAM_FFMPEG_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

#include "s4d/base/err.h"
#include "data/effort.h"
#include "data/image_private.h"
#include "data/source.h"

/* Zeroed = closed. */
typedef struct s4d_stream {
    s4d_input in;
    int64_t at;      /* the next byte to read of it */
    s4d_err failure; /* why reading failed */
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *video; /* the best video stream, owned by format */
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame; /* the frame that s4d_stream_next decoded */
    struct SwsContext *scale;
    int scale_key[5]; /* what `scale` was made for */
    uint8_t *rows;    /* [room] the frame as RGB, in rows padded for libswscale */
    size_t room;
    int64_t decoded;  /* frames so far */
    bool drained;     /* the decoder was told that no packet follows */
    bool cut;         /* the file is shorter than its header says (container.h, boxes.h) */
    s4d_effort effort;
} s4d_stream;

/* Sentences come without the path. */
s4d_status s4d_stream_open(s4d_stream *s, const s4d_source *from, s4d_err *err);
void s4d_stream_close(s4d_stream *s);
/* The steps of opening: s->in, s->io, s->cut and s->effort; s->format; s->video. */
s4d_status s4d_stream_open_io(s4d_stream *s, const s4d_source *from, s4d_err *err);
s4d_status s4d_stream_open_format(s4d_stream *s, s4d_err *err);
s4d_status s4d_stream_choose(s4d_stream *s, s4d_err *err);
/* A still picture's format rather than a video's. */
bool s4d_stream_still(const s4d_stream *s);
/* The next packet of the video stream; *end after the last. */
s4d_status s4d_stream_packet(s4d_stream *s, bool *end, s4d_err *err);
/* The next frame in order of showing; *end after the last. Concealed damage is an error that says
 * how far it went. */
s4d_status s4d_stream_next(s4d_stream *s, bool *end, s4d_err *err);
/* Whether decoding may begin at the packet just read: a key frame by the container's word, and not one that only promises to
 * be whole some frames later (H.264's recovery points and open groups, HEVC's CRA). */
bool s4d_stream_begins(const s4d_stream *s);
/* Adds what decoding the packet just read will cost to what the stream has cost. */
s4d_status s4d_stream_charge(s4d_stream *s, s4d_err *err);
/* Whether each packet of this kind of stream is one frame, so that packets may be counted instead. */
bool s4d_stream_counts(const s4d_stream *s);
/* Goes to the key frame shown at `time`, so that s4d_stream_next gives it or one before it; false: that cannot be done. */
bool s4d_stream_seek(s4d_stream *s, int64_t time);
/* The frame as RGB, turned and mirrored as the file says it is to be shown. */
s4d_status s4d_stream_rgb(s4d_stream *s, s4d_image *out, s4d_err *err);

#endif
