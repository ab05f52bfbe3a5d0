/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * What the calls that take memory reach before they are made, and that they are made with the same arguments.
 * The hooks are this program's own read, write and so on, over the real kernel; cold_reach is a list.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "entry/buffers.h"
#include "entry/gate.h"
#include "entry/hook.h"
#include "entry/sigcalls.h"
#include "limit/cold.h"

#undef fread_unlocked
#undef fwrite_unlocked

enum { PAGE = 4096 };

struct range {
    const void *at;
    size_t len;
};

static struct range reached[2100];
static unsigned count;
static char *closed; /* a page that is opened when it is reached */

unsigned cold_count, cold_tracked_count;

static unsigned in_use;

static void note(const void *at, size_t len)
{
    assert_true(count < sizeof reached / sizeof *reached);
    reached[count++] = (struct range){ at, len };
    if (closed && (const char *)at + len > closed && (const char *)at < closed + PAGE)
        mprotect(closed, PAGE, PROT_READ | PROT_WRITE);
}

void cold_reach(const void *at, size_t len)
{
    note(at, len);
}

bool cold_begin_use(uintptr_t start, uintptr_t end)
{
    note((const void *)start, end - start);
    in_use++;
    return true;
}

const sigset_t *sigcalls_waiting_mask(const sigset_t *mask, sigset_t *instead)
{
    (void)instead;
    return mask;
}

void cold_end_use(uintptr_t start, uintptr_t end)
{
    assert_true(end > start);
    in_use--;
}

static unsigned early_calls;

void gate_early(void)
{
    early_calls++;
}

bool gate_open(void)
{
    return true;
}

static void were_reached(const struct range *wanted, unsigned n)
{
    assert_int_equal(count, n);
    for (unsigned i = 0; i < n; i++) {
        assert_ptr_equal(reached[i].at, wanted[i].at);
        assert_int_equal(reached[i].len, wanted[i].len);
    }
}

