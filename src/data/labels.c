/* Names of classes: the known sets' orders and the one spelling of a name. Both stand in data/labels, as JSON;
 * labels.cmake makes labels.def of them, a line per table and per synonym. */
#include <string.h>

#include "s4d/data/manifest.h"

typedef struct label_table {
    const char *table;
    int count;
    const char *const *name;
} label_table;

/* The names of each table. */
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

#define LABEL_TABLE(table, ...)
#define LABEL_SYNONYM(other, name) {other, name},
static const char *const SYNONYMS[][2] = {
#include "data/labels.def"
};
#undef LABEL_TABLE
#undef LABEL_SYNONYM

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

const char *s4d_labels_known(void)
{
    return KNOWN + strlen(", ");
}

void s4d_labels_canonical(const char *name, char out[S4D_CLASS_NAME_MAX])
{
    size_t n = 0;
    for (; name[n] && n + 1 < S4D_CLASS_NAME_MAX; n++) {
        char c = name[n];
        out[n] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[n] = '\0';
    for (size_t i = 0; i < sizeof SYNONYMS / sizeof SYNONYMS[0]; i++) {
        if (strcmp(out, SYNONYMS[i][0]) == 0) {
            strcpy(out, SYNONYMS[i][1]);
            return;
        }
    }
}

int s4d_labels_find(const char classes[][S4D_CLASS_NAME_MAX], int count, const char *name)
{
    char wanted[S4D_CLASS_NAME_MAX], candidate[S4D_CLASS_NAME_MAX];
    if (strlen(name) >= S4D_CLASS_NAME_MAX) {
        return -1; /* no class has so long a name */
    }
    s4d_labels_canonical(name, wanted);
    for (int i = 0; i < count; i++) {
        s4d_labels_canonical(classes[i], candidate);
        if (strcmp(candidate, wanted) == 0) {
            return i;
        }
    }
    return -1;
}
