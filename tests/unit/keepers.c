/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Keepers on the real kernel (kernel/keepers.h). Each scene runs in a process of its own.
 *
 *     keepers            all scenes
 *     keepers SCENE...   some of them
 *     keepers measure    what a map costs, beside mmap(2)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "common/pages.h"
#include "kernel/bequest.h"
#include "kernel/keepers.h"
#include "kernel/sys.h"

#ifndef SYS_close_range /* Linux 5.9; glibc 2.32 */
#define SYS_close_range 436
#endif

#define PAGE page_size

/* ---- the lock, and the functions under it ---- */

static pthread_mutex_t cold_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread sigset_t before;

static void enter(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&cold_lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&cold_lock);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static long hold(int fd)
{
    enter();
    long n = keepers_hold(fd);
    leave();
    return n;
}

struct mapping {
    uintptr_t at;
    size_t len;
    int prot, flags;
    off_t offset;
};

static long map_it(int fd, const struct keepers_proc *proc, void *context)
{
    const struct mapping *m = context;
    (void)proc;
    return sys_mmap(m->at, m->len, m->prot, m->flags, fd, m->offset);
}

static long keepers_map(unsigned file, uintptr_t at, size_t len, int prot, int flags, off_t offset)
{
    struct mapping m = { at, len, prot, flags, offset };
    return keepers_run(file, map_it, &m);
}

static long stat_it(int fd, const struct keepers_proc *proc, void *context)
{
    (void)proc;
    return sys_fstat(fd, context);
}

static long map_at(long n, void *at, size_t len, int prot, int flags, off_t offset)
{
    enter();
    long r = keepers_map((unsigned)n, (uintptr_t)at, len, prot, flags, offset);
    leave();
    return r;
}

static const char *map(long n)
{
    long r = map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, 0);
    return r < 0 && r > -4096 ? NULL : (const char *)r;
}

static void drop(long n)
{
    enter();
    keepers_drop((unsigned)n);
    leave();
}

/* ---- files ---- */

static char folder[64];

/* Opens a new file of two pages, whose first words are the number. */
static int make_file(int number)
{
    char path[128], text[32];
    snprintf(path, sizeof path, "%s/%d", folder, number);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int len = snprintf(text, sizeof text, "file %d", number);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)(2 * PAGE)) == 0);
    CHECK(pwrite(fd, text, (size_t)len, 0) == len);
    return fd;
}

static bool shows(const char *at, int number)
{
    char text[32];
    snprintf(text, sizeof text, "file %d", number);
    return at && strcmp(at, text) == 0;
}

/* Makes and holds a file, whose descriptor is closed. */
static long hold_new(int number)
{
    int fd = make_file(number);
    long n = hold(fd);
    close(fd);
    return n;
}

static long hold_deleted(int number)
{
    char path[128];
    long n = hold_new(number);
    snprintf(path, sizeof path, "%s/%d", folder, number);
    CHECK(unlink(path) == 0);
    return n;
}

static unsigned entries_of(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    CHECK(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static unsigned vmas(void)
{
    unsigned n = 0;
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f);
    while (fgets(line, sizeof line, f))
        n++;
    fclose(f);
    return n;
}

/* Waits for a child, which is to end with the status. */
static void expect(pid_t child, int wanted)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

/* ---- scenes ---- */

static void contents(void)
{
    unsigned maps = vmas();
    int fd = make_file(1);
    long n = hold(fd);
    CHECK(n > 0 && keepers_files() == 1 && keepers_threads() == 1);
    CHECK(vmas() <= maps + keepers_vmas());
    close(fd);
    CHECK(shows(map(n), 1));
    char *both = (char *)map_at(n, NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *second = (char *)map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, (off_t)PAGE);
    both[PAGE] = 'x';
    CHECK(second[0] == 'x');
    CHECK(map_at(n, second, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, 0) == (long)second);
    CHECK(shows(second, 1));
    CHECK(map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, 1) == -EINVAL);
    struct stat st, real;
    char path[128];
    snprintf(path, sizeof path, "%s/1", folder);
    CHECK(keepers_run((unsigned)n, stat_it, &st) == 0 && stat(path, &real) == 0);
    CHECK(st.st_ino == real.st_ino && st.st_dev == real.st_dev);
    fd = open(path, O_RDONLY);
    long other = hold(fd);
    CHECK(other > 0 && other != n);
    CHECK(map_at(other, NULL, PAGE, PROT_WRITE, MAP_SHARED, 0) == -EACCES);
    drop(n);
    CHECK(map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, 0) == -EBADF);
    CHECK(hold(fd) == n && shows(map(n), 1) && keepers_files() == 2);
    CHECK(hold(-1) == -EBADF && hold(999) == -EBADF && keepers_files() == 2);
    drop(n);
    drop(n);
    drop(other);
    CHECK(keepers_files() == 0);
    CHECK(shows(map(hold_deleted(7)), 7));
}

