/* Fibers: stacks that take turns on one thread. They are pooled and never end: a fiber that has nothing to do is given back,
 * and goes on in its loop when it is got again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulator_private.h"
#include "sanitizer.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#define EMU_UCONTEXT 1
#endif

#ifdef EMU_ADDRESS_SANITIZER
enum { STACK = 512 << 10 };
#else
enum { STACK = 128 << 10 };
#endif

struct emu_fiber {
    emu_fiber *next; /* in the pool */
    void *top;       /* where its stack pointer is while it does not run */
    unsigned char *stack;
#ifdef EMU_UCONTEXT
    ucontext_t context;
#endif
#ifdef EMU_ADDRESS_SANITIZER
    void *fake;
    const void *bottom;
    size_t size;
#endif
};

static emu_fiber *pool, outside, *current = &outside;

/* ---- the switch ---- */

/* Puts the registers that a function must keep on the stack, leaves the stack pointer in *from, and goes on from `to`. */
void emu_swap(void **from, void *to);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl emu_swap\n"
        ".hidden emu_swap\n"
        ".type emu_swap,@function\n"
        "emu_swap:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size emu_swap,.-emu_swap\n");
enum { FRAME = 8, RETURN = 6 }; /* words: six registers, the address to go to, and one for alignment */
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl emu_swap\n"
        ".hidden emu_swap\n"
        ".type emu_swap,%function\n"
        "emu_swap:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size emu_swap,.-emu_swap\n");
enum { FRAME = 20, RETURN = 11 };
#endif

/* After each arrival on a stack; `from` is the fiber that was left. */
static void arrived(emu_fiber *from)
{
#ifdef EMU_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(current->fake, &from->bottom, &from->size);
#else
    (void)from;
#endif
}

static emu_fiber *left; /* by the switch that is going on */

void emu_fiber_switch(emu_fiber *to)
{
    emu_fiber *from = current;
    if (!to) to = &outside;
    if (to == from) return;
    left = from;
    current = to;
#ifdef EMU_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
#ifdef EMU_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    emu_swap(&from->top, to->top);
#endif
    arrived(left);
}

/* ---- fibers ---- */

static void life(void)
{
    arrived(left);
    for (;;) emu_run_threads();
}

static emu_fiber *make(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    emu_fiber *f = emu_alloc(sizeof *f);
    f->stack = mmap(NULL, page + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->stack == MAP_FAILED) emu_die("no memory for the stacks of threads");
    if (mprotect(f->stack, page, PROT_NONE) != 0) emu_die("the stacks of threads cannot be fenced");
    f->stack += page;
#ifdef EMU_ADDRESS_SANITIZER
    f->bottom = f->stack;
    f->size = STACK;
#endif
#ifdef EMU_UCONTEXT
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    makecontext(&f->context, life, 0);
#else
    /* Stacks that begin at the same place of a page would fight for the same lines of the cache. */
    enum { COLOURS = 13, COLOUR = 256 };
    static int made;
    void **top = (void **)(void *)(f->stack + STACK - (made++ % COLOURS + 1) * COLOUR) - FRAME;
    memset(top, 0, FRAME * sizeof *top);
    void (*entry)(void) = life;
    memcpy(&top[RETURN], &entry, sizeof entry);
    f->top = top;
#endif
    return f;
}

emu_fiber *emu_fiber_get(void)
{
    emu_fiber *f = pool;
    if (!f) return make();
    pool = f->next;
    return f;
}

void emu_fiber_give_back(emu_fiber *fiber)
{
    fiber->next = pool;
    pool = fiber;
}

emu_fiber *emu_fiber_current(void)
{
    return current;
}
