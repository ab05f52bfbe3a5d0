/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procmaps: the kernel's own list of the VMAs of a process, /proc/PID/maps.
 *
 * The format is that of fs/proc/task_mmu.c (show_map_vma) and proc_pid_maps(5). Nothing is
 * allocated and stdio is not used: the library scans the list of its own process, the command those
 * of others.
 */
#ifndef MAPHERD_PROCMAPS_H
#define MAPHERD_PROCMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of the list: one VMA. */
struct procmap {
    uintptr_t start, end;
    uint64_t offset;               /* in its file, in bytes */
    uint64_t inode;                /* 0: anonymous, or a name in brackets */
    unsigned dev_major, dev_minor; /* on btrfs not what fstat shows */
    bool read, write, exec, shared;
    const char *path; /* as the kernel prints it: a newline is \012, " (deleted)" stays; "" if there
                         is none. It is valid during the callback. */
    size_t path_len;
};

/* True if the VMA counts against vm.max_map_count. All do but [vsyscall]. */
bool procmaps_counts(const struct procmap *m);

/* Is called once for each line, in the order of addresses. The scan ends where it returns false. */
typedef bool procmaps_each(const struct procmap *m, void *context);

/*
 * Scans the list at path ("/proc/self/maps", or any file of that format). buf is working space of
 * at least 8 KiB. Returns the number of lines that each was called for, or -errno; -EINVAL: a line
 * is not of this format, or is longer than buf. A descriptor is open meanwhile (brief.h). Thread-
 * and async-signal-safe; before Linux 6.18 an mmap of another thread waits for a read of the list.
 */
long procmaps_scan(const char *path, char *buf, size_t size, procmaps_each *each, void *context);

/*
 * Finds the VMA that addr lies in. Returns 0; -ENOENT if addr lies in none; -ENODEV if there is no
 * such list; or another -errno as procmaps_scan. m->path points into buf, which is as for
 * procmaps_scan. Asks the kernel for this VMA alone (PROCMAP_QUERY, include/uapi/linux/fs.h);
 * before Linux 6.11 it scans. Thread- and async-signal-safe.
 */
long procmaps_at(const char *path, uintptr_t addr, struct procmap *m, char *buf, size_t size);

/* Asks the kernel for the VMA that addr lies in, or the next one, by a descriptor of the list. m
 * has no path. Returns 0; -ENOENT if there is none; -ENOTTY before Linux 6.11. */
long procmaps_ask(int fd, uintptr_t addr, struct procmap *m);

/* Parses one line of len bytes, without its newline. False if it is not of the format. */
bool procmaps_parse(const char *line, size_t len, struct procmap *m);

/* Reads vm.max_map_count (Documentation/admin-guide/sysctl/vm.rst) from path. Returns it, or
 * -errno. */
long procmaps_limit(const char *path);
#define PROCMAPS_LIMIT_PATH "/proc/sys/vm/max_map_count"
#define PROCMAPS_SELF "/proc/self/maps"

/* ---- gaps ---- */

/*
 * The free ranges of the address space.
 */

/*
 * Returns the bytes of the largest range between two VMAs of this process. Returns 0 where the list
 * cannot be read, and at once while another thread scans it here. It scans the whole list, which
 * procmaps.h says the cost of: it is for calls that are rare. Thread- and async-signal-safe.
 */
size_t gaps_largest(void);

/* Frees the lock. For a forked child. */
void gaps_after_fork(void);

#endif
