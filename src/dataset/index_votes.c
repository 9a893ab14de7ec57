/* The votes of FER+: ten people said for every image which of eight expressions they see, or that they know none, or that
 * there is no face. fer2013new.csv has a header and a column Usage; the label.csv that Microsoft's script leaves in each of
 * FER2013Train, FER2013Valid and FER2013Test has neither, but the face's box, "(0, 0, 48, 48)", behind the name. */
#include <string.h>
#include <strings.h>

#include "dataset/index_job.h"
#include "s4d/data/manifest.h"

/* Columns of votes, of which the last two are for no class. */
enum { VOTES = 10, CLASSES = 8, VOTES_MAX = 10000 };

static const char *const heads[VOTES] = {"neutral", "happiness", "surprise", "sadness", "anger",
                                         "disgust", "fear",      "contempt", "unknown", "NF"};

static bool are_heads(const s4d_record *r, int first)
{
    for (int i = 0; i < VOTES; i++) {
        if (first + i >= r->columns || strcasecmp(r->field[first + i], heads[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The votes of a line; false: they are not all numbers. */
static bool take_votes(const s4d_record *r, int first, long votes[VOTES])
{
    for (int i = 0; i < VOTES; i++) {
        if (first + i >= r->columns || first + i >= S4D_LIST_FIELDS || !s4d_labels_number(r->field[first + i], &votes[i]) ||
            votes[i] < 0 || votes[i] > VOTES_MAX) {
            return false;
        }
    }
    return true;
}

bool index_votes_form(const s4d_record *r, index_votes *out)
{
    long votes[VOTES];
    index_columns c = index_read_header(r);
    for (int first = 0; first + VOTES <= S4D_LIST_FIELDS; first++) {
        if (are_heads(r, first)) {
            *out = (index_votes){.name = c.name, .usage = c.usage, .first = first, .header = true};
            return c.name >= 0;
        }
    }
    bool box = r->columns == VOTES + 2 && r->field[1][0] == '(';
    *out = (index_votes){.name = 0, .usage = -1, .first = box ? 2 : 1};
    return (box || r->columns == VOTES + 1) && take_votes(r, out->first, votes);
}

const char *index_votes_class(index_job *job, const index_votes *v, int list, const s4d_record *r)
{
    const char *const *names;
    long votes[VOTES];
    int best = 0, ties = 0;
    job->votes.rows++;
    if (r->fault) {
        index_fault(job, list, r->line, "%s", r->fault);
        return NULL;
    }
    if (!take_votes(r, v->first, votes)) {
        index_fault(job, list, r->line, "there are not %d numbers of votes behind the name", VOTES);
        return NULL;
    }
    for (int i = 1; i < VOTES; i++) {
        ties = votes[i] > votes[best] ? 0 : ties + (votes[i] == votes[best]);
        best = votes[i] > votes[best] ? i : best;
    }
    bool nameless = !*r->field[v->name];
    job->votes.nameless += nameless;
    job->votes.ties += !nameless && ties > 0;
    job->votes.none += !nameless && ties == 0 && best >= CLASSES;
    return nameless || ties > 0 || best >= s4d_labels_table("ferplus", &names) ? NULL : names[best];
}

s4d_status index_votes_end(index_job *job, s4d_err *err)
{
    if (job->votes.rows == 0) {
        return S4D_OK;
    }
    return index_decide(job, err,
                        "the class of an image is the one with the most votes; of %ld lines left out: %ld whose most votes are for "
                        "unknown or NF (no face), %ld with a tie, %ld without a name", job->votes.rows, job->votes.none,
                        job->votes.ties, job->votes.nameless);
}
