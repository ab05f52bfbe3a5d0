/*
 * record.h: the record file, in which the library says what its process has mapped and what befell
 * it, for `mapherd leaks`, `report`, `diff` and whoever wants to read it besides.
 *
 * One file a process, on tmpfs or in MAPHERD_DIR, owned by its user, mode 0600. The library keeps
 * it mapped and writes to it all the time, so it can be read while the process runs, after it
 * ended, and after it was killed: no field needs another to be whole. All numbers are in the byte
 * order of the machine that wrote them (endian says which) and aligned to their size.
 *
 *   head | history | events | top files | directory | chunk 0 | chunk 1 | ...
 *
 * Offsets and sizes of the parts are in the head. What belongs to the mappings grows: it lies in
 * chunks of one size, and the directory has a byte for each that says what is in it. The chunks of
 * one kind, in the order of the file, are one array: element i of LIVE is in the (i / per chunk)th
 * chunk of that kind. No element and no string lies in two chunks. Chunks never change their kind
 * and never go.
 *
 * A reader trusts nothing: it checks every number that it uses as an offset, index or length.
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
    MAPHERD_RECORD_RUNNING = 1, /* or killed: whether pid and started are still there tells */
    MAPHERD_RECORD_EXITED = 2,
};

/*
 * What is wanted of the recording of mappings. The command writes one of these into the field wanted.
 * The library reads that field in each hooked call, sets it back to 0, and shows in the field leaks what
 * has become of it.
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
    uint64_t
        boot_ms; /* CLOCK_REALTIME at boot, ms since 1970, rounded to 10 s: to tell boots apart */
    uint64_t since_ms; /* CLOCK_REALTIME when the record began, ms since 1970 */
    char program[64];  /* all three end with NUL */
    char host[64];
    char arguments[512]; /* /proc/PID/cmdline, blanks for NULs, cut */
    /* Where the parts are: bytes from the beginning of the file, and how many elements. */
    uint32_t history_at, history_levels, history_points;
    uint32_t events_at, events;
    uint32_t top_at, top;
    uint32_t directory_at;
    uint32_t chunks_at, chunk_size, chunks_most;
    uint32_t unused;
    /* All below changes while the process runs. */
    uint32_t state;       /* enum mapherd_record_state */
    uint32_t wanted;      /* enum mapherd_record_wanted: the only field that others write */
    uint32_t leaks;       /* 1: mappings are being recorded */
    uint32_t depth;       /* frames of a stack at most */
    uint64_t touched_ms;  /* last renewed, ms since 1970; at most once a second */
    uint64_t ended_ms;    /* 0: it has not */
    uint64_t leaks_ms;    /* since when mappings are recorded, ms since 1970; 0: they never were.
                           * What was mapped before is not in the record */
    uint64_t changes;     /* of LIVE; odd while one is under way */
    uint64_t mapped;      /* mappings recorded ever */
    uint64_t lost;        /* mappings not recorded, for want of space or in a handler */
    uint64_t events_ever; /* events written; the last `events` of them are there */
    uint32_t chunks;      /* in use */
    uint32_t used[8];     /* by kind, enum mapherd_record_kind: elements used (bytes of TEXT, words
                           * of STACK) */
    uint32_t unused_too;
    struct mapherd_status status; /* as of touched_ms; the last field */
};

/*
 * The count over time: history_levels rings of history_points, one behind the other. Level k has a
 * point for each 4^k seconds, so together they reach from seconds to days. A point is the one for
 * time t if its time is t rounded down to its level's span; time 0: none yet.
 */
#define MAPHERD_RECORD_LEVELS 8
#define MAPHERD_RECORD_POINTS 64
struct mapherd_record_point {
    uint64_t time; /* s since 1970, a multiple of 4^level */
    int64_t count; /* maps, the last known in that time: at most so many */
    int64_t most;  /* the highest in that time */
    int64_t limit; /* vm.max_map_count */
};

#define MAPHERD_RECORD_EVENTS 128
enum mapherd_record_event_kind {
    MAPHERD_EVENT_OTHER = 0,
    MAPHERD_EVENT_PRESSURE = 1, /* it rose or fell, or a mark of MAPHERD_WARN was crossed */
    MAPHERD_EVENT_REFUSED = 2,  /* a call failed for want of something */
    MAPHERD_EVENT_FAULT = 3,    /* SIGBUS of a mapped file */
    MAPHERD_EVENT_SPILL = 4,    /* pages went to the spill file, or back */
    MAPHERD_EVENT_SYNC = 5,     /* a slow msync, or one that failed */
    MAPHERD_EVENT_SPACE = 6,    /* holes that found no space */
    MAPHERD_EVENT_RECORD = 7,   /* of the record itself: started, stopped, full */
};
/* A ring: event n (from 0) lies at n % events. */
struct mapherd_record_event {
    uint64_t number;  /* n + 1; 0: none, or just being written */
    uint64_t time_ms; /* since 1970 */
    uint32_t kind;    /* enum mapherd_record_event_kind */
    uint32_t level;   /* 1 error, 2 warning, 3 info */
    int32_t thread;
    uint32_t unused;
    char text[224]; /* ends with NUL */
};

