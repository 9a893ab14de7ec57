/* The table: run folders in, one page a set out. */
#include "s4d/report/table.h"

#include <stdio.h>
#include <string.h>

#include "report/summary.h"

static void add_value(s4d_grid *g, const s4d_value *v)
{
    if (v->n > 1)
        s4d_grid_add(g, "%.2f \u00b1 %.2f", 100 * v->mean, 100 * v->deviation);
    else
        s4d_grid_add(g, "%.2f", 100 * v->mean);
}

static void add_place(s4d_grid *g, const s4d_row *row)
{
    s4d_grid_add(g, "%s%s", row->entry->run, row->entry->outcome[0].last ? ", last epoch" : "");
    s4d_grid_add(g, "%s", row->mean ? "mean" : row->number[0] ? row->number : "-");
}

static void add_published(s4d_grid *g, const s4d_sheet *t)
{
    const s4d_published *p = s4d_published_find(t->like);
    for (int i = 0; i < 2; ++i) {
        if (p)
            s4d_grid_add(g, "%.2f / %.2f", p->uar[i], p->war[i]);
        else
            s4d_grid_add(g, "no published number");
    }
}

static void fill_figures(s4d_grid *g, const s4d_sheet *t, bool against_paper)
{
    static const char *const head[] = {"run", "fold", "UAR", "WAR", "UAR 95% interval", "WAR 95% interval", "samples",
                                       "missing"};
    size_t heads = sizeof head / sizeof *head;
    g->columns = heads + (against_paper ? 2 : 0);
    g->left = 2;
    for (size_t i = 0; i < heads; ++i) s4d_grid_add(g, "%s", head[i]);
    for (int i = 0; i < 2 && against_paper; ++i) s4d_grid_add(g, "%s published, UAR / WAR", s4d_published_name[i]);
    for (size_t i = 0; i < t->rows; ++i) {
        const s4d_row *row = &t->row[i];
        add_place(g, row);
        add_value(g, &row->uar);
        add_value(g, &row->war);
        for (int which = 0; which < 2; ++which)
            s4d_grid_add(g, "%.2f to %.2f", 100 * row->interval[which].low, 100 * row->interval[which].high);
        s4d_grid_add(g, "%lld", (long long)row->samples);
        s4d_grid_add(g, "%lld", (long long)row->missing);
        if (against_paper) add_published(g, t);
    }
}

static void add_recall(s4d_grid *g, const s4d_value *v, int64_t support)
{
    if (v->n > 1)
        s4d_grid_add(g, "%.2f \u00b1 %.2f (%lld)", 100 * v->mean, 100 * v->deviation, (long long)support);
    else if (v->n)
        s4d_grid_add(g, "%.2f (%lld)", 100 * v->mean, (long long)support);
    else
        s4d_grid_add(g, "- (0)");
}

static void fill_recalls(s4d_grid *g, const s4d_sheet *t)
{
    const s4d_strlist *classes = &t->like->classes;
    g->columns = 2 + classes->count;
    g->left = 2;
    s4d_grid_add(g, "run");
    s4d_grid_add(g, "fold");
    for (size_t c = 0; c < classes->count; ++c) s4d_grid_add(g, "%s", classes->item[c]);
    for (size_t i = 0; i < t->rows; ++i) {
        add_place(g, &t->row[i]);
        for (size_t c = 0; c < classes->count; ++c) add_recall(g, &t->row[i].recall[c], t->row[i].support[c]);
    }
}

/* ---- remarks ---- */

/* "runs/a, fold 2" */
static void add_name(s4d_str *w, const s4d_row *row)
{
    s4d_str_printf(w, "%s%s", row->entry->run, row->entry->outcome[0].last ? ", last epoch" : "");
    if (row->number[0]) s4d_str_printf(w, ", fold %s", row->number);
}

/* Ends the remark in *w and takes it over. */
static void put_remark(s4d_page *p, s4d_str *w)
{
    s4d_str shown = {0};
    if (!w->failed && w->text) s4d_str_add_printable(&shown, w->text);
    if (shown.text) w->failed = shown.failed || !s4d_strlist_add(&p->remark, shown.text);
    s4d_str_release(&shown);
    p->figures.failed |= w->failed;
    s4d_str_release(w);
}

/* Each protocol once, with the rows it is that of. */
static void remark_protocols(s4d_page *p, const s4d_sheet *t)
{
    for (size_t i = 0; i < t->rows; ++i) {
        s4d_str w = {0};
        bool told = t->row[i].mean;
        for (size_t k = 0; k < i && !told; ++k) told = !t->row[k].mean && strcmp(t->row[k].protocol, t->row[i].protocol) == 0;
        if (told) continue;
        s4d_str_add(&w, "Protocol of ");
        for (size_t k = i, last = i; k < t->rows; ++k) {
            if (t->row[k].mean || strcmp(t->row[k].protocol, t->row[i].protocol) != 0) continue;
            if (k > i && t->row[k].entry == t->row[last].entry)
                s4d_str_printf(&w, ", %s", t->row[k].number);
            else {
                if (k > i) s4d_str_add(&w, "; ");
                add_name(&w, &t->row[k]);
            }
            last = k;
        }
        s4d_str_printf(&w, ": %s", t->row[i].protocol);
        put_remark(p, &w);
    }
}

