/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * prealloc: which holes are allocated, when not, and what a call is told.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "disk/prealloc.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"

#define MIB (1UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define SIZE (2 * MIB)
#define TEXT_OF(s)       \
    (struct option_text) \
    {                    \
        s, strlen(s)     \
    }

/* Preallocation remembers files and filesystems: each test has its own. */
static uint64_t inode = 1000, disk = 1;

static struct fake_file sparse(void)
{
    return (struct fake_file){ .inode = ++inode, .device = disk, .size = SIZE, .sparse = true };
}

static int fresh(void **state)
{
    fresh_kernel(state);
    disk++;
    options.prealloc = TEXT_OF("auto");
    options.prealloc_max = TEXT_OF("2G");
    options.prealloc_keep = TEXT_OF("5%");
    options.prealloc_share = TEXT_OF("100%");
    prealloc_start();
    log_start("test");
    fake_now_ms += inode * 10000; /* the log's patience */
    return 0;
}

static void say(const char *word)
{
    options.prealloc = TEXT_OF(word);
    prealloc_start();
}

static long map_part(int fd, uint64_t offset, size_t len, int prot, int flags)
{
    struct map_request q;
    request_start(&q, 0, len, prot, flags, fd, offset);
    return prealloc_map(&q);
}

static long map(int fd)
{
    return map_part(fd, 0, SIZE, RW, MAP_SHARED);
}

static void holes_are_filled(void **state)
{
    (void)state;
    uint64_t before = mapherd_status_block.preallocated;
    int fd = fake_open(sparse(), O_RDWR);
    fake_allocate(inode, 3 * FAKE_PAGE, 5 * FAKE_PAGE);
    fake_allocate(inode, SIZE - FAKE_PAGE, SIZE);
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 2); /* the holes, and nothing else */
    assert_int_equal(mapherd_status_block.preallocated - before, SIZE - 3 * FAKE_PAGE);
    assert_int_equal(map(fd), 0); /* now there are none: one fstat says so */
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 2);
    /* One was the log's, at its start, and one before each hole. */
    assert_int_equal(fake_calls(FAKE_FSTAT), 5);
    assert_string_equal(fake_written(), "");
}

static void only_the_part_that_is_mapped(void **state)
{
    (void)state;
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map_part(fd, MIB, MIB / 2, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), MIB / 2);
    assert_int_equal(map_part(fd, SIZE - FAKE_PAGE, 16 * MIB, RW, MAP_SHARED_VALIDATE), 0);
    assert_int_equal(fake_allocated(inode), MIB / 2 + FAKE_PAGE); /* the fake aborts past the end */
    assert_int_equal(map_part(fd, SIZE, MIB, RW, MAP_SHARED), 0);
    assert_int_equal(map_part(fd, UINT64_MAX - FAKE_PAGE + 1, MIB, RW, MAP_SHARED), 0);
}

static void what_is_left_alone(void **state)
{
    (void)state;
    int fd = fake_open(sparse(), O_RDWR);
    struct fake_file device = sparse();
    device.mode = S_IFBLK;
    assert_int_equal(map_part(fd, 0, SIZE, RW, MAP_PRIVATE), 0);
    assert_int_equal(map_part(fd, 0, SIZE, PROT_READ, MAP_SHARED), 0);
    assert_int_equal(map_part(fd, 0, SIZE, RW, MAP_SHARED | MAP_ANONYMOUS), 0);
    assert_int_equal(map_part(fd, 0, 0, RW, MAP_SHARED), 0);
    assert_int_equal(map_part(fd, 1, SIZE, RW, MAP_SHARED), 0);
    assert_int_equal(map_part(-1, 0, SIZE, RW, MAP_SHARED), 0);
    assert_int_equal(map_part(fake_open(device, O_RDWR), 0, SIZE, RW, MAP_SHARED), 0);
    assert_int_equal(map(fake_open(sparse(), O_RDONLY)), 0);
    struct fake_file huge = sparse();
    huge.fs_type = HUGETLBFS_MAGIC;
    assert_int_equal(map(fake_open(huge, O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 0);
}

static void endless_filesystems_are_left_alone(void **state)
{
    (void)state;
    say("strict");
    fake_space = (struct sys_space){ 0, 0, TMPFS_MAGIC, 0 };
    struct fake_file memfd = sparse();
    memfd.no_list = true;
    assert_int_equal(map(fake_open(memfd, O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 0);
}

static void auto_keeps_some_free(void **state)
{
    (void)state;
    fake_space.free = SIZE + fake_space.size / 20 - FAKE_PAGE;
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), 0);
    assert_string_equal(fake_written(), ""); /* it is there all the same: no reason for a warning */
    fake_space.free += FAKE_PAGE;
    fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
}

static void auto_warns_once_a_file(void **state)
{
    (void)state;
    uint64_t before = mapherd_status_block.no_space;
    fake_space.free = SIZE - FAKE_PAGE;
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), 0);
    assert_non_null(strstr(fake_written(), "mmap of /files/"));
    assert_non_null(
        strstr(fake_written(), "bytes 0 to 2097152: 2 MiB in holes, left so for want of"));
    size_t said = strlen(fake_written());
    fake_now_ms += 100000;
    assert_int_equal(map(fd), 0);
    assert_int_equal(strlen(fake_written()), said);
    assert_int_equal(mapherd_status_block.no_space, before + 2);
}

