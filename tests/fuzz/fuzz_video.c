/* Videos: counting, seeking, reading, and the seconds that count. */
#include "fuzz.h"
#include "s4d/data/clip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static s4d_image image;
    const char *path = fuzz_file(data, size);
    for (int cut = 0; cut < 2; cut++) {
        s4d_clip *clip = NULL;
        s4d_err err = {0};
        s4d_clip_source source = {.path = path, .start = cut ? 0.1 : 0, .end = cut ? 0.4 : 0};
        s4d_status status = s4d_clip_open(&source, &clip, &err);
        int n = status == S4D_OK ? s4d_clip_frames(clip) : 0, wanted[3] = {n / 2, n - 1, 0};
        for (int i = 0; i < 3 && status == S4D_OK; i++) {
            status = s4d_clip_read(clip, &wanted[i], 1, &image, &err);
        }
        fuzz_outcome(status, &err);
        s4d_clip_close(&clip);
    }
    return 0;
}
