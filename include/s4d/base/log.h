/* Progress messages on standard error, lines of results on standard output. Errors go through s4d_err. */
#ifndef S4D_BASE_LOG_H
#define S4D_BASE_LOG_H

typedef enum s4d_log_level { S4D_LOG_DEBUG, S4D_LOG_INFO, S4D_LOG_WARN, S4D_LOG_SILENT } s4d_log_level;

void s4d_log_set_level(s4d_log_level lowest); /* INFO at start */
/* One line; "warning: " is put before a WARN. Safe from several threads. */
void s4d_log(s4d_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line of results on standard output, which names of files and classes may be in: printable as s4d_str_printable makes it,
 * so that nothing in a name ends it or moves the cursor. */
void s4d_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
