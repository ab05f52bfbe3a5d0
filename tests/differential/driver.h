/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * The differential driver: one sequence of mapping calls out of a seed, told in a transcript.
 *
 * The same sequence runs in two processes, one with a library preloaded and one without; their
 * transcripts must be equal. Addresses are not the same in both, so the transcript never holds
 * one: memory is named by handle and page. Two kinds of handles:
 *
 *   arenas  lie at fixed addresses where neither the kernel nor mapherd puts anything. Whatever
 *           a call does there, holes and neighbours included, is the same in both processes.
 *   floats  were put somewhere by mmap(NULL) or mremap. What lies beside one, or in a hole of
 *           one, is not the same in both, so no call touches it: a hole may only be named until
 *           the next call that places something (the epoch).
 *
 * Left out, because their outcome belongs to the layout: growth of a float in place, with free
 * space behind it; MAP_FIXED_NOREPLACE and hints on memory that is nobody's; MAP_GROWSDOWN;
 * MAP_HUGETLB. Left out, because the kernel may answer by its mood: MADV_FREE, PAGEOUT, COLLAPSE.
 * Left out, because they destroy: MADV_HWPOISON, MADV_SOFT_OFFLINE.
 *
 * Under pressure the library differs on purpose. The differences below are all that doc/design.md
 * allows; each is looked past only when it is named with --differs, and in both processes alike.
 */
#ifndef DIFFERENTIAL_DRIVER_H
#define DIFFERENTIAL_DRIVER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

extern size_t page;

struct differences {
    /* --differs guards: memory that the program has taken the access to shows in smaps as it was
     * before, because the protection is a marker in the page tables. So a page is shown as "---"
     * if, and only if, a load from it is answered with SIGSEGV. And calls that give access, make
     * the map anew, or speak of markers, are made by name where access was taken by name: if they
     * pass no hook, the marker does not follow them. */
    bool guards;
    /* --differs retained: what a float's munmap has given up may stay mapped under guard markers
     * as long as a chunk of the same map does. A call by name finds it given back. So what
     * passes no hook names no hole of a float, but to unmap or replace it, or to copy from it:
     * it might succeed. Which pages are holes, the driver knows by itself. In the process that
     * has no library (--alone) the kernel must agree with it, and at the end nothing of the
     * files may be left in either, but where calls passed no hook: what is retained goes when
     * its neighbours do, as far as the library hears of it. */
    bool retained;
    /* --differs opens: a chunk may belong to another open() of its file than the one that it was
     * mapped through, and what is retained belongs to one, so when the last map of an open file
     * goes is another time; and at the end the library's masters may be left, where calls passed
     * no hook. */
    bool opens;
    /* --differs cold: a function found by handle finds the placeholder in place of what is cold
     * (limit/cold.h), and so do process_vm_readv and remap_file_pages. So the system call is
     * made by its number instead, which the library sees, or the range is touched before. */
    bool cold;
};
extern struct differences differs;
extern bool alone;

/* driver.c: chance. Each step has a stream of its own, so that a step that is left out does not
 * change what the others draw. */
unsigned pick(unsigned n); /* 0 .. n - 1 */
bool percent(unsigned share);
extern unsigned long step_now;
/* Every other seed, or more: not a bit of everything, but mostly what a database does, equal
 * chunks of two files by several descriptors, so that neighbours meet, part and meet again. */
extern bool chunky;

/* driver.c: the transcript. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_flush(void);
/* The bits of value that names knows, by name; the rest as a number. */
struct bit_name {
    unsigned long bit;
    const char *name;
};
void say_bits(unsigned long value, const struct bit_name *names);

/* A call is made with errno marked: success must leave the mark alone. */
enum { ERRNO_MARK = 0x5a5a };
#define CALL(expression) (errno = ERRNO_MARK, (expression))
/* Ends the line of a call that just returned: ok, or the name of its error. */
void say_result(bool failed);

