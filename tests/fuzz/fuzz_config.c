/* Configs. The first byte chooses whether an override is set over them, which stands before the first zero byte. */
#include <string.h>

#include "fuzz.h"
#include "s4d/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char override[64] = "";
    const char *set[] = {override};
    s4d_config config = {0};
    s4d_err err = {0};
    if (size == 0) {
        return 0;
    }
    const uint8_t *text = data + 1, *end = data[0] & 1 ? memchr(text, 0, size - 1) : NULL;
    if (end && end - text < (ptrdiff_t)sizeof override) {
        memcpy(override, text, (size_t)(end - text));
        text = end + 1;
    }
    const char *path = fuzz_file(text, size - (size_t)(text - data));
    fuzz_outcome(s4d_config_load(path, set, *override != '\0', NULL, &config, &err), &err);
    s4d_config_release(&config);
    return 0;
}
