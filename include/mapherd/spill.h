/*
 * spill.h: the format of a spill file.
 *
 * Where a store found no space on its disk, the page lives in the spill file of its process until
 * space returns. If the process dies before, `mapherd recover` reads this format and puts the pages
 * where they belong. One file a process, made at the first such store, mode 0600, removed when
 * everything in it has gone back. It is sparse; numbers are the writing machine's own (byte_order).
 *
 *   page 0                      struct spill_header
 *   pages 1 .. SPILL_SLOTS      struct spill_slot, one a page: a range of one file
 *   page SPILL_SLOTS + 1        the writer's scratch, without meaning
 *   from sums_at of a slot      a spill_sum for each page of the range, 0 where it is not here
 *   from data_at of a slot      the page at file_start + n is at data_at + n
 *
 * The sum of a page is that of what the file itself was last known to hold there. A page whose
 * present content has the same sum was not stored to, or has gone back: there is nothing to
 * recover. Otherwise the file is to get the page, if it still holds what the sum says.
 *
 * Written in this order, so that a process may die at any moment: a slot, then slots in the header;
 * a page, then its sum, and only then is the page mapped where the program can store to it.
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
#define SPILL_NAME_PREFIX "mapherd-spill." /* then program.pid.random */

struct spill_header {
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint32_t page_size;     /* of the machine, and the unit of everything here */
    uint32_t slots;         /* how many are written, at most SPILL_SLOTS */
    int64_t pid;            /* of the process that made it, in its own namespace */
    uint64_t start_time;    /* of that process, field 22 of /proc/PID/stat */
    uint64_t pid_namespace; /* the inode number of /proc/PID/ns/pid */
    int64_t created;        /* seconds since 1970 */
    char program[32];
};

struct spill_slot {
    uint64_t dev, ino;   /* of the file, as its map shows them (btrfs: not what stat says) */
    uint64_t file_start; /* the range of the file: a multiple of the page size */
    uint64_t len;
    uint64_t data_at; /* offsets in the spill file, multiples of the page size */
    uint64_t sums_at;
    int32_t error; /* why it is here: ENOSPC or EDQUOT, as Linux numbers them */
    uint32_t path_len;
    char path[3072]; /* absolute, as the kernel showed it, not NUL-terminated */
};

typedef uint64_t spill_sum;

/* Of one page, len a multiple of 32. Never 0. Not for foes: whoever can write the file needs no
 * collision. */
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
