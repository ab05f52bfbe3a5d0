/*
 * spilled: reads a spill file (mapherd/spill.h).
 *
 * Any user may have written the file. So each number is checked before it is used, and a caller
 * shows its text only through print_text. A function that fails leaves a sentence in problem.
 */
#ifndef MAPHERD_SPILLED_H
#define MAPHERD_SPILLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapherd/spill.h"

#define SPILLED_MOST_PAGE 65536u

struct spilled {
    int fd;
    struct stat stat;
    struct spill_header header;
    char program[sizeof((struct spill_header *)0)->program + 1];
    struct spill_slot *slots; /* header.slots of them, all of them checked */
    bool unfinished;          /* the process was killed while it made the file: nothing is in it */
    char problem[200];        /* why a function below said false */
};

/* Opens a spill file for reading, and checks the header and every slot. Of an unfinished one
 * only stat is filled in. False: it is none, or cannot be read, and there is nothing to close. */
bool spilled_open(struct spilled *s, const char *path);
void spilled_close(struct spilled *s);

/* The path of a slot's file, which the caller frees. The kernel shows newlines as \012. Where
 * there is no file of the name as it stands, that is undone. */
char *spilled_path(const struct spill_slot *slot);

/* One page of a slot. */
struct spillpage {
    uint64_t offset; /* in the file that it belongs to */
    uint64_t at;     /* in the spill file */
    spill_sum base;  /* of what the file was last known to hold */
};

/* Calls each with every page of the slot, in order, until it returns false. Returns false if it
 * did, or if the spill file cannot be read. */
bool spilled_pages(struct spilled *s, const struct spill_slot *slot,
                   bool (*each)(const struct spillpage *page, void *context), void *context);

/* Reads the page at `at` into buf, header.page_size bytes. */
bool spilled_read(struct spilled *s, uint64_t at, void *buf);

#endif
