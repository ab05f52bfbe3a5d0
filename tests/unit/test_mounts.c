/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mounts: lists of mounts as kernels print them, read in pieces of any size.
 */
#include "unit.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "kernel/mounts.h"

static const char list[] =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "22 21 0:5 / /proc rw - proc proc rw\n"
    "23 21 0:24 / /dev/shm rw,nosuid shared:4 master:2 - tmpfs tmpfs rw,size=65536k\n"
    "24 21 8:17 / /data rw - xfs /dev/sdb1 rw\n"
    "25 21 8:17 /sub /mnt/bind\\040of\\011data rw - xfs /dev/sdb1 rw\n"
    "26 21 0:40 /@home /home rw,relatime shared:9 - btrfs /dev/sdc rw,subvol=/@home\n"
    "27 21 0:50 / /box rw - overlay overlay rw,lowerdir=/l1:/l2:/l3:/l4,upperdir=/u,workdir=/w\n"
    "28 21 0:60 / /lone-dash rw - tmpfs - rw\n"
    "29 21 8:33 / /data/over rw - ext4 /dev/sdd rw\n"
    "30 21 8:34 / /data/over rw - vfat /dev/sde rw\n"
    "31 21 8:49 / /q/ext4 rw shared:3 - ext4 /dev/sdf rw,usrjquota=aquota.user,jqfmt=vfsv1\n"
    "32 21 8:50 / /q/xfs rw - xfs /dev/sdg rw,attr2,prjquota\n"
    "33 21 8:51 / /q/none rw,quota - xfs /dev/quota rw,attr2,inode64,noquota\n";

static void expect(dev_t dev, const char *path, const char *type, const char *point)
{
    struct mount_words words;
    assert_true(mounts_describe(dev, path, &words));
    assert_string_equal(words.type, type);
    assert_string_equal(words.point, point);
    assert_int_equal(words.size, fake_space.size);
    assert_int_equal(words.free, fake_space.free);
}

static void in_pieces_of(size_t chunk)
{
    fake_reset();
    fake_text("/proc/self/mountinfo", list, chunk);
    expect(makedev(8, 1), "/etc/x", "ext4", "/");
    expect(makedev(8, 1), NULL, "ext4", "/");
    expect(makedev(0, 24), "/dev/shm/x", "tmpfs", "/dev/shm");
    expect(makedev(8, 17), "/data/x", "xfs", "/data");
    expect(makedev(8, 17), NULL, "xfs", "/data");
    expect(makedev(8, 17), "/mnt/bind of\tdata/x", "xfs", "/mnt/bind of\tdata");
    expect(makedev(8, 17), "/database", "xfs", "/data"); /* by its device; it is not below */
    expect(makedev(0, 99), "/home/me/x", "btrfs", "/home");
    expect(makedev(0, 51), "/box/x", "overlay", "/box");
    expect(makedev(0, 60), "/lone-dash/x", "tmpfs", "/lone-dash");
    expect(makedev(8, 33), "/data/over/x", "ext4", "/data/over");
    expect(makedev(0, 99), "/data/over/x", "vfat", "/data/over"); /* mounted last, on top */
    expect(makedev(0, 24), "/other (deleted)", "tmpfs", "/dev/shm");
}

static bool has_quotas(dev_t dev)
{
    struct mount_words words;
    assert_true(mounts_describe(dev, NULL, &words));
    return words.quotas;
}

static void quotas_are_seen(void **state)
{
    (void)state;
    for (size_t chunk = 0; chunk < 20; chunk++) {
        fake_reset();
        fake_text("/proc/self/mountinfo", list, chunk);
        assert_true(has_quotas(makedev(8, 49)));
        assert_true(has_quotas(makedev(8, 50)));
        assert_false(has_quotas(makedev(8, 51)));
        assert_false(has_quotas(makedev(8, 1)));
    }
}

static void whole_and_in_pieces(void **state)
{
    (void)state;
    for (size_t chunk = 0; chunk < 40; chunk++)
        in_pieces_of(chunk);
}

static void what_is_on_no_mount(void **state)
{
    (void)state;
    struct mount_words words;
    fake_text("/proc/self/mountinfo", list, 0);
    assert_false(mounts_describe(makedev(0, 1), "/memfd:x (deleted)", &words));
    assert_false(mounts_describe(makedev(0, 1), "/SYSV00000000 (deleted)", &words));
    assert_false(mounts_describe(makedev(0, 1), "anon_inode:[x]", &words));
    assert_false(mounts_describe(makedev(0, 1), NULL, &words));
}

static void no_list_and_a_broken_one(void **state)
{
    (void)state;
    struct mount_words words;
    assert_false(mounts_describe(makedev(8, 1), "/x", &words));
    fake_text("/proc/self/mountinfo",
              "\n\n - \n1 2 8:1\n1 2 8:1 / /x\\0\n      -  \n9 9 8:1 / / - -\n", 1);
    assert_false(mounts_describe(makedev(8, 1), NULL, &words));
}

static void long_fields_are_cut(void **state)
{
    (void)state;
    static char text[9000];
    struct mount_words words;
    strcpy(text, "1 2 8:1 /");
    memset(text + strlen(text), 'r', 2000);
    strcat(text, " /");
    memset(text + strlen(text), 'p', 3000);
    strcat(text, " rw - ext4 /dev/x ");
    memset(text + strlen(text), 'o', 3000);
    strcat(text, "\n");
    fake_text("/proc/self/mountinfo", text, 0);
    assert_true(mounts_describe(makedev(8, 1), NULL, &words));
    assert_int_equal(strlen(words.point), sizeof words.point - 1);
    assert_string_equal(words.type, "ext4");
}

static void the_remedy(void **state)
{
    (void)state;
    struct mount_words shm = { .type = "tmpfs", .point = "/dev/shm" };
    assert_non_null(strstr(mounts_remedy(&shm), "--shm-size"));
    assert_non_null(strstr(mounts_remedy(&shm), "sizeLimit"));
    assert_null(
        strstr(mounts_remedy(&(struct mount_words){ .type = "tmpfs", .point = "/x" }), "shm"));
    assert_string_equal(mounts_remedy(&(struct mount_words){ .type = "ext4", .point = "/" }), "");
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 bytes" },
        { 1023, "1023 bytes" },
        { 1024, "1 KiB" },
        { 1536, "1.5 KiB" },
        { 64 << 20, "64 MiB" },
        { (10ULL << 30) - 1, "9.9 GiB" },
        { 1023ULL << 40, "1023 TiB" },
        { UINT64_MAX, "16777215 TiB" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(size_in_words(cases[i].bytes).text, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(whole_and_in_pieces),
        UNIT(quotas_are_seen),
        UNIT(what_is_on_no_mount),
        UNIT(no_list_and_a_broken_one),
        UNIT(long_fields_are_cut),
        UNIT(the_remedy),
        UNIT(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
