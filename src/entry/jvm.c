/*
 * jvm: in which file of the process a handler lies. See jvm.h.
 *
 * No function here waits. If the buffer is in use, by another thread or below a signal handler, the
 * handler counts as the program's. HotSpot installs its own at its start, when no other thread
 * does.
 */
#define _GNU_SOURCE
#include "entry/jvm.h"

#include <stddef.h>
#include <string.h>

#include "kernel/procmaps.h"

static uintptr_t owned; /* HotSpot's handler; 0: not seen yet */

/* The last handlers that were found to lie elsewhere. */
#define OTHERS 16
static uintptr_t others[OTHERS];
static unsigned next_other;

static char buffer[8192];
static bool buffer_used;

struct search {
    uintptr_t address;
    bool found; /* it lies in libjvm.so */
};

static bool look(const struct procmap *m, void *context)
{
    static const char wanted[] = "/libjvm.so";
    struct search *s = context;
    size_t len = sizeof wanted - 1;
    if (m->end <= s->address)
        return true;
    if (m->start <= s->address && m->path_len >= len &&
        memcmp(m->path + m->path_len - len, wanted, len) == 0)
        s->found = true;
    return false;
}

static bool known(uintptr_t handler)
{
    if (__atomic_load_n(&owned, __ATOMIC_ACQUIRE))
        return true;
    for (unsigned i = 0; i < OTHERS; i++)
        if (__atomic_load_n(&others[i], __ATOMIC_RELAXED) == handler)
            return true;
    return false;
}

void jvm_notice(uintptr_t handler)
{
    if (known(handler) || __atomic_exchange_n(&buffer_used, true, __ATOMIC_ACQUIRE))
        return;
    struct search s = { .address = handler };
    procmaps_scan(PROCMAPS_SELF, buffer, sizeof buffer, look, &s);
    if (s.found) {
        __atomic_store_n(&owned, handler, __ATOMIC_RELEASE);
    } else {
        unsigned n = __atomic_fetch_add(&next_other, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&others[n % OTHERS], handler, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&buffer_used, false, __ATOMIC_RELEASE);
}

bool jvm_owns(uintptr_t handler)
{
    return __atomic_load_n(&owned, __ATOMIC_ACQUIRE) == handler;
}
