/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fault: see fault.h.
 *
 * A fault is explained (disk/faults.h), and then treated as MAPHERD_SIGBUS says. A store for which
 * the disk has no space goes to the spill file, whether the program has a handler or not.
 * Everything else ends as it would without the library: in the program's handler, or with the end
 * of the process. Zeros are given only where the user has asked for them, and only for a part that
 * the file lacks.
 *
 * The log line is written where it is decided what happens, and signals.c does what it says.
 */
#define _GNU_SOURCE
#include "entry/fault.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "common/words.h"
#include "disk/faults.h"
#include "disk/overlays.h"
#include "disk/spill.h"
#include "disk/watch.h"
#include "disk/zeros.h"
#include "entry/gate.h"
#include "kernel/aside.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "space/model.h"
#include "tell/holders.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

enum word { AUTO, CONVERT, REPORT, OFF, SPILL };

#define REMEMBERED_MS 1000

/* Of one fault at a time: the overlay lock is held. */
static struct fault fault;
static char unspilled[400]; /* a clause: why the page is not spilled; or "" */
static struct {
    const siginfo_t *info;
    const void *context;
    enum fault_owner owner;
    bool mended;
} now;

static enum word word_for(const char *path)
{
    int word = rules_choose(options.sigbus, path, SIGBUS_WORDS);
    return options.mode == MODE_OBSERVE && word != OFF ? REPORT : (enum word)word;
}

/*
 * Limits how often one instruction is tried again. Two cases would never end: a kernel that says
 * that the page is there and faults all the same, and a thread that waits for a call which it has
 * itself interrupted.
 */
static bool may_try_again(uintptr_t page)
{
    enum { TRIES = 100 };
    static struct {
        uintptr_t page;
        long thread;
        unsigned tries;
        uint64_t until_ms;
    } last;
    long thread = sys_gettid();
    uint64_t now_ms = sys_now_ms();
    if (last.page != page || last.thread != thread || now_ms >= last.until_ms)
        last.tries = 0;
    last.page = page;
    last.thread = thread;
    last.until_ms = now_ms + REMEMBERED_MS;
    return last.tries++ < TRIES;
}

/* The page may be there now: another thread has laid an overlay, space has returned, or the file
 * has grown. */
static bool works_now(uintptr_t page, bool store)
{
    return faults_works_now(page, store) && may_try_again(page);
}

/* -EAGAIN: another thread is changing the range, or the file has just changed. After a nap the
 * instruction can be tried again. */
static bool is_soon_otherwise(long answer)
{
    enum { NAP_MS = 5 };
    if (answer != -EAGAIN || !may_try_again(fault.page.page))
        return false;
    sys_nap(NAP_MS);
    return true;
}

/*
 * The VMA of the last fault that was left to the program's handler, for a moment. A program that
 * handles SIGBUS itself may fault again and again: then nothing is asked anew, and the log line
 * counts the faults. That is right only for faults that the library does not treat: a load, and a
 * store to a page that cannot be read either, which therefore did not fail for want of space on a
 * disk.
 */
static struct {
    uintptr_t start, end;
    bool store;
    uint64_t until_ms;
} left;

static bool is_known(uintptr_t page, bool store)
{
    return now.owner >= OWNER_PROGRAM && page >= left.start && page < left.end &&
           left.store == store && sys_now_ms() < left.until_ms && !(store && sys_readable(page));
}

/*
 * The last fault for which the program's handler was called. If the same instruction of the same
 * thread faults again and there is no handler any more, the handler has removed itself and
 * returned, as those of crash reporters and of Rust's runtime do: the program is to end by this
 * fault.
 */
static struct {
    uintptr_t address;
    long thread;
} handed;

static bool is_given_up(void)
{
    return now.owner == OWNER_NOBODY && handed.address == (uintptr_t)now.info->si_addr &&
           handed.thread == sys_gettid();
}

static bool for_want_of_space(void)
{
    return fault.store && fault.page.shared &&
           (fault.cause == FAULT_NO_SPACE || fault.cause == FAULT_OVER_QUOTA);
}

