/*
 * mappers: see mappers.h.
 */
#define _GNU_SOURCE
#include "space/mappers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/sysmacros.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/filter.h"

/* Overlay lock held. */
static char list[8 << 10], entries[4096] __attribute__((aligned(8)));

struct wanted {
    uint64_t dev, ino;
    bool found;
};

static bool look(const struct procmap *m, void *context)
{
    struct wanted *w = context;
    w->found = m->inode == w->ino && makedev(m->dev_major, m->dev_minor) == w->dev;
    return !w->found;
}

long mappers_has(long pid, uint64_t dev, uint64_t ino)
{
    char path[32];
    struct wanted w = { dev, ino, false };
    fmt(path, sizeof path, "/proc/%ld/maps", pid);
    long answer = procmaps_scan(path, list, sizeof list, look, &w);
    return w.found ? 1 : answer < 0 ? answer : 0;
}

/* True if that process shares this one's memory, and so its VMAs. Few seccomp filters allow
 * kcmp(2): under a filter the child counts as another process. */
static bool is_vfork_child(long pid)
{
    return !filter_is_there() && sys_shares_memory(pid);
}

long mappers_other(uint64_t dev, uint64_t ino)
{
    long self = identity_in_proc(), found = 0, got,
         folder = brief_open("/proc", O_RDONLY | O_DIRECTORY, 0);
    while (folder >= 0 && !found &&
           (got = sys_getdents((int)folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < got && !found;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            const char *name = entry->d_name;
            uint64_t pid;
            at += entry->d_reclen;
            if (fmt_read_u64(&name, &pid) && (long)pid != self &&
                mappers_has((long)pid, dev, ino) == 1 && !is_vfork_child((long)pid))
                found = (long)pid;
        }
    }
    if (folder >= 0)
        brief_close((int)folder);
    return found;
}
