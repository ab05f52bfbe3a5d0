/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * target: a running process that the command looks at: which one it is, its VMAs, and what the
 * library in it tells.
 */
#ifndef MAPHERD_TARGET_H
#define MAPHERD_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "command/lib/print.h"
#include "command/lib/verb.h"
#include "kernel/procmaps.h"
#include "mapherd/mapherd.h"

struct target {
    pid_t pid;
    char name[64]; /* as ps shows it */
    long maps;     /* VMAs that count against the limit */
    long limit;    /* vm.max_map_count, or -errno */
};

/* Sets the name of the process t->pid. False if there is no such process. */
bool target_name(struct target *t);

/* Takes the verb's one operand, a process id. Returns DONE, or, after a complaint, the status to
 * end with. */
int target_find(const struct verb *v, int operands, char **argv, struct target *t);

/* Reads the list of VMAs, counts those that count against the limit, and calls each with them if
 * it is not NULL. Returns the number of lines, or -errno. 0: it is a thread of the kernel, or has
 * ended. */
long target_count(struct target *t, void (*each)(const struct procmap *m, void *context),
                  void *context);

/* target_count, for the process that the user has named. Returns DONE, or FAILED after a
 * complaint. */
int target_read(struct target *t, void (*each)(const struct procmap *m, void *context),
                void *context);

/* The threads of the process, as /proc tells now; 0 if that is not known. */
long target_threads(const struct target *t);

/* The count as percent of the limit, rounded down; -1 if the limit is not known. */
long target_share(const struct target *t);

/* "calm", "raised", "high" or "full" (doc/design.md, section 4); "unknown". */
const char *target_pressure(const struct target *t);

/* Prints "70,213 maps of 65,530 (107 %): full". */
void target_print_count(const struct target *t);

/* Writes pid, name, maps, limit, percent and pressure. */
void target_json(const struct target *t, struct json *j);

/* When a process started, in ticks since boot: with the process id it identifies a process. 0:
 * there is no such process. */
uint64_t process_started(pid_t pid);

/* The time since then in ms; 0 where started is 0. */
uint64_t process_age(uint64_t started);

/* ---- the process that made a file: it may be in another PID namespace ---- */

/* The inode number of this command's PID namespace, also where /proc is another namespace's. 0:
 * it cannot be read. */
uint64_t maker_own_namespace(void);

/*
 * Looks for the process that has id `pid` in a PID namespace; space 0 is this command's own. True:
 * *found is its id here, or 0 if there is none. Whether it is still the same process, its start
 * time tells. False: that cannot be known, and *found is 0. Only root in the machine's first
 * namespace sees into other ones, and a /proc that was mounted in another namespace shows other
 * ids.
 */
bool maker_find(pid_t pid, uint64_t space, pid_t *found);

/*
 * Whether a process has the file of fd open for writing, or mapped for it. fd is open for reading
 * only. The kernel answers, and counts the processes of all namespaces: it gives a read lease only
 * where no one else can write to the file (fs/locks.c, check_conflicting_open). FILE_USE_UNKNOWN:
 * the user is neither the owner of the file nor root, or the filesystem has other rules for leases
 * (overlayfs, NFS, FUSE). The lease is given back at once. From the first call on the process
 * ignores SIGIO, by which the kernel tells the holder of a lease that another process waits.
 */
enum file_use { FILE_USE_UNKNOWN, FILE_IN_USE, FILE_UNUSED };
enum file_use maker_file_use(int fd);

/* Whether the kernel says FILE_IN_USE, on a filesystem of any kind. False also where it does not
 * tell: on network filesystems, and for files of another user. */
bool maker_writes(int fd);

/* ---- the library in a process ---- */

/* Whether a VMA is of a file with the library's name, deleted or not. */
bool peek_is_library(const struct procmap *m);

/*
 * Reads the status block of the library in process pid. base: where the library's first page is
 * mapped there. Returns NULL and fills *status, with 0 for what an older library does not have; or
 * returns a sentence that says why it cannot.
 */
const char *peek_status(pid_t pid, uint64_t base, struct mapherd_status *status);

#endif
