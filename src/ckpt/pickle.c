/* The pickle stream, opcode by opcode: a stack, marks and a memo. Protocols 2 to 5 in their binary
 * opcodes; the text opcodes of protocols 0 and 1, which PyTorch never writes, are refused. A
 * few bytes can copy a long list that is remembered, so things and the places they take are counted
 * and limited, whatever the length of the stream. */
#include "ckpt/pickle.h"

#include <string.h>

#include "s4d/base/mem.h"

enum { MARKS_MAX = sizeof((s4d_pickle *)0)->mark / sizeof(size_t), PROTOCOL_MAX = 5 };

static s4d_status push(s4d_pickle *p, s4d_pickle_node *node, s4d_err *err)
{
    if (!node) {
        return S4D_FAILED; /* said already */
    }
    if (p->depth == p->stack_room) {
        size_t room = p->stack_room ? 2 * p->stack_room : 64;
        if (!s4d_mem_grow(&p->stack, p->stack_room, room, sizeof *p->stack)) {
            return s4d_err_memory(err, room * sizeof *p->stack, p->path);
        }
        p->stack_room = room;
    }
    p->stack[p->depth++] = node;
    return S4D_OK;
}

/* What lies above the newest mark may be taken. NULL: nothing does. */
static s4d_pickle_node *pop(s4d_pickle *p)
{
    size_t floor = p->marks ? p->mark[p->marks - 1] : 0;
    return p->depth > floor ? p->stack[--p->depth] : NULL;
}

static s4d_pickle_node *top(const s4d_pickle *p)
{
    size_t floor = p->marks ? p->mark[p->marks - 1] : 0;
    return p->depth > floor ? p->stack[p->depth - 1] : NULL;
}

static s4d_status too_few(const s4d_pickle *p, s4d_err *err)
{
    return s4d_pickle_broken(p, err, "takes more than there is");
}

/* ---- bytes of the stream ---- */

/* An unsigned number of `size` bytes, little-endian. */
static s4d_status take_size(s4d_pickle *p, int size, uint64_t *out, s4d_err *err)
{
    *out = 0;
    if (p->end - p->at < size) {
        return s4d_pickle_broken(p, err, "ends within a number");
    }
    for (int i = 0; i < size; i++) {
        *out |= (uint64_t)p->at[i] << 8 * i;
    }
    p->at += size;
    return S4D_OK;
}

static s4d_status take_bytes(s4d_pickle *p, uint64_t size, s4d_slice *out, s4d_err *err)
{
    if (size > (uint64_t)(p->end - p->at)) {
        return s4d_pickle_broken(p, err, "gives a string %llu bytes and ends before",
                                 (unsigned long long)size);
    }
    *out = (s4d_slice){(const char *)p->at, (size_t)size};
    p->at += size;
    return S4D_OK;
}

static s4d_status take_line(s4d_pickle *p, s4d_slice *out, s4d_err *err)
{
    const unsigned char *end = memchr(p->at, '\n', (size_t)(p->end - p->at));
    if (!end) {
        return s4d_pickle_broken(p, err, "ends within a name");
    }
    *out = (s4d_slice){(const char *)p->at, (size_t)(end - p->at)};
    p->at = end + 1;
    return S4D_OK;
}

/* ---- values ---- */

static s4d_status push_integer(s4d_pickle *p, s4d_pickle_kind kind, int64_t value, s4d_err *err)
{
    s4d_pickle_node *node = s4d_pickle_node_new(p, kind, err);
    if (node) {
        node->integer = value;
    }
    return push(p, node, err);
}

static s4d_status push_fixed(s4d_pickle *p, int size, s4d_err *err)
{
    uint64_t value;
    s4d_status status = take_size(p, size, &value, err);
    if (status) {
        return status;
    }
    return push_integer(p, S4D_PICKLE_INT, size == 4 ? (int32_t)(uint32_t)value : (int64_t)value,
                        err);
}

