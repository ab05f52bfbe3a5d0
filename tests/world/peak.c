/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes down the largest number of VMAs that any other process of this PID namespace has had:
 *
 *   peak FILE
 *
 * Each round counts the lines of every /proc/PID/maps, and FILE gets the number when it is a new peak. A process
 * that lives for less than a round may be missed: the number is for a reader, and no test asserts it.
 * It runs until it is killed.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUND_NS 5000000

/* The lines of the file; 0 of one that cannot be read, as that of a process that has just ended. */
static unsigned count_lines(const char *path)
{
    static char text[1 << 16];
    unsigned lines = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while ((got = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < got; i++)
            lines += text[i] == '\n';
    close(fd);
    return lines;
}

static unsigned largest(unsigned peak)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    if (!processes)
        return peak;
    while ((entry = readdir(processes))) {
        char path[300];
        unsigned lines;
        if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%s/maps", entry->d_name);
        lines = count_lines(path);
        if (lines > peak)
            peak = lines;
    }
    closedir(processes);
    return peak;
}

int main(int argc, char **argv)
{
    unsigned peak = 0;
    int out = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (out < 0) {
        fprintf(stderr, "usage: peak FILE, which can be written\n");
        return 2;
    }
    for (;;) {
        unsigned now = largest(peak);
        char text[16];
        int length = snprintf(text, sizeof text, "%u\n", now);
        if (now > peak && pwrite(out, text, (size_t)length, 0) != length)
            return 1;
        peak = now;
        nanosleep(&(struct timespec){ .tv_nsec = ROUND_NS }, NULL);
    }
}
