/* Loaded before the C library, this kills a process at the n-th change that it makes below a folder, or has that change and
   all later ones refused; every change can be written down. Changes are counted whoever makes them: Python, SQLite, Rust. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[4096];
static long at, refusals;      /* the first change that is refused, and how many are */
static int number, only, pen = -1; /* errno, 0 to be killed, negative for another signal; 'w' where only what takes room or 's' where only a sync is refused, 'q' where bytes are counted */
static _Atomic long count;
static _Thread_local long bytes; /* of the write that is met */

long faults_count(void) { return count; }

void faults_arm(const char *folder, long nth, long many, int error, int which, const char *journal) {
    pen = journal[0] ? open(journal, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    at = nth, refusals = many, number = error, only = which, count = 0;
    snprintf(below, sizeof below, "%s", folder);
}

/* Ranks that a launcher starts are armed by their environment: FAULTS_RANK, FAULTS_BELOW, FAULTS_AT. */
__attribute__((constructor)) static void begin(void) {
    const char *rank = getenv("RANK"), *wanted = getenv("FAULTS_RANK");
    if (rank && wanted && !strcmp(rank, wanted))
        faults_arm(getenv("FAULTS_BELOW"), atol(getenv("FAULTS_AT")), 0, 0, 0, "");
}

/* 0: go on; 1: refused; 2: half of it is to be done, then the process is killed or the next change refused. */
static int met(const char *kind, const char *path, const char *from) {
    if (!below[0] || !path || strncmp(path, below, strlen(below)))
        return 0;
    if (pen >= 0) {
        char line[9000];
        int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", kind, path, from ? from : "");
        syscall(SYS_write, pen, line, length);
    }
    int takes = !strcmp(kind, "write") || !strcmp(kind, "open") || !strcmp(kind, "mkdir");
    if ((only == 'w' || only == 'q') && !takes)
        return 0;
    if (only == 's' && strcmp(kind, "sync"))
        return 0;
    long before = count, now = count += only != 'q' ? 1 : strcmp(kind, "write") ? 0 : bytes;
    if (now < at || at <= 0)
        return 0;
    if (number < 0) { /* a signal that may be caught, and once more some changes later */
        if (now == at || (refusals > 1 && now == at + refusals))
            kill(getpid(), -number);
        return 0;
    }
    if (!number) {
        if (!strcmp(kind, "write"))
            return 2;
        kill(getpid(), SIGKILL);
    }
    if (now >= at + refusals)
        return 0;
    if (!strcmp(kind, "write") && ((only == 'w' && now == at) || (only == 'q' && before < at)))
        return 2;
    errno = number;
    return 1;
}

static int met_open_file(const char *kind, int file) {
    char name[64], path[4096];
    int saved = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = below[0] ? readlink(name, path, sizeof path - 1) : -1;
    errno = saved;
    if (length < 0)
        return 0;
    path[length] = 0;
    return met(kind, path, NULL);
}

static int met_in(const char *kind, int folder, const char *path) {
    char name[64], whole[8192];
    if (path[0] == '/' || folder == AT_FDCWD)
        return met(kind, path, NULL);
    int saved = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
    ssize_t length = below[0] ? readlink(name, whole, 4000) : -1;
    errno = saved;
    if (length < 0)
        return 0;
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    return met(kind, whole, NULL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define OPEN(name, given)                                                                                                    \
    {                                                                                                                          \
        mode_t mode = 0;                                                                                                       \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                                                   \
            va_list more;                                                                                                      \
            va_start(more, flags);                                                                                             \
            mode = va_arg(more, mode_t);                                                                                       \
            va_end(more);                                                                                                      \
        }                                                                                                                      \
        if ((flags & WRITES) && met("open", path, NULL))                                                                       \
            return -1;                                                                                                         \
        return REAL(name) given;                                                                                               \
    }
int open(const char *path, int flags, ...) OPEN(open, (path, flags, mode))
int open64(const char *path, int flags, ...) OPEN(open64, (path, flags, mode))
int openat(int folder, const char *path, int flags, ...) OPEN(openat, (folder, path, flags, mode))
int openat64(int folder, const char *path, int flags, ...) OPEN(openat64, (folder, path, flags, mode))

#define WRITE(name, given, halved)                                                                                             \
    {                                                                                                                          \
        bytes = (long)size;                                                                                                    \
        int found = met_open_file("write", file);                                                                              \
        if (found == 1)                                                                                                        \
            return -1;                                                                                                         \
        if (!found)                                                                                                            \
            return REAL(name) given;                                                                                           \
        ssize_t done = size > 1 ? REAL(name) halved : 0;                                                                       \
        if (!number)                                                                                                           \
            kill(getpid(), SIGKILL);                                                                                           \
        if (!done)                                                                                                             \
            errno = number, done = -1;                                                                                         \
        return done;                                                                                                           \
    }
ssize_t write(int file, const void *data, size_t size) WRITE(write, (file, data, size), (file, data, size / 2))
ssize_t pwrite(int file, const void *data, size_t size, off_t to) WRITE(pwrite, (file, data, size, to), (file, data, size / 2, to))
ssize_t pwrite64(int file, const void *data, size_t size, off64_t to)
    WRITE(pwrite64, (file, data, size, to), (file, data, size / 2, to))

ssize_t sendfile(int file, int from, off_t *begin, size_t size)
    WRITE(sendfile, (file, from, begin, size), (file, from, begin, size / 2))
ssize_t sendfile64(int file, int from, off64_t *begin, size_t size)
    WRITE(sendfile64, (file, from, begin, size), (file, from, begin, size / 2))

#define SIMPLE(name, parameters, given, found)                                                                                 \
    int name parameters { return (found) ? -1 : REAL(name) given; }
SIMPLE(fsync, (int file), (file), met_open_file("sync", file))
SIMPLE(fdatasync, (int file), (file), met_open_file("sync", file))
SIMPLE(ftruncate, (int file, off_t size), (file, size), met_open_file("truncate", file))
SIMPLE(ftruncate64, (int file, off64_t size), (file, size), met_open_file("truncate", file))
SIMPLE(rename, (const char *from, const char *to), (from, to), met("rename", to, from))
SIMPLE(link, (const char *from, const char *to), (from, to), met("link", to, from))
SIMPLE(linkat, (int a, const char *from, int b, const char *to, int how), (a, from, b, to, how), met("link", to, from))
SIMPLE(symlink, (const char *from, const char *to), (from, to), met("symlink", to, from))
SIMPLE(unlink, (const char *path), (path), met("remove", path, NULL))
SIMPLE(rmdir, (const char *path), (path), met("remove", path, NULL))
SIMPLE(mkdir, (const char *path, mode_t mode), (path, mode), met("mkdir", path, NULL))
SIMPLE(unlinkat, (int folder, const char *path, int how), (folder, path, how), met_in("remove", folder, path))
