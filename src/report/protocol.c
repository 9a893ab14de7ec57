/* How a figure came about, in words: views, frames, what chose the model, switches of evaluation, class imbalance. */
#include <stdio.h>
#include <string.h>

#include "report/results.h"
#include "s4d/base/mem.h"

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void tell_views(s4d_str *w, s4d_doc *config, s4d_doc *metrics, const s4d_outcome *o)
{
    int64_t segments = s4d_doc_count(metrics, "segments"), crops = s4d_doc_count(metrics, "crops");
    int64_t size = s4d_doc_count(config, "model.img_size");
    s4d_str_printf(w, "%s split; ", s4d_outcome_split(o));
    if (o->image) {
        s4d_str_printf(w, "one view a picture, of %lld x %lld pixels.", (long long)size, (long long)size);
        return;
    }
    s4d_str_printf(w, "%lld segment%s x %lld crop%s = %lld view%s a clip, mean of their softmax; ", (long long)segments,
                   plural(segments), (long long)crops, plural(crops), (long long)(segments * crops), plural(segments * crops));
    bool told = s4d_doc_find(metrics, "keep_aspect") != NULL;
    s4d_str_printf(w, "%lld frames a view, stride %lld, %s %lld x %lld pixels, frame files in %s order.",
                   (long long)s4d_doc_count(config, "model.num_frames"),
                   (long long)s4d_doc_count(config, "data.video.sampling_rate"),
                   !told ? "of" : s4d_doc_bool(metrics, "keep_aspect") ? "which keep their aspect and are cut to" : "squashed to",
                   (long long)size, (long long)size, s4d_doc_text(config, "data.frame_order"));
}

/* The rules' words are those of train: "last epoch", "epoch N, best UAR on ... held out of training", "epoch N, best UAR on
 * SET's validation list" or "test list itself". N is left out, for it differs between folds. */
static void tell_selection(s4d_str *w, s4d_doc *metrics, const s4d_outcome *o)
{
    if (!s4d_doc_find(metrics, "selection")) {
        s4d_str_add(w, " Model: which epoch it is of, and what chose that, is not recorded.");
        return;
    }
    const char *rule = s4d_doc_text(metrics, "selection"), *comma = strchr(rule, ',');
    if (strncmp(rule, "epoch ", 6) == 0 && comma && strspn(rule + 6, "0123456789") == (size_t)(comma - rule) - 6)
        s4d_str_printf(w, " Model: the epoch with%s; ", comma + 1);
    else
        s4d_str_printf(w, " Model: %s; ", rule);
    char own[128];
    snprintf(own, sizeof own, " on %.63s's %s", o->set, o->val ? "validation list" : "test list itself");
    if (strcmp(rule, "last epoch") == 0)
        s4d_str_add(w, "no result chose it.");
    else if (s4d_str_ends(rule, own))
        s4d_str_printf(w, "THE %s LIST SHOWN HERE CHOSE IT, so these figures flatter it.", o->val ? "VALIDATION" : "TEST");
    else if (s4d_str_ends(rule, "held out of training") || s4d_str_ends(rule, "'s validation list"))
        s4d_str_add(w, "no test list chose it.");
    else if (s4d_str_ends(rule, " test list itself"))
        s4d_str_add(w, "the test list of another set chose it.");
    else
        s4d_str_add(w, "this version does not know which list that looks at.");
}

/* What the lists were found to share before training: "files", "contents" (where compared) and "people" (where named). */
static bool tell_shared(s4d_str *w, s4d_doc *metrics, const char *with, const char *list)
{
    static const char *const what[] = {"files", "contents", "people"};
    static const char *const words[] = {"by their files", "by their content", "by the people they show"};
    int64_t samples = s4d_doc_count(metrics, "samples"), all = 0;
    for (int i = 0; i < 3; ++i) {
        char key[64];
        snprintf(key, sizeof key, "lists.%s.%s", with, what[i]);
        int64_t n = s4d_doc_find(metrics, key) ? s4d_doc_count(metrics, key) : 0;
        if (n && !all) s4d_str_printf(w, " OF THE %lld SAMPLES SHOWN HERE, THE %s LIST HAS", (long long)samples, list);
        if (n) s4d_str_printf(w, "%s %lld %s", all ? "," : "", (long long)n, words[i]);
        all += n;
    }
    if (all) s4d_str_add(w, "; these figures flatter the model.");
    return all > 0;
}

