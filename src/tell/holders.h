/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holders: what has how many VMAs, counted over a scan: files, kinds of files, and memory without a
 * file; and the words for it, which are the same in the log and in every verb of the command.
 *
 * The caller gives the memory. VMAs of files for which there is no room are counted in left_out and
 * nowhere else, so each number is always right. No lock; one thread at a time.
 */
#ifndef MAPHERD_HOLDERS_H
#define MAPHERD_HOLDERS_H

#include "kernel/procmaps.h"

/* What a VMA is of, as the kernel's list shows it. */
enum memory_kind {
    MEMORY_FILE,
    MEMORY_MEMFD,   /* a file of memfd_create(2), named "/memfd:NAME (deleted)" */
    MEMORY_PRIVATE, /* private anonymous memory, [heap] and [stack] among it */
    MEMORY_GUARDED, /* of that: a guard page, and the writable memory that begins where it ends */
    MEMORY_SHARED,  /* shared anonymous memory: mmap(2) with MAP_SHARED | MAP_ANONYMOUS */
    MEMORY_SYSV,    /* shared memory of shmat(2) */
    MEMORY_HUGE,    /* anonymous memory of MAP_HUGETLB */
    MEMORY_COLD,    /* in the place of cold mappings (limit/cold.h), any number of them */
    MEMORIES
};

/* Returns what a VMA with this path is of. It is never MEMORY_GUARDED: the neighbour tells that. */
enum memory_kind memory_of(const char *path, uint64_t inode);

/* Returns what memory without a file is called: "shared anonymous memory". threads: MEMORY_GUARDED is
 * stacks of threads (holders_stacks). Static. */
const char *memory_name(enum memory_kind memory, bool threads);

/* The name of the placeholder of cold mappings, as the kernel's list has it. */
#define MEMORY_COLD_NAME "mapherd-cold"
#define MEMORY_COLD_PATH "/memfd:" MEMORY_COLD_NAME

/*
 * What files have in common: the end of their names, and whether they are deleted. The end is that
 * behind the last dot which is not a number: "so" and then a number for libc.so.6. Of a memfd it is
 * the name.
 */
struct file_kind {
    const char *suffix; /* in the path that it was made of, not NUL-terminated */
    unsigned char len;  /* of the suffix; 0: the files have no suffix */
    bool numbered;      /* a dot and a number follow */
    bool deleted;       /* never true for a memfd, which never had a name */
    bool memfd;
};
struct file_kind file_kind_of(const char *path, size_t len);

/* Writes "*.dvd (deleted)", "*.so.[0-9]*", "*" or "memfd:NAME", and returns the length. */
size_t file_kind_name(const struct file_kind *kind, char *buf, size_t size);
#define FILE_KIND_NAME 64 /* bytes that every such name fits */

struct holder {
    uint64_t inode;
    unsigned dev_major, dev_minor;
    const char *path; /* of the first VMA seen; NUL-terminated */
    long maps;        /* VMAs */
    uint64_t bytes;
    uint32_t path_len;
    unsigned char kind; /* of holders.c */
};

struct memory_sum {
    long maps;
    uint64_t bytes;
};

struct holders {
    struct holder *table; /* open addressing; maps == 0 is a free slot */
    size_t slots, used;
    char *text, *text_end;          /* room for paths: the rest of it */
    struct memory_sum of[MEMORIES]; /* files and memfds are not in it */
    long total;                     /* all that count against the limit */
    long left_out;                  /* VMAs of files for which there was no room */
    long threads;                   /* of the process, for its stacks; the caller sets it */
    uintptr_t guard_end;            /* where a guard page has just ended; 0: none has */
    size_t guard_bytes;
};

/* Starts with no holder. mem has size bytes, all zero, and is aligned for pointers. */
void holders_start(struct holders *h, void *mem, size_t size);

/* The size of memory that is enough for so many files, the paths of which have so many bytes
 * together. */
size_t holders_memory(size_t files, size_t path_bytes);

/* Counts one VMA that counts against the limit (procmaps_counts). VMAs come in the order of
 * addresses. */
void holders_add(struct holders *h, const struct procmap *m);

/* Whether what is behind guard pages are stacks of threads: there is a thread for each of them, or
 * nearly. */
bool holders_stacks(const struct holders *h);

/* Memory of one sort, one file, or files of one kind. */
struct holding {
    enum memory_kind memory;
    const struct holder
        *file;             /* MEMORY_FILE, MEMORY_MEMFD: the only one; NULL: there are several */
    struct file_kind kind; /* of several files; with any the others mean nothing but deleted */
    bool any;              /* files of many kinds */
    bool others;           /* some of the kind have a row of their own */
    const char *folder;    /* all the files are under this folder; not NUL-terminated */
    size_t folder_len;     /* 0: nothing is said of a folder */
    bool threads;          /* MEMORY_GUARDED: there is a thread for each */
    long maps, files;      /* files: 0 where it is none */
    uint64_t bytes;
};

/*
 * Sets rows[0 .. n) to the holdings with most VMAs, most first, and returns how many there are, at
 * most n. The first row is there whenever a VMA is; the others hold a twentieth of all VMAs each.
 * No VMA counts in two rows. A file has a row of its own if it holds that much and at least 20
 * VMAs. What the rows point to lives as long as the memory of h. Less than 1 KiB of stack is used,
 * and nothing is allocated.
 */
size_t holders_rows(struct holders *h, struct holding *rows, size_t n);

/* Writes the name of a holding: "/data/a.db", "*.dvd (deleted) under /data/index", "shared
 * anonymous memory". Of a path that is longer than most bytes it has the end. Returns the length. */
size_t holding_name(const struct holding *row, size_t most, char *buf, size_t size);

/*
 * Writes the rows as a clause of a log line, at most size bytes, the NUL included:
 *
 *   60000 of 70210 are of *.dvd (deleted) under /data/index, 8020 of shared anonymous memory
 *
 * Writes nothing where there are no rows.
 */
void holders_text(const struct holders *h, const struct holding *rows, size_t n, char *buf,
                  size_t size);

#endif