/* A second process asks. True if it gets the lock. */
static bool other_gets(bool posix, const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        struct flock l = { .l_type = F_WRLCK };
        _exit((posix ? fcntl(fd, F_SETLK, &l) : flock(fd, LOCK_EX | LOCK_NB)) == 0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) == 1;
}

static void locks(void)
{
    char path[128];
    int fd = make_file(1);
    snprintf(path, sizeof path, "%s/1", folder);
    CHECK(flock(fd, LOCK_EX) == 0);
    long n = hold(fd);
    CHECK(n > 0 && close(fd) == 0);
    CHECK(!other_gets(false, path));
    const char *at = map(n);
    CHECK(shows(at, 1) && munmap((void *)at, PAGE) == 0); /* a map has the file open too */
    CHECK(!other_gets(false, path));
    drop(n);
    CHECK(other_gets(false, path));
    for (int i = 0; i < 100; i++) { /* the file may be on its way */
        fd = open(path, O_RDWR);
        CHECK(flock(fd, LOCK_EX) == 0);
        n = hold(fd);
        close(fd);
        drop(n);
        fd = open(path, O_RDWR);
        CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
        close(fd);
    }

    struct flock l = { .l_type = F_WRLCK };
    fd = open(path, O_RDWR);
    CHECK(fcntl(fd, F_SETLK, &l) == 0);
    n = hold(fd);
    CHECK(n > 0 && shows(map(n), 1) && !other_gets(true, path));
    drop(n);
    CHECK(!other_gets(true, path));
    enter();
    keepers_end();
    leave();
    CHECK(!other_gets(true, path));
    close(fd);
    CHECK(other_gets(true, path));
}

static void descriptors(void)
{
    unsigned count = entries_of("/proc/self/fd");
    int lowest = dup(0);
    close(lowest);
    for (int i = 0; i < 300; i++)
        CHECK(hold_new(i) == i + 1);
    CHECK(entries_of("/proc/self/fd") == count + 1);
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; (e = readdir(d));) {
        char to[256];
        ssize_t len = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);
        if (len < 0)
            continue;
        to[len] = '\0';
        CHECK(strncmp(to, folder, strlen(folder)) != 0);
        if (atoi(e->d_name) >= 512)
            CHECK(fcntl(atoi(e->d_name), F_GETFD) == FD_CLOEXEC);
        else
            CHECK(strncmp(to, "socket:", 7) != 0);
    }
    closedir(d);
    CHECK(dup(0) == lowest);
    for (int i = 0; i < 300; i++)
        CHECK(shows(map(i + 1), i));
}

static void set_limit(rlim_t soft, rlim_t hard)
{
    struct rlimit l = { soft, hard };
    CHECK(setrlimit(RLIMIT_NOFILE, &l) == 0);
}

static void check_limit(rlim_t soft, rlim_t hard)
{
    struct rlimit l;
    CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == soft && l.rlim_max == hard);
}

/* Holds files, and maps each: first all, in any order, then all but those that are dropped. */
static void hold_many(int count)
{
    long *n = calloc((size_t)count, sizeof *n);
    for (int i = 0; i < count; i++) {
        n[i] = hold_deleted(i);
        if (n[i] <= 0)
            fprintf(stderr, "file %d: %s\n", i, strerror((int)-n[i]));
        CHECK(n[i] > 0);
    }
    for (int i = count; i-- > 0;) {
        const char *at = map(n[i]);
        CHECK(shows(at, i));
        munmap((void *)at, PAGE);
        if (i % 3 == 0)
            drop(n[i]);
    }
    for (int i = 0; i < count; i++) {
        const char *at = i % 3 == 0 ? NULL : map(n[i]);
        CHECK(i % 3 == 0 || shows(at, i));
        munmap((void *)at, at ? PAGE : 0);
    }
}

static void soft_limit(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    set_limit(64, l.rlim_max);
    hold_many(500);
    CHECK(keepers_threads() == 1);
    usleep(20000); /* what is on its way has been received */
    check_limit(64, l.rlim_max);
}

static void hard_limit(void)
{
    set_limit(300, 300);
    hold_many(2000);
    CHECK(keepers_threads() == (2000 + 300 - 64 - 1) / (300 - 64));
    check_limit(300, 300);
}

