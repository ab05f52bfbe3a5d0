/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * The test of the test: a library that stands where libmapherd.so would and breaks what SABOTAGE
 * says. The differential test must see each.
 *
 *   none    honest: but every map lies somewhere unusual, so that a transcript that depends on
 *           where the kernel puts things is seen too. Must not be noticed
 *   offset  a file map begins a page too late in the file
 *   unmap   munmap takes one page too many
 *   tail    mprotect forgets the last page
 *   twice   the same part mapped twice gets the same address
 *   errno   a call that works changes errno
 *   error   a call that fails says something else
 *   grown   what mremap adds is not writable
 *   advice  a file map has advice that nobody gave
 *   fork    a child loses the last file map
 *   short   ftruncate keeps the file a byte longer, once a file is mapped
 *   maps    every file map costs two more
 *   hang    a file map does not return
 *
 * And what the differences that are looked past under pressure (driver.h) must not hide:
 *
 *   open    a guard of private memory is only said to be there
 *   shut    a guard is a marker, and stays when access is given again
 *   left    what is unmapped of a file stays for ever
 *   given   the unmapping of a chunk takes another one with it that is still in use
 *   refill  what was unmapped of a file is kept, and given out for another part of it
 *   bare    what was unmapped of a file is kept without a guard marker, until the next call
 *   marked  what was unmapped of a file is kept under a guard marker, and given out again with it
 *
 * And what must not be believed. These know all that hooks see, and would be honest in a program
 * all of whose calls pass them:
 *
 *   growth  a chunk is made by growing its neighbour, so it is what the neighbour has become
 *   anew    the chunk before is mapped anew as it was, to merge with the next one
 *   again   an unmapped chunk's address is used again for the next one, whoever lies there now
 *
 * And what a chunk must not have from elsewhere:
 *
 *   watched a chunk is registered with the program's userfaultfd
 *   policy  a chunk has a memory policy
 *   dofork  MADV_DONTFORK is lost, so that a child has what it must not have
 *   late    an unmapped chunk's file stays open until the next chunk is mapped
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../raw.h"

