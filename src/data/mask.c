/* Which tokens the masked autoencoder sees and which it has to restore. */
#include "s4d/base/err.h"
#include "s4d/data/draw.h"

/* How many tokens one draw covers: all of them, or those of one time. */
static int drawn_tokens(s4d_mask_kind kind, int tokens, int per_frame)
{
    return kind == S4D_MASK_TUBE ? per_frame : tokens;
}

void s4d_mask_counts(double ratio, s4d_mask_kind kind, int tokens, int per_frame, int *visible,
                     int *masked)
{
    S4D_BUG_IF(!(ratio >= 0.0) || ratio > 1.0 || per_frame < 1 || tokens < per_frame ||
               tokens % per_frame != 0);
    int drawn = drawn_tokens(kind, tokens, per_frame);
    *masked = (int)(ratio * drawn) * (tokens / drawn);
    *visible = tokens - *masked;
}

/* Goes through the tokens once and keeps each with the chance that makes all subsets of the size as
 * likely (selection sampling: Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm
 * S). */
static void draw_subset(int tokens, int masks, s4d_rng *rng, int32_t *visible, int32_t *masked)
{
    int seen = 0, hidden = 0;
    for (int i = 0; i < tokens; i++) {
        if (s4d_rng_below(rng, (uint32_t)(tokens - i)) < (uint32_t)(masks - hidden)) {
            masked[hidden++] = i;
        } else {
            visible[seen++] = i;
        }
    }
}

/* Puts copies of list[0..count-1] behind it, each `per_frame` tokens later than the one before. */
static void repeat_in_time(int32_t *list, int count, int times, int per_frame)
{
    for (int k = count; k < count * times; k++) {
        list[k] = list[k - count] + per_frame;
    }
}

void s4d_draw_mask(double ratio, s4d_mask_kind kind, int tokens, int per_frame, s4d_rng *rng,
                   int32_t *visible, int32_t *masked)
{
    int seen, hidden;
    s4d_mask_counts(ratio, kind, tokens, per_frame, &seen, &hidden);
    int drawn = drawn_tokens(kind, tokens, per_frame);
    int times = tokens / drawn;
    draw_subset(drawn, hidden / times, rng, visible, masked);
    repeat_in_time(visible, seen / times, times, per_frame);
    repeat_in_time(masked, hidden / times, times, per_frame);
}