/* The limit is lowered while files are on their way: they wait, and are not lost. */
static void lowered(void)
{
    CHECK(hold_new(0) == 1 && shows(map(1), 0));
    for (int i = 1; i <= 20; i++)
        CHECK(hold_new(i) == i + 1);
    set_limit(10, 1000);
    struct rlimit low = { 10, 10 }, back = { 1000, 1000 };
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(shows(map(1), 0));
    long last = map_at(21, NULL, PAGE, PROT_READ, MAP_SHARED, 0);
    CHECK(last == -EMFILE || shows((const char *)last, 20)); /* it was received before */
    drop(20);
    if (setrlimit(RLIMIT_NOFILE, &back) < 0) /* may do so: root */
        return;
    for (int i = 0; i <= 20; i++)
        CHECK(i == 19 || shows(map(i + 1), i));
}

static void closed_socket(void)
{
    CHECK(hold_new(1) == 1 && hold_new(2) == 2);
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
    CHECK(hold_new(3) == 3 && keepers_threads() == 2);
    CHECK(shows(map(1), 1) && shows(map(2), 2) && shows(map(3), 3));
    drop(1);
    CHECK(keepers_threads() == 2);
    drop(2);
    CHECK(keepers_threads() == 1 && shows(map(3), 3));
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
    for (int fd = 3; fd < 600; fd++) /* the number is another file's */
        CHECK(dup2(1, fd) == fd);
    CHECK(syscall(SYS_close_range, 3, 500, 0) == 0);
    CHECK(hold_new(4) > 0 && keepers_threads() == 2 && shows(map(3), 3));
    CHECK(fcntl(512, F_GETFD) == 0);
}

static void *create_keeper(void *unused)
{
    (void)unused;
    return (void *)hold_new(1);
}

/* The stack and the thread's variables are unmapped before the keeper is asked. */
static void creator_ends(void)
{
    pthread_attr_t a;
    pthread_t t;
    void *n;
    size_t len = 64 * PAGE;
    void *stack = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&a);
    pthread_attr_setstack(&a, stack, len);
    pthread_create(&t, &a, create_keeper, NULL);
    pthread_join(t, &n);
    CHECK(munmap(stack, len) == 0);
    CHECK(shows(map((long)n), 1) && shows(map(hold_new(2)), 2));
}

static void fork_child(long a, long b, bool raw)
{
    if (!raw)
        keepers_after_fork();
    CHECK(shows(map(a), 1));
    CHECK(keepers_threads() == 1 && keepers_files() == 2);
    drop(b);
    CHECK(shows(map(a), 1) && keepers_files() == 1);
    CHECK(map_at(a, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0) > 0);
    long c = hold_new(3);
    keepers_settle();
    pid_t child = fork(); /* a grandchild, whose parent has adopted the file */
    if (child == 0) {
        keepers_after_fork();
        CHECK(shows(map(a), 1));
        CHECK(shows(map(c), 3));
        _exit(0);
    }
    expect(child, 0);
    drop(a);
    drop(c);
    CHECK(keepers_files() == 0);
    _exit(0);
}

static void forks(void)
{
    for (int raw = 0; raw < 2; raw++) {
        long a = hold_deleted(1), b = hold_deleted(2);
        enter();
        keepers_settle();
        leave();
        pid_t child = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
        if (child == 0)
            fork_child(a, b, raw);
        expect(child, 0);
        CHECK(shows(map(a), 1) && shows(map(b), 2));

        /* The parent drops a file, and its descriptor becomes another one's. */
        int go[2];
        CHECK(pipe(go) == 0);
        child = fork();
        if (child == 0) {
            char byte;
            keepers_after_fork();
            CHECK(read(go[0], &byte, 1) == 1);
            CHECK(map_at(a, NULL, PAGE, PROT_READ, MAP_SHARED, 0) == -ESTALE);
            CHECK(shows(map(b), 2));
            _exit(0);
        }
        drop(a);
        a = hold_deleted(4);
        CHECK(shows(map(a), 4));
        CHECK(write(go[1], "", 1) == 1);
        expect(child, 0);
        drop(a);
        drop(b);
    }
    /* The parent ends. */
    long n = hold_deleted(5);
    CHECK(shows(map(n), 5));
    pid_t parent = fork();
    if (parent == 0) {
        keepers_after_fork();
        CHECK(shows(map(n), 5));
        int go[2], said[2];
        CHECK(pipe(go) == 0 && pipe(said) == 0);
        pid_t child = fork();
        char byte;
        if (child == 0) {
            keepers_after_fork();
            pid_t old = getppid();
            CHECK(write(said[1], "", 1) == 1);
            while (getppid() == old)
                usleep(1000);
            CHECK(map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, 0) == -ESRCH);
            drop(n);
            CHECK(keepers_files() == 0);
            close(go[0]);
            close(go[1]);
            _exit(0);
        }
        CHECK(read(said[0], &byte, 1) == 1);
        _exit(0);
    }
    expect(parent, 0);
    usleep(50000);
}

