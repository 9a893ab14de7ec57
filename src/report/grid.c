/* Grids and pages, as Markdown and as LaTeX. Cells are plain text; here it is escaped. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/summary.h"

void s4d_grid_add(s4d_grid *g, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s4d_str_printable(text, sizeof text);
    if (!s4d_strlist_add(&g->cell, text)) g->failed = true;
}

void s4d_grid_release(s4d_grid *g)
{
    s4d_strlist_release(&g->cell);
    *g = (s4d_grid){0};
}

/* ---- Markdown ---- */

static void add_markdown(s4d_str *out, const char *text)
{
    for (; *text; ++text) {
        if (strchr("\\|*`<[", *text)) s4d_str_add(out, "\\");
        s4d_str_add_bytes(out, text, 1);
    }
}

static void grid_markdown(s4d_str *out, const s4d_grid *g)
{
    for (size_t i = 0; i < g->cell.count; ++i) {
        s4d_str_add(out, i % g->columns ? " " : "| ");
        add_markdown(out, g->cell.item[i]);
        s4d_str_add(out, (i + 1) % g->columns ? " |" : " |\n");
        if (i + 1 != g->columns) continue;
        for (size_t c = 0; c < g->columns; ++c) s4d_str_add(out, c < g->left ? "| --- " : "| ---: ");
        s4d_str_add(out, "|\n");
    }
}

void s4d_page_markdown(s4d_str *out, const s4d_page *p)
{
    s4d_str_add(out, out->size ? "\n## " : "## ");
    add_markdown(out, p->title.text);
    s4d_str_add(out, "\n\n");
    grid_markdown(out, &p->figures);
    s4d_str_add(out, "\nRecall of each class in percent (samples):\n\n");
    grid_markdown(out, &p->recalls);
    s4d_str_add(out, "\n");
    for (size_t i = 0; i < p->remark.count; ++i) {
        s4d_str_add(out, "- ");
        add_markdown(out, p->remark.item[i]);
        s4d_str_add(out, "\n");
    }
}

/* ---- LaTeX ---- */

/* What stands for a byte, or NULL where it stands for itself. */
static const char *latex_of(char c)
{
    switch (c) {
    case '\\': return "\\textbackslash{}";
    case '~': return "\\textasciitilde{}";
    case '^': return "\\textasciicircum{}";
    case '<': return "\\textless{}";
    case '>': return "\\textgreater{}";
    case '|': return "\\textbar{}";
    case '"': return "\\textquotedbl{}";
    case '&': return "\\&";
    case '%': return "\\%";
    case '$': return "\\$";
    case '#': return "\\#";
    case '_': return "\\_";
    case '{': return "\\{";
    case '}': return "\\}";
    case '[': return "{[}"; /* behind a line's end it would be a length */
    case ']': return "{]}";
    default: return NULL;
    }
}

static void add_latex(s4d_str *out, const char *text)
{
    static const char plus_minus[] = "\u00b1";
    while (*text) {
        const char *as = latex_of(*text);
        if (strncmp(text, plus_minus, sizeof plus_minus - 1) == 0) {
            s4d_str_add(out, "$\\pm$");
            text += sizeof plus_minus - 1;
            continue;
        }
        if (as)
            s4d_str_add(out, as);
        else
            s4d_str_add_bytes(out, text, 1);
        ++text;
    }
}

static void grid_latex(s4d_str *out, const s4d_grid *g)
{
    s4d_str_add(out, "\\begin{tabular}{");
    for (size_t c = 0; c < g->columns; ++c) s4d_str_add(out, c < g->left ? "l" : "r");
    s4d_str_add(out, "}\n\\toprule\n");
    for (size_t i = 0; i < g->cell.count; ++i) {
        add_latex(out, g->cell.item[i]);
        s4d_str_add(out, (i + 1) % g->columns ? " & " : " \\\\\n");
        if (i + 1 == g->columns) s4d_str_add(out, "\\midrule\n");
    }
    s4d_str_add(out, "\\bottomrule\n\\end{tabular}\n");
}

void s4d_page_latex(s4d_str *out, const s4d_page *p)
{
    if (!out->size) s4d_str_add(out, "% needs \\usepackage{booktabs}\n");
    s4d_str_add(out, "\\begin{table}\n\\centering\\footnotesize\n\\setlength{\\tabcolsep}{3pt}\n\\caption{");
    add_latex(out, p->title.text);
    s4d_str_add(out, ": UAR, WAR and recalls in percent, recalls with the number of samples.}\n");
    grid_latex(out, &p->figures);
    s4d_str_add(out, "\n\\medskip\n");
    grid_latex(out, &p->recalls);
    s4d_str_add(out, "\n\\medskip\n\\begin{minipage}{\\linewidth}\n");
    for (size_t i = 0; i < p->remark.count; ++i) {
        if (i) s4d_str_add(out, "\\par\n");
        add_latex(out, p->remark.item[i]);
        s4d_str_add(out, "\n");
    }
    s4d_str_add(out, "\\end{minipage}\n\\end{table}\n");
}
