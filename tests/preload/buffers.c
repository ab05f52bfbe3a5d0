/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * buffers: what libc's functions that take memory say about a signal, a cancellation, a bad address, short
 * counts, and a buffer that is too small. Prints a line for each, to be compared with another run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "look.h"
#include "memory_calls.h"

enum { PAGE = 4096 };
static char *area;      /* two pages; the second cannot be accessed */
static char *bad;       /* that second page */
static int empty, full; /* one end of a pair of sockets: nothing to receive, no place to send */
static int file, zero, null; /* descriptors */
static FILE *in, *out;       /* of zero and null */

/* ---- the calls, with their memory at buf ---- */

/* from, to: a device, or one end of a pair of sockets. */
#define FUNCTION(descriptor, name, call)                                              \
    static long call_##name(int from, int to, char *buf)                              \
    {                                                                                 \
        enum { len = 16, offset = 0, here = 0, flags = 0, many = 2, n = 1, ms = -1 }; \
        const struct timespec *time = NULL;                                           \
        struct pollfd *fds = (struct pollfd *)(void *)buf;                            \
        struct split split;                                                           \
        int fd = descriptor;                                                          \
        split_memory(&split, buf, len);                                               \
        (void)from, (void)to, (void)fd, (void)fds, (void)time;                        \
        return call;                                                                  \
    }

#define OF_READS(make, name, call) make(from, name, call)
#define OF_READS_AT(make, name, call) make(file, name, call)
#define OF_WRITES(make, name, call) make(to, name, call)
#define OF_WRITES_AT(make, name, call) make(file, name, call)
#define OF_SENDS(make, name, call) make(to, name, call)
#define OF_SENDS_MANY(make, name, call) make(to, name, call)
#define OF_RECEIVES(make, name, call) make(from, name, call)
#define OF_RECEIVES_MANY(make, name, call) make(from, name, call)
#define OF_DRAWS(make, name, call) make(-1, name, call)
#define OF_WAITS(make, name, call) make(-1, name, call)
#define OF_STREAMS_IN(make, name, call) /* streams() */
#define OF_STREAMS_OUT(make, name, call)
#define CALL(kind, name, call) OF_##kind(FUNCTION, name, call)
#include "memory_calls.def"

static const struct call {
    const char *name;
    long (*make)(int from, int to, char *buf);
} calls[] = {
#define ROW(descriptor, name, call) { #name, call_##name },
#define CALL(kind, name, call) OF_##kind(ROW, name, call)
#include "memory_calls.def"
};
enum { CALLS = sizeof calls / sizeof *calls };

static void say(const char *what, const char *name, long answer)
{
    int error = answer < 0 ? errno : 0;
    printf("%s: %s: %ld, %d\n", what, name, answer, error);
}

/* Memory for a call that blocks: one descriptor, for poll. */
static char *waiting(void)
{
    memset(area, 0, 64);
    *(struct pollfd *)(void *)area = (struct pollfd){ .fd = empty, .events = POLLIN };
    return area;
}

/* ---- a bad address, a bad array, part of a buffer ---- */

static void addresses(const struct call *c)
{
    errno = 4711;
    say("not readable", c->name, c->make(zero, null, bad));
    say("half readable", c->name, c->make(zero, null, bad - 8));
    say("no memory", c->name, c->make(zero, null, NULL));
    errno = 4711;
    long answer = c->make(-1, -1, area);
    say("no descriptor", c->name, answer);
    if (answer >= 0 && errno != 4711)
        die("%s: errno is %d", c->name, errno);
}

