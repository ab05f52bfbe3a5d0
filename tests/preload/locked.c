/*
 * Ends with 0 if another process holds a POSIX lock (fcntl, Java's FileLock) on each of the files;
 * names those that nobody holds. /proc/locks is asked: an open of a file with spilled pages would wait
 * for space.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int is_locked(const struct stat *st)
{
    char line[256], kind[16];
    unsigned major, minor;
    unsigned long long inode;
    int locked = 0;
    FILE *locks = fopen("/proc/locks", "r");

    if (!locks)
        return -1;
    while (fgets(line, sizeof line, locks))
        if (sscanf(line, "%*u: %15s %*s %*s %*d %x:%x:%llu", kind, &major, &minor, &inode) == 4 &&
            strcmp(kind, "POSIX") == 0 && makedev(major, minor) == st->st_dev && inode == st->st_ino)
            locked = 1;
    fclose(locks);
    return locked;
}

int main(int argc, char **argv)
{
    int free = 0;

    for (int n = 1; n < argc; n++) {
        struct stat st;
        int locked = stat(argv[n], &st) == 0 ? is_locked(&st) : -1;

        if (locked < 0) {
            perror(argv[n]);
            return 2;
        }
        if (!locked) {
            printf("%s is not locked\n", argv[n]);
            free++;
        }
    }
    return free != 0;
}