/* Who held most maps at the last reading of /proc/self/maps that looked; most first. */
#define MAPHERD_RECORD_TOP 16
struct mapherd_record_top {
    uint64_t maps; /* 0: this and the rest are unused */
    uint64_t bytes;
    char path[240]; /* ends with NUL; what /proc/PID/maps says, or words for what has no file */
};

enum mapherd_record_kind {
    MAPHERD_CHUNK_FREE = 0,
    MAPHERD_CHUNK_LIVE = 1,   /* struct mapherd_record_mapping */
    MAPHERD_CHUNK_STACK = 2,  /* 64-bit words: struct mapherd_record_stack and its frames */
    MAPHERD_CHUNK_TEXT = 3,   /* strings, each with its NUL */
    MAPHERD_CHUNK_FRAME = 4,  /* struct mapherd_record_frame */
    MAPHERD_CHUNK_FILE = 5,   /* struct mapherd_record_file */
    MAPHERD_CHUNK_MODULE = 6, /* struct mapherd_record_module */
    MAPHERD_CHUNK_INDEX = 7,  /* the library's own: readers pass it by */
};

/*
 * What the program has mapped and not unmapped: a mapping is what one call of mmap (or mremap)
 * made. Where a part in its middle was unmapped it has two pieces, which share its number. A piece is
 * there if start is not 0 and even; odd it is being unmapped or moved just now. The library writes
 * start last, and changes it first. If the process was killed, or is read, in the middle of a change,
 * the newest piece may overlap an older one: then the newer (the higher order) is right.
 */
struct mapherd_record_mapping {
    uint64_t start, end;  /* page-aligned */
    uint64_t born_ms;     /* since 1970 */
    uint64_t offset;      /* in its file, of start */
    uint32_t number;      /* the mapping's, from 1 */
    uint32_t stack;       /* index of its STACK word; 0: none */
    uint32_t file;        /* element of FILE; 0: anonymous */
    int32_t thread;       /* that mapped it */
    uint32_t flags;       /* MAPHERD_RECORD_FLAGS: how it was mapped */
    uint32_t order;       /* counts pieces written, and wraps */
    uint32_t left, right; /* the library's own */
};
#define MAPHERD_RECORD_PROT(flags) (7u & (flags))          /* PROT_ bits */
#define MAPHERD_RECORD_SHARED(flags) (((flags) >> 3) & 1u) /* MAP_SHARED */
#define MAPHERD_RECORD_FLAGS(prot, shared) ((7u & (uint32_t)(prot)) | ((shared) ? 8u : 0u))

/*
 * A call stack, the innermost frame first; each stack is there once. A frame is
 *   0x0000 in the upper 16 bits: an address that belongs to no file (a JIT's code);
 *   0xffff: a Java frame, element of FRAME in the low 32 bits;
 *   else:   the element of MODULE, and the address in that file as its own tables have it (less its
 *           load bias), inside the call instruction.
 * Word 0 is not used, so that 0 is "none".
 */
struct mapherd_record_stack {
    uint64_t hash;  /* the library's own */
    uint32_t next;  /* the library's own */
    uint32_t depth; /* frames that follow */
    uint64_t frames[];
};
#define MAPHERD_FRAME_JAVA 0xffffu
#define MAPHERD_FRAME_MODULE(frame) ((uint32_t)((frame) >> 48))
#define MAPHERD_FRAME_OFFSET(frame) (0xffffffffffffull & (frame))

/* Element 0 of each of the following is not used, nor is TEXT's first byte, a NUL. */
struct mapherd_record_frame { /* 32 bytes */
    uint32_t class_name;      /* TEXT: "com/example/Store", as JVMTI has it without L and ; */
    uint32_t method;          /* TEXT: "sync" */
    uint32_t source;          /* TEXT: "Store.java"; 0: not known */
    int32_t line;             /* 0: not known; -1: a native method */
    uint64_t own[2];          /* the library's own */
};

struct mapherd_record_file { /* 32 bytes */
    uint64_t dev, ino;       /* st_dev, st_ino */
    uint32_t path;           /* TEXT: by /proc/self/fd, when it was first mapped; 0: not known */
    uint32_t own[3];         /* the library's own */
};

struct mapherd_record_module { /* 64 bytes */
    uint64_t bias;             /* what was added to its addresses */
    uint64_t start, end;       /* where it lies */
    uint32_t path;             /* TEXT */
    uint32_t id_len;           /* bytes of its build id */
    uint8_t id[20];
    uint32_t unused[3];
};

#ifdef __cplusplus
}
#endif

#endif
