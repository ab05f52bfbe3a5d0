/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * prealloc: see prealloc.h.
 *
 * Where the kernel does not tell whether space is needed, nothing is allocated. The tables have a
 * fixed size and no lock; a file or filesystem that has lost its place is asked again.
 */
#define _GNU_SOURCE
#include "disk/prealloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "common/words.h"
#include "disk/budget.h"
#include "disk/holes.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

/* auto asks at most so many questions about a mapping, of 16 extents each: with a file in a hundred
 * thousand pieces mmap would take seconds. */
#define QUESTIONS 512
#define FILES 256 /* a power of two */
#define DEVICES 32
#define LOG_EVERY_MS 1000
/* After so many bytes auto asks again how much is free, because other processes may allocate at the
 * same time. */
#define PIECE (16UL << 20)

static bool at_work;  /* some file is allocated */
static bool ask_path; /* the word depends on the file's path */
static int general;   /* the word for files that no glob matches */

/* A file that was mapped shared and writable, or grown under such a map. */
struct known {
    uint64_t key;    /* of device and inode; 0: this place is empty */
    uint64_t bytes;  /* that count against the budget */
    int64_t settled; /* auto does nothing for it while it has this size */
    bool told;       /* its log line is written */
};
static struct known files[FILES];
static bool any_file;

/* What filesystems cannot do. device 0: this place is empty. */
enum { CAN_ALL, CANNOT_ALLOCATE = 1, CANNOT_LIST = 2 };
static struct {
    uint64_t device;
    int cannot;
} devices[DEVICES];

void prealloc_start(void)
{
    ask_path = rules_ask_path(options.prealloc);
    general = rules_choose(options.prealloc, NULL, PREALLOC_WORDS);
    at_work = ask_path || general != PREALLOC_OFF;
}

static uint64_t key_of(const struct stat *st)
{
    return (((uint64_t)st->st_dev << 40 ^ (uint64_t)st->st_ino) * 0x9e3779b97f4a7c15u) | 1;
}

/* The file's place in the table, which it takes over from another file: that one is asked again. */
static struct known *remember(const struct stat *st)
{
    uint64_t key = key_of(st);
    struct known *k = &files[key >> 32 & (FILES - 1)];
    if (__atomic_load_n(&k->key, __ATOMIC_RELAXED) != key) {
        __atomic_store_n(&k->bytes, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&k->settled, -1, __ATOMIC_RELAXED);
        __atomic_store_n(&k->told, false, __ATOMIC_RELAXED);
        __atomic_store_n(&k->key, key, __ATOMIC_RELAXED);
        __atomic_store_n(&any_file, true, __ATOMIC_RELAXED);
    }
    return k;
}

static bool is_known(const struct stat *st)
{
    uint64_t key = key_of(st);
    return __atomic_load_n(&files[key >> 32 & (FILES - 1)].key, __ATOMIC_RELAXED) == key;
}

