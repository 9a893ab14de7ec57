/* Allowances: so much for any file, and so much more for each of its bytes. */
#include "data/effort.h"

#include <time.h>

#include "s4d/base/thread.h"

/* Frames that show nothing new take a video's decoder a nanosecond a pixel, and almost no bytes. Silent 4K films of a slide
 * reach 18,000 pixels a byte; a 4K film in motion, or a talk with sound, stays below 1,000. */
static const double PIXELS_FREE = 4.3e9, PIXELS_A_BYTE = 20000;
/* A scan of a JPEG file takes 2 ns a pixel. Files in use have up to 12 scans, and blank ones some 1,300 pixels of scans a
 * byte. */
static const double SCANNED_FREE = 2.2e9, SCANNED_A_BYTE = 2000;
/* Packets are parts of the file, taken once; only compressed tracks, and a still repeated for a while, have more. */
static const double PACKETS_FREE = 65536, PACKET_BYTES_FREE = 64 << 20, PACKET_BYTES_A_BYTE = 16;
/* Of processor time, for each megabyte begun: taking files apart takes a fiftieth of it at most, decoding within the counts above
 * a third. */
static const double MS_A_MEGABYTE[S4D_EFFORT_KINDS] = {[S4D_EFFORT_READING] = 5e3, [S4D_EFFORT_DECODING] = 60e3};

/* Asking for processor time takes longer than decoding a small frame, so that it begins when the clock says that it may matter. */
static const double CLOCK_MS = 1e3;

static double processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

void s4d_effort_begin(s4d_effort *e, uint64_t size)
{
    *e = (s4d_effort){.size = size, .turned = s4d_clock_ms()};
}

static bool within(const s4d_effort *e, s4d_effort_kind kind)
{
    return e->spent[kind] <= MS_A_MEGABYTE[kind] * (1 + (double)(e->size >> 20));
}

bool s4d_effort_turn(s4d_effort *e, s4d_effort_kind kind)
{
    double clock = s4d_clock_ms();
    e->passed += e->kind == S4D_EFFORT_IDLE ? 0 : clock - e->turned;
    e->turned = clock;
    if (e->passed > CLOCK_MS) {
        double now = processor_ms();
        e->spent[e->kind] += e->kind == S4D_EFFORT_IDLE || e->since == 0 ? 0 : now - e->since;
        e->since = now;
    }
    e->kind = kind;
    return within(e, S4D_EFFORT_READING) && within(e, S4D_EFFORT_DECODING);
}

s4d_status s4d_effort_too_slow(const s4d_effort *e, s4d_err *err)
{
    return s4d_err_set(err, S4D_FAILED, "reading its %llu bytes has taken %.0f s and is given up; it is damaged or made to be slow: "
                                        "take it out of the list, or encode it anew", (unsigned long long)e->size,
                       (e->spent[S4D_EFFORT_READING] + e->spent[S4D_EFFORT_DECODING]) / 1e3);
}

s4d_status s4d_effort_add_pictures(s4d_effort *e, double passes, int height, int width, s4d_err *err)
{
    e->pixels += passes * height * width;
    if (e->pixels <= PIXELS_FREE + PIXELS_A_BYTE * (double)e->size) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED, "%.0f pixels so far (now frames of %d x %d) are out of all proportion to its %llu bytes; it "
                                        "is damaged or made to be slow: take it out of the list, or encode it anew", e->pixels, height,
                       width, (unsigned long long)e->size);
}

s4d_status s4d_effort_add_packet(s4d_effort *e, uint64_t bytes, s4d_err *err)
{
    e->packets++;
    e->packet_bytes += (double)bytes;
    if (e->packets <= PACKETS_FREE + (double)e->size && e->packet_bytes <= PACKET_BYTES_FREE + PACKET_BYTES_A_BYTE * (double)e->size) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED, "%.0f packets of %.0f bytes in all are out of all proportion to its %llu bytes; it is damaged "
                                        "or made to be slow: take it out of the list, or encode it anew", e->packets, e->packet_bytes,
                       (unsigned long long)e->size);
}

s4d_status s4d_effort_check_scans(uint64_t size, uint64_t scans, int height, int width, s4d_err *err)
{
    if ((double)scans * height * width <= SCANNED_FREE + SCANNED_A_BYTE * (double)size) {
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_FAILED, "%llu scans of %d x %d pixels are out of all proportion to its %llu bytes, as no program that "
                                        "makes images writes them; it is made to be slow: take it out of the list, or save it anew",
                       (unsigned long long)scans, height, width, (unsigned long long)size);
}
