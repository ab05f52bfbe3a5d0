/* hollow: see hollow.h. Unlike the library, this may open and close files at will: a close drops
 * the POSIX locks that the process has on the file, and this process has none. */
#define _GNU_SOURCE
#include "command/disk/hollow.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/verb.h"
#include "disk/holes.h"

static struct hollows *found_in; /* nftw(3) passes no context */

long hollow_each(int fd, uint64_t size, long (*found)(uint64_t, uint64_t, void *), void *context)
{
    long answer = holes_each(fd, 0, size, 0, found, context);
    if (!holes_unsupported(answer))
        return answer;
    for (off_t at = 0, end; at < (off_t)size; at = end) {
        if ((at = lseek(fd, at, SEEK_HOLE)) < 0 || at >= (off_t)size)
            return at < 0 && errno != ENXIO ? -errno : 0;
        if ((end = lseek(fd, at, SEEK_DATA)) < 0)
            end = (off_t)size;
        if ((answer = found((uint64_t)at, (uint64_t)end, context)))
            return answer;
    }
    return 0;
}

static long add_up(uint64_t start, uint64_t end, void *context)
{
    *(uint64_t *)context += end - start;
    return 0;
}

int hollow_open(const struct hollow *f, int flags)
{
    struct stat st;
    int fd = open(f->path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == f->dev && st.st_ino == f->ino)
        return fd;
    close(fd);
    errno = ESTALE;
    return -1;
}

static void keep(struct hollows *h, const struct hollow *f, bool has_names)
{
    for (size_t i = 0; has_names && i < h->count; i++)
        if (h->at[i].dev == f->dev && h->at[i].ino == f->ino)
            return;
    h->at = enough_room(h->at, h->count, &h->room, sizeof *h->at);
    h->at[h->count] = *f;
    h->at[h->count++].path = enough(strdup(f->path));
}

static void look_at(struct hollows *h, const char *path, const struct stat *st)
{
    struct hollow f = {
        .path = (char *)path, .dev = st->st_dev, .ino = st->st_ino, .size = (uint64_t)st->st_size
    };
    h->looked_at++;
    if (!st->st_size)
        return;
    int fd = hollow_open(&f, O_RDONLY);
    long answer = fd < 0 ? -errno : hollow_each(fd, f.size, add_up, &f.missing);
    if (fd >= 0)
        close(fd);
    if (answer < 0) {
        complain("%s: %s", path, strerror((int)-answer));
        h->failed = true;
    } else if (f.missing) {
        keep(h, &f, st->st_nlink > 1);
    }
}

static int visit(const char *path, const struct stat *st, int what, struct FTW *where)
{
    if (what == FTW_DNR || what == FTW_NS) {
        complain("%s: %s", path, strerror(errno));
        found_in->failed = true;
    } else if (what == FTW_F && S_ISREG(st->st_mode)) {
        look_at(found_in, path, st);
    } else if (where->level == 0 && what != FTW_D) {
        complain("%s: not a file and not a folder%s", path,
                 what == FTW_SL ? ": links are not followed" : "");
        found_in->failed = true;
    }
    return 0;
}

void hollows_find(struct hollows *h, const char *path)
{
    enum { DESCRIPTORS = 32 };
    struct stat st;
    found_in = h;
    if (lstat(path, &st) == 0 && nftw(path, visit, DESCRIPTORS, FTW_PHYS | FTW_MOUNT) == 0)
        return;
    complain("%s: %s", path, strerror(errno));
    h->failed = true;
}

void hollows_free(struct hollows *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->at[i].path);
    free(h->at);
}
