/* Files that hold the label of one sample: AffectNet's N_exp.npy, a NumPy array of one element, and CK+'s NAME_emotion.txt,
 * a number as MATLAB writes it. The label comes as the text of a whole number. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/index_job.h"

enum { NUMBER_MAX = 1000000, HEADER_MAX = 1024, TEXT_MAX = 64 };

/* A whole number in a text, with blanks around it: "3", " 3.0000000e+00\n". */
static const char *take_number(const char *text, char out[INDEX_LABEL_MAX])
{
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    bool none = end == text;
    while (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n') {
        end++;
    }
    if (none || *end || errno != 0 || !(fabs(number) <= NUMBER_MAX) || number != floor(number)) {
        return "holds no whole number";
    }
    snprintf(out, INDEX_LABEL_MAX, "%.0f", number + 0.0); /* no "-0" */
    return NULL;
}

const char *index_label_text(const s4d_bytes *file, char out[INDEX_LABEL_MAX])
{
    char text[TEXT_MAX];
    if (file->size >= sizeof text || memchr(file->data, '\0', file->size)) {
        return "is no text of one number";
    }
    memcpy(text, file->data, file->size);
    text[file->size] = '\0';
    return take_number(text, out);
}

/* ---- NumPy ---- */

typedef struct npy {
    char order, kind; /* '<', '>' or '|'; 'U', 'S', 'i', 'u' or 'f' */
    size_t width;     /* bytes of the element; of 'U' characters */
    const unsigned char *data;
    size_t size;
} npy;

/* What follows a key of the header's dictionary, past blanks; NULL: there is no such key. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at) {
        return NULL;
    }
    at += strlen(key);
    return at + strspn(at, " ");
}

/* Shapes of one element: (), (1,), (1, 1). */
static bool is_one(const char *shape)
{
    if (*shape++ != '(') {
        return false;
    }
    while (*shape == ' ' || *shape == ',' || (*shape == '1' && strchr(",)", shape[1]) && shape[1])) {
        shape++;
    }
    return *shape == ')';
}

static bool read_header(const char *header, npy *a)
{
    const char *descr = value_of(header, "'descr':"), *shape = value_of(header, "'shape':");
    char *end;
    if (!descr || !shape || descr[0] != '\'' || !descr[1] || !strchr("<>|", descr[1]) || !descr[2] || !strchr("USiuf", descr[2])) {
        return false;
    }
    a->order = descr[1];
    a->kind = descr[2];
    a->width = descr[3] >= '0' && descr[3] <= '9' ? strtoul(descr + 3, &end, 10) : 0;
    return a->width > 0 && a->width < TEXT_MAX && *end == '\'' && is_one(shape);
}

/* The magic, the version, the header's size and the header; what follows is the element. */
static bool open_npy(const s4d_bytes *file, npy *a)
{
    const unsigned char *p = file->data;
    char header[HEADER_MAX];
    if (file->size < 12 || memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3) {
        return false;
    }
    size_t front = p[6] == 1 ? 10 : 12, size = p[8] + 256u * p[9];
    if ((p[6] > 1 && (p[10] || p[11])) || size >= sizeof header || size > file->size - front) {
        return false;
    }
    memcpy(header, p + front, size);
    header[size] = '\0';
    a->data = p + front + size;
    a->size = file->size - front - size;
    return read_header(header, a);
}

/* The element's bytes as a number, the first byte the lowest. */
static uint64_t bits_of(const npy *a, const unsigned char *at, size_t width)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < width; i++) {
        bits |= (uint64_t)at[a->order == '>' ? width - 1 - i : i] << 8 * i;
    }
    return bits;
}

static const char *text_element(const npy *a, char out[INDEX_LABEL_MAX])
{
    size_t one = a->kind == 'U' ? 4 : 1;
    char text[TEXT_MAX];
    if (a->size != a->width * one) {
        return "is cut off, or no array of one element";
    }
    for (size_t i = 0; i < a->width; i++) {
        uint64_t c = bits_of(a, a->data + i * one, one);
        text[i] = (char)(c < 128 ? c : '?');
    }
    text[a->width] = '\0';
    return take_number(text, out);
}

static const char *number_element(const npy *a, char out[INDEX_LABEL_MAX])
{
    if (a->size != a->width || a->width > 8 || (a->width & (a->width - 1)) || (a->kind == 'f' && a->width < 4)) {
        return "is cut off, or no array of one element";
    }
    uint64_t bits = bits_of(a, a->data, a->width), sign = UINT64_C(1) << (8 * a->width - 1);
    double number = (double)bits;
    if (a->kind == 'f' && a->width == 4) {
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof single);
        number = (double)single;
    } else if (a->kind == 'f') {
        memcpy(&number, &bits, sizeof number);
    } else if (a->kind == 'i' && (bits & sign)) {
        number = -(double)((~bits & (sign | (sign - 1))) + 1);
    }
    if (!(fabs(number) <= NUMBER_MAX) || number != floor(number)) {
        return "holds no whole number";
    }
    snprintf(out, INDEX_LABEL_MAX, "%.0f", number + 0.0);
    return NULL;
}

const char *index_label_npy(const s4d_bytes *file, char out[INDEX_LABEL_MAX])
{
    npy a;
    if (!open_npy(file, &a)) {
        return "is no NumPy array of one element (.npy)";
    }
    return a.kind == 'U' || a.kind == 'S' ? text_element(&a, out) : number_element(&a, out);
}
