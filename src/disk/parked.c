/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * parked: see parked.h.
 */
#define _GNU_SOURCE
#include "disk/parked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernel/sys.h"
#include "space/model.h"

#define HIGH 512
#define PLACES (2 * PARKED_MAX) /* after forks a pair may have one file, and no room for a second */

/* From so many parked files on, an empty pair of sockets stays for the next file. A program
 * that parks fewer has no descriptor that is not in use. */
#define OFTEN 64

static struct place {
    enum { CLOSED, EMPTY, FULL, LEAVING } state;
    int fd;
    ino_t ino;
    bool shared; /* with another process, by a fork */
} places[PLACES + 1];
static unsigned waiting; /* places that are FULL or LEAVING */
static unsigned long parkings;

/* What is sent into this one waits in that one, and the other way round. */
static struct place *other(struct place *p)
{
    return &places[((unsigned)(p - places - 1) ^ 1) + 1];
}

static bool is_ours(const struct place *p)
{
    struct stat st;
    return p->state != CLOSED && sys_fstat(p->fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
           st.st_ino == p->ino;
}

static void close_place(struct place *p)
{
    if (is_ours(p))
        sys_close(p->fd);
    p->state = CLOSED;
}

/* The pair takes no file any more; a file that waits there goes on waiting. */
static void retire(struct place *p)
{
    struct place *both[] = { p, other(p) };
    for (unsigned i = 0; i < 2; i++) {
        __atomic_store_n(&both[i]->shared, true, __ATOMIC_RELAXED);
        if (both[i]->state == EMPTY)
            close_place(both[i]);
    }
}

/* Gives the socket a number out of the program's way, and makes it the place's. */
static bool open_place(struct place *p, int socket)
{
    struct stat st;
    long high = sys_fcntl(socket, F_DUPFD_CLOEXEC, HIGH);
    sys_close(socket);
    if (high < 0)
        return false;
    *p = (struct place){ .state = EMPTY, .fd = (int)high };
    if (sys_fstat(p->fd, &st) == 0) {
        p->ino = st.st_ino;
        return true;
    }
    sys_close(p->fd);
    p->state = CLOSED;
    return false;
}

static long open_pair(struct place **free)
{
    int sockets[2];
    unsigned n = 1;
    while (n < PLACES && (places[n].state != CLOSED || places[n + 1].state != CLOSED))
        n += 2;
    if (n > PLACES || waiting >= sys_rlimit(RLIMIT_NOFILE) / PARKED_SHARE)
        return -EMFILE;
    long answer = sys_socketpair(sockets);
    if (answer < 0)
        return answer;
    bool first = open_place(&places[n], sockets[0]),
         second = open_place(&places[n + 1], sockets[1]);
    *free = &places[n];
    if (first && second)
        return 0;
    retire(*free);
    return -EMFILE;
}

/* A place that is empty, and can be sent to. */
static struct place *find_free(void)
{
    for (struct place *p = places + 1; p <= places + PLACES; p++) {
        if (p->state != EMPTY || p->shared)
            continue;
        if (is_ours(other(p)))
            return p;
        retire(p);
    }
    return NULL;
}

long parked_put(int fd)
{
    LOCK_ASSERT(&model_lock);
    struct place *p = waiting < PARKED_MAX ? find_free() : NULL;
    long answer = p ? 0 : waiting < PARKED_MAX ? open_pair(&p) : -EMFILE;
    if (answer < 0)
        return answer;
    answer = sys_send_file(other(p)->fd, fd);
    if (answer < 0) { /* EPIPE: the program has closed the place itself */
        retire(p);
        return answer;
    }
    p->state = FULL;
    waiting++;
    parkings++;
    return p - places;
}

long parked_peek(unsigned place)
{
    return is_ours(&places[place]) ? sys_peek_file(places[place].fd) : -EBADF;
}

void parked_leave(unsigned place)
{
    places[place].state = LEAVING;
}

/* Closes the pair if it is empty, unless it is the one that stays. */
static void close_spare(struct place *p)
{
    bool spare = parkings < OFTEN;
    for (struct place *q = places + 1; q < places + PLACES && !spare; q += 2)
        spare = q != p && q != other(p) && q->state == EMPTY && other(q)->state == EMPTY;
    if (spare && other(p)->state == EMPTY) {
        close_place(p);
        close_place(other(p));
    }
}

void parked_drop(unsigned place)
{
    struct place *p = &places[place];
    if (p->state != LEAVING) /* a handler has forked, and this is the child */
        return;
    bool shared = __atomic_load_n(&p->shared, __ATOMIC_RELAXED); /* a fork may come in between */
    bool ours = is_ours(p), emptied = ours && !shared && sys_drop_file(p->fd) == 0;
    if (ours && !emptied)
        sys_close(p->fd);
    if (!model_take())
        return;
    waiting--;
    p->state = emptied ? EMPTY : CLOSED;
    if (!emptied || p->shared)
        retire(p);
    else
        close_spare(p);
    model_drop();
}

void parked_retire(void)
{
    for (struct place *p = places + 1; p < places + PLACES; p += 2)
        if (p->state != CLOSED || other(p)->state != CLOSED)
            retire(p);
}

/* A file that was about to go is closed, whichever other processes have it. */
void parked_in_child(void)
{
    parked_retire();
    for (struct place *p = places + 1; p <= places + PLACES; p++) {
        if (p->state == LEAVING) {
            close_place(p);
            waiting--;
        }
    }
}
