/* TIFF images, looked over before FFmpeg decodes them. Private to the data layer. */
#ifndef S4D_DATA_TIFF_H
#define S4D_DATA_TIFF_H

#include "data/source.h"

/* S4D_FAILED, in a sentence without the path, for a TIFF file of a kind that FFmpeg refuses, or decodes to other pixels than it
 * holds (JPEG inside comes out black, YCbCr in other colours), and for a camera's raw image, whose first part is a small
 * preview. S4D_OK for all else. */
s4d_status s4d_tiff_check(const s4d_input *in, s4d_err *err);

#endif
