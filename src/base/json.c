/* JSON documents. This is the one file that uses cJSON; json_scan.c has checked the text before. */
#include "s4d/base/json.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "json_private.h"
#include "s4d/base/mem.h"

static void *allocate(size_t size)
{
    return s4d_mem_alloc(size, 1);
}

static void install_allocator(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){allocate, s4d_mem_free});
}

/* Where a node stands, for sentences; `up` is the container's place. */
typedef struct place {
    const struct place *up;
    const char *key; /* NULL: an element */
    size_t index;
} place;

static void add_place(s4d_str *text, const place *at)
{
    if (at->up) {
        add_place(text, at->up);
    }
    if (at->key) {
        s4d_str_printf(text, "%s%s", text->size ? "." : "", at->key);
    } else if (at->up) {
        s4d_str_printf(text, "[%zu]", at->index);
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* *out is the first doubled key of one object by byte order, or NULL. */
static s4d_status find_double(const cJSON *object, const char **out, s4d_err *err)
{
    *out = NULL;
    size_t n = s4d_json_count(object);
    if (n < 2) {
        return S4D_OK;
    }
    const char **key = s4d_mem_alloc(n, sizeof *key);
    if (!key) {
        return s4d_err_memory(err, n * sizeof *key, "the keys of a JSON object");
    }
    size_t i = 0;
    for (const cJSON *item = object->child; item; item = item->next) {
        key[i++] = item->string;
    }
    qsort(key, n, sizeof *key, compare_keys);
    for (i = 1; i < n && !*out; i++) {
        if (strcmp(key[i - 1], key[i]) == 0) {
            *out = key[i];
        }
    }
    s4d_mem_free(key);
    return S4D_OK;
}

static s4d_status refuse_double(const place *at, const char *origin, const char *key, s4d_err *err)
{
    s4d_str path = {0};
    add_place(&path, &(place){.up = at, .key = key});
    s4d_status status = s4d_err_set(err, S4D_USAGE, "%s: %s is given twice; remove one of the two",
                                    origin, path.failed ? key : path.text);
    s4d_str_release(&path);
    return status;
}

static s4d_status check_doubles(const cJSON *node, const place *at, const char *origin,
                                s4d_err *err)
{
    s4d_status status = S4D_OK;
    if (cJSON_IsObject(node)) {
        const char *key;
        status = find_double(node, &key, err);
        if (status == S4D_OK && key) {
            status = refuse_double(at, origin, key, err);
        }
    }
    size_t i = 0;
    for (const cJSON *item = node->child; item && status == S4D_OK; item = item->next) {
        if (item->child) {
            place here = {.up = at, .key = item->string, .index = i};
            status = check_doubles(item, &here, origin, err);
        }
        i++;
    }
    return status;
}

s4d_status s4d_json_parse(const char *text, size_t size, const char *origin, s4d_json **out,
                          s4d_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_allocator);
    *out = NULL;
    s4d_status status = s4d_json_scan(text, size, origin, err);
    if (status) {
        return status;
    }
    /* One parse at a time: cJSON notes the place of its last error in a variable of its own. The
     * scanner took the text, so all that is left to fail is memory. */
    static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&parsing);
    cJSON *root = cJSON_ParseWithLengthOpts(text, size, NULL, 0);
    pthread_mutex_unlock(&parsing);
    if (!root) {
        return s4d_err_memory(err, size, origin);
    }
    status = check_doubles(root, &(place){0}, origin, err);
    if (status) {
        cJSON_Delete(root);
        return status;
    }
    *out = root;
    return S4D_OK;
}

void s4d_json_destroy(s4d_json **doc)
{
    cJSON_Delete(*doc);
    *doc = NULL;
}

s4d_json_kind s4d_json_kind_of(const s4d_json *node)
{
    switch (node->type & 0xFF) {
    case cJSON_False:
    case cJSON_True:
        return S4D_JSON_BOOL;
    case cJSON_Number:
        return S4D_JSON_NUMBER;
    case cJSON_String:
        return S4D_JSON_STRING;
    case cJSON_Array:
        return S4D_JSON_ARRAY;
    case cJSON_Object:
        return S4D_JSON_OBJECT;
    default:
        return S4D_JSON_NULL;
    }
}

const char *s4d_json_kind_name(s4d_json_kind kind)
{
    static const char *const name[] = {"null",     "a boolean", "a number",
                                       "a string", "an array",  "an object"};
    S4D_BUG_IF(kind > S4D_JSON_OBJECT);
    return name[kind];
}

size_t s4d_json_count(const s4d_json *node)
{
    size_t n = 0;
    for (const cJSON *item = node->child; item; item = item->next) {
        n++;
    }
    return n;
}

const s4d_json *s4d_json_at(const s4d_json *node, size_t i)
{
    const cJSON *item = node->child;
    while (item && i > 0) {
        item = item->next;
        i--;
    }
    return item;
}

const s4d_json *s4d_json_next(const s4d_json *node)
{
    return node->next;
}

const char *s4d_json_key(const s4d_json *node)
{
    return node->string;
}

