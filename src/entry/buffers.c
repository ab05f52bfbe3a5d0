/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * buffers: see buffers.h.
 *
 * stdio is here because it reads and writes large buffers of the program past its own. What libc
 * itself reads and writes (the time in ppoll) needs nothing: an access by the program makes a
 * mapping warm.
 */
#define _GNU_SOURCE
#include "entry/buffers.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/linked.h"
#include "entry/gate.h"
#include "entry/hook.h"
#include "entry/sigcalls.h"
#include "kernel/sys.h"
#include "limit/cold.h"

/* stdio.h may have macros of these names. */
#undef fread_unlocked
#undef fwrite_unlocked

/* ---- what the calls name ---- */

/* The kernel takes no more than this with one buffer, nor more buffers or messages in one call. */
#define BYTES_MOST INT_MAX
#define PARTS_MOST 1024 /* UIO_MAXIOV */

/* The ranges that a call uses, and that may not become cold before it ends. */
struct used {
    struct {
        uintptr_t start, end;
    } ranges[16];
    unsigned count;
};

/* Where a call names more ranges than there is room for, the rest is made warm at its begin. */
static void reach_in(struct used *u, const void *at, size_t len)
{
    uintptr_t start = (uintptr_t)at, end = start + (len < BYTES_MOST ? len : BYTES_MOST);
    if (!at || end <= start)
        return;
    if (u->count == sizeof u->ranges / sizeof *u->ranges) {
        cold_reach(at, end - start);
    } else if (cold_begin_use(start, end)) {
        u->ranges[u->count].start = start;
        u->ranges[u->count++].end = end;
    }
}

static void end_uses(const struct used *u)
{
    for (unsigned i = 0; i < u->count; i++)
        cold_end_use(u->ranges[i].start, u->ranges[i].end);
}

static void many_in(struct used *u, const void *at, size_t n, size_t size)
{
    if (size)
        reach_in(u, at, n < BYTES_MOST / size ? n * size : BYTES_MOST);
}

/* The kernel refuses other numbers before it reads the array. */
static void parts_in(struct used *u, const struct iovec *parts, size_t n)
{
    enum { PIECE = 16 };
    struct iovec copy[PIECE];
    if (n > PARTS_MOST)
        return;
    many_in(u, parts, n, sizeof *parts);
    for (size_t from = 0; from < n; from += PIECE) {
        size_t some = n - from < PIECE ? n - from : PIECE;
        if (!sys_copy_own(copy, parts + from, some * sizeof *parts))
            return;
        for (size_t i = 0; i < some; i++)
            reach_in(u, copy[i].iov_base, copy[i].iov_len);
    }
}

/* In musl two of the lengths have 32 bits, and what is beside them has any value. The kernel takes
 * no larger ones in either libc. */
static void message_in(struct used *u, const struct msghdr *message)
{
    struct msghdr copy;
    reach_in(u, message, sizeof *message);
    if (!sys_copy_own(&copy, message, sizeof copy))
        return;
    reach_in(u, copy.msg_name, copy.msg_namelen);
    reach_in(u, copy.msg_control, (unsigned)copy.msg_controllen);
    parts_in(u, copy.msg_iov, (unsigned)copy.msg_iovlen);
}

/* The kernel takes the first PARTS_MOST. */
static void messages_in(struct used *u, const struct mmsghdr *messages, unsigned n)
{
    for (unsigned i = 0; i < n && i < PARTS_MOST; i++) {
        reach_in(u, &messages[i].msg_len, sizeof messages[i].msg_len);
        message_in(u, &messages[i].msg_hdr);
    }
}

/* An address that the kernel writes: there is room for *len bytes. */
static void address_in(struct used *u, const void *address, const socklen_t *len)
{
    socklen_t room;
    reach_in(u, len, sizeof *len);
    if (address && sys_copy_own(&room, len, sizeof room))
        reach_in(u, address, room);
}

