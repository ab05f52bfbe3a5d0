/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * keepers: see keepers.h.
 *
 * A request goes through memory, not through the socket. The caller writes it into the keeper's
 * post, changes the post's word, and wakes the keeper if it sleeps. The answer comes back into a
 * variable of the caller, because the next caller may write into the post while this one has not
 * yet looked. There is one request at a time. Each side looks once more before it sleeps, and
 * sleeps only while the word is what it was, so no wake-up is lost.
 *
 * Files on their way to a keeper wait in its socket. Their numbers are in the same order in the
 * post. The keeper receives each by MSG_PEEK first: where the limit allows no descriptor more, the
 * file goes on waiting, and is not lost (MSG_CTRUNC would lose it).
 */
#define _GNU_SOURCE
#include "kernel/keepers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "common/fmt.h"
#include "common/libc.h"
#include "common/pages.h"
#include "kernel/bequest.h"
#include "kernel/brief.h"
#include "kernel/nofile.h"
#include "kernel/sys.h"
#include "kernel/trial.h"

#define KEEPERS 511          /* as many as a struct file can name */
#define NUMBERS (1UL << 21)  /* of files; number 0 is none */
#define GROWTH 8192UL        /* by so many numbers the table grows */
#define SPARE 64             /* so many descriptors below the hard limit stay free in a table */
#define ROOM_MAX (1UL << 20) /* files of a keeper */
#define STACK (28UL << 10)   /* of a keeper, its post included */
#define TABLE_ROOM (NUMBERS * 8)
#define STACK_ROOM (64UL << 10) /* apart, so that no two are one VMA */
#define RING 256U               /* files on their way to one keeper, at most */
#define LOT 64U                 /* so many are received at once */
#define LINGER_MS 5             /* or so long after the first */
#define BEQUEST_MS 10           /* a child that execs does so within less */
#define LOOK_MS 200             /* a caller that waits looks so often whether the keeper is alive */
#define DEAD (-ENOTRECOVERABLE)
#define END_LOOKS 10000 /* at the end of a thread, which a debugger may delay: about a second */
#define START_MS 100    /* how long keepers_hold waits for a keeper to close its copies */
#define TURN_NS \
    2000000          /* a program that computes has the processor so long (sched(7)), or longer */
#define CALM 128     /* requests after a caller that gave way to one */
#define FREELY 10000 /* requests after one that took long */
#define ALONE_MS 100 /* so often a keeper looks whether all other threads have ended */

#define CAPABILITY(name) ((uint64_t)1 << (name))
#define EFFECTIVE CAPABILITY(CAP_IPC_LOCK)
#define PERMITTED (CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | EFFECTIVE)

/* A held file, or a free number, whose keeper is 0 and whose place is the next free number. One
 * word, because the keeper writes it while callers read others. */
union file {
    uint64_t word;
    struct {
        uint64_t keeper : 9;
        uint64_t writable : 1;
        uint64_t sent : 1;   /* it goes to the child, or it comes from the parent and place is 0 */
        uint64_t place : 21; /* descriptor + 1; 0: not yet received */
        uint64_t mark : 32;  /* sys_file_mark */
    };
};

struct request {
    enum { RUN, CLOSE, FOLLOW, SETTLE, BEQUEATH, END } what;
    unsigned file;
    keepers_work *work;
    void *to; /* RUN: its context; FOLLOW: a struct sys_rights; BEQUEATH: a struct bequeathing */
};

/* The caller's. The keeper writes `done` last, in one step in which it learns whether the caller
 * sleeps: after it, the memory may be in use for something else. */
struct answer {
    long answer;
    int done;
};
enum { NOT_DONE, SLEEPS, DONE };

/* At the end of a keeper's stack. */
struct post {
    /* written by the callers */
    int word __attribute__((aligned(64))); /* changes when there is something to do */
    unsigned asked;                        /* requests */
    unsigned sent;                         /* files */
    struct request request;
    struct answer *answer;
    int listed;          /* the table says which files the parent's keeper has sent */
    unsigned ring[RING]; /* numbers of the files on their way; 0: dropped */
    /* written by the keeper */
    unsigned received __attribute__((aligned(64)));
    int sleeps;
    int ready;             /* 1: the copies are closed; -1: there is no socket */
    unsigned bequests;     /* sockets from which files of the parent's keeper have to be received */
    int bequest[BEQUESTS]; /* their descriptors, which the starter has set */
    int here;              /* 1; 0 in a forked child, because fork wipes the page */
    /* For code that reads %fs:0 and %fs:0x28. */
    char below[512] __attribute__((aligned(64)));
    uintptr_t thread[64]; /* the thread pointer points here */
};

/* What the keeper alone uses. */
struct inside {
    int socket;
    struct keepers_proc proc;
    unsigned served;
    bool stuck;    /* what waits in the socket cannot be received for now */
    bool lingered; /* the files on their way have had their time */
    bool delayed;  /* and so have those that the parent's keeper has sent */
};

