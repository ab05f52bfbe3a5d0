/*
 * reserve: who is refused, and with which words.
 */
#define _GNU_SOURCE
#include "policy/reserve.h"

#include <errno.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "model/count.h"
#include "model/model.h"
#include "model/pressure.h"

#define COLLECT_EVERY_MS 3000
/* A collection has helped, too, if so many file maps were granted since, out of what it gave back. */
#define HELPED 32
#define LOG_EVERY_MS 60000

static struct lock turn;
static struct {
    long thread;        /* that was told to collect and may try again */
    uint64_t told_ms;   /* when; 0: nobody yet */
    unsigned relieved;  /* pressure_relieved() then */
    unsigned granted;   /* since */
} last;

void reserve_after_fork(void)
{
    lock_reset(&turn);
}

static long refusal(uint64_t now)
{
    long self = sys_gettid();
    bool helped = last.relieved != pressure_relieved() || last.granted >= HELPED;
    if (last.told_ms && self == last.thread && !helped && now - last.told_ms < COLLECT_EVERY_MS) {
        last.thread = 0;
        return -ENOMEM;
    }
    if (last.told_ms && !helped && now - last.told_ms < COLLECT_EVERY_MS)
        return -EAGAIN;
    last.thread = self;
    last.told_ms = now;
    last.relieved = pressure_relieved();
    last.granted = 0;
    return -ENOMEM;
}

long reserve_answer(size_t len)
{
    static struct log_limit often;
    unsigned more;
    count_before_file();
    if (!count_refuses_files()) {
        if (pressure_actions().refuse)
            __atomic_fetch_add(&last.granted, 1, __ATOMIC_RELAXED);
        return 0;
    }
    /* Only a JVM takes ENOMEM for an order to collect; others get the kernel's word always. */
    long answer = -ENOMEM;
    if (count_saw_jvm()) {
        if (!lock_take(&turn))
            return -EAGAIN;
        answer = refusal(sys_now_ms() + 1);
        lock_drop(&turn);
    }
    STATUS_ADD(refused, 1);
    if (log_allowed(&often, LOG_EVERY_MS, &more))
        log_line(LOG_ERROR | LOG_ABOUT_REFUSAL, "refused to map %zu bytes of a file: the last maps below "
                 "vm.max_map_count are kept for stacks, guard pages and allocators "
                 "(MAPHERD_RESERVE); refused since the last such line: %u", len, more);
    return answer;
}
