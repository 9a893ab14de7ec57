/* Hints about paths that are not there: what is tried, in which order, and how it is said. */
#include "s4d/data/hint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/hint_private.h"

void hint_note(hint *h, const char *format, ...)
{
    size_t used = strlen(h->how);
    va_list args;
    used += (size_t)snprintf(h->how + used, sizeof h->how - used, "%s", used ? " and " : "");
    va_start(args, format);
    if (used < sizeof h->how) {
        vsnprintf(h->how + used, sizeof h->how - used, format, args);
    }
    va_end(args);
}

bool s4d_path_hint(const s4d_store *store, const char *root, const char *path, char out[S4D_HINT_MAX])
{
    hint h = {.store = store, .root = root};
    char folder[S4D_PATH_MAX];
    bool remote;
    out[0] = '\0';
    snprintf(h.path, sizeof h.path, "%s", path);
    hint_spell(&h, &remote);
    if (h.path[strspn(h.path, "/")] == '\0') {
        return false; /* names nothing */
    }
    bool text = s4d_str_utf8(h.path), found = true;
    if ((text && hint_look(&h)) || hint_decode(&h)) {
        snprintf(out, S4D_HINT_MAX, "%.*s it is there: %.200s", (int)sizeof h.how, h.how, h.found);
    } else if (hint_root(&h, folder)) {
        snprintf(out, S4D_HINT_MAX, "%.*s%sit is there below %.200s", (int)sizeof h.how, h.how, h.how[0] ? " " : "", folder);
    } else {
        found = false;
        snprintf(out, S4D_HINT_MAX, "%s",
                 remote  ? "it is an address on the network: download the files, and list them below the root"
                 : !text ? "the list is not UTF-8; save it as UTF-8"
                         : "");
    }
    return found;
}
