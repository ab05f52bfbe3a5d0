/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* mmap, in all the ways a program may call it. */
#define _GNU_SOURCE
#include "driver.h"

#include <fcntl.h>
#include <sys/mman.h>

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif

static const struct bit_name prot_names[] = {
    { PROT_READ, "r" },
    { PROT_WRITE, "w" },
    { PROT_EXEC, "x" },
    { 0, NULL },
};
static const struct bit_name flag_names[] = {
    { MAP_SHARED, "shared" },
    { MAP_PRIVATE, "private" },
    { MAP_ANONYMOUS, "anon" },
    { MAP_FIXED, "fixed" },
    { MAP_POPULATE, "populate" },
    { MAP_FIXED_NOREPLACE, "noreplace" },
    { MAP_LOCKED, "locked" },
    { MAP_NORESERVE, "noreserve" },
    { MAP_NONBLOCK, "nonblock" },
    { MAP_STACK, "stack" },
#ifdef MAP_32BIT
    { MAP_32BIT, "32bit" },
#endif
    { 0, NULL },
};

struct request {
    char *at;
    size_t len;
    int prot, flags, fd;
    off_t offset;
};

static int some_prot(void)
{
    static const int prots[] = { PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ,
                                 PROT_READ,
                                 PROT_NONE,
                                 PROT_READ | PROT_EXEC,
                                 PROT_READ | PROT_WRITE | PROT_EXEC,
                                 PROT_WRITE };
    return prots[pick(sizeof prots / sizeof prots[0])];
}

static int extra_flag(void)
{
    switch (pick(40)) {
    case 0: return MAP_POPULATE;
    case 1: return MAP_LOCKED;
    case 2: return MAP_NORESERVE;
    case 3: return MAP_POPULATE | MAP_NONBLOCK;
    case 4: return MAP_STACK;
#ifdef MAP_32BIT
    case 5: return MAP_32BIT;
#endif
    default: return 0;
    }
}

/* Chunks of a file as programs map them: mostly one after the other, some again, some anywhere,
 * some over the end. */
static void choose_part(struct request *r, unsigned file)
{
    static unsigned next[FILES];
    unsigned pages = files_pages(file), chunk = percent(70) ? 2 : 1u << pick(4), from;
    if (percent(6)) {
        r->offset = 0; /* the whole file */
        r->len = pages ? pages * page : page;
        return;
    }
    if (percent(50))
        from = next[file];
    else if (percent(70))
        from = chunk * pick(pages / chunk + 1);
    else
        from = pick(pages + 4);
    if (from > pages + 4)
        from = 0;
    next[file] = from + chunk;
    r->offset = (off_t)(from * page);
    r->len = chunk * page - (percent(15) ? pick((unsigned)page) : 0);
}

/* A chunk as a database maps it; false if no descriptor is of use for it. */
static bool choose_chunk(struct request *r)
{
    const struct descriptor *d = pick_descriptor();
    unsigned pages = files_pages(d->file);
    if (d->file > 1 || d->mode != O_RDWR || pages < 2)
        return false;
    *r = (struct request){ .len = 2 * page, .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED };
    r->fd = d->fd;
    r->offset = (off_t)(pick(pages / 2) * 2 * page);
    say("mmap ");
    say_descriptor(d);
    return true;
}

static void choose_memory(struct request *r)
{
    for (int tries = 0; chunky && tries < 6; tries++)
        if (choose_chunk(r))
            return;
    *r = (struct request){ .prot = some_prot(), .fd = -1 };
    r->flags = extra_flag() | (percent(60) ? MAP_SHARED : MAP_PRIVATE);
    if (percent(80)) {
        const struct descriptor *d = pick_descriptor();
        choose_part(r, d->file);
        r->fd = d->fd;
        say("mmap ");
        say_descriptor(d);
        return;
    }
    r->len = (1 + pick(16)) * page - (percent(15) ? pick((unsigned)page) : 0);
    if (percent(10)) {
        r->fd = fd_zero;
        say("mmap zero");
    } else {
        r->flags |= MAP_ANONYMOUS;
        say("mmap");
    }
}

static unsigned hole_pages(const struct range *r)
{
    unsigned count = 0;
    while (count < r->count && page_hole(r->h, r->first + count))
        count++;
    return count;
}

/* Where to; returns the handle whose pages may change, or NULL. */
static struct handle *choose_place(struct request *r)
{
    struct range target;
    unsigned kind = pick(100);
    if (kind < (chunky ? 94 : 72))
        return NULL;
    if (kind < 90) {
        target = pick_arena();
        r->at = target.at;
        r->flags |= kind < 80 ? MAP_FIXED : kind < 86 ? MAP_FIXED_NOREPLACE : 0;
    } else {
        target = pick_float_place();
        if (!target.h)
            return NULL;
        r->at = target.at;
        if (kind < 96) {
            r->flags |= MAP_FIXED; /* over what is there, and no further */
            if (r->len > target.len)
                r->len = target.len;
        } else if (page_mapped(target.h, target.first)) {
            r->flags |= kind < 98 ? MAP_FIXED_NOREPLACE : 0; /* taken: EEXIST, or elsewhere */
        } else {
            /* A hole: free in both processes, if it is not retained. */
            size_t free = hole_pages(&target) * page;
            if (!free || (differs.retained && no_hook)) {
                r->at = NULL;
                return NULL;
            }
            r->flags |= kind < 98 ? MAP_FIXED_NOREPLACE : 0;
            if (r->len > free)
                r->len = free;
        }
    }
    size_t room = (size_t)(target.h->base + target.h->pages * page - target.at);
    if (is_arena(target.h) && r->len > room)
        r->len = room;
    say(" on ");
    say_range(target);
    return target.h;
}

