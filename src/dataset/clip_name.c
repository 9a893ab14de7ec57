/* Paths of samples brought to one spelling, so that one file is one clip. */
#include "dataset/clip_name.h"

#include <string.h>

#include "s4d/data/pack.h"

/* Takes the last part of a path of n bytes away, and the slash in front of it unless that is the root. Its new length. */
static size_t drop_part(const char *path, size_t n)
{
    while (n > 0 && path[n - 1] != '/') {
        n--;
    }
    return n > 1 ? n - 1 : n;
}

static bool ends_in_up(const char *path, size_t n)
{
    return n >= 2 && path[n - 1] == '.' && path[n - 2] == '.' && (n == 2 || path[n - 3] == '/');
}

s4d_status clip_name(char out[S4D_PATH_MAX], const char *path, bool *up, s4d_err *err)
{
    s4d_status status = s4d_pack_name(out, path, err);
    if (up) {
        *up = false;
    }
    if (status != S4D_OK) {
        return status;
    }
    size_t base = out[0] == '/', n = base; /* what is kept never outgrows what is read */
    for (const char *at = out + base; *at;) {
        size_t part = strcspn(at, "/");
        bool is_up = part == 2 && at[0] == '.' && at[1] == '.';
        if (is_up && (base || (n > 0 && !ends_in_up(out, n)))) {
            if (up) {
                *up = true;
            }
            n = drop_part(out, n);
        } else {
            if (n > base) {
                out[n++] = '/';
            }
            memmove(out + n, at, part);
            n += part;
        }
        at += part;
        at += *at == '/';
    }
    out[n] = '\0';
    return S4D_OK;
}
