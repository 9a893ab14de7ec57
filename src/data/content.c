/* Files and folders told apart by where they lie and by their bytes. */
#include "s4d/data/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "s4d/base/fault.h"
#include "s4d/base/file.h"
#include "s4d/data/image.h"
#include "s4d/data/pack.h"

enum { PIECE = 1 << 16 }; /* bytes that are read at once */

static void mark_text(const char *text, uint64_t mark[2])
{
    XXH128_hash_t sum = XXH3_128bits(text, strlen(text));
    mark[0] = sum.high64;
    mark[1] = sum.low64;
}

void s4d_content_mark(const s4d_store *store, const char *path, uint64_t mark[2])
{
    struct stat about;
    char name[S4D_PATH_MAX];
    if (!store && stat(path, &about) == 0) {
        mark[0] = (uint64_t)about.st_dev;
        mark[1] = (uint64_t)about.st_ino;
    } else {
        mark_text(s4d_pack_name(name, path, NULL) == S4D_OK ? name : path, mark);
    }
}

/* The folder's images; none of a file. */
static s4d_status list_images(const s4d_store *store, const char *path, s4d_strlist *out, s4d_err *err)
{
    s4d_strlist all = {0};
    *out = (s4d_strlist){0};
    if (s4d_store_look(store, path, NULL) != S4D_STORE_FOLDER) {
        return S4D_OK;
    }
    s4d_status status = s4d_store_list(store, path, &all, err);
    for (size_t i = 0; i < all.count && status == S4D_OK; i++) {
        if (s4d_image_named(all.item[i]) && !s4d_strlist_add(out, all.item[i])) {
            status = s4d_err_memory(err, strlen(all.item[i]), "a list of frames");
        }
    }
    s4d_strlist_release(&all);
    return status;
}

s4d_status s4d_content_measure(const s4d_store *store, const char *path, s4d_content_size *out, s4d_err *err)
{
    s4d_strlist image;
    *out = (s4d_content_size){0};
    s4d_status status = list_images(store, path, &image, err);
    if (status == S4D_OK && image.count == 0) {
        s4d_store_look(store, path, &out->bytes);
    }
    for (size_t i = 0; i < image.count && status == S4D_OK; i++) {
        char name[S4D_PATH_MAX];
        uint64_t bytes = 0;
        status = s4d_path_join(name, path, image.item[i], err);
        if (status == S4D_OK) {
            s4d_store_look(store, name, &bytes);
        }
        out->bytes += bytes;
        out->images++;
    }
    s4d_strlist_release(&image);
    return status;
}

static s4d_status add_member(const s4d_store *store, const char *path, XXH3_state_t *state, s4d_err *err)
{
    s4d_store_view file;
    s4d_status status = s4d_store_read(store, path, 0, &file, err);
    if (status == S4D_OK) {
        XXH3_128bits_update(state, file.data, file.size);
    }
    s4d_store_view_release(&file);
    return status;
}

/* Piece by piece: videos may be larger than memory. */
static s4d_status add_file(const char *path, XXH3_state_t *state, s4d_err *err)
{
    unsigned char piece[PIECE];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : 1;
    while (n > 0) {
        n = s4d_fault_hit(S4D_FAULT_READ) ? (errno = EIO, -1) : read(file, piece, sizeof piece);
        if (n > 0) {
            XXH3_128bits_update(state, piece, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    int reason = errno;
    if (file >= 0) {
        close(file);
    }
    return n == 0 ? S4D_OK : s4d_err_system(err, reason, "%s: cannot be read", path);
}

static s4d_status add(const s4d_store *store, const char *path, XXH3_state_t *state, s4d_err *err)
{
    return store ? add_member(store, path, state, err) : add_file(path, state, err);
}

s4d_status s4d_content_hash(const s4d_store *store, const char *path, uint64_t hash[2], s4d_err *err)
{
    static const unsigned char mark[8] = {'f', 'r', 'a', 'm', 'e', 0xFF, 0, 0xFF}; /* behind each, so that ends count */
    s4d_strlist image = {0};
    XXH3_state_t *state = XXH3_createState();
    s4d_status status = state ? list_images(store, path, &image, err) : s4d_err_memory(err, 576, "comparing contents");
    if (status == S4D_OK) {
        XXH3_128bits_reset(state);
    }
    if (status == S4D_OK && image.count == 0) {
        status = add(store, path, state, err);
    }
    for (size_t i = 0; i < image.count && status == S4D_OK; i++) {
        char name[S4D_PATH_MAX];
        status = s4d_path_join(name, path, image.item[i], err);
        if (status == S4D_OK) {
            status = add(store, name, state, err);
        }
        if (status == S4D_OK) {
            XXH3_128bits_update(state, mark, sizeof mark);
        }
    }
    if (status == S4D_OK) {
        XXH128_hash_t sum = XXH3_128bits_digest(state);
        hash[0] = sum.high64;
        hash[1] = sum.low64;
    }
    XXH3_freeState(state);
    s4d_strlist_release(&image);
    return status;
}

void s4d_content_print(const uint64_t hash[2], char text[S4D_CONTENT_DIGITS + 1])
{
    snprintf(text, S4D_CONTENT_DIGITS + 1, "%016llx%016llx", (unsigned long long)hash[0], (unsigned long long)hash[1]);
}

bool s4d_content_parse(const char *text, uint64_t hash[2])
{
    char half[S4D_CONTENT_DIGITS / 2 + 1] = "";
    if (strlen(text) != S4D_CONTENT_DIGITS || strspn(text, "0123456789abcdefABCDEF") != S4D_CONTENT_DIGITS) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        memcpy(half, text + i * (S4D_CONTENT_DIGITS / 2), S4D_CONTENT_DIGITS / 2);
        hash[i] = strtoull(half, NULL, 16);
    }
    return true;
}