enum { PAGE_SIZE = 4096, GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

static bool is(const char *what)
{
    static const char *chosen;
    if (!chosen) {
        chosen = getenv("SABOTAGE");
        if (!chosen)
            chosen = "none";
    }
    return !strcmp(chosen, what);
}

static long answer(long result)
{
    if (result == -1 && is("error") && errno == EINVAL)
        errno = EPERM;
    if (result != -1 && is("errno"))
        errno = 0;
    return result;
}

static size_t whole(size_t len)
{
    return (len + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

/* The last shared file maps: what was mapped where. */
static struct {
    ino_t inode;
    off_t offset;
    size_t len;
    void *at;
    int prot, fd;
    bool kept; /* unmapped by the program, still there */
    bool same; /* no hook has seen a change of it */
} made[16];
static unsigned made_count;

static void *made_before(const struct stat *st, off_t offset, size_t len)
{
    for (unsigned i = 0; i < 16; i++)
        if (made[i].at && made[i].inode == st->st_ino && made[i].offset == offset &&
            made[i].len == len)
            return made[i].at;
    return NULL;
}

/* The number of the file map that lies at this very place, or -1. */
static int made_at(const void *at)
{
    for (int i = 0; i < 16; i++)
        if (made[i].at && made[i].at == at)
            return i;
    return -1;
}

static void *kept_of(const struct stat *st, off_t offset, size_t len)
{
    for (unsigned i = 0; i < 16; i++) {
        if (made[i].kept && made[i].inode == st->st_ino && made[i].len == len &&
            (is("refill") || made[i].offset == offset)) {
            made[i].kept = false;
            return made[i].at;
        }
    }
    return NULL;
}

/* An address of which the hooks know that it is free, since a chunk of so many bytes was unmapped. */
static char *free_at;
static size_t free_len;

/* A hook has seen that this range changes, or is mapped. */
static void changed(const void *at, size_t len)
{
    uintptr_t from = (uintptr_t)at & ~(uintptr_t)(PAGE_SIZE - 1), to = (uintptr_t)at + whole(len);
    for (unsigned i = 0; i < 16; i++) {
        uintptr_t chunk = (uintptr_t)made[i].at;
        if (chunk < to && from < chunk + whole(made[i].len))
            made[i].same = false;
    }
    if (free_at && (uintptr_t)free_at < to && from < (uintptr_t)free_at + free_len)
        free_at = NULL;
}

/* The chunk that this one continues, if the hooks know of no difference; or -1. */
static int neighbour_of(const struct stat *st, int prot, int fd, off_t offset)
{
    for (int i = 0; i < 16; i++)
        if (made[i].same && made[i].inode == st->st_ino && made[i].prot == prot &&
            made[i].fd == fd && made[i].offset + (off_t)whole(made[i].len) == offset)
            return i;
    return -1;
}

/* Growth in place of the neighbour, as far as the kernel has room there. */
static void *grown_from(int neighbour, size_t len)
{
    if (neighbour < 0)
        return NULL;
    char *at = made[neighbour].at;
    size_t old_len = whole(made[neighbour].len);
    if ((char *)raw(SYS_mremap, at, old_len, old_len + whole(len), 0, NULL) != at)
        return NULL;
    made[neighbour].same = false;
    return at + old_len;
}

/* The last registration with a userfaultfd of the program. */
static int faultfd = -1;
static struct uffdio_register registration;

/* A second map of a chunk that was unmapped, and what was kept bare. */
static void *alias, *bare;
static size_t alias_len, bare_len;

static void drop_leftovers(void)
{
    if (alias)
        raw(SYS_munmap, alias, alias_len);
    if (bare)
        raw(SYS_munmap, bare, bare_len);
    alias = bare = NULL;
}

/* Downwards from a place of its own, with gaps: nothing merges, nothing is filled up again. */
static void *somewhere(size_t len)
{
    static uintptr_t next = 0x200000000000;
    next -= whole(len) + 17 * PAGE_SIZE;
    return (void *)next;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    int before = errno;
    struct stat st;
    bool placed = !at && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && len < 1ul << 30;
#ifdef MAP_32BIT
    placed = placed && !(flags & MAP_32BIT);
#endif
    bool file = placed && !(flags & MAP_ANONYMOUS) && !fstat(fd, &st) && S_ISREG(st.st_mode);
    bool chunk = file && flags == MAP_SHARED && len;
    int neighbour = chunk ? neighbour_of(&st, prot, fd, offset) : -1;
    drop_leftovers();
    while (chunk && is("hang"))
        pause();
    if (at)
        changed(at, len);
    if (file && is("offset") && offset > 4 * PAGE_SIZE)
        offset += PAGE_SIZE;
    if (placed && (is("none") || is("growth"))) {
        at = somewhere(len);
    } else if (chunk && is("twice")) {
        at = made_before(&st, offset, len);
        if (at)
            flags |= MAP_FIXED;
    } else if (placed && is("again") && free_at && whole(len) == free_len) {
        at = free_at;
        free_at = NULL;
        flags |= MAP_FIXED;
    }
    void *kept = file && (is("refill") || is("marked")) ? kept_of(&st, offset, len) : NULL;
    if (kept && is("refill"))
        raw(SYS_madvise, kept, whole(len), GUARD_REMOVE);
    if (!kept && chunk && is("growth"))
        kept = grown_from(neighbour, len);
    if (kept) {
        errno = before;
        return kept;
    }
    if (neighbour >= 0 && is("anew"))
        raw(SYS_mmap, made[neighbour].at, made[neighbour].len, prot, MAP_SHARED | MAP_FIXED, fd,
            made[neighbour].offset);
    void *got = (void *)raw(SYS_mmap, at, len, prot, flags, fd, offset);
    if (got != MAP_FAILED)
        changed(got, len);
    if (got != MAP_FAILED && file) {
        unsigned i = made_count++ % 16;
        made[i].kept = false;
        made[i].inode = st.st_ino;
        made[i].offset = offset;
        made[i].len = len;
        made[i].at = got;
        made[i].prot = prot;
        made[i].fd = fd;
        made[i].same = chunk;
        if (is("advice"))
            raw(SYS_madvise, got, whole(len), MADV_DONTDUMP);
        if (is("fork"))
            raw(SYS_madvise, got, whole(len), MADV_DONTFORK);
        if (is("maps"))
            raw(SYS_mmap, NULL, PAGE_SIZE, (made_count & 1) ? PROT_READ : PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (is("watched") && faultfd >= 0) {
            registration.range.start = (uintptr_t)got;
            registration.range.len = whole(len);
            ioctl(faultfd, UFFDIO_REGISTER, &registration);
        }
        if (is("policy")) {
            enum { BIND = 2 };
            unsigned long first_node = 1;
            syscall(SYS_mbind, got, whole(len), BIND, &first_node, 64L, 0L);
        }
    }
    if (got != MAP_FAILED)
        errno = before;
    return (void *)answer((long)got);
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

int munmap(void *at, size_t len)
{
    int before = errno, chunk = made_at(at);
    if (chunk >= 0 && whole(len) != whole(made[chunk].len))
        chunk = -1;
    drop_leftovers();
    if (is("unmap"))
        len = whole(len) + PAGE_SIZE;
    if (chunk >= 0 && (is("left") || is("refill") || is("marked")) &&
        !raw(SYS_madvise, at, whole(len), GUARD_INSTALL)) {
        made[chunk].kept = true;
        return 0;
    }
    if (chunk >= 0 && is("bare")) {
        made[chunk].at = NULL;
        bare = at;
        bare_len = len;
        return 0;
    }
    if (chunk >= 0 && is("late") && made[chunk].same) {
        alias_len = whole(len);
        alias = (void *)raw(SYS_mremap, at, 0L, alias_len, MREMAP_MAYMOVE, NULL);
        if (alias == MAP_FAILED)
            alias = NULL;
    }
    if (chunk >= 0 && is("given")) {
        int other = (chunk + 15) % 16;
        if (made[other].at)
            raw(SYS_munmap, made[other].at, made[other].len);
        made[chunk].at = made[other].at = NULL;
    }
    changed(at, len);
    if (chunk >= 0) {
        made[chunk].at = NULL;
        free_at = at;
        free_len = whole(len);
    }
    long result = raw(SYS_munmap, at, len);
    if (!result)
        errno = before;
    return (int)answer(result);
}

int madvise(void *at, size_t len, int advice)
{
    changed(at, len);
    if (is("dofork") && advice == MADV_DONTFORK)
        advice = MADV_DOFORK;
    return (int)answer(raw(SYS_madvise, at, len, advice));
}

int mlock(const void *at, size_t len)
{
    changed(at, len);
    return (int)answer(raw(SYS_mlock, at, len));
}

int mlock2(const void *at, size_t len, unsigned flags)
{
    changed(at, len);
    return (int)answer(raw(SYS_mlock2, at, len, flags));
}

int pkey_mprotect(void *at, size_t len, int prot, int key)
{
    changed(at, len);
    return (int)answer(raw(SYS_pkey_mprotect, at, len, prot, key));
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    long result = syscall(SYS_ioctl, fd, request, argument);
    if (request == UFFDIO_REGISTER && !result) {
        faultfd = fd;
        memcpy(&registration, argument, sizeof registration);
    }
    return (int)result;
}

int mprotect(void *at, size_t len, int prot)
{
    changed(at, len);
    if (prot == PROT_NONE && is("open"))
        return (int)answer(raw(SYS_mprotect, at, len, PROT_READ | PROT_WRITE));
    if (prot == PROT_NONE && is("shut") && !raw(SYS_madvise, at, len, GUARD_INSTALL))
        return 0;
    if (is("tail") && len > PAGE_SIZE)
        len = whole(len) - PAGE_SIZE;
    return (int)answer(raw(SYS_mprotect, at, len, prot));
}

void *mremap(void *at, size_t old_len, size_t new_len, int flags, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, flags);
    void *where = __builtin_va_arg(args, void *);
    __builtin_va_end(args);
    changed(at, old_len);
    if (flags & MREMAP_FIXED)
        changed(where, new_len);
    char *got = (char *)raw(SYS_mremap, at, old_len, new_len, flags, where);
    if (got != MAP_FAILED)
        changed(got, new_len);
    if (got != MAP_FAILED && is("grown") && whole(new_len) > whole(old_len))
        raw(SYS_mprotect, got + whole(old_len), whole(new_len) - whole(old_len), PROT_READ);
    return (void *)answer((long)got);
}

int ftruncate(int fd, off_t len)
{
    if (is("short") && made_count && len > 0 && len % PAGE_SIZE == 0)
        len++;
    return (int)answer(syscall(SYS_ftruncate, fd, len));
}

int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));
