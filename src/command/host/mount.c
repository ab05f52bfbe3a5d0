/*
 * mount: a reader of /proc/self/mountinfo (proc_pid_mountinfo(5)).
 */
#define _GNU_SOURCE
#include "command/host/mount.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spaces, tabs, newlines and backslashes stand there as \040 and the like. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        bool escaped = from[0] == '\\' && strspn(from + 1, "01234567") >= 3;
        *to = escaped ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
        from += escaped ? 4 : 1;
    }
    *to = '\0';
}

static bool is_below(const char *folder, const char *point)
{
    size_t len = strlen(point);
    return strncmp(folder, point, len) == 0 &&
           (folder[len] == '/' || folder[len] == '\0' || strcmp(point, "/") == 0);
}

void mount_type(const char *folder, char *type, size_t size)
{
    char real[PATH_MAX], *line = NULL;
    size_t room = 0, longest = 0;
    snprintf(type, size, "unknown");
    FILE *list = fopen("/proc/self/mountinfo", "re");
    if (!list || !realpath(folder, real)) {
        if (list)
            fclose(list);
        return;
    }
    while (getline(&line, &room, list) > 0) {
        char *point, *rest = strstr(line, " - ");
        if (!rest || sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1)
            continue;
        unescape(point);
        /* The last of equals lies over the others. */
        if (is_below(real, point) && strlen(point) >= longest) {
            longest = strlen(point);
            snprintf(type, size, "%.*s", (int)strcspn(rest + 3, " \n"), rest + 3);
        }
        free(point);
    }
    free(line);
    fclose(list);
}
