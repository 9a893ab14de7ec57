/* Packs. The first byte chooses: the rest is an index as it is, one whose checksum is made right, or a shard of a sound index.
 * Whatever is found in it is asked for. */
#include <string.h>

#include <xxhash.h>

#include "fuzz.h"
#include "s4d/base/file.h"
#include "s4d/data/pack.h"

static void ask(const s4d_store *store, const char *path, int depth)
{
    s4d_strlist names = {0};
    s4d_store_view view;
    s4d_store_file file;
    uint64_t size;
    s4d_err err = {0};
    if (s4d_store_look(store, path, &size) == S4D_STORE_FILE) {
        fuzz_outcome(s4d_store_read(store, path, 1 << 20, &view, &err), &err);
        s4d_store_view_release(&view);
        err = (s4d_err){0};
        s4d_status status = s4d_store_file_open(store, path, &file, &err);
        if (status == S4D_OK) {
            uint8_t last;
            status = s4d_store_file_read(&file, file.size - 1, &last, 1, &err);
        }
        s4d_store_file_close(&file);
        fuzz_outcome(status, &err);
    }
    if (depth < 3 && s4d_store_list(store, path, &names, NULL) == S4D_OK) {
        for (size_t i = 0; i < names.count && i < 16; i++) {
            char below[S4D_PATH_MAX];
            if (s4d_path_join(below, path, names.item[i], NULL) == S4D_OK) {
                ask(store, below, depth + 1);
            }
        }
    }
    s4d_strlist_release(&names);
}

/* Two members in one shard; `sum` are the checksums that a writer would put there. */
static void put_sound(const uint8_t *shard, size_t size)
{
    enum { SETTINGS = 24, NAMES = 12, INDEX = S4D_PACK_HEAD + SETTINGS + 8 + 2 * S4D_PACK_RECORD + NAMES + 8 };
    static const char *const text[] = {"first", "second"};
    uint8_t index[INDEX] = {0}, *record = index + S4D_PACK_HEAD + SETTINGS + 8;
    memcpy(index, S4D_PACK_INDEX_MAGIC, 8);
    s4d_pack_put(index + 8, 4, S4D_PACK_VERSION);
    s4d_pack_put(index + 12, 4, 1);
    s4d_pack_put(index + 16, 8, 2);
    s4d_pack_put(index + 24, 8, SETTINGS);
    s4d_pack_put(index + 32, 8, NAMES);
    memcpy(index + S4D_PACK_HEAD, "{\"encoding\": \"original\"}", SETTINGS);
    s4d_pack_put(index + S4D_PACK_HEAD + SETTINGS, 8, 64 + 64 + 6);
    for (unsigned i = 0; i < 2; i++, record += S4D_PACK_RECORD) {
        s4d_pack_put(record, 8, 6 * i);
        s4d_pack_put(record + 8, 4, 5);
        s4d_pack_put(record + 16, 8, 64 + 64 * i);
        s4d_pack_put(record + 24, 8, strlen(text[i]));
        s4d_pack_put(record + 32, 8, XXH3_64bits(text[i], strlen(text[i])));
    }
    memcpy(record, "a.png\0b.png", NAMES);
    s4d_pack_put(index + INDEX - 8, 8, XXH3_64bits(index, INDEX - 8));
    fuzz_put(fuzz_path(S4D_PACK_INDEX), index, INDEX);
    fuzz_put(fuzz_path("shard-00000.s4dpack"), shard, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t index[1 << 16];
    s4d_store *store = NULL;
    s4d_err err = {0};
    if (size < 9 || size > sizeof index) {
        return 0;
    }
    memcpy(index, data + 1, size - 1);
    if (data[0] % 3 == 2) {
        put_sound(index, size - 1);
    } else {
        if (data[0] % 3 == 1) {
            s4d_pack_put(index + size - 9, 8, XXH3_64bits(index, size - 9));
        }
        fuzz_put(fuzz_path(S4D_PACK_INDEX), index, size - 1);
        fuzz_put(fuzz_path("shard-00000.s4dpack"), data, 0);
    }
    fuzz_outcome(s4d_store_open(fuzz_path(""), &store, &err), &err);
    if (store) {
        ask(store, fuzz_path(""), 0);
    }
    s4d_store_close(&store);
    return 0;
}