static struct keeper {
    enum { NONE, HERE, PARENTS } state;
    struct post *post;
    uintptr_t base; /* of its mapping */
    size_t len;
    size_t files;
    int alive; /* the kernel makes it 0 at the thread's end */
    int tid;
    long processor;  /* on which it was put; -1: on none */
    unsigned freely; /* so many requests more leave it where it is */
    unsigned calm;   /* and so many callers sleep at once */
    int socket;      /* the program's end */
    ino_t ino, peer; /* of the two ends */
    bool cut;        /* no file can be sent any more */
    bool bequeaths;  /* some of its files go to the child */
    long pid;        /* PARENTS: the process */
    struct inside inside;
} keepers[KEEPERS + 1];

static unsigned long home[128]; /* the processors on which the first keeper could run: 8192 */
static long home_size;          /* in bytes; or -errno; 0: not asked */
/* From here on none has been in use: a process without keepers does not touch the array. */
static struct keeper *unused = keepers + 1;
static uintptr_t room_at;   /* of the memory of all */
static long own_pid;        /* 0: keepers_start was not called */
static unsigned threads;    /* keepers that are HERE */
static struct keeper *last; /* the one that got the last file */
_Static_assert(TABLE_ROOM + (KEEPERS + 1) * STACK_ROOM <= KEEPERS_ROOM, "they have room");
static union file *table;    /* NULL: not yet mapped */
static size_t readable;      /* numbers of the table that are mapped */
static size_t used;          /* numbers that have been in use, 0 included */
static unsigned free_number; /* the first of the free ones */
static size_t held;
static bool marked;     /* files go to the child */
static long missed;     /* why the child does not get a file; or 0 */
static int first_ended; /* 1: the first thread of the process has ended by exit(2), or will */

/* ---- the table of files ---- */

static union file look(unsigned n)
{
    return (union file){ .word = __atomic_load_n(&table[n].word, __ATOMIC_ACQUIRE) };
}

static void note(unsigned n, union file f)
{
    __atomic_store_n(&table[n].word, f.word, __ATOMIC_RELEASE);
}

/* In place, because a keeper may be reading it: nothing else is mapped in the room. */
static bool grow(void)
{
    const size_t size = readable * sizeof *table, more = GROWTH * sizeof *table;
    if (readable == NUMBERS)
        return false;
    long base = table ? sys_mremap((uintptr_t)table, size, size + more, 0, 0)
                      : sys_mmap(room_at, more, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(base))
        return false;
    if (!table)
        used = 1;
    table = (union file *)base;
    readable += GROWTH;
    return true;
}

/* Returns a number that is in no use; 0 if there is none. */
static unsigned take_number(void)
{
    unsigned n = free_number;
    if (n) {
        free_number = (unsigned)table[n].place;
        return n;
    }
    if (used == readable && !grow())
        return 0;
    return (unsigned)used++;
}

static bool goes_to_child(union file f, unsigned keeper)
{
    return f.sent && f.place && f.keeper == keeper;
}

/* From the number n on, no file of this keeper goes to the child. */
static void unmark(unsigned keeper, unsigned n)
{
    for (; n < used; n++) {
        union file f = look(n);
        if (!goes_to_child(f, keeper))
            continue;
        f.sent = 0;
        note(n, f);
    }
}

static void give_number(unsigned n)
{
    note(n, (union file){ .place = free_number });
    free_number = n;
}

/* ---- the keeper: its files ---- */

/* Sequentially consistent, as the stores are: a keeper that has just found nothing, and a caller
 * that sends, cannot both miss what the other has done. */
static unsigned on_the_way(const struct post *p)
{
    return __atomic_load_n(&p->sent, __ATOMIC_SEQ_CST) -
           __atomic_load_n(&p->received, __ATOMIC_SEQ_CST);
}

static bool is_asked(const struct keeper *k)
{
    return __atomic_load_n(&k->post->asked, __ATOMIC_ACQUIRE) != k->inside.served;
}

/* Takes files out of the socket: up to LOT, up to the file n if that is not 0, and with `busy`
 * false until a request comes. Returns how many. No more is done here than has to be done while the
 * limit is raised. */
static unsigned take_lot(struct keeper *k, int fds[], unsigned n, bool busy)
{
    struct nofile l = { .raised = false };
    const struct post *p = k->post;
    unsigned got = 0, most = on_the_way(p) < LOT ? on_the_way(p) : LOT;
    while (got < most && (busy || !is_asked(k))) {
        long fd = sys_peek_file(k->inside.socket);
        if (fd == -EMFILE && nofile_raise(&l))
            fd = sys_peek_file(k->inside.socket);
        if (fd < 0) {
            k->inside.stuck = true;
            break;
        }
        sys_drop_file(k->inside.socket);
        fds[got] = (int)fd;
        if (p->ring[(p->received + got++) % RING] == n && n)
            break;
    }
    nofile_restore(&l);
    return got;
}

static void note_received(struct keeper *k, unsigned n, int fd)
{
    uint32_t mark = 0;
    long flags = sys_fcntl(fd, F_GETFL, 0);
    sys_file_mark(fd, NULL, &mark);
    note(n, (union file){ .keeper = (uint64_t)(k - keepers),
                          .writable = flags >= 0 && (flags & O_ACCMODE) == O_RDWR,
                          .place = (uint64_t)fd + 1,
                          .mark = mark });
}

