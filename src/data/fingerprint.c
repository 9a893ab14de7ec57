/* A short number for a whole list, to notice that it has changed. */
#include <string.h>
#include <xxhash.h>

#include "s4d/data/manifest.h"

uint64_t s4d_manifest_fingerprint(const s4d_manifest *m)
{
    uint64_t print = 0;
    for (int c = 0; c < m->class_count; c++) {
        print = XXH3_64bits_withSeed(m->classes[c], strlen(m->classes[c]), print + 1);
    }
    for (size_t i = 0; i < m->count; i++) {
        const s4d_sample *s = &m->sample[i];
        double about[3] = {s->label, s->start, s->end};
        print = XXH3_64bits_withSeed(s->id, strlen(s->id), print);
        print = XXH3_64bits_withSeed(about, sizeof about, print);
    }
    return print;
}