static int *cannot_of(dev_t device)
{
    static int nowhere; /* with more filesystems than places, asked each time */
    for (unsigned i = 0; i < DEVICES; i++) {
        uint64_t seen = 0;
        if (__atomic_compare_exchange_n(&devices[i].device, &seen, (uint64_t)device, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            seen == (uint64_t)device)
            return &devices[i].cannot;
    }
    nowhere = CAN_ALL;
    return &nowhere;
}

/* One call of the program, and the range of a file that is to have no holes. */
struct job {
    int fd;
    const struct stat *st; /* before the call */
    uint64_t size;         /* after it */
    const char *what;      /* the call, for the log */
    bool maps;             /* it is mmap, which fails on a file that is not open for reading */
    uint64_t start, end;
    uint64_t missing;   /* bytes of holes in the range; an upper bound if not listed */
    uint64_t lacking;   /* bytes of holes in the whole file, by st_blocks */
    uint64_t allocated; /* so far */
    struct sys_space space;
    bool listed; /* the filesystem lists its holes */
    struct known *known;
};

/* The file's path by /proc; "" if the kernel does not tell it. */
static void find_path(int fd, char *path, size_t size)
{
    char link[40];
    fmt(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    long len = sys_readlink(link, path, size - 1);
    path[len > 0 ? len : 0] = '\0';
}

static int word_for(int fd)
{
    char path[1024];
    if (!ask_path)
        return general;
    find_path(fd, path, sizeof path);
    return rules_choose(options.prealloc, path, PREALLOC_WORDS);
}

/* Logs one line for each file, and at most one of a level in a second. */
static void tell(const struct job *j, enum log_level level, const char *why)
{
    static struct log_limit often[LOG_DEBUG + 1];
    unsigned more;
    char path[256];
    struct mount_words mount;
    if (__atomic_load_n(&j->known->told, __ATOMIC_RELAXED) ||
        !log_allowed(&often[level], LOG_EVERY_MS, &more))
        return;
    __atomic_store_n(&j->known->told, true, __ATOMIC_RELAXED);
    find_path(j->fd, path, sizeof path);
    if (!mounts_describe(j->st->st_dev, path, &mount))
        mount = (struct mount_words){ .type = "a filesystem", .point = "?" };
    const char *remedy = mounts_remedy(&mount);
    log_line_at(level, EVENT_preallocation,
                "%s of %s, bytes %lu to %lu: %s in holes, %s; %s on %s has %s free of %s%s%s",
                j->what, path, (unsigned long)j->start, (unsigned long)j->end,
                size_in_words(j->missing).text, why, mount.type, mount.point,
                size_in_words(j->space.free).text, size_in_words(j->space.size).text,
                *remedy ? "; " : "", remedy);
}

static long add_up(uint64_t start, uint64_t end, void *context)
{
    *(uint64_t *)context += end - start;
    return 0;
}

static long allocate(struct job *j, uint64_t start, uint64_t end)
{
    long answer = holes_allocate(j->fd, start, end);
    if (answer == 0) {
        j->allocated += end - start;
        STATUS_ADD(preallocated, end - start);
    }
    return answer;
}

static long allocate_all(uint64_t start, uint64_t end, void *context)
{
    return allocate(context, start, end);
}

/* -ECANCELED: other processes have taken the space, or the file has become shorter. */
static long allocate_while_there_is_room(uint64_t start, uint64_t end, void *context)
{
    struct job *j = context;
    long answer = 0;
    while (start < end && answer == 0) {
        uint64_t upto = end - start < PIECE ? end : start + PIECE;
        struct budget_room room;
        struct stat now;
        /* Another thread may have cut the file off: past its end nothing is allocated. */
        if (sys_fstat(j->fd, &now) < 0 || (uint64_t)now.st_size < upto)
            return -ECANCELED;
        if (sys_fstatfs(j->fd, &j->space) < 0 || !budget_room(j->fd, j->st, &j->space, &room) ||
            room.above < upto - start)
            return -ECANCELED;
        answer = allocate(j, start, upto);
        start = upto;
    }
    return answer;
}

/* auto leaves the file as it is while it has this size. */
static bool leave(const struct job *j, const char *why)
{
    __atomic_store_n(&j->known->settled, (int64_t)j->size, __ATOMIC_RELAXED);
    if (why)
        tell(j, LOG_INFO, why);
    return false;
}

/* The file's mode, or its capabilities, give privileges to a process that executes it. An
 * allocation takes those away (file_modified in the kernel's fs/inode.c), and a store by a mapping
 * does not. */
static bool is_privileged(const struct job *j)
{
    return (j->st->st_mode & (S_ISUID | S_ISGID)) ||
           ((j->st->st_mode & 0111) && sys_has_xattr(j->fd, "security.capability"));
}

/* Finds what is missing, and the space on its filesystem. False: there is nothing to do, or nothing
 * can be done. */
static bool examine(struct job *j, bool strict, int *cannot)
{
    const uint64_t have = (uint64_t)j->st->st_blocks * 512;
    long answer = -EOPNOTSUPP;
    j->lacking = j->size - (have < j->size ? have : j->size);
    if (__atomic_load_n(cannot, __ATOMIC_RELAXED) & CANNOT_ALLOCATE)
        return false;
    long flags = sys_fcntl(j->fd, F_GETFL, 0);
    if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
        return false;
    if (j->maps && (flags & O_ACCMODE) == O_WRONLY)
        return false;
    if (!strict && (flags & O_DSYNC)) /* each allocation would be a commit of the journal */
        return false;
    j->listed = !(__atomic_load_n(cannot, __ATOMIC_RELAXED) & CANNOT_LIST);
    if (j->listed)
        answer = holes_each(j->fd, j->start, j->end, strict ? 0 : QUESTIONS, add_up, &j->missing);
    if (holes_unsupported(answer)) {
        __atomic_or_fetch(cannot, CANNOT_LIST, __ATOMIC_RELAXED);
        j->listed = false;
        j->missing = j->end - j->start < j->lacking ? j->end - j->start : j->lacking;
    } else if (answer < 0) {
        return answer == -E2BIG ? leave(j, NULL) : false;
    }
    if (!j->missing || sys_fstatfs(j->fd, &j->space) < 0)
        return false;
    if (!strict && is_privileged(j))
        return leave(j, NULL);
    if (j->space.type == HUGETLBFS_MAGIC)
        __atomic_or_fetch(cannot, CANNOT_ALLOCATE, __ATOMIC_RELAXED);
    /* A filesystem without a size, a memfd's, is never full. */
    return j->space.type != HUGETLBFS_MAGIC && j->space.size;
}

/*
 * It helps to allocate the space. It does not where each write of a block, or the first and the
 * last, goes to a new place, because a store needs space all the same. On network filesystems and
 * FUSE a full disk is an error of msync and no signal. For a filesystem that is not known here the
 * answer is no.
 */
static bool helps(const struct job *j)
{
    unsigned flags = 0;
    switch (j->space.type) {
    case EXT4_SUPER_MAGIC: /* the number of ext2 and ext3, too */
    case XFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC: return true;
    case OVERLAYFS_SUPER_MAGIC:
        /* The filesystem below it answers: tmpfs lists no holes, and btrfs limits no files. */
        return j->listed && j->space.files;
    case BTRFS_SUPER_MAGIC:
        return sys_ioctl(j->fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL);
    default: return false;
    }
}

/* From here on at most bytes of what the file was given count against the budget. */
static void count_only(const struct job *j, uint64_t bytes)
{
    uint64_t *given = &j->known->bytes, before = __atomic_load_n(given, __ATOMIC_RELAXED);
    while (before > bytes && !__atomic_compare_exchange_n(given, &before, bytes, false,
                                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    if (before > bytes)
        budget_return(j->st->st_dev, before - bytes);
}

/* The budget is asked for all that the file lacks, and charged for what is allocated now. */
static bool try_to_take(const struct job *j, const struct budget_room *room)
{
    uint64_t wanted = j->lacking > j->missing ? j->lacking : j->missing;
    return wanted <= budget_left(j->st->st_dev, room) &&
           budget_take(j->st->st_dev, j->missing, room);
}

/* Takes what is missing from the budget. If that fails, what was stored to in this file since no
 * longer counts, and it is tried again. */
static bool take(const struct job *j, const struct budget_room *room)
{
    uint64_t unused;
    if (try_to_take(j, room))
        return true;
    if (!__atomic_load_n(&j->known->bytes, __ATOMIC_RELAXED) || !j->listed ||
        holes_unused(j->fd, 0, j->size, QUESTIONS, &unused) < 0)
        return false;
    count_only(j, unused);
    return try_to_take(j, room);
}

static void tell_no_space(const struct job *j, const char *quota)
{
    STATUS_ADD(no_space, 1);
    tell(j, LOG_WARNING,
         quota ? "left so for want of quota: a store there may find no space"
               : "left so for want of space: a store there may find none");
}

/*
 * The conditions of auto hold for the file as a whole. A file that lacks more than they allow is
 * sparse by design, and allocating it mapping by mapping would take the space that its few stores
 * need. True: what is missing was taken from the budget.
 */
static bool may_allocate(const struct job *j)
{
    static const char budget[] = "left so: more than auto may take here (MAPHERD_PREALLOC_KEEP, "
                                 "MAPHERD_PREALLOC_SHARE)";
    struct budget_room room = { .left = j->space.free };
    uint64_t most = (uint64_t)options_size(options.prealloc_max);
    bool helpful = helps(j), known = !helpful || budget_room(j->fd, j->st, &j->space, &room);
    if (j->missing > room.left) {
        tell_no_space(j, room.quota);
        return false;
    }
    if (!helpful)
        return leave(j, NULL);
    if (!known)
        return leave(j, "left so: the quota of its owner cannot be asked for");
    count_only(j, (uint64_t)j->st->st_blocks * 512); /* the rest was truncated, or another file's */
    uint64_t given = __atomic_load_n(&j->known->bytes, __ATOMIC_RELAXED);
    if (j->missing > most || j->lacking > most || given > most - j->missing)
        return leave(j, "left so: the file's are more than MAPHERD_PREALLOC_MAX");
    if (!take(j, &room))
        return leave(j, budget);
    __atomic_add_fetch(&j->known->bytes, j->missing, __ATOMIC_RELAXED);
    return true;
}

static long fill_within_budget(struct job *j)
{
    long answer = j->listed
                      ? holes_each(j->fd, j->start, j->end, 0, allocate_while_there_is_room, j)
                      : allocate_while_there_is_room(j->start, j->end, j);
    uint64_t given = __atomic_load_n(&j->known->bytes, __ATOMIC_RELAXED);
    uint64_t not = j->missing > j->allocated ? j->missing - j->allocated : 0;
    count_only(j, given > not ? given - not : 0);
    if (answer == -ENOSPC || answer == -EDQUOT)
        tell_no_space(j, answer == -EDQUOT ? "its" : NULL);
    return answer;
}

static long fill_strictly(struct job *j)
{
    long answer = j->listed ? holes_each(j->fd, j->start, j->end, 0, allocate_all, j)
                            : allocate_all(j->start, j->end, j);
    if (answer != -ENOSPC && answer != -EDQUOT)
        return answer;
    STATUS_ADD(no_space, 1);
    tell(j, LOG_ERROR,
         answer == -EDQUOT ? "no quota for them: it fails with EDQUOT"
                           : "no space for them: it fails with ENOSPC");
    return answer;
}

/* 0, or the -errno with which the call is to fail. */
static long fill(struct job *j)
{
    int word = word_for(j->fd);
    bool strict = word == PREALLOC_STRICT;
    if (word == PREALLOC_OFF ||
        (!strict && __atomic_load_n(&j->known->settled, __ATOMIC_RELAXED) == (int64_t)j->size))
        return 0;
    int *cannot = cannot_of(j->st->st_dev);
    if (!examine(j, strict, cannot) || (!strict && !may_allocate(j)))
        return 0;
    long answer = strict ? fill_strictly(j) : fill_within_budget(j);
    if (holes_unsupported(answer))
        __atomic_or_fetch(cannot, CANNOT_ALLOCATE, __ATOMIC_RELAXED);
    return strict && (answer == -ENOSPC || answer == -EDQUOT) ? answer : 0;
}

/* st_blocks includes blocks past the end of the file and blocks of metadata, so only auto relies on
 * it. */
static bool looks_full(const struct stat *st)
{
    return !ask_path && general == PREALLOC_AUTO &&
           (uint64_t)st->st_blocks * 512 >= (uint64_t)st->st_size;
}

long prealloc_map(struct map_request *q)
{
    int type = q->flags & MAP_TYPE;
    if (!at_work || !(q->prot & PROT_WRITE) ||
        (type != MAP_SHARED && type != MAP_SHARED_VALIDATE) ||
        (q->flags & (MAP_ANONYMOUS | MAP_HUGETLB)) || !q->len || (q->offset & (page_size - 1)) ||
        q->offset > (uint64_t)INT64_MAX || q->len > (uint64_t)INT64_MAX)
        return 0;
    const struct stat *st = request_file(q);
    if (!st || !S_ISREG(st->st_mode))
        return 0;
    struct known *known = remember(st);
    uint64_t end = q->offset + q->len, size = (uint64_t)st->st_size;
    if (looks_full(st) || q->offset >= size)
        return 0;
    struct job j = { .fd = q->fd,
                     .st = st,
                     .size = size,
                     .what = "mmap",
                     .maps = true,
                     .start = q->offset,
                     .end = end < size ? end : size,
                     .known = known };
    long refusal = fill(&j);
    if (j.allocated)
        q->asked = false; /* it has more blocks now */
    return refusal;
}

/* Gives the file its former size again. Not if the size was changed since: then it is another
 * process's. */
static bool take_back(int fd, off_t from, off_t to)
{
    struct stat now;
    return sys_fstat(fd, &now) == 0 && now.st_size == from && sys_ftruncate(fd, to) == 0;
}

/* Makes the file shorter. What it was given and loses returns to the budget. */
static long shorten(int fd, off_t len, const struct stat *before)
{
    struct stat now;
    long answer = sys_ftruncate(fd, len);
    struct job j = { .fd = fd, .st = before, .known = remember(before) };
    if (answer == 0 && __atomic_load_n(&j.known->bytes, __ATOMIC_RELAXED) &&
        sys_fstat(fd, &now) == 0)
        count_only(&j, (uint64_t)now.st_blocks * 512);
    return answer;
}

long prealloc_truncate(int fd, off_t len)
{
    struct stat st;
    if (!at_work || !__atomic_load_n(&any_file, __ATOMIC_RELAXED) || sys_fstat(fd, &st) < 0 ||
        !S_ISREG(st.st_mode) || len == st.st_size || !is_known(&st))
        return sys_ftruncate(fd, len);
    if (len < st.st_size)
        return shorten(fd, len, &st);
    long answer = sys_ftruncate(fd, len);
    if (answer < 0)
        return answer;
    struct job j = { .fd = fd,
                     .st = &st,
                     .size = (uint64_t)len,
                     .what = "ftruncate",
                     .start = (uint64_t)st.st_size,
                     .end = (uint64_t)len,
                     .known = remember(&st) };
    long refusal = fill(&j);
    return refusal && take_back(fd, len, st.st_size) ? refusal : 0;
}