static void arrays(void)
{
    volatile int negative = -1;
    volatile nfds_t most = ~0UL;
    struct iovec *nowhere = (struct iovec *)(void *)bad, *half = nowhere - 1;
    *half = (struct iovec){ area, 8 };
    say("array", "readv", readv(zero, nowhere, 2));
    say("array", "writev", writev(null, half, 2));
    say("array", "preadv2", preadv2(file, half, 2, 0, 0));
    say("array of -1", "readv", readv(zero, half, negative));
    say("array of 1025", "readv", readv(zero, half, 1025));
    say("array of 0", "readv", readv(zero, nowhere, 0));
    say("array", "sendmsg", sendmsg(empty, (struct msghdr *)(void *)bad, 0));
    say("array", "recvmsg", recvmsg(empty, (struct msghdr *)(void *)(bad - 8), 0));
    say("array", "sendmmsg", sendmmsg(empty, (struct mmsghdr *)(void *)bad, 2, 0));
    say("array", "recvmmsg", recvmmsg(empty, (struct mmsghdr *)(void *)bad, 2, MSG_DONTWAIT, NULL));
    struct msghdr h = { .msg_iov = nowhere, .msg_iovlen = 2 };
    say("array in a message", "sendmsg", sendmsg(empty, &h, 0));
    h.msg_iovlen = 2000;
    say("2,000 parts", "sendmsg", sendmsg(empty, &h, 0));
    socklen_t *len = (socklen_t *)(void *)bad;
    say("length", "recvfrom", recvfrom(empty, area, 1, MSG_DONTWAIT, (void *)(area + 64), len));
    say("many", "poll", poll((struct pollfd *)(void *)area, most, 0));
    say("mask", "ppoll", ppoll(NULL, 0, &(struct timespec){ 0, 0 }, (sigset_t *)(void *)bad));
}

/* ---- signals and cancellation ---- */

static void on_alarm(int sig)
{
    (void)sig;
}

static bool blocks(const struct call *c)
{
    return !strstr(c->name, "pread") && !strstr(c->name, "pwrite") && !strstr(c->name, "get");
}

/* The alarm comes again, because the first may come before the call blocks. */
static void interrupted(const struct call *c)
{
    struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = on_alarm };
    if (!blocks(c))
        return;
    sigaction(SIGALRM, &action, NULL);
    char *at = waiting();
    setitimer(ITIMER_REAL, &soon, NULL);
    long answer = c->make(empty, full, at);
    int error = errno;
    setitimer(ITIMER_REAL, &never, NULL);
    errno = error;
    say("a signal", c->name, answer);
}

static const struct call *under_test;

static void *call_cancelled(void *before)
{
    if (before)
        pthread_cancel(pthread_self());
    under_test->make(before ? zero : empty, before ? null : full, waiting());
    return NULL;
}

static void cancelled(const struct call *c)
{
    pthread_t thread;
    void *answer;
    under_test = c;
    if (pthread_create(&thread, NULL, call_cancelled, area) || pthread_join(thread, &answer))
        die("no thread");
    printf("cancelled before: %s: %d\n", c->name, answer == PTHREAD_CANCELED);
    if (!blocks(c))
        return;
    if (pthread_create(&thread, NULL, call_cancelled, NULL) || pthread_cancel(thread) ||
        pthread_join(thread, &answer))
        die("no thread");
    printf("cancelled meanwhile: %s: %d\n", c->name, answer == PTHREAD_CANCELED);
}

/* ---- short counts, streams, and buffers that are too small ---- */

static void counts(void)
{
    int pipes[2];
    struct split split;
    split_memory(&split, area, 16);
    if (pipe(pipes))
        die("no pipe");
    say("short", "write", write(pipes[1], "0123456789", 10));
    say("short", "read", read(pipes[0], area, 4));
    say("short", "read", read(pipes[0], area + 4, 100));
    printf("bytes: %.10s\n", area);
    close(pipes[1]);
    say("end", "read", read(pipes[0], area, 100));
    say("wrong end", "write", write(pipes[0], area, 1));
    say("no place to look", "preadv2", preadv2(pipes[0], split.parts, 3, 0, 0));
    say("bad flags", "pwritev2", pwritev2(file, split.parts, 3, 0, 0x4000));
    say("at the end", "pread", pread(file, area, 16, 1 << 20));
    close(pipes[0]);
}

