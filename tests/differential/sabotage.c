/*
 * The test of the test: a library that stands where libmapherd.so would and breaks what SABOTAGE
 * says. The differential test must see each.
 *
 *   none    honest: but every map lies somewhere unusual, so that a transcript that depends on
 *           where the kernel puts things is seen too. Must not be noticed
 *   offset  a file map begins a page too late in the file
 *   unmap   munmap takes one page too many
 *   tail    mprotect forgets the last page
 *   twice   the same part mapped twice gets the same address
 *   errno   a call that works changes errno
 *   error   a call that fails says something else
 *   grown   what mremap adds is not writable
 *   advice  a file map has advice that nobody gave
 *   fork    a child loses the last file map
 *   short   ftruncate keeps the file a byte longer
 *   maps    every file map costs two more
 *
 * And what the differences that are looked past under pressure (driver.h) must not hide:
 *
 *   open    a guard of private memory is only said to be there
 *   shut    a guard is a marker, and stays when access is given again
 *   left    what is unmapped of a file stays for ever
 *   given   the unmapping of a chunk takes another one with it that is still in use
 *   refill  what was unmapped of a file is kept, and given out for another part of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096 };

static bool is(const char *what)
{
    static const char *chosen;
    if (!chosen) {
        chosen = getenv("SABOTAGE");
        if (!chosen)
            chosen = "none";
    }
    return !strcmp(chosen, what);
}

static long answer(long result)
{
    if (result == -1 && is("error") && errno == EINVAL)
        errno = EPERM;
    if (result != -1 && is("errno"))
        errno = 0;
    return result;
}

static size_t whole(size_t len)
{
    return (len + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

/* The last shared file maps: what was mapped where. */
static struct {
    ino_t inode;
    off_t offset;
    size_t len;
    void *at;
    bool kept; /* unmapped by the program, still there */
} made[16];
static unsigned made_count;

static void *made_before(const struct stat *st, off_t offset, size_t len)
{
    for (unsigned i = 0; i < 16; i++)
        if (made[i].at && made[i].inode == st->st_ino && made[i].offset == offset &&
            made[i].len == len)
            return made[i].at;
    return NULL;
}

/* The number of the file map that lies at this very place, or -1. */
static int made_at(const void *at)
{
    for (int i = 0; i < 16; i++)
        if (made[i].at && made[i].at == at)
            return i;
    return -1;
}

static void *kept_of(const struct stat *st, size_t len)
{
    for (unsigned i = 0; i < 16; i++) {
        if (made[i].kept && made[i].inode == st->st_ino && made[i].len == len) {
            made[i].kept = false;
            return made[i].at;
        }
    }
    return NULL;
}

/* Downwards from a place of its own, with gaps: nothing merges, nothing is filled up again. */
static void *somewhere(size_t len)
{
    static uintptr_t next = 0x200000000000;
    next -= whole(len) + 17 * PAGE_SIZE;
    return (void *)next;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    struct stat st;
    bool placed = !at && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && len < 1ul << 30;
#ifdef MAP_32BIT
    placed = placed && !(flags & MAP_32BIT);
#endif
    bool file = placed && !(flags & MAP_ANONYMOUS) && !fstat(fd, &st) && S_ISREG(st.st_mode);
    if (file && is("offset") && offset > 4 * PAGE_SIZE)
        offset += PAGE_SIZE;
    if (placed && is("none")) {
        at = somewhere(len);
    } else if (file && (flags & MAP_SHARED) && is("twice")) {
        at = made_before(&st, offset, len);
        if (at)
            flags |= MAP_FIXED;
    }
    void *kept = file && is("refill") ? kept_of(&st, len) : NULL;
    if (kept)
        return kept;
    void *got = (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
    if (got != MAP_FAILED && file) {
        made[made_count % 16].kept = false;
        made[made_count % 16].inode = st.st_ino;
        made[made_count % 16].offset = offset;
        made[made_count % 16].len = len;
        made[made_count++ % 16].at = got;
        if (is("advice"))
            syscall(SYS_madvise, got, whole(len), MADV_DONTDUMP);
        if (is("fork"))
            syscall(SYS_madvise, got, whole(len), MADV_DONTFORK);
        if (is("maps"))
            syscall(SYS_mmap, NULL, PAGE_SIZE, (made_count & 1) ? PROT_READ : PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    return (void *)answer((long)got);
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

int munmap(void *at, size_t len)
{
    int chunk = made_at(at);
    if (is("unmap"))
        len = whole(len) + PAGE_SIZE;
    if (chunk >= 0 && (is("left") || is("refill")) && whole(len) == whole(made[chunk].len)) {
        made[chunk].kept = true;
        return 0;
    }
    if (chunk >= 0 && is("given")) {
        int other = (chunk + 15) % 16;
        if (made[other].at)
            syscall(SYS_munmap, made[other].at, made[other].len);
        made[chunk].at = made[other].at = NULL;
    }
    return (int)answer(syscall(SYS_munmap, at, len));
}

int mprotect(void *at, size_t len, int prot)
{
    enum { GUARD_INSTALL = 102 };
    if (prot == PROT_NONE && is("open"))
        return (int)answer(syscall(SYS_mprotect, at, len, PROT_READ | PROT_WRITE));
    if (prot == PROT_NONE && is("shut") && !syscall(SYS_madvise, at, len, GUARD_INSTALL))
        return 0;
    if (is("tail") && len > PAGE_SIZE)
        len = whole(len) - PAGE_SIZE;
    return (int)answer(syscall(SYS_mprotect, at, len, prot));
}

void *mremap(void *at, size_t old_len, size_t new_len, int flags, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, flags);
    void *where = __builtin_va_arg(args, void *);
    __builtin_va_end(args);
    char *got = (char *)syscall(SYS_mremap, at, old_len, new_len, flags, where);
    if (got != MAP_FAILED && is("grown") && whole(new_len) > whole(old_len))
        syscall(SYS_mprotect, got + whole(old_len), whole(new_len) - whole(old_len), PROT_READ);
    return (void *)answer((long)got);
}

int ftruncate(int fd, off_t len)
{
    if (is("short") && len > 0 && len % PAGE_SIZE == 0)
        len++;
    return (int)answer(syscall(SYS_ftruncate, fd, len));
}

int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));
