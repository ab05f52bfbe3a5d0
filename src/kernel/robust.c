/*
 * robust: see robust.h.
 */
#define _GNU_SOURCE
#include "kernel/robust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>

#include "common/fmt.h"
#include "kernel/sys.h"

/* The lowest bit of an entry says that the mutex is one with priority inheritance. */
#define ENTRY(p) ((uintptr_t)(p) & ~(uintptr_t)1)

static long walk(int tid, void (*found)(uintptr_t addr, void *context), void *context)
{
    struct robust_list_head *at, head;
    struct robust_list *next;
    long answer = sys_get_robust_list(tid, &at);
    if (answer < 0)
        return answer == -ESRCH ? 0 : answer; /* the thread has ended */
    /* A thread that ends meanwhile may have no memory any more. Else the kernel does not copy what
     * cannot be read, and that is in the list of nobody. */
    if (!at || !sys_copy_own(&head, at, sizeof head))
        return 0;
    const uintptr_t end = (uintptr_t)&at->list, futex = (uintptr_t)head.futex_offset;
    if (head.list_op_pending) {
        found(ENTRY(head.list_op_pending), context);
        found(ENTRY(head.list_op_pending) + futex, context);
    }
    next = head.list.next;
    for (int n = 0; n < ROBUST_LIST_LIMIT && ENTRY(next) != end; n++) {
        found(ENTRY(next), context);
        found(ENTRY(next) + futex, context);
        if (!sys_copy_own(&next, (const void *)ENTRY(next), sizeof next))
            break;
    }
    return 0;
}

long robust_each(void (*found)(uintptr_t addr, void *context), void *context)
{
    char entries[2048] __attribute__((aligned(16)));
    long answer = 0, got = 0, folder;
    if (!sys_copy_own(entries, &context, sizeof context))
        return -EPERM; /* a filter */
    folder = sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0)
        return folder;
    while (answer == 0 && (got = sys_getdents((int)folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < got && answer == 0;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            const char *name = entry->d_name;
            uint64_t tid;
            at += entry->d_reclen;
            if (fmt_read_u64(&name, &tid))
                answer = walk((int)tid, found, context);
        }
    }
    sys_close((int)folder);
    return answer < 0 ? answer : got < 0 ? got : 0;
}
