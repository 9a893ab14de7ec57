/* Regular expressions with named groups, over PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "dataset/index_regex.h"
#include "s4d/base/mem.h"

/* A path of a thousand bytes takes a few thousand steps; a pattern that tries all ways of parting it is given up. */
enum { PATTERN_MAX = 2000, STEPS_MAX = 50000, DEPTH_MAX = 10000, HEAP_KIB_MAX = 20480 };

struct index_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    const char *text; /* of the last match */
};

void index_regex_destroy(index_regex **r)
{
    if (*r) {
        pcre2_match_context_free((*r)->limits);
        pcre2_match_data_free((*r)->match);
        pcre2_code_free((*r)->code);
        s4d_mem_free(*r);
        *r = NULL;
    }
}

static s4d_status compile(index_regex *r, const char *pattern, s4d_err *err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    if (strlen(pattern) > PATTERN_MAX) {
        return s4d_err_set(err, S4D_USAGE, "the pattern has more than %d bytes; write a shorter one", PATTERN_MAX);
    }
    r->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!r->code) {
        PCRE2_UCHAR reason[160];
        pcre2_get_error_message(code, reason, sizeof reason);
        return s4d_err_set(err, S4D_USAGE, "the pattern is no regular expression: %s, behind \"%.*s\"", (char *)reason,
                           (int)(at < 200 ? at : 200), pattern);
    }
    return S4D_OK;
}

s4d_status index_regex_create(const char *pattern, index_regex **out, s4d_err *err)
{
    *out = NULL;
    index_regex *r = s4d_mem_alloc(1, sizeof *r);
    s4d_status status = r ? compile(r, pattern, err) : s4d_err_memory(err, sizeof *r, "a pattern");
    if (status == S4D_OK) {
        r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
        r->limits = pcre2_match_context_create(NULL);
        status = r->match && r->limits ? S4D_OK : s4d_err_memory(err, sizeof *r, "a pattern");
    }
    if (status != S4D_OK) {
        index_regex_destroy(&r);
        return status;
    }
    pcre2_set_match_limit(r->limits, STEPS_MAX);
    pcre2_set_depth_limit(r->limits, DEPTH_MAX);
    pcre2_set_heap_limit(r->limits, HEAP_KIB_MAX);
    *out = r;
    return S4D_OK;
}

bool index_regex_has(const index_regex *r, const char *group)
{
    return pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)group) > 0;
}

const char *index_regex_other_group(const index_regex *r, const char *const *names)
{
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL; /* of entries: two bytes of the group's number, its name */
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = (const char *)table + (size_t)i * size + 2;
        const char *const *known = names;
        while (*known && strcmp(*known, name) != 0) {
            known++;
        }
        if (!*known) {
            return name;
        }
    }
    return NULL;
}

index_fit index_regex_match(index_regex *r, const char *text)
{
    r->text = text;
    int n = pcre2_match(r->code, (PCRE2_SPTR)text, strlen(text), 0, 0, r->match, r->limits);
    return n > 0 ? INDEX_FITS : n == PCRE2_ERROR_NOMATCH ? INDEX_FITS_NOT : INDEX_GIVEN_UP;
}

bool index_regex_group(const index_regex *r, const char *group, const char **at, size_t *size)
{
    int n = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)group);
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(r->match);
    if (n <= 0 || (uint32_t)n >= pcre2_get_ovector_count(r->match) || place[2 * n] == PCRE2_UNSET ||
        place[2 * n] > place[2 * n + 1]) {
        return false;
    }
    *at = r->text + place[2 * n];
    *size = place[2 * n + 1] - place[2 * n];
    return true;
}
