/*
 * holder FILE MODE PART...: maps parts of a file, says "ready" and holds them until its standard
 * input ends. A part is OFFSET:PAGES:ACCESS, offset in pages, access r or w and s or p (shared,
 * private): 4:2:ws. MODE apart puts each part into a place of its own, so that the kernel merges
 * none; free lets the kernel (or a library) choose.
 *
 * holder FILE many N: makes maps of anonymous memory until there are N more of them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PART_MOST = 16 }; /* pages */

static int map_part(int fd, const char *part, char *place)
{
    long offset, pages, page = sysconf(_SC_PAGESIZE);
    char access, sharing;
    if (sscanf(part, "%ld:%ld:%c%c", &offset, &pages, &access, &sharing) != 4 || pages > PART_MOST)
        return 0;
    void *at = mmap(place, (size_t)(pages * page), PROT_READ | (access == 'w' ? PROT_WRITE : 0),
                    (sharing == 's' ? MAP_SHARED : MAP_PRIVATE) | (place ? MAP_FIXED : 0), fd,
                    offset * page);
    return at != MAP_FAILED;
}

/* Every second page is read-only: each is a map of its own. */
static int map_many(long n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, page * (size_t)n, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return 0;
    for (long i = 0; i < n; i += 2)
        if (mprotect(at + page * (size_t)i, page, PROT_READ) != 0)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int fd = open(argv[1], O_RDWR);
    int apart = strcmp(argv[2], "apart") == 0;
    size_t slot = (PART_MOST + 1) * (size_t)sysconf(_SC_PAGESIZE);
    char *places = mmap(NULL, slot * (size_t)argc, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || places == MAP_FAILED)
        return 2;
    int many = strcmp(argv[2], "many") == 0;
    if (many && (argc != 4 || !map_many(strtol(argv[3], NULL, 10))))
        return 2;
    for (int i = 3; i < argc && !many; i++) {
        if (!map_part(fd, argv[i], apart ? places + slot * (size_t)i : NULL)) {
            perror(argv[i]);
            return 2;
        }
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
