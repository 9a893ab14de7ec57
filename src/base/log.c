/* Progress messages on standard error and results on standard output, a line at a time. */
#include "s4d/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "s4d/base/mem.h"
#include "s4d/base/str.h"

static _Atomic int lowest_shown = S4D_LOG_INFO;

void s4d_log_set_level(s4d_log_level lowest)
{
    atomic_store(&lowest_shown, (int)lowest);
}

void s4d_log(s4d_log_level level, const char *format, ...)
{
    if ((int)level < atomic_load(&lowest_shown) || level == S4D_LOG_SILENT) {
        return;
    }
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s4d_str_printable(text, sizeof text);
    /* One call a line: the stream's lock keeps lines of several threads apart. */
    fprintf(stderr, "%s%s\n", level == S4D_LOG_WARN ? "warning: " : "", text);
}

void s4d_line(const char *format, ...)
{
    char plain[4096]; /* where there is no memory for more */
    s4d_str text = {0};
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(plain, sizeof plain, format, args);
    if (n < (int)sizeof plain) {
        s4d_str_add_printable(&text, plain);
    } else {
        char *whole = s4d_mem_alloc((size_t)n + 1, 1);
        text.failed = !whole;
        if (whole) {
            vsnprintf(whole, (size_t)n + 1, format, again);
            s4d_str_add_printable(&text, whole);
        }
        s4d_mem_free(whole);
    }
    va_end(again);
    va_end(args);
    if (text.failed) {
        s4d_str_printable(plain, sizeof plain);
    }
    puts(text.failed || !text.text ? plain : text.text);
    s4d_str_release(&text);
}