/* One argument that is wrong; what it was is in the transcript's numbers. */
static void spoil(struct request *r)
{
    switch (pick(13)) {
    case 0: r->len = 0; break;
    case 1:
        r->fd = -1;
        r->flags &= ~MAP_ANONYMOUS;
        break;
    case 2: r->offset += 1; break;
    case 3: r->flags &= ~(MAP_SHARED | MAP_PRIVATE); break;
    case 4:
        r->fd = fd_pipe;
        r->flags &= ~MAP_ANONYMOUS;
        break;
    case 5:
        r->fd = fd_folder;
        r->flags &= ~MAP_ANONYMOUS;
        break;
    case 6: r->len = (size_t)-1; break;
    case 7: r->len = (size_t)1 << 62; break;
    case 8: r->offset = -(off_t)page; break;
    case 9: r->offset = (off_t)((uint64_t)-1 >> 1) & ~(off_t)(page - 1); break;
    case 10:
        r->at = (char *)1;
        r->flags |= MAP_FIXED;
        break;
    case 11: r->flags = (r->flags & ~MAP_PRIVATE) | MAP_SHARED_VALIDATE | 0x40000000; break;
    case 12:
        r->fd = 400;
        r->flags &= ~MAP_ANONYMOUS;
        break;
    }
}

void step_mmap(void)
{
    if (handles_full()) {
        step_munmap();
        return;
    }
    struct request r;
    choose_memory(&r);
    struct handle *over = choose_place(&r);
    if (percent(6))
        spoil(&r);
    say(" len %zu offset %lld ", r.len, (long long)r.offset);
    say_bits((unsigned)r.prot, prot_names);
    say(" ");
    say_bits((unsigned)r.flags, flag_names);

    if (!(r.flags & MAP_FIXED))
        handles_placing();
    char *got = CALL(percent(50) ? way->mmap(r.at, r.len, r.prot, r.flags, r.fd, r.offset)
                                 : way->mmap64(r.at, r.len, r.prot, r.flags, r.fd, r.offset));
    int error = errno;
    if (got != MAP_FAILED) {
        files_mapped(r.fd);
        if (over && got == r.at) {
            say(" there");
            handles_replaced(over, got, r.len);
        } else {
            say(" as h%d", (int)(handles_add(got, r.len) - handles));
        }
    }
    errno = error;
    say_result(got == MAP_FAILED);
    if (over)
        handles_refresh(over);
}

/* As a JVM and many others map chunks: the file is opened for it and closed at once, so the map
 * alone holds that open file. */
void step_mmap_and_close(void)
{
    struct descriptor *d = handles_full() ? NULL : files_open();
    if (!d) {
        step_munmap();
        return;
    }
    struct request r = { .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED, .fd = d->fd };
    choose_part(&r, d->file);
    say("open, mmap ");
    say_descriptor(d);
    say(" len %zu offset %lld, close", r.len, (long long)r.offset);
    handles_placing();
    char *got = CALL(way->mmap(r.at, r.len, r.prot, r.flags, r.fd, r.offset));
    int error = errno;
    if (got != MAP_FAILED) {
        files_mapped(r.fd);
        say(" as h%d", (int)(handles_add(got, r.len) - handles));
    }
    files_close(d);
    errno = error;
    say_result(got == MAP_FAILED);
}

/* Private memory with guards in it, as stacks and fibers have them: at its ends or between, in
 * pages that nobody has touched, or in touched ones. */
void step_stack(void)
{
    if (handles_full()) {
        step_munmap();
        return;
    }
    unsigned pages = 3 + pick(14);
    int extra = percent(30) ? MAP_STACK | MAP_NORESERVE : 0;
    say("stack of %u pages", pages);
    handles_placing();
    char *got = CALL(way->mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | extra, -1, 0));
    if (got == MAP_FAILED) {
        say_result(true);
        return;
    }
    struct handle *h = handles_add(got, pages * page);
    say(" as h%d", (int)(h - handles));
    if (percent(40))
        say(" stored %d", guarded_store(got + pick(pages) * page, step_now));
    for (unsigned left = 1 + pick(4); left > 0; left--) {
        unsigned first = pick(pages), count = 1 + pick(pages - first > 1 ? 2 : 1);
        int prot = percent(75) ? PROT_NONE : PROT_READ | PROT_WRITE;
        handles_parted((struct range){ .h = h, .count = count });
        h->guarded = true;
        say(" %u+%u to %d: %d", first, count, prot,
            way->mprotect(got + first * page, count * page, prot));
    }
    errno = ERRNO_MARK;
    say_result(false);
    say("= bytes %016lx\n", (unsigned long)look_bytes(h));
}