/* ways.c: each step chooses how its calls are made: by name, by a handle of libc, or as system
 * calls. The last two pass no hook; in a run with --unseen SHARE they are SHARE percent. */
struct way {
    const char *name; /* as the transcript says it */
    void *(*mmap)(void *at, size_t len, int prot, int flags, int fd, off_t offset);
    void *(*mmap64)(void *at, size_t len, int prot, int flags, int fd, off_t offset);
    int (*munmap)(void *at, size_t len);
    void *(*mremap)(void *at, size_t old_len, size_t new_len, int flags, ...);
    int (*mprotect)(void *at, size_t len, int prot);
    int (*pkey_mprotect)(void *at, size_t len, int prot, int key);
    int (*madvise)(void *at, size_t len, int advice);
    int (*posix_madvise)(void *at, size_t len, int advice);
    int (*mincore)(void *at, size_t len, unsigned char *resident);
    int (*msync)(void *at, size_t len, int flags);
    int (*mlock)(const void *at, size_t len);
    int (*mlock2)(const void *at, size_t len, unsigned flags);
    int (*munlock)(const void *at, size_t len);
    int (*mlockall)(int flags);
    int (*munlockall)(void);
    int (*ftruncate)(int fd, off_t len);
    int (*ftruncate64)(int fd, off_t len);
    int (*flock)(int fd, int operation);
    int (*remap_file_pages)(void *at, size_t len, int prot, size_t offset, int flags);
    void *(*shmat)(int id, const void *at, int flags);
    int (*prctl)(int option, ...);
    pid_t (*fork)(void);
};
extern const struct way *way; /* of this step's calls */
extern bool no_hook;          /* this step's calls pass none */
/* unseen: how many steps of 100 go past the library; past: how many go past the symbols, where the
 * library sees them all the same. One of them is 0. */
void ways_start(unsigned unseen, unsigned past);
void ways_by_name(void);
void ways_choose(void);
void ways_no_hook(void); /* it is a call that has no hook */
bool ways_unseen(void);  /* there are calls in this run that pass no hook */

/* handles.c */
enum { MAX_PAGES = 64, ARENAS = 4, MAX_HANDLES = 56 };

struct handle {
    char *base;
    unsigned pages;           /* 0: free */
    uint32_t gone[MAX_PAGES]; /* 0: mapped; else the epoch since which it is a hole. Floats only */
    /* A call has named a part of it, so the kernel may have split it. Where the parts are alike
     * again, they are one map or several: the kernel does not merge what was touched apart, and
     * whether it was depends on what lies beside it by chance (mm/vma.c, reusable_anon_vma).
     * mremap works on one map, so of such a handle it is asked for single pages. */
    bool parted;
    /* A part of it was registered with a userfaultfd. A map that mremap moves loses that, and one
     * that grows where it is keeps it: so of such a handle none is asked that may do either. */
    bool registered;
    /* Access to a part of it was taken away by name: see struct differences, guards. */
    bool guarded;
};
extern struct handle handles[MAX_HANDLES];

struct range {
    struct handle *h;
    unsigned first, count; /* pages */
    char *at;
    size_t len; /* bytes; not always whole pages */
};

