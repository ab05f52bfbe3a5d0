/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldwhich: see coldwhich.h.
 */
#define _GNU_SOURCE
#include "limit/coldwhich.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fmt.h"
#include "common/words.h"
#include "kernel/sys.h"
#include "limit/coldset.h"
#include "space/pressure.h"
#include "tell/options.h"

enum word { WORD_AUTO, WORD_ON, WORD_OFF };

static enum word word_for(const char *path)
{
    return (enum word)rules_choose(options.cold, path, COLD_WORDS);
}

/* The word for the file of a descriptor. Its name is asked for only where a rule has a glob. */
static enum word word_of(int fd)
{
    char link[32], path[1024];
    if (!rules_ask_path(options.cold))
        return word_for(NULL);
    fmt(link, sizeof link, "/proc/self/fd/%d", fd);
    long len = sys_readlink(link, path, sizeof path - 1);
    if (len < 0)
        return WORD_OFF;
    path[len] = '\0';
    return word_for(path);
}

/* True if the file can be mapped again from the same open file at any time. Sets what the kernel's
 * list of VMAs shows for it. On overlayfs a VMA does not keep the program's open file: to hold it
 * would keep the flock of a program that has closed it. */
static bool is_local(const struct map_request *q, struct held *seen)
{
    long type = 0;
    if (sys_fstatfs_type(q->fd, &type) < 0)
        return false;
    *seen = (struct held){ .dev = q->st.st_dev, .ino = q->st.st_ino };
    switch ((unsigned long)type) {
    case BTRFS_SUPER_MAGIC: seen->dev = 0; return !sys_is_dax(q->fd);
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC: return !sys_is_dax(q->fd);
    case OVERLAYFS_SUPER_MAGIC: seen->anew = true; return true;
    /* A seal may forbid to map a memory file once more. Files of tmpfs cannot be sealed. */
    case TMPFS_MAGIC: return sys_fcntl(q->fd, F_GET_SEALS, 0) == F_SEAL_SEAL;
    }
    return false;
}

bool which_may(uint32_t kind)
{
    const uint32_t given_back = REGION_PROT | REGION_SHARED | REGION_NORESERVE | REGION_RANDOM |
                                REGION_SEQUENTIAL | REGION_DONTDUMP | REGION_HUGE | REGION_NOHUGE;
    return !(kind & ~(given_back | COLD | WATCHED)) && !(kind & PROT_EXEC) && (kind & PROT_READ) &&
           ((kind & REGION_SHARED) || !(kind & PROT_WRITE));
}

uint32_t which_kind(const struct map_request *q)
{
    const int known = MAP_TYPE | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_FIXED_NOREPLACE |
                      MAP_DENYWRITE | MAP_EXECUTABLE;
    int type = q->flags & MAP_TYPE;
    if ((q->flags & ~known) || (q->prot & ~(int)REGION_PROT) ||
        (type != MAP_SHARED && type != MAP_PRIVATE))
        return REGION_FOREIGN;
    return (uint32_t)q->prot | (type == MAP_SHARED ? REGION_SHARED : 0) |
           (q->flags & MAP_NORESERVE ? REGION_NORESERVE : 0);
}

bool which_any(void)
{
    return word_for(NULL) != WORD_OFF || rules_ask_path(options.cold);
}

bool which_file(struct map_request *q, struct held *seen)
{
    enum word word = word_of(q->fd);
    if (word == WORD_OFF || (word == WORD_AUTO && !pressure_actions().hold))
        return false;
    const struct stat *st = request_file(q);
    /* The open that it takes may be seen, or held up, by other processes. */
    return st && S_ISREG(st->st_mode) && is_local(q, seen) && (word == WORD_ON || !seen->anew);
}
