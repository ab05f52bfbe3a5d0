/*
 * budget: a sum for each filesystem. See budget.h.
 */
#define _GNU_SOURCE
#include "disk/budget.h"

#include "disk/quota.h"
#include "tell/options.h"
#include "tell/status.h"

#define DEVICES 32

/* What this process has allocated and, as far as is known, not used. */
static struct account {
    uint64_t device; /* 0: this place is empty */
    uint64_t ahead;  /* in bytes */
} accounts[DEVICES];

/* With more filesystems than places, the others share the last one. */
static struct account *account_of(dev_t device)
{
    for (unsigned i = 0; i < DEVICES - 1; i++) {
        uint64_t seen = 0;
        if (__atomic_compare_exchange_n(&accounts[i].device, &seen, (uint64_t)device, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            seen == (uint64_t)device)
            return &accounts[i];
    }
    return &accounts[DEVICES - 1];
}

static void narrow(struct budget_room *room, uint64_t size, uint64_t left, const char *quota)
{
    uint64_t keep = (uint64_t)options_share(options.prealloc_keep, (int64_t)size);
    uint64_t above = left > keep ? left - keep : 0;
    if (above < room->above)
        room->above = above;
    if (left < room->left) {
        room->left = left;
        room->quota = quota;
    }
}

bool budget_room(int fd, const struct stat *st, const struct sys_space *space,
                 struct budget_room *room)
{
    struct quota quotas[QUOTA_KINDS];
    *room = (struct budget_room){ UINT64_MAX, UINT64_MAX, NULL };
    narrow(room, space->size, space->free, NULL);
    long n = quotas_of(fd, st, space->type, quotas);
    for (long i = 0; i < n; i++)
        narrow(room, quotas[i].limit, quotas[i].left, quotas[i].whose);
    return n >= 0;
}

/* Without what this process has taken, so much more would lie above the line. */
static uint64_t left_of(uint64_t ahead, const struct budget_room *room)
{
    uint64_t share =
        (uint64_t)options_share(options.prealloc_share, (int64_t)(room->above + ahead));
    uint64_t left = share > ahead ? share - ahead : 0;
    return left < room->above ? left : room->above;
}

uint64_t budget_left(dev_t device, const struct budget_room *room)
{
    return left_of(__atomic_load_n(&account_of(device)->ahead, __ATOMIC_RELAXED), room);
}

bool budget_take(dev_t device, uint64_t bytes, const struct budget_room *room)
{
    struct account *a = account_of(device);
    uint64_t ahead = __atomic_load_n(&a->ahead, __ATOMIC_RELAXED);
    do {
        if (bytes > left_of(ahead, room))
            return false;
    } while (!__atomic_compare_exchange_n(&a->ahead, &ahead, ahead + bytes, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    STATUS_ADD(allocated_ahead, bytes);
    return true;
}

void budget_return(dev_t device, uint64_t bytes)
{
    __atomic_sub_fetch(&account_of(device)->ahead, bytes, __ATOMIC_RELAXED);
    STATUS_ADD(allocated_ahead, -bytes);
}