/* A page of a memory file is there to be shared: it gets a private copy only where a rule of
 * MAPHERD_SIGBUS names the file. */
static bool may_be_copied(void)
{
    enum word word = word_for(fault.page.path);
    return !fault.memory_file ||
           ((word == CONVERT || word == SPILL) && rules_name(options.sigbus, fault.page.path));
}

static void report(bool lost, const char *done)
{
    faults_report(&fault, now.context, lost, unspilled, done);
}

static bool mended(bool lost, const char *done)
{
    report(lost, done);
    return true;
}

static bool leave_to_owner(enum word word)
{
    const char *cold =
        "the mapping is cold (MAPHERD_COLD) and its file could not be mapped again; the program "
        "dies of it";
    bool ours = fault.page.path_len >= sizeof MEMORY_COLD_PATH - 1 &&
                memcmp(fault.page.path, MEMORY_COLD_PATH, sizeof MEMORY_COLD_PATH - 1) == 0;
    switch (now.owner) {
    case OWNER_NOBODY:
        report(true, ours ? cold
                     : is_given_up()
                         ? "the program's own handler has given it up, and the program dies of it"
                         : "the program dies of it, as it would have without mapherd");
        return false;
    case OWNER_BLOCKED:
        report(true, ours ? cold
                          : "the program blocks SIGBUS, and dies of it, as it would have without "
                            "mapherd");
        return false;
    case OWNER_JVM:
        if (for_want_of_space() && word != REPORT)
            overlays_tell_syncs(&fault.page);
        report(false,
               "HotSpot decides: an InternalError, or its end where it does not know the code");
        break;
    case OWNER_PROGRAM: report(false, "the program's own handler decides"); break;
    }
    handed.address = (uintptr_t)now.info->si_addr;
    handed.thread = sys_gettid();
    left.start = fault.page.map.start;
    left.end = word == CONVERT ? left.start : fault.page.map.end;
    left.store = fault.store;
    left.until_ms = sys_now_ms() + REMEMBERED_MS;
    return false;
}

static bool give_zeros(void)
{
    cold_forgo_file(fault.page.of.dev, fault.page.of.ino);
    long answer = zeros_lay(&fault.page);
    if (is_soon_otherwise(answer))
        return true;
    if (answer != 0)
        return leave_to_owner(CONVERT);
    STATUS_ADD(converted, 1);
    return mended(true,
                  "it reads as zeros until the file has it again, what is stored there is lost, "
                  "and msync says so");
}

static bool treat(enum word word)
{
    if (for_want_of_space() && may_be_copied()) {
        bool alone = word == SPILL || fault.memory_file; /* the user has asked for it */
        fault.page.dies = now.owner < OWNER_PROGRAM;
        cold_forgo_file(fault.page.of.dev, fault.page.of.ino);
        long answer = spill_store(&fault.page, log_name(), alone);
        if (is_soon_otherwise(answer))
            return true;
        if (answer == 0) {
            static char kept[512];
            fmt(kept, sizeof kept,
                "what is stored there is kept in the spill file %s until there is, and msync says so",
                spill_path());
            return mended(false, kept);
        }
        fmt(unspilled, sizeof unspilled, "; it cannot be spilled to %s: %s", spill_path(),
            spill_why(answer));
    }
    if (word == CONVERT && fault.cause == FAULT_PAST_END && may_be_copied())
        return give_zeros();
    return leave_to_owner(word);
}

/*
 * Whether the space for this store has returned. The kernel does not tell why a store failed. Where
 * statfs shows free space, the disk need not have an error: the space may have returned since, or
 * be about to (ext4 gives out freed blocks once its journal has them). So the page is asked for
 * again during half a second, until the kernel gives it, or statfs shows no space. A program that
 * stores to a bad page again and again waits once.
 */
