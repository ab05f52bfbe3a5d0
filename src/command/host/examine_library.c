/*
 * examine_library: starts a copy of this command under the library and asks it.
 */
#define _GNU_SOURCE
#include "command/host/examine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/host/locate.h"

/* What `mapherd library --loaded` says under the library: one word, or "". */
static void ask_copy(const char *library, char *word, size_t size)
{
    int ends[2];
    ssize_t got = 0;
    word[0] = '\0';
    fflush(stdout); /* else the copy would write our line once more */
    if (pipe(ends) != 0)
        return;
    pid_t copy = fork();
    if (copy == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("LD_PRELOAD", library, 1);
        execl("/proc/self/exe", "mapherd", "library", "--loaded", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (copy > 0) {
        got = read(ends[0], word, size - 1);
        waitpid(copy, NULL, 0);
    }
    close(ends[0]);
    word[got > 0 ? got : 0] = '\0';
    word[strcspn(word, "\n")] = '\0';
}

void examine_library(struct findings *f, char *path, size_t size)
{
    char word[32];
    const char *missing = locate_library(path, size);
    if (missing) {
        path[0] = '\0';
        finding(f, PROBLEM, "library", "install mapherd whole, or set MAPHERD_LIBRARY", "%s",
                missing);
        return;
    }
    ask_copy(path, word, sizeof word);
    if (strcmp(word, "herding") == 0 || strcmp(word, "observing") == 0)
        finding(f, OK, "library", NULL, "%s gets into a program and is %s", path, word);
    else if (strcmp(word, "passive") == 0)
        finding(f, NOTE, "library", "look at MAPHERD_ONLY and MAPHERD_SKIP, and at stderr",
                "%s gets into a program and does nothing there", path);
    else
        finding(f, PROBLEM, "library", "LD_PRELOAD=$(mapherd library) /bin/true shows why",
                "%s does not get into a program", path);
}
