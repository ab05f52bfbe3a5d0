/*
 * pace: two marks, the older of which is one to two minutes old once there has been as much.
 */
#define _GNU_SOURCE
#include "space/pace.h"

#include <stdint.h>

#include "kernel/sys.h"
#include "tell/status.h"

#define MINUTE_MS 60000
#define SOON_MS 10000 /* what happens in less is not told by the minute */

static struct mark {
    uint64_t ms;
    long maps;
} older, newer;

void pace_note(long maps)
{
    struct mark now = { sys_now_ms(), maps };
    if (!older.ms)
        older = newer = now;
    if (now.ms - newer.ms >= MINUTE_MS) {
        /* After a silence what comes is growth of now: it counts against two minutes at most. */
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

/* A mark may be too high as well, by an unknown amount; no higher than what is true now. */
void pace_exact(long maps)
{
    if (older.maps > maps)
        older.maps = maps;
    if (newer.maps > maps)
        newer.maps = maps;
    pace_note(maps);
}
