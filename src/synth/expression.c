/* Emotions as mixtures of muscles. The combinations follow the Facial Action Coding System's table
 * of emotions (Friesen and Ekman, EMFACS-7, 1983): happiness 6+12; sadness 1+4+15; surprise
 * 1+2+5+26; fear 1+2+4+5+7+20+26; anger 4+5+7+23; disgust 9+15+16; contempt one-sided 12+14. The
 * last three are s4d's own mixtures for classes that the system has no entry for. */
#include "synth/face.h"

static const char *const NAMES[S4D_EMOTIONS] = {
    [S4D_HAPPINESS] = "happiness",
    [S4D_SADNESS] = "sadness",
    [S4D_NEUTRAL] = "neutral",
    [S4D_ANGER] = "anger",
    [S4D_SURPRISE] = "surprise",
    [S4D_DISGUST] = "disgust",
    [S4D_FEAR] = "fear",
    [S4D_CONTEMPT] = "contempt",
    [S4D_ANXIETY] = "anxiety",
    [S4D_HELPLESSNESS] = "helplessness",
    [S4D_DISAPPOINTMENT] = "disappointment",
};

/* A muscle takes part with `chance`, then with a pull between low and high. */
typedef struct part {
    s4d_muscle muscle;
    float chance, low, high;
} part;

enum { PARTS_MAX = 10 };

static const part MIX[S4D_EMOTIONS][PARTS_MAX] = {
    [S4D_HAPPINESS] = {{S4D_CORNER_UP, 1, 0.75f, 1},
                       {S4D_CHEEK_UP, 0.9f, 0.4f, 1},
                       {S4D_LIP_PART, 0.7f, 0.3f, 1},
                       {S4D_JAW_DROP, 0.35f, 0.1f, 0.5f},
                       {S4D_LID_TIGHT, 0.2f, 0.1f, 0.4f}},
    [S4D_SADNESS] = {{S4D_BROW_INNER_UP, 0.95f, 0.6f, 1},
                     {S4D_BROW_DOWN, 0.7f, 0.2f, 0.6f},
                     {S4D_CORNER_DOWN, 0.95f, 0.6f, 1},
                     {S4D_CHIN_UP, 0.5f, 0.3f, 0.9f},
                     {S4D_EYE_CLOSE, 0.5f, 0.15f, 0.5f},
                     {S4D_LIP_PART, 0.2f, 0.1f, 0.4f}},
    [S4D_NEUTRAL] = {{S4D_LIP_PART, 0.15f, 0.05f, 0.3f}, {S4D_LIP_PRESS, 0.15f, 0.05f, 0.2f}},
    [S4D_ANGER] = {{S4D_BROW_DOWN, 1, 0.75f, 1},
                   {S4D_LID_UP, 0.6f, 0.3f, 0.8f},
                   {S4D_LID_TIGHT, 0.8f, 0.3f, 0.8f},
                   {S4D_LIP_PRESS, 0.65f, 0.6f, 1},
                   {S4D_CHIN_UP, 0.4f, 0.2f, 0.6f},
                   {S4D_UPPER_LIP_UP, 0.3f, 0.2f, 0.5f},
                   {S4D_LIP_PART, 0.35f, 0.3f, 0.9f},
                   {S4D_JAW_DROP, 0.25f, 0.1f, 0.45f}},
    [S4D_SURPRISE] = {{S4D_BROW_INNER_UP, 1, 0.7f, 1},
                      {S4D_BROW_OUTER_UP, 1, 0.7f, 1},
                      {S4D_LID_UP, 0.9f, 0.4f, 0.9f},
                      {S4D_JAW_DROP, 0.9f, 0.4f, 1},
                      {S4D_LIP_PART, 0.9f, 0.3f, 0.8f},
                      {S4D_LIP_PUCKER, 0.3f, 0.2f, 0.6f}},
    [S4D_DISGUST] = {{S4D_NOSE_WRINKLE, 0.95f, 0.65f, 1},
                     {S4D_UPPER_LIP_UP, 0.85f, 0.5f, 1},
                     {S4D_CORNER_DOWN, 0.6f, 0.2f, 0.6f},
                     {S4D_BROW_DOWN, 0.6f, 0.2f, 0.6f},
                     {S4D_LID_TIGHT, 0.7f, 0.4f, 0.9f},
                     {S4D_CHIN_UP, 0.4f, 0.3f, 0.8f},
                     {S4D_LIP_PART, 0.4f, 0.2f, 0.7f},
                     {S4D_CHEEK_UP, 0.4f, 0.2f, 0.6f}},
    [S4D_FEAR] = {{S4D_BROW_INNER_UP, 1, 0.7f, 1},
                  {S4D_BROW_OUTER_UP, 0.8f, 0.25f, 0.7f},
                  {S4D_BROW_DOWN, 0.9f, 0.35f, 0.7f},
                  {S4D_LID_UP, 1, 0.7f, 1},
                  {S4D_LID_TIGHT, 0.4f, 0.1f, 0.4f},
                  {S4D_LIP_STRETCH, 0.9f, 0.6f, 1},
                  {S4D_LIP_PART, 0.8f, 0.3f, 0.9f},
                  {S4D_JAW_DROP, 0.6f, 0.1f, 0.5f}},
    [S4D_CONTEMPT] = {{S4D_LID_TIGHT, 0.4f, 0.1f, 0.4f}, {S4D_LIP_PRESS, 0.3f, 0.1f, 0.5f}},
    [S4D_ANXIETY] = {{S4D_BROW_INNER_UP, 0.9f, 0.4f, 0.9f},
                     {S4D_BROW_DOWN, 0.9f, 0.3f, 0.8f},
                     {S4D_LIP_PRESS, 0.7f, 0.4f, 1},
                     {S4D_LIP_STRETCH, 0.5f, 0.2f, 0.6f},
                     {S4D_LID_UP, 0.3f, 0.1f, 0.4f}},
    [S4D_HELPLESSNESS] = {{S4D_BROW_INNER_UP, 1, 0.7f, 1},
                          {S4D_CORNER_DOWN, 0.7f, 0.2f, 0.7f},
                          {S4D_EYE_CLOSE, 0.7f, 0.2f, 0.6f},
                          {S4D_LIP_PART, 0.6f, 0.3f, 0.8f},
                          {S4D_JAW_DROP, 0.5f, 0.1f, 0.4f},
                          {S4D_BROW_OUTER_UP, 0.3f, 0.1f, 0.4f}},
    [S4D_DISAPPOINTMENT] = {{S4D_CORNER_DOWN, 1, 0.6f, 1},
                            {S4D_CHIN_UP, 0.7f, 0.4f, 1},
                            {S4D_LIP_PRESS, 0.7f, 0.4f, 0.9f},
                            {S4D_EYE_CLOSE, 0.8f, 0.25f, 0.5f},
                            {S4D_BROW_DOWN, 0.5f, 0.2f, 0.5f}},
};

