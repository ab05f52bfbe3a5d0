/*
 * traced: see traced.h.
 */
#define _GNU_SOURCE
#include "entry/traced.h"

#include <linux/mman.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "entry/call.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "kernel/sys.h"
#include "trace/leaks.h"
#include "trace/record.h"

/* The gate comes first: it notices a fork that ran no handlers, after which the record is the
 * parent's. */
static bool is_recorded(void)
{
    if (!gate_open())
        return false;
    leaks_set(record_before());
    return leaks_on();
}

long traced_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    struct map_request q;
    uintptr_t end;
    if (!is_recorded())
        return engine_mmap(addr, len, prot, flags, fd, offset);
    request_start(&q, addr, len, prot, flags, fd, (uint64_t)offset);
    bool over =
        (flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE) && call_is_valid(addr, len, &end);
    ledger_chain chain = over ? leaks_leave(addr, end) : 0;
    long answer = engine_map(&q);
    if (sys_failed(answer)) {
        if (chain)
            leaks_stay(chain, addr, end - addr, addr, end - addr);
        return answer;
    }
    leaks_left(chain);
    leaks_mapped((uintptr_t)answer, len, &q);
    return answer;
}

long traced_munmap(uintptr_t addr, size_t len)
{
    uintptr_t end;
    if (!is_recorded() || !call_is_valid(addr, len, &end))
        return engine_munmap(addr, len);
    ledger_chain chain = leaks_leave(addr, end);
    long answer = engine_munmap(addr, len);
    if (answer < 0)
        leaks_stay(chain, addr, end - addr, addr, end - addr);
    else
        leaks_left(chain);
    return answer;
}

long traced_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    uintptr_t end = 0, to_end;
    if (!is_recorded())
        return engine_mremap(addr, old_len, new_len, flags, to);
    ledger_chain chain = old_len && call_is_valid(addr, old_len, &end) ? leaks_leave(addr, end) : 0;
    ledger_chain over = 0;
    if ((flags & MREMAP_FIXED) && call_is_valid(to, new_len, &to_end))
        over = leaks_leave(to, to_end);
    long answer = engine_mremap(addr, old_len, new_len, flags, to);
    bool left = !sys_failed(answer) && !(flags & MREMAP_DONTUNMAP);
    if (chain)
        leaks_stay(chain, addr, end - addr, left ? (uintptr_t)answer : addr,
                   left ? page_up(new_len) : end - addr);
    if (sys_failed(answer)) {
        if (over)
            leaks_stay(over, to, to_end - to, to, to_end - to);
        return answer;
    }
    leaks_left(over);
    if (!old_len || !left)
        leaks_copied((uintptr_t)answer, new_len, old_len ? 0 : addr);
    return answer;
}
