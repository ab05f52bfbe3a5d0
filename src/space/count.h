/*
 * count: how many maps the process has, and how near that is to vm.max_map_count.
 *
 * The kernel tells the count nowhere; reading /proc/self/maps to count lines takes milliseconds
 * at tens of thousands of maps and stalls other threads before Linux 6.18. So a bound is kept, by
 * adding what each call can add at most, and is made exact by a reading when it crosses a mark.
 * A reading that finds far less moves the next one away: their number grows with the logarithm
 * of the distance to the limit. Calls that no hook sees are caught by readings after 4,096,
 * 8,192, 16,384, ... calls.
 *
 * A reading also tells the model which neighbours the kernel has merged (regions_adopt), so that
 * the bound stays near the truth afterwards.
 */
#ifndef MAPHERD_COUNT_H
#define MAPHERD_COUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "space/growth.h"

#define COUNT_BUFFER (16UL << 10)

/* buffer: COUNT_BUFFER bytes that only readings use. Reads the limit and options.warn. */
void count_start(char *buffer);

/* One call, which added at most maps (or removed that many at least). Model lock held. */
void count_add(long maps);

/* A reading is due. Cheap, without a lock. */
bool count_due(void);

/* Reads the list now; see count_settle. */
void count_read(void);

/*
 * At the end of every call, without the model lock: a reading, if one is due, which adopts, logs
 * a line if a mark of options.warn was crossed, and sets the pressure; and the pressure falls if
 * the bound has. Cheap where nothing is due. Returns at once if another thread is reading, or
 * this one, in the frame it interrupted.
 */
void count_settle(void);

/*
 * Before a map of a file, of which the reserve may have to refuse one: if the bound is over the
 * border of the highest pressure, and no reading has said so within the last second, the truth is
 * found out first, by this thread or by waiting for the reading that is under way. Without the
 * model lock.
 */
void count_before_file(void);

/*
 * Maps of files are refused: the pressure says so, and the bound is over its border. When it has
 * fallen below, the level stays a while longer, so as not to change with every call; the maps that
 * are free again need not wait for that.
 */
bool count_refuses_files(void);

/* A reading, due or not: at start, for those who are told the count from then on. */
void count_now(void);

/* What is known without a reading. */
struct count_known {
    long limit, bound; /* -1 and 0 where it cannot be told */
    struct growth growth;
    const char *words; /* who held most at the last reading that looked; "" before it */
};
void count_known(struct count_known *known);

/* A reading has met libjvm.so. */
bool count_saw_jvm(void);

/* Fork: the child's only thread may have forked inside a reading of another. */
void count_before_fork(void);
void count_after_fork(bool child);

#endif
