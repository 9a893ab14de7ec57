/* How the process begins: what its surroundings may have done to it, set right. */
#include "cli/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "s4d/backend/backend.h"
#include "s4d/base/environment.h"
#include "s4d/base/thread.h"

enum { STACK_NEEDED = 256 << 10, STACK_USUAL = 8 << 20 };

/* A file that is opened where a standard stream is closed would take its place, and log lines would go into it. What stands in
 * for standard output cannot be written to, so that its loss is noticed. */
static void fill_standard_streams(void)
{
    for (int fd = 0; fd < 3; ++fd)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0) return;
}

static bool take_out(const char *const *variable, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; ++i)
        if (getenv(variable[i])) any |= unsetenv(variable[i]) == 0;
    return any;
}

/* OpenMP's threads spin while they wait, which on a processor shared with other work slows everything many times over; bound to
 * places they take the loader's threads with them; and a stack can be set that is too small for any product. Whether something
 * had to be changed: the runtime has read it all when it was loaded, before main. */
static bool make_openmp_usual(void)
{
    static const char *const binds[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
    static const char *const stacks[] = {"OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"};
    bool bound = take_out(binds, sizeof binds / sizeof *binds), again = take_out(stacks, sizeof stacks / sizeof *stacks);
    if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT")) again |= setenv("OMP_WAIT_POLICY", "passive", 1) == 0;
    if (bound) s4d_backend_unbind();
    return bound || again;
}

/* A stack takes its size when the program starts, those of threads too. */
static s4d_status enlarge_stack(bool *again, s4d_err *err)
{
    struct rlimit limit;
    *again = false;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK_NEEDED) return S4D_OK;
    rlim_t small = limit.rlim_cur;
    limit.rlim_cur = STACK_USUAL;
    if (limit.rlim_max < STACK_USUAL) limit.rlim_max = STACK_USUAL; /* for who may */
    *again = setrlimit(RLIMIT_STACK, &limit) == 0;
    if (*again) return S4D_OK;
    return s4d_err_set(err, S4D_FAILED, "not enough memory for the stack: its limit is %llu KiB, and %d are needed; raise it "
                                        "(ulimit -s)", (unsigned long long)small / 1024, STACK_NEEDED / 1024);
}

s4d_status start_process(char **argv, s4d_err *err)
{
    bool larger;
    fill_standard_streams();
    s4d_status status = enlarge_stack(&larger, err);
    if (status != S4D_OK) return status;
    if (make_openmp_usual() || larger) execv("/proc/self/exe", argv); /* where it fails, it goes on as it is */
    prctl(PR_SET_NAME, program_invocation_short_name); /* started anew it is called "exe" */
    s4d_environment_settle();
    s4d_interrupt_install();
    return S4D_OK;
}
