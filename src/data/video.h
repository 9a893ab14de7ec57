/* A video file as a numbered row of frames; clip.c stands above it. Private to the data layer. */
#ifndef S4D_DATA_VIDEO_H
#define S4D_DATA_VIDEO_H

#include "data/source.h"
#include "s4d/base/err.h"
#include "s4d/data/image.h"

typedef struct s4d_video s4d_video;

/* Opens and counts the frames from `start` seconds up to `end` (left out); 0 and INFINITY: all. A path is copied. Sentences
 * come without it. */
s4d_status s4d_video_open(const s4d_source *from, double start, double end, s4d_video **out, s4d_err *err);
void s4d_video_close(s4d_video **video);
int s4d_video_frames(const s4d_video *video);
/* Decodes frame `index`, from the key frame before it where that is nearer than the frame decoded last. */
s4d_status s4d_video_read(s4d_video *video, int index, s4d_image *out, s4d_err *err);

#endif
