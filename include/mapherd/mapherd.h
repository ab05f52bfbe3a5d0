/*
 * mapherd.h: for programs that know of mapherd, and for the mapherd command.
 *
 * A program need not know: preloading is enough. One that wants to ask declares nothing but this
 * header, links against nothing, and finds mapherd_status NULL where the library is not in it:
 *
 *     if (mapherd_status)
 *         printf("about %ld maps\n", (long)mapherd_status()->bound);
 */
#ifndef MAPHERD_MAPHERD_H
#define MAPHERD_MAPHERD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAPHERD_STATUS_MAGIC 0x6472656870616d00ull /* "\0mapherd" read as a little-endian number */
#define MAPHERD_STATUS_VERSION 1
#define MAPHERD_SYNC_BUCKETS 7

enum mapherd_state {
    MAPHERD_STARTING = 0, /* the constructor has not run; calls pass through */
    MAPHERD_HERDING = 1,  /* at work */
    MAPHERD_OBSERVING = 2,/* MAPHERD_MODE=observe */
    MAPHERD_PASSIVE = 3,  /* passes everything through; why is in reason */
};

enum mapherd_reason {
    MAPHERD_NO_REASON = 0, /* it is not passive */
    MAPHERD_NOT_CHOSEN = 1, /* MAPHERD_ONLY or MAPHERD_SKIP */
    MAPHERD_NO_MEMORY = 2,  /* the kernel gave none at start */
    MAPHERD_SANDBOXED = 3,  /* the program put itself under seccomp */
    MAPHERD_EXITING = 4,
    MAPHERD_FORKED = 5,     /* by a raw system call, while another thread was in the library */
};

/*
 * What the library knows of its process. Read it at any time and from any thread, signal handlers
 * included: each number is written whole, the numbers together are not one moment. `mapherd stat
 * PID` reads the same block out of another process, by the exported symbol
 * mapherd_status_block. Fields are only ever added at the end: check size.
 */
struct mapherd_status {
    uint64_t magic;    /* MAPHERD_STATUS_MAGIC, once the constructor ran */
    uint32_t version;  /* MAPHERD_STATUS_VERSION */
    uint32_t size;     /* of this struct, in bytes */
    uint32_t state;    /* enum mapherd_state */
    uint32_t reason;   /* enum mapherd_reason */
    int64_t limit;     /* vm.max_map_count; -1 if it cannot be read */
    int64_t bound;     /* maps at most, as far as the library sees; -1 if never counted */
    int64_t exact;     /* maps at the last reading of /proc/self/maps; -1 if never read */
    uint64_t readings; /* of /proc/self/maps */
    uint64_t calls;    /* hooked calls that could change the maps */
    uint64_t placed;   /* file maps put into a window with mmap */
    uint64_t compared; /* file maps that the kernel merged when it compared them once more */
    uint64_t joined;   /* file maps made from a master map of their file */
    uint64_t elsewhere;/* file maps that had a window and found their place taken */
    uint64_t unseen;   /* calls of signal handlers that interrupted the library: passed through */
    uint64_t forgotten;/* regions dropped for want of memory */
    uint64_t enomem;   /* calls that failed at the map limit */
    uint64_t regions;  /* in the model now */
    uint64_t files;    /* in the model now */
    uint64_t windows;  /* in the model now */
    uint64_t masters;  /* master maps now: each is one of mapherd's own maps */
    uint64_t own_start;/* the library's own memory: guard, canary and pool lie in */
    uint64_t own_end;  /*   [own_start, own_end) */
    uint32_t pressure; /* 0 calm, 1 raised, 2 high, 3 full */
    uint32_t unused;
    uint64_t guards;   /* guard markers installed in place of splits */
    uint64_t filled;   /* file maps made in a place that was held between chunks */
    uint64_t held_bytes;/* kept mapped after the program unmapped them, now */
    uint64_t held_back;/* unmappings honoured without the split that the limit did not allow */
    uint64_t swallowed;/* hints dropped because the limit did not allow their split */
    uint64_t refused;  /* file maps refused to keep the reserve */
    int64_t pace;      /* maps gained a minute, by the last one or two minutes */
    uint64_t pace_ms;  /* when that was found, CLOCK_MONOTONIC; 0: not yet */
    uint64_t faults;   /* SIGBUS of mapped files */
    uint64_t spilled;  /* pages put into the spill file */
    uint64_t returned; /* pages that went back from there to their file */
    uint64_t converted;/* faults answered with zeros */
    uint64_t preallocated; /* bytes of holes that were allocated */
    uint64_t no_space; /* maps and ftruncates whose holes were not, for want of space */
    uint64_t syncs;        /* msync(MS_SYNC) that asked the kernel and returned */
    uint64_t syncs_widened;/* those that took their neighbours along */
    uint64_t syncs_skipped;/* and those that did not ask, because nothing was to be done */
    uint64_t syncs_failed; /* that told the program an error */
    uint64_t syncs_slow;   /* that took MAPHERD_SYNC_SLOW or longer */
    uint64_t sync_us;      /* microseconds spent in them */
    uint64_t sync_within[MAPHERD_SYNC_BUCKETS]; /* how many took at most 0.1 ms, 1 ms, 10 ms, 100
                              ms, 1 s, 10 s, longer: each counted in one of them */
    uint64_t allocated_ahead; /* bytes of preallocated that auto has allocated and that may be unused
                              now: what counts against MAPHERD_PREALLOC_SHARE */
    uint64_t lines_lost; /* log lines that could not be written, or had no place on descriptor 2 */
    uint64_t held_tables; /* bytes of page tables that held_bytes may have cost */
};

/* Never NULL where the symbol is there. */
const struct mapherd_status *mapherd_status(void) __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
