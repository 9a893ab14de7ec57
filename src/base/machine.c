/* How many processors and how much memory this process may use: the machine's, or less where a limit is set. */
#include "base/machine.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "s4d/base/file.h"
#include "s4d/base/thread.h"

enum { LINE = 4096 };

/* The first line of a file, without its end; "" where there is none. */
static const char *first_line(char line[LINE], const char *folder, const char *name)
{
    char path[2 * S4D_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (file) {
        if (!fgets(line, LINE, file)) {
            line[0] = '\0';
        }
        fclose(file);
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static double smaller(double a, double b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

/* Of the newer kind, one hierarchy for all controllers: "QUOTA PERIOD" in microseconds, or "max". */
static double quota_of(const char *folder)
{
    char line[LINE], *end;
    double quota = strtod(first_line(line, folder, "cpu.max"), &end), period = strtod(end, NULL);
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double memory_of(const char *folder)
{
    char line[LINE];
    return strtod(first_line(line, folder, "memory.max"), NULL);
}

/* Of the older kind, a hierarchy for each controller: -1 stands for no quota. */
static double old_quota_of(const char *folder)
{
    char line[LINE];
    double quota = strtod(first_line(line, folder, "cpu.cfs_quota_us"), NULL);
    double period = strtod(first_line(line, folder, "cpu.cfs_period_us"), NULL);
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double old_memory_of(const char *folder)
{
    char line[LINE];
    return strtod(first_line(line, folder, "memory.limit_in_bytes"), NULL);
}

/* The process's group from a line "NUMBER:CONTROLLERS:PATH"; controllers are "" for the newer kind. "" where there is none. */
static void find_group(char group[S4D_PATH_MAX], const char *self, const char *controller)
{
    char line[LINE], *rest, *item;
    FILE *file = fopen(self, "re");
    group[0] = '\0';
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        rest = line;
        strsep(&rest, ":");
        char *list = strsep(&rest, ":");
        while (rest && (item = strsep(&list, ","))) {
            if (strcmp(item, controller) == 0) {
                snprintf(group, S4D_PATH_MAX, "%s", rest);
            }
        }
    }
    if (file) {
        fclose(file);
    }
}

/* The limit of the group and of all above it. */
static double least(const char *top, const char *group, double (*limit_of)(const char *folder))
{
    char path[S4D_PATH_MAX];
    double limit = limit_of(top);
    int n = snprintf(path, sizeof path, "%s%s", top, group);
    while (n > 0 && (size_t)n < sizeof path && strlen(path) > strlen(top)) {
        limit = smaller(limit_of(path), limit);
        s4d_path_dir(path, path);
    }
    return limit;
}

static double limit_by(const char *groups, const char *self, const char *controller, double (*limit_of)(const char *),
                       double (*old_limit_of)(const char *))
{
    char group[S4D_PATH_MAX], top[S4D_PATH_MAX];
    find_group(group, self, "");
    double limit = least(groups, group, limit_of);
    snprintf(top, sizeof top, "%s/%s", groups, controller);
    find_group(group, self, controller);
    return smaller(least(top, group, old_limit_of), limit);
}

double s4d_machine_processors(const char *groups, const char *self)
{
    return limit_by(groups, self, "cpu", quota_of, old_quota_of);
}

double s4d_machine_memory(const char *groups, const char *self)
{
    return limit_by(groups, self, "memory", memory_of, old_memory_of);
}

static const char groups_here[] = "/sys/fs/cgroup", self_here[] = "/proc/self/cgroup";

int s4d_cpu_count(void)
{
    cpu_set_t set;
    long count;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        count = CPU_COUNT(&set);
    } else {
        count = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
    }
    double quota = ceil(s4d_machine_processors(groups_here, self_here));
    if (quota >= 1 && quota < (double)count) {
        count = (long)quota;
    }
    return count < 1 ? 1 : (int)count;
}

/* What is left of the address space. */
static double address_space(void)
{
    struct rlimit limit;
    char line[LINE];
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return INFINITY;
    }
    double used = strtod(first_line(line, "/proc/self", "statm"), NULL) * (double)sysconf(_SC_PAGESIZE);
    return fmax((double)limit.rlim_cur - used, 0);
}

double s4d_memory_bytes(void)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return fmin(smaller(s4d_machine_memory(groups_here, self_here), bytes), address_space());
}
