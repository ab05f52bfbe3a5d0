/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mounts: the reader of /proc/self/mountinfo.
 *
 * The input is a byte, the number of bytes that a read gives at most (0: as many as were asked
 * for); a line "MAJOR:MINOR PATH", the file that is asked for; and the text of mountinfo.
 */
#include "kernel/mounts.h"

#include <sys/sysmacros.h>

#include "fakesys.h"
#include "fuzz.h"

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

/* The answer does not depend on how the text comes. */
static struct mount_words describe(const char *text, size_t chunk, dev_t dev, const char *path,
                                   bool *found, bool *read_only)
{
    struct mount_words words;
    fake_reset();
    fake_text("/proc/self/mountinfo", text, chunk);
    memset(&words, 0xaa, sizeof words);
    *found = mounts_describe(dev, path, &words);
    *read_only = path && mounts_read_only(path);
    return words;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    size_t chunk = fuzz_byte(&in);
    char *asked = fuzz_string(&in, '\n'), *text = fuzz_string(&in, '\0'),
         *path = strchr(asked, ' ');
    unsigned major = 0, minor = 0;
    bool found, again, read_only, read_only_again;
    sscanf(asked, "%u:%u", &major, &minor);
    path = path ? path + 1 : NULL;
    dev_t dev = makedev(major, minor);
    struct mount_words w = describe(text, chunk, dev, path, &found, &read_only);
    struct mount_words v =
        describe(text, fuzz_broken() ? 1 : 0, dev, path, &again, &read_only_again);
    if (fuzz_broken() && w.quotas && found)
        v.quotas = false;
    holds(found == again && read_only == read_only_again);
    holds(ends(w.type, sizeof w.type) && ends(w.point, sizeof w.point));
    holds(strcmp(w.type, v.type) == 0 && strcmp(w.point, v.point) == 0);
    holds(w.quotas == v.quotas && w.read_only == v.read_only);
    holds(!found || w.type[0]);
    holds(*mounts_remedy(&w) == '\0' || strcmp(w.type, "tmpfs") == 0);
    holds(ends(size_in_words((uint64_t)size << (chunk & 63)).text, sizeof(struct size_words)));
    free(asked);
    free(text);
    return 0;
}
