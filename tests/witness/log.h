/*
 * log: what the disk writes down and the replay reads.
 *
 * A record is a header and, of a write, its bytes. The page that all share tells a program how much
 * had been written down at a moment: what a call had returned before is in those records.
 */
#ifndef WITNESS_LOG_H
#define WITNESS_LOG_H

#include <stdint.h>

enum { RECORD_WRITE = 1, RECORD_FLUSH = 2 };

struct log_record {
    uint64_t kind, offset, len;
};

/* The file of the moment, mapped by all. */
struct moment {
    uint64_t records; /* written down so far */
    uint64_t flushes;
    uint64_t fail;    /* writes that hold MARK fail with EIO */
};

/* A page that begins with it is one whose writing can be made to fail. */
#define MARK 0x6d61726b6d61726bULL

#endif
