/*
 * growth: how many maps a process has had at most, and how many more it gets an hour.
 */
#ifndef MAPHERD_GROWTH_H
#define MAPHERD_GROWTH_H

#include <stdint.h>

struct growth {
    long peak;
    long an_hour; /* over the last span of an hour or more; 0 until there is one */
    long from;    /* the count at the start of the span that runs now; 0 before the first */
    uint64_t from_ms;
    unsigned spans; /* that have ended */
};

/* The count was exactly maps at now_ms. One thread at a time. */
void growth_note(struct growth *g, long maps, uint64_t now_ms);

/*
 * A value for vm.max_map_count: the next power of two that holds twice the peak and a day of
 * growth on top, and at least 262144, what Elasticsearch and its like ask for. The first span
 * counts as start and not as growth: a program that fills its caches in a minute would seem to
 * want millions by the evening.
 */
long growth_advice(const struct growth *g);

#endif
