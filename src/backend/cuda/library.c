/* Where shared libraries lie, and how they are opened. */
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/library.h"
#include "s4d/base/file.h"

/* A place that begins with an environment variable's value, or with nothing; `pattern` is followed by "/STEM". */
typedef struct place {
    const char *variable;
    const char *pattern;
} place;

static const place tree[] = {
    {"CUDA_HOME", "/lib64"},
    {"CUDA_PATH", "/lib64"},
    {NULL, "/usr/local/cuda/lib64"},
};
static const place packages[] = {
    {"VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "/lib"},
    {"CONDA_PREFIX", "/lib/python3*/site-packages/nvidia/*/lib"},
    {"HOME", "/.local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3/dist-packages/nvidia/*/lib"},
    {NULL, "/usr/lib/python3*/site-packages/nvidia/*/lib"},
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Once opened they stay: NVIDIA's libraries are not made to be taken out of a running program, and are large to load. */
enum { HOW = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };

/* What is sought, and why the first file that was there could not be opened. */
typedef struct search {
    const char *stem;
    char reason[512];
} search;

static void *open_file(search *s, const char *path)
{
    void *handle = dlopen(path, HOW);
    if (!handle && !s->reason[0]) {
        const char *words = dlerror();
        snprintf(s->reason, sizeof s->reason, "%s", words ? words : "no reason given");
    }
    return handle;
}

/* One of the files that match, the last by name: the newest Python's. */
static void *open_match(search *s, const char *pattern)
{
    glob_t found;
    void *handle = NULL;
    if (glob(pattern, 0, NULL, &found) != 0) return NULL;
    for (size_t i = found.gl_pathc; i-- > 0 && !handle;) handle = open_file(s, found.gl_pathv[i]);
    globfree(&found);
    return handle;
}

static void *open_places(search *s, const place *list, size_t n)
{
    void *handle = NULL;
    for (size_t i = 0; i < n && !handle; ++i) {
        char pattern[S4D_PATH_MAX];
        const char *head = list[i].variable ? getenv(list[i].variable) : "";
        if (!head || (list[i].variable && !head[0])) continue;
        int length = snprintf(pattern, sizeof pattern, "%s%s/%s", head, list[i].pattern, s->stem);
        if (length < (int)sizeof pattern) handle = open_match(s, pattern);
    }
    return handle;
}

static s4d_status open_named(search *s, const char *env, void **handle, s4d_err *err)
{
    char path[S4D_PATH_MAX];
    const char *value = getenv(env);
    const char *tail = s4d_path_is_dir(value) ? "/" : NULL;
    int length = snprintf(path, sizeof path, "%s%s%s", value, tail ? tail : "", tail ? s->stem : "");
    if (length >= (int)sizeof path) {
        return s4d_err_set(err, S4D_FAILED, "%s: the path is longer than %d bytes; move the library or unset %s", env,
                           S4D_PATH_MAX - 1, env);
    }
    *handle = open_file(s, path);
    if (*handle) return S4D_OK;
    return s4d_err_set(err, S4D_FAILED, "%s=%s: %s; name the file %s or its folder there, or unset %s", env, value, s->reason,
                       s->stem, env);
}

s4d_status s4d_cuda_library_open(const char *stem, const char *env, void **handle, s4d_err *err)
{
    search s = {.stem = stem};
    const char *value = getenv(env);
    *handle = NULL;
    if (value && value[0]) return open_named(&s, env, handle, err);
#ifdef S4D_CUDA_LIBRARY_DIR
    static const place built[] = {{NULL, S4D_CUDA_LIBRARY_DIR}};
    *handle = open_places(&s, built, COUNT(built));
#endif
    if (!*handle) {
        *handle = dlopen(stem, HOW);
        const char *words = *handle ? NULL : dlerror();
        /* The loader's words for "nowhere" say less than ours. */
        if (words && !strstr(words, "No such file")) snprintf(s.reason, sizeof s.reason, "%s", words);
    }
    if (!*handle) *handle = open_places(&s, tree, COUNT(tree));
    if (!*handle) *handle = open_places(&s, packages, COUNT(packages));
    if (*handle) return S4D_OK;
    if (s.reason[0]) {
        return s4d_err_set(err, S4D_FAILED, "%s cannot be opened: %s; install what it needs, or set %s to another one", stem,
                           s.reason, env);
    }
    return s4d_err_set(err, S4D_FAILED,
                       "%s was not found: neither by the loader (LD_LIBRARY_PATH) nor in $CUDA_HOME/lib64, $CUDA_PATH/lib64, "
                       "/usr/local/cuda/lib64 or Python's site-packages/nvidia/*/lib; install it, or set %s to the file or "
                       "its folder",
                       stem, env);
}

void s4d_cuda_library_close(void **handle)
{
    if (*handle) dlclose(*handle);
    *handle = NULL;
}

s4d_status s4d_cuda_library_take(void *handle, const char *stem, const s4d_cuda_symbol *symbol, int n, s4d_err *err)
{
    for (int i = 0; i < n; ++i) {
        void *address = dlsym(handle, symbol[i].name);
        if (!address) {
            return s4d_err_set(err, S4D_FAILED, "%s has no %s: it is too old or not the library of that name; install a newer one",
                               stem, symbol[i].name);
        }
        memcpy(symbol[i].place, &address, sizeof address);
    }
    return S4D_OK;
}