/* What is mapped of it would fit, but the file is sparse by design. */
static void auto_judges_the_whole_file(void **state)
{
    (void)state;
    options.prealloc_max = TEXT_OF("1M");
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map_part(fd, 0, FAKE_PAGE, RW, MAP_SHARED), 0);
    options.prealloc_max = TEXT_OF("2G");
    assert_int_equal(map_part(fd, 0, FAKE_PAGE, RW, MAP_SHARED), 0); /* it was looked at */
    assert_int_equal(fake_calls(FAKE_FSTATFS), 1);
    fake_space.free = MIB + fake_space.size / 20;
    fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map_part(fd, 0, FAKE_PAGE, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), 0);
    assert_string_equal(fake_written(), "");
    fake_allocate(inode, 0, MIB / 2);
    sys_ftruncate(fd, MIB); /* another size is another question */
    assert_int_equal(map_part(fd, MIB / 2, FAKE_PAGE, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), MIB / 2 + FAKE_PAGE);
}

/* The whole of a process has a share of what lies above the line, over all its files. */
static void all_files_have_one_budget(void **state)
{
    (void)state;
    uint64_t before = mapherd_status_block.allocated_ahead, free = fake_space.free;
    options.prealloc_keep = TEXT_OF("50%");
    options.prealloc_share = TEXT_OF("30%");
    fake_space.free = fake_space.size / 2 + 20 * MIB; /* 6 MiB of them */
    int fds[10];
    for (int i = 0; i < 10; i++)
        assert_int_equal(map(fds[i] = fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(free = fake_space.size / 2 + 20 * MIB - fake_space.free, 3 * SIZE);
    assert_int_equal(mapherd_status_block.allocated_ahead - before, free);
    /* What is cut off comes back, and another file may have it. */
    assert_int_equal(prealloc_truncate(fds[0], 0), 0);
    assert_int_equal(mapherd_status_block.allocated_ahead - before, 2 * SIZE);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
}

/* A file that lacks more than the budget gets nothing, in whatever parts it is mapped. */
static void a_budget_is_for_the_whole_file(void **state)
{
    (void)state;
    options.prealloc_share = TEXT_OF("1M");
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map_part(fd, 0, FAKE_PAGE, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), 0);
    fake_allocate(inode, 0, MIB);
    assert_int_equal(map_part(fd, 0, FAKE_PAGE, RW, MAP_SHARED), 0);
    sys_ftruncate(fd, SIZE - FAKE_PAGE); /* looked at anew */
    assert_int_equal(map_part(fd, SIZE / 2, FAKE_PAGE, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), MIB + FAKE_PAGE);
}

/* What was stored to is not ahead of need any more. */
static void what_is_used_does_not_count(void **state)
{
    (void)state;
    options.prealloc_share = TEXT_OF("2M");
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(prealloc_truncate(fd, SIZE + MIB), 0);
    assert_int_equal(fake_allocated(inode), SIZE + MIB); /* the fake's space counts as written */
    int other = fake_open(sparse(), O_RDWR);
    assert_int_equal(map_part(other, 0, SIZE, RW, MAP_SHARED), 0);
    assert_int_equal(fake_allocated(inode), 0);
    assert_int_equal(map_part(fd, SIZE, 2 * MIB, RW, MAP_SHARED), 0);
}

static void only_where_it_helps(void **state)
{
    (void)state;
    const struct {
        long type;
        bool nocow, helps;
        uint64_t files;
    } cases[] = {
        { EXT4_SUPER_MAGIC, false, true, 1000 },      { XFS_SUPER_MAGIC, false, true, 1000 },
        { OVERLAYFS_SUPER_MAGIC, false, true, 1000 }, { OVERLAYFS_SUPER_MAGIC, false, false, 0 },
        { BTRFS_SUPER_MAGIC, false, false, 0 },       { BTRFS_SUPER_MAGIC, true, true, 0 },
        { NFS_SUPER_MAGIC, false, false, 1000 },      { 0x65735546 /* FUSE */, false, false, 1000 },
        { 0x2fc12fc1 /* ZFS */, false, false, 1000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_file file = sparse();
        file.fs_type = cases[i].type;
        fake_space.files = cases[i].files;
        fake_file_flags = cases[i].nocow ? FS_NOCOW_FL : 0;
        assert_int_equal(map(fake_open(file, O_RDWR)), 0);
        if (fake_allocated(inode) != (cases[i].helps ? SIZE : 0))
            fail_msg("case %zu", i);
    }
    say("strict"); /* what was asked for is done everywhere */
    struct fake_file file = sparse();
    file.fs_type = BTRFS_SUPER_MAGIC;
    assert_int_equal(map(fake_open(file, O_RDWR)), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
}

static struct fake_quota limit_of(uint64_t soft, uint64_t hard, uint64_t used)
{
    return (struct fake_quota){ .soft = soft, .hard = hard, .used = used };
}

/* A quota is asked as the filesystem is; what cannot be asked for is not touched. */
static void quotas_count(void **state)
{
    (void)state;
    options.prealloc_keep = TEXT_OF("50%");
    fake_space.free = fake_space.size;
    for (int kind = 0; kind < 2; kind++) {
        fake_quotas[kind] = limit_of(0, 8 * MIB, 3 * MIB); /* 1 MiB lies above the line */
        assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
        assert_int_equal(fake_allocated(inode), 0);
        fake_quotas[kind] = limit_of(0, 8 * MIB, 2 * MIB);
        assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
        assert_int_equal(fake_allocated(inode), SIZE);
        fake_quotas[kind] = limit_of(4 * MIB, 8 * MIB, 2 * MIB); /* the soft limit comes first */
        assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
        assert_int_equal(fake_allocated(inode), 0);
        fake_quotas[kind] = limit_of(0, 0, 1000 * MIB);
        assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
        assert_int_equal(fake_allocated(inode), SIZE);
    }
    fake_quotas[0] = limit_of(0, MIB, 0);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_non_null(strstr(fake_written(), "left so for want of quota"));
}

static void quotas_that_cannot_be_asked_for(void **state)
{
    (void)state;
    fake_quotas[0].error = -EPERM;
    fake_text("/proc/self/mountinfo", "", 0);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_allocated(inode), 0); /* a filesystem that is on no mount: unknown */
    char line[100];
    snprintf(line, sizeof line, "1 1 0:%u / /files rw - xfs /dev/x rw,noquota\n", (unsigned)++disk);
    fake_reset();
    fake_quotas[0].error = -EPERM;
    fake_text("/proc/self/mountinfo", line, 0);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
    snprintf(line, sizeof line, "1 1 0:%u / /files rw - xfs /dev/x rw,usrquota\n",
             (unsigned)++disk);
    fake_reset();
    fake_quotas[0].error = -ENOSYS;
    fake_text("/proc/self/mountinfo", line, 0);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_allocated(inode), 0);
}

static void auto_spends_no_memory(void **state)
{
    (void)state;
    struct fake_file shm = sparse();
    shm.fs_type = TMPFS_MAGIC;
    shm.no_list = true;
    fake_space.type = TMPFS_MAGIC;
    int fd = fake_open(shm, O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), 0);
    assert_string_equal(fake_written(), "");
    say("strict");
    assert_int_equal(map(fd), 0);
    assert_int_equal(fake_allocated(inode), SIZE);
}