/* Two's complement of any length; over 8 bytes it is a placeholder. */
static s4d_status push_long(s4d_pickle *p, int size_bytes, s4d_err *err)
{
    uint64_t size, value = 0;
    s4d_slice bytes = {0};
    s4d_status status = take_size(p, size_bytes, &size, err);
    if (status == S4D_OK) {
        status = take_bytes(p, size, &bytes, err);
    }
    if (status) {
        return status;
    }
    if (size > 8) {
        s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_OPAQUE, err);
        if (node) {
            node->text = (s4d_slice){"builtins", 8};
            node->name = (s4d_slice){"int", 3};
        }
        return push(p, node, err);
    }
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)bytes.at[i] << 8 * i;
    }
    if (size > 0 && size < 8 && bytes.at[size - 1] & 0x80) {
        value |= ~UINT64_C(0) << 8 * size;
    }
    return push_integer(p, S4D_PICKLE_INT, (int64_t)value, err);
}

static s4d_status push_float(s4d_pickle *p, s4d_err *err)
{
    s4d_slice bytes = {0};
    s4d_status status = take_bytes(p, 8, &bytes, err);
    if (status) {
        return status;
    }
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | (unsigned char)bytes.at[i];
    }
    s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_FLOAT, err);
    if (node) {
        memcpy(&node->number, &bits, sizeof bits);
    }
    return push(p, node, err);
}

static s4d_status push_text(s4d_pickle *p, int size_bytes, s4d_err *err)
{
    uint64_t size;
    s4d_slice text = {0};
    s4d_status status = take_size(p, size_bytes, &size, err);
    if (status == S4D_OK) {
        status = take_bytes(p, size, &text, err);
    }
    if (status) {
        return status;
    }
    s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_TEXT, err);
    if (node) {
        node->text = text;
    }
    return push(p, node, err);
}

static s4d_status push_global(s4d_pickle *p, s4d_slice module, s4d_slice name, s4d_err *err)
{
    s4d_pickle_node *node = s4d_pickle_node_new(p, S4D_PICKLE_GLOBAL, err);
    if (node) {
        node->text = module;
        node->name = name;
    }
    return push(p, node, err);
}

static s4d_status read_global(s4d_pickle *p, s4d_err *err)
{
    s4d_slice module = {0}, name = {0};
    s4d_status status = take_line(p, &module, err);
    if (status == S4D_OK) {
        status = take_line(p, &name, err);
    }
    return status == S4D_OK ? push_global(p, module, name, err) : status;
}

static s4d_status stack_global(s4d_pickle *p, s4d_err *err)
{
    s4d_pickle_node *name = pop(p), *module = pop(p);
    if (!name || !module || name->kind != S4D_PICKLE_TEXT || module->kind != S4D_PICKLE_TEXT) {
        return s4d_pickle_broken(p, err, "names a class by things that are no strings");
    }
    return push_global(p, module->text, name->text, err);
}

/* ---- containers ---- */

static s4d_status put_mark(s4d_pickle *p, s4d_err *err)
{
    if (p->marks == MARKS_MAX) {
        return s4d_pickle_broken(p, err, "nests more than %d deep", MARKS_MAX);
    }
    p->mark[p->marks++] = p->depth;
    return S4D_OK;
}

/* Where what lies above the newest mark begins; the mark is taken away. */
static s4d_status take_mark(s4d_pickle *p, size_t *from, s4d_err *err)
{
    if (!p->marks) {
        return s4d_pickle_broken(p, err, "misses a mark");
    }
    *from = p->mark[--p->marks];
    return S4D_OK;
}

static bool may_hold(const s4d_pickle_node *node, bool pairs)
{
    return node && (node->kind == (pairs ? S4D_PICKLE_DICT : S4D_PICKLE_LIST) ||
                    node->kind == S4D_PICKLE_OPAQUE);
}

/* Things from `from` on into the container below them. What a placeholder is given is forgotten. */
static s4d_status fill(s4d_pickle *p, size_t from, bool pairs, s4d_err *err)
{
    size_t floor = p->marks ? p->mark[p->marks - 1] : 0;
    s4d_pickle_node *to = from > floor ? p->stack[from - 1] : NULL;
    if (!may_hold(to, pairs) || (pairs && (p->depth - from) % 2 != 0)) {
        return s4d_pickle_broken(p, err, "fills something that is no %s", pairs ? "dict" : "list");
    }
    s4d_status status = S4D_OK;
    for (size_t i = from; i < p->depth && to->kind != S4D_PICKLE_OPAQUE && status == S4D_OK; i++) {
        status = s4d_pickle_append(p, to, p->stack[i], err);
    }
    p->depth = from;
    return status;
}

