/*
 * records: see records.h.
 *
 * Users may give records names of their own (MAPHERD_DIR=/DIR/NAME), so a record is known by its
 * first bytes.
 */
#define _GNU_SOURCE
#include "command/leaks/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/leaks/record_find.h"
#include "command/lib/enough.h"
#include "command/lib/verb.h"

static bool begins_like_one(const char *path)
{
    char magic[sizeof MAPHERD_RECORD_MAGIC - 1];
    int fd = record_open(path, O_RDONLY | O_NOFOLLOW);
    bool is = fd >= 0 && pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
              memcmp(magic, MAPHERD_RECORD_MAGIC, sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

bool records_each(const char *folder, records_take *take, void *context)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        complain("%s: %s", folder, strerror(errno));
        return false;
    }
    for (int i = 0; i < n; i++) {
        char *path;
        const char *why;
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            path = enough(NULL);
        struct record *r = begins_like_one(path) ? record_read(path, &why) : NULL;
        if (r)
            take(path, r, context);
        record_free(r);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* A MAPHERD_DIR may have a name with % in it behind the folder. */
static void folder_of(const char *dir, char *folder, size_t size)
{
    snprintf(folder, size, "%s", dir);
    char *slash = strrchr(folder, '/');
    if (strchr(folder, '%') && slash != folder)
        *slash = '\0';
}

void records_each_usual(records_take *take, void *context)
{
    static const char usual[] = "/dev/shm";
    char folder[4096] = "";
    const char *chosen = getenv("MAPHERD_DIR");
    if (chosen && chosen[0] == '/')
        folder_of(chosen, folder, sizeof folder);
    if (*folder && strcmp(folder, usual) != 0)
        records_each(folder, take, context);
    records_each(usual, take, context);
}
