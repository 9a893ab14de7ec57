/* s4d eval: a table of UAR, WAR and recalls on standard output, in percent. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd_run.h"
#include "cli/commands.h"
#include "s4d/base/log.h"
#include "s4d/train/run.h"

static void print_result(const s4d_set_result *r)
{
    const s4d_metrics *m = &r->metrics;
    const char *split = strcmp(r->split, "val") == 0 ? "validation" : "test";
    putchar('\n');
    s4d_line("%s (%s, %lld %s samples%s)", r->set, r->modality == S4D_IMAGE ? "static" : "dynamic", (long long)m->samples, split,
           r->missing ? ", some missing" : "");
    printf("  %-16s %6.2f\n  %-16s %6.2f\n", "UAR", 100 * m->uar, "WAR", 100 * m->war);
    for (int c = 0; c < m->classes; ++c) {
        if (m->support[c])
            s4d_line("  %-16s %6.2f  of %lld", r->classes[c], 100 * m->recall[c], (long long)m->support[c]);
        else
            s4d_line("  %-16s      -  no %s sample; left out of UAR", r->classes[c], split);
    }
    if (r->missing) printf("  %lld samples could not be read and do not count\n", (long long)r->missing);
}

static s4d_status evaluate(const s4d_config *config, s4d_err *err)
{
    s4d_set_result result[2];
    int results = 0;
    if (config->run.stage != S4D_FINETUNE)
        return s4d_err_set(err, S4D_USAGE, "stage: this config is for pretrain; \"s4d eval\" needs one whose stage is \"finetune\"");
    s4d_status status = s4d_evaluate(&config->run, result, &results, err);
    for (int i = 0; i < results && status == S4D_OK; ++i) print_result(&result[i]);
    if (status == S4D_OK) {
        putchar('\n');
        s4d_line("recall, UAR and WAR in percent; more in %s/SET/metrics.json and pred.csv", config->run.output);
    }
    return status;
}

s4d_status cmd_eval(int argc, char **argv, s4d_err *err)
{
    const arg_command what = {.name = "eval", .summary = "UAR, WAR and predictions of a model on test or validation lists"};
    return run_command(&what, RUN_OUTPUT | RUN_CHECKPOINT | RUN_SPLIT | RUN_FOLDS, argc, argv,
                       (run_work){.body = evaluate, .check = s4d_evaluate_check}, err);
}
