/* Sources of bytes, opened and read at any place. */
#include "data/source.h"

#include <string.h>

s4d_status s4d_input_open(const s4d_source *from, s4d_input *out, s4d_err *err)
{
    *out = (s4d_input){.bytes = from->bytes, .size = from->size};
    if (from->bytes) {
        return S4D_OK;
    }
    s4d_status status = s4d_store_file_open(from->store, from->path, &out->file, err);
    out->size = out->file.size;
    return status;
}

s4d_status s4d_input_read(const s4d_input *in, uint64_t at, void *to, size_t n, size_t *got, s4d_err *err)
{
    uint64_t left = at < in->size ? in->size - at : 0;
    *got = n < left ? n : (size_t)left;
    if (!in->bytes) {
        return *got > 0 ? s4d_store_file_read(&in->file, at, to, *got, err) : S4D_OK;
    }
    if (*got > 0) {
        memcpy(to, in->bytes + at, *got);
    }
    return S4D_OK;
}

void s4d_input_close(s4d_input *in)
{
    s4d_store_file_close(&in->file);
    *in = (s4d_input){0};
}