const s4d_json *s4d_json_find(const s4d_json *object, const char *key)
{
    if (!cJSON_IsObject(object)) {
        return NULL;
    }
    const cJSON *item = object->child;
    while (item && strcmp(item->string, key) != 0) {
        item = item->next;
    }
    return item;
}

bool s4d_json_bool(const s4d_json *node)
{
    S4D_BUG_IF(!cJSON_IsBool(node));
    return cJSON_IsTrue(node);
}

double s4d_json_number(const s4d_json *node)
{
    S4D_BUG_IF(!cJSON_IsNumber(node));
    return node->valuedouble;
}

bool s4d_json_integer(const s4d_json *node, int64_t *out)
{
    /* At 2^53 itself a double no longer tells neighbours apart. */
    double value = cJSON_IsNumber(node) ? node->valuedouble : 0.5;
    if (!(value > -0x1p53 && value < 0x1p53) || value != (double)(int64_t)value) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

const char *s4d_json_string(const s4d_json *node)
{
    S4D_BUG_IF(!cJSON_IsString(node));
    return node->valuestring;
}

static int depth_of(const cJSON *node)
{
    int deepest = 0;
    for (const cJSON *item = node->child; item; item = item->next) {
        int depth = depth_of(item);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (cJSON_IsObject(node) || cJSON_IsArray(node));
}

/* The value of an assignment: JSON, else a string. */
static s4d_status make_value(const char *dotted, const char *value, cJSON **out, s4d_err *err)
{
    size_t size = strlen(value);
    s4d_status status = s4d_json_parse(value, size, dotted, out, err);
    if (status != S4D_USAGE) {
        return status;
    }
    if (!s4d_str_utf8(value)) {
        return s4d_err_set(err, S4D_USAGE, "%s: the value is not UTF-8; write it as UTF-8", dotted);
    }
    s4d_err_set(err, S4D_OK, "%s", "");
    *out = cJSON_CreateString(value);
    return *out ? S4D_OK : s4d_err_memory(err, size + 1, dotted);
}

/* Cuts a copy of the path into its names. */
static s4d_status split(char *path, const char *dotted, char *name[JSON_DEPTH], s4d_err *err)
{
    int n = 0;
    for (char *at = path; at; n++) {
        char *dot = strchr(at, '.');
        if (*at == '\0' || dot == at || n == JSON_DEPTH - 1) {
            return s4d_err_set(err, S4D_USAGE,
                               "\"%s\": expected at most %d names with dots between them", dotted,
                               JSON_DEPTH - 1);
        }
        name[n] = at;
        if (dot) {
            *dot = '\0';
        }
        at = dot ? dot + 1 : NULL;
    }
    name[n] = NULL;
    return S4D_OK;
}

static bool give_key(cJSON *node, const char *key)
{
    node->string = s4d_mem_strdup(key);
    return node->string != NULL;
}

/* Puts objects around *value for the names after the first, then the first name on it. */
static bool wrap(cJSON **value, char *const *name)
{
    int last = 0;
    while (name[last + 1]) {
        last++;
    }
    for (int i = last; i > 0; i--) {
        cJSON *object = cJSON_CreateObject();
        if (!object || !give_key(*value, name[i])) {
            cJSON_Delete(object);
            return false;
        }
        cJSON_AddItemToArray(object, *value); /* links it in under the key that it has */
        *value = object;
    }
    return give_key(*value, name[0]);
}

s4d_status s4d_json_set(s4d_json *root, const char *dotted, const char *value, s4d_err *err)
{
    s4d_status status;
    cJSON *made = NULL;
    char *name[JSON_DEPTH];
    char *path = s4d_mem_strdup(dotted);
    if (!path) {
        return s4d_err_memory(err, strlen(dotted) + 1, dotted);
    }
    status = split(path, dotted, name, err);
    if (status == S4D_OK) {
        status = make_value(dotted, value, &made, err);
    }
    if (status) {
        goto done;
    }
    cJSON *parent = root, *old = NULL;
    int i = 0, depth = 0;
    while (name[depth]) {
        depth++;
    }
    if (depth + depth_of(made) > JSON_DEPTH) {
        status = s4d_err_set(err, S4D_USAGE,
                             "%s: the value is nested too deep; at most %d levels are read", dotted,
                             JSON_DEPTH);
        goto done;
    }
    while (cJSON_IsObject(parent) && (old = (cJSON *)s4d_json_find(parent, name[i])) &&
           name[i + 1]) {
        parent = old;
        i++;
    }
    if (!cJSON_IsObject(parent)) {
        status = s4d_err_set(err, S4D_USAGE, "%s: %s is %s, not an object; set it as a whole",
                             dotted, i > 0 ? name[i - 1] : "the document",
                             s4d_json_kind_name(s4d_json_kind_of(parent)));
        goto done;
    }
    if (!wrap(&made, name + i)) {
        status = s4d_err_memory(err, strlen(value) + 1, dotted);
        goto done;
    }
    if (old) {
        cJSON_ReplaceItemViaPointer(parent, old, made);
    } else {
        cJSON_AddItemToArray(parent, made);
    }
    made = NULL;
done:
    cJSON_Delete(made);
    s4d_mem_free(path);
    return status;
}
