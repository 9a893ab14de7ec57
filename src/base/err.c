/* Error sentences, and the end of the program after a broken promise. */
#include "s4d/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "s4d/base/str.h"

/* Copies text as one printable line, cut between characters, so that it is still UTF-8. */
static void store(s4d_err *err, const char *text)
{
    size_t n = strlen(text);
    if (n >= sizeof err->text) {
        n = sizeof err->text - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
            n--;
        }
    }
    memcpy(err->text, text, n);
    err->text[n] = '\0';
    s4d_str_printable(err->text, sizeof err->text);
}

s4d_status s4d_err_set(s4d_err *err, s4d_status status, const char *format, ...)
{
    if (err) {
        /* The arguments may point into err->text, so the sentence is made beside it; a little
         * longer than the field, so that store sees where a cut falls. */
        char text[sizeof err->text + 8];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        err->status = status;
        err->shortage = false;
        store(err, text);
    }
    return status;
}

void s4d_err_prefix(s4d_err *err, const char *format, ...)
{
    if (!err || err->text[0] == '\0') {
        return;
    }
    char prefix[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    char text[2 * sizeof err->text + 2];
    snprintf(text, sizeof text, "%s: %s", prefix, err->text);
    store(err, text);
}

s4d_status s4d_err_memory(s4d_err *err, unsigned long long bytes, const char *what)
{
    s4d_err_set(err, S4D_FAILED, "not enough memory: %llu bytes for %s; free some memory or use smaller settings", bytes, what);
    if (err) {
        err->shortage = true;
    }
    return S4D_FAILED;
}

static const char *remedy_of(int reason)
{
    switch (reason) {
    case ENOMEM:
        return "; free some memory or use smaller settings";
    case EMFILE:
        return "; raise the limit of open files (ulimit -n) or use fewer workers";
    case ENFILE:
        return ", in the whole system; close some";
    case ENOSPC:
    case EDQUOT:
        return "; free some space or write elsewhere";
    case EFBIG:
        return "; raise the limit of a file's size (ulimit -f) or write to a file system for larger files";
    case EROFS:
        return "; write elsewhere";
    default:
        return "";
    }
}

s4d_status s4d_err_system(s4d_err *err, int reason, const char *format, ...)
{
    if (!err) {
        return S4D_FAILED;
    }
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s4d_err_set(err, S4D_FAILED, "%s: %s%s", text, reason == ENOMEM ? "not enough memory" : strerror(reason), remedy_of(reason));
    err->shortage = reason == ENOMEM || reason == EMFILE || reason == ENFILE;
    return S4D_FAILED;
}

s4d_status s4d_err_blame_memory(s4d_err *err, s4d_status status, const char *what)
{
    enum { ROOM = 32 << 20 };
    if (status != S4D_FAILED || !err || err->shortage) {
        return status;
    }
    void *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        return s4d_err_system(err, ENOMEM, "%s", what);
    }
    munmap(room, ROOM);
    return status;
}

void s4d_bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "s4d: internal error at %s:%d: %s; please report this line\n", file, line,
            condition);
    abort();
}
