/* s4d report: tables of results on standard output or into a file. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/report/table.h"

static const char details[] =
    "A run folder is one of \"s4d finetune\" or \"s4d eval\". A folder that holds fold-1, fold-2, ... of them is one row a\n"
    "fold and their mean \xc2\xb1 sample deviation. Every SET/pred.csv is held against its SET/metrics.json.\n"
    "\ncsv is one flat table, in percent:\n"
    "  run, set, split, modality    where the figure is from; test or validation; image or video\n"
    "  epoch                        kept, or last where the run keeps another one\n"
    "  fold                         a number, \"mean\", or nothing where there are no folds\n"
    "  measure, class               uar, war, or recall and of which class\n"
    "  percent, deviation           deviation: over folds, of means only\n"
    "  low, high                    95% interval of uar and war by bootstrap\n"
    "  samples, missing             that count, that could not be read\n"
    "  published_s4d, _videomae     with --against paper\n"
    "  protocol                     in words; of a mean: that of its folds\n";

static s4d_status read_format(const char *text, s4d_report_format *out, s4d_err *err)
{
    static const char *const name[] = {"md", "csv", "latex"};
    static const s4d_report_format format[] = {S4D_REPORT_MARKDOWN, S4D_REPORT_CSV, S4D_REPORT_LATEX};
    for (int i = 0; i < 3; ++i) {
        if (strcmp(text, name[i]) != 0) continue;
        *out = format[i];
        return S4D_OK;
    }
    return s4d_err_set(err, S4D_USAGE, "--format: expected md, csv or latex, got \"%.60s\"", text);
}

static s4d_status check_words(bool table, const char *against, const arg_list *runs, s4d_err *err)
{
    if (!table) return s4d_err_set(err, S4D_USAGE, "report: nothing is asked for; give --table");
    if (against && strcmp(against, "paper") != 0)
        return s4d_err_set(err, S4D_USAGE, "--against: expected paper, got \"%.60s\"", against);
    for (int i = 0; i < runs->count; ++i)
        for (int k = 0; k < i; ++k)
            if (strcmp(runs->item[i], runs->item[k]) == 0)
                return s4d_err_set(err, S4D_USAGE, "%s: given twice; name each run once", runs->item[i]);
    return S4D_OK;
}

static s4d_status put(const s4d_str *text, const char *output, s4d_err *err)
{
    if (!output) {
        fwrite(text->text, 1, text->size, stdout); /* main looks whether it went out */
        return S4D_OK;
    }
    s4d_status status = s4d_file_write(output, text->text, text->size, err);
    if (status == S4D_OK) s4d_log(S4D_LOG_INFO, "%s is written", output);
    return status;
}

s4d_status cmd_report(int argc, char **argv, s4d_err *err)
{
    bool table = false, done;
    const char *format = "md", *output = NULL, *against = NULL;
    arg_list runs = {.count = 0};
    const arg_option option[] = {
        {"table", ARG_FLAG, &table, NULL, "UAR, WAR, recalls, intervals and protocol of each run", 0, 0},
        {"format", ARG_TEXT, &format, "NAME", "md, csv or latex (md)", 0, 0},
        {"output", ARG_TEXT, &output, "FILE", "where to; standard output where it is not given", 0, 0},
        {"against", ARG_TEXT, &against, "paper", "the published numbers of dfew, ferv39k and mafw beside", 0, 0},
    };
    const arg_command c = {.name = "report", .summary = "tables of results, with intervals and the protocol in words",
                           .details = details, .option = option, .options = sizeof option / sizeof *option,
                           .rest_name = "RUN", .rest_help = "a run folder, or a folder of folds", .rest = &runs};
    s4d_report_opts opts = {.run = runs.item};
    s4d_str text = {0};
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    status = check_words(table, against, &runs, err);
    if (status == S4D_OK) status = read_format(format, &opts.format, err);
    opts.runs = runs.count;
    opts.against_paper = against != NULL;
    if (status == S4D_OK) status = s4d_report_table(&opts, &text, err);
    if (status == S4D_OK) status = put(&text, output, err);
    s4d_str_release(&text);
    return status;
}
