/*
 * jitmap: see jitmap.h.
 *
 * Any user can make a file of that name in /tmp. So its owner is checked, and its text is not
 * trusted.
 */
#define _GNU_SOURCE
#include "command/leaks/jitmap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"

#define BYTES_MOST (1u << 28)

struct code {
    uint64_t start, size;
    size_t turn; /* its line: where two have one place, the later one is there */
    const char *name;
};

struct jitmap {
    char *text;
    struct code *at;
    size_t n, room;
};

static int by_start(const void *left, const void *right)
{
    const struct code *a = left, *b = right;
    return a->start != b->start ? (a->start < b->start ? -1 : 1)
                                : (a->turn > b->turn) - (a->turn < b->turn);
}

static void take_line(struct jitmap *j, char *line)
{
    char *behind, *name;
    uint64_t start = strtoull(line, &behind, 16);
    if (behind == line || *behind != ' ')
        return;
    uint64_t size = strtoull(behind, &name, 16);
    if (name == behind || *name != ' ' || size == 0)
        return;
    j->at = enough_room(j->at, j->n, &j->room, sizeof *j->at);
    j->at[j->n] = (struct code){ start, size, j->n, name + 1 };
    j->n++;
}

static char *read_text(int fd, size_t size)
{
    char *text = enough(malloc(size + 1));
    size_t done = 0;
    for (ssize_t got; done < size && (got = read(fd, text + done, size - done)) > 0;)
        done += (size_t)got;
    text[done] = '\0';
    return text;
}

struct jitmap *jitmap_read(const char *path, uid_t owner, int64_t since_s)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_uid != owner && st.st_uid != 0) ||
        st.st_mtim.tv_sec < since_s) {
        close(fd);
        return NULL;
    }
    struct jitmap *j = enough(calloc(1, sizeof *j));
    j->text = read_text(fd, st.st_size < BYTES_MOST ? (size_t)st.st_size : BYTES_MOST);
    close(fd);
    char *rest = j->text;
    for (char *line; (line = strsep(&rest, "\n"));)
        take_line(j, line);
    if (j->n)
        qsort(j->at, j->n, sizeof *j->at, by_start);
    return j;
}

void jitmap_free(struct jitmap *j)
{
    if (!j)
        return;
    free(j->text);
    free(j->at);
    free(j);
}

const char *jitmap_find(const struct jitmap *j, uint64_t address)
{
    size_t low = j ? sorted_until(j->at, j->n, sizeof *j->at, address) : 0;
    return low && address - j->at[low - 1].start < j->at[low - 1].size ? j->at[low - 1].name : NULL;
}
