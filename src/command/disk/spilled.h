/*
 * spilled: reads a spill file (mapherd/spill.h).
 *
 * Anybody may have written it: every number is checked before it is used, and text is only ever
 * shown through print_text. What fails is told as a sentence.
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
    char program[sizeof ((struct spill_header *)0)->program + 1];
    struct spill_slot *slots; /* header.slots of them, all of them checked */
    bool unfinished;          /* its process was killed while it made it: nothing is in it */
    char problem[200];        /* why a function below said false */
};

/* Opens it for reading, checks the header and every slot; of one that is unfinished there is nothing but
 * stat. False leaves nothing to close. */
bool spilled_open(struct spilled *s, const char *path);
void spilled_close(struct spilled *s);

/* The path of a slot's file, which the caller frees. The kernel shows newlines as \012; that is
 * undone where there is no file of the name as it stands. */
char *spilled_path(const struct spill_slot *slot);

/* One page of a slot. */
struct spillpage {
    uint64_t offset; /* in the file it belongs to */
    uint64_t at;     /* in the spill file */
    spill_sum base;  /* of what the file was last known to hold */
};

/* Calls each with every page that is here, in order, until it says false. False: it did, or what
 * was to be read could not be. */
bool spilled_pages(struct spilled *s, const struct spill_slot *slot,
                     bool (*each)(const struct spillpage *page, void *context), void *context);

/* Reads the page at `at` into buf, header.page_size bytes. */
bool spilled_read(struct spilled *s, uint64_t at, void *buf);

#endif