static void strict_says_no_space(void **state)
{
    (void)state;
    say("strict");
    fake_space.free = MIB;
    int fd = fake_open(sparse(), O_RDWR);
    assert_int_equal(map(fd), -ENOSPC);
    assert_non_null(strstr(fake_written(), "it fails with ENOSPC"));
    fake_fail(FAKE_FALLOCATE, 0, -EDQUOT);
    assert_int_equal(map(fd), -EDQUOT);
    fake_fail(FAKE_FALLOCATE, 0, -EIO); /* the map itself will say what is wrong */
    assert_int_equal(map(fd), 0);
}

static void auto_goes_on(void **state)
{
    (void)state;
    fake_fail(FAKE_FALLOCATE, 0, -ENOSPC);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_non_null(strstr(fake_written(), "may find none"));
}

static void interrupted_it_goes_on(void **state)
{
    (void)state;
    say("strict");
    fake_fail(FAKE_FALLOCATE, 0, -EINTR);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0); /* for ever: given up, but never EINTR */
    assert_true(fake_calls(FAKE_FALLOCATE) < 2000);
}

static void a_word_a_path(void **state)
{
    (void)state;
    say("off,*/files/7*=strict");
    inode = 7000000;
    fake_space.free = 0;
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), -ENOSPC);
    inode = 8000000;
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    say("off");
    unsigned asked = fake_calls(FAKE_FSTAT);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_FSTAT), asked);
}