/* Forks. The child gets these files. Returns what the library says of it in *missed. */
static pid_t fork_with(const long *numbers, int count, long *said)
{
    enter();
    keepers_settle();
    for (int i = 0; i < count; i++)
        keepers_bequeath((unsigned)numbers[i]);
    keepers_before_fork();
    pid_t child = fork();
    if (child == 0)
        keepers_after_fork();
    long answer = keepers_fork_ended();
    leave();
    if (said)
        *said = answer;
    return child;
}

static void close_everything(void)
{
    CHECK(syscall(SYS_close_range, 3, ~0U, 0) == 0);
}

/* The parent drops what it has, and holds other files. The child has those that were sent. */
static void bequest_child(const long *n, int go)
{
    char byte;
    unsigned count = entries_of("/proc/self/fd");
    CHECK(keepers_threads() == 1 && keepers_files() == 4);
    CHECK(!keepers_has((unsigned)n[0]) && !keepers_has((unsigned)n[3]));
    CHECK(read(go, &byte, 1) == 1);
    close_everything();
    drop(n[2]); /* before it is received */
    long other = hold_new(9);
    CHECK(other == n[2] && shows(map(other), 9));
    CHECK(shows(map(n[0]), 0) && shows(map(n[1]), 1));
    long r = map_at(n[3], NULL, PAGE, PROT_READ, MAP_SHARED, 0); /* it was not sent */
    CHECK(r == -ESTALE || r == -ESRCH);
    CHECK(keepers_has((unsigned)n[0]) && entries_of("/proc/self/fd") < count);
    drop(n[0]);
    drop(n[1]);
    drop(n[3]);
    drop(other);
    CHECK(keepers_files() == 0);
    enter();
    keepers_end();
    leave();
    _exit(0);
}

static void bequests(void)
{
    char path[128];
    long n[4], said;
    int go[2];
    struct flock l = { .l_type = F_WRLCK };
    for (int i = 0; i < 4; i++)
        n[i] = hold_new(i);
    snprintf(path, sizeof path, "%s/0", folder);
    int fd = open(path, O_RDWR);
    CHECK(fcntl(fd, F_SETLK, &l) == 0 && pipe(go) == 0);
    unsigned count = entries_of("/proc/self/fd"), maps = vmas();
    pid_t child = fork_with(n, 3, &said);
    if (child == 0)
        bequest_child(n, go[0]);
    CHECK(said == 0 && entries_of("/proc/self/fd") == count && vmas() <= maps + 1);
    CHECK(!other_gets(true, path)); /* the lock is still there */
    for (int i = 0; i < 4; i++)
        drop(n[i]);
    for (int i = 0; i < 4; i++)
        CHECK(shows(map(hold_new(10 + i)), 10 + i));
    CHECK(write(go[1], "", 1) == 1);
    expect(child, 0);
    CHECK(other_gets(false, path) && keepers_files() == 4);
}

/* What the child has not received goes on to its child, also where the program has closed the
 * keepers' sockets. */
static void bequest_of_bequest(void)
{
    long n[3], said;
    int done[2];
    char byte;
    for (int i = 0; i < 3; i++)
        n[i] = hold_deleted(i);
    CHECK(pipe2(done, O_CLOEXEC) == 0);
    int kept = dup2(done[1], 1023);
    close(done[1]);
    CHECK(kept == 1023);
    for (int generation = 0; generation < 4; generation++) {
        pid_t parent = getpid(), child = fork_with(n, 3, &said);
        CHECK(said == 0);
        if (child > 0 && generation)
            _exit(0);
        if (child > 0) {
            close(kept);
            CHECK(read(done[0], &byte, 1) == 1);
            return;
        }
        while (generation && getppid() == parent)
            usleep(1000);
        CHECK(syscall(SYS_close_range, 3, 1022, 0) == 0);
        if (generation == 2)
            for (int i = 0; i < 3; i++)
                CHECK(shows(map(n[i]), i));
    }
    for (int i = 0; i < 3; i++)
        CHECK(shows(map(n[i]), i));
    CHECK(write(kept, "", 1) == 1);
    _exit(0);
}

/* A child that execs keeps nothing, and nothing is kept for it. */
static void bequest_exec(void)
{
    static char shell[] = "sh", c[] = "-c", list[] = "ls -l /proc/self/fd >&2; sleep 0.2";
    static char *const arguments[] = { shell, c, list, NULL };
    char path[128], text[4096] = "";
    int fd = make_file(1), out[2];
    CHECK(flock(fd, LOCK_EX) == 0 && pipe2(out, O_CLOEXEC) == 0);
    close(0); /* a socket, in some places */
    CHECK(open("/dev/null", O_RDONLY) == 0);
    long n = hold(fd);
    pid_t child = fork_with(&n, 1, NULL);
    if (child == 0) {
        dup2(out[1], 2);
        execvp("sh", arguments);
        _exit(1);
    }
    CHECK(read(out[0], text, sizeof text - 1) > 0 && !strstr(text, "socket:"));
    drop(n);
    close(fd);
    snprintf(path, sizeof path, "%s/1", folder);
    fd = open(path, O_RDWR);
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0); /* while the new program runs */
    expect(child, 0);
}

