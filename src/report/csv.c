/* The flat table: a line for each figure, with all that tells where it is from. */
#include <string.h>

#include "report/summary.h"
#include "s4d/report/table.h"

const char s4d_report_csv_columns[] = "run,set,split,modality,epoch,fold,measure,class,percent,deviation,low,high,samples,missing,"
                                      "published_s4d,published_videomae,protocol";

/* Shown to people, in programs that run formulas. */
static void add_cell(s4d_str *out, const char *text)
{
    s4d_str shown = {0};
    s4d_str_add_printable(&shown, text);
    if (shown.failed)
        out->failed = true;
    else
        s4d_str_csv_cell(out, shown.text ? shown.text : "");
    s4d_str_release(&shown);
}

/* run,set,split,modality,epoch,fold,measure,class, */
static void add_place(s4d_str *out, const s4d_sheet *t, const s4d_row *row, const char *measure, const char *class_name)
{
    add_cell(out, row->entry->run);
    s4d_str_add(out, ",");
    add_cell(out, t->like->set);
    s4d_str_printf(out, ",%s,%s,%s,%s,%s,", s4d_outcome_split(t->like), t->like->image ? "image" : "video",
                   row->entry->outcome[0].last ? "last" : "kept", row->mean ? "mean" : row->number, measure);
    add_cell(out, class_name);
    s4d_str_add(out, ",");
}

/* percent,deviation, */
static void add_value(s4d_str *out, const s4d_value *v)
{
    if (v->n) s4d_str_printf(out, "%.2f", 100 * v->mean);
    s4d_str_add(out, ",");
    if (v->n > 1) s4d_str_printf(out, "%.2f", 100 * v->deviation);
    s4d_str_add(out, ",");
}

/* Those that a row's figure can be held against. */
static void add_published(s4d_str *out, const double percent[2])
{
    if (percent)
        s4d_str_printf(out, "%.2f,%.2f,", percent[0], percent[1]);
    else
        s4d_str_add(out, "no published number,no published number,");
}

static void add_share(s4d_str *out, const s4d_sheet *t, const s4d_row *row, int which, bool against_paper)
{
    const s4d_published *p = s4d_published_find(t->like);
    const s4d_interval *i = &row->interval[which];
    add_place(out, t, row, which ? "war" : "uar", "");
    add_value(out, which ? &row->war : &row->uar);
    s4d_str_printf(out, "%.2f,%.2f,%lld,%lld,", 100 * i->low, 100 * i->high, (long long)row->samples, (long long)row->missing);
    if (against_paper)
        add_published(out, p ? (which ? p->war : p->uar) : NULL);
    else
        s4d_str_add(out, ",,");
    add_cell(out, row->protocol);
    s4d_str_add(out, "\n");
}

void s4d_sheet_csv(s4d_str *out, const s4d_sheet *t, bool against_paper)
{
    if (!out->size) s4d_str_printf(out, "%s\n", s4d_report_csv_columns);
    for (size_t i = 0; i < t->rows; ++i) {
        const s4d_row *row = &t->row[i];
        for (int which = 0; which < 2; ++which) add_share(out, t, row, which, against_paper);
        for (size_t c = 0; c < t->like->classes.count; ++c) {
            add_place(out, t, row, "recall", t->like->classes.item[c]);
            add_value(out, &row->recall[c]);
            s4d_str_printf(out, ",,%lld,,,,", (long long)row->support[c]);
            add_cell(out, row->protocol);
            s4d_str_add(out, "\n");
        }
    }
}
