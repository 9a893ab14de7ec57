/* The plan of a set: how many of each class, who they are, in which file. */
#include "synth/plan.h"

#include <stdio.h>

#include "s4d/base/mem.h"

/* DFEW's, MAFW's and AffectNet's orders. */
static const s4d_emotion CLIP_7[] = {S4D_HAPPINESS, S4D_SADNESS, S4D_NEUTRAL, S4D_ANGER,
                                     S4D_SURPRISE,  S4D_DISGUST, S4D_FEAR};
static const s4d_emotion CLIP_11[] = {S4D_ANGER,   S4D_ANXIETY, S4D_CONTEMPT,  S4D_DISAPPOINTMENT,
                                      S4D_DISGUST, S4D_FEAR,    S4D_HAPPINESS, S4D_HELPLESSNESS,
                                      S4D_NEUTRAL, S4D_SADNESS, S4D_SURPRISE};
static const s4d_emotion STILL_8[] = {S4D_NEUTRAL, S4D_HAPPINESS, S4D_SADNESS, S4D_SURPRISE,
                                      S4D_FEAR,    S4D_DISGUST,   S4D_ANGER,   S4D_CONTEMPT};

/* Weights of the classes: DFEW's test list of fold 1; about MAFW's; AffectNet's training list in
 * thousands. */
static const float WEIGHT_7[] = {489, 379, 534, 435, 294, 29, 181};
static const float WEIGHT_11[] = {14, 9, 2, 2, 6, 6, 12, 3, 11, 15, 11};
static const float WEIGHT_STILL[] = {75, 134, 25, 14, 6.4f, 3.8f, 25, 3.8f};

static const float SHARE_LEAST = 0.04f;

/* Samples of one person, on average. */
static const float PER_PERSON = 8;

int s4d_classes_of(const s4d_synth_opts *opts, bool clips, const s4d_emotion **order)
{
    if (clips) {
        *order = opts->classes == 11 ? CLIP_11 : CLIP_7;
        return opts->classes;
    }
    *order = STILL_8;
    return opts->classes == 11 ? 8 : 7;
}

int s4d_class_index(const s4d_synth_opts *opts, const s4d_item *item)
{
    const s4d_emotion *order;
    int n = s4d_classes_of(opts, item->clip, &order);
    for (int i = 0; i < n; i++) {
        if (order[i] == item->emotion) {
            return i;
        }
    }
    S4D_BUG_IF(true);
    return -1;
}

/* Shares that sum to 1, none under SHARE_LEAST; equal ones for AffectNet's test list. */
static int shares_of(const s4d_synth_opts *opts, bool clips, uint32_t group,
                     float share[S4D_EMOTIONS])
{
    const s4d_emotion *order;
    int n = s4d_classes_of(opts, clips, &order);
    const float *weight = !clips ? WEIGHT_STILL : n == 11 ? WEIGHT_11 : WEIGHT_7;
    float total = 0, raised = 0;
    for (int i = 0; i < n; i++) {
        total += weight[i];
    }
    for (int i = 0; i < n; i++) {
        float even = weight[i] / total;
        share[i] = group == S4D_GROUP_TEST_STILLS ? 1 : even > SHARE_LEAST ? even : SHARE_LEAST;
        raised += share[i];
    }
    for (int i = 0; i < n; i++) {
        share[i] /= raised;
    }
    return n;
}

void s4d_plan_quota(int total, const float *share, int classes, int *count)
{
    enum { LEAST = 5 };
    int given = 0;
    float rest[S4D_EMOTIONS];
    for (int i = 0; i < classes; i++) {
        float exact = (float)total * share[i];
        count[i] = (int)exact;
        rest[i] = exact - (float)count[i];
        given += count[i];
    }
    for (; given < total; given++) { /* what rounding left goes where most was cut */
        int most = 0;
        for (int i = 1; i < classes; i++) {
            most = rest[i] > rest[most] ? i : most;
        }
        count[most]++;
        rest[most] = -1;
    }
    int least = total / classes < LEAST ? total / classes : LEAST;
    for (int i = 0; i < classes; i++) {
        while (count[i] < least) {
            int most = 0;
            for (int k = 1; k < classes; k++) {
                most = count[k] > count[most] ? k : most;
            }
            count[most]--;
            count[i]++;
        }
    }
}

s4d_rng s4d_item_rng(const s4d_plan *plan, const s4d_item *item)
{
    uint32_t stream = item->clip ? S4D_STREAM_CLIP : S4D_STREAM_STILL;
    return s4d_rng_make(plan->opts->seed, S4D_RNG_SYNTH,
                        stream | (uint32_t)item->emotion << 8 | item->group << 16, item->ordinal);
}

