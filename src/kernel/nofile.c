/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * nofile: see nofile.h.
 */
#include "kernel/nofile.h"

#include <errno.h>

#include "kernel/sys.h"

static bool same(const struct rlimit *a, const struct rlimit *b)
{
    return a->rlim_cur == b->rlim_cur && a->rlim_max == b->rlim_max;
}

/* Sets a limit where `expected` is set now. If the program has just set another one, that stays,
 * and false is returned. */
static bool exchange_limit(const struct rlimit *to, const struct rlimit *expected)
{
    struct rlimit seen, want = *to, there = *expected;
    for (;;) {
        if (sys_prlimit(0, RLIMIT_NOFILE, &want, &seen) < 0)
            return false;
        if (same(&seen, &there))
            return same(&want, to);
        there = want;
        want = seen;
    }
}

bool nofile_raise(struct nofile *l)
{
    if (l->raised || sys_prlimit(0, RLIMIT_NOFILE, NULL, &l->before) < 0 ||
        l->before.rlim_cur >= l->before.rlim_max)
        return false;
    l->raised_to = (struct rlimit){ l->before.rlim_max, l->before.rlim_max };
    l->raised = exchange_limit(&l->raised_to, &l->before);
    return l->raised;
}

void nofile_restore(const struct nofile *l)
{
    if (l->raised)
        exchange_limit(&l->before, &l->raised_to);
}

long nofile_socketpair(int pair[2])
{
    struct nofile l = { .raised = false };
    long answer = sys_socketpair(pair);
    if (answer == -EMFILE && nofile_raise(&l))
        answer = sys_socketpair(pair);
    nofile_restore(&l);
    return answer;
}