/* For the hooks, where the call's struct used is named used. */
#define reach(at, len) reach_in(&used, at, len)
#define reach_many(at, n, size) many_in(&used, at, n, size)
#define reach_parts(parts, n) parts_in(&used, parts, n)
#define reach_message(message) message_in(&used, message)
#define reach_messages(messages, n) messages_in(&used, messages, n)
#define reach_address(address, len) address_in(&used, address, len)

/* ---- the next functions in the chain ---- */

/* clang-format off */
#define FOR_EACH(of)                                                                      \
    of(read) of(write) of(pread) of(pread64) of(pwrite) of(pwrite64) of(readv) of(writev) \
    of(preadv) of(preadv64) of(pwritev) of(pwritev64)                                     \
    of(preadv2) of(preadv64v2) of(pwritev2) of(pwritev64v2)                               \
    of(send) of(sendto) of(sendmsg) of(sendmmsg) of(recv) of(recvfrom) of(recvmsg)        \
    of(recvmmsg) of(getrandom) of(getentropy) of(poll) of(ppoll)                          \
    of(__read_chk) of(__pread_chk) of(__pread64_chk) of(__recv_chk) of(__recvfrom_chk)    \
    of(__poll_chk) of(__ppoll_chk) of(fread) of(fread_unlocked) of(fwrite)                \
    of(fwrite_unlocked) of(__fread_chk) of(__fread_unlocked_chk)
/* clang-format on */

/* NULL before the constructor, and where libc has no such function. */
#define POINTER(name) __typeof__(hook_##name) *name;
static struct {
    FOR_EACH(POINTER)
} next;

/* Looks next.name up. */
#define FIND(name) (*(void **)&next.name = linked_next(#name))

/* Lets a function that libc does not have be another one. */
#define TAKE_PLAIN(name, plain)     \
    do {                            \
        if (!next.name)             \
            next.name = next.plain; \
    } while (0)

void buffers_resolve(void)
{
#define NAME(name) LINKED_MEMBER(next, name),
    static const struct linked_name names[] = { FOR_EACH(NAME) };
    LINKED_NEXT_ALL(names);
    /* As in opens.c: musl from 1.2.4 on. */
    TAKE_PLAIN(pread64, pread);
    TAKE_PLAIN(pwrite64, pwrite);
    TAKE_PLAIN(preadv64, preadv);
    TAKE_PLAIN(pwritev64, pwritev);
    TAKE_PLAIN(preadv64v2, preadv2);
    TAKE_PLAIN(pwritev64v2, pwritev2);
}

/* ---- before the constructor ---- */

/* Notes a call before the constructor, and turns the kernel's answer into libc's. */
#define EARLY(call) (gate_early(), answer_long(call))

/* libc ends the program where the buffer is smaller than what may be written to it. */
static size_t within(size_t len, size_t room)
{
    if (len > room)
        __builtin_trap();
    return len;
}

static int poll_early(struct pollfd *fds, nfds_t n, int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    return (int)EARLY(sys_ppoll(fds, n, ms < 0 ? NULL : &time, NULL));
}

/* The kernel writes the time that is left, libc does not. */
static int ppoll_early(struct pollfd *fds, nfds_t n, const struct timespec *given,
                       const sigset_t *mask)
{
    struct timespec time;
    if (given)
        time = *given;
    return (int)EARLY(sys_ppoll(fds, n, given ? &time : NULL, mask));
}

/* As glibc (sysdeps/unix/sysv/linux/getentropy.c): all of it, and at most 256 bytes. */
static int getentropy_early(void *buf, size_t len)
{
    char *at = buf, *end = at + len;
    if (len > 256)
        return answer_int(-EIO);
    while (at < end) {
        long got = sys_random(at, (size_t)(end - at), 0);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return (int)EARLY(got ? got : -EIO);
        at += got;
    }
    return 0;
}

/* The stdio functions are no system calls: they are looked up. While the library is not relocated
 * they cannot be, and read and write nothing. */