/* The call reaches these ranges, in this order, and nothing while nothing is cold. */
#define REACHES(call, ...)                                            \
    do {                                                              \
        const struct range wanted[] = { { NULL, 0 }, ##__VA_ARGS__ }; \
        count = 0;                                                    \
        (void)!(call);                                                \
        assert_int_equal(count, 0);                                   \
        cold_tracked_count = 1;                                       \
        (void)!(call);                                                \
        cold_tracked_count = 0;                                       \
        were_reached(wanted + 1, sizeof wanted / sizeof *wanted - 1); \
    } while (0)

static char buf[64], other[64], third[64];
static struct iovec parts[40];
static int none = -1; /* no descriptor: the call fails after all is reached */

static void one_buffer(void)
{
    volatile size_t huge = SIZE_MAX;
    REACHES(hook_read(none, buf, 10), { buf, 10 });
    REACHES(hook_read(none, buf, 0));
    REACHES(hook_read(none, NULL, 10));
    REACHES(hook_read(none, buf, huge), { buf, INT_MAX });
    REACHES(hook_write(none, buf, 11), { buf, 11 });
    REACHES(hook_pread(none, buf, 12, 1), { buf, 12 });
    REACHES(hook_pread64(none, buf, 13, 1), { buf, 13 });
    REACHES(hook_pwrite(none, buf, 14, 1), { buf, 14 });
    REACHES(hook_pwrite64(none, buf, 15, 1), { buf, 15 });
    REACHES(hook_send(none, buf, 16, 0), { buf, 16 });
    REACHES(hook_sendto(none, buf, 17, 0, NULL, 9), { buf, 17 });
    REACHES(hook_sendto(none, buf, 17, 0, (void *)other, 9), { buf, 17 }, { other, 9 });
    REACHES(hook_recv(none, buf, 18, 0), { buf, 18 });
    REACHES(hook_getrandom(buf, 19, 0), { buf, 19 });
    REACHES(hook_getentropy(buf, 20), { buf, 20 });
    REACHES(hook___read_chk(none, buf, 21, 64), { buf, 21 });
    REACHES(hook___pread_chk(none, buf, 22, 1, 64), { buf, 22 });
    REACHES(hook___pread64_chk(none, buf, 23, 1, 64), { buf, 23 });
    REACHES(hook___recv_chk(none, buf, 24, 64, 0), { buf, 24 });
}

static void addresses(void)
{
    socklen_t len = 30;
    REACHES(hook_recvfrom(none, buf, 5, 0, NULL, NULL), { buf, 5 });
    REACHES(hook_recvfrom(none, buf, 5, 0, (void *)other, &len), { buf, 5 }, { &len, sizeof len },
            { other, 30 });
    REACHES(hook___recvfrom_chk(none, buf, 5, 64, 0, (void *)other, &len), { buf, 5 },
            { &len, sizeof len }, { other, 30 });
}

#define TWO                                   \
    { parts, 2 * sizeof *parts }, { buf, 7 }, \
    {                                         \
        other, 9                              \
    }

static void arrays(void)
{
    volatile int wrong[] = { -1, 0, 1025, INT_MIN };
    memset(parts, 0, sizeof parts);
    parts[0] = (struct iovec){ buf, 7 };
    parts[1] = (struct iovec){ other, 9 };
    REACHES(hook_readv(none, parts, 2), TWO);
    REACHES(hook_writev(none, parts, 2), TWO);
    REACHES(hook_preadv(none, parts, 2, 1), TWO);
    REACHES(hook_preadv64(none, parts, 2, 1), TWO);
    REACHES(hook_pwritev(none, parts, 2, 1), TWO);
    REACHES(hook_pwritev64(none, parts, 2, 1), TWO);
    REACHES(hook_preadv2(none, parts, 2, 1, 0), TWO);
    REACHES(hook_preadv64v2(none, parts, 2, 1, 0), TWO);
    REACHES(hook_pwritev2(none, parts, 2, 1, 0), TWO);
    REACHES(hook_pwritev64v2(none, parts, 2, 1, 0), TWO);
    for (unsigned i = 0; i < 4; i++)
        REACHES(hook_readv(none, parts, wrong[i]));
    /* More than are copied at once, and empty ones. */
    parts[39] = (struct iovec){ third, 3 };
    REACHES(hook_readv(none, parts, 40), { parts, 40 * sizeof *parts }, { buf, 7 }, { other, 9 },
            { third, 3 });
    parts[0].iov_len = SIZE_MAX;
    REACHES(hook_readv(none, parts, 1), { parts, sizeof *parts }, { buf, INT_MAX });
}

static void messages(void)
{
    parts[0] = (struct iovec){ buf, 7 };
    parts[1] = (struct iovec){ other, 9 };
    struct msghdr m = { .msg_name = third,
                        .msg_namelen = 16,
                        .msg_control = third + 20,
                        .msg_controllen = 30,
                        .msg_iov = parts,
                        .msg_iovlen = 2 };
    struct mmsghdr many[2] = { { .msg_hdr = m }, { .msg_hdr = { .msg_iovlen = 0 } } };
    struct timespec time = { 0, 0 };
#define NAMES { third, 16 }, { third + 20, 30 }
    REACHES(hook_sendmsg(none, &m, 0), { &m, sizeof m }, NAMES, TWO);
    REACHES(hook_recvmsg(none, &m, 0), { &m, sizeof m }, NAMES, TWO);
#define MANY                                                                            \
    { &many[0].msg_len, sizeof(unsigned) }, { &many[0].msg_hdr, sizeof m }, NAMES, TWO, \
        { &many[1].msg_len, sizeof(unsigned) }, { &many[1].msg_hdr, sizeof m }
    REACHES(hook_sendmmsg(none, many, 2, 0), MANY);
    REACHES(hook_recvmmsg(none, many, 2, 0, NULL), MANY);
    REACHES(hook_recvmmsg(none, many, 2, 0, &time), MANY, { &time, sizeof time });
    m.msg_iovlen = 1025;
    REACHES(hook_sendmsg(none, &m, 0), { &m, sizeof m }, NAMES);
    REACHES(hook_sendmsg(none, NULL, 0));
}

static void waits(void)
{
    struct pollfd fds[3] = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } };
    struct timespec time = { 0, 0 };
    volatile nfds_t most = ULONG_MAX;
    sigset_t mask = { { 0 } };
    REACHES(hook_poll(fds, 3, 0), { fds, sizeof fds });
    REACHES(hook_poll(NULL, 0, 0));
    REACHES(hook_poll(fds, most, 0), { fds, INT_MAX });
    REACHES(hook_ppoll(fds, 2, &time, NULL), { fds, 2 * sizeof *fds });
    REACHES(hook_ppoll(fds, 2, &time, &mask), { fds, 2 * sizeof *fds }, { &mask, 8 });
    REACHES(hook___poll_chk(fds, 3, 0, sizeof fds), { fds, sizeof fds });
    REACHES(hook___ppoll_chk(fds, 3, &time, &mask, sizeof fds), { fds, sizeof fds }, { &mask, 8 });
}

