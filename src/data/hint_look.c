/* Looking on disk for what a path may mean. */
#include <ctype.h>
#include <dirent.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "data/hint_private.h"

enum { ENTRIES_MAX = 100000, FOLDERS_MAX = 1000, UP_MAX = 3 };

static bool is_there(const hint *h, const char *path)
{
    char full[S4D_PATH_MAX];
    return *path && s4d_path_join(full, h->root, path, NULL) == S4D_OK && s4d_store_look(h->store, full, NULL) != S4D_STORE_NOTHING;
}

static bool take(hint *h, const char *path)
{
    memmove(h->found, path, strlen(path) + 1);
    return true;
}

/* ---- names that look alike ---- */

static size_t stem_of(const char *name, size_t size)
{
    size_t n = size;
    while (n > 0 && name[n - 1] != '.') {
        n--;
    }
    return n > 1 && size - n < 6 ? n - 1 : size;
}

/* Whether both are the same but for zeros in front of a number; the first differs from the second. */
static bool same_number(const char *a, size_t n, const char *b, size_t m)
{
    bool digits = n > 0 && m > 0 && isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
    for (; n > 1 && *a == '0'; n--) {
        a++;
    }
    for (; m > 1 && *b == '0'; m--) {
        b++;
    }
    return digits && n == m && memcmp(a, b, n) == 0;
}

/* How alike a name on disk and the wanted one are, as an index of LIKENESS; 0: not. */
static int likeness(const char *name, const char *wanted, size_t size, bool last)
{
    size_t n = strlen(name);
    s4d_likeness like = s4d_str_alike(name, n, wanted, size);
    if (like != S4D_DIFFERENT) {
        return like == S4D_SAME_FORM ? 4 : 3;
    }
    size_t stem = stem_of(name, n), other = stem_of(wanted, size);
    bool endings = stem != n || other != size;
    if (last && endings && s4d_str_alike(name, stem, wanted, other) == S4D_SAME_FORM) {
        return 2;
    }
    return same_number(name, stem, wanted, other) && (last || (stem == n && other == size)) ? 1 : 0;
}

static const char *const LIKENESS[] = {"", "with other zeros in front of the number", "with another ending", "in other capitals",
                                       "in the other Unicode form"};