#define LOOK_UP(name) (gate_early(), error_reachable() && FIND(name))
#define LOOKED_UP(name, arguments) (LOOK_UP(name) ? next.name arguments : 0)

/* ---- the hooks ---- */

/*
 * Defines the hook of a function: its name, type, parameters and arguments, what it reaches, and
 * its answer before the constructor. The hook is two loads and a jump; the rest is a function of
 * its own, so that the hook saves no register.
 */
#define TAKES_MEMORY(name, ...) DEFINE_TAKER(, hook_##name, name, __VA_ARGS__)
#define DEFINE_TAKER(scope, hook, name, type, parameters, arguments, reaching, early) \
    static __attribute__((noinline)) type rarely_##name parameters                    \
    {                                                                                 \
        struct used used;                                                             \
        used.count = 0;                                                               \
        gate_open(); /* notices a fork that ran no handlers */                        \
        if (cold_tracks())                                                            \
            reaching;                                                                 \
        type answer = next.name ? next.name arguments : early;                        \
        end_uses(&used);                                                              \
        return answer;                                                                \
    }                                                                                 \
    scope type hook parameters                                                        \
    {                                                                                 \
        if (__builtin_expect(cold_tracks() || !next.name, 0))                         \
            return rarely_##name arguments;                                           \
        return next.name arguments;                                                   \
    }

TAKES_MEMORY(read, ssize_t, (int fd, void *buf, size_t len), (fd, buf, len), reach(buf, len),
             EARLY(sys_read(fd, buf, len)))

TAKES_MEMORY(write, ssize_t, (int fd, const void *buf, size_t len), (fd, buf, len), reach(buf, len),
             EARLY(sys_write(fd, buf, len)))

TAKES_MEMORY(pread, ssize_t, (int fd, void *buf, size_t len, off_t offset), (fd, buf, len, offset),
             reach(buf, len), EARLY(sys_pread(fd, buf, len, offset)))

TAKES_MEMORY(pread64, ssize_t, (int fd, void *buf, size_t len, off_t offset),
             (fd, buf, len, offset), reach(buf, len), EARLY(sys_pread(fd, buf, len, offset)))

TAKES_MEMORY(pwrite, ssize_t, (int fd, const void *buf, size_t len, off_t offset),
             (fd, buf, len, offset), reach(buf, len), EARLY(sys_pwrite(fd, buf, len, offset)))

TAKES_MEMORY(pwrite64, ssize_t, (int fd, const void *buf, size_t len, off_t offset),
             (fd, buf, len, offset), reach(buf, len), EARLY(sys_pwrite(fd, buf, len, offset)))

/* A negative number of parts is a large one, which is refused. */
TAKES_MEMORY(readv, ssize_t, (int fd, const struct iovec *parts, int n), (fd, parts, n),
             reach_parts(parts, (size_t)n), EARLY(sys_readv(fd, parts, n)))

TAKES_MEMORY(writev, ssize_t, (int fd, const struct iovec *parts, int n), (fd, parts, n),
             reach_parts(parts, (size_t)n), EARLY(sys_writev(fd, parts, n)))

TAKES_MEMORY(preadv, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset),
             (fd, parts, n, offset), reach_parts(parts, (size_t)n),
             EARLY(sys_preadv(fd, parts, n, offset)))

TAKES_MEMORY(preadv64, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset),
             (fd, parts, n, offset), reach_parts(parts, (size_t)n),
             EARLY(sys_preadv(fd, parts, n, offset)))

TAKES_MEMORY(pwritev, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset),
             (fd, parts, n, offset), reach_parts(parts, (size_t)n),
             EARLY(sys_pwritev(fd, parts, n, offset)))

TAKES_MEMORY(pwritev64, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset),
             (fd, parts, n, offset), reach_parts(parts, (size_t)n),
             EARLY(sys_pwritev(fd, parts, n, offset)))

