/*
 * news: see news.h.
 */
#include "tell/news.h"

#include "tell/status.h"

#define MOVED_SHARE 50 /* of the limit */

bool news_are_due(const struct news *told)
{
    int64_t limit = STATUS_GET(limit);
    int64_t moved = STATUS_GET(bound) - __atomic_load_n(&told->upper_bound, __ATOMIC_RELAXED);
    return (limit > 0 && (moved < 0 ? -moved : moved) >= limit / MOVED_SHARE) ||
           STATUS_GET(pressure) != __atomic_load_n(&told->pressure, __ATOMIC_RELAXED);
}

void news_tell(struct news *told)
{
    __atomic_store_n(&told->upper_bound, STATUS_GET(bound), __ATOMIC_RELAXED);
    __atomic_store_n(&told->pressure, STATUS_GET(pressure), __ATOMIC_RELAXED);
}
