/* Pictures other than PNG and JPEG: BMP and whatever else libavcodec knows. */
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
        status = s4d_err_set(err, S4D_FAILED, "this is a video where a picture is expected");
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

s4d_status s4d_image_decode_other(const uint8_t *bytes, size_t size, s4d_image *out, s4d_err *err)
{
    (void)bytes;
    (void)size;
    (void)out;
    return s4d_err_set(
        err, S4D_FAILED,
        "neither PNG nor JPEG, and this build has no video support, which reads other pictures "
        "(S4D_VIDEO=OFF); convert the picture or build with FFmpeg");
}

#endif
