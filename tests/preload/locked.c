/*
 * Ends with 0 if another process holds a POSIX lock (fcntl, Java's FileLock) on each of the files;
 * names those that nobody holds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int free = 0;

    for (int n = 1; n < argc; n++) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(argv[n], O_RDWR | O_CLOEXEC);

        if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0) {
            perror(argv[n]);
            return 2;
        }
        if (lock.l_type == F_UNLCK) {
            printf("%s is not locked\n", argv[n]);
            free++;
        }
        close(fd);
    }
    return free != 0;
}
