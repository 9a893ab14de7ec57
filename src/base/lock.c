/* A lock on a folder: a lock of the system's on a file in it, which says who holds it. */
#include "s4d/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "s4d/base/file.h"
#include "s4d/base/log.h"
#include "s4d/base/mem.h"

enum { WORD = 64, LINE = 512, TRIES = 20 };

/* A process, told apart from all that had its number before: by when the machine and the process were started. */
typedef struct holder {
    long pid;
    char host[WORD], since[WORD], boot[WORD];
    unsigned long long start;
} holder;

struct s4d_lock {
    char path[S4D_PATH_MAX];
    int fd;
    holder self;
};

/* The first bytes of a file as text; "" where there are none. */
static void read_text(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, room - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

/* When a process was started, in ticks after the machine; 0: there is none. The field behind the name, which may hold anything. */
static unsigned long long start_of(long pid)
{
    char path[WORD], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_text(path, text, sizeof text);
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    unsigned long long start = 0;
    return at && sscanf(at, "%llu", &start) == 1 ? start : 0;
}

static holder this_process(void)
{
    holder self = {.pid = (long)getpid()};
    time_t now = time(NULL);
    struct tm parts;
    self.start = start_of(self.pid);
    if (gethostname(self.host, sizeof self.host - 1) != 0 || self.host[0] == '\0') {
        snprintf(self.host, sizeof self.host, "unknown");
    }
    read_text("/proc/sys/kernel/random/boot_id", self.boot, sizeof self.boot);
    self.boot[strcspn(self.boot, "\n")] = '\0';
    if (self.boot[0] == '\0') {
        snprintf(self.boot, sizeof self.boot, "unknown");
    }
    strftime(self.since, sizeof self.since, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &parts));
    return self;
}

/* "PID HOST SINCE BOOT START"; false where the file holds something else, or nothing yet. */
static bool read_holder(int fd, holder *out)
{
    char text[LINE];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    *out = (holder){0};
    return sscanf(text, "%ld %63s %63s %63s %llu", &out->pid, out->host, out->since, out->boot, &out->start) == 5 && out->pid > 0;
}

static bool write_holder(const s4d_lock *lock)
{
    char text[LINE];
    const holder *h = &lock->self;
    int n = snprintf(text, sizeof text, "%ld %s %s %s %llu\n", h->pid, h->host, h->since, h->boot, h->start);
    return ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) == n;
}

static bool same(const holder *a, const holder *b)
{
    return a->pid == b->pid && a->start == b->start && strcmp(a->boot, b->boot) == 0 && strcmp(a->host, b->host) == 0;
}

static s4d_status in_use(const char *folder, const holder *by, const char *remedy, s4d_err *err)
{
    if (by->pid == 0) {
        return s4d_err_set(err, S4D_FAILED, "%s: is in use by another process; %s", folder, remedy);
    }
    return s4d_err_set(err, S4D_FAILED, "%s: is in use by process %ld on %s, since %s; %s", folder, by->pid, by->host, by->since,
                       remedy);
}

static const char wait_for_it[] = "wait until it has ended, or name another folder";

/* Without locks: whether the holder that the file names is gone, and then whether nobody else took it at the same time. */
static s4d_status take_by_text(s4d_lock *lock, const char *folder, s4d_err *err)
{
    holder now;
    bool known = read_holder(lock->fd, &now), here = known && strcmp(now.host, lock->self.host) == 0;
    if (known && !here) {
        char remedy[S4D_PATH_MAX + 80];
        snprintf(remedy, sizeof remedy, "if that one has ended, remove %s", lock->path);
        return in_use(folder, &now, remedy, err);
    }
    if (known && strcmp(now.boot, lock->self.boot) == 0 && now.start != 0 && start_of(now.pid) == now.start) {
        return in_use(folder, &now, wait_for_it, err);
    }
    if (!write_holder(lock)) {
        return s4d_err_system(err, errno, "%s: cannot be written", lock->path);
    }
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return read_holder(lock->fd, &now) && same(&now, &lock->self) ? S4D_OK : in_use(folder, &now, wait_for_it, err);
}

