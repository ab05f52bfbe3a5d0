/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fakespace: a sorted array of maps. Each operation is written the way the kernel does it: cut at
 * the borders, change what lies between, merge what fits. That is slow and hard to get wrong.
 */
#define _GNU_SOURCE
#include "fakespace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakesys.h"
#include "kernel/newer.h"
#include "kernel/sys.h"

#define VMAS 70000
#define TOP 0x7ffff7fff000UL
#define FLOOR 0x10000UL
#define PLACED_BELOW (TOP - 0x100000UL) /* the rest is the stack's, say */
#define UP(len) (((len) + FAKE_PAGE - 1) & ~(FAKE_PAGE - 1))

static struct fake_vma vma[VMAS];
static long count;
long fake_limit;
bool fake_backing;

void fake_space_reset(void)
{
    count = 0;
    fake_limit = 65530;
    fake_backing = false;
}

long fake_vma_count(void)
{
    return count;
}

const struct fake_vma *fake_vma_number(long n)
{
    return &vma[n];
}

/* The first map that ends above addr. */
static long first_above(uintptr_t addr)
{
    long low = 0, high = count;
    while (low < high) {
        long middle = (low + high) / 2;
        if (vma[middle].end > addr)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct fake_vma *fake_vma_at(uintptr_t addr)
{
    long n = first_above(addr);
    return n < count && vma[n].start <= addr ? &vma[n] : NULL;
}

static bool is_free(uintptr_t addr, size_t len)
{
    long n = first_above(addr);
    return n == count || vma[n].start >= addr + len;
}

static void insert(long n, struct fake_vma new)
{
    for (long i = count; i > n; i--)
        vma[i] = vma[i - 1];
    vma[n] = new;
    count++;
}

static void delete (long n)
{
    count--;
    for (long i = n; i < count; i++)
        vma[i] = vma[i + 1];
}

/* mm/vma.c, can_vma_merge_*: one open file, flags and protection, offsets that continue. */
static bool mergeable(const struct fake_vma *a, const struct fake_vma *b)
{
    return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
           a->file == b->file && a->marks == b->marks &&
           (!a->file || a->offset + (a->end - a->start) == b->offset);
}

/* Merges vma[n] with its right neighbour where they fit. */
static void merge(long n)
{
    if (n < 0 || n + 1 >= count || !mergeable(&vma[n], &vma[n + 1]))
        return;
    vma[n].end = vma[n + 1].end;
    delete (n + 1);
}

static long split(uintptr_t addr)
{
    long n = first_above(addr);
    if (n == count || vma[n].start >= addr)
        return 0;
    if (count >= fake_limit)
        return -ENOMEM;
    struct fake_vma right = vma[n];
    right.offset += addr - right.start;
    right.start = addr;
    vma[n].end = addr;
    insert(n + 1, right);
    return 0;
}

static long cut(uintptr_t addr, size_t len)
{
    /* A hole in the middle of one map is refused before anything is split. */
    const struct fake_vma *v = fake_vma_at(addr);
    if (v && v->start < addr && v->end > addr + len && count >= fake_limit)
        return -ENOMEM;
    long r = split(addr);
    return r < 0 ? r : split(addr + len);
}

static long unmap(uintptr_t addr, size_t len)
{
    long r = cut(addr, len);
    if (r < 0)
        return r;
    long n = first_above(addr);
    while (n < count && vma[n].start < addr + len)
        delete (n);
    return 0;
}

/* Top-down, as the kernel places. */
static uintptr_t find_free(size_t len)
{
    uintptr_t end = PLACED_BELOW;
    for (long n = count - 1; n >= 0; n--) {
        if (vma[n].start >= PLACED_BELOW)
            continue;
        if (vma[n].end <= end && end - vma[n].end >= len)
            break;
        end = vma[n].start;
    }
    return end >= len + FLOOR ? end - len : 0;
}

/* Puts a new map into the space; side: whether it may merge with what lies beside it. */
static uintptr_t put(struct fake_vma new, bool side)
{
    long n = first_above(new.start);
    insert(n, new);
    if (side) {
        merge(n);
        merge(n - 1);
    }
    return new.start;
}

static bool valid(uintptr_t addr, size_t len)
{
    return addr % FAKE_PAGE == 0 && len && addr + len > addr && addr + len <= TOP;
}

static long map(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    bool anonymous = flags & MAP_ANONYMOUS;
    int number = anonymous ? 0 : fake_number(fd);
    const struct fake_open_file *f = anonymous ? NULL : fake_open_file(number);
    int kind = flags & MAP_TYPE;
    if (!len || offset % (off_t)FAKE_PAGE || offset < 0 ||
        (kind != MAP_SHARED && kind != MAP_PRIVATE && kind != MAP_SHARED_VALIDATE))
        return -EINVAL;
    if (!anonymous && !f)
        return -EBADF;
    len = UP(len);
    if (kind == MAP_SHARED_VALIDATE && (flags & MAP_FIXED_NOREPLACE))
        return -EOPNOTSUPP;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (fixed && !valid(addr, len))
        return addr % FAKE_PAGE ? -EINVAL : -ENOMEM;
    if ((flags & MAP_FIXED_NOREPLACE) && !is_free(addr, len))
        return -EEXIST;
    if (count > fake_limit)
        return -ENOMEM;
    if (!fixed) {
        addr &= ~(FAKE_PAGE - 1);
        if (!addr || !valid(addr, len) || !is_free(addr, len))
            addr = find_free(len);
        if (!addr)
            return -ENOMEM;
    }
    /* After a place was found, as in do_mmap. */
    if (f && ((f->flags & O_ACCMODE) == O_WRONLY ||
              (kind != MAP_PRIVATE && (prot & PROT_WRITE) && (f->flags & O_ACCMODE) != O_RDWR)))
        return -EACCES;
    if (flags & MAP_FIXED) {
        long r = unmap(addr, len);
        if (r < 0)
            return r;
    }
    struct fake_vma new = { addr,
                            addr + len,
                            prot & 7,
                            kind != MAP_PRIVATE,
                            number,
                            f ? f->file.inode : 0,
                            f ? (uint64_t)offset : 0,
                            0 };
    if (flags & MAP_LOCKED)
        new.marks |= FAKE_MARK_LOCKED;
    if (flags & MAP_NORESERVE)
        new.marks |= FAKE_MARK_NORESERVE;
    return (long)put(new, !f || !f->file.never_side);
}

/* Sets prot (>= 0) or marks over a range that may have holes; -ENOMEM where it has. */
static long change(uintptr_t addr, size_t len, int prot, unsigned set, unsigned clear)
{
    if (addr % FAKE_PAGE)
        return -EINVAL;
    len = UP(len);
    uintptr_t end = addr + len, covered = addr;
    long first = first_above(addr);
    if (first == count || vma[first].start > addr)
        return len ? -ENOMEM : 0;
    long r = cut(addr, len);
    if (r < 0)
        return r;
    long n = first_above(addr);
    for (; n < count && vma[n].start < end && vma[n].start == covered; n++) {
        covered = vma[n].end;
        if (prot >= 0)
            vma[n].prot = prot & 7;
        vma[n].marks = (vma[n].marks | set) & ~clear;
    }
    for (; n >= first - 1; n--)
        merge(n);
    return covered >= end ? 0 : -ENOMEM;
}

static long grow_in_place(long n, uintptr_t addr, size_t old_len, size_t new_len)
{
    struct fake_vma *v = &vma[n];
    if (addr + old_len != v->end || !valid(addr, new_len))
        return -ENOMEM;
    if (n + 1 < count && vma[n + 1].start < addr + new_len)
        return -ENOMEM;
    v->end = addr + new_len;
    merge(n);
    return (long)addr;
}

/* A copy of [addr, addr + len) of v with another length, elsewhere. */
static long move(const struct fake_vma *v, uintptr_t addr, size_t old_len, size_t new_len,
                 int flags, uintptr_t new_addr)
{
    if (count >= fake_limit - 5)
        return -ENOMEM;
    struct fake_vma new = *v;
    new.offset += v->file ? addr - v->start : 0;
    if (flags & MREMAP_FIXED) {
        if (!valid(new_addr, new_len) || (new_addr < addr + old_len && addr < new_addr + new_len))
            return -EINVAL;
        long r = unmap(new_addr, new_len);
        if (r < 0)
            return r;
    } else if (!(new_addr = find_free(new_len))) {
        return -ENOMEM;
    }
    new.start = new_addr;
    new.end = new_addr + new_len;
    if (old_len && !(flags & MREMAP_DONTUNMAP))
        unmap(addr, old_len);
    put(new, true);
    return (long)new_addr;
}

static long remap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr)
{
    old_len = UP(old_len);
    new_len = UP(new_len);
    if (addr % FAKE_PAGE || !new_len || ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    const struct fake_vma *v = fake_vma_at(addr);
    if (!v)
        return -EFAULT;
    if (!old_len && !v->shared)
        return -EINVAL;
    if (addr + old_len > v->end)
        return -EFAULT;
    if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && old_len) {
        if (new_len <= old_len) {
            long r = new_len < old_len ? unmap(addr + new_len, old_len - new_len) : 0;
            return r < 0 ? r : (long)addr;
        }
        long r = grow_in_place(v - vma, addr, old_len, new_len);
        if (r >= 0)
            return r;
    }
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    struct fake_vma copy = *v;
    return move(&copy, addr, old_len, new_len, flags, new_addr);
}

size_t fake_space_text(char *buf, size_t size)
{
    size_t at = 0;
    for (long n = 0; n < count && at < size; n++) {
        const struct fake_vma *v = &vma[n];
        char name[40] = "";
        if (v->file && v->inode == FAKE_LIBJVM)
            snprintf(name, sizeof name, "                   /lib/libjvm.so");
        else if (v->file)
            snprintf(name, sizeof name, "                   /file%lu", (unsigned long)v->inode);
        at += (size_t)snprintf(buf + at, size - at, "%lx-%lx %c%c%c%c %08lx %02x:%02x %lu %s\n",
                               v->start, v->end, v->prot & PROT_READ ? 'r' : '-',
                               v->prot & PROT_WRITE ? 'w' : '-', v->prot & PROT_EXEC ? 'x' : '-',
                               v->shared ? 's' : 'p', (unsigned long)v->offset, v->file ? 8 : 0,
                               v->file ? 1 : 0, (unsigned long)v->inode, name);
    }
    return at < size ? at : size - 1;
}

/* Real memory behind a fake map; unmap takes it away again. */
static void back(uintptr_t addr, size_t len)
{
    if (syscall(SYS_mmap, addr, len, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) == -1)
        abort();
}

/* The calls themselves: one at a time, and the failure that a test ordered first. */
#define CALL(which, answer)                     \
    do {                                        \
        fake_enter();                           \
        long ordered = fake_answer(which);      \
        long r_ = ordered ? ordered : (answer); \
        fake_leave();                           \
        return r_;                              \
    } while (0)

long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    fake_enter();
    long r = fake_answer(FAKE_MMAP);
    if (!r)
        r = map(addr, len, prot, flags, fd, offset);
    if (fake_backing && !sys_failed(r) && (flags & MAP_ANONYMOUS) && (prot & PROT_WRITE))
        back((uintptr_t)r, UP(len));
    fake_leave();
    return r;
}

