/*
 * procmaps: the kernel's own list of maps, /proc/PID/maps.
 *
 * The format is that of fs/proc/task_mmu.c (show_map_vma) and proc_pid_maps(5). No allocation,
 * no stdio: the library reads its own list with it, the command anybody's.
 */
#ifndef MAPHERD_PROCMAPS_H
#define MAPHERD_PROCMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of the list. */
struct procmap {
    uintptr_t start, end;
    uint64_t offset;
    uint64_t inode;            /* 0: anonymous, or a name in brackets */
    unsigned dev_major, dev_minor; /* btrfs shows another number here than fstat */
    bool read, write, exec, shared;
    const char *path; /* as the kernel prints it, newlines as \012, " (deleted)" kept; "" if none.
                         Valid during the callback. */
    size_t path_len;
};

/* True for maps that count against vm.max_map_count: all but [vsyscall]. */
bool procmaps_counts(const struct procmap *m);

/* Called once a line, in address order; false ends the reading. */
typedef bool procmaps_each(const struct procmap *m, void *context);

/*
 * Reads the list at path ("/proc/self/maps"; any file of that format). buf is working space, at
 * least 8 KiB. Returns the number of lines handed over, or -errno (-EINVAL: a line that is not of
 * this format). The descriptor is moved to 512 or above where the limit allows, before the first
 * line is read. Thread-safe; on kernels before 6.18 other threads' mmap waits while it reads.
 */
long procmaps_read(const char *path, char *buf, size_t size, procmaps_each *each, void *context);

/*
 * The map that addr lies in. 0; -ENOENT if it lies in none; or as procmaps_read, which it falls back
 * on before Linux 6.11 (PROCMAP_QUERY, include/uapi/linux/fs.h). m->path is in buf. Async-signal-safe,
 * little stack.
 */
long procmaps_at(const char *path, uintptr_t addr, struct procmap *m, char *buf, size_t size);

/* Parses one line of len bytes, without its newline. */
bool procmaps_parse(const char *line, size_t len, struct procmap *m);

/* vm.max_map_count (admin-guide/sysctl/vm.rst), or -errno. */
long procmaps_limit(const char *path);
#define PROCMAPS_LIMIT_PATH "/proc/sys/vm/max_map_count"
#define PROCMAPS_SELF "/proc/self/maps"

#endif
