/* Clips: which frames to take, and taking them from a folder of pictures or a video file. */
#ifndef S4D_DATA_CLIP_H
#define S4D_DATA_CLIP_H

#include <stdbool.h>

#include "s4d/base/err.h"
#include "s4d/base/rng.h"
#include "s4d/data/image.h"
#include "s4d/data/options.h"

/* Fine-tuning's frames (METHOD.md section 6; the arithmetic is PIXELS.md section 5): index[clip] of a video of
 * `frames` frames, stride `rate`. Longer than clip*rate: the window ending at `end` (clip*rate <= end < frames). */
void s4d_clip_train_index(int frames, int rate, int clip, int end, int *index);
/* Draws `end` where the video is long enough, then as above. */
void s4d_clip_draw_index(int frames, int rate, int clip, s4d_rng *rng, int *index);
/* Pre-training's frames (METHOD.md section 4): each `rate` after the one before, but no step is taken that would reach the video's
 * last frame; from there on the frame is repeated. 0 <= start < frames. */
void s4d_clip_stride_index(int frames, int rate, int clip, int start, int *index);
/* Draws `start` so that clip*rate frames follow, 0 where there are fewer, then as above. */
void s4d_clip_draw_stride_index(int frames, int rate, int clip, s4d_rng *rng, int *index);
/* Test frames of one of `segments` views (METHOD.md section 7). */
void s4d_clip_test_index(int frames, int rate, int clip, int segments, int view, int *index);

/* A source of frames: a folder of pictures or a video file. */
typedef struct s4d_clip s4d_clip;

typedef struct s4d_clip_source {
    const char *path;
    const struct s4d_store *store; /* where it is looked up (s4d/data/pack.h), and outlives the clip; NULL: plain files */
    s4d_frame_order order; /* of a folder's pictures */
    bool upright;          /* a folder's pictures by their EXIF orientation (s4d_image_source) */
    double start, end;     /* seconds of a video file that count, the end left out; an end of 0 or INFINITY: its own */
} s4d_clip_source;

/* Opens and counts. A folder with no picture, a file that is no video, a missing path: one sentence. A build without
 * video refuses video files by name. Warns once per process where natural and lexicographic order differ. */
s4d_status s4d_clip_open(const s4d_clip_source *source, s4d_clip **out, s4d_err *err);
void s4d_clip_close(s4d_clip **clip);
int s4d_clip_frames(const s4d_clip *clip); /* at least 1 */
/* Decodes frame index[i] into frame[i], i < n; indices in 0..frames-1, never falling, repeats decoded once and copied. */
s4d_status s4d_clip_read(s4d_clip *clip, const int *index, int n, s4d_image *frame, s4d_err *err);

/* FFmpeg's version, as "5.1.6"; NULL: this build neither reads nor writes video files. */
const char *s4d_video_library(void);

/* Writes an .mp4 by libavcodec's built-in MPEG-4 encoder, one thread, so that the same frames give the same bytes. */
typedef struct s4d_video_writer s4d_video_writer;
s4d_status s4d_video_writer_create(const char *path, int height, int width, int fps, s4d_video_writer **out, s4d_err *err);
s4d_status s4d_video_writer_add(s4d_video_writer *w, const s4d_image *frame, s4d_err *err);
s4d_status s4d_video_writer_close(s4d_video_writer **w, s4d_err *err); /* frees in every case; on failure no file is left */

#endif