/* Receives what is on its way; n and busy are as in take_lot. */
static void receive_all(struct keeper *k, unsigned n, bool busy)
{
    struct post *p = k->post;
    int fds[LOT];
    unsigned got;
    do {
        got = take_lot(k, fds, n, busy);
        for (unsigned i = 0; i < got; i++) {
            unsigned number = p->ring[(p->received + i) % RING];
            if (number)
                note_received(k, number, fds[i]);
            else
                sys_close(fds[i]);
        }
        __atomic_store_n(&p->received, p->received + got, __ATOMIC_SEQ_CST);
    } while (got && !k->inside.stuck && !(n && look(n).place));
}

/* ---- the keeper: files that a child gets ---- */

/* What a keeper is asked to send, from the number `next` on. */
struct bequeathing {
    unsigned next;
    struct bequest_end into;
};

/* Sends the files that are to be sent. -EAGAIN: the socket is full, and the rest needs another. */
static long bequeath(struct keeper *k, struct bequeathing *b)
{
    struct nofile l = { .raised = false };
    struct bequest_lot lot;
    lot.n = 0;
    long socket = bequest_fetch(&b->into, k->inside.socket), answer = socket < 0 ? socket : 0;
    for (unsigned n = b->next; answer == 0 && n < used; n++) {
        union file f = look(n);
        if (goes_to_child(f, (unsigned)(k - keepers))) {
            lot.fds[lot.n] = (int)f.place - 1;
            lot.numbers[lot.n++] = n;
        }
        if (lot.n < SYS_FILES_MAX && n + 1 < used)
            continue;
        answer = lot.n ? bequest_give((int)socket, &lot, &l) : 0;
        if (answer == 0)
            b->next = n + 1;
        lot.n = 0;
    }
    nofile_restore(&l);
    if (socket >= 0)
        sys_close((int)socket);
    return answer;
}

static unsigned bequests_of(const struct post *p)
{
    return __atomic_load_n(&p->bequests, __ATOMIC_ACQUIRE);
}

/* Receives a lot. Returns what bequest_take does. */
static long take_bequest(int socket)
{
    struct bequest_lot lot;
    long got = bequest_take(socket, &lot);
    for (unsigned i = 0; i < lot.n; i++) {
        union file f = look(lot.numbers[i]);
        if (!f.sent) {
            sys_close(lot.fds[i]); /* dropped meanwhile */
            continue;
        }
        f.sent = 0;
        f.place = (unsigned)lot.fds[i] + 1;
        note(lot.numbers[i], f);
    }
    return got;
}

/* Receives what the parent's keeper has sent; n and busy are as in take_lot. */
static void receive_bequest(struct keeper *k, unsigned n, bool busy)
{
    struct post *p = k->post;
    unsigned left;
    while ((left = bequests_of(p)) && (busy || !is_asked(k)) && !(n && look(n).place)) {
        long got = take_bequest(p->bequest[left - 1]);
        if (got < 0) {
            k->inside.stuck = true;
            return;
        }
        if (got == 0) {
            sys_close(p->bequest[left - 1]);
            __atomic_store_n(&p->bequests, left - 1, __ATOMIC_RELEASE);
        }
    }
}

/* Returns the descriptor of a file, or -EMFILE. */
static long descriptor(struct keeper *k, unsigned n)
{
    if (look(n).sent)
        receive_bequest(k, n, true);
    else if (!look(n).place)
        receive_all(k, n, true);
    unsigned place = (unsigned)look(n).place;
    return place ? (long)place - 1 : -EMFILE;
}

/* A file that cannot be received now is closed when it is. Returns -EAGAIN if its number has to
 * stay taken, because the file that comes is known by it. */
static long forget(struct keeper *k, unsigned n)
{
    struct post *p = k->post;
    union file f = look(n);
    if (f.sent) {
        f.sent = 0;
        note(n, f);
        return -EAGAIN;
    }
    for (unsigned i = p->received; i != p->sent; i++)
        if (p->ring[i % RING] == n)
            p->ring[i % RING] = 0;
    return 0;
}

/* ---- the keeper: its requests ---- */

static void give_answer(struct answer *a, long answer)
{
    a->answer = answer;
    if (__atomic_exchange_n(&a->done, DONE, __ATOMIC_ACQ_REL) == SLEEPS)
        sys_futex_wake(&a->done, 1);
}

static long do_request(struct keeper *k, const struct request *r)
{
    long fd = r->what <= CLOSE ? descriptor(k, r->file) : 0;
    switch (r->what) {
    case RUN: return fd < 0 ? fd : r->work((int)fd, &k->inside.proc, r->to);
    case CLOSE: return fd < 0 ? forget(k, r->file) : sys_close((int)fd);
    case FOLLOW: return sys_take_rights(r->to, PERMITTED, EFFECTIVE);
    case SETTLE:
        receive_bequest(k, 0, true);
        receive_all(k, 0, true);
        return on_the_way(k->post) || bequests_of(k->post) ? -EMFILE : 0;
    case BEQUEATH: return bequeath(k, r->to);
    case END: return 0;
    }
    return -EINVAL;
}

static void serve(struct keeper *k)
{
    k->inside.stuck = false;
    long answer = do_request(k, &k->post->request);
    k->inside.served++;
    give_answer(k->post->answer, answer);
}