static void growing_under_a_map(void **state)
{
    (void)state;
    say("strict");
    struct fake_file file = sparse(), other = sparse();
    int unmapped = fake_open(other, O_RDWR);
    file.size = FAKE_PAGE;
    int fd = fake_open(file, O_RDWR);
    assert_int_equal(map(fd), 0);
    assert_int_equal(prealloc_truncate(fd, SIZE), 0);
    assert_int_equal(fake_allocated(file.inode), SIZE);
    fake_space.free = 0;
    assert_int_equal(prealloc_truncate(fd, 2 * SIZE), -ENOSPC);
    assert_int_equal(fake_open_file(fake_number(fd))->file.size, SIZE);
    assert_int_equal(prealloc_truncate(fd, FAKE_PAGE), 0); /* smaller: nobody asks */
    assert_int_equal(prealloc_truncate(unmapped, 2 * SIZE), 0);
    assert_int_equal(fake_allocated(other.inode), 0);
    assert_int_equal(prealloc_truncate(-1, 1), -EBADF);
}

static void what_it_cannot_is_asked_once(void **state)
{
    (void)state;
    say("strict");
    struct fake_file file = sparse();
    file.no_list = true;
    assert_int_equal(map(fake_open(file, O_RDWR)), 0);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_IOCTL), 1);
    fake_fail(FAKE_FALLOCATE, 0, -EOPNOTSUPP);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 1);
    assert_int_equal(map(fake_open(sparse(), O_RDWR)), 0);
    assert_int_equal(fake_calls(FAKE_FALLOCATE), 1);
}

#define FRESH(test) cmocka_unit_test_setup(test, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(holes_are_filled),
        FRESH(only_the_part_that_is_mapped),
        FRESH(what_is_left_alone),
        FRESH(auto_keeps_some_free),
        FRESH(auto_warns_once_a_file),
        FRESH(auto_judges_the_whole_file),
        FRESH(all_files_have_one_budget),
        FRESH(a_budget_is_for_the_whole_file),
        FRESH(what_is_used_does_not_count),
        FRESH(only_where_it_helps),
        FRESH(quotas_count),
        FRESH(quotas_that_cannot_be_asked_for),
        FRESH(strict_says_no_space),
        FRESH(auto_goes_on),
        FRESH(interrupted_it_goes_on),
        FRESH(a_word_a_path),
        FRESH(growing_under_a_map),
        FRESH(endless_filesystems_are_left_alone),
        FRESH(auto_spends_no_memory),
        FRESH(what_it_cannot_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
