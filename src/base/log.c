/* Progress messages on standard error, a line at a time. */
#include "s4d/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

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
    s4d_str_printable(text);
    /* One call a line: the stream's lock keeps lines of several threads apart. */
    fprintf(stderr, "%s%s\n", level == S4D_LOG_WARN ? "warning: " : "", text);
}
