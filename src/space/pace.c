/*
 * pace: two marks. The older one is one to two minutes old, once the process is.
 */
#define _GNU_SOURCE
#include "space/pace.h"

#include <stdint.h>

#include "kernel/lock.h"
#include "kernel/sys.h"
#include "tell/status.h"

#define MINUTE_MS 60000
#define SOON_MS 10000 /* a shorter time says nothing of a minute */

static struct mark {
    uint64_t ms;
    long maps;
} older, newer;

void pace_note(long maps)
{
    LOCK_ASSERT(&model_lock);
    struct mark now = { sys_now_ms(), maps };
    if (!older.ms)
        older = newer = now;
    if (now.ms - newer.ms >= MINUTE_MS) {
        /* After a time without calls, growth is of now: it is spread over two minutes at most. */
        older = newer;
        newer = now;
        if (now.ms - older.ms > 2 * MINUTE_MS)
            older.ms = now.ms - 2 * MINUTE_MS;
    }
    if (now.ms - older.ms < SOON_MS)
        return;
    STATUS_SET(pace, (now.maps - older.maps) * MINUTE_MS / (long)(now.ms - older.ms));
    STATUS_SET(pace_ms, now.ms);
}

/* A mark is an upper bound too, which may be too high by any amount. It becomes no higher than the
 * count. */
void pace_measured(long maps)
{
    LOCK_ASSERT(&model_lock);
    if (older.maps > maps)
        older.maps = maps;
    if (newer.maps > maps)
        newer.maps = maps;
    pace_note(maps);
}
