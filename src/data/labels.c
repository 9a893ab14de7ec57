/* Names of classes: the known sets' tables (METHOD.md section 8) and the one spelling of a name
 * (USERS.md). */
#include <string.h>

#include "s4d/data/manifest.h"

typedef struct label_table {
    const char *table;
    int count;
    const char *name[11];
} label_table;

static const label_table TABLES[] = {
    {"dfew", 7, {"happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"}},
    {"ferv39k", 7, {"anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"}},
    {"mafw",
     11,
     {"anger", "anxiety", "contempt", "disappointment", "disgust", "fear", "happiness",
      "helplessness", "neutral", "sadness", "surprise"}},
    {"affectnet7", 7, {"neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"}},
    {"affectnet8",
     8,
     {"neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"}},
    {"rafdb", 7, {"surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"}},
    {"ferplus",
     8,
     {"neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"}},
};

static const char *const SYNONYMS[][2] = {
    {"angry", "anger"}, {"happy", "happiness"}, {"sad", "sadness"}};

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
