/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls that change what lies behind addresses, or ask about it, and that no preloaded library
 * defines: remap_file_pages, userfaultfd, mbind, names, and the kernel's own copying from and to
 * memory.
 */
#define _GNU_SOURCE
#include "driver.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not in all headers. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#define FEATURE_SIGBUS (1 << 7)
#define FEATURES_WP_ASYNC (1 << 12 | 1 << 13 | 1 << 15)

/* MISSING: a page that has nothing in it is SIGBUS at an access, so that a registration which
 * a mapping should not have is seen and does not hang. WRITES: the kernel merely notes what is
 * written to; any map can be registered. */
enum { MISSING, WRITES };
static int faultfds[2];

void unseen_start(void)
{
    static const unsigned long features[] = { FEATURE_SIGBUS, FEATURES_WP_ASYNC };
    faultfds[MISSING] = faultfds[WRITES] = -1;
    if (differs.cold) /* nothing is cold in a process that has a userfaultfd */
        return;
    for (int i = 0; i < 2; i++) {
        struct uffdio_api api = { .api = UFFD_API, .features = features[i] };
        faultfds[i] = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
        if (faultfds[i] >= 0 && ioctl(faultfds[i], UFFDIO_API, &api) < 0) {
            close(faultfds[i]);
            faultfds[i] = -1;
        }
    }
    if (faultfds[MISSING] < 0)
        say("# no userfaultfd\n");
    if (faultfds[WRITES] < 0)
        say("# no userfaultfd for writes\n");
}

/* See struct differences, cold. */
static void touch_first(struct range r)
{
    uint64_t ignored = 0;
    for (unsigned i = 0; differs.cold && i < r.count; i++)
        guarded_load(r.at + i * page, &ignored);
}

/* Of a float's parts nobody knows whether they are one map (struct handle): one page then. */
static struct range begin_in_one_map(const char *call)
{
    struct range r = call_begin(call);
    if (r.h->parted && r.count > 1 && r.len <= r.count * page &&
        (differs.guards || !is_arena(r.h))) {
        r.count = 1;
        r.len = page;
        say(" of them one page");
    }
    return r;
}

void step_remap_file_pages(void)
{
    size_t offset = pick(MAX_PAGES);
    int prot = percent(3) ? PROT_READ : 0; /* wrong */
    struct range r = begin_in_one_map("remap_file_pages");
    if (differs.guards && r.h->guarded) {
        say(" not called\n");
        return;
    }
    handles_parted(r);
    say(" to page %zu of its file", offset);
    touch_first(r);
    call_end(r, CALL(way->remap_file_pages(r.at, r.len, prot, offset, 0)));
}

void userfaultfd_end(char *at, size_t len)
{
    struct uffdio_range range = { (uintptr_t)at, (len + page - 1) / page * page };
    for (unsigned i = 0; i < sizeof faultfds / sizeof *faultfds; i++)
        if (faultfds[i] >= 0)
            ioctl(faultfds[i], UFFDIO_UNREGISTER, &range);
}

void step_userfaultfd(void)
{
    int which = percent(50) ? MISSING : WRITES;
    bool registers = percent(65);
    struct range r = call_begin(registers ? "userfaultfd registration" : "its end");
    struct uffdio_range range = { (uintptr_t)r.at, r.len };
    struct uffdio_register request = {
        .range = range,
        .mode = which == MISSING ? UFFDIO_REGISTER_MODE_MISSING : UFFDIO_REGISTER_MODE_WP,
    };
    say(" for %s", which == MISSING ? "missing pages" : "writes");
    handles_parted(r);
    r.h->registered |= registers;
    call_end(r, registers ? CALL(ioctl(faultfds[which], UFFDIO_REGISTER, &request))
                          : CALL(ioctl(faultfds[which], UFFDIO_UNREGISTER, &range)));
}

/* One policy only: where a map merges with its neighbour, the kernel gives the neighbour's part of
 * a memory file that policy once more (mm/mempolicy.c, vma_replace_policy), over what it has been
 * given through other maps since. */
void step_mbind(void)
{
    enum { BIND = 2, WRONG = 77 };
    int mode = percent(95) ? BIND : WRONG;
    unsigned long first_node = 1;
    struct range r = call_begin("mbind");
    handles_parted(r);
    say(" %d", mode);
    call_end(r, CALL(syscall(SYS_mbind, r.at, r.len, mode, &first_node, 64L, 0L)) < 0);
}

int memory_policy(const char *at)
{
    enum { OF_ADDRESS = 2 };
    int mode;
    return syscall(SYS_get_mempolicy, &mode, NULL, 0L, at, OF_ADDRESS) ? -1 : mode;
}

void step_name(void)
{
    static const char *const names[] = { "diff one", "diff two", NULL, "wrong[name" };
    unsigned which = percent(95) ? pick(3) : 3;
    struct range r = call_begin("name");
    handles_parted(r);
    say(" %s", names[which] ? names[which] : "none");
    call_end(r, CALL(way->prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, r.at, r.len, names[which])));
}

/* The kernel reads memory for the program, and writes to it. */
void step_copy(void)
{
    static char copy[MAX_PAGES * 4096];
    struct range r = pick_place();
    r.len = r.count * page;
    if (r.len > sizeof copy)
        r.len = sizeof copy;
    struct iovec here = { copy, r.len }, there = { r.at, r.len };
    ssize_t got;
    int error;
    switch (pick(3)) {
    case 0:
        say("process_vm_readv ");
        say_range(r);
        touch_first(r);
        got = CALL(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
        break;
    case 1:
        say("process_vm_writev ");
        say_range(r);
        for (size_t i = 0; i < r.len; i += page)
            *(uint64_t *)(copy + i) = step_now << 16 | i;
        touch_first(r);
        got = CALL(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
        break;
    default:
        say("read zeros into ");
        say_range(r);
        got = CALL(read(fd_zero, r.at, r.len));
        break;
    }
    error = errno;
    say(" %zd bytes", got);
    errno = error;
    call_end(r, got < 0);
}
