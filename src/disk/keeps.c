/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * keeps: see keeps.h.
 */
#define _GNU_SOURCE
#include "disk/keeps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fmt.h"
#include "disk/family.h"
#include "disk/filter.h"
#include "disk/parked.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "space/model.h"
#include "space/request.h"

/* fcntl(F_GETSIG) of a kept description, by which it differs from another one of the same file. The
 * signal is the one that the kernel sends by default, so a program with leases of its own misses
 * nothing. */
#define MARK SIGIO

static struct keep {
    bool made;
    dev_t dev;
    ino_t ino;
    int fd; /* the program's descriptor that it was made from; another file's, perhaps, by now */
    unsigned place; /* parked.h; 0: the file has not been kept since a fork or a sandbox */
    bool marks;     /* this keep has set the mark, and takes it away at its end */
    uint32_t tag;   /* of the file, for outlived */
    bool leased;    /* the lease was taken, and not given back */
} keeps[KEEPS_MAX + 1];
_Static_assert(KEEPS_MAX <= PARKED_MAX, "each kept file has a place");
static unsigned made; /* is read without the lock */

/* The tags of the last files of which a mark may have outlived its keep, each in the place that its
 * tag gives it. */
static uint32_t outlived[1024];

/* ---- which files ---- */

/* What a filesystem's lease proves: nothing; that no other process has the file; or that, where
 * a store to a page that the file has may also lack space. */
enum kind { KIND_NONE, KIND_PROVES, KIND_COPIES_ON_WRITE };

static enum kind kind_of(int fd)
{
    long type = 0;
    if (sys_fstatfs_type(fd, &type) < 0)
        return KIND_NONE;
    switch ((unsigned long)type) {
    case EXT4_SUPER_MAGIC: /* and ext2, ext3 */
    case XFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC: return KIND_PROVES;
    case BTRFS_SUPER_MAGIC: return KIND_COPIES_ON_WRITE;
    }
    return KIND_NONE; /* overlayfs gives a lease although other processes have the file mapped */
}

/* kind_of, remembered for the last filesystem: number and kind are one word. */
static enum kind kind_there(int fd, dev_t dev)
{
    static uint64_t last;
    uint64_t word = __atomic_load_n(&last, __ATOMIC_RELAXED);
    if (word >> 2 == dev && word & 3)
        return (enum kind)((word & 3) - 1);
    enum kind kind = kind_of(fd);
    __atomic_store_n(&last, (uint64_t)dev << 2 | (kind + 1), __ATOMIC_RELAXED);
    return kind;
}

/* Whether a part of the range may have no blocks, by what fstat(2) says. */
static bool lacks_blocks(const struct map_request *q, const struct stat *st)
{
    return (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size ||
           q->offset + q->len > (uint64_t)st->st_size;
}

static bool may_want(const struct map_request *q)
{
    enum kind kind = kind_there(q->fd, q->st.st_dev);
    return kind == KIND_COPIES_ON_WRITE || (kind == KIND_PROVES && lacks_blocks(q, &q->st));
}

/* ---- the program's descriptors of a file ---- */

/* Calls see for each descriptor that the program has of this file, until one answers true. Returns
 * that descriptor; -ENOENT. */
static long look_through(dev_t dev, ino_t ino, void *room, size_t size, bool (*see)(int fd, int of),
                         int of)
{
    struct stat st;
    long found = -ENOENT, got,
         folder = brief_open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY, 0);
    while (folder >= 0 && found < 0 && (got = sys_getdents((int)folder, room, size)) > 0) {
        for (long at = 0; at < got && found < 0;) {
            const struct dirent64 *entry = (const void *)((char *)room + at);
            const char *name = entry->d_name;
            uint64_t fd;
            at += entry->d_reclen;
            if (fmt_read_u64(&name, &fd) && (long)fd != folder && sys_fstat((int)fd, &st) == 0 &&
                S_ISREG(st.st_mode) && st.st_dev == dev && st.st_ino == ino && see((int)fd, of))
                found = (long)fd;
        }
    }
    if (folder >= 0)
        brief_close((int)folder);
    return found;
}

static bool any(int fd, int unused)
{
    (void)fd;
    (void)unused;
    return true;
}

/* A descriptor that the program has of this file; -ENOENT. The caller has the overlay lock. */
static long descriptor_of(dev_t dev, ino_t ino)
{
    static char entries[4096] __attribute__((aligned(8)));
    return look_through(dev, ino, entries, sizeof entries, any, 0);
}

/* A hash of what tells the file from all others. A filesystem may give an inode number again as
 * soon as a file is removed, and then another generation (ext4, xfs, f2fs). */