void handles_start(void);
bool is_arena(const struct handle *h);
/* A call that may put something anywhere is about to be made: holes of floats are lost. */
void handles_placing(void);
/* A float of so many bytes came to be; NULL if at is inside an arena (nothing to add). */
struct handle *handles_add(char *at, size_t len);
bool handles_full(void);
/* After a call: what of the handle is still mapped. */
void handles_refresh(struct handle *h);
/* munmap has said that the range is gone. */
void handles_unmapped(struct range r);
/* So many bytes were mapped at this place, which is a handle's. */
void handles_replaced(struct handle *h, const char *at, size_t len);
/* A call that must pass a hook where there may be markers, on this handle, is about to be made. */
void handles_by_name(const struct handle *h);
/* The range was given a protection, advice or lock of its own, or another map. */
void handles_parted(struct range r);
/* to has some of the memory that was from's. */
void handles_inherit(struct handle *to, const struct handle *from);
/* Unmaps everything. */
void handles_end(void);
void handles_refresh_all(void);
/* These pages now belong to another handle, or to nobody knows whom. */
void handles_lose(struct range r);
struct range pick_arena(void);
struct range pick_float(void); /* h is NULL if there is none */
struct range pick_range(void); /* any */
struct range pick_place(void); /* any, for a call that unmaps or replaces what is there */
struct range pick_float_place(void);
void say_range(struct range r);
/* True if every page of the range, or the page behind it, is known to be mapped (floats). */
bool range_mapped(struct range r);
bool page_mapped(const struct handle *h, unsigned index);
/* True if it is known to be unmapped, and nothing was placed since (floats). */
bool page_hole(const struct handle *h, unsigned index);

/* look.c: what there is to see. */
extern bool look_each_step; /* --look 1 */
void look_start(void);
/* Loads or stores as the program would; 0, or the signal that it got. */
int guarded_load(const char *at, uint64_t *sum);
int guarded_store(char *at, uint64_t value);
/* The bytes of every readable page of a handle, as one number. */
uint64_t look_bytes(const struct handle *h);
/* All of it: each handle's pages, protections, files, offsets and flags; files; map count. */
void look_everywhere(void);
/* After handles_end: what is still mapped of the files. */
void look_at_the_rest(void);

/* files.c */
struct descriptor {
    int fd; /* -1: free */
    unsigned file;
    int mode;      /* O_RDONLY, O_WRONLY, O_RDWR */
    unsigned open; /* which open() it comes from: dup()s have it in common */
};
enum { FILES = 6, MAX_DESCRIPTORS = 14 };
extern int fd_pipe, fd_folder, fd_zero;

void files_start(const char *folder);
void files_look(void);
unsigned files_pages(unsigned file);
/* Something was mapped through this descriptor, which need not be one of ours. */
void files_mapped(int fd);
/* Another open() of some file, or NULL; and its end. */
struct descriptor *files_open(void);
void files_close(struct descriptor *d);
/* A descriptor of some file, mostly open and readable. */
struct descriptor *pick_descriptor(void);
void say_descriptor(const struct descriptor *d);

/* steps_range.c: a call on a range: its name and the range, spoiled now and then; its result. */
struct range call_begin(const char *call);
void call_end(struct range r, bool failed);

/* watch.c */
void watch_start(const char *folder);
void watch_look(void);

/* steps_unseen.c */
void unseen_start(void);
int memory_policy(const char *at); /* of mbind; -1: nothing is mapped there */

/* The steps. */
void step_mmap(void); /* steps_mmap.c */
void step_stack(void);
void step_mmap_and_close(void);
void step_mremap(void); /* steps_mremap.c */
void step_munmap(void); /* steps_range.c */
void step_mprotect(void);
void step_madvise(void);
void step_posix_madvise(void);
void step_msync(void);
void step_lock(void);
void step_store(void);
void step_mincore(void);
void step_shmat(void);
void step_fork(void); /* steps_process.c */
void step_vfork(void);
void step_spawn(void);
void step_lock_all(void);
void step_prctl(void);
void step_open(void); /* files.c */
void step_close(void);
void step_truncate(void);
void step_write(void);
void step_flock(void);
void step_replace(void);
void step_sync(void);
void step_lock_life(void);        /* steps_locks.c */
void step_remap_file_pages(void); /* steps_unseen.c */
void step_userfaultfd(void);

/* Ends the registration of a range with any userfaultfd. */
void userfaultfd_end(char *at, size_t len);
void step_mbind(void);
void step_name(void);
void step_copy(void);

/* driver.c: for a forked child: some steps of its own. */
void steps_of_child(unsigned count);

#endif
