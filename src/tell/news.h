/*
 * news: has the process come so much nearer to its limit, or gone so much farther from it, that whoever told
 * its numbers has to tell them again?
 */
#ifndef MAPHERD_NEWS_H
#define MAPHERD_NEWS_H

#include <stdbool.h>
#include <stdint.h>

/* What was told last. */
struct news {
    int64_t bound;
    uint32_t pressure;
};

/* The bound has moved by a fiftieth of the limit since, or the pressure is another. Any thread, no lock. */
bool news_are_due(const struct news *told);

/* The numbers of now are told. */
void news_tell(struct news *told);

#endif
