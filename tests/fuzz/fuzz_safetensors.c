/* Files of weights in the safetensors format: read, and taken for a model. */
#include "fuzz.h"
#include "s4d/ckpt/check.h"
#include "s4d/ckpt/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    s4d_safetensors *file = NULL;
    s4d_strlist faults = {0};
    s4d_err err = {0};
    fuzz_outcome(s4d_safetensors_open(path, &file, &err), &err);
    s4d_safetensors_close(&file);
    err = (s4d_err){0};
    fuzz_outcome(s4d_ckpt_verify(path, &(s4d_import_opts){0}, &faults, &err), &err);
    s4d_strlist_release(&faults);
    return 0;
}