static void remark_mean(s4d_page *p, const s4d_row *row)
{
    const s4d_entry *e = row->entry;
    s4d_str w = {0};
    s4d_str_printf(&w, "Mean of %s%s: over folds ", e->run, e->outcome[0].last ? ", last epoch" : "");
    for (size_t k = 0; k < e->outcomes; ++k) s4d_str_printf(&w, "%s%lld", k ? ", " : "", (long long)e->outcome[k].fold);
    s4d_str_add(&w, ", \u00b1 the sample standard deviation over them");
    s4d_str_add(&w, row->alike ? "." : "; THE FOLDS WERE NOT EVALUATED ALIKE, see their protocols.");
    put_remark(p, &w);
}

static void remark_gaps(s4d_page *p, const s4d_sheet *t, const s4d_row *row)
{
    s4d_str w = {0};
    if (row->missing) {
        add_name(&w, row);
        s4d_str_printf(&w, ": %lld of %lld %s samples could not be read and do not count.", (long long)row->missing,
                       (long long)(row->missing + row->samples), s4d_outcome_split(t->like));
        put_remark(p, &w);
    }
    for (size_t c = 0; c < t->like->classes.count; ++c) {
        if (row->support[c]) continue;
        w = (s4d_str){0};
        add_name(&w, row);
        s4d_str_printf(&w, ": no %s sample is of class %s, which is left out of its UAR.", s4d_outcome_split(t->like),
                       t->like->classes.item[c]);
        put_remark(p, &w);
    }
}

static void remark_interval(s4d_page *p, const s4d_sheet *t)
{
    const char *split = s4d_outcome_split(t->like);
    s4d_str w = {0};
    s4d_str_printf(&w, "95%% interval: percentile bootstrap over %s samples, %d resamples, seed %d, not stratified by "
                       "class. For a mean over folds each fold is drawn anew from its own samples and the mean is taken. "
                       "It tells what another %s list could give, not what another training run could.",
                   split, S4D_RESAMPLES, S4D_RESAMPLE_SEED, split);
    put_remark(p, &w);
}

static void fill_page(s4d_page *p, const s4d_sheet *t, bool against_paper)
{
    s4d_str_add_printable(&p->title, t->like->set);
    s4d_str_printf(&p->title, "%s (%s, %zu classes)", t->like->val ? ", validation" : "", t->like->image ? "static" : "dynamic",
                   t->like->classes.count);
    fill_figures(&p->figures, t, against_paper);
    fill_recalls(&p->recalls, t);
    remark_protocols(p, t);
    for (size_t i = 0; i < t->rows; ++i) {
        if (t->row[i].mean)
            remark_mean(p, &t->row[i]);
        else
            remark_gaps(p, t, &t->row[i]);
    }
    remark_interval(p, t);
    if (against_paper && s4d_published_find(t->like)) {
        s4d_str w = {0};
        s4d_str_add(&w, s4d_published_source);
        put_remark(p, &w);
    }
}

static s4d_status put_page(const s4d_report_opts *o, const s4d_sheet *t, s4d_str *out, s4d_err *err)
{
    s4d_page page = {0};
    fill_page(&page, t, o->against_paper);
    bool failed = page.title.failed || page.figures.failed || page.recalls.failed;
    if (!failed && o->format == S4D_REPORT_LATEX) s4d_page_latex(out, &page);
    if (!failed && o->format == S4D_REPORT_MARKDOWN) s4d_page_markdown(out, &page);
    s4d_str_release(&page.title);
    s4d_grid_release(&page.figures);
    s4d_grid_release(&page.recalls);
    s4d_strlist_release(&page.remark);
    return failed ? s4d_err_memory(err, out->size, "a table") : S4D_OK;
}

/* ---- the whole ---- */

static s4d_status put_table(const s4d_report_opts *o, const s4d_results *r, size_t first, s4d_str *out, s4d_err *err)
{
    s4d_sheet table;
    s4d_status status = s4d_sheet_make(r, first, &table, err);
    if (status == S4D_OK && o->format == S4D_REPORT_CSV) s4d_sheet_csv(out, &table, o->against_paper);
    if (status == S4D_OK && o->format != S4D_REPORT_CSV) status = put_page(o, &table, out, err);
    s4d_sheet_release(&table);
    return status;
}

/* Whether an earlier entry's table holds entry i. */
static bool is_put(const s4d_results *r, size_t i)
{
    bool put = false;
    for (size_t k = 0; k < i && !put; ++k) put = s4d_outcomes_alike(&r->entry[k].outcome[0], &r->entry[i].outcome[0]);
    return put;
}

s4d_status s4d_report_table(const s4d_report_opts *o, s4d_str *out, s4d_err *err)
{
    s4d_results r = {0};
    s4d_str text = {0};
    s4d_status status = S4D_OK;
    for (int i = 0; i < o->runs && status == S4D_OK; ++i) status = s4d_results_add(&r, o->run[i], err);
    for (size_t i = 0; i < r.entries && status == S4D_OK; ++i)
        for (size_t k = 0; k < r.entry[i].outcomes && status == S4D_OK; ++k)
            status = s4d_resample(&r.entry[i].outcome[k], err);
    for (size_t i = 0; i < r.entries && status == S4D_OK; ++i)
        if (!is_put(&r, i)) status = put_table(o, &r, i, &text, err);
    if (status == S4D_OK && text.failed) status = s4d_err_memory(err, text.size, "the table");
    if (status == S4D_OK) s4d_str_add_bytes(out, text.text, text.size);
    if (status == S4D_OK && out->failed) status = s4d_err_memory(err, text.size, "the table");
    s4d_str_release(&text);
    s4d_results_release(&r);
    return status;
}
