/* What follows a command: places (words in a fixed order), --name VALUE, --name=VALUE, flags, --help. Private to src/cli. */
#ifndef S4D_CLI_ARGS_H
#define S4D_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "s4d/base/err.h"

enum { ARGS_LIST_MAX = 64 };

/* Values of an option that may be given several times. */
typedef struct arg_list {
    const char *item[ARGS_LIST_MAX];
    int count;
} arg_list;

typedef enum arg_kind {
    ARG_FLAG,   /* bool * */
    ARG_TEXT,   /* const char ** */
    ARG_NUMBER, /* int64_t *, a whole number in low..high */
    ARG_LIST,   /* arg_list * */
    ARG_MAYBE   /* const char **: "" where it stands alone; a word behind it that is no option is its value */
} arg_kind;

typedef struct arg_option {
    const char *name; /* without the dashes */
    arg_kind kind;
    void *to;
    const char *value; /* how the value is called in the help; NULL for flags */
    const char *help;
    int64_t low, high;
} arg_option;

/* A word that is told by where it stands; options may stand before, between and behind. */
typedef struct arg_place {
    const char *name; /* in capitals, as the help calls it */
    const char **to;  /* left as it is where an optional word is not given */
    const char *help;
    bool optional; /* only behind all that are not */
} arg_place;

typedef struct arg_command {
    const char *name, *summary;
    const char *details; /* more lines of help, or NULL */
    const arg_option *option;
    int options;
    const arg_place *place;
    int places;
    const char *rest_name, *rest_help; /* words behind the places, one or more of them; NULL: none are taken */
    arg_list *rest;
} arg_command;

/* *done: --help was asked for and is printed. Unknown options, bad values, words too many or missing are S4D_USAGE. */
s4d_status args_parse(const arg_command *c, int argc, char **argv, bool *done, s4d_err *err);
void args_help(const arg_command *c);

#endif
