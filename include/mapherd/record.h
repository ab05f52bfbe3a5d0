/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record.h: the format of the record file of a process.
 *
 * The library writes into it what the process has mapped, how the number of its maps has changed,
 * and the last lines of its log. `mapherd leaks`, `report` and `diff` read it, and any other
 * program may.
 *
 * Each process has one file, in /dev/shm or where MAPHERD_DIR says. The file belongs to the user of
 * the process and has mode 0600. The library keeps it mapped and writes to it while the process
 * runs. It can be read at any time: while the process runs, after its end, and after it was killed.
 * No field depends on another one being written. All numbers have the byte order of the machine
 * that wrote them (the field endian shows it), and are aligned to their size.
 *
 *   head | history | events | top files | directory | chunk 0 | chunk 1 | ...
 *
 * The head has the offsets and sizes of the parts. The data about mappings lies in chunks, which
 * all have one size, and whose number grows. The directory has one byte for each chunk, its kind.
 * The chunks of one kind, in the order of the file, are one array. Where a chunk holds n elements,
 * element i is in chunk number i / n of that kind. An element or a string never lies in two chunks.
 * A chunk keeps its kind, and is never removed.
 *
 * A reader checks every number that it uses as an offset, an index or a length.
 */
#ifndef MAPHERD_RECORD_H
#define MAPHERD_RECORD_H

#include <stdint.h>

#include "mapherd/mapherd.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MAPHERD_RECORD_MAGIC "MAPHERDR" /* 8 bytes, no NUL */
#define MAPHERD_RECORD_VERSION 1
#define MAPHERD_RECORD_ENDIAN 0x01020304u
#define MAPHERD_RECORD_CHUNK 65536u
#define MAPHERD_RECORD_CHUNKS 16384u /* bytes of the directory: 1 GiB of chunks at most */

enum mapherd_record_state {
    MAPHERD_RECORD_RUNNING = 1, /* or it was killed: then no process has this pid and started */
    MAPHERD_RECORD_EXITED = 2,
};

/*
 * Asks the library to record mappings, or to stop. The command writes one of these into the field
 * wanted of the head. The library reads that field at the end of each hooked call, and sets it back
 * to 0. The field leaks then shows whether mappings are recorded.
 */
enum mapherd_record_wanted {
    MAPHERD_WANTED_NOTHING = 0, /* the recording stays as it is */
    MAPHERD_WANTED_START = 1,
    MAPHERD_WANTED_STOP = 2,
};
/* Earlier names of the same values, for programs that were written with them. */
#define mapherd_record_wish mapherd_record_wanted
#define MAPHERD_WISH_NONE MAPHERD_WANTED_NOTHING
#define MAPHERD_WISH_START MAPHERD_WANTED_START
#define MAPHERD_WISH_STOP MAPHERD_WANTED_STOP

struct mapherd_record_head {
    char magic[8];
    uint32_t endian;
    uint32_t version;
    uint32_t size;      /* of this struct, in bytes; fields are only ever added at the end */
    uint32_t page_size; /* of the machine, in bytes */
    /* Who. */
    int32_t pid;        /* in its own PID namespace */
    uint32_t machine;   /* ELF's e_machine: 62 x86-64, 183 aarch64 */
    uint64_t pid_space; /* inode of that namespace */
    uint64_t started;   /* of the process, clock ticks since boot (/proc/PID/stat, field 22) */
    uint64_t boot_ms;   /* CLOCK_REALTIME at boot, ms since 1970, rounded to 10 s: tells one boot of
                         * the machine from another */
    uint64_t since_ms;  /* CLOCK_REALTIME when the record began, ms since 1970 */
    char program[64];   /* all three end with NUL */
    char host[64];
    char arguments[512]; /* /proc/PID/cmdline, blanks for NULs, cut */
    /* Where the parts are: bytes from the beginning of the file, and how many elements. */
    uint32_t history_at, history_levels, history_points;
    uint32_t events_at, events;
    uint32_t top_at, top;
    uint32_t directory_at;
    uint32_t chunks_at, chunk_size, chunks_most;
    uint32_t stack_use; /* bytes of the struct mapherd_record_use behind the frames of each stack; 0
                         * in records of earlier libraries, which have none */
    /* All below changes while the process runs. */
    uint32_t state;       /* enum mapherd_record_state */
    uint32_t wanted;      /* enum mapherd_record_wanted: the one field that other processes write */
    uint32_t leaks;       /* 1: mappings are being recorded */
    uint32_t depth;       /* how many frames a stack has at most */
    uint64_t touched_ms;  /* when history and status were written last, ms since 1970 */
    uint64_t ended_ms;    /* when the process ended; 0: it has not */
    uint64_t leaks_ms;    /* when the recording of mappings began, ms since 1970; 0: it never has.
                           * Mappings made before are not in the record */
    uint64_t changes;     /* counts the changes of LIVE; odd during a change */
    uint64_t mapped;      /* how many mappings were recorded in all */
    uint64_t lost;        /* how many were not, for want of space or in a signal handler */
    uint64_t events_ever; /* how many lines were written; the last `events` of them are there */
    uint32_t chunks;      /* how many are in use */
    uint32_t used[8];     /* by kind, enum mapherd_record_kind: elements used (bytes of TEXT, words
                           * of STACK) */
    uint32_t unused_too;
    struct mapherd_status status; /* as of touched_ms; the last field */
};

