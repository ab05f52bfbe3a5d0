/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill: `mapherd recover` of a spill file.
 *
 * The input is a byte, the flags of the verb, and a packed spill file (packed.h). In it a path that
 * begins with '@' lies in a folder of the target's own, where "@/file" is a file of zeros, and the
 * device and inode 1 are those of that file. No other path is absolute: nothing else can be written
 * to. The file keeps its length, and each of its pages is zeros or a page of the spill file.
 */
#include "../../src/command/disk/recover.c"

#include <limits.h>

#include "packed.h"

enum { MOST = 2 << 20, PAGE = 4096, PAGES = 16, FILE_SIZE = (PAGES - 1) * PAGE + 100 };

const struct verb *const verbs[] = { &verb_recover, NULL };

static char folder[200], spill_path[256], file_path[256];
static uint8_t bytes[MOST];
static struct stat file_stat;

static void remove_folder(void)
{
    unlink(spill_path);
    unlink(file_path);
    rmdir(folder);
}

static void make_file(void)
{
    int fd = open(file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, FILE_SIZE) != 0 || fstat(fd, &file_stat) != 0)
        abort();
    close(fd);
}

static void start(void)
{
    const char *above = getenv("TMPDIR");
    char made[100], real[PATH_MAX];
    snprintf(made, sizeof made, "%.60s/mapherd-fuzz.XXXXXX", above ? above : "/tmp");
    if (!mkdtemp(made) || !realpath(made, real) || strlen(real) >= sizeof folder - 40)
        abort();
    strcpy(folder, real);
    snprintf(spill_path, sizeof spill_path, "%s/" SPILL_NAME_PREFIX "made.1.x", folder);
    snprintf(file_path, sizeof file_path, "%s/file", folder);
    make_file();
    atexit(remove_folder);
    /* The sanitizers do not write by stdio. */
    stdout = fopen("/dev/null", "w");
    stderr = stdout;
    if (!stdout)
        abort();
}

/* Makes the path of a slot one in the folder, or none at all. */
static void set_path(struct spill_slot *s)
{
    char path[sizeof s->path + sizeof folder];
    size_t len = strlen(folder), rest = s->path_len - 1;
    if (s->path[0] == '/' || !s->path_len)
        s->path[0] = '-';
    if (s->path[0] != '@' || s->path_len > sizeof s->path - len)
        return;
    memcpy(path, folder, len);
    memcpy(path + len, s->path + 1, rest);
    for (size_t i = len; i + 1 < len + rest; i++)
        if (path[i] == '.' && path[i + 1] == '.')
            path[i] = '_';
    memcpy(s->path, path, len + rest);
    s->path_len = (uint32_t)(len + rest);
    if (s->dev == 1)
        s->dev = file_stat.st_dev;
    if (s->ino == 1)
        s->ino = file_stat.st_ino;
}

static void set_paths(size_t len)
{
    struct spill_header h;
    struct spill_slot s;
    if (len < sizeof h)
        return;
    memcpy(&h, bytes, sizeof h);
    if (h.page_size < PAGE || h.page_size > 16 * PAGE)
        return; /* then no slot is read */
    for (size_t at = h.page_size; at + sizeof s <= len && at / h.page_size <= h.slots;
         at += h.page_size) {
        memcpy(&s, bytes + at, sizeof s);
        set_path(&s);
        memcpy(bytes + at, &s, sizeof s);
    }
}

static void make_spill(size_t len)
{
    int fd = open(spill_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)len) != 0)
        abort();
    for (size_t at = 0; at < len; at += PAGE) {
        size_t n = len - at < PAGE ? len - at : PAGE;
        bool zeros = bytes[at] == 0 && memcmp(bytes + at, bytes + at + 1, n - 1) == 0;
        if (!zeros && pwrite(fd, bytes + at, n, (off_t)at) != (ssize_t)n)
            abort();
    }
    close(fd);
}

static bool is_stored(const uint8_t *page, size_t size, size_t len)
{
    for (size_t at = 0; at + size <= len; at += PAGE)
        if (memcmp(page, bytes + at, size) == 0)
            return true;
    return false;
}

static void check_file(size_t len)
{
    static const uint8_t zeros[PAGE];
    uint8_t page[PAGE];
    struct stat st;
    bool changed = false;
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    holds(fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == file_stat.st_ino);
    holds(st.st_size == FILE_SIZE);
    for (off_t at = 0; at < FILE_SIZE; at += PAGE) {
        size_t n = FILE_SIZE - at < PAGE ? (size_t)(FILE_SIZE - at) : PAGE;
        holds(pread(fd, page, n, at) == (ssize_t)n);
        if (memcmp(page, zeros, n) == 0)
            continue;
        changed = true;
        holds(is_stored(page, n, len));
        holds(!fuzz_broken() || at / PAGE < 8);
    }
    close(fd);
    if (changed)
        make_file();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!size)
        return 0;
    if (!started)
        start();
    started = true;
    memset(bytes, 0, PAGE); /* what the header lacks */
    size_t len = packed_open(data + 1, size - 1, bytes, MOST);
    set_paths(len);
    make_spill(len);
    dry = data[0] & 1;
    force = data[0] & 2;
    keep = data[0] & 4;
    as_json = data[0] & 8;
    json = (struct json){ stdout, false };
    recover_one(spill_path);
    check_file(len);
    holds(!dry || access(spill_path, F_OK) == 0);
    return 0;
}