static bool has_returned(void)
{
    enum { TRIES = 50, NAP_MS = 10 };
    static uintptr_t bad_page;
    static uint64_t bad_until_ms;
    uintptr_t page = fault.page.page;
    if (bad_page == page && sys_now_ms() < bad_until_ms)
        return false;
    for (unsigned tries = 0; fault.store && fault.cause == FAULT_IO_ERROR && sys_readable(page);
         tries++) {
        if (faults_works_now(page, true))
            return true;
        if (tries == TRIES) {
            bad_page = page;
            bad_until_ms = sys_now_ms() + REMEMBERED_MS;
        }
        if (tries == TRIES || !faults_explain(&fault, now.info, now.context))
            return false;
        sys_nap(NAP_MS);
    }
    return false;
}

/* MAPHERD_MODE=observe: what the library would try. */
static void say_observed(void)
{
    int rule = rules_choose(options.sigbus, fault.page.path, SIGBUS_WORDS);
    const char *would = NULL;
    if (rule == REPORT || fault.memory_file)
        return;
    if (for_want_of_space() && options_size(options.spill_max) > 0)
        would = "mapherd would try to keep what is stored there in a spill file";
    else if (rule == CONVERT && fault.cause == FAULT_PAST_END)
        would = "it would read as zeros from then on";
    if (would)
        fmt(unspilled, sizeof unspilled, "; MAPHERD_MODE=observe changes nothing, else %s", would);
}

static bool meet(void)
{
    uintptr_t page = page_down((uintptr_t)now.info->si_addr);
    bool store = faults_was_store(now.context);
    if (now.info->si_code == BUS_ADRERR && works_now(page, store))
        return true;
    if (is_known(page, store)) {
        STATUS_ADD(faults, 1);
        faults_count_again();
        return false;
    }
    if (!faults_explain(&fault, now.info, now.context))
        return false;
    enum word word = word_for(fault.page.path);
    if (word == OFF)
        return false;
    if (has_returned())
        return true;
    STATUS_ADD(faults, 1);
    unspilled[0] = '\0';
    if (options.mode == MODE_OBSERVE)
        say_observed();
    return word == REPORT || is_given_up() ? leave_to_owner(REPORT) : treat(word);
}

static void meet_aside(void *unused)
{
    (void)unused;
    now.mended = meet();
}

/* The fault is that of a signal handler, which has interrupted the library in a call that holds the
 * model lock. The file is not known then, and nothing can be spilled. */
static void tell_death_in_call(const siginfo_t *info, enum fault_owner owner)
{
    static struct log_room room;
    static int told; /* the room is for the first thread that dies */
    if (owner < OWNER_PROGRAM && word_for("") != OFF &&
        !__atomic_exchange_n(&told, 1, __ATOMIC_RELAXED))
        log_line_in(&room, LOG_ERROR, EVENT_fault_in_call,
                    "SIGBUS: at address 0x%lx, in a signal handler that has interrupted mapherd in "
                    "a call of the same thread: no page can be kept there; the program dies of it, "
                    "as it would have without mapherd",
                    (unsigned long)(uintptr_t)info->si_addr);
}

bool fault_mended(const siginfo_t *info, const void *context, enum fault_owner owner)
{
    gate_open(); /* notices a fork that ran no handlers */
    if (gate_helpless())
        return false;
    if (model_mine()) {
        tell_death_in_call(info, owner);
        return false;
    }
    if (!overlays_take())
        return false;
    if (gate_helpless()) { /* by now */
        overlays_drop();
        return false;
    }
    now.info = info;
    now.context = context;
    now.owner = owner;
    aside_call(meet_aside, NULL, &((const ucontext_t *)context)->uc_stack);
    bool mended = now.mended;
    overlays_drop();
    return mended;
}

static void look_aside(void *unused)
{
    (void)unused;
    zeros_look();
}

/* Where a hook on this thread holds the model lock, the zeros are looked at when it ends. */
bool fault_file_changed(const siginfo_t *info, const void *context)
{
    if (!watch_signal(info))
        return false;
    if (gate_helpless() || !gate_is_ours())
        return true;
    if (overlays_take()) {
        aside_call(look_aside, NULL, &((const ucontext_t *)context)->uc_stack);
        overlays_drop();
    } else {
        watch_missed(info);
    }
    return true;
}
