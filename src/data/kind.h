/* Files of kinds that are not read, told by their first bytes, so that a sound file is not called damaged. Private to data. */
#ifndef S4D_DATA_KIND_H
#define S4D_DATA_KIND_H

#include "data/source.h"

/* S4D_FAILED, in a sentence without the path, where the file is of such a kind, or a video that is encrypted in a way that
 * shows in its first bytes (MP4 tells it in its boxes: boxes.h, Matroska in its tracks: open_ffmpeg.c). */
s4d_status s4d_kind_check(const s4d_input *in, s4d_err *err);

#endif
