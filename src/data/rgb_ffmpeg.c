/* A decoded frame as the RGB image that is shown: colour conversion by libswscale, then the file's display matrix. */
#ifdef S4D_WITH_VIDEO

#include <math.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include "data/stream_ffmpeg.h"
#include "s4d/base/mem.h"

/* libswscale converts 32 columns at a time, writes past the last one where a row has room, and leaves it unwritten where not. */
enum { COLUMNS = 32, OVER_WRITE = 64 };

/* Nine numbers, of the frame (as H.264's and HEVC's display orientation message) or of the whole stream; NULL: none. */
static const int32_t *display_matrix(const s4d_stream *s)
{
    enum { BYTES = 9 * sizeof(int32_t) };
    const AVFrameSideData *of_frame = av_frame_get_side_data(s->frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (of_frame && of_frame->size >= BYTES) {
        return (const int32_t *)of_frame->data;
    }
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 0) /* FFmpeg 6.1 */
    const AVCodecParameters *about = s->video->codecpar;
    const AVPacketSideData *side =
        av_packet_side_data_get(about->coded_side_data, about->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return side && side->size >= BYTES ? (const int32_t *)side->data : NULL;
#else
    size_t size = 0;
    const uint8_t *side = av_stream_get_side_data(s->video, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return side && size >= BYTES ? (const int32_t *)side : NULL;
#endif
}

/* The matrix as one of EXIF's eight orientations, chosen as the ffmpeg command chooses its filters: by the whole degrees of its
 * angle, then by the signs of the matrix for a flip. Angles between are left alone. */
static int orientation(const s4d_stream *s)
{
    const int32_t *m = s4d_stream_still(s) ? NULL : display_matrix(s); /* stills: by choice, from EXIF (image.c) */
    double angle = m ? -av_display_rotation_get(m) : 0; /* clockwise, -180..180 */
    int degrees = isfinite(angle) ? ((int)round(angle) + 360) % 360 : -1;
    if (degrees == 90) {
        return m[3] > 0 ? 5 : 6;
    }
    if (degrees == 180) {
        return m[4] >= 0 ? 2 : 3;
    }
    if (degrees == 270) {
        return m[3] < 0 ? 7 : 8;
    }
    return m && degrees == 0 && m[4] < 0 ? 4 : 1;
}

/* A converter for frames like this one: colours by what the stream says of itself, else BT.601. */
static bool prepare_scale(s4d_stream *s)
{
    const AVFrame *f = s->frame;
    const int key[5] = {f->width, f->height, f->format, (int)f->colorspace, (int)f->color_range};
    if (s->scale && memcmp(key, s->scale_key, sizeof key) == 0) {
        return true;
    }
    sws_freeContext(s->scale);
    memcpy(s->scale_key, key, sizeof key);
    s->scale = sws_getContext(f->width, f->height, f->format, f->width, f->height, AV_PIX_FMT_RGB24,
                              SWS_BICUBIC, NULL, NULL, NULL);
    int *from_table, *to_table, from_full, to_full, brightness, contrast, saturation;
    if (s->scale && sws_getColorspaceDetails(s->scale, &from_table, &from_full, &to_table, &to_full,
                                             &brightness, &contrast, &saturation) >= 0) {
        if (f->color_range != AVCOL_RANGE_UNSPECIFIED) {
            from_full = f->color_range == AVCOL_RANGE_JPEG;
        }
        sws_setColorspaceDetails(s->scale, sws_getCoefficients((int)f->colorspace), from_full,
                                 to_table, to_full, brightness, contrast, saturation);
    }
    return s->scale != NULL;
}

/* Room for height rows of `stride` bytes. */
static s4d_status prepare_rows(s4d_stream *s, int height, size_t stride, s4d_err *err)
{
    size_t room = (size_t)height * stride + OVER_WRITE;
    if (room > s->room) {
        s4d_mem_free(s->rows);
        s->room = 0;
        s->rows = s4d_mem_alloc(room, 1);
        if (!s->rows) {
            return s4d_err_memory(err, room, "a frame");
        }
        s->room = room;
    }
    s4d_mem_poison(s->rows, room);
    return S4D_OK;
}

s4d_status s4d_stream_rgb(s4d_stream *s, s4d_image *out, s4d_err *err)
{
    const AVFrame *f = s->frame;
    s4d_pixel_rows shown = {.height = f->height, .width = f->width,
                            .stride = ((size_t)f->width + COLUMNS - 1) / COLUMNS * COLUMNS * 3};
    s4d_status status = s4d_image_size(out, f->height, f->width, err); /* too large a frame ends here */
    if (status == S4D_OK) {
        status = prepare_rows(s, f->height, shown.stride, err);
    }
    if (status != S4D_OK) {
        return status;
    }
    uint8_t *to[4] = {s->rows};
    const int stride[4] = {(int)shown.stride};
    if (!prepare_scale(s) ||
        sws_scale(s->scale, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to, stride) != f->height) {
        const char *format = av_get_pix_fmt_name(f->format);
        return s4d_err_set(err, S4D_FAILED, "its pixels (%s) cannot be made RGB; convert the file",
                           format ? format : "unknown");
    }
    shown.rgb = s->rows;
    return s4d_image_orient(&shown, orientation(s), out, err);
}

#endif