static uint32_t tag_of(int fd, dev_t dev, ino_t ino)
{
    long generation = 0;
    sys_ioctl(fd, FS_IOC_GETVERSION, &generation);
    uint64_t file = ((uint64_t)dev * 31 + ino) * 31 + (uint32_t)generation;
    return (uint32_t)(file * 0x9E3779B97F4A7C15 >> 32) | 1;
}

static uint32_t *outlived_of(uint32_t tag)
{
    return &outlived[tag >> 1 & (sizeof outlived / sizeof *outlived - 1)];
}

static bool unmark(int fd, int kept)
{
    if (sys_fcntl(fd, F_GETSIG, 0) == MARK && sys_differ(fd, kept))
        sys_fcntl(fd, F_SETSIG, 0);
    return false;
}

/* Takes away what earlier keeps of this file have left of marks on other open files than that of
 * fd, which is to be kept. The caller does not have the model lock: fstat may wait for a server. */
static void unmark_others(int fd, dev_t dev, ino_t ino, uint32_t tag)
{
    char entries[512] __attribute__((aligned(8))); /* for a handler with little stack */
    if (__atomic_load_n(outlived_of(tag), __ATOMIC_RELAXED) == tag)
        look_through(dev, ino, entries, sizeof entries, unmark, fd);
}

/* ---- making and unmaking ---- */

static unsigned find(dev_t dev, ino_t ino)
{
    for (unsigned n = 1; made && n <= KEEPS_MAX; n++)
        if (keeps[n].made && keeps[n].ino == ino && keeps[n].dev == dev)
            return n;
    return 0;
}

unsigned keeps_find(dev_t dev, ino_t ino)
{
    if (!__atomic_load_n(&made, __ATOMIC_RELAXED) || !model_take())
        return 0;
    unsigned n = find(dev, ino);
    holds_add(n);
    model_drop();
    return n;
}

dev_t keeps_dev(unsigned keep)
{
    return keeps[keep].dev;
}

/* Parks the open file of fd. Returns its place, or -errno. *marks: the file has no mark yet.
 * The caller has the model lock. */
static long park(int fd, bool *marks)
{
    long sig = sys_fcntl(fd, F_GETSIG, 0);
    *marks = sig == 0;
    return sig == 0 || sig == MARK ? parked_put(fd)
                                   : -EUSERS; /* a signal of the program's own is left as it is */
}

static unsigned make(int fd, dev_t dev, ino_t ino)
{
    unsigned n = 0;
    bool marks = false;
    if (__atomic_load_n(&made, __ATOMIC_RELAXED) == KEEPS_MAX || !filter_passes())
        return 0;
    uint32_t tag = tag_of(fd, dev, ino);
    unmark_others(fd, dev, ino, tag);
    if (!model_take())
        return 0;
    if (!find(dev, ino))
        for (n = KEEPS_MAX; n && keeps[n].made; n--)
            ;
    long place = n ? park(fd, &marks) : -EMFILE;
    bool good = place > 0 && family_start();
    if (good) {
        if (marks)
            sys_fcntl(fd, F_SETSIG, MARK);
        keeps[n] = (struct keep){ .made = true,
                                  .dev = dev,
                                  .ino = ino,
                                  .fd = fd,
                                  .place = (unsigned)place,
                                  .marks = marks,
                                  .tag = tag };
        holds_begin(n);
        __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
    } else if (place > 0) {
        parked_leave((unsigned)place);
    }
    model_drop();
    if (!good && place > 0)
        parked_drop((unsigned)place);
    return good ? n : 0;
}

/* Parks the file of a keep again that has lost it by a fork. The keep is held. */
static void refill(unsigned n, int fd)
{
    bool marks = false;
    if (!filter_passes())
        return;
    unmark_others(fd, keeps[n].dev, keeps[n].ino, keeps[n].tag);
    if (!model_take())
        return;
    long place = keeps[n].place ? -EEXIST : park(fd, &marks);
    if (place > 0) {
        if (marks)
            sys_fcntl(fd, F_SETSIG, MARK);
        keeps[n].fd = fd;
        keeps[n].place = (unsigned)place;
        keeps[n].marks = marks;
    }
    model_drop();
}

unsigned keeps_adopt(dev_t dev, ino_t ino, bool dies)
{
    long fd = descriptor_of(dev, ino);
    if (fd < 0 || kind_of((int)fd) == KIND_NONE || !filter_ask(dies))
        return 0;
    return make((int)fd, dev, ino);
}

void keeps_refill(unsigned keep, bool dies)
{
    const struct keep *k = &keeps[keep];
    long fd = k->place ? -EEXIST : descriptor_of(k->dev, k->ino);
    if (fd >= 0 && filter_ask(dies))
        refill(keep, (int)fd);
}