/* Items j of a class with share p are spread over people j / (p * PER_PERSON), whatever the size of
 * the set: a larger set has the same people first, and then more. */
static void add_class(s4d_plan *plan, const s4d_item *like, int count, float share)
{
    for (int j = 0; j < count; j++) {
        s4d_item *item = &plan->item[plan->count++];
        *item = *like;
        item->ordinal = (uint32_t)j;
        s4d_rng rng =
            s4d_rng_make(plan->opts->seed, S4D_RNG_SYNTH,
                         S4D_STREAM_ORDER | (uint32_t)like->emotion << 8 | like->group << 16,
                         2 * (uint32_t)j + like->clip);
        float place = ((float)j + (float)s4d_rng_uniform(&rng)) / (share * PER_PERSON);
        item->subject = like->group << 20 | (uint32_t)place;
        item->png = s4d_rng_below(&rng, 2) == 1;
    }
}

static void add_group(s4d_plan *plan, uint32_t group, bool clips, int total)
{
    const s4d_emotion *order;
    float share[S4D_EMOTIONS] = {0};
    int count[S4D_EMOTIONS], n = shares_of(plan->opts, clips, group, share);
    s4d_classes_of(plan->opts, clips, &order);
    s4d_plan_quota(total, share, n, count);
    for (int i = 0; i < n; i++) {
        s4d_item like = {.clip = clips, .emotion = order[i], .group = group};
        add_class(plan, &like, count[i], share[i]);
    }
}

/* Mixes the items from `first` on and numbers them: a file's number says nothing of its class or
 * person. */
static void number_folder(s4d_plan *plan, size_t first, uint32_t folder)
{
    s4d_rng rng =
        s4d_rng_make(plan->opts->seed, S4D_RNG_SYNTH, S4D_STREAM_ORDER, UINT32_MAX - folder);
    size_t n = plan->count - first;
    for (size_t i = n; i > 1; i--) {
        size_t k = s4d_rng_below(&rng, (uint32_t)i);
        s4d_item swap = plan->item[first + i - 1];
        plan->item[first + i - 1] = plan->item[first + k];
        plan->item[first + k] = swap;
    }
    for (size_t i = 0; i < n; i++) {
        plan->item[first + i].number = (uint32_t)(i + 1);
    }
}

s4d_status s4d_plan_make(const s4d_synth_opts *opts, s4d_plan *out, s4d_err *err)
{
    size_t total = (size_t)opts->train_images + (size_t)opts->test_images +
                   (size_t)opts->train_clips + (size_t)opts->test_clips +
                   (size_t)opts->unlabelled_images + (size_t)opts->unlabelled_clips;
    *out = (s4d_plan){.opts = opts};
    out->item = s4d_mem_alloc(total, sizeof *out->item);
    if (!out->item) {
        return s4d_err_memory(err, total * sizeof *out->item, "the list of samples");
    }
    const struct {
        uint32_t group;
        bool clips;
        int count;
    } folder[] = {{S4D_GROUP_TRAIN_STILLS, false, opts->train_images},
                  {S4D_GROUP_TEST_STILLS, false, opts->test_images},
                  {S4D_GROUP_UNLABELLED, false, opts->unlabelled_images},
                  {S4D_GROUP_UNLABELLED, true, opts->unlabelled_clips}};
    for (uint32_t i = 0; i < 4; i++) {
        size_t first = out->count;
        add_group(out, folder[i].group, folder[i].clips, folder[i].count);
        number_folder(out, first, i);
    }
    size_t first = out->count;
    add_group(out, S4D_GROUP_TRAIN_CLIPS, true,
              opts->train_clips - (opts->folds - 1) * opts->test_clips);
    for (int k = 0; k < opts->folds; k++) {
        add_group(out, S4D_GROUP_FOLD + (uint32_t)k, true, opts->test_clips);
    }
    number_folder(out, first, 4);
    return S4D_OK;
}

void s4d_plan_release(s4d_plan *plan)
{
    s4d_mem_free(plan->item);
    *plan = (s4d_plan){0};
}

void s4d_item_path(const s4d_plan *plan, const s4d_item *item, bool whole, char out[64])
{
    const char *folder = item->group == S4D_GROUP_TRAIN_STILLS  ? "images/train"
                         : item->group == S4D_GROUP_TEST_STILLS ? "images/test"
                         : item->group != S4D_GROUP_UNLABELLED  ? "clips"
                         : item->clip                           ? "unlabelled/clips"
                                                                : "unlabelled/images";
    const char *suffix = item->clip  ? (whole && !plan->opts->frame_folders ? ".mp4" : "")
                         : item->png ? ".png"
                                     : ".jpg";
    snprintf(out, 64, "%s/%05u%s", folder, item->number, suffix);
}
