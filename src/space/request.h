/*
 * request: what the program asked of mmap, and what is known of the file by now. Each policy that
 * has to know the file asks here, so that the kernel is asked once.
 */
#ifndef MAPHERD_REQUEST_H
#define MAPHERD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct map_request {
    uintptr_t addr;
    size_t len;
    int prot, flags, fd;
    uint64_t offset;
    /* request_file's. */
    bool asked;
    struct stat st;
    /* placement's: a chunk that is left to the kernel, to be remembered; its REGION_ bits. */
    bool lone;
    uint32_t kind;
};

/* What is not known yet is not touched: an anonymous map pays nothing for it. */
static inline void request_start(struct map_request *q, uintptr_t addr, size_t len, int prot,
                                 int flags, int fd, uint64_t offset)
{
    q->addr = addr;
    q->len = len;
    q->prot = prot;
    q->flags = flags;
    q->fd = fd;
    q->offset = offset;
    q->asked = q->lone = false;
}

/* The file that the descriptor stands for; NULL if it cannot be asked. */
const struct stat *request_file(struct map_request *q);

#endif
