/* What control groups allow, read from files that a test may stand in for. Private to src/base. */
#ifndef S4D_BASE_MACHINE_H
#define S4D_BASE_MACHINE_H

/* The least that this process's group or one above it allows, in processors and in bytes; 0: no limit is set, or none can be
 * read. groups: where the groups' files are, /sys/fs/cgroup; self: which group the process is in, /proc/self/cgroup. */
double s4d_machine_processors(const char *groups, const char *self);
double s4d_machine_memory(const char *groups, const char *self);

#endif
