/* The boxes of MP4 and QuickTime files (ISO 14496-12), looked over before FFmpeg reads them. Private to the data layer. */
#ifndef S4D_DATA_BOXES_H
#define S4D_DATA_BOXES_H

#include <stdbool.h>

#include "data/source.h"

/* *cut: the last box of a file that begins with an ftyp box reaches beyond its end. Never so for files of other kinds, nor
 * for one in fragments that was cut between two of them, which nothing tells.
 *
 * S4D_FAILED, in a sentence without the path: the video is encrypted; its header is compressed; or its tables promise more
 * samples or edits than such a file can hold, which would cost gigabytes and minutes to find out by reading (data/README.md,
 * "What reading may cost"). */
s4d_status s4d_boxes_look(const s4d_input *in, bool *cut, s4d_err *err);

#endif
