/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * faults: see faults.h.
 */
#define _GNU_SOURCE
#include "disk/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/ucontext.h>
#include <time.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/mounts.h"
#include "kernel/newer.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "unwind/unwind.h"

#ifndef RAMFS_MAGIC
#define RAMFS_MAGIC 0x858458f6
#endif

enum { UNKNOWN_TYPE, OTHER_TYPE }; /* of a filesystem; else its magic number */

#define STACK_FRAMES 24
#define QUIET_MS 10000 /* a run of faults ends after that long without one */

static char list[8 << 10]; /* the line of /proc/self/maps, and the path in it */
static struct log_room room;
static char cause_text[512], stack_text[1000];
static uintptr_t frames[STACK_FRAMES];
static struct mount_words mount;

bool faults_was_store(const void *context)
{
    const ucontext_t *u = context;
#if defined(__x86_64__)
    enum { WRITE = 2 }; /* arch/x86/include/asm/trap_pf.h */
    return u->uc_mcontext.gregs[REG_ERR] & WRITE;
#elif defined(__aarch64__)
    /* struct esr_context among the records after the registers tells it (asm/sigcontext.h). */
    const char *at = (const char *)u->uc_mcontext.__reserved;
    const char *end = at + sizeof u->uc_mcontext.__reserved;
    while (at + 16 <= end) {
        uint32_t magic, size;
        uint64_t esr;
        memcpy(&magic, at, sizeof magic);
        memcpy(&size, at + 4, sizeof size);
        memcpy(&esr, at + 8, sizeof esr);
        if (magic == 0x45535201)
            return esr >> 6 & 1; /* WnR */
        if (!magic || !size)
            break;
        at += size;
    }
    return false;
#endif
}

/* Before Linux 5.14 only a load can be tried without making it. */
bool faults_works_now(uintptr_t page, bool store)
{
    long answer = sys_madvise(page, page_size, store ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    if (answer == -EINVAL && !store)
        return sys_readable(page);
    return answer == 0;
}

static bool is_deleted(const struct fault_page *p)
{
    static const char gone[] = " (deleted)";
    size_t n = sizeof gone - 1;
    return p->path_len > n && memcmp(p->path + p->path_len - n, gone, n) == 0;
}

/* The type for a word of mountinfo. */
static long type_of(const char *word)
{
    static const struct {
        const char *word;
        long type;
    } known[] = { { "tmpfs", TMPFS_MAGIC },
                  { "devtmpfs", TMPFS_MAGIC },
                  { "ramfs", RAMFS_MAGIC },
                  { "hugetlbfs", HUGETLBFS_MAGIC },
                  { "btrfs", BTRFS_SUPER_MAGIC } };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i].word) == 0)
            return known[i].type;
    return OTHER_TYPE;
}

/* The limit of a project is shown as the size of the filesystem for its folders alone, not for the
 * files in them (xfs_fs_statfs, ext4_statfs). */
static void narrow_by_project(const struct fault_page *p, const struct stat *st,
                              struct sys_space *space)
{
    static char folder[512];
    static struct stat its;
    static struct sys_space there;
    size_t len = p->path_len;
    while (len > 1 && p->path[len - 1] != '/')
        len--;
    if (len >= sizeof folder)
        return;
    memcpy(folder, p->path, len);
    folder[len] = '\0';
    if (sys_stat(folder, &its) == 0 && its.st_dev == st->st_dev &&
        sys_statfs(folder, &there) == 0 && there.free < space->free)
        *space = there;
}

/* Asks for the file's size and its filesystem if its name still leads to it; otherwise for the
 * mount of its device. A memfd and similar files are on no mount. */