static void streams(void)
{
    enum { LARGE = 1 << 20 };
    char *buf = malloc(LARGE), *found = calloc(1, LARGE);
    FILE *f = tmpfile();
    for (int i = 0; i < LARGE; i++)
        buf[i] = (char)(i * 7 + i / 999);
    say("stream", "fwrite", (long)fwrite(buf, 1024, LARGE / 1024, f));
    say("stream", "fwrite_unlocked", (long)fwrite_unlocked(buf, 1, 3, f));
    rewind(f);
    say("stream", "fread", (long)fread(found, 3, 100000, f));
    say("stream", "fread_unlocked", (long)fread_unlocked(found + 300000, 1, 300000, f));
    say("stream", "__fread_chk", (long)__fread_chk(found + 600000, 400000, 1, 400000, f));
    say("stream", "__fread_unlocked_chk",
        (long)__fread_unlocked_chk(found + 1000000, LARGE - 1000000, 1, LARGE - 1000000, f));
    printf("same bytes: %d\n", memcmp(buf, found, LARGE));
    say("stream", "fread", (long)fread(found, 10, 10, f));
    printf("end %d, error %d\n", feof(f) != 0, ferror(f) != 0);
    say("not readable", "fread", (long)fread(bad, 1, 100000, in));
    printf("end %d, error %d\n", feof(in) != 0, ferror(in) != 0);
    say("not readable", "fwrite", (long)fwrite(bad, 1, 100000, out));
    printf("end %d, error %d\n", feof(out) != 0, ferror(out) != 0);
    fclose(f);
}

static void too_small(void)
{
    static const char *const names[] = { "__read_chk",     "__pread_chk", "__pread64_chk",
                                         "__recv_chk",     "__poll_chk",  "__ppoll_chk",
                                         "__recvfrom_chk", "__fread_chk" };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        int status;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
            dup2(null, 2);
            switch (i) {
            case 0: __read_chk(zero, area, 17, 16); break;
            case 1: __pread_chk(file, area, 17, 0, 16); break;
            case 2: __pread64_chk(file, area, 17, 0, 16); break;
            case 3: __recv_chk(empty, area, 17, 16, 0); break;
            case 4: __poll_chk((struct pollfd *)(void *)area, 2, 0, 15); break;
            case 5: __ppoll_chk((struct pollfd *)(void *)area, 2, NULL, NULL, 15); break;
            case 6: __recvfrom_chk(empty, area, 17, 16, 0, NULL, NULL); break;
            default: __fread_chk(area, 16, 1, 17, in);
            }
            _exit(0);
        }
        waitpid(child, &status, 0);
        printf("too small: %s: signal %d\n", names[i], WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

int main(void)
{
    int pair[2], filled[2];
    area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bad = area + PAGE;
    file = memfd_create("buffers", 0);
    zero = open("/dev/zero", O_RDWR);
    null = open("/dev/null", O_RDWR);
    in = fdopen(dup(zero), "r");
    out = fdopen(dup(null), "w");
    if (area == MAP_FAILED || mprotect(bad, PAGE, PROT_NONE) || file < 0 || !in || !out ||
        write(file, area, 64) != 64 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, filled))
        die("cannot begin");
    empty = pair[0];
    full = filled[0];
    while (send(full, area, 1000, MSG_DONTWAIT) > 0)
        continue;
    while (send(full, area, 1, MSG_DONTWAIT) > 0)
        continue;
    fprintf(stderr, "library %d\n", look(NULL).library);
    for (const struct call *c = calls; c < calls + CALLS; c++) {
        /* With these a bad descriptor or address is no error, and the call would block. */
        bool is_poll = strstr(c->name, "poll");
        if (!is_poll)
            addresses(c);
        interrupted(c);
        cancelled(c);
    }
    say("not readable", "poll", poll((struct pollfd *)(void *)bad, 1, 0));
    say("not readable", "ppoll", ppoll((struct pollfd *)(void *)bad, 1, NULL, NULL));
    arrays();
    counts();
    streams();
    too_small();
    return 0;
}