static s4d_status take_by_lock(s4d_lock *lock, s4d_err *err)
{
    holder before;
    if (read_holder(lock->fd, &before) && strcmp(before.host, lock->self.host) != 0) {
        s4d_log(S4D_LOG_WARN, "%s: process %ld on %s had this folder since %s and never gave it back; if it still runs, end one of "
                              "the two", lock->path, before.pid, before.host, before.since);
    }
    return write_holder(lock) ? S4D_OK : s4d_err_system(err, errno, "%s: cannot be written", lock->path);
}

/* Whether the open file is still the one of that name: who had the lock before may have removed it. */
static bool is_current(const s4d_lock *lock)
{
    struct stat opened, named;
    return fstat(lock->fd, &opened) == 0 && stat(lock->path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* *again: the file was removed meanwhile. */
static s4d_status try_once(s4d_lock *lock, const char *folder, bool *again, s4d_err *err)
{
    *again = false;
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (lock->fd < 0) {
        return s4d_err_system(err, errno, "%s: cannot be written", lock->path);
    }
    int failed = flock(lock->fd, LOCK_EX | LOCK_NB), reason = errno;
    if (failed && (reason == EWOULDBLOCK || reason == EACCES)) {
        holder by;
        read_holder(lock->fd, &by);
        return in_use(folder, &by, wait_for_it, err);
    }
    if (failed && reason != EINTR) {
        return take_by_text(lock, folder, err);
    }
    *again = failed || !is_current(lock);
    return *again ? S4D_OK : take_by_lock(lock, err);
}

s4d_status s4d_lock_take(const char *folder, s4d_lock **out, s4d_err *err)
{
    *out = NULL;
    s4d_lock *lock = s4d_mem_alloc(1, sizeof *lock);
    if (!lock) {
        return s4d_err_memory(err, sizeof *lock, "the lock of a folder");
    }
    lock->self = this_process();
    bool again = true;
    s4d_status status = s4d_path_join(lock->path, folder, S4D_LOCK_NAME, err);
    for (int i = 0; status == S4D_OK && again; i++) {
        status = i < TRIES ? try_once(lock, folder, &again, err) : in_use(folder, &(holder){0}, wait_for_it, err);
        if ((status != S4D_OK || again) && lock->fd >= 0) {
            close(lock->fd);
            lock->fd = -1;
        }
    }
    if (status != S4D_OK) {
        s4d_mem_free(lock);
        return status;
    }
    *out = lock;
    return S4D_OK;
}

s4d_status s4d_lock_make_folder(const char *folder, s4d_lock **out, s4d_err *err)
{
    char parent[S4D_PATH_MAX];
    *out = NULL;
    s4d_path_dir(parent, folder);
    s4d_status status = s4d_dir_make(parent, err);
    bool made = status == S4D_OK && mkdir(folder, 0777) == 0;
    int reason = errno;
    if (status != S4D_OK) {
        return status;
    }
    if (!made && reason != EEXIST) {
        return s4d_err_system(err, reason, "%s: the folder cannot be made", folder);
    }
    status = s4d_lock_take(folder, out, err);
    if (made && status != S4D_OK) {
        s4d_dir_remove(folder, NULL);
    }
    if (!made && status == S4D_OK) {
        s4d_lock_release(out);
        status = s4d_err_set(err, S4D_FAILED, "%s: is left from a run that was cut off; remove it and try again", folder);
    }
    return status;
}

void s4d_lock_release(s4d_lock **lock)
{
    s4d_lock *l = *lock;
    holder now;
    if (!l) {
        return;
    }
    if (read_holder(l->fd, &now) && same(&now, &l->self)) {
        unlink(l->path);
    }
    close(l->fd);
    s4d_mem_free(l);
    *lock = NULL;
}
