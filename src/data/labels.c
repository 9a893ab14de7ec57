/* Names of classes: the known sets' orders and the one spelling of a name. Both stand in data/labels, as JSON;
 * labels.cmake makes labels.def of them, a line per table, per table's codes and per synonym. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "s4d/data/manifest.h"

typedef struct label_table {
    const char *table;
    int count;
    const char *const *name;
} label_table;

/* The names of each table. */
#define LABEL_CODES(table, ...)
#define LABEL_SYNONYM(other, name)
#define LABEL_TABLE(table, ...) static const char *const NAMES_##table[] = {__VA_ARGS__};
#include "data/labels.def"
#undef LABEL_TABLE

#define LABEL_TABLE(table, ...) {#table, (int)(sizeof NAMES_##table / sizeof NAMES_##table[0]), NAMES_##table},
static const label_table TABLES[] = {
#include "data/labels.def"
};
#undef LABEL_TABLE

#define LABEL_TABLE(table, ...) ", " #table
static const char KNOWN[] =
#include "data/labels.def"
    ;
#undef LABEL_TABLE
#undef LABEL_SYNONYM
#undef LABEL_CODES

/* What stands for each class in the names of a set's files, in the order of the table's classes. */
#define LABEL_TABLE(table, ...)
#define LABEL_SYNONYM(other, name)
#define LABEL_CODES(table, ...) static const char *const CODES_##table[] = {__VA_ARGS__};
#include "data/labels.def"
#undef LABEL_CODES

#define LABEL_CODES(table, ...) {#table, (int)(sizeof CODES_##table / sizeof CODES_##table[0]), CODES_##table},
static const label_table CODES[] = {
#include "data/labels.def"
};
#undef LABEL_CODES
#undef LABEL_SYNONYM

#define LABEL_CODES(table, ...)
#define LABEL_SYNONYM(other, name) {other, name},
static const char *const SYNONYMS[][2] = {
#include "data/labels.def"
};
#undef LABEL_TABLE
#undef LABEL_SYNONYM
#undef LABEL_CODES

int s4d_labels_table(const char *table, const char *const **names)
{
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        if (strcmp(table, TABLES[i].table) == 0) {
            *names = TABLES[i].name;
            return TABLES[i].count;
        }
    }
    *names = NULL;
    return 0;
}

const char *s4d_labels_code(const char *table, const char *code)
{
    const char *const *name;
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        for (int k = 0; strcmp(table, CODES[i].table) == 0 && k < CODES[i].count; k++) {
            if (strcasecmp(code, CODES[i].name[k]) == 0 && k < s4d_labels_table(table, &name)) {
                return name[k];
            }
        }
    }
    return NULL;
}

const char *s4d_labels_known(void)
{
    return KNOWN + strlen(", ");
}

/* In small letters, without what is not seen, with one space for each run of blanks inside. */
static void plain_name(const char *name, char out[S4D_CLASS_NAME_MAX])
{
    const char *at = name, *end = name + strlen(name);
    size_t n = 0;
    s4d_str_trim(&at, &end);
    for (size_t blank, unseen; at < end && n + 1 < S4D_CLASS_NAME_MAX; at += blank + unseen > 0 ? blank + unseen : 1) {
        blank = s4d_utf8_blank(at, end);
        unseen = blank > 0 ? 0 : s4d_utf8_unseen(at, end);
        if (blank > 0 && out[n - 1] != ' ') { /* there is a letter in front, as the ends are trimmed */
            out[n++] = ' ';
        } else if (blank + unseen == 0) {
            out[n++] = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        }
    }
    out[n] = '\0';
}

static int by_spelling(const void *a, const void *b)
{
    return strcmp(a, *(const char *const *)b);
}

void s4d_labels_canonical(const char *name, char out[S4D_CLASS_NAME_MAX])
{
    char spelling[S4D_CLASS_NAME_MAX];
    plain_name(name, out);
    strcpy(spelling, out);
    for (char *p = spelling; (p = strpbrk(p, "_-"));) {
        *p = ' ';
    }
    const char *const(*found)[2] = bsearch(spelling, SYNONYMS, sizeof SYNONYMS / sizeof SYNONYMS[0], sizeof SYNONYMS[0], by_spelling);
    if (found) {
        strcpy(out, (*found)[1]);
    }
}

bool s4d_labels_number(const char *text, long *out)
{
    char *end;
    long value;
    if (!(*text >= '0' && *text <= '9') && !(*text == '-' && text[1] >= '0' && text[1] <= '9')) {
        return false;
    }
    errno = 0;
    value = strtol(text, &end, 10);
    if (*end == '.') {
        end += 1 + strspn(end + 1, "0");
    }
    if (out) {
        *out = value;
    }
    return *end == '\0' && errno == 0;
}

bool s4d_labels_numeric(const char *text)
{
    char *end;
    bool plain = *text && text[strspn(text, "0123456789.+-eE")] == '\0';
    return plain && (strtod(text, &end), end > text && *end == '\0');
}

int s4d_labels_find(const char classes[][S4D_CLASS_NAME_MAX], int count, const char *name)
{
    char wanted[S4D_CLASS_NAME_MAX], candidate[S4D_CLASS_NAME_MAX];
    if (strlen(name) >= S4D_CLASS_NAME_MAX) {
        return -1; /* no class has so long a name */
    }
    s4d_labels_canonical(name, wanted);
    for (int i = 0; i < count; i++) {
        if (strcmp(classes[i], wanted) == 0) { /* most often they are canonical already */
            return i;
        }
    }
    for (int i = 0; i < count; i++) {
        s4d_labels_canonical(classes[i], candidate);
        if (strcmp(candidate, wanted) == 0) {
            return i;
        }
    }
    return -1;
}
