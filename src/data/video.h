/* A video file as a numbered row of frames; clip.c stands above it. Private to the data layer. */
#ifndef S4D_DATA_VIDEO_H
#define S4D_DATA_VIDEO_H

#include "s4d/base/err.h"
#include "s4d/data/image.h"

typedef struct s4d_video s4d_video;

/* Opens and counts the frames. Sentences come without the path. */
s4d_status s4d_video_open(const char *path, s4d_video **out, s4d_err *err);
void s4d_video_close(s4d_video **video);
int s4d_video_frames(const s4d_video *video);
/* Decodes up to frame `index`; going back begins again at the file's first frame. */
s4d_status s4d_video_read(s4d_video *video, int index, s4d_image *out, s4d_err *err);

#endif
