/* When each frame of a video is shown and where decoding may begin, from its packets alone. Private to data. */
#ifndef S4D_DATA_VIDEO_INDEX_H
#define S4D_DATA_VIDEO_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s4d/base/err.h"

typedef struct s4d_video_index {
    int64_t *time; /* [count] of the frames, rising, in units of the stream */
    size_t count, room;
    int64_t *key; /* [keys] times of the frames that need no other */
    size_t keys, key_room;
    bool odd; /* a time is missing or stands twice: nothing can be looked up */
} s4d_video_index;

/* A packet in the order of the file. known: it has a time; shown: no edit list hides it. */
s4d_status s4d_video_index_add(s4d_video_index *x, int64_t time, bool known, bool key, bool shown, s4d_err *err);
/* After the last. */
void s4d_video_index_finish(s4d_video_index *x);
/* The first frame at or after a time; count where there is none. */
size_t s4d_video_index_at(const s4d_video_index *x, int64_t time);
/* The last key frame at or before frame i; false: there is none. */
bool s4d_video_index_key(const s4d_video_index *x, size_t i, size_t *key);
void s4d_video_index_release(s4d_video_index *x);

#endif
