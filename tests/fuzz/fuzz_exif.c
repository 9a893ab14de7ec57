/* The orientation in JPEG and PNG files: 1..8 whatever the bytes are. */
#include <stdlib.h>

#include "data/image_private.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int orientation = s4d_exif_orientation(data, size);
    if (orientation < 1 || orientation > 8) {
        abort();
    }
    return 0;
}