/*
 * The number of maps over time: history_levels rings of history_points each, one ring behind the
 * other. Ring k has a point for each span of 4^k seconds, so that the rings together reach from
 * seconds to days. The point for the time t has t in its field time, rounded down to the span. A
 * point whose time is 0 has not been written yet.
 */
#define MAPHERD_RECORD_LEVELS 8
#define MAPHERD_RECORD_POINTS 64
struct mapherd_record_point {
    uint64_t time; /* s since 1970, a multiple of 4^level */
    int64_t count; /* an upper bound of the number of maps at the end of the span */
    int64_t most;  /* the highest such bound in the span */
    int64_t limit; /* vm.max_map_count */
};

#define MAPHERD_RECORD_EVENTS 128
enum mapherd_record_event_kind {
    MAPHERD_EVENT_OTHER = 0,
    MAPHERD_EVENT_PRESSURE =
        1, /* the pressure rose or fell, or a mark of MAPHERD_WARN was reached */
    MAPHERD_EVENT_REFUSED = 2, /* a call failed, or was refused by MAPHERD_RESERVE */
    MAPHERD_EVENT_FAULT = 3,   /* SIGBUS of a mapped file */
    MAPHERD_EVENT_SPILL = 4,   /* pages went to the spill file, or back */
    MAPHERD_EVENT_SYNC = 5,    /* a slow msync, or one that failed */
    MAPHERD_EVENT_SPACE = 6,   /* space for holes in a file was allocated, or could not be */
    MAPHERD_EVENT_RECORD =
        7, /* the recording of mappings started or stopped, or the file is full */
};
/* The lines of the log, a ring: line n, counted from 0, lies at n % events. */
struct mapherd_record_event {
    uint64_t number;  /* n + 1; 0: there is none, or it is being written */
    uint64_t time_ms; /* since 1970 */
    uint32_t kind;    /* enum mapherd_record_event_kind */
    uint32_t level;   /* 1 error, 2 warning, 3 info */
    int32_t thread;
    uint32_t unused;
    char text[224]; /* ends with NUL */
};

/* What held most maps, the most first, at the last scan of /proc/self/maps that named it: a file, a
 * kind of files, or memory without a file. */
#define MAPHERD_RECORD_TOP 16
struct mapherd_record_top {
    uint64_t maps; /* 0: this and the rest are unused */
    uint64_t bytes;
    char path[240]; /* of the file, or words: "*.dvd (deleted) under /data"; ends with NUL */
};

enum mapherd_record_kind {
    MAPHERD_CHUNK_FREE = 0,
    MAPHERD_CHUNK_LIVE = 1,   /* struct mapherd_record_mapping */
    MAPHERD_CHUNK_STACK = 2,  /* 64-bit words: struct mapherd_record_stack and its frames */
    MAPHERD_CHUNK_TEXT = 3,   /* strings, each with its NUL */
    MAPHERD_CHUNK_FRAME = 4,  /* struct mapherd_record_frame */
    MAPHERD_CHUNK_FILE = 5,   /* struct mapherd_record_file */
    MAPHERD_CHUNK_MODULE = 6, /* struct mapherd_record_module */
    MAPHERD_CHUNK_INDEX = 7,  /* for the library alone */
};

