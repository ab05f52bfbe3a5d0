/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fakesys: the kernel as kernel/sys.h describes it, played by a small model.
 *
 * A test links it before libmapherd-core, and then holds the library's whole world in its hand:
 * an address space with the kernel's rules of merging, splitting and counting (fakespace.c), files
 * that exist only as numbers, texts that can be read, failures to order. No address in the fake
 * space is ever touched, so tests may use any. Real are only the futex, the thread ids, and what
 * sys_readable says: stacks are the program's own.
 */
#ifndef MAPHERD_FAKESYS_H
#define MAPHERD_FAKESYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/sys.h"

#define FAKE_PAGE 4096UL
#define FAKE_DEVICE 0x801 /* that all files are on */

/* Everything as new: no map, no file, no text, no failure ordered. Every test begins with it. */
void fake_reset(void);

/* A file: what fstat and the maps tell of it. */
struct fake_file {
    uint64_t inode;
    off_t size;
    mode_t mode;     /* 0: a regular file */
    long fs_type;    /* statfs's f_type; 0: ext4's */
    uint64_t device; /* 0: FAKE_DEVICE; fstat alone tells it */
    bool sparse;     /* only what was allocated has space; else all of it has */
    bool no_list;    /* its filesystem does not list extents */
    bool never_side; /* two mmaps side by side do not merge, as on overlayfs */
};

/* The list of maps calls a file of this inode so. */
#define FAKE_LIBJVM 4711

/* A new open file (O_RDONLY, O_RDWR...), as open(2); its descriptor. */
int fake_open(struct fake_file file, int flags);
int fake_dup(int fd);
void fake_close(int fd);

/* The number of the open file behind a descriptor, as in struct fake_vma. */
int fake_number(int fd);

/* Gives a part of a sparse file space, as a write would. */
void fake_allocate(uint64_t inode, uint64_t start, uint64_t end);
/* Bytes of a sparse file that have space. */
uint64_t fake_allocated(uint64_t inode);

/* A path that can be opened and read, chunk bytes a read (0: as many as asked for). */
void fake_text(const char *path, const char *text, size_t chunk);

/* The answer of an open for writing below /proc/sys; 0: it is opened. */
extern long fake_may_write;

/* All that was written to descriptors and paths, in order, NUL-terminated. */
const char *fake_written(void);

/* The answer of every call of that kind from now on, from the skip-th on; 0 ends it. */
enum fake_call {
    FAKE_MMAP,
    FAKE_MUNMAP,
    FAKE_MREMAP,
    FAKE_MPROTECT,
    FAKE_OPEN,
    FAKE_READ,
    FAKE_FSTAT,
    FAKE_WRITE,
    FAKE_FALLOCATE,
    FAKE_FSTATFS,
    FAKE_IOCTL,
    FAKE_CALLS
};
void fake_fail(enum fake_call call, unsigned skip, long answer);

/* How often the library made that call. */
unsigned fake_calls(enum fake_call call);

/* What sys_now_ms says, and sys_getpid. */
extern uint64_t fake_now_ms;
extern long fake_pid;

/* What others do while the library sleeps, which passes fake time and no other; NULL: nothing. */
extern void (*fake_meanwhile)(void);

/* What sys_rlimit says, by RLIMIT_*; all are without limit at first. */
extern unsigned long fake_rlimits[16];

/* Another process's OFD lock is on every file. */
extern bool fake_ofd_lock;

/* What every filesystem has, as a whole and free. */
extern struct sys_space fake_space;

/* What FS_IOC_GETFLAGS says of every file. */
extern int fake_file_flags;

/* The quota of every user, group and project, in bytes, as quotactl_fd tells it; error: its answer. */
struct fake_quota {
    uint64_t soft, hard, used;
    long error;
};
extern struct fake_quota fake_quotas[3];

/* The ctime of every file, in ns; the library's own changes of a file show in it if fine. */
extern uint64_t fake_stamp;
extern bool fake_stamps_fine;

/* Is called in each open, before it answers. NULL: nothing is. */
extern void (*fake_while_opening)(void);

/* How often it was asked on which filesystem a file is. */
extern unsigned fake_types_asked;

/* How often it was asked which pages of a file are dirty; three are. */
extern unsigned fake_dirty_asked;

/* What standard error is to sys_fstat: a mode (S_IFREG...) and an inode. */
extern mode_t fake_stderr_mode;
extern uint64_t fake_stderr_inode;

/* For fakesys.c and fakespace.c: the open file of a descriptor, NULL if there is none. */
struct fake_open_file {
    struct fake_file file;
    int flags;
};
const struct fake_open_file *fake_open_file(int number);
long fake_answer(enum fake_call call); /* counts the call; 0, or the failure ordered for it */
void fake_enter(void);                 /* one call of the kernel at a time */
void fake_leave(void);

#endif