long sys_munmap(uintptr_t addr, size_t len)
{
    if (fake_backing)
        syscall(SYS_munmap, addr, len);
    CALL(FAKE_MUNMAP, valid(addr, UP(len)) ? unmap(addr, UP(len)) : -EINVAL);
}

long sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t new_addr)
{
    CALL(FAKE_MREMAP, remap(addr, old_len, new_len, flags, new_addr));
}

long sys_mprotect(uintptr_t addr, size_t len, int prot)
{
    CALL(FAKE_MPROTECT, change(addr, len, prot, 0, 0));
}

long sys_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey)
{
    return pkey == -1 ? sys_mprotect(addr, len, prot) : -EINVAL;
}

long sys_madvise(uintptr_t addr, size_t len, int advice)
{
    unsigned random = FAKE_MARK_ADVICE << MADV_RANDOM, ahead = FAKE_MARK_ADVICE << MADV_SEQUENTIAL;
    fake_enter();
    long r = 0;
    if (advice == MADV_RANDOM)
        r = change(addr, len, -1, random, ahead);
    else if (advice == MADV_SEQUENTIAL)
        r = change(addr, len, -1, ahead, random);
    else if (advice == MADV_NORMAL)
        r = change(addr, len, -1, 0, random | ahead);
    else if (advice == MADV_DONTFORK)
        r = change(addr, len, -1, FAKE_MARK_ADVICE << MADV_DONTFORK, 0);
    else if (advice == MADV_DOFORK)
        r = change(addr, len, -1, 0, FAKE_MARK_ADVICE << MADV_DONTFORK);
    else if (advice == MADV_COLD && fake_vma_at(addr) &&
             (fake_vma_at(addr)->marks & FAKE_MARK_LOCKED))
        r = -EINVAL;
    fake_leave();
    return r == -ENOMEM && count >= fake_limit - 1 ? -EAGAIN : r;
}

long sys_mlock(uintptr_t addr, size_t len)
{
    fake_enter();
    long r = change(addr, len, -1, FAKE_MARK_LOCKED, 0);
    fake_leave();
    return r;
}

long sys_mlock2(uintptr_t addr, size_t len, unsigned flags)
{
    (void)flags;
    return sys_mlock(addr, len);
}

long sys_munlock(uintptr_t addr, size_t len)
{
    fake_enter();
    long r = change(addr, len, -1, 0, FAKE_MARK_LOCKED);
    fake_leave();
    return r;
}
