/*
 * filter: see filter.h.
 */
#define _GNU_SOURCE
#include "disk/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/pages.h"
#include "kernel/procstat.h"
#include "kernel/sys.h"
#include "tell/log.h"

#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */

/* A filter may pass a call to another process, which may never answer. Then the child ends
 * after this time, which is long enough for a busy machine. */
#define ANSWER_MS 5000

enum { UNKNOWN, NONE, UNASKED, PASSES, REFUSES };
static int verdict;

static int current(void)
{
    int known = __atomic_load_n(&verdict, __ATOMIC_RELAXED);
    if (known == UNKNOWN) {
        known = sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 ? NONE : UNASKED;
        __atomic_store_n(&verdict, known, __ATOMIC_RELAXED);
    }
    return known;
}

bool filter_is_there(void)
{
    return current() != NONE;
}

bool filter_passes(void)
{
    int now = current();
    return now == NONE || now == PASSES;
}

bool filter_refuses(void)
{
    return current() == REFUSES;
}

/* The child's answer, in a page that it shares with its parent. */
struct told {
    bool may_wait; /* wait4 does not kill */
    bool passed;
};

/* Makes the child end if it takes too long. False: nothing would end it. */
static bool set_alarm(void)
{
    const struct sys_action plain = { .handler = (uintptr_t)SIG_DFL };
    uint64_t alarm = SYS_SIGNAL_BIT(SIGALRM);
    return sys_sigaction(SIGALRM, &plain, NULL) == 0 &&
           sys_sigprocmask(SIG_UNBLOCK, &alarm, NULL) == 0 && sys_alarm(ANSWER_MS) == 0;
}

static long lives(void *unused)
{
    (void)unused;
    return 1;
}

/* Does what parked.c does with an open file, with sockets of its own. False: it would not work. */
static bool keeps_files(void)
{
    int pair[2];
    if (sys_socketpair(pair) < 0 || sys_send_file(pair[1], pair[0]) < 0 ||
        sys_peek_file(pair[0]) < 0 || sys_drop_file(pair[0]) < 0)
        return false;
    return sys_apart(lives, NULL) == 1; /* a filter may kill that thread alone */
}

/* A filter sees the number of a call and its arguments, but no memory. So a call that fails for a
 * descriptor that does not exist, or for an empty name, shows as much as another, and changes
 * nothing. */
static void make_calls(void)
{
    static const int commands[] = { F_GETLEASE, F_SETLEASE, F_GETSIG,       F_SETSIG,
                                    F_GETOWN,   F_SETOWN,   F_DUPFD_CLOEXEC };
    static char room[64];
    struct stat st;
    struct sys_action action;
    struct sys_space space;
    int word = 0, timer;
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        sys_fcntl(-1, commands[i], 0);
    sys_open("", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    sys_open("", O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    sys_open("", O_RDONLY | O_DIRECTORY, 0);
    sys_stat("", &st);
    sys_fstat(-1, &st);
    sys_fstatfs(-1, &space);
    sys_statfs("", &space);
    sys_readlink("", room, sizeof room);
    sys_unlink("");
    sys_getdents(-1, room, sizeof room);
    sys_read(-1, room, sizeof room);
    sys_pread(-1, room, sizeof room, 0);
    sys_write(-1, room, sizeof room);
    sys_pwrite(-1, room, sizeof room, 0);
    sys_lseek(-1, 0, SEEK_SET);
    sys_ioctl(-1, 0, NULL);
    sys_ioctl(-1, FS_IOC_GETVERSION, NULL);
    sys_fallocate(-1, 0, 0, 0);
    sys_fallocate(-1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0);
    sys_flock(-1, LOCK_EX);
    sys_close(-1);
    sys_mmap(0, 0, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, -1, 0);
    sys_mmap(0, 0, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sys_mremap(0, 0, 0, MREMAP_MAYMOVE, 0);
    sys_mremap(0, 0, 0, MREMAP_MAYMOVE | MREMAP_FIXED, 0);
    sys_mprotect(0, 0, PROT_READ | PROT_WRITE);
    sys_madvise(0, 0, POPULATE_WRITE);
    sys_munmap(0, 0);
    sys_sigaction(SIGURG, NULL, &action);
    sys_sigaltstack(NULL, NULL);
    if (sys_timer_create(SIGURG, &timer) == 0)
        sys_timer_set(timer, 0);
    sys_futex_wait(&word, 1);
    sys_futex_wake(&word, 1);
    sys_getrandom(room, 0);
    sys_rlimit(0);
    sys_getpid();
    sys_gettid();
    sys_now_ms();
    sys_nap(0);
}

/* The child. It first forbids its core dump. So no file appears, no crash handler starts, and
 * before Linux 5.16 no other process dies with it (fs/coredump.c checks this first). */
static void try_calls(void *context)
{
    struct told *told = context;
    if (sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || !set_alarm())
        return;
    sys_reap(0);
    told->may_wait = true;
    make_calls();
    told->passed = keeps_files();
}

static bool is_same(const char *link, const char *other)
{
    char text[64], other_text[64];
    long len = sys_readlink(link, text, sizeof text),
         other_len = sys_readlink(other, other_text, sizeof other_text);
    return len > 0 && len == other_len && memcmp(text, other_text, (size_t)len) == 0;
}

/* A PID namespace ends with its first process, and the first process of a time namespace fixes its
 * clocks. So the child must not be the first process of a namespace that the program has made for
 * its children. */
static bool children_stay_here(void)
{
    struct stat st;
    return is_same("/proc/self/ns/pid", "/proc/self/ns/pid_for_children") &&
           (sys_lstat("/proc/self/ns/time", &st) < 0 ||
            is_same("/proc/self/ns/time", "/proc/self/ns/time_for_children"));
}

static bool has_threads(void)
{
    struct procstat threads = { "Threads", PROCSTAT_NONE, false };
    procstat_read("/proc/self/status", &threads, 1);
    return threads.value != PROCSTAT_NONE && threads.value > 1;
}

/* The end of the child sends no signal to the program (sys_child). A wait of the program for
 * children of any kind (__WALL) may take it first. */
static bool child_passes(void)
{
    long at = sys_mmap(0, page_up(sizeof(struct told)), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct told *told = (struct told *)at;
    if (sys_failed(at))
        return false;
    long child = sys_child(try_calls, told);
    bool passed = child > 0 && told->passed;
    if (child > 0 && told->may_wait)
        sys_reap(child);
    sys_munmap((uintptr_t)at, page_up(sizeof *told));
    return passed;
}

/* The line comes first, because the filter may kill the process for the clone. */
static void ask(enum log_level level)
{
    log_line_at(
        level, EVENT_filter,
        "the process was started under a seccomp filter, which may kill for calls that it does "
        "not expect: a child makes the calls of spilling first");
    __atomic_store_n(&verdict, child_passes() ? PASSES : REFUSES, __ATOMIC_RELAXED);
}

bool filter_ask(bool dies)
{
    if (current() == UNASKED && children_stay_here() && (dies || has_threads()))
        ask(LOG_WARNING);
    return filter_passes();
}

void filter_ask_at_start(void)
{
    if (current() == UNASKED && children_stay_here())
        ask(LOG_INFO);
}