static void streams(void)
{
    FILE *in = fopen("/dev/zero", "r"), *out = fopen("/dev/null", "w");
    REACHES(hook_fread(buf, 3, 5, in), { buf, 15 });
    REACHES(hook_fread(buf, 0, 5, in));
    REACHES(hook_fread(buf, 5, 0, in));
    REACHES(hook_fread_unlocked(buf, 3, 5, in), { buf, 15 });
    REACHES(hook___fread_chk(buf, 64, 3, 5, in), { buf, 15 });
    REACHES(hook___fread_unlocked_chk(buf, 64, 3, 5, in), { buf, 15 });
    REACHES(hook_fwrite(buf, 3, 5, out), { buf, 15 });
    REACHES(hook_fwrite_unlocked(buf, 3, 5, out), { buf, 15 });
    fclose(in);
    fclose(out);
}

/* A bad pointer is the kernel's to refuse, and what is reached may become good. */
static void bad_pointers(void)
{
    char *area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec *array = (struct iovec *)(void *)(area + PAGE);
    struct msghdr *message = (struct msghdr *)(void *)(area + PAGE);
    socklen_t *len = (socklen_t *)(void *)(area + PAGE);
    int pair[2];
    assert_true(area != MAP_FAILED);
    array[0] = (struct iovec){ buf, 7 };
    array[1] = (struct iovec){ other, 9 };
    mprotect(area + PAGE, PAGE, PROT_NONE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    REACHES(hook_writev(pair[0], array, 2), { array, 2 * sizeof *array });
    cold_tracked_count = 1;
    errno = 0;
    assert_int_equal(hook_writev(pair[0], array, 2), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(hook_sendmsg(pair[0], message, 0), -1);
    assert_int_equal(errno, EFAULT);
    cold_tracked_count = 0;
    REACHES(hook_sendmsg(pair[0], message, 0), { message, sizeof *message });
    REACHES(hook_recvfrom(pair[0], buf, 1, MSG_DONTWAIT, (void *)other, len), { buf, 1 },
            { len, sizeof *len });

    closed = area + PAGE;
    cold_tracked_count = 1;
    count = 0;
    assert_int_equal(hook_writev(pair[0], array, 2), 16);
    assert_int_equal(count, 3);
    assert_ptr_equal(reached[2].at, other);
    mprotect(closed, PAGE, PROT_NONE);
    assert_int_equal(hook_read(pair[1], closed, 16), 16); /* the message of 16 bytes */
    cold_tracked_count = 0;
    closed = NULL;
    close(pair[0]);
    close(pair[1]);
    munmap(area, 2 * PAGE);
}

static void all(void)
{
    one_buffer();
    addresses();
    arrays();
    messages();
    waits();
    streams();
    bad_pointers();
}

/* Before the constructor the calls are plain system calls, and reach the same. */
static void reaches_before_the_constructor(void **state)
{
    (void)state;
    early_calls = 0;
    all();
    assert_true(early_calls > 100);
}

/* AddressSanitizer's functions are the next ones in the chain, and look at bad arguments themselves. */
#if defined(__SANITIZE_ADDRESS__)
#define CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED 1
#endif
#endif

static void reaches_what_the_kernel_will_use(void **state)
{
    (void)state;
    buffers_resolve();
#ifdef CHECKED
    skip();
#endif
    early_calls = 0;
    all();
    assert_int_equal(early_calls, 0);
}

/* cold_reach leaves errno, and so do the hooks. */
static void errno_stays(void **state)
{
    (void)state;
    cold_tracked_count = 1;
    errno = 4711;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    parts[0] = (struct iovec){ buf, 7 };
    assert_int_equal(hook_writev(pair[0], parts, 1), 7);
    assert_int_equal(hook_read(pair[1], buf, 64), 7);
    assert_int_equal(hook_read(pair[1], NULL, 0), 0);
    assert_int_equal(errno, 4711);
    cold_tracked_count = 0;
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reaches_before_the_constructor),
        cmocka_unit_test(reaches_what_the_kernel_will_use),
        cmocka_unit_test(errno_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
