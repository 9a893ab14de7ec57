/* Runs the tests whose names begin with the argument, or all. */
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { MOST = 16384 };

/* What the process wrote to stderr, and how it ended. */
static int run_apart(const test *t, char said[MOST])
{
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t got;
    if (pipe(ends) != 0) return -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        t->run();
        fflush(NULL);
        _exit(0); /* what a test leaves behind does not matter */
    }
    close(ends[1]);
    while (used < MOST - 1 && (got = read(ends[0], said + used, MOST - 1 - used)) > 0) used += (size_t)got;
    said[used] = 0;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child) return -1;
    return status;
}

static bool passes(const test *t)
{
    static char said[MOST];
    int status = run_apart(t, said);
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool good = t->last_words ? !well && strstr(said, t->last_words) : well;
    const char *wanted = t->last_words ? t->last_words : "a good end";
    if (!good) printf("FAILED %s (status %d, expected: %s)\n%s", t->name, status, wanted, said);
    else if (getenv("VERBOSE")) printf("ok %s\n%s", t->name, said);
    return good;
}

int main(int argc, char **argv)
{
    const test *const all[] = {block_tests, memory_tests, stream_tests, capture_tests, failure_tests, product_tests};
    int run = 0, failed = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i)
        for (const test *t = all[i]; t->name; ++t) {
            if (argc > 1 && strncmp(t->name, argv[1], strlen(argv[1])) != 0) continue;
            ++run;
            failed += !passes(t);
        }
    printf("%d tests of the emulator, %d failed\n", run, failed);
    return failed || !run;
}
