/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* Who watches the folder is told that a file was closed by its writer: when the last descriptor and
 * the last map of that open file are gone. */
#define _GNU_SOURCE
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static int watch = -1;

void watch_start(const char *folder)
{
    watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch < 0 || inotify_add_watch(watch, folder, IN_CLOSE_WRITE) < 0) {
        perror("diff-driver: cannot watch the folder");
        exit(6);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What was closed since the last look. The kernel tells it within the call that closes; in which
 * order, where one call closes several, the layout decides. */
void watch_look(void)
{
    enum { MOST = 64, NAME = 16 };
    static char names[MOST][NAME];
    static _Alignas(struct inotify_event) char events[1 << 14];
    size_t count = 0;
    ssize_t len;
    while ((len = read(watch, events, sizeof events)) > 0) {
        for (const char *at = events; at < events + len;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            if (event->mask & IN_CLOSE_WRITE && count < MOST)
                snprintf(names[count++], NAME, "%s", event->name);
            at += sizeof *event + event->len;
        }
    }
    if (!count || differs.opens)
        return;
    qsort(names, count, NAME, by_name);
    say("= closed");
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(names[i], names[i - 1]) != 0)
            say(" %s", names[i]);
    say("\n");
}
