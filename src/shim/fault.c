/*
 * fault: the order of things when a page of a file cannot be had.
 *
 * Explained, then treated by MAPHERD_SIGBUS: what is for lack of space goes to the spill file,
 * whoever has a handler; about the rest the program's own handler decides, and where there is none
 * the part reads as zeros. I/O errors and broken memory are never papered over unless asked.
 */
#define _GNU_SOURCE
#include "shim/fault.h"

#include <errno.h>
#include <stdint.h>

#include "base/log.h"
#include "base/options.h"
#include "base/reason.h"
#include "base/rules.h"
#include "base/sys.h"
#include "model/covers.h"
#include "model/model.h"
#include "policy/faults.h"
#include "policy/spill.h"
#include "policy/zeros.h"
#include "shim/gate.h"

enum word { AUTO, CONVERT, REPORT, OFF };
#define WORDS "auto|convert|report|off"

/* Both of one fault at a time: cover lock held. */
static struct fault fault;
static struct log_room spill_room;

static enum word word_for(const char *path)
{
    int word = rules_choose(options.sigbus, path, WORDS);
    return options.mode == MODE_OBSERVE && word != OFF ? REPORT : (enum word)word;
}

/*
 * The page may be there now: another thread has switched it, space has returned, the file has
 * grown. A kernel that says so and faults all the same must not be asked for ever.
 */
static bool try_again(uintptr_t page, bool store)
{
    enum { TRIES = 4 };
    static struct {
        uintptr_t page;
        long thread;
        unsigned tries;
    } last;
    long thread = sys_gettid();
    if (last.page != page || last.thread != thread)
        last.tries = 0;
    last.page = page;
    last.thread = thread;
    return last.tries++ < TRIES && faults_works_now(page, store);
}

static bool for_want_of_space(void)
{
    return fault.store && fault.page.shared &&
           (fault.cause == FAULT_NO_SPACE || fault.cause == FAULT_OVER_QUOTA);
}

static enum fault_answer mended(long answer, const void *context, bool lost, const char *done)
{
    if (answer != -EAGAIN)
        faults_report(&fault, context, lost, done);
    return FAULT_MENDED;
}

static enum fault_answer give_zeros(const void *context)
{
    long answer = zeros_lay(&fault.page);
    if (answer == 0)
        STATUS_ADD(converted, 1);
    if (answer == 0 || answer == -EAGAIN)
        return mended(answer, context, true,
                      "it reads as zeros until the file has it again, what is stored there is lost, "
                      "and msync says so");
    faults_report(&fault, context, true, "and no zeros could be mapped in its place");
    return FAULT_NOT_OURS;
}

/* Nothing is done here: the report, and what msync is to say where more than a report was asked for. */
static enum fault_answer hand_on(const void *context, bool lost, const char *done)
{
    if (for_want_of_space() && word_for(fault.page.path) != REPORT)
        zeros_owe(&fault.page);
    faults_report(&fault, context, lost, done);
    return FAULT_NOT_OURS;
}

static enum fault_answer leave_to(enum fault_owner owner, const void *context)
{
    return owner == OWNER_NOBODY
               ? hand_on(context, true, "the program dies of it, as it would have without mapherd")
               : hand_on(context, false, "the program's own handler decides");
}

static const char *why_not_spilled(long error)
{
    switch (error) {
    case EFBIG:
        return "MAPHERD_SPILL_MAX is reached, or the limit on the size of files (ulimit -f)";
    case ENOSPC:
    case EDQUOT:
        return "there is no space either; MAPHERD_SPILL_DIR names another folder";
    case EOPNOTSUPP:
        return "its filesystem cannot allocate space in advance; MAPHERD_SPILL_DIR names another folder";
    default:
        return reason_of(error);
    }
}

static enum fault_answer treat(const void *context, enum fault_owner owner, enum word word)
{
    long answer;
    if (for_want_of_space() && (word == CONVERT || !fault.memory_file)) {
        answer = spill_store(&fault.page, log_name());
        if (answer == 0 || answer == -EAGAIN)
            return mended(answer, context, false,
                          "what is stored there is kept in the spill file until there is, and msync says so");
        log_line_in(&spill_room, LOG_ERROR | LOG_ABOUT_SPILL, "what does not fit on the disk cannot be spilled to %s: %s",
                    spill_path(), why_not_spilled(-answer));
    }
    if (word == CONVERT)
        return give_zeros(context);
    if (owner == OWNER_JVM)
        return FAULT_ASK_JVM;
    if (owner == OWNER_NOBODY && fault.cause == FAULT_PAST_END)
        return give_zeros(context);
    return leave_to(owner, context);
}

/*
 * The kernel keeps to itself why a store failed, and where there is space now, that need not have been
 * the disk: space may have returned since, or be on its way (ext4 gives freed blocks out when its
 * journal has them). So the page is asked for, for a moment, until the kernel agrees with what statfs
 * says, or there is no space again.
 */
static bool has_returned(const siginfo_t *info, const void *context)
{
    enum { PATIENCE_MS = 500 };
    uint64_t until = sys_now_ms() + PATIENCE_MS;
    while (fault.store && fault.cause == FAULT_IO_ERROR && sys_readable(fault.page.page)) {
        if (faults_works_now(fault.page.page, true))
            return true;
        if (sys_now_ms() >= until || !faults_explain(&fault, info, context))
            return false;
    }
    return false;
}

static enum fault_answer meet(const siginfo_t *info, const void *context, enum fault_owner owner)
{
    uintptr_t page = page_down((uintptr_t)info->si_addr);
    if (info->si_code == BUS_ADRERR && try_again(page, faults_was_store(context)))
        return FAULT_MENDED;
    if (!faults_explain(&fault, info, context))
        return FAULT_NOT_OURS;
    enum word word = word_for(fault.page.path);
    if (word == OFF)
        return FAULT_NOT_OURS;
    if (has_returned(info, context))
        return FAULT_MENDED;
    STATUS_ADD(faults, 1);
    if (word == REPORT)
        return leave_to(owner, context);
    return treat(context, owner, word);
}

enum fault_answer fault_meet(const siginfo_t *info, void *context, enum fault_owner owner)
{
    gate_open(); /* notices a fork that ran no handlers */
    if (gate_helpless() || model_mine() || !covers_take())
        return FAULT_NOT_OURS;
    enum fault_answer answer = meet(info, context, owner);
    covers_drop();
    return answer;
}

enum fault_answer fault_meet_again(const siginfo_t *info, void *context, bool handled)
{
    enum fault_answer answer = FAULT_NOT_OURS;
    if (!covers_take())
        return answer;
    if (!faults_explain(&fault, info, context))
        ; /* the map is gone meanwhile */
    else if (handled)
        hand_on(context, false, "HotSpot throws an InternalError for it");
    else if (fault.cause == FAULT_PAST_END || for_want_of_space())
        answer = give_zeros(context);
    else
        hand_on(context, true, "HotSpot dies of it, as it would have without mapherd");
    covers_drop();
    return answer;
}
