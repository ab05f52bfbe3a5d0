/*
 * news: has the count of VMAs changed enough to be published again?
 *
 * The record and the metrics ask this beside their once a second. No lock is taken.
 */
#ifndef MAPHERD_NEWS_H
#define MAPHERD_NEWS_H

#include <stdbool.h>
#include <stdint.h>

/* What was published last. */
struct news {
    int64_t upper_bound;
    uint32_t pressure;
};

/* True if the upper bound has moved by a fiftieth of the limit since, or the pressure has
 * changed. */
bool news_are_due(const struct news *told);

/* Notes that the present numbers are being published. */
void news_tell(struct news *told);

#endif
