/* Which frames of a video make a clip (METHOD.md sections 4, 6 and 7; PIXELS.md section 5). */
#include "s4d/data/clip.h"

/* Element i of n evenly spaced numbers from a to b, both included: the step is rounded first, the
 * last is b. */
static double spaced(double a, double b, int n, int i)
{
    if (n == 1) {
        return a;
    }
    return i == n - 1 ? b : i * ((b - a) / (n - 1)) + a;
}

static int clipped(double x, int low, int high)
{
    return x < low ? low : x > high ? high : (int)x;
}

void s4d_clip_train_index(int frames, int rate, int clip, int end, int *index)
{
    S4D_BUG_IF(frames < 1 || rate < 1 || clip < 1);
    int64_t window = (int64_t)clip * rate;
    if (frames > window) {
        S4D_BUG_IF(end < window || end >= frames);
        int start = end - (int)window;
        for (int i = 0; i < clip; i++) {
            index[i] = clipped(spaced(start, end, clip, i), start, end - 1);
        }
        return;
    }
    int points = frames / rate;
    for (int i = 0; i < clip; i++) {
        index[i] = i < points ? clipped(spaced(0.0, frames, points, i), 0, frames - 1) : frames - 1;
    }
}

void s4d_clip_draw_index(int frames, int rate, int clip, s4d_rng *rng, int *index)
{
    S4D_BUG_IF(frames < 1 || rate < 1 || clip < 1);
    int64_t window = (int64_t)clip * rate;
    int end = 0;
    if (frames > window) {
        end = (int)window + (int)s4d_rng_below(rng, (uint32_t)(frames - window));
    }
    s4d_clip_train_index(frames, rate, clip, end, index);
}

void s4d_clip_stride_index(int frames, int rate, int clip, int start, int *index)
{
    S4D_BUG_IF(frames < 1 || rate < 1 || clip < 1 || start < 0 || start >= frames);
    for (int i = 0, at = start; i < clip; i++) {
        index[i] = at;
        at += (int64_t)at + rate < frames - 1 ? rate : 0;
    }
}

void s4d_clip_draw_stride_index(int frames, int rate, int clip, s4d_rng *rng, int *index)
{
    S4D_BUG_IF(frames < 1 || rate < 1 || clip < 1);
    int64_t window = (int64_t)clip * rate;
    int start = frames >= window ? (int)s4d_rng_below(rng, (uint32_t)(frames - window + 1)) : 0;
    s4d_clip_stride_index(frames, rate, clip, start, index);
}

void s4d_clip_test_index(int frames, int rate, int clip, int segments, int view, int *index)
{
    S4D_BUG_IF(frames < 1 || rate < 1 || clip < 1 || segments < 1 || view < 0 || view >= segments);
    int kept = (frames - 1) / rate + 1; /* every rate-th frame; beyond them the last is repeated */
    int spare = kept > clip ? kept - clip : 0;
    int start = segments == 1 ? spare / 2 : (int)(view * ((double)spare / (segments - 1)));
    for (int i = 0; i < clip; i++) {
        int place = start + i < kept ? start + i : kept - 1;
        index[i] = place * rate;
    }
}