static void ask_file(struct fault *f, struct stat *st, struct sys_space *space)
{
    struct fault_page *p = &f->page;
    if (!is_deleted(p) && sys_stat(p->path, st) == 0 && st->st_ino == p->of.ino &&
        sys_statfs(p->path, space) == 0) {
        narrow_by_project(p, st, space);
        p->size = (uint64_t)st->st_size;
        p->of.st_dev = st->st_dev;
        p->size_known = true;
    } else if (mounts_describe(p->of.dev, p->path, &mount)) {
        *space = (struct sys_space){ .size = mount.size,
                                     .free = mount.free,
                                     .type = type_of(mount.type) };
        p->of.st_dev =
            space->type == BTRFS_SUPER_MAGIC ? 0 : p->of.dev; /* its subvolume is not known */
    }
    f->memory_file =
        space->type == TMPFS_MAGIC || space->type == RAMFS_MAGIC || space->type == UNKNOWN_TYPE;
}

/* The quota of the file's owner is used up, as the kernel lets its owner ask (quotactl_fd(2)). Its
 * sum includes delayed allocations. */
static bool quota_is_used_up(const char *path, const struct stat *st)
{
    const unsigned get = 0x800007; /* Q_GETQUOTA */
    const int ids[2] = { (int)st->st_uid, (int)st->st_gid };
    bool used_up = false;
    /* The seccomp filters that systemd makes for services may kill for this call. */
    if (sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
        return false;
    long fd = brief_open(path, O_PATH, 0); /* closing an O_PATH descriptor drops no lock */
    for (unsigned kind = 0; kind < 2 && fd >= 0; kind++) {
        struct if_dqblk q = { .dqb_valid = 0 };
        if (sys_quotactl_fd((int)fd, get << 8 | kind, ids[kind], &q) < 0)
            continue;
        uint64_t wanted = q.dqb_curspace + page_size,
                 now = sys_clock_ns(CLOCK_REALTIME) / 1000000000;
        used_up |= q.dqb_bhardlimit && wanted > q.dqb_bhardlimit * 1024;
        used_up |= q.dqb_bsoftlimit && wanted > q.dqb_bsoftlimit * 1024 && q.dqb_btime &&
                   q.dqb_btime < now;
    }
    if (fd >= 0)
        brief_close((int)fd);
    return used_up;
}

/* The kernel does not tell why it has no page for a store: it is inferred. */
static enum fault_cause why_no_page(const struct fault *f, const struct stat *st,
                                    const struct sys_space *space)
{
    const uint64_t nearly =
        16UL << 20; /* a full filesystem shows some blocks that it cannot give */
    if (space->type == UNKNOWN_TYPE)
        return FAULT_NO_SPACE;
    if (f->page.size_known && quota_is_used_up(f->page.path, st))
        return FAULT_OVER_QUOTA;
    if (space->free < nearly || space->free < space->size / 50)
        return FAULT_NO_SPACE;
    return space->type == BTRFS_SUPER_MAGIC ? FAULT_OVER_QUOTA : FAULT_IO_ERROR;
}

static enum fault_cause find_cause(const struct fault *f, const siginfo_t *info,
                                   const struct stat *st, const struct sys_space *space)
{
    const struct fault_page *p = &f->page;
    if (info->si_code != BUS_ADRERR)
        return FAULT_POISONED;
    if (space->type == HUGETLBFS_MAGIC)
        return FAULT_NO_HUGE_PAGES;
    bool can_read = sys_readable(p->page);
    if (p->size_known ? p->at >= page_up(p->size)
                      : !can_read && !sys_readable(p->map.end - page_size))
        return FAULT_PAST_END;
    return can_read || f->memory_file ? why_no_page(f, st, space) : FAULT_IO_ERROR;
}

bool faults_explain(struct fault *f, const siginfo_t *info, const void *context)
{
    struct procmap m;
    struct stat st = { .st_size = 0 };
    struct sys_space space = { .type = UNKNOWN_TYPE };
    uintptr_t page = page_down((uintptr_t)info->si_addr);
    if (procmaps_at(PROCMAPS_SELF, page, &m, list, sizeof list) < 0 || !m.inode || m.path[0] != '/')
        return false;
    *f = (struct fault){ .store = faults_was_store(context) };
    f->page = (struct fault_page){
        .page = page,
        .map = { m.start, m.end, m.offset,
                 (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) | (m.exec ? PROT_EXEC : 0) },
        .at = m.offset + (page - m.start),
        .of = { .dev = makedev(m.dev_major, m.dev_minor), .ino = m.inode },
        .shared = m.shared,
        .path = m.path,
        .path_len = m.path_len,
    };
    ask_file(f, &st, &space);
    f->cause = find_cause(f, info, &st, &space);
    f->page.error = f->cause == FAULT_NO_SPACE     ? ENOSPC
                    : f->cause == FAULT_OVER_QUOTA ? EDQUOT
                                                   : EIO;
    return true;
}

/* ---- the line ---- */

/* The last line that was logged. Repetitions of it are counted, not logged. */
static struct {
    uint64_t dev, ino, until_ms;
    enum fault_cause cause;
    bool store;
    const char *done;
    unsigned count;
} last;

static bool is_news(const struct fault *f, const char *done, unsigned *more)
{
    uint64_t now = sys_now_ms();
    bool same = last.dev == f->page.of.dev && last.ino == f->page.of.ino &&
                last.cause == f->cause && last.store == f->store && last.done == done &&
                now < last.until_ms;
    last.until_ms = now + QUIET_MS;
    if (same) {
        last.count++;
        return false;
    }
    *more = last.count;
    last.dev = f->page.of.dev;
    last.ino = f->page.of.ino;
    last.cause = f->cause;
    last.store = f->store;
    last.done = done;
    last.count = 0;
    return true;
}

void faults_count_again(void)
{
    last.count++;
}

static void say_space(char *out, size_t size, const struct fault *f)
{
    const char *what = f->cause == FAULT_NO_SPACE ? "no space left" : "the disk quota is used up";
    if (mounts_describe(f->page.of.st_dev, f->page.path, &mount))
        fmt(out, size, "%s on %s (%s, %s, %s free)%s%s", what, mount.point, mount.type,
            size_in_words(mount.size).text, size_in_words(mount.free).text,
            *mounts_remedy(&mount) ? "; " : "", mounts_remedy(&mount));
    else
        fmt(out, size, "%s on its filesystem", what);
}

static void say_cause(char *out, size_t size, const struct fault *f)
{
    const struct fault_page *p = &f->page;
    uint64_t map_end = p->map.offset + (p->map.end - p->map.start);
    switch (f->cause) {
    case FAULT_PAST_END:
        if (p->size_known)
            fmt(out, size,
                "the file has %lu bytes now, and the map reaches to %lu: it was truncated,"
                " or mapped beyond its end",
                (unsigned long)p->size, (unsigned long)map_end);
        else
            fmt(out, size, "the file ends before that, and the map reaches to %lu",
                (unsigned long)map_end);
        break;
    case FAULT_NO_SPACE:
    case FAULT_OVER_QUOTA: say_space(out, size, f); break;
    case FAULT_IO_ERROR: fmt(out, size, "an input/output error, see the kernel's log"); break;
    case FAULT_POISONED:
        fmt(out, size, "the memory is broken (hwpoison), see the kernel's log");
        break;
    case FAULT_NO_HUGE_PAGES:
        fmt(out, size, "no huge page is free, see HugePages_Free in /proc/meminfo");
        break;
    }
}

void faults_report(const struct fault *f, const void *context, bool lost, const char *unspilled,
                   const char *done)
{
    char thread[16] = "?";
    unsigned more = 0;
    if (!is_news(f, done, &more))
        return;
    if (more)
        log_line_in(&room, LOG_WARNING, EVENT_faults,
                    "SIGBUS: %u more like the one reported before", more);
    sys_prctl(PR_GET_NAME, (unsigned long)thread, 0, 0, 0);
    thread[sizeof thread - 1] = '\0';
    say_cause(cause_text, sizeof cause_text, f);
    unwind_text(stack_text, sizeof stack_text, frames,
                unwind_context(context, frames, STACK_FRAMES));
    log_line_in(&room, lost ? LOG_ERROR : LOG_WARNING, EVENT_fault,
                "SIGBUS: a %s %s at offset %lu: %s%s; %s; thread %s (%ld), at %s",
                f->store ? "store to" : "load from", f->page.path, (unsigned long)f->page.at,
                cause_text, unspilled, done, thread, sys_gettid(), stack_text);
}