static void tell_lists(s4d_str *w, s4d_doc *metrics)
{
    if (!s4d_doc_find(metrics, "lists.in_training.files")) {
        s4d_str_add(w, " Lists: whether samples shown here were trained on is not recorded.");
        return;
    }
    bool contents = s4d_doc_find(metrics, "lists.in_training.contents") != NULL;
    bool people = s4d_doc_find(metrics, "lists.in_training.people") != NULL;
    s4d_str_add(w, " Lists:");
    bool shared = tell_shared(w, metrics, "in_training", "TRAINING");
    shared |= tell_shared(w, metrics, "in_validation", "VALIDATION");
    if (!shared)
        s4d_str_printf(w, " no file%s%s shown here was trained on.", contents ? ", no content" : "", people ? " and nobody" : "");
    if (!contents) s4d_str_add(w, " Contents were not compared.");
    if (!people) s4d_str_add(w, " The lists name no people.");
    const s4d_json *never = s4d_doc_find(metrics, "lists.never_trained");
    for (const s4d_json *c = never ? s4d_json_at(never, 0) : NULL; c; c = s4d_json_next(c))
        s4d_str_printf(w, " NO TRAINING SAMPLE IS OF CLASS %s.", s4d_json_key(c));
}

static void tell_experts(s4d_str *w, s4d_doc *config)
{
    const s4d_json *layers = s4d_doc_node(config, "model.moae.layers", S4D_JSON_ARRAY);
    bool noise = s4d_doc_bool(config, "model.moae.eval_noise"), capacity = s4d_doc_bool(config, "model.moae.eval_capacity");
    if (!layers) return;
    if (s4d_json_count(layers) == 0)
        s4d_str_add(w, " No expert layers, so no router noise and no capacity limit.");
    else
        s4d_str_printf(w, " In evaluation router noise was %s and the capacity limit %s.", noise ? "on" : "off",
                       capacity ? "on (a prediction depends on its batch)" : "off");
}

/* What metrics.json has from the config that the model was trained with; a version without a setting did without it. */
static void tell_imbalance(s4d_str *w, s4d_doc *metrics)
{
    if (!s4d_doc_find(metrics, "imbalance.balanced")) {
        s4d_str_add(w, " Class imbalance: what training did about it is not recorded.");
        return;
    }
    bool balanced = s4d_doc_bool(metrics, "imbalance.balanced");
    const char *weights = "none";
    double adjust = 0;
    if (s4d_doc_find(metrics, "imbalance.class_weights")) weights = s4d_doc_text(metrics, "imbalance.class_weights");
    if (s4d_doc_find(metrics, "imbalance.logit_adjustment")) adjust = s4d_doc_number(metrics, "imbalance.logit_adjustment");
    bool weighted = strcmp(weights, "none") != 0;
    s4d_str_printf(w, " Class imbalance: training drew %s", balanced ? "each class equally often, with replacement"
                                                                    : "samples as the list has them");
    if (weighted) s4d_str_printf(w, ", weighted classes in the loss by their size (%s)", weights);
    if (adjust > 0) s4d_str_printf(w, ", adjusted logits in the loss by %g times the log of a class's share", adjust);
    s4d_str_add(w, balanced || weighted || adjust > 0 ? "." : ", with nothing done about it.");
}

s4d_status s4d_protocol_tell(s4d_doc *config, s4d_doc *metrics, s4d_outcome *o, s4d_err *err)
{
    s4d_str words = {0};
    tell_views(&words, config, metrics, o);
    tell_selection(&words, metrics, o);
    tell_lists(&words, metrics);
    tell_experts(&words, config);
    tell_imbalance(&words, metrics);
    s4d_status status = config->status;
    if (status == S4D_OK) status = metrics->status;
    if (status == S4D_OK && words.failed) status = s4d_err_memory(err, words.size, "the protocol");
    if (status == S4D_OK) {
        o->protocol = s4d_mem_strdup(words.text);
        if (!o->protocol) status = s4d_err_memory(err, words.size, "the protocol");
    }
    s4d_str_release(&words);
    return status;
}