static s4d_status fill_marked(s4d_pickle *p, bool pairs, s4d_err *err)
{
    size_t from = 0;
    s4d_status status = take_mark(p, &from, err);
    return status == S4D_OK ? fill(p, from, pairs, err) : status;
}

static s4d_status fill_last(s4d_pickle *p, size_t n, bool pairs, s4d_err *err)
{
    return p->depth > n ? fill(p, p->depth - n, pairs, err) : too_few(p, err);
}

/* A tuple of what lies from `from` on. */
static s4d_status make_tuple(s4d_pickle *p, size_t from, s4d_pickle_kind kind, s4d_err *err)
{
    s4d_pickle_node *node = s4d_pickle_node_new(p, kind, err);
    s4d_status status = node ? S4D_OK : S4D_FAILED;
    for (size_t i = from; i < p->depth && status == S4D_OK; i++) {
        status = s4d_pickle_append(p, node, p->stack[i], err);
    }
    p->depth = from;
    return status == S4D_OK ? push(p, node, err) : status;
}

static s4d_status tuple_last(s4d_pickle *p, size_t n, s4d_err *err)
{
    size_t floor = p->marks ? p->mark[p->marks - 1] : 0;
    return p->depth - floor >= n ? make_tuple(p, p->depth - n, S4D_PICKLE_TUPLE, err)
                                 : too_few(p, err);
}

static s4d_status tuple_marked(s4d_pickle *p, s4d_pickle_kind kind, s4d_err *err)
{
    size_t from = 0;
    s4d_status status = take_mark(p, &from, err);
    return status == S4D_OK ? make_tuple(p, from, kind, err) : status;
}

/* ---- memo ---- */

/* Writers number from 0 (or 1) upwards, so an index far beyond is no honest one. */
static s4d_status put_memo(s4d_pickle *p, uint64_t index, s4d_err *err)
{
    s4d_pickle_node *node = top(p);
    if (!node) {
        return too_few(p, err);
    }
    if (index > p->memo_count + 1) {
        return s4d_pickle_broken(p, err, "numbers what it remembers with gaps");
    }
    if (index >= p->memo_room) {
        size_t room = 2 * (size_t)index + 64;
        if (!s4d_mem_grow(&p->memo, p->memo_room, room, sizeof *p->memo)) {
            return s4d_err_memory(err, room * sizeof *p->memo, p->path);
        }
        p->memo_room = room;
    }
    if (index >= p->memo_count) {
        p->memo_count = (size_t)index + 1;
    }
    p->memo[index] = node;
    return S4D_OK;
}

static s4d_status memo_of_size(s4d_pickle *p, int size, bool put, s4d_err *err)
{
    uint64_t index;
    s4d_status status = take_size(p, size, &index, err);
    if (status) {
        return status;
    }
    if (put) {
        return put_memo(p, index, err);
    }
    if (index >= p->memo_count || !p->memo[index]) {
        return s4d_pickle_broken(p, err, "refers to something it does not remember");
    }
    return push(p, p->memo[index], err);
}

/* ---- calls ---- */

static s4d_status call(s4d_pickle *p, bool keywords, s4d_err *err)
{
    s4d_pickle_node *named = keywords ? pop(p) : NULL, *args = pop(p), *callable = pop(p),
                    *made = NULL;
    if (!args || !callable || (keywords && !named)) {
        return too_few(p, err);
    }
    s4d_status status = s4d_pickle_call(p, callable, args, &made, err);
    return status == S4D_OK ? push(p, made, err) : status;
}

static s4d_status persistent(s4d_pickle *p, s4d_err *err)
{
    s4d_pickle_node *id = pop(p), *made = NULL;
    if (!id) {
        return too_few(p, err);
    }
    s4d_status status = s4d_pickle_storage(p, id, &made, err);
    return status == S4D_OK ? push(p, made, err) : status;
}

/* The state of an object: nobody reads it. */
static s4d_status build(s4d_pickle *p, s4d_err *err)
{
    return pop(p) && top(p) ? S4D_OK : too_few(p, err);
}

static s4d_status skip(s4d_pickle *p, uint64_t size, s4d_err *err)
{
    s4d_slice ignored = {0};
    return take_bytes(p, size, &ignored, err);
}