TAKES_MEMORY(preadv2, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset, int how),
             (fd, parts, n, offset, how), reach_parts(parts, (size_t)n),
             EARLY(sys_preadv2(fd, parts, n, offset, how)))

TAKES_MEMORY(preadv64v2, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset, int how),
             (fd, parts, n, offset, how), reach_parts(parts, (size_t)n),
             EARLY(sys_preadv2(fd, parts, n, offset, how)))

TAKES_MEMORY(pwritev2, ssize_t, (int fd, const struct iovec *parts, int n, off_t offset, int how),
             (fd, parts, n, offset, how), reach_parts(parts, (size_t)n),
             EARLY(sys_pwritev2(fd, parts, n, offset, how)))

TAKES_MEMORY(pwritev64v2, ssize_t,
             (int fd, const struct iovec *parts, int n, off_t offset, int how),
             (fd, parts, n, offset, how), reach_parts(parts, (size_t)n),
             EARLY(sys_pwritev2(fd, parts, n, offset, how)))

TAKES_MEMORY(send, ssize_t, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags),
             reach(buf, len), EARLY(sys_sendto(fd, buf, len, flags, NULL, 0)))

TAKES_MEMORY(sendto, ssize_t,
             (int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
              socklen_t to_len),
             (fd, buf, len, flags, to, to_len), (reach(buf, len), reach(to, to_len)),
             EARLY(sys_sendto(fd, buf, len, flags, to, to_len)))

TAKES_MEMORY(sendmsg, ssize_t, (int fd, const struct msghdr *message, int flags),
             (fd, message, flags), reach_message(message), EARLY(sys_sendmsg(fd, message, flags)))

TAKES_MEMORY(sendmmsg, int, (int fd, struct mmsghdr *messages, unsigned n, int flags),
             (fd, messages, n, flags), reach_messages(messages, n),
             (int)EARLY(sys_sendmmsg(fd, messages, n, flags)))

TAKES_MEMORY(recv, ssize_t, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags),
             reach(buf, len), EARLY(sys_recvfrom(fd, buf, len, flags, NULL, NULL)))

TAKES_MEMORY(recvfrom, ssize_t,
             (int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len),
             (fd, buf, len, flags, from, from_len),
             (reach(buf, len), reach_address(from, from_len)),
             EARLY(sys_recvfrom(fd, buf, len, flags, from, from_len)))

TAKES_MEMORY(recvmsg, ssize_t, (int fd, struct msghdr *message, int flags), (fd, message, flags),
             reach_message(message), EARLY(sys_recvmsg(fd, message, flags)))

TAKES_MEMORY(recvmmsg, int,
             (int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *time),
             (fd, messages, n, flags, time),
             (reach_messages(messages, n), reach(time, sizeof *time)),
             (int)EARLY(sys_recvmmsg(fd, messages, n, flags, time)))

TAKES_MEMORY(getrandom, ssize_t, (void *buf, size_t len, unsigned flags), (buf, len, flags),
             reach(buf, len), EARLY(sys_random(buf, len, flags)))

TAKES_MEMORY(getentropy, int, (void *buf, size_t len), (buf, len), reach(buf, len),
             getentropy_early(buf, len))

TAKES_MEMORY(poll, int, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms),
             reach_many(fds, n, sizeof *fds), poll_early(fds, n, ms))

