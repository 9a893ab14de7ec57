/* Pictures of every kind. */
#include "fuzz.h"
#include "s4d/data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static s4d_image image; /* kept from file to file, as the loader does */
    s4d_err err = {0};
    s4d_status status = s4d_image_read(fuzz_file(data, size), &image, &err);
    fuzz_outcome(status, &err);
    return 0;
}