/* Whether the description has the mark, or the signal that it has instead while it is leased. */
static bool is_marked(int fd)
{
    long sig = sys_fcntl(fd, F_GETSIG, 0);
    return sig == MARK || sig == SIGURG;
}

unsigned keeps_of(struct map_request *q)
{
    if ((q->flags & MAP_ANONYMOUS) || (q->flags & MAP_TYPE) == MAP_PRIVATE ||
        !(q->prot & PROT_WRITE))
        return 0;
    const struct stat *st = request_file(q);
    if (!st || !S_ISREG(st->st_mode))
        return 0;
    unsigned n = keeps_find(st->st_dev, st->st_ino);
    if (!n)
        return may_want(q) ? make(q->fd, st->st_dev, st->st_ino) : 0;
    /* The mark shows that the descriptor is of the keep's open file, and not of another one of
     * the file that has the number by now: a region that held the keep of that would delay its
     * closing. */
    if (q->fd == keeps[n].fd && is_marked(q->fd)) {
        if (!keeps[n].place)
            refill(n, q->fd);
        return n;
    }
    keeps_let_go(n); /* another open of the file: the lease could not be had with both */
    return 0;
}

void keeps_let_go(unsigned keep)
{
    if (keep && model_take()) {
        holds_drop(keep);
        model_drop();
    }
}

/* A mark that stays could be taken for that of the file's next keep, which may be of another open
 * file. It stays where the program has closed the descriptor and has a duplicate of it. A mark that
 * another process has set, which shares the open file, stays too: its keep may still be there. */
static void clear_mark(const struct keep *k)
{
    struct stat st;
    /* The mark first: fstat of another file that has the number by now may wait for a server. */
    if (k->marks && sys_fcntl(k->fd, F_GETSIG, 0) == MARK && sys_fstat(k->fd, &st) == 0 &&
        st.st_dev == k->dev && st.st_ino == k->ino && sys_fcntl(k->fd, F_SETSIG, 0) == 0)
        return;
    __atomic_store_n(outlived_of(k->tag), k->tag, __ATOMIC_RELAXED);
}

/* Says that the file is to go; the number stays. The caller has the model lock, and closes what is
 * left in the place that is returned when it has the lock no more; 0: nothing. */
static unsigned take_file(unsigned n)
{
    unsigned place = keeps[n].place;
    clear_mark(&keeps[n]);
    if (place)
        parked_leave(place);
    keeps[n].place = 0;
    keeps[n].marks = false;
    return place;
}

bool keeps_settle(void)
{
    for (unsigned n = 1; holds_idle() && n <= KEEPS_MAX; n++) {
        if (!model_take())
            return true;
        unsigned place = 0;
        if (keeps[n].made && holds_end(n)) {
            keeps[n].made = false;
            place = take_file(n);
            __atomic_fetch_sub(&made, 1, __ATOMIC_RELAXED);
        }
        model_drop();
        if (place)
            parked_drop(place);
    }
    return holds_idle();
}

void keeps_close_files(void)
{
    for (unsigned n = 1; n <= KEEPS_MAX; n++) {
        if (!model_take())
            return;
        unsigned place = keeps[n].made ? take_file(n) : 0;
        model_drop();
        if (place)
            parked_drop(place);
    }
    if (model_take()) {
        parked_retire();
        model_drop();
    }
}

/* The child needs the leased files to write back what is spilled. */
void keeps_after_fork(void)
{
    for (unsigned n = 1; n <= KEEPS_MAX; n++) {
        keeps[n].marks = false;
        if (keeps[n].made && !keeps[n].leased)
            take_file(n);
    }
    parked_in_child();
}

/* ---- the lease, on a thread with a table of its own ---- */

struct job {
    long (*work)(const struct job *job, long fd); /* fd: a descriptor of the file; or -errno */
    struct keep *keep;
    int sig;
    bool asked;
};

/* A description without a signal is not used: a process that shares it may have cleared its own
 * mark. */
static bool is_used_by_program(int fd)
{
    return sys_fcntl(fd, F_GETLEASE, 0) != F_UNLCK || sys_fcntl(fd, F_GETOWN, 0) != 0 ||
           (sys_fcntl(fd, F_GETSIG, 0) != 0 && !is_marked(fd));
}

/* The kernel has made this thread the owner of the signal (fs/locks.c, lease_setup). The thread
 * ends, so the process has to be made the owner. */
static void ask_for_signal(int fd, int sig)
{
    if (sig) {
        sys_fcntl(fd, F_SETSIG, (uintptr_t)sig);
        sys_fcntl(fd, F_SETOWN, (uintptr_t)sys_getpid());
    }
}

/* A descriptor of the file, in this thread's table. A process that was forked past libc may
 * have taken the file out of the socket, and put another into it. */
