/* Limits of control groups, from files written here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/machine.h"
#include "s4d/base/file.h"
#include "s4d/base/thread.h"

static char root[64];

static void put(const char *name, const char *text)
{
    char path[S4D_PATH_MAX], folder[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(path, root, name, NULL), S4D_OK);
    s4d_path_dir(folder, path);
    assert_int_equal(s4d_dir_make(folder, NULL), S4D_OK);
    assert_int_equal(s4d_file_write(path, text, strlen(text), NULL), S4D_OK);
}

static void expect(double processors, double memory)
{
    char self[S4D_PATH_MAX], groups[S4D_PATH_MAX];
    assert_int_equal(s4d_path_join(self, root, "self", NULL), S4D_OK);
    assert_int_equal(s4d_path_join(groups, root, "cgroup", NULL), S4D_OK);
    assert_true(s4d_machine_processors(groups, self) == processors);
    assert_true(s4d_machine_memory(groups, self) == memory);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/s4d-machine-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return s4d_dir_remove(root, NULL) == S4D_OK ? 0 : -1;
}

static void without_groups_nothing_is_limited(void **state)
{
    (void)state;
    expect(0, 0);
    put("self", "");
    expect(0, 0);
    put("self", "nonsense\n:::\n0:\n");
    expect(0, 0);
}

/* The group's own limit and those above it, whichever is the least. */
static void one_hierarchy(void **state)
{
    (void)state;
    put("self", "0::/batch/job_7\n");
    put("cgroup/batch/job_7/cpu.max", "max 100000\n");
    put("cgroup/batch/job_7/memory.max", "max\n");
    expect(0, 0);
    put("cgroup/batch/cpu.max", "350000 100000\n");
    put("cgroup/batch/memory.max", "8000000000\n");
    expect(3.5, 8e9);
    put("cgroup/batch/job_7/cpu.max", "150000 100000\n");
    put("cgroup/batch/job_7/memory.max", "9000000000\n");
    expect(1.5, 8e9);
    put("cgroup/cpu.max", "50000 100000\n"); /* a container's own group looks like the top */
    expect(0.5, 8e9);
}

static void a_hierarchy_each(void **state)
{
    (void)state;
    put("self", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n3:cpuset:/\n0::/\n");
    put("cgroup/cpu.max", "max 100000\n");
    put("cgroup/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
    put("cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    put("cgroup/memory/docker/abc/memory.limit_in_bytes", "4000000000\n");
    put("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    expect(0, 4e9);
    put("cgroup/cpu/docker/abc/cpu.cfs_quota_us", "250000\n");
    expect(2.5, 4e9);
    put("self", "5:cpu,cpuacct:/not/to/be/seen\n"); /* from within a container that has its own at the top */
    put("cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put("cgroup/cpu/cpu.cfs_period_us", "100000\n");
    expect(2, 9223372036854771712.0);
}

/* What is left of an address space is all the memory there can be. */
static void an_address_space_is_memory(void **state)
{
    (void)state;
    double all = s4d_memory_bytes();
    assert_true(all > 1e6);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {.rlim_cur = (rlim_t)1 << 46, .rlim_max = RLIM_INFINITY};
        setrlimit(RLIMIT_AS, &limit);
        bool same = s4d_memory_bytes() == all; /* a large one takes nothing away */
        limit.rlim_cur = (rlim_t)300 << 20;
        setrlimit(RLIMIT_AS, &limit);
        double left = s4d_memory_bytes();
        _exit(same && left >= 0 && left < 300.0 * (1 << 20) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_groups_nothing_is_limited, make_root, remove_root),
        cmocka_unit_test_setup_teardown(one_hierarchy, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_hierarchy_each, make_root, remove_root),
        cmocka_unit_test(an_address_space_is_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