static bool unchanged(const struct post *p, int seen)
{
    return __atomic_load_n(&p->word, __ATOMIC_SEQ_CST) == seen;
}

/* Sleeps while the word is what it was, at most ms milliseconds; 0: without end. */
static void sleep_on(struct post *p, int seen, unsigned ms)
{
    __atomic_store_n(&p->sleeps, 1, __ATOMIC_SEQ_CST);
    if (unchanged(p, seen) && ms)
        sys_futex_wait_ms(&p->word, seen, ms);
    else if (unchanged(p, seen))
        sys_futex_wait(&p->word, seen);
    __atomic_store_n(&p->sleeps, 0, __ATOMIC_SEQ_CST);
}

static bool is_alive(const struct keeper *k)
{
    return __atomic_load_n(&k->alive, __ATOMIC_ACQUIRE) != 0;
}

/* True if the process has the keepers and so many threads more. The kernel counts a first thread
 * that has ended until the process ends. A keeper that has just ended may be counted too: then this
 * is false. */
static bool has_more_threads(unsigned counted)
{
    const unsigned own_links = 2; /* of the folder; each thread is one more */
    struct stat st;
    const struct keeper *end = __atomic_load_n(&unused, __ATOMIC_ACQUIRE);
    for (const struct keeper *k = keepers + 1; k < end; k++)
        counted += k->state == HERE && is_alive(k);
    return sys_stat("/proc/self/task", &st) == 0 && st.st_nlink == own_links + counted;
}

/* Sleeps until there may be work. After the end of the first thread it also looks whether the
 * others have ended. */
static void sleep_long(struct post *p, int seen)
{
    bool looks = __atomic_load_n(&first_ended, __ATOMIC_ACQUIRE);
    if (looks && has_more_threads(1))
        sys_exit_group(0);
    sleep_on(p, seen, looks ? ALONE_MS : 0);
}

/* True if files are on their way that are to be received now. */
static bool has_a_lot(struct keeper *k, int seen)
{
    struct post *p = k->post;
    if (!on_the_way(p) || k->inside.stuck)
        return false;
    if (!k->inside.lingered && on_the_way(p) < LOT) {
        sleep_on(p, seen, LINGER_MS);
        k->inside.lingered = true;
        return false;
    }
    k->inside.lingered = false;
    return true;
}

/* True if what the parent's keeper has sent is to be received now. A child that execs at once does
 * without. In any other the files do not wait long, because they count for the user's limit of
 * files in flight. */
static bool has_bequest(struct keeper *k, int seen)
{
    if (!bequests_of(k->post) || k->inside.stuck)
        return false;
    if (k->inside.delayed && __atomic_load_n(&k->post->listed, __ATOMIC_ACQUIRE))
        return true;
    sleep_on(k->post, seen, BEQUEST_MS);
    k->inside.delayed = true;
    return false;
}

static bool is_kept(const struct post *p, int own, int fd)
{
    bool kept = fd == own;
    for (unsigned i = 0; i < p->bequests; i++)
        kept = kept || p->bequest[i] == fd;
    return kept;
}

static void close_listed(const struct post *p, int but)
{
    static const char path[] = "/proc/thread-self/fd";
    char entries[1024] __attribute__((aligned(8)));
    bool closed = true;
    while (closed) {
        long list = sys_open(path, O_RDONLY | O_DIRECTORY, 0), got;
        if (list < 0)
            return;
        closed = false;
        while ((got = sys_getdents((int)list, entries, sizeof entries)) > 0) {
            for (long at = 0; at < got;) {
                const struct dirent64 *e = (const void *)(entries + at);
                const char *name = e->d_name;
                uint64_t fd;
                at += e->d_reclen;
                if (fmt_read_u64(&name, &fd) && (int)fd != list && !is_kept(p, but, (int)fd))
                    closed = sys_close((int)fd) == 0 || closed;
            }
        }
        sys_close((int)list);
    }
}

/* Closes all of the table but one, and but the sockets from which files have to be received. */
static void close_all_but(const struct post *p, int fd)
{
    unsigned from = 0, to;
    do {
        to = fd >= 0 && (unsigned)fd >= from ? (unsigned)fd : ~0U;
        for (unsigned i = 0; i < p->bequests; i++)
            if ((unsigned)p->bequest[i] >= from && (unsigned)p->bequest[i] < to)
                to = (unsigned)p->bequest[i];
        if (to > from && sys_close_range(from, to == ~0U ? to : to - 1) < 0) {
            close_listed(p, fd);
            return;
        }
        from = to + 1;
    } while (to != ~0U);
}