/* Surprise or fear where one picture does not say which. */
static const part STARTLED[PARTS_MAX] = {
    {S4D_BROW_INNER_UP, 1, 0.75f, 1},   {S4D_BROW_OUTER_UP, 1, 0.5f, 0.85f},
    {S4D_BROW_DOWN, 0.5f, 0.1f, 0.4f},  {S4D_LID_UP, 1, 0.6f, 1},
    {S4D_LIP_PART, 0.9f, 0.3f, 0.9f},   {S4D_JAW_DROP, 0.8f, 0.2f, 0.7f},
    {S4D_LIP_STRETCH, 0.4f, 0.1f, 0.4f}};

const char *s4d_emotion_name(s4d_emotion e)
{
    return NAMES[e];
}

float s4d_pull_mean(const s4d_pull *p, s4d_muscle m)
{
    return 0.5f * (p->side[0][m] + p->side[1][m]);
}

static float within(float v)
{
    return v < 0 ? 0 : v > 1.2f ? 1.2f : v;
}

void s4d_pull_add(s4d_pull *a, const s4d_pull *b, float share)
{
    for (int side = 0; side < 2; side++) {
        for (int m = 0; m < S4D_MUSCLES; m++) {
            a->side[side][m] = within(a->side[side][m] + share * b->side[side][m]);
        }
    }
}

static void set_both(s4d_pull *p, s4d_muscle m, float pull)
{
    p->side[0][m] = pull;
    p->side[1][m] = pull;
}

static void draw_parts(const part *mix, s4d_rng *rng, s4d_pull *drawn)
{
    for (int i = 0; i < PARTS_MAX && mix[i].chance > 0; i++) {
        bool takes_part = s4d_rng_uniform(rng) < mix[i].chance;
        float pull = (float)s4d_rng_range(rng, mix[i].low, mix[i].high);
        if (takes_part) {
            set_both(drawn, mix[i].muscle, pull);
        }
    }
}

void s4d_expression_draw(s4d_emotion e, bool alike, s4d_rng *rng, s4d_pull *drawn)
{
    *drawn = (s4d_pull){0};
    bool startled = alike && (e == S4D_SURPRISE || e == S4D_FEAR);
    draw_parts(startled ? STARTLED : MIX[e], rng, drawn);
    if (e == S4D_CONTEMPT) {
        int side = (int)s4d_rng_below(rng, 2);
        drawn->side[side][S4D_CORNER_UP] = (float)s4d_rng_range(rng, 0.55, 0.9);
        drawn->side[side][S4D_DIMPLE] = (float)s4d_rng_range(rng, 0.7, 1);
        drawn->side[side][S4D_BROW_OUTER_UP] = (float)s4d_rng_range(rng, 0, 0.7);
        drawn->side[side][S4D_CHEEK_UP] = (float)s4d_rng_range(rng, 0, 0.5);
    }
    /* A touch of something else, as in every real face. */
    s4d_muscle stray = (s4d_muscle)s4d_rng_below(rng, S4D_EYE_CLOSE);
    s4d_pull touch = {0};
    set_both(&touch, stray, (float)s4d_rng_range(rng, 0, 0.25));
    s4d_pull_add(drawn, &touch, 1);
}

void s4d_expression_at(const s4d_identity *id, const s4d_pull *drawn, float strength, s4d_pull *out)
{
    *out = id->rest;
    for (int side = 0; side < 2; side++) {
        float even = 1 + (side ? id->uneven : -id->uneven);
        for (int m = 0; m < S4D_MUSCLES; m++) {
            out->side[side][m] =
                within(out->side[side][m] + strength * even * id->gain[m] * drawn->side[side][m]);
        }
    }
}
