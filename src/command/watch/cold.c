/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cold: see cold.h.
 */
#include "command/watch/cold.h"

#include <stdio.h>

/*
 * To make a mapping warm takes 10 to 50 us, so this many a second are some percent of the time of a
 * processor.
 *
 * The share of those that were needed again early (cold_early) is no measure of thrashing: where a
 * process visits ten times as many mappings in turn as can be warm, each visit finds one cold, and
 * none is early. A high share tells that little is missing: measured with random accesses to 1.1
 * times as many as may be warm it was 70 %, to 1.3 times 52 %, to twice 24 %, to ten times 3 %. A
 * low one tells nothing: visits in turn to 1.3 times as many made 9 % early.
 */
#define THRASHES_FROM 1000 /* a second */
#define NEARLY_FITS 50     /* percent that are early */

struct cold_use cold_between(const struct mapherd_status *before, const struct mapherd_status *now,
                             uint64_t ms)
{
    static const struct mapherd_status nothing;
    const struct mapherd_status *from = before ? before : &nothing;
    struct cold_use use = { .cold = now->cold, .warm = now->warm, .failed = now->cold_failed };
    if (now->warmed < from->warmed) /* another program, by exec, or a forked child */
        return use;
    use.warmed = now->warmed - from->warmed;
    use.early = now->cold_early - from->cold_early;
    use.ms = ms;
    return use;
}

bool cold_shows(const struct cold_use *use)
{
    return use->cold || use->warmed;
}

uint64_t cold_a_second(const struct cold_use *use)
{
    uint64_t warmed = use->warmed < UINT64_MAX / 1000 ? use->warmed : UINT64_MAX / 1000;
    return use->ms ? warmed * 1000 / use->ms : 0;
}

bool cold_thrashes(const struct cold_use *use)
{
    return cold_a_second(use) >= THRASHES_FROM;
}

static unsigned early_share(const struct cold_use *use)
{
    double share = use->warmed ? (double)use->early * 100 / (double)use->warmed : 0;
    return share < 100 ? (unsigned)share : 100; /* a damaged record may have any numbers */
}

const char *cold_fit(const struct cold_use *use)
{
    return !cold_thrashes(use)               ? "what is in use fits into what is warm"
           : early_share(use) >= NEARLY_FITS ? "slightly more mappings are in use than are warm"
                                             : "more mappings are in use than are warm";
}

void cold_text(const struct cold_use *use, char *text, size_t size)
{
    int len = snprintf(text, size, "%s of %s mappings are cold; %s are made warm a second",
                       grouped((long long)use->cold), grouped((long long)(use->cold + use->warm)),
                       grouped((long long)cold_a_second(use)));
    if (use->warmed && len > 0 && (size_t)len < size)
        snprintf(text + len, size - (size_t)len, ", %u %% of them early", early_share(use));
}

void cold_json(const struct cold_use *use, struct json *j)
{
    json_if_known(j, "warmed_a_second", use->ms != 0, (long long)cold_a_second(use));
    json_bool(j, "thrashes", cold_thrashes(use));
}
