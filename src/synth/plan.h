/* Which samples a set has: kind, emotion, person and file of each, fixed before anything is drawn.
 * Private to src/synth. */
#ifndef S4D_SYNTH_PLAN_H
#define S4D_SYNTH_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "s4d/base/file.h"
#include "s4d/synth/synth.h"
#include "synth/face.h"

/* Streams of random numbers within S4D_RNG_SYNTH: the low byte of the stream's first number. */
enum { S4D_STREAM_SUBJECT = 1, S4D_STREAM_STILL, S4D_STREAM_CLIP, S4D_STREAM_ORDER };

enum { S4D_FOLDS_MAX = 20 };

/* People of one group never appear in another. Fold k's test clips are group S4D_GROUP_FOLD + k
 * - 1. */
enum {
    S4D_GROUP_TRAIN_STILLS = 1,
    S4D_GROUP_TEST_STILLS,
    S4D_GROUP_UNLABELLED,
    S4D_GROUP_TRAIN_CLIPS, /* clips that are in every fold's training list */
    S4D_GROUP_FOLD
};

typedef struct s4d_item {
    bool clip, png;
    s4d_emotion emotion;
    uint32_t group, ordinal; /* among the items of its group, kind and emotion */
    uint32_t subject;
    uint32_t number; /* file number in its folder, from 1 */
} s4d_item;

typedef struct s4d_plan {
    const s4d_synth_opts *opts;
    s4d_item *item; /* by group, folder and number */
    size_t count;
} s4d_plan;

/* The samples of one folder (a kind within a group; all labelled clips share one) stand together,
 * by number. */
s4d_status s4d_plan_make(const s4d_synth_opts *opts, s4d_plan *out, s4d_err *err);
void s4d_plan_release(s4d_plan *plan);

/* The item's own stream. */
s4d_rng s4d_item_rng(const s4d_plan *plan, const s4d_item *item);
/* The item's path below the set's folder; a clip's without ".mp4" unless `whole`. */
void s4d_item_path(const s4d_plan *plan, const s4d_item *item, bool whole, char out[64]);

/* The classes of a set's stills or clips, in the order of their numbers. */
int s4d_classes_of(const s4d_synth_opts *opts, bool clips, const s4d_emotion **order);
int s4d_class_index(const s4d_synth_opts *opts, const s4d_item *item);

/* How many of `total` fall to each class: by weight, no class under a twenty-fifth, and none under
 * 5 where total allows. */
void s4d_plan_quota(int total, const float *share, int classes, int *count);

/* ---- a clip's course in time ---- */

enum { S4D_BLINKS_MAX = 8, S4D_PULSES_MAX = 2, S4D_FRAMES_MIN = 12, S4D_FRAMES_MAX = 60 };

/* Times in frames. */
typedef struct s4d_pulse {
    float begin, rise, hold, fall, left; /* left: share of the strength that stays afterwards */
} s4d_pulse;

typedef struct s4d_course {
    s4d_emotion emotion;
    int frames;
    s4d_pull drawn;
    float strength;
    s4d_pulse pulse[S4D_PULSES_MAX];
    int pulses;
    float lag[S4D_MUSCLES]; /* muscles do not all start at once */
    float tremble, tremble_rate;
    float blink[S4D_BLINKS_MAX], blink_length;
    int blinks;
    float talk_begin, talk_end, talk_rate, talk_pull, phase[8];
    s4d_pose base;
    float sway[3], sway_rate;                        /* yaw, pitch, roll of idle motion */
    float turn_yaw, turn_pitch, turn_roll, approach; /* of the head at full expression */
    float shake, shake_rate;                         /* of the head, with the expression */
    float dart;                                      /* unrest of the gaze */
} s4d_course;

void s4d_course_draw(s4d_emotion e, s4d_rng *rng, s4d_course *out);
/* Share of the full expression at a frame, 0..1. */
float s4d_course_level(const s4d_course *c, float frame);
/* Fills pull and pose. */
void s4d_course_at(const s4d_course *c, int frame, s4d_face *face);
/* A still: pull and pose at one moment. */
void s4d_still_draw(s4d_emotion e, s4d_rng *rng, s4d_face *face);

/* ---- lists ---- */

/* All lists, subjects.csv, index.json and README.md into the folder. */
s4d_status s4d_lists_write(const s4d_plan *plan, const char *folder, s4d_err *err);

#endif