/* The most alike of a folder's names, copied behind `base`, which holds n bytes; its likeness. */
static int find_alike(const hint *h, char base[S4D_PATH_MAX], size_t n, const char *wanted, size_t size)
{
    char folder[S4D_PATH_MAX];
    s4d_strlist names = {0};
    int best = 0;
    DIR *dir = NULL;
    bool last = wanted[size] == '\0';
    base[n] = '\0';
    if (s4d_path_join(folder, h->root, n ? base : "", NULL) != S4D_OK ||
        (h->store ? s4d_store_list(h->store, folder, &names, NULL) != S4D_OK : !(dir = opendir(folder)))) {
        return 0;
    }
    for (size_t i = 0; i < ENTRIES_MAX && best < 4; i++) {
        struct dirent *entry = dir ? readdir(dir) : NULL;
        const char *name = entry ? entry->d_name : !dir && i < names.count ? names.item[i] : NULL;
        int like = name && name[0] != '.' ? likeness(name, wanted, size, last) : 0;
        if (!name) {
            break;
        }
        if (like > best && n + strlen(name) + 1 < S4D_PATH_MAX) {
            best = like;
            strcpy(base + n, name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    s4d_strlist_release(&names);
    return best;
}

/* Part by part; a part that is not there gives way to one that looks alike. */
static bool walk(hint *h, const char *path)
{
    char way[S4D_PATH_MAX];
    size_t n = 0;
    bool differs[5] = {false};
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (n + size + 2 > sizeof way) {
            return false;
        }
        memcpy(way + n, at, size);
        way[n + size] = '\0';
        if (size > 0 && !is_there(h, way)) {
            int like = find_alike(h, way, n, at, size);
            if (like == 0) {
                return false;
            }
            differs[like] = true;
        }
        n += strlen(way + n);
        at += size;
        if (*at == '/') {
            way[n++] = '/';
            at++;
        }
    }
    way[n] = '\0';
    for (int i = 4; i > 0; i--) {
        if (differs[i]) {
            hint_note(h, "%s", LIKENESS[i]);
        }
    }
    return h->how[0] && take(h, way);
}

/* Without some of the folders in front: those of another machine, or the root's own. */
static bool look_at_tails(hint *h, bool alike)
{
    for (const char *slash = h->path; (slash = strchr(slash, '/'));) {
        slash++;
        if (*slash && *slash != '/' && (is_there(h, slash) || (alike && walk(h, slash)))) {
            char front[S4D_PATH_MAX];
            memcpy(front, h->path, (size_t)(slash - h->path));
            front[slash - h->path] = '\0';
            hint_note(h, "without \"%.80s\" in front", front);
            return alike || take(h, slash);
        }
    }
    return false;
}

bool hint_look(hint *h)
{
    if (h->how[0] && is_there(h, h->path)) {
        return take(h, h->path);
    }
    return look_at_tails(h, false) || (h->path[0] != '/' && walk(h, h->path)) || look_at_tails(h, true);
}

/* ---- another root ---- */

static bool is_below(const hint *h, const char *folder)
{
    char full[S4D_PATH_MAX];
    return s4d_path_join(full, folder, h->path, NULL) == S4D_OK && s4d_path_exists(full);
}

bool hint_root(const hint *h, char folder[S4D_PATH_MAX])
{
    if (h->store || h->path[0] == '/') {
        return false;
    }
    char *real = realpath(h->root[0] ? h->root : ".", NULL);
    bool good = false;
    for (int i = 0; real && i < UP_MAX && real[1] && !good; i++) {
        char *slash = strrchr(real, '/');
        slash[slash == real] = '\0';
        good = strlen(real) < S4D_PATH_MAX && is_below(h, real);
    }
    if (good) {
        strcpy(folder, real);
    }
    free(real);
    DIR *dir = good ? NULL : opendir(h->root[0] ? h->root : ".");
    struct dirent *entry;
    for (int i = 0; dir && !good && i < FOLDERS_MAX && (entry = readdir(dir)); i++) {
        good = entry->d_name[0] != '.' && s4d_path_join(folder, h->root, entry->d_name, NULL) == S4D_OK && is_below(h, folder);
    }
    if (dir) {
        closedir(dir);
    }
    return good;
}

/* ---- another encoding ---- */

static bool convert(const char *to, const char *from, const char *text, char out[S4D_PATH_MAX])
{
    iconv_t way = iconv_open(to, from);
    char *in = (char *)text, *at = out;
    size_t left = strlen(text), room = S4D_PATH_MAX - 1;
    if (way == (iconv_t)-1) {
        return false; /* the system does not know it */
    }
    bool good = iconv(way, &in, &left, &at, &room) != (size_t)-1 && iconv(way, NULL, NULL, &at, &room) != (size_t)-1;
    iconv_close(way);
    *at = '\0';
    return good;
}

bool hint_decode(hint *h)
{
    static const char *const names[] = {"GB18030", "BIG5", "SHIFT_JIS", "EUC-KR", "WINDOWS-1252", "WINDOWS-1251"};
    static const char *const shown[] = {"GBK", "Big5", "Shift-JIS", "EUC-KR", "Latin-1", "Windows-1251"};
    bool text = s4d_str_utf8(h->path), plain = true;
    for (const char *p = h->path; *p; p++) {
        plain = plain && (unsigned char)*p < 0x80;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names && !plain; i++) {
        hint other = *h;
        if (!convert(text ? names[i] : "UTF-8", text ? "UTF-8" : names[i], h->path, other.path) || strcmp(other.path, h->path) == 0) {
            continue;
        }
        hint_note(&other, text ? "with its name on disk in %s" : "read as %s, as the list is not UTF-8,", shown[i]);
        if (hint_look(&other)) {
            if (text) {
                strcpy(other.found, h->path);
            }
            *h = other;
            return true;
        }
    }
    return false;
}
