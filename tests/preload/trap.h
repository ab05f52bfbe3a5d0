/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * trap: cases in which two live maps, or two open files, must not be taken for one. Each case runs
 * in a process of its own, on a file of PARTS chunks in which each page holds its own number. Run
 * alone, every case passes: what it asserts is the kernel's own behaviour.
 */
#ifndef TESTS_TRAP_H
#define TESTS_TRAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define CHUNK (64L * 1024)
#define PAGE 4096L
#define PARTS 16
#define RW (PROT_READ | PROT_WRITE)

struct trap {
    const char *path;
    int fd; /* of path, read and write */
};

struct trap_case {
    const char *name;
    void (*run)(struct trap *t);
};
extern const struct trap_case trap_maps[], trap_flags[], trap_files[];

/* The file as it is at the start of each case; also makes it anew where it is gone. */
void trap_fill(int fd);
int trap_open(const char *path, int flags);

/* Maps two pages of the file that continue each other, its last but one chunk's, so that mapherd
 * puts the chunks that come side by side; each case begins so. And unmaps them. */
void herd(int fd);
void unherd(void);
/* How many maps of its file they are. */
long herd_maps(void);

/* Maps chunk n, shared, for reading and writing; ends the program if refused. */
char *map_chunk(int fd, long n);
char *map_part(int prot, int flags, int fd, off_t offset, long len);
void unmap(char *at, long len);

/* Ends the program unless all len bytes at at hold the file's pages from offset on. */
void expect_pages(const char *at, off_t offset, long len);
void expect_chunk(const char *at, long n);
uint64_t page_number(off_t offset);

/* What a page holds first. */
uint64_t peek(const char *at);
void poke(char *at, uint64_t value);

/* Notes whether the second chunk was put beside the first: without mapherd it is not, and then a
 * case proves nothing about mapherd. */
void note_beside(const char *first, const char *second);

/* Notes what differs between filesystems: it has to be the same with mapherd and without. */
void note_fact(bool fact);

bool is_mapped(const char *at);

/* Runs what in a child; true if it ended with 0. */
bool in_child(bool (*what)(struct trap *t), struct trap *t);

#define CHECK(truth)                                                                \
    do {                                                                            \
        if (!(truth))                                                               \
            die("%s:%d: not so: %s (errno %d)", __FILE__, __LINE__, #truth, errno); \
    } while (0)

#endif