/* The child lowers the limit, so that no file can be received. */
static void bequest_lowered(void)
{
    long n[20];
    for (int i = 0; i < 20; i++)
        n[i] = hold_deleted(i);
    pid_t child = fork_with(n, 20, NULL);
    if (child == 0) {
        struct rlimit low = { 8, 8 }, back = { 1000, 1000 };
        CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
        long r = map_at(n[0], NULL, PAGE, PROT_READ, MAP_SHARED, 0);
        CHECK(r == -EMFILE || shows((const char *)r, 0)); /* it was received before */
        drop(n[1]);
        if (setrlimit(RLIMIT_NOFILE, &back) < 0) /* may do so: root */
            _exit(0);
        CHECK(r != -EMFILE || hold_new(30) != n[1]); /* it will come by this number */
        CHECK(shows(map(n[0]), 0) && shows(map(n[19]), 19));
        CHECK(map_at(n[1], NULL, PAGE, PROT_READ, MAP_SHARED, 0) < 0 || r != -EMFILE);
        _exit(0);
    }
    expect(child, 0);
}

/* The program gives the descriptors of the sockets to files of its own. */
static void bequest_given(void)
{
    struct bequest_end into;
    int sockets[BEQUESTS], null = open("/dev/null", O_RDWR);
    CHECK(bequest_add(1, &into) == 0);
    bequest_complete();
    CHECK(bequest_of(1, sockets) == 1);
    CHECK(dup2(null, into.fd) == into.fd && dup2(null, sockets[0]) == sockets[0]);
    CHECK(bequest_fetch(&into, -1) == -EBADF); /* nothing is sent into that file */
    bequest_added(&into);
    bequest_close();
    CHECK(fcntl(into.fd, F_GETFD) >= 0 && fcntl(sockets[0], F_GETFD) >= 0);
}

/* The program has used up its descriptors. */
static void bequest_full(void)
{
    long n = hold_deleted(1), said;
    struct rlimit l;
    CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0);
    set_limit(64, l.rlim_max);
    while (dup(0) >= 0)
        continue;
    pid_t child = fork_with(&n, 1, &said);
    if (child == 0) {
        CHECK(shows(map(n), 1) && keepers_has((unsigned)n) && dup(0) < 0);
        _exit(0);
    }
    CHECK(said == 0 && dup(0) < 0);
    expect(child, 0);
    check_limit(64, l.rlim_max);
}

/* More files than the user may have in flight: the child opens the rest by its parent's entry. */
static void bequest_flight(void)
{
    enum { MANY = 1000 };
    static long n[MANY];
    long said;
    if (getuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    set_limit(300, 300);
    for (int i = 0; i < MANY; i++)
        n[i] = hold_new(i);
    CHECK(keepers_threads() == 5);
    pid_t child = fork_with(n, MANY, &said);
    if (child == 0) {
        for (int i = 0; i < MANY; i += 7) {
            const char *at = map(n[i]);
            CHECK(shows(at, i));
            munmap((void *)at, PAGE);
        }
        check_limit(300, 300);
        _exit(0);
    }
    CHECK(said == -ETOOMANYREFS);
    expect(child, 0);
    check_limit(300, 300);
}

/* More files than the buffer of one socket has room for. */
static void bequest_many(void)
{
    enum { MANY = 25000 };
    static long n[MANY];
    struct rlimit l = { 64, 200000 };
    long said;
    if (setrlimit(RLIMIT_NOFILE, &l) < 0)
        return;
    int fd = make_file(1), last = make_file(2);
    for (int i = 0; i < MANY; i++)
        n[i] = hold(i < MANY - 1 ? fd : last);
    CHECK(keepers_threads() == 1 && n[MANY - 1] > 0);
    pid_t child = fork_with(n, MANY, &said);
    if (child == 0) {
        CHECK(shows(map(n[MANY - 1]), 2) && shows(map(n[0]), 1));
        enter();
        keepers_settle();
        leave();
        for (int i = 0; i < MANY; i++)
            CHECK(keepers_has((unsigned)n[i]));
        check_limit(64, 200000);
        _exit(0);
    }
    CHECK(said == 0);
    expect(child, 0);
    check_limit(64, 200000);
}

static void vforks(void)
{
    int fd = make_file(2), late = make_file(3);
    long n = hold_new(1);
    volatile long answer = 0, started = 0;
    pid_t child = vfork();
    if (child == 0) {
        answer = map_at(n, NULL, PAGE, PROT_READ, MAP_SHARED, 0);
        started = hold(fd);
        _exit(0);
    }
    expect(child, 0);
    CHECK(shows((const char *)answer, 1) && started > 0 && shows(map(started), 2));
    enter();
    keepers_end();
    leave();
    child = vfork();
    if (child == 0) {
        started = hold(late);
        _exit(0);
    }
    expect(child, 0);
    CHECK(started == -EOPNOTSUPP && hold(late) == 1);
}

/* All threads of the process but the first have the name of keepers, and block all signals. */
static void look_at_threads(unsigned wanted)
{
    char path[320], line[256];
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
            continue;
        n++;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        FILE *f = fopen(path, "r");
        unsigned seen = 0;
        while (fgets(line, sizeof line, f)) {
            seen += strcmp(line, "Name:\tmapherd\n") == 0;
            seen += strncmp(line, "SigBlk:\tffffffff", 16) == 0 ||
                    strncmp(line, "SigBlk:\tfffffff", 15) == 0;
        }
        fclose(f);
        CHECK(seen == 2);
    }
    closedir(d);
    CHECK(n == wanted);
}