static void begin(struct keeper *k)
{
    struct stat st;
    int socket = k->inside.socket;
    sys_prctl(PR_SET_NAME, (unsigned long)"mapherd", 0, 0, 0);
    sys_limit_rights(PERMITTED, EFFECTIVE);
    if (sys_fstat(socket, &st) < 0 || st.st_ino != k->peer) /* the program has closed it */
        k->inside.socket = socket = -1;
    close_all_but(k->post, socket);
    /* What writes to descriptor 1 or 2 by mistake must not find a file of the program there. */
    k->inside.proc = (struct keepers_proc){
        .maps = (int)sys_open("/proc/self/maps", O_RDONLY, 0),
        .pagemap = (int)sys_open("/proc/self/pagemap", O_RDONLY, 0),
        .task = (int)sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0),
    };
    k->inside.proc.spare = (int)sys_fcntl(k->inside.proc.maps, F_DUPFD_CLOEXEC, 0);
    bool works = socket >= 0 && k->inside.proc.maps >= 0;
    __atomic_store_n(&k->post->ready, works ? 1 : -1, __ATOMIC_RELEASE);
    sys_futex_wake(&k->post->ready, 1);
}

static long keep(void *context)
{
    struct keeper *k = context;
    struct post *p = k->post;
    begin(k);
    for (;;) {
        int seen = __atomic_load_n(&p->word, __ATOMIC_SEQ_CST);
        if (is_asked(k)) {
            if (p->request.what == END)
                break;
            serve(k);
        } else if (has_bequest(k, seen)) {
            receive_bequest(k, 0, false);
        } else if (has_a_lot(k, seen)) {
            receive_all(k, 0, false);
        } else if (k->inside.stuck || !(on_the_way(p) || bequests_of(p))) {
            sleep_long(p, seen);
        }
    }
    p->bequests = 0;
    close_all_but(p, -1);
    give_answer(p->answer, 0);
    return 0;
}

/* ---- the caller: asks a keeper ---- */

static void nudge(struct post *p)
{
    __atomic_fetch_add(&p->word, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&p->sleeps, __ATOMIC_SEQ_CST))
        sys_futex_wake(&p->word, 1);
}

static bool is_done(const struct answer *a)
{
    return __atomic_load_n(&a->done, __ATOMIC_ACQUIRE) == DONE;
}

/*
 * Lets a keeper that sleeps run on the caller's processor alone. To wake a thread on another one
 * that is idle, and to be woken from there, takes several times as long as to map a file. A
 * real-time caller may have the processor for itself. Under a seccomp filter no call is made that
 * is not needed.
 */
static void call_here(struct keeper *k)
{
    if (k->freely) {
        k->freely--;
        return;
    }
    if (home_size <= 0 || !is_alive(k) || !__atomic_load_n(&k->post->sleeps, __ATOMIC_SEQ_CST))
        return;
    long here = sys_processor();
    if (here >= 0 && here != k->processor && !sys_realtime() &&
        sys_run_on(k->tid, (unsigned)here) >= 0)
        k->processor = here;
}

/* The caller gives way to the keeper, which has its processor, and need not be woken then. Where
 * other threads compute there, they have their turn before the caller: the next ones sleep. */
static void give_way(struct keeper *k)
{
    if (k->calm) {
        k->calm--;
    } else if (k->processor >= 0) {
        uint64_t begin = sys_clock_ns(CLOCK_MONOTONIC);
        sys_yield();
        if (sys_clock_ns(CLOCK_MONOTONIC) - begin > TURN_NS)
            k->calm = CALM;
    }
}

/* The keeper waits for its processor, which a real-time thread may have by now: it may run again
 * where it could at its start. */
static void let_go(struct keeper *k)
{
    if (k->processor >= 0 && sys_run_on_set(k->tid, home, home_size) >= 0)
        k->processor = -1;
    k->freely = FREELY;
}

/* Waits for the answer. Returns false if the thread has ended without one: a seccomp filter may
 * kill a thread alone. */