/*
 * A piece of a mapping that the program has made and not unmapped. A mapping is what one call of
 * mmap or mremap has made. It has two pieces with the same number if its middle was unmapped. An
 * element is in use if its start is not 0. If start is odd, the piece is being unmapped or moved.
 * The library writes start last when it adds a piece, and first when it changes one. Where the
 * process is read or was killed in the middle of a change, a piece may overlap an older one: the
 * piece with the higher order is right.
 */
struct mapherd_record_mapping {
    uint64_t start, end;  /* page-aligned */
    uint64_t born_ms;     /* since 1970 */
    uint64_t offset;      /* of start, in the file */
    uint32_t number;      /* of the mapping, from 1 */
    uint32_t stack;       /* index of its STACK word; 0: none */
    uint32_t file;        /* element of FILE; 0: anonymous */
    int32_t thread;       /* the id of the thread that mapped it */
    uint32_t flags;       /* MAPHERD_RECORD_FLAGS: how it was mapped */
    uint32_t order;       /* a counter of the pieces that were written, which wraps */
    uint32_t left, right; /* for the library alone */
};
#define MAPHERD_RECORD_PROT(flags) (7u & (flags))          /* PROT_ bits */
#define MAPHERD_RECORD_SHARED(flags) (((flags) >> 3) & 1u) /* MAP_SHARED */
#define MAPHERD_RECORD_FLAGS(prot, shared) ((7u & (uint32_t)(prot)) | ((shared) ? 8u : 0u))
#define MAPHERD_RECORD_PART 16u /* it was cut off another piece of its mapping */

/*
 * A call stack, the innermost frame first. Equal stacks are stored once. The upper 16 bits of a
 * frame tell what it is:
 *   0x0000: an address that belongs to no file, such as the code of a JIT
 *   0xffff: a Java frame; the low 32 bits are the number of an element of FRAME
 *   others: the number of an element of MODULE; the other bits are an address inside the call
 *           instruction, less the bias of the module, as the tables of its file have it
 * Word 0 is not used: the number 0 means that there is no stack.
 */
struct mapherd_record_stack {
    uint64_t hash;  /* for the library alone */
    uint32_t next;  /* for the library alone */
    uint32_t depth; /* the number of frames */
    uint64_t frames[];
};
/* What became of the mappings of a stack, since the recording began (leaks_ms). It lies behind the
 * frames of the stack. A mapping counts as unmapped when the piece goes that no other one of it was
 * cut off from. The library changes the fields one by one while the process runs. */
struct mapherd_record_use {
    uint32_t made;     /* mappings that were recorded */
    uint32_t unmapped; /* of these */
    uint64_t lived_ms; /* how long those that were unmapped were mapped, in all */
};
#define MAPHERD_FRAME_JAVA 0xffffu
#define MAPHERD_FRAME_MODULE(frame) ((uint32_t)((frame) >> 48))
#define MAPHERD_FRAME_OFFSET(frame) (0xffffffffffffull & (frame))

/* Element 0 of each of the following is not used. "TEXT" is the number of the first byte of a
 * string there; byte 0 is a NUL. */
struct mapherd_record_frame { /* 32 bytes */
    uint32_t class_name;      /* TEXT: "com/example/Store", as in JVMTI, without L and ; */
    uint32_t method;          /* TEXT: "sync" */
    uint32_t source;          /* TEXT: "Store.java"; 0: not known */
    int32_t line;             /* 0: not known; -1: a native method */
    uint64_t own[2];          /* for the library alone */
};

struct mapherd_record_file { /* 32 bytes */
    uint64_t dev, ino;       /* st_dev, st_ino */
    uint32_t path;   /* TEXT: as /proc/self/fd showed it at the first mapping; 0: not known */
    uint32_t own[3]; /* for the library alone */
};

struct mapherd_record_module { /* 64 bytes */
    uint64_t bias;             /* what the loader added to the addresses in its file */
    uint64_t start, end;       /* its addresses in the process */
    uint32_t path;             /* TEXT */
    uint32_t id_len;           /* bytes of its build id */
    uint8_t id[20];
    uint32_t unused[3];
};

#ifdef __cplusplus
}
#endif

#endif