static s4d_status protocol(s4d_pickle *p, s4d_err *err)
{
    uint64_t version;
    s4d_status status = take_size(p, 1, &version, err);
    if (status == S4D_OK && version > PROTOCOL_MAX) {
        status = s4d_pickle_broken(p, err, "has the protocol %d, and at most %d is read",
                                   (int)version, PROTOCOL_MAX);
    }
    return status;
}

static s4d_status step(s4d_pickle *p, int op, s4d_err *err)
{
    switch (op) {
    case 0x80: return protocol(p, err);
    case 0x95: return skip(p, 8, err); /* FRAME */
    case 'N': return push_integer(p, S4D_PICKLE_NONE, 0, err);
    case 0x88: return push_integer(p, S4D_PICKLE_BOOL, 1, err);
    case 0x89: return push_integer(p, S4D_PICKLE_BOOL, 0, err);
    case 'K': return push_fixed(p, 1, err);
    case 'M': return push_fixed(p, 2, err);
    case 'J': return push_fixed(p, 4, err);
    case 0x8A: return push_long(p, 1, err);
    case 0x8B: return push_long(p, 4, err);
    case 'G': return push_float(p, err);
    case 'U':
    case 'C':
    case 0x8C: return push_text(p, 1, err);
    case 'T':
    case 'B':
    case 'X': return push_text(p, 4, err);
    case 0x8D:
    case 0x8E:
    case 0x96: return push_text(p, 8, err);
    case ')': return make_tuple(p, p->depth, S4D_PICKLE_TUPLE, err);
    case ']':
    case 0x8F: return make_tuple(p, p->depth, S4D_PICKLE_LIST, err);
    case '}': return make_tuple(p, p->depth, S4D_PICKLE_DICT, err);
    case '(': return put_mark(p, err);
    case 't': return tuple_marked(p, S4D_PICKLE_TUPLE, err);
    case 0x91: return tuple_marked(p, S4D_PICKLE_LIST, err); /* FROZENSET */
    case 0x85: return tuple_last(p, 1, err);
    case 0x86: return tuple_last(p, 2, err);
    case 0x87: return tuple_last(p, 3, err);
    case 'a': return fill_last(p, 1, false, err);
    case 's': return fill_last(p, 2, true, err);
    case 'e':
    case 0x90: return fill_marked(p, false, err);
    case 'u': return fill_marked(p, true, err);
    case 'q': return memo_of_size(p, 1, true, err);
    case 'r': return memo_of_size(p, 4, true, err);
    case 0x94: return put_memo(p, p->memo_count, err);
    case 'h': return memo_of_size(p, 1, false, err);
    case 'j': return memo_of_size(p, 4, false, err);
    case '0': return pop(p) ? S4D_OK : too_few(p, err);
    case '2': return top(p) ? push(p, top(p), err) : too_few(p, err);
    case 'c': return read_global(p, err);
    case 0x93: return stack_global(p, err);
    case 'R':
    case 0x81: return call(p, false, err);
    case 0x92: return call(p, true, err);
    case 'b': return build(p, err);
    case 'Q': return persistent(p, err);
    default: return s4d_pickle_broken(p, err, "has the opcode 0x%02X, which is not read", op);
    }
}

s4d_status s4d_pickle_read(s4d_pickle *p, const unsigned char **at, const unsigned char *end,
                           s4d_pickle_node **root, s4d_err *err)
{
    s4d_status status = S4D_OK;
    p->begin = p->at = *at;
    p->end = end;
    p->depth = p->memo_count = 0;
    p->marks = 0;
    if (p->memo) {
        memset(p->memo, 0, p->memo_room * sizeof *p->memo);
    }
    while (status == S4D_OK) {
        if (p->at == p->end) {
            return s4d_pickle_broken(p, err, "does not end");
        }
        int op = *p->at++;
        if (op == '.') {
            break;
        }
        status = step(p, op, err);
    }
    if (status == S4D_OK && (p->depth != 1 || p->marks)) {
        status =
            s4d_pickle_broken(p, err, "leaves %zu things and %d marks behind", p->depth, p->marks);
    }
    if (status == S4D_OK) {
        *root = p->stack[0];
        *at = p->at;
    }
    return status;
}