static bool await(struct keeper *k, struct answer *a)
{
    int not_done = NOT_DONE;
    __atomic_compare_exchange_n(&a->done, &not_done, SLEEPS, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
    while (!is_done(a)) {
        if (!is_alive(k))
            return is_done(a);
        if (sys_futex_wait_ms(&a->done, SLEEPS, LOOK_MS) == -ETIMEDOUT)
            let_go(k);
    }
    return true;
}

/* Returns the keeper's answer, or DEAD if its thread has ended. */
static long ask(struct keeper *k, const struct request *r)
{
    struct post *p = k->post;
    struct answer a = { .done = NOT_DONE };
    p->request = *r;
    p->answer = &a;
    __atomic_store_n(&p->asked, p->asked + 1, __ATOMIC_RELEASE);
    call_here(k);
    nudge(p);
    if (!is_done(&a))
        give_way(k);
    return await(k, &a) ? a.answer : DEAD;
}

/* A forked child without its handler finds the posts of its parent's keepers wiped. */
static void notice_fork(void)
{
    for (struct keeper *k = keepers + 1; threads && k < unused; k++) {
        if (k->state == HERE) {
            if (!k->post->here)
                keepers_after_fork();
            return;
        }
    }
}

/* Returns the keeper of a file, or NULL for a number that is free. */
static struct keeper *keeper_of(unsigned file)
{
    notice_fork();
    return file && file < used && look(file).keeper ? &keepers[look(file).keeper] : NULL;
}

/* ---- the caller: starts and ends a keeper ---- */

void keepers_start(uintptr_t address)
{
    room_at = address;
    if (!__tsan_init && !__msan_init && !_vgnU_freeres)
        own_pid = sys_getpid();
}

static bool is_ours(const struct keeper *k)
{
    struct stat st;
    return sys_fstat(k->socket, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == k->ino;
}

static void close_socket(struct keeper *k)
{
    if (is_ours(k))
        sys_close(k->socket);
}

static void end_keeper(struct keeper *k)
{
    const struct request r = { .what = END };
    ask(k, &r);
    close_socket(k);
    while (is_alive(k))
        sys_nap(0);
    for (unsigned n = 0; n < END_LOOKS && sys_thread_lives(k->tid); n++)
        sys_nap(0);
    sys_munmap(k->base, k->len);
    *k = (struct keeper){ .state = NONE };
    threads--;
}

/* Maps the stack of a keeper, with a page below it that faults, and the post at its end. */
static long map_stack(struct keeper *k)
{
    enum { WIPEONFORK = 18 }; /* MADV_WIPEONFORK, Linux 4.14 */
    k->len = page_size + page_up(STACK);
    uintptr_t hint = room_at + TABLE_ROOM + (uintptr_t)(k - keepers) * STACK_ROOM;
    long base = sys_mmap(hint, k->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(base))
        return base;
    k->base = (uintptr_t)base;
    long answer = sys_mprotect(k->base + page_size, k->len - page_size, PROT_READ | PROT_WRITE);
    if (answer < 0) {
        sys_munmap(k->base, k->len);
        return answer;
    }
    sys_madvise(k->base + page_size, k->len - page_size, WIPEONFORK);
    k->post = (struct post *)(k->base + k->len) - 1;
    k->post->here = 1;
    k->post->thread[0] = k->post->thread[2] = (uintptr_t)k->post->thread;
    return 0;
}

/* Makes the sockets, and the thread, which has a copy of the table with both in it. */
static long make_thread(struct keeper *k)
{
    int pair[2];
    struct stat ours, theirs;
    long answer = nofile_socketpair(pair);
    if (answer < 0)
        return answer;
    k->socket = (int)high_move(pair[0]);
    k->inside.socket = pair[1];
    answer = sys_fstat(k->socket, &ours);
    if (answer == 0)
        answer = sys_fstat(pair[1], &theirs);
    if (answer == 0) {
        k->ino = ours.st_ino;
        k->peer = theirs.st_ino;
        k->alive = 1;
        const struct sys_thread t = { keep, k, (char *)k->post, k->post->thread, &k->alive };
        answer = sys_thread(&t);
    }
    sys_close(pair[1]);
    if (answer < 0)
        sys_close(k->socket);
    return answer;
}

/* heir_of: in a child, the keeper of its parent whose files this one receives; 0 if none. */
static long start_keeper(struct keeper **started, unsigned heir_of)
{
    struct keeper *k = keepers + 1;
    if (!own_pid || own_pid != sys_getpid())
        return -EOPNOTSUPP;
    while (k < unused && k->state != NONE)
        k++;
    if (k > keepers + KEEPERS)
        return -EMFILE;
    if (k == unused)
        __atomic_store_n(&unused, k + 1, __ATOMIC_RELEASE);
    *k = (struct keeper){ .state = NONE };
    k->processor = -1;
    if (!home_size && !trial_filtered())
        home_size = sys_processors(home, sizeof home);
    long answer = map_stack(k);
    if (answer < 0)
        return answer;
    if (heir_of)
        k->post->bequests = bequest_of(heir_of, k->post->bequest);
    answer = make_thread(k);
    if (answer < 0) {
        sys_munmap(k->base, k->len);
        return answer;
    }
    k->tid = (int)answer;
    k->state = HERE;
    threads++;
    if (!__atomic_load_n(&k->post->ready, __ATOMIC_ACQUIRE))
        sys_futex_wait_ms(&k->post->ready, 0, START_MS);
    if (__atomic_load_n(&k->post->ready, __ATOMIC_ACQUIRE) < 0) {
        end_keeper(k);
        return -EBADF;
    }
    *started = k;
    return 0;
}

/* ---- the caller: holds and drops ---- */

static bool has_room(const struct keeper *k, size_t room)
{
    return k->state == HERE && !k->cut && k->files < room && is_alive(k);
}

/* Finds or starts a keeper with room. */
static long choose(struct keeper **chosen)
{
    struct rlimit l = { ROOM_MAX, ROOM_MAX };
    sys_prlimit(0, RLIMIT_NOFILE, NULL, &l);
    size_t room = l.rlim_max > ROOM_MAX ? ROOM_MAX : l.rlim_max;
    room = room > 2 * SPARE ? room - SPARE : room / 2;
    if (!last || !has_room(last, room)) {
        last = NULL;
        for (struct keeper *k = keepers + 1; k < unused && !last; k++)
            if (has_room(k, room))
                last = k;
    }
    *chosen = last;
    if (last)
        return 0;
    long answer = room ? start_keeper(chosen, 0) : -EMFILE;
    if (answer == 0)
        last = *chosen;
    return answer;
}

/* A file that has to be opened first, on a thread with a table of its own: closing its descriptor
 * in the program's table would drop POSIX locks. */
struct adoption {
    char path[64];
    bool writable;
    uint32_t mark;
    int socket;
};

static long open_and_send(void *context)
{
    const struct adoption *a = context;
    uint32_t mark;
    long answer = sys_file_mark(-1, a->path, &mark);
    if (answer < 0)
        return answer == -ENOENT ? -ESRCH : answer;
    if (mark != a->mark) /* not opened: it may be a device */
        return -ESTALE;
    long fd = sys_open(a->path, a->writable ? O_RDWR : O_RDONLY, 0);
    if (fd < 0)
        return fd == -ENOENT ? -ESRCH : fd;
    answer = sys_file_mark((int)fd, NULL, &mark);
    if (answer == 0)
        answer = mark == a->mark ? sys_send_file(a->socket, (int)fd) : -ESTALE;
    sys_close((int)fd); /* the table goes with the thread, perhaps later */
    return answer;
}

static long send_one(const struct keeper *k, int fd, struct adoption *a)
{
    static char stack[16 << 10] __attribute__((aligned(16)));
    if (!a)
        return sys_send_file(k->socket, fd);
    a->socket = k->socket;
    return sys_apart_on(stack + sizeof stack, open_and_send, a);
}

/* Sends a file to a keeper. */
static long send(struct keeper *k, unsigned n, int fd, struct adoption *a)
{
    struct post *p = k->post;
    const struct request settle = { .what = SETTLE };
    long answer = 0;
    if (on_the_way(p) >= RING)
        answer = ask(k, &settle);
    if (answer < 0)
        return answer;
    p->ring[p->sent % RING] = n;
    answer = send_one(k, fd, a);
    if ((answer == -EAGAIN || answer == -ETOOMANYREFS) && ask(k, &settle) == 0)
        answer = send_one(k, fd, a);
    if (answer < 0)
        return answer;
    __atomic_store_n(&p->sent, p->sent + 1, __ATOMIC_SEQ_CST);
    unsigned waiting = on_the_way(p);
    if (waiting <= 1 || waiting % LOT == 0)
        nudge(p);
    return 0;
}

/* A keeper whose socket the program has closed is of no use without files. */
static void leave(struct keeper *k)
{
    k->files--;
    if (k->files)
        return;
    if (k->state == PARENTS)
        *k = (struct keeper){ .state = NONE };
    else if (k->cut)
        end_keeper(k);
}

/* Gives the file n to a keeper with room. */
static long deliver(unsigned n, int fd, struct adoption *a)
{
    struct keeper *k;
    long answer;
    for (;;) {
        answer = choose(&k);
        if (answer < 0)
            return answer;
        if (is_ours(k))
            break;
        k->cut = true;
        k->files++;
        leave(k);
    }
    union file before = look(n);
    note(n, (union file){ .keeper = (uint64_t)(k - keepers) });
    answer = send(k, n, fd, a);
    if (answer < 0)
        note(n, before);
    else
        k->files++;
    return answer;
}

long keepers_hold(int fd)
{
    notice_fork();
    unsigned n = take_number();
    if (!n)
        return readable == NUMBERS ? -EMFILE : -ENOMEM;
    long answer = deliver(n, fd, NULL);
    if (answer < 0) {
        give_number(n);
        return answer;
    }
    held++;
    return n;
}

long keepers_adopt(unsigned file)
{
    struct keeper *k = keeper_of(file);
    if (!k)
        return -EBADF;
    if (k->state != PARENTS)
        return 0;
    union file f = look(file);
    if (!f.place)
        return -ESRCH;
    struct adoption a = { .writable = f.writable, .mark = f.mark };
    fmt(a.path, sizeof a.path, "/proc/%ld/task/%d/fd/%u", k->pid, k->tid, (unsigned)f.place - 1);
    long answer = deliver(file, -1, &a);
    if (answer == 0)
        leave(k);
    return answer;
}

bool keepers_has(unsigned file)
{
    struct keeper *k = keeper_of(file);
    return k && k->state == HERE && look(file).place;
}

void keepers_drop(unsigned file)
{
    struct keeper *k = keeper_of(file);
    const struct request r = { .what = CLOSE, .file = file };
    if (!k)
        return;
    long answer = k->state == HERE ? ask(k, &r) : 0;
    if (answer != -EAGAIN)
        give_number(file);
    held--;
    leave(k);
}

/* ---- the caller: uses a file ---- */

/* In a forked child, the file is adopted first. */
long keepers_run(unsigned file, keepers_work *work, void *context)
{
    const struct request r = { .what = RUN, .file = file, .work = work, .to = context };
    long answer = keepers_adopt(file);
    return answer == 0 ? ask(&keepers[look(file).keeper], &r) : answer;
}

/* ---- the caller: all keepers ---- */

/* Asks each keeper. Returns the first error, or 0. */
static long ask_all(const struct request *r)
{
    long first = 0;
    for (struct keeper *k = keepers + 1; k < unused && threads; k++) {
        long answer = k->state == HERE ? ask(k, r) : 0;
        first = first < 0 ? first : answer;
    }
    return first;
}

long keepers_follow(void)
{
    const size_t list = SYS_GROUPS_MAX * sizeof(uint32_t);
    notice_fork();
    if (!threads)
        return 0;
    long memory = sys_mmap(0, 2 * list, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(memory))
        return memory;
    struct sys_rights rights = { .others = (uint32_t *)memory,
                                 .scratch = (uint32_t *)(memory + (long)list) };
    const struct request r = { .what = FOLLOW, .to = &rights };
    long answer = sys_rights(&rights);
    if (answer == 0)
        answer = ask_all(&r);
    sys_munmap((uintptr_t)memory, 2 * list);
    return answer;
}

void keepers_settle(void)
{
    const struct request r = { .what = SETTLE };
    notice_fork();
    for (struct keeper *k = keepers + 1; k < unused && threads; k++)
        if (k->state == HERE && (on_the_way(k->post) || bequests_of(k->post)))
            ask(k, &r);
}

/* ---- the caller: a fork ---- */

void keepers_bequeath(unsigned file)
{
    struct keeper *k = keeper_of(file);
    union file f;
    if (!k || k->state != HERE || !(f = look(file)).place) {
        missed = missed ? missed : -ESRCH;
        return;
    }
    f.sent = 1;
    note(file, f);
    k->bequeaths = marked = true;
}

/* Has a keeper fill one socket. */
static long fill_socket(struct keeper *k, struct bequeathing *b)
{
    const struct request r = { .what = BEQUEATH, .to = b };
    long answer = bequest_add((unsigned)(k - keepers), &b->into);
    if (answer < 0)
        return answer;
    b->into.delivered =
        !on_the_way(k->post) && is_ours(k) && sys_send_file(k->socket, b->into.fd) >= 0;
    answer = ask(k, &r);
    bequest_added(&b->into);
    return answer;
}

void keepers_before_fork(void)
{
    for (struct keeper *k = keepers + 1; k < unused && threads; k++) {
        struct bequeathing b = { .next = 1 };
        unsigned begin;
        long answer = 0;
        if (k->state != HERE || !k->bequeaths)
            continue;
        do {
            begin = b.next;
            answer = fill_socket(k, &b);
        } while (answer == -EAGAIN && b.next > begin);
        if (answer == 0)
            continue;
        missed = missed ? missed : answer;
        unmark((unsigned)(k - keepers), b.next);
    }
    bequest_complete();
}

long keepers_fork_ended(void)
{
    long answer = missed;
    bequest_close();
    for (struct keeper *k = keepers + 1; k < unused && marked; k++) {
        if (k->bequeaths)
            unmark((unsigned)(k - keepers), 1);
        k->bequeaths = false;
    }
    marked = false;
    missed = 0;
    return answer;
}

/* In a child: starts a keeper that has the files which this one of the parent has sent. */
static void inherit(struct keeper *parents)
{
    struct keeper *k;
    int sockets[BEQUESTS];
    const unsigned from = (unsigned)(parents - keepers);
    parents->bequeaths = false;
    long answer = bequest_of(from, sockets) ? start_keeper(&k, from) : -EBADF;
    if (answer < 0) {
        missed = answer;
        unmark(from, 1);
        return;
    }
    for (unsigned n = 1; n < used; n++) {
        union file f = look(n);
        if (!goes_to_child(f, from))
            continue;
        f.keeper = (uint64_t)(k - keepers);
        f.place = 0;
        note(n, f);
        k->files++;
        leave(parents);
    }
    __atomic_store_n(&k->post->listed, 1, __ATOMIC_RELEASE);
}

void keepers_after_fork(void)
{
    long parent = own_pid, now = sys_getpid();
    if (own_pid)
        own_pid = now;
    for (struct keeper *k = keepers + 1; k < unused; k++) {
        /* One that is here was started after the fork: this is the second notice of it. */
        if (k->state != HERE || (parent == now && k->post->here))
            continue;
        threads--;
        close_socket(k);
        sys_munmap(k->base, k->len);
        if (k->files)
            *k = (struct keeper){ .state = PARENTS,
                                  .files = k->files,
                                  .bequeaths = k->bequeaths,
                                  .pid = parent,
                                  .tid = k->tid };
        else
            *k = (struct keeper){ .state = NONE };
    }
    last = NULL;
    missed = 0;
    first_ended = 0;
    for (struct keeper *k = keepers + 1; k < unused && marked; k++)
        if (k->state == PARENTS && k->bequeaths)
            inherit(k);
    bequest_close();
    marked = false;
}

void keepers_end(void)
{
    notice_fork();
    for (struct keeper *k = keepers + 1; k < unused; k++) {
        if (k->state == HERE)
            end_keeper(k);
        k->state = NONE;
    }
    if (table)
        sys_munmap((uintptr_t)table, readable * sizeof *table);
    table = NULL;
    readable = used = held = 0;
    free_number = 0;
    last = NULL;
}

bool keepers_thread_ends(bool first)
{
    notice_fork();
    if (!threads || !(first || first_ended))
        return false;
    if (has_more_threads(first ? 1 : 2))
        return true;
    __atomic_store_n(&first_ended, 1, __ATOMIC_RELEASE);
    for (struct keeper *k = keepers + 1; k < unused; k++)
        if (k->state == HERE)
            nudge(k->post);
    return false;
}

unsigned keepers_threads(void)
{
    return threads;
}

size_t keepers_files(void)
{
    return held;
}

unsigned keepers_vmas(void)
{
    return 2 * threads + (table ? 1 : 0);
}
