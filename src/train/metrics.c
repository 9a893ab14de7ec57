/* UAR, WAR, F1 and the rest from probabilities and labels. */
#include "s4d/train/metrics.h"

#include <math.h>
#include <string.h>

void s4d_metrics_mean_views(const double *logits, int views, int classes, double *prob)
{
    for (int c = 0; c < classes; ++c) prob[c] = 0;
    for (int v = 0; v < views; ++v) {
        const double *z = logits + (size_t)v * (size_t)classes;
        double top = z[0], sum = 0;
        for (int c = 1; c < classes; ++c) top = fmax(top, z[c]);
        for (int c = 0; c < classes; ++c) sum += exp(z[c] - top);
        for (int c = 0; c < classes; ++c) prob[c] += exp(z[c] - top) / sum / views;
    }
}

int s4d_metrics_argmax(const double *prob, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; ++c)
        if (prob[c] > prob[best]) best = c;
    return best;
}

/* How many classes come before `label` when probabilities fall and ties go to the lower index. */
static int rank_of(const double *prob, int classes, int label)
{
    int rank = 0;
    for (int c = 0; c < classes; ++c)
        if (prob[c] > prob[label] || (prob[c] == prob[label] && c < label)) ++rank;
    return rank;
}

static void finish(s4d_metrics *m, int64_t top5)
{
    int64_t correct = 0, present = 0, judged = 0; /* classes in the truth; in the truth or the predictions */
    double n = (double)m->samples;
    for (int c = 0; c < m->classes; ++c) {
        int64_t predicted = 0, hit = m->confusion[c][c];
        for (int t = 0; t < m->classes; ++t) predicted += m->confusion[t][c];
        correct += hit;
        judged += m->support[c] || predicted;
        if (!m->support[c]) continue;
        ++present;
        m->recall[c] = (double)hit / (double)m->support[c];
        double f1 = 2.0 * (double)hit / (double)(m->support[c] + predicted);
        m->uar += m->recall[c];
        m->macro_f1 += f1;
        m->weighted_f1 += f1 * (double)m->support[c] / n;
    }
    if (!m->samples) return;
    m->uar /= (double)present;
    m->macro_f1 /= (double)judged;
    m->war = m->micro_f1 = (double)correct / n; /* one label a sample: micro F1 is accuracy */
    m->top5 = (double)top5 / n;
}

void s4d_metrics_compute(const double *prob, const int32_t *label, int64_t samples, int classes, s4d_metrics *out)
{
    memset(out, 0, sizeof *out);
    out->classes = classes;
    out->samples = samples;
    int64_t top5 = 0;
    for (int64_t i = 0; i < samples; ++i) {
        const double *p = prob + i * classes;
        out->confusion[label[i]][s4d_metrics_argmax(p, classes)]++;
        out->support[label[i]]++;
        if (rank_of(p, classes, label[i]) < 5) ++top5;
    }
    finish(out, top5);
}
