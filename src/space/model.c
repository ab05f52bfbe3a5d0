/*
 * model: the state that all of the model shares.
 */
#define _GNU_SOURCE
#include "space/model.h"

#include "space/regions.h"

#define UNSEEN_MAX 32

static struct lock model_lock;

/* What signal handlers changed while they interrupted the lock's owner on its own thread. Only the
 * owner, and handlers above it, touch this. */
static struct {
    struct {
        uintptr_t start, end;
    } ranges[UNSEEN_MAX];
    unsigned count; /* UNSEEN_MAX + 1: too many, forget everything */
} unseen;

static void forget_unseen(void)
{
    while (unseen.count) {
        unsigned n = unseen.count;
        if (n > UNSEEN_MAX)
            regions_forget(0, UINTPTR_MAX);
        else
            for (unsigned i = 0; i < n; i++)
                regions_forget(unseen.ranges[i].start, unseen.ranges[i].end);
        /* A handler may have added more meanwhile; those are kept for the next round. */
        unsigned now = __atomic_load_n(&unseen.count, __ATOMIC_RELAXED);
        if (now == n)
            unseen.count = 0;
        else
            unseen.count = UNSEEN_MAX + 1;
    }
}

/* A handler may come between the last look in model_drop and the lock's release: what it changed is
 * forgotten here, before anybody else looks. */
bool model_take(void)
{
    if (!lock_take(&model_lock))
        return false;
    if (unseen.count)
        forget_unseen();
    return true;
}

void model_drop(void)
{
    if (unseen.count)
        forget_unseen();
    lock_drop(&model_lock);
}

bool model_mine(void)
{
    return lock_mine(&model_lock);
}

void model_unseen(uintptr_t start, uintptr_t end)
{
    if (unseen.count < UNSEEN_MAX) {
        unseen.ranges[unseen.count].start = start;
        unseen.ranges[unseen.count].end = end;
    }
    if (unseen.count <= UNSEEN_MAX)
        unseen.count++;
}

bool model_left_taken(void)
{
    return __atomic_load_n(&model_lock.word, __ATOMIC_RELAXED) != 0;
}

void model_after_fork(void)
{
    lock_reset(&model_lock);
}
