/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd ps: the processes of the machine, nearest to their limit first.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command/watch/processes.h"

#define WIDE 10000 /* no terminal: nothing is cut */

static size_t columns(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
               ? size.ws_col
               : WIDE;
}

static void print_padded(const char *text, size_t width)
{
    printf("%*s", (int)(strlen(text) < width ? width - strlen(text) : 0) + 1, "");
}

static void print_name(const char *text, size_t width)
{
    print_text(stdout, text);
    print_padded(text, width);
}

/* The end of a path tells more than its beginning. */
static void print_most(const struct held_row *most, size_t room)
{
    char number[64];
    snprintf(number, sizeof number, " (%s)", grouped(most->maps));
    size_t len = strlen(most->what), rest = strlen(number);
    if (len + rest > room && room > rest + 3) {
        fputs("...", stdout);
        print_text(stdout, most->what + len - (room - rest - 3));
    } else {
        print_text(stdout, most->what);
    }
    fputs(number, stdout);
}

static void print_row(const struct process *one, size_t width, bool cold)
{
    const struct target *t = &one->target;
    char growth[32] = "-", share[16] = "-";
    long a_minute;
    if (process_pace(one, &a_minute))
        snprintf(growth, sizeof growth, "%s%s", a_minute > 0 ? "+" : "", grouped(a_minute));
    if (t->limit > 0)
        snprintf(share, sizeof share, "%ld %%", target_share(t));
    int before = printf("%7d ", (int)t->pid);
    print_name(one->user, 8);
    print_name(t->name, 15);
    before += (int)(strlen(one->user) > 8 ? strlen(one->user) : 8) + 1;
    before += (int)(strlen(t->name) > 15 ? strlen(t->name) : 15) + 1;
    before += printf("%9s %6s %8s %-8s %-7s", grouped(t->maps), share, growth, target_pressure(t),
                     process_reached(one));
    if (cold)
        before += printf(" %9s", one->told ? grouped((long long)one->block.cold) : "-");
    if (one->most.maps && width > (size_t)before + 12) {
        putchar(' ');
        print_most(&one->most, width - (size_t)before - 1);
    }
    putchar('\n');
}

static void print_unreadable(const struct processes *p)
{
    if (p->unreadable)
        printf("%s process%s could not be read; that takes their user or CAP_SYS_PTRACE\n",
               grouped(p->unreadable), p->unreadable == 1 ? "" : "es");
}

static void print_all(const struct processes *p, size_t most)
{
    size_t width = columns();
    bool cold = processes_have_cold(p);
    if (p->n && p->at[0].target.limit > 0)
        printf("Each process may have %s maps (vm.max_map_count).\n",
               grouped(p->at[0].target.limit));
    printf("%7s %-8s %-15s %9s %6s %8s %-8s %-7s%s most are of\n", "PID", "user", "program", "maps",
           "share", "a minute", "pressure", "reached", cold ? "      cold" : "");
    for (size_t i = 0; i < p->n && i < most; i++)
        print_row(&p->at[i], width, cold);
    if (p->n > most)
        printf("%s more have fewer.\n", grouped((long long)(p->n - most)));
    print_unreadable(p);
}

static int ps(int argc, char **argv)
{
    bool json = false;
    const char *most = NULL;
    const struct flag flags[] = {
        { "json", &json, NULL },
        { "n", NULL, &most },
        { NULL, NULL, NULL },
    };
    struct processes p = { 0 };
    if (verb_args(&verb_ps, flags, argc, argv) > 0)
        return misused(&verb_ps, "'%s' is one word too many; 'mapherd stat' shows one process",
                       argv[0]);
    long n = most ? verb_number(&verb_ps, "-n", most, 0, LONG_MAX) : LONG_MAX;
    processes_read(&p, true);
    if (!p.n && !p.unreadable) {
        complain("/proc shows no process; is it mounted?");
        return FAILED;
    }
    (json ? processes_json : print_all)(&p, (size_t)n);
    return DONE;
}

const struct verb verb_ps = {
    .name = "ps",
    .synopsis = "[-n N] [--json]",
    .summary = "show which processes of this machine are nearest to their limit",
    .help =
        "All that may be read, with the library in them or without. 'a minute' is how many maps a\n"
        "process gains, where the library is in it; 'reached' is how it is there: 'sites', by system\n"
        "calls of libc or of Go code too, 'symbols', by libc's functions alone, or 'passive'; 'never' is a\n"
        "program that it cannot get into; 'cold', where a process has any, is how many of its mappings\n"
        "are cold, which take no map (MAPHERD_COLD). Each list of maps is read once; before Linux 6.18\n"
        "a process that maps memory waits while its own is read, for milliseconds if it is long.\n\n"
        "  -n N    show the first N only\n"
        "  --json  one JSON object\n",
    .run = ps,
};
