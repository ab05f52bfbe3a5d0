/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill.h: the format of a spill file.
 *
 * A page for whose store the disk has no space is kept in the spill file of the process until there
 * is space. If the process ends before, `mapherd recover` reads the spill file and writes the pages
 * back to their files. A process makes the file at the first such store, with mode 0600, and
 * removes it when everything in it has gone back. The file is sparse. Numbers have the byte order
 * of the machine that wrote them (byte_order).
 *
 *   page 0                      struct spill_header
 *   pages 1 .. SPILL_SLOTS      one struct spill_slot each, for a range of one file
 *   page SPILL_SLOTS + 1        memory for the writer alone
 *   from sums_at of a slot      one spill_sum for each page of the range; 0: the page is not here
 *   from data_at of a slot      the pages: the one at file_start + n of the file is at data_at + n
 *
 * The sum of a page is the sum of what the file had there when the page was spilled or last written
 * back. A page with that sum needs no recovery: the program has stored nothing to it since. Any
 * other page is written to the file, if the file still has there what the sum tells.
 *
 * The process may die at any moment. So a slot is written before the header counts it, and a page
 * before its sum. A page is mapped for the program when its sum is written.
 */
#ifndef MAPHERD_SPILL_H
#define MAPHERD_SPILL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SPILL_MAGIC "MHSPILL" /* eight bytes with its NUL */
#define SPILL_VERSION 1
#define SPILL_BYTE_ORDER 0x01020304u
#define SPILL_SLOTS 255
#define SPILL_NAME_PREFIX "mapherd-spill." /* and then program.pid.random */

struct spill_header {
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint32_t page_size;     /* of the machine, in bytes; the size of the pages of this file too */
    uint32_t slots;         /* how many slots are written, at most SPILL_SLOTS */
    int64_t pid;            /* of the process that made the file, in its own PID namespace */
    uint64_t start_time;    /* of that process, field 22 of /proc/PID/stat */
    uint64_t pid_namespace; /* the inode number of /proc/PID/ns/pid */
    int64_t created;        /* seconds since 1970 */
    char program[32];
};

struct spill_slot {
    uint64_t dev, ino;   /* of the file, as /proc/PID/maps shows them; on btrfs stat(2) differs */
    uint64_t file_start; /* the range in the file, in bytes: multiples of the page size */
    uint64_t len;
    uint64_t data_at; /* offsets in the spill file, in bytes: multiples of the page size */
    uint64_t sums_at;
    int32_t error; /* ENOSPC or EDQUOT: why the pages are here */
    uint32_t path_len;
    char path[3072]; /* of the file, absolute, as the kernel showed it; without a NUL */
};

typedef uint64_t spill_sum;

/* Returns the sum of len bytes, a multiple of 32. It is never 0. It is no protection against
 * forgery: a process that can write the spill file can write any page and its sum. */
static inline spill_sum spill_sum_of(const void *page, size_t len)
{
    const uint64_t odd[4] = { 0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u,
                              0xd6e8feb86659fd93u };
    uint64_t lane[4] = { len, len ^ odd[1], len ^ odd[2], len ^ odd[3] }, sum = 0;
    for (size_t at = 0; at < len; at += sizeof lane) {
        uint64_t word[4];
        memcpy(word, (const char *)page + at, sizeof word);
        for (unsigned i = 0; i < 4; i++) {
            lane[i] = (lane[i] ^ word[i]) * odd[i];
            lane[i] ^= lane[i] >> 29;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        sum = (sum ^ lane[i]) * odd[0];
        sum ^= sum >> 32;
    }
    return sum ? sum : 1;
}

#endif
