/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* The differential driver's frame: arguments, chance, transcript, and which step comes next. */
#define _GNU_SOURCE
#include "driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

size_t page;
unsigned long step_now;
bool chunky;
struct differences differs;
bool alone;
bool look_each_step;

/* Chance: splitmix64. */
static uint64_t state;

static uint64_t draw(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

unsigned pick(unsigned n)
{
    return (unsigned)((draw() >> 16) % n);
}

bool percent(unsigned share)
{
    return pick(100) < share;
}

/* The transcript. No stdio: its buffers come from malloc, which maps. */
static char text[1 << 16];
static size_t text_len;

void say_flush(void)
{
    for (size_t done = 0; done < text_len;) {
        ssize_t n = write(1, text + done, text_len - done);
        if (n <= 0)
            _exit(4);
        done += (size_t)n;
    }
    text_len = 0;
}

void say(const char *format, ...)
{
    if (text_len > sizeof text - 1024)
        say_flush();
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text + text_len, sizeof text - text_len, format, args);
    va_end(args);
    if (n > 0)
        text_len += (size_t)n;
}

void say_bits(unsigned long value, const struct bit_name *names)
{
    const char *between = "";
    for (; names->name; names++) {
        if (value & names->bit) {
            say("%s%s", between, names->name);
            between = "|";
            value &= ~names->bit;
        }
    }
    if (value || !*between)
        say("%s%#lx", between, value);
}

void say_result(bool failed)
{
    int error = errno;
    if (failed)
        say(" = %s\n", strerrorname_np(error) ? strerrorname_np(error) : "?");
    else if (error != ERRNO_MARK)
        say(" = ok, but errno is now %d\n", error);
    else
        say(" = ok\n");
}

/* What comes, and how often. */
struct kind {
    unsigned weight;
    void (*step)(void);
};
static const struct kind hooked[] = {
    { 400, step_mmap },         { 40, step_mmap_and_close },
    { 60, step_stack },         { 110, step_munmap },
    { 110, step_mremap },       { 90, step_mprotect },
    { 90, step_madvise },       { 15, step_msync },
    { 20, step_posix_madvise }, { 50, step_lock },
    { 90, step_store },         { 25, step_open },
    { 20, step_close },         { 35, step_truncate },
    { 25, step_write },         { 15, step_flock },
    { 10, step_mincore },       { 8, step_shmat },
    { 6, step_fork },           { 4, step_replace },
    { 5, step_vfork },          { 1, step_spawn },
    { 5, step_lock_all },       { 4, step_prctl },
    { 2, step_lock_life },      { 6, step_sync },
};
static const struct kind unseen[] = {
    { 30, step_remap_file_pages }, { 30, step_mbind }, { 10, step_name }, { 20, step_copy },
    { 30, step_userfaultfd },
};
/* The last kinds are the parent's: a child would fork again, lock everything, replace a file that
 * the parent still knows by its old name, leave it a lock that the parent has not seen, or speak to
 * a userfaultfd, which is one of the parent's memory. */
enum {
    HOOKED = sizeof hooked / sizeof hooked[0],
    HOOKED_OF_A_CHILD = HOOKED - 8,
    UNSEEN = sizeof unseen / sizeof unseen[0],
    UNSEEN_OF_A_CHILD = UNSEEN - 1,
    UNSEEN_SHARE = 12, /* of a hundred steps, where there are any */
};

static void one_of(const struct kind *kinds, size_t count)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += kinds[i].weight;
    unsigned at = pick(total);
    size_t i = 0;
    while (at >= kinds[i].weight)
        at -= kinds[i++].weight;
    kinds[i].step();
}

/* So many steps were made in the process itself, and in so many no hook was passed. */
static unsigned long steps_made, steps_unseen;

