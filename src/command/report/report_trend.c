/*
 * report_trend: whether the count grows, since when, and how fast.
 *
 * The count grows since the last time at which it was as low as it ever was. But if it has hardly
 * changed for half of the time that is known, it is steady since it came to its present value.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "command/lib/enough.h"
#include "command/report/report.h"

struct point {
    uint64_t time; /* s since 1970, the end of what the point stands for */
    int64_t count;
};

static int by_time(const void *left, const void *right)
{
    const struct point *a = left, *b = right;
    return (a->time > b->time) - (a->time < b->time);
}

bool report_point_counts(const struct mapherd_record_point *p, unsigned level, unsigned n,
                         uint64_t now_s)
{
    uint64_t span = level < 16 ? 1ull << 2 * level : 1ull << 32;
    return p->time && p->count >= 0 && p->count <= INT32_MAX && p->time <= now_s &&
           p->time + span * n > now_s;
}

/*
 * Takes the finest point for each time. A point of level k is for 4^k seconds, and has the count of
 * the last of them. So a point that reaches into the time of a finer one tells nothing of the time
 * before that.
 */
static size_t merge(const struct mapherd_record_point *points, unsigned levels, unsigned a_level,
                    uint64_t now_s, struct point *merged)
{
    uint64_t edge = now_s + 1; /* finer points cover what is later */
    size_t n = 0;
    for (unsigned level = 0; level < levels && level < 16; level++) {
        uint64_t earliest = edge;
        for (unsigned i = 0; i < a_level; i++) {
            const struct mapherd_record_point *p = &points[(size_t)level * a_level + i];
            uint64_t span = 1ull << 2 * level;
            if (!report_point_counts(p, level, a_level, now_s) || p->time + span > edge)
                continue;
            if (p->time < earliest)
                earliest = p->time;
            merged[n++] = (struct point){ p->time + span - 1, p->count };
        }
        edge = earliest;
    }
    qsort(merged, n, sizeof *merged, by_time);
    return n;
}

struct trend report_trend(const struct mapherd_record_point *points, unsigned levels,
                          unsigned a_level, uint64_t now_s)
{
    struct trend c = { 0 };
    struct point *all = enough(calloc((size_t)levels * a_level + 1, sizeof *all));
    size_t n = merge(points, levels, a_level, now_s, all), low = 0, near;
    if (n == 0)
        goto out;
    c.known = true;
    c.begin_s = all[0].time;
    c.now = (long)all[n - 1].count;
    for (size_t i = 0; i < n; i++)
        if (all[i].count <= all[low].count)
            low = i;
    int64_t slack = c.now / 20 > 50 ? c.now / 20 : 50;
    for (near = n - 1; near > 0; near--)
        if (all[near - 1].count > c.now + slack || all[near - 1].count < c.now - slack)
            break;
    bool steady = (now_s - all[near].time) * 2 >= now_s - all[0].time;
    c.grows = !steady && c.now - all[low].count > slack;
    c.since_s = all[c.grows ? low : near].time;
    c.from = (long)all[c.grows ? low : near].count;
    if (c.grows && (now_s - all[near].time) * 4 >= now_s - c.since_s)
        c.still_s = all[near].time;
    if (c.grows && now_s > c.since_s)
        c.a_minute = (double)(c.now - c.from) * 60 / (double)(now_s - c.since_s);
out:
    free(all);
    return c;
}