static void ends(void)
{
    CHECK(hold_new(1) > 0);
    look_at_threads(1);
    unsigned maps = vmas(), own = keepers_vmas();
    enter();
    keepers_end();
    leave();
    look_at_threads(0);
    CHECK(keepers_vmas() == 0 && keepers_threads() == 0 && keepers_files() == 0);
    CHECK(vmas() <= maps - own + 1); /* the C library may have mapped something */
    CHECK(entries_of("/proc/self/task") == 1);
    CHECK(hold_new(1) == 1 && shows(map(1), 1));
}

/* How processes end that have keepers. The last one of each pair is the one that is waited for. */
static void *exit_later(void *status)
{
    usleep(20000);
    exit((int)(long)status);
}

static void *return_later(void *unused)
{
    usleep(20000);
    return unused;
}

/* An address where nothing else is mapped: the kernel goes down from above. */
static uintptr_t free_room(void)
{
    return (uintptr_t)1 << 45;
}

static void ending(int how)
{
    static char name[] = "true", *const arguments[] = { name, NULL };
    pthread_t t;
    CHECK(hold_new(1) == 1 && shows(map(1), 1));
    usleep(1000);
    if (how == 0)
        exit(0);
    if (how == 1)
        execvp("true", arguments);
    if (how == 2)
        pthread_create(&t, NULL, exit_later, NULL);
    if (how == 3)
        pthread_create(&t, NULL, return_later, NULL);
    if (how == 4)
        abort();
    pthread_exit(NULL); /* 5: there is no other thread */
}

