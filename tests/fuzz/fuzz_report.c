/* Run folders: metrics.json, pred.csv and config.resolved.json, with a zero byte between them, told as each kind of table. */
#include <string.h>

#include "fuzz.h"
#include "s4d/base/file.h"
#include "s4d/report/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"set/metrics.json", "set/pred.csv", "config.resolved.json"};
    const uint8_t *end = data + size;
    s4d_dir_make(fuzz_path("set"), NULL);
    for (int i = 0; i < 3; i++) {
        const uint8_t *zero = i < 2 && data < end ? memchr(data, 0, (size_t)(end - data)) : NULL;
        size_t n = (size_t)((zero ? zero : end) - data);
        fuzz_put(fuzz_path(names[i]), data, n);
        data += n + (zero != NULL);
    }
    for (int format = S4D_REPORT_MARKDOWN; format <= S4D_REPORT_LATEX; format++) {
        const char *run[] = {fuzz_path("")};
        const s4d_report_opts opts = {.run = run, .runs = 1, .format = (s4d_report_format)format, .against_paper = true};
        s4d_str table = {0};
        s4d_err err = {0};
        fuzz_outcome(s4d_report_table(&opts, &table, &err), &err);
        s4d_str_release(&table);
    }
    return 0;
}
