/* The times of a video's frames, gathered in the order of its packets. */
#include "data/video_index.h"

#include <stdlib.h>

#include "s4d/base/mem.h"

static bool append(int64_t **list, size_t *count, size_t *room, int64_t time)
{
    if (*count == *room) {
        size_t more = *room ? 2 * *room : 256;
        if (!s4d_mem_grow(list, *room, more, sizeof **list)) {
            return false;
        }
        *room = more;
    }
    (*list)[(*count)++] = time;
    return true;
}

s4d_status s4d_video_index_add(s4d_video_index *x, int64_t time, bool known, bool key, bool shown, s4d_err *err)
{
    x->odd = x->odd || !known;
    bool good = (!shown || append(&x->time, &x->count, &x->room, time)) &&
                (!key || append(&x->key, &x->keys, &x->key_room, time));
    return good ? S4D_OK : s4d_err_memory(err, (x->room + x->key_room) * 2 * sizeof time, "the times of a video");
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void s4d_video_index_finish(s4d_video_index *x)
{
    if (x->count > 0) {
        qsort(x->time, x->count, sizeof *x->time, compare);
    }
    if (x->keys > 0) {
        qsort(x->key, x->keys, sizeof *x->key, compare);
    }
    for (size_t i = 1; i < x->count; i++) {
        x->odd = x->odd || x->time[i] == x->time[i - 1];
    }
}

/* The first place of a rising list that is not below `time`. */
static size_t lower_bound(const int64_t *list, size_t n, int64_t time)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle] < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t s4d_video_index_at(const s4d_video_index *x, int64_t time)
{
    return lower_bound(x->time, x->count, time);
}

bool s4d_video_index_key(const s4d_video_index *x, size_t i, size_t *key)
{
    size_t after = lower_bound(x->key, x->keys, x->time[i] + 1);
    if (x->odd || after == 0) {
        return false;
    }
    *key = lower_bound(x->time, x->count, x->key[after - 1]);
    return *key <= i && x->time[*key] == x->key[after - 1]; /* a hidden key frame is no frame */
}

void s4d_video_index_release(s4d_video_index *x)
{
    s4d_mem_free(x->time);
    s4d_mem_free(x->key);
    *x = (s4d_video_index){0};
}
