/* s4d plan, s4d schema: what a run would take; what a config may hold. */
#include <stdio.h>

#include "cli/cmd_run.h"
#include "cli/commands.h"
#include "s4d/train/run.h"

static double mib(size_t bytes)
{
    return (double)bytes / (1024.0 * 1024.0);
}

static void print_modality(const char *name, int64_t tokens, int64_t visible, size_t bytes, double gflop, int batch)
{
    if (!bytes) return;
    printf("%s batch of %d\n", name, batch);
    printf("  tokens of a sample        %10lld%s", (long long)tokens, tokens == visible ? "\n" : "");
    if (tokens != visible) printf(", %lld of them seen by the encoder\n", (long long)visible);
    printf("  activations and scratch   %10.1f MiB\n", mib(bytes));
    printf("  forward and backward      %10.2f GFLOP a sample\n", gflop);
}

s4d_status cmd_plan(int argc, char **argv, s4d_err *err)
{
    s4d_config config;
    s4d_run_plan p;
    bool done;
    s4d_status status = run_load("plan", "memory and arithmetic of a run, before it starts", 0, argc, argv, &config, &done, err);
    if (status == S4D_OK && !done) status = s4d_run_plan_make(&config.run, &p, err);
    if (status == S4D_OK && !done) {
        size_t step = p.step_bytes_image > p.step_bytes_video ? p.step_bytes_image : p.step_bytes_video;
        printf("parameters                  %10lld\n", (long long)p.parameters);
        printf("weights, gradients, moments %10.1f MiB\n", mib(p.weight_bytes));
        print_modality("image", p.tokens_image, p.visible_image, p.step_bytes_image, p.gflop_image, config.run.data.image.batch);
        print_modality("video", p.tokens_video, p.visible_video, p.step_bytes_video, p.gflop_video, config.run.data.video.batch);
        printf("in all                      %10.1f MiB, without decoded frames\n", mib(p.weight_bytes + step));
    }
    s4d_config_release(&config);
    return status;
}

s4d_status cmd_schema(int argc, char **argv, s4d_err *err)
{
    bool done;
    const arg_command c = {.name = "schema", .summary = "every setting of a config, as a JSON Schema"};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    s4d_str text = {0};
    s4d_config_schema(&text);
    if (text.failed)
        status = s4d_err_memory(err, text.size, "the schema");
    else
        fputs(text.text, stdout);
    s4d_str_release(&text);
    return status;
}