/* Defines one that also waits with a mask of its own (sigcalls.h). */
#define TAKES_MEMORY_AND_MASK(name, type, parameters, arguments, reaching, early)           \
    DEFINE_TAKER(static, name##_masked, name, type, parameters, arguments, reaching, early) \
    type hook_##name parameters                                                             \
    {                                                                                       \
        sigset_t instead;                                                                   \
        mask = sigcalls_waiting_mask(mask, &instead);                                       \
        return name##_masked arguments;                                                     \
    }

/* The kernel's sets of signals have eight bytes. */
TAKES_MEMORY_AND_MASK(
    ppoll, int, (struct pollfd * fds, nfds_t n, const struct timespec *time, const sigset_t *mask),
    (fds, n, time, mask), (reach_many(fds, n, sizeof *fds), reach(mask, sizeof(uint64_t))),
    ppoll_early(fds, n, time, mask))

TAKES_MEMORY(__read_chk, ssize_t, (int fd, void *buf, size_t len, size_t room),
             (fd, buf, len, room), reach(buf, len), EARLY(sys_read(fd, buf, within(len, room))))

TAKES_MEMORY(__pread_chk, ssize_t, (int fd, void *buf, size_t len, off_t offset, size_t room),
             (fd, buf, len, offset, room), reach(buf, len),
             EARLY(sys_pread(fd, buf, within(len, room), offset)))

TAKES_MEMORY(__pread64_chk, ssize_t, (int fd, void *buf, size_t len, off_t offset, size_t room),
             (fd, buf, len, offset, room), reach(buf, len),
             EARLY(sys_pread(fd, buf, within(len, room), offset)))

TAKES_MEMORY(__recv_chk, ssize_t, (int fd, void *buf, size_t len, size_t room, int flags),
             (fd, buf, len, room, flags), reach(buf, len),
             EARLY(sys_recvfrom(fd, buf, within(len, room), flags, NULL, NULL)))

TAKES_MEMORY(__recvfrom_chk, ssize_t,
             (int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *from,
              socklen_t *from_len),
             (fd, buf, len, room, flags, from, from_len),
             (reach(buf, len), reach_address(from, from_len)),
             EARLY(sys_recvfrom(fd, buf, within(len, room), flags, from, from_len)))

TAKES_MEMORY(__poll_chk, int, (struct pollfd * fds, nfds_t n, int ms, size_t room),
             (fds, n, ms, room), reach_many(fds, n, sizeof *fds),
             poll_early(fds, within(n, room / sizeof *fds), ms))

TAKES_MEMORY_AND_MASK(__ppoll_chk, int,
                      (struct pollfd * fds, nfds_t n, const struct timespec *time,
                       const sigset_t *mask, size_t room),
                      (fds, n, time, mask, room),
                      (reach_many(fds, n, sizeof *fds), reach(mask, sizeof(uint64_t))),
                      ppoll_early(fds, within(n, room / sizeof *fds), time, mask))

TAKES_MEMORY(fread, size_t, (void *buf, size_t size, size_t n, FILE *file), (buf, size, n, file),
             reach_many(buf, n, size), LOOKED_UP(fread, (buf, size, n, file)))

TAKES_MEMORY(fread_unlocked, size_t, (void *buf, size_t size, size_t n, FILE *file),
             (buf, size, n, file), reach_many(buf, n, size),
             LOOKED_UP(fread_unlocked, (buf, size, n, file)))

TAKES_MEMORY(fwrite, size_t, (const void *buf, size_t size, size_t n, FILE *file),
             (buf, size, n, file), reach_many(buf, n, size),
             LOOKED_UP(fwrite, (buf, size, n, file)))

TAKES_MEMORY(fwrite_unlocked, size_t, (const void *buf, size_t size, size_t n, FILE *file),
             (buf, size, n, file), reach_many(buf, n, size),
             LOOKED_UP(fwrite_unlocked, (buf, size, n, file)))

TAKES_MEMORY(__fread_chk, size_t, (void *buf, size_t room, size_t size, size_t n, FILE *file),
             (buf, room, size, n, file), reach_many(buf, n, size),
             LOOKED_UP(__fread_chk, (buf, room, size, n, file)))

TAKES_MEMORY(__fread_unlocked_chk, size_t,
             (void *buf, size_t room, size_t size, size_t n, FILE *file),
             (buf, room, size, n, file), reach_many(buf, n, size),
             LOOKED_UP(__fread_unlocked_chk, (buf, room, size, n, file)))