static long file_of(const struct keep *k)
{
    struct stat st;
    long fd = k->place ? parked_peek(k->place) : -EBADF;
    return fd < 0 || (sys_fstat((int)fd, &st) == 0 && st.st_dev == k->dev && st.st_ino == k->ino)
               ? fd
               : -EBADF;
}

/* The process lacks something, so that this says nothing of the file. */
static bool is_short(long error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static long work(void *context)
{
    struct job *e = context;
    long fd = file_of(e->keep);
    if (is_short(fd))
        return 0;
    e->asked = true;
    long answer = e->work(e, fd);
    /* The table goes with the thread, which may be after the caller goes on: the file would be
     * closed that much later. */
    if (fd >= 0)
        sys_close((int)fd);
    return answer;
}

/* Returns the answer of what is done; -ECHILD if it could not be done. */
static long do_apart(struct job *e)
{
    long answer = sys_apart(work, e);
    return e->asked ? answer : -ECHILD;
}

static long lease(const struct job *e, long fd)
{
    if (fd < 0)
        return fd;
    if (!e->keep->leased && is_used_by_program((int)fd))
        return -EUSERS;
    long answer = sys_fcntl((int)fd, F_SETLEASE, F_WRLCK);
    /* A lease that the kernel is taking away can be set again, and goes all the same. */
    if (answer == 0 && sys_fcntl((int)fd, F_GETLEASE, 0) != F_WRLCK) {
        if (!e->keep->leased)
            sys_fcntl((int)fd, F_SETLEASE, F_UNLCK);
        return -EAGAIN;
    }
    if (answer == 0)
        ask_for_signal((int)fd, e->sig);
    return answer;
}

/* LEASE_ASKED: the kernel holds up a process that opens the file. It shows the lease as BREAKING
 * then (fs/locks.c, lock_get_status; proc_pid_fdinfo(5)). F_GETLEASE does not tell that from a
 * lease that was taken away. LEASE_UNKNOWN: there is no descriptor left to ask with. Else
 * LEASE_NONE. */
static enum lease_state held_up(int fd)
{
    char path[64];
    fmt(path, sizeof path, "/proc/thread-self/fdinfo/%d", fd);
    long has = identity_text_has(path, "LEASE  BREAKING");
    return has > 0 ? LEASE_ASKED : is_short(has) ? LEASE_UNKNOWN : LEASE_NONE;
}

static long look(const struct job *e, long fd)
{
    if (fd < 0)
        return LEASE_LOST;
    if (sys_fcntl((int)fd, F_GETLEASE, 0) == F_WRLCK)
        return LEASE_HELD;
    enum lease_state state = held_up((int)fd);
    if (state != LEASE_NONE)
        return state;
    /* A lease that a reader has reduced would be reduced again. */
    sys_fcntl((int)fd, F_SETLEASE, F_UNLCK);
    if (sys_fcntl((int)fd, F_SETLEASE, F_WRLCK) < 0 || sys_fcntl((int)fd, F_GETLEASE, 0) != F_WRLCK)
        return LEASE_LOST;
    ask_for_signal((int)fd, e->sig);
    return LEASE_HELD;
}

static long give_back(const struct job *e, long fd)
{
    (void)e;
    if (fd < 0)
        return fd;
    long answer = sys_fcntl((int)fd, F_SETLEASE, F_UNLCK);
    sys_fcntl((int)fd, F_SETOWN, 0);
    sys_fcntl((int)fd, F_SETSIG,
              MARK); /* with the lease its signal went (fs/locks.c, lease_modify) */
    return answer;
}

long keeps_lease(unsigned keep, int sig)
{
    struct job e = { .work = lease, .keep = &keeps[keep], .sig = sig };
    long answer = do_apart(&e);
    if (answer == 0)
        keeps[keep].leased = true;
    return answer;
}

enum lease_state keeps_state(unsigned keep, int sig)
{
    struct job e = { .work = look, .keep = &keeps[keep], .sig = sig };
    if (!keeps[keep].leased)
        return LEASE_NONE;
    long state = do_apart(&e);
    return state < 0 ? LEASE_UNKNOWN : (enum lease_state)state;
}

static long size(const struct job *e, long fd)
{
    struct stat st;
    (void)e;
    long answer = fd < 0 ? fd : sys_fstat((int)fd, &st);
    return answer < 0 ? answer : (long)st.st_size;
}

long keeps_size(unsigned keep)
{
    struct job e = { .work = size, .keep = &keeps[keep] };
    return do_apart(&e);
}

void keeps_give_back(unsigned keep)
{
    struct job e = { .work = give_back, .keep = &keeps[keep] };
    if (keeps[keep].leased && do_apart(&e) != -ECHILD)
        keeps[keep].leased = false;
}