static void one_step(bool child)
{
    ways_choose();
    say("%s", way->name);
    if (ways_unseen() && percent(UNSEEN_SHARE)) {
        ways_no_hook();
        one_of(unseen, child ? UNSEEN_OF_A_CHILD : UNSEEN);
    } else {
        one_of(hooked, child ? HOOKED_OF_A_CHILD : HOOKED);
    }
    steps_made++;
    steps_unseen += no_hook;
    watch_look();
}

void steps_of_child(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        say("%lu.%u ", step_now, i);
        one_step(true);
    }
}

/* "3,17-20": is n in it? NULL is everything. */
static bool listed(const char *list, unsigned long n)
{
    if (!list)
        return true;
    while (*list) {
        char *end;
        unsigned long from = strtoul(list, &end, 10), to = from;
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        if (n >= from && n <= to)
            return true;
        if (*end != ',')
            return false;
        list = end + 1;
    }
    return false;
}

static struct differences read_differences(const char *list)
{
    return (struct differences){ .guards = strstr(list, "guards"),
                                 .retained = strstr(list, "retained"),
                                 .opens = strstr(list, "opens"),
                                 .cold = strstr(list, "cold") };
}

/* A run that the library slept through proves nothing. */
static void demand_herding(unsigned long least)
{
    const struct mapherd_status *s = mapherd_status ? mapherd_status() : NULL;
    if (s && s->state == MAPHERD_HERDING && s->calls >= least) {
        say("# did: %llu guards, %llu chunks inside a filled window, %llu cold, %llu warm again\n",
            (unsigned long long)s->guards, (unsigned long long)s->filled,
            (unsigned long long)s->cooled, (unsigned long long)s->warmed);
        return;
    }
    fprintf(stderr, "diff-driver: the library did not herd: state %d, %llu calls of %lu\n",
            s ? (int)s->state : -1, s ? (unsigned long long)s->calls : 0ull, least);
    exit(5);
}

int main(int argc, char **argv)
{
    const char *folder = NULL, *only = NULL;
    unsigned long seed = 0, count = 1000, every = 100;
    unsigned long unseen_share = 0, past_share = 0;
    bool herded = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--herded")) {
            herded = true;
            continue;
        }
        if (!strcmp(argv[i], "--alone")) {
            alone = true;
            continue;
        }
        if (!strcmp(argv[i], "--seed"))
            seed = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--steps"))
            count = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--look"))
            every = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--unseen"))
            unseen_share = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--past"))
            past_share = strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--only"))
            only = value;
        else if (!strcmp(argv[i], "--differs"))
            differs = read_differences(value);
        else if (!strcmp(argv[i], "--dir"))
            folder = value;
        else
            break;
        i++;
    }
    if (!folder || !every) {
        fputs(
            "usage: diff-driver --dir FOLDER --seed N [--steps N] [--look EVERY]"
            " [--unseen SHARE] [--past SHARE] [--only 3,17-20] [--differs guards,retained,opens,cold] [--herded | --alone]\n",
            stderr);
        return 2;
    }
    page = (size_t)sysconf(_SC_PAGESIZE);
    look_each_step = every == 1;
    chunky = differs.retained ? seed % 4 != 0 : seed % 2; /* windows are filled where chunks meet */
    prctl(PR_SET_THP_DISABLE, 1L, 0L, 0L, 0L); /* what is resident must not depend on neighbours */
    ways_start((unsigned)unseen_share, (unsigned)past_share);
    handles_start();
    look_start();
    files_start(folder);
    watch_start(folder);
    if (ways_unseen())
        unseen_start();
    for (step_now = 1; step_now <= count; step_now++) {
        if (!listed(only, step_now))
            continue;
        state = seed * 1000003 + step_now;
        say("%lu ", step_now);
        one_step(false);
        if (step_now % every == 0 || step_now == count)
            look_everywhere();
    }
    handles_end();
    look_at_the_rest();
    say("# made: %lu steps, %lu unseen\n", steps_made, steps_unseen);
    say_flush();
    if (herded)
        demand_herding(steps_made / 20);
    say_flush();
    return 0;
}
