/* Images other than PNG, JPEG and BMP: TIFF, WebP, GIF, PNM and the like, by libavcodec. */
#include "data/image_private.h"

#ifdef S4D_WITH_VIDEO

#include "data/stream_ffmpeg.h"

s4d_status s4d_image_decode_other(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    s4d_stream s;
    bool end = false;
    const s4d_source from = {.path = "", .bytes = bytes, .size = size};
    s4d_status status = s4d_stream_open(&s, &from, err);
    if (status == S4D_OK && !s4d_stream_still(&s)) {
        status = s4d_err_set(err, S4D_FAILED, "this is a video where an image is expected; list it among the clips");
    }
    if (status == S4D_OK && !s.cut) {
        status = s4d_stream_next(&s, &end, err);
    }
    if (status == S4D_OK && (end || s.cut)) {
        status = s4d_err_set(err, S4D_FAILED,
                             "the picture ends early; copy it again or take it out of the list");
    }
    if (status == S4D_OK) {
        status = s4d_stream_rgb(&s, out, err);
    }
    s4d_stream_close(&s);
    return status;
}

#else

#include "data/kind.h"

s4d_status s4d_image_decode_other(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    s4d_input in;
    (void)out;
    s4d_status status = s4d_input_open(&(s4d_source){.bytes = bytes, .size = size}, &in, err);
    if (status == S4D_OK) {
        status = s4d_kind_check(&in, err);
    }
    return status == S4D_OK ? s4d_err_set(err, S4D_FAILED,
                                          "neither PNG nor JPEG nor BMP, and this build has no video support, which reads other "
                                          "images (S4D_VIDEO=OFF); convert the image or build with FFmpeg")
                            : status;
}

#endif
