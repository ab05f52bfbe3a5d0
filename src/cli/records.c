/*
 * records: the record files of a folder.
 *
 * Users may give them names of their own (MAPHERD_DIR=/DIR/NAME), so a record is what begins like one.
 */
#define _GNU_SOURCE
#include "cli/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/enough.h"
#include "cli/record_find.h"
#include "cli/verb.h"

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

bool records_each(const char *folder, void (*each)(const char *path, const struct record *r,
                                                   void *context), void *context)
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
            each(path, r, context);
        record_free(r);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

const char *records_folder(const char *dir)
{
    static char folder[4096];
    snprintf(folder, sizeof folder, "%s", dir);
    if (strchr(folder, '%') && strrchr(folder, '/') != folder)
        *strrchr(folder, '/') = '\0';
    return folder;
}
