/*
 * rowcache: a table with one slot for each hash.
 *
 * A row is kept together with the address of the module's search table. So a module that is loaded
 * later at the same place is not confused with the earlier one, unless its table has the same
 * address too.
 */
#define _GNU_SOURCE
#include "unwind/rowcache.h"

#include <string.h>

enum { SLOTS_LOG2 = 10, ROW_WORDS = sizeof(struct cfi_row) / 8 };

static struct slot {
    uint64_t turn; /* odd while the slot is written */
    uintptr_t pc;
    uintptr_t tables;
    uint64_t word[ROW_WORDS];
} slots[1 << SLOTS_LOG2];

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool recall(const struct slot *s, uintptr_t tables, uintptr_t pc, struct cfi_row *row)
{
    uint64_t turn = __atomic_load_n(&s->turn, __ATOMIC_ACQUIRE);
    if (turn & 1 || load(&s->pc) != pc || load(&s->tables) != tables)
        return false;
    /* Acquire: none of these reads happens after the last read of turn. */
    for (unsigned i = 0; i < ROW_WORDS; i++)
        ((uint64_t *)row)[i] = __atomic_load_n(&s->word[i], __ATOMIC_ACQUIRE);
    return load(&s->turn) == turn;
}

static void remember(struct slot *s, uintptr_t tables, uintptr_t pc, const struct cfi_row *row)
{
    uint64_t turn = load(&s->turn);
    if (turn & 1 || !__atomic_compare_exchange_n(&s->turn, &turn, turn + 1, false, __ATOMIC_ACQUIRE,
                                                 __ATOMIC_RELAXED))
        return;
    /* Release: a reader that sees one of these writes sees the odd number too. */
    __atomic_store_n(&s->pc, pc, __ATOMIC_RELEASE);
    __atomic_store_n(&s->tables, tables, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < ROW_WORDS; i++)
        __atomic_store_n(&s->word[i], ((const uint64_t *)row)[i], __ATOMIC_RELEASE);
    __atomic_store_n(&s->turn, turn + 2, __ATOMIC_RELEASE);
}

void rowcache_find(const struct module *m, uintptr_t pc, struct cfi_row *row)
{
    struct slot *s = &slots[pc * 0x9e3779b97f4a7c15u >> (64 - SLOTS_LOG2)];
    uintptr_t tables = (uintptr_t)m->unwind;
    if (recall(s, tables, pc, row))
        return;
    memset(row, 0, sizeof *row);
    cfi_find(m, pc, row);
    remember(s, tables, pc, row);
}
