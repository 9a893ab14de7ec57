/* Reading a command's words and options, and its help. */
#include "cli/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s4d/base/str.h"

void args_help(const arg_command *c)
{
    printf("s4d %s: %s\n", c->name, c->summary);
    printf("\nusage: s4d %s", c->name);
    for (int i = 0; i < c->places; ++i) printf(c->place[i].optional ? " [%s]" : " %s", c->place[i].name);
    if (c->rest_name) printf(" %s...", c->rest_name);
    printf("%s\n", c->options ? " [options]" : "");
    for (int i = 0; i < c->places; ++i) printf("  %-28s %s\n", c->place[i].name, c->place[i].help);
    if (c->rest_name) printf("  %-28s %s\n", c->rest_name, c->rest_help);
    for (int i = 0; i < c->options; ++i) {
        const arg_option *o = &c->option[i];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-28s %s\n", left, o->help);
    }
    printf("  %-28s %s\n", "--help", "this text");
    if (c->details) printf("\n%s", c->details);
}

static s4d_status unknown(const arg_command *c, const char *word, s4d_err *err)
{
    const char *names[ARGS_LIST_MAX];
    int n = c->options < ARGS_LIST_MAX ? c->options : ARGS_LIST_MAX;
    for (int i = 0; i < n; ++i) names[i] = c->option[i].name;
    const char *near = strncmp(word, "--", 2) == 0 ? s4d_str_nearest(word + 2, names, (size_t)n) : NULL;
    if (near)
        return s4d_err_set(err, S4D_USAGE, "%s: unknown option of \"s4d %s\"; did you mean --%s?", word, c->name, near);
    return s4d_err_set(err, S4D_USAGE, "%s: unknown option; \"s4d %s --help\" lists them", word, c->name);
}

static s4d_status store_number(const arg_option *o, const char *value, s4d_err *err)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno || end == value || *end || number < o->low || number > o->high)
        return s4d_err_set(err, S4D_USAGE, "--%s: expected a whole number from %lld to %lld, got \"%.60s\"", o->name,
                           (long long)o->low, (long long)o->high, value);
    *(int64_t *)o->to = number;
    return S4D_OK;
}

static s4d_status store(const arg_option *o, const char *value, s4d_err *err)
{
    arg_list *list = o->to;
    switch (o->kind) {
    case ARG_FLAG: *(bool *)o->to = true; return S4D_OK;
    case ARG_MAYBE:
    case ARG_TEXT: *(const char **)o->to = value; return S4D_OK;
    case ARG_NUMBER: return store_number(o, value, err);
    case ARG_LIST:
        if (list->count == ARGS_LIST_MAX)
            return s4d_err_set(err, S4D_USAGE, "--%s: given more than %d times; put settings into the config", o->name,
                               ARGS_LIST_MAX);
        list->item[list->count++] = value;
        return S4D_OK;
    }
    return S4D_OK;
}

static const arg_option *find(const arg_command *c, const char *name, size_t size)
{
    for (int i = 0; i < c->options; ++i)
        if (strlen(c->option[i].name) == size && strncmp(c->option[i].name, name, size) == 0) return &c->option[i];
    return NULL;
}

/* The word at place number n. */
static s4d_status put_word(const arg_command *c, int n, const char *word, s4d_err *err)
{
    if (n >= c->places && c->rest_name) {
        if (c->rest->count == ARGS_LIST_MAX)
            return s4d_err_set(err, S4D_USAGE, "%s: more than %d words; give fewer at a time", word, ARGS_LIST_MAX);
        c->rest->item[c->rest->count++] = word;
        return S4D_OK;
    }
    if (n == c->places)
        return s4d_err_set(err, S4D_USAGE, "%s: one word too many; \"s4d %s --help\" tells what is expected", word, c->name);
    *c->place[n].to = word;
    return S4D_OK;
}

/* What was not given of all that must be. */
static s4d_status check_words(const arg_command *c, int words, s4d_err *err)
{
    bool short_place = words < c->places && !c->place[words].optional;
    if (!short_place && (!c->rest_name || c->rest->count)) return S4D_OK;
    return s4d_err_set(err, S4D_USAGE, "s4d %s: %s is missing, %s; \"s4d %s --help\" tells more", c->name,
                       short_place ? c->place[words].name : c->rest_name,
                       short_place ? c->place[words].help : c->rest_help, c->name);
}

s4d_status args_parse(const arg_command *c, int argc, char **argv, bool *done, s4d_err *err)
{
    int words = 0;
    s4d_status status = S4D_OK;
    *done = false;
    for (int i = 0; i < argc; ++i) {
        const char *word = argv[i], *equals = strchr(word, '=');
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            args_help(c);
            *done = true;
            return S4D_OK;
        }
        if ((c->places || c->rest_name) && (word[0] != '-' || !word[1])) {
            status = put_word(c, words++, word, err);
            if (status != S4D_OK) return status;
            continue;
        }
        size_t size = equals ? (size_t)(equals - word) : strlen(word);
        const arg_option *o = size > 2 && strncmp(word, "--", 2) == 0 ? find(c, word + 2, size - 2) : NULL;
        if (!o) return unknown(c, word, err);
        const char *value = equals ? equals + 1 : NULL;
        if (o->kind == ARG_FLAG && value)
            return s4d_err_set(err, S4D_USAGE, "--%s: takes no value; give it alone", o->name);
        if (o->kind == ARG_MAYBE && !value) {
            bool follows = i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0;
            value = follows ? argv[++i] : "";
        }
        if (o->kind != ARG_FLAG && !value && i + 1 == argc)
            return s4d_err_set(err, S4D_USAGE, "--%s: needs a value, %s", o->name, o->value);
        if (o->kind != ARG_FLAG && !value) value = argv[++i];
        status = store(o, value, err);
        if (status != S4D_OK) return status;
    }
    return check_words(c, words, err);
}
