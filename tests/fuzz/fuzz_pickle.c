/* PyTorch's files. The first byte chooses: a file of either form as it is, or a pickle that is put
 * into a sound archive with three storages, which no checksum hinders. */
#include "../unit/ckpt_fixture.h"
#include "fuzz.h"
#include "s4d/ckpt/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float storage[32] = {1, 2, 3};
    s4d_str archive = {0};
    s4d_strlist faults = {0};
    s4d_err err = {0};
    if (size == 0) {
        return 0;
    }
    if (data[0] & 1) {
        const zip_member member[] = {{.name = "a/data.pkl", .data = data + 1, .size = size - 1},
                                     {.name = "a/data/0", .data = storage, .size = 128},
                                     {.name = "a/data/1", .data = storage, .size = 24},
                                     {.name = "a/data/2", .data = storage, .size = 8}};
        zip_write(&archive, member, 4, data[0] & 2);
    } else {
        s4d_str_add_bytes(&archive, data + 1, size - 1);
    }
    if (archive.size > 0) {
        fuzz_outcome(s4d_ckpt_verify(fuzz_file((const uint8_t *)archive.text, archive.size),
                                     &(s4d_import_opts){0}, &faults, &err),
                     &err);
    }
    s4d_strlist_release(&faults);
    s4d_str_release(&archive);
    return 0;
}
