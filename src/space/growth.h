/*
 * growth: how many VMAs a process has had at most, and how many it gains in an hour.
 */
#ifndef MAPHERD_GROWTH_H
#define MAPHERD_GROWTH_H

#include <stdint.h>

struct growth {
    long peak;
    long an_hour; /* gained an hour, over the last span of an hour or more; 0 until there is one */
    long from;    /* the count at the start of the present span; 0 before the first */
    uint64_t from_ms;
    unsigned spans; /* how many have ended */
};

/* Notes a count that a scan has measured at now_ms (sys_now_ms). One thread at a time. */
void growth_note(struct growth *g, long maps, uint64_t now_ms);

/*
 * The value of vm.max_map_count that the log advises: a power of two that holds twice the peak and
 * a day of growth besides, and at least 262144, which Elasticsearch and others ask for. The first
 * span is the program's start and no growth: a program that fills its caches in a minute would seem
 * to need millions by the evening.
 */
long growth_advice(const struct growth *g);

#endif