static void endings(void)
{
    for (int how = 0; how <= 5; how++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            struct rlimit none = { 0, 0 };
            setrlimit(RLIMIT_CORE, &none);
            keepers_start(free_room());
            ending(how);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(how == 4 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
                       : WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static void *leader_left(void *n)
{
    usleep(20000);
    CHECK(shows(map((long)n), 1));
    CHECK(shows(map(hold_new(2)), 2));
    drop((long)n);
    exit(0);
}

static void leader_ends(void)
{
    pthread_t t;
    long n = hold_new(1);
    pthread_create(&t, NULL, leader_left, (void *)n);
    pthread_exit(NULL);
}

/* The line of a keeper's status in /proc. */
static void status_of_keeper(const char *label, char *to, size_t size)
{
    char path[320];
    DIR *d = opendir("/proc/self/task");
    to[0] = '\0';
    for (struct dirent *e; (e = readdir(d));) {
        char line[256];
        if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        FILE *f = fopen(path, "r");
        while (fgets(line, sizeof line, f))
            if (strncmp(line, label, strlen(label)) == 0)
                snprintf(to, size, "%s", line);
        fclose(f);
    }
    closedir(d);
}

static void check_status(const char *label, const char *wanted)
{
    char line[256], whole[256];
    status_of_keeper(label, line, sizeof line);
    snprintf(whole, sizeof whole, "%s%s\n", label, wanted);
    if (strcmp(line, whole) != 0)
        fprintf(stderr, "%s instead of %s", line, whole);
    CHECK(strcmp(line, whole) == 0);
}

/* An ordinary user, from the start and by giving privileges up. */
static void users(void)
{
    const gid_t group = 65534;
    if (getuid() != 0) {
        contents();
        return;
    }
    long n = hold_deleted(1);
    check_status("CapEff:\t", "0000000000004000"); /* CAP_IPC_LOCK */
    CHECK(seteuid(65534) == 0);
    enter();
    CHECK(keepers_follow() == 0);
    leave();
    check_status("Uid:\t", "0\t65534\t0\t65534");
    CHECK(seteuid(0) == 0);
    enter();
    CHECK(keepers_follow() == 0);
    leave();
    check_status("Uid:\t", "0\t0\t0\t0");
    CHECK(setgroups(1, &group) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
    enter();
    CHECK(keepers_follow() == 0);
    leave();
    check_status("Uid:\t", "65534\t65534\t65534\t65534");
    check_status("Gid:\t", "65534\t65534\t65534\t65534");
    check_status("Groups:\t", "65534 ");
    check_status("CapPrm:\t", "0000000000000000");
    CHECK(shows(map(n), 1) && shows(map(hold_deleted(2)), 2));
    enter();
    keepers_end();
    leave();
    contents();

    /* No thread can be made. */
    struct rlimit none = { 0, 0 };
    enter();
    keepers_end();
    leave();
    int fd = make_file(8);
    unsigned maps = vmas(), files = entries_of("/proc/self/fd");
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    CHECK(hold(fd) == -EAGAIN && keepers_threads() == 0 && keepers_files() == 0);
    CHECK(vmas() <= maps + keepers_vmas() && entries_of("/proc/self/fd") == files);
}

/* Has these calls fail or kill in all threads that this one starts, and in those that are there. */
static void filter(const int *calls, size_t n, unsigned action, unsigned flags)
{
    struct sock_filter code[16] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, nr)) };
    unsigned short len = 1;
    for (size_t i = 0; i < n; i++) {
        code[len++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    }
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = { len, code };
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
}

/* Without close_range and statx. */
static void old_kernel(void)
{
    const int calls[] = { SYS_close_range, SYS_statx };
    int files[100];
    filter(calls, 2, SECCOMP_RET_ERRNO | ENOSYS, 0);
    for (int i = 0; i < 100; i++)
        files[i] = dup(0);
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    contents();
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 0); /* the keeper has no copy of the other end */
    for (int i = 0; i < 100; i++)
        close(files[i]);
    ending(0);
}

/* A filter that kills the keeper alone. */
static void killed(void)
{
    const int calls[] = { SYS_mmap };
    long n = hold_new(1), other = hold_new(2);
    CHECK(shows(map(n), 1));
    pid_t child = fork();
    if (child == 0) {
        keepers_after_fork();
        CHECK(shows(map(n), 1));
        filter(calls, 1, SECCOMP_RET_KILL_THREAD, SECCOMP_FILTER_FLAG_TSYNC);
        enter();
        CHECK(keepers_map((unsigned)n, 0, PAGE, PROT_READ, MAP_SHARED, 0) == -ENOTRECOVERABLE);
        leave();
        drop(n);
        drop(other);
        CHECK(keepers_files() == 0);
        keepers_end();
        CHECK(keepers_threads() == 0);
        _exit(0);
    }
    expect(child, 0);
}

#define FILES 64
static int fds[FILES];
static long numbers[FILES]; /* under the lock; 0: not held */
static unsigned long rounds;

static void *ask_at_random(void *seed)
{
    unsigned random = (unsigned)(long)seed;
    char *place = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (__atomic_fetch_add(&rounds, 1, __ATOMIC_RELAXED) < 100000) {
        random = random * 1103515245 + 12345;
        int i = (int)(random >> 16) % FILES;
        unsigned what = random >> 28;
        enter();
        if (!numbers[i]) {
            numbers[i] = keepers_hold(fds[i]);
            CHECK(numbers[i] > 0);
        } else if (what == 0) {
            keepers_drop((unsigned)numbers[i]);
            numbers[i] = 0;
        } else {
            CHECK(keepers_map((unsigned)numbers[i], (uintptr_t)place, PAGE, PROT_READ,
                              MAP_SHARED | MAP_FIXED, 0) == (long)place);
            CHECK(shows(place, i));
        }
        leave();
        if (what == 1)
            sched_yield();
        if (random % 4099 == 0)
            usleep(random % 200); /* the keeper falls asleep */
    }
    return NULL;
}

static void random_requests(void)
{
    pthread_t t[4];
    for (int i = 0; i < FILES; i++)
        fds[i] = make_file(i);
    for (long i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, ask_at_random, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

/* ---- what it costs ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_of_keeper(void)
{
    char path[320];
    double sum = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));) {
        unsigned long long ns;
        if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", e->d_name);
        FILE *f = fopen(path, "r");
        CHECK(f && fscanf(f, "%llu", &ns) == 1);
        fclose(f);
        sum += (double)ns / 1e3;
    }
    closedir(d);
    return sum;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say_times(const char *what, double *t, size_t n)
{
    qsort(t, n, sizeof *t, compare);
    printf("%-44s median %7.2f us, 90%% %7.2f us\n", what, t[n / 2], t[n * 9 / 10]);
}

/* Replaces an 8 KiB VMA, in turns, with a pause between. */
static void measure_maps(const char *what, long n, int fd, useconds_t pause)
{
    enum { TURNS = 4000 };
    static double kept[TURNS], direct[TURNS];
    char title[64];
    int turns = pause ? TURNS / 4 : TURNS;
    const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
    char *at = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < turns; i++) {
        if (pause)
            usleep(pause);
        double t0 = now();
        CHECK(keepers_map((unsigned)n, (uintptr_t)at, 2 * PAGE, prot, flags, 0) == (long)at);
        kept[i] = now() - t0;
        if (pause)
            usleep(pause);
        t0 = now();
        CHECK(mmap(at, 2 * PAGE, prot, flags, fd, 0) == at);
        direct[i] = now() - t0;
    }
    snprintf(title, sizeof title, "%s: keepers_map", what);
    say_times(title, kept, (size_t)turns);
    snprintf(title, sizeof title, "%s: mmap", what);
    say_times(title, direct, (size_t)turns);
}

static void measure(void)
{
    int fd = make_file(1);
    long n = hold(fd);
    CHECK(n > 0);
    measure_maps("one after the other", n, fd, 0);
    measure_maps("1 ms apart", n, fd, 1000);
    double cpu = cpu_of_keeper();
    sleep(2);
    printf("the keeper's processor time in 2 idle seconds: %.1f us\n", cpu_of_keeper() - cpu);
    enum { MANY = 20000 };
    static double t[MANY];
    static long held[MANY];
    for (int i = 0; i < MANY; i++) {
        double t0 = now();
        held[i] = keepers_hold(fd);
        t[i] = now() - t0;
        CHECK(held[i] > 0 || (held[i] == -EMFILE && i > 1000));
    }
    double sum = 0;
    for (int i = 0; i < MANY; i++)
        sum += t[i];
    printf("keepers_hold of %d files: mean %.2f us; %u keepers\n", MANY, sum / MANY,
           keepers_threads());
    say_times("keepers_hold", t, MANY);
    for (int i = 0; i < MANY; i++) {
        double t0 = now();
        keepers_drop((unsigned)held[i]);
        t[i] = now() - t0;
    }
    say_times("keepers_drop", t, MANY);
    for (int i = 0; i < 100; i++) {
        keepers_end();
        double t0 = now();
        CHECK(keepers_hold(fd) > 0);
        t[i] = now() - t0;
    }
    say_times("the first keepers_hold", t, 100);
}

/* ---- all of it ---- */

static const struct scene {
    const char *name;
    void (*play)(void);
} scenes[] = {
    { "contents", contents },
    { "locks", locks },
    { "descriptors", descriptors },
    { "soft_limit", soft_limit },
    { "hard_limit", hard_limit },
    { "lowered", lowered },
    { "closed_socket", closed_socket },
    { "creator_ends", creator_ends },
    { "forks", forks },
    { "bequests", bequests },
    { "bequest_of_bequest", bequest_of_bequest },
    { "bequest_exec", bequest_exec },
    { "bequest_lowered", bequest_lowered },
    { "bequest_given", bequest_given },
    { "bequest_full", bequest_full },
    { "bequest_flight", bequest_flight },
    { "bequest_many", bequest_many },
    { "vforks", vforks },
    { "ends", ends },
    { "endings", endings },
    { "leader_ends", leader_ends },
    { "users", users },
    { "old_kernel", old_kernel },
    { "killed", killed },
    { "random_requests", random_requests },
    { "measure", measure }, /* only where it is asked for */
};

static bool wanted(const char *name, int argc, char **argv)
{
    bool found = argc == 1 && strcmp(name, "measure") != 0;
    for (int i = 1; i < argc; i++)
        found = found || strcmp(argv[i], name) == 0;
    return found;
}

int main(int argc, char **argv)
{
    int failed = 0;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        int status = -1;
        if (!wanted(scenes[i].name, argc, argv))
            continue;
        snprintf(folder, sizeof folder, "/tmp/mapherd-keepers.XXXXXX");
        CHECK(mkdtemp(folder) && chmod(folder, 0777) == 0);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            alarm(120);
            keepers_start(free_room());
            scenes[i].play();
            exit(0);
        }
        waitpid(child, &status, 0);
        char command[128];
        snprintf(command, sizeof command, "rm -rf %s", folder);
        CHECK(system(command) == 0);
        if (status != 0) {
            fprintf(stderr, "%s: FAILED: status %#x\n", scenes[i].name, (unsigned)status);
            failed++;
        }
    }
    return failed != 0;
}
