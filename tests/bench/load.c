/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A client of an HTTP server on this machine, for server.sh:
 *
 *     load PORT REQUESTS ANSWERS
 *         asks each once, and writes the answers
 *     load PORT REQUESTS ANSWERS FIRST SECONDS CONNECTIONS
 *         asks for so long, and compares the answers
 *
 * REQUESTS and ANSWERS have a line for each request: its path, and the body of its answer. The
 * second form begins with line FIRST, and keeps one request under way on each connection. What ends
 * in the first half second is not measured, and it takes longer if fewer than 100 were. It prints
 *
 *     RATE P50 P99 REQUESTS WRONG ORDERS NOTES
 *
 * the requests a second and the microseconds of those that were measured; and how many there were
 * in all, how many answers were wrong, and how many of the paths begin with /order and /note.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define SETTLE 500000000 /* ns */
#define LEAST 100        /* that are measured */
#define MOST 64          /* connections */

struct lines {
    char **line;
    size_t n;
};

struct connection {
    int fd;
    size_t asked; /* which request */
    uint64_t since;
    size_t len; /* of what has come */
    char data[65536];
};

static struct connection connections[MOST];
static struct lines requests, answers;

static uint64_t now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static struct lines read_lines(const char *name)
{
    struct lines lines = { NULL, 0 };
    FILE *file = fopen(name, "r");
    if (!file)
        die(name);
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, file)) > 0) {
        line[len - 1] = '\0';
        lines.line = realloc(lines.line, (lines.n + 1) * sizeof *lines.line);
        if (!lines.line || !(lines.line[lines.n++] = strdup(line)))
            die("memory");
    }
    free(line);
    fclose(file);
    return lines;
}

static void connect_to(struct connection *c, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("connect");
}

static void ask(struct connection *c, size_t which)
{
    char text[1024];
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       requests.line[which]);
    c->asked = which;
    c->len = 0;
    c->since = now();
    if (len >= (int)sizeof text || send(c->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        die("send");
}

/* Takes what has come. True if that is all of the answer; *body is then its body, and *good says
 * whether the status was 200. */
static int answered(struct connection *c, char **body, int *good)
{
    ssize_t got = recv(c->fd, c->data + c->len, sizeof c->data - 1 - c->len, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0) {
        fprintf(stderr, "%s: the connection has ended\n", requests.line[c->asked]);
        exit(1);
    }
    c->len += (size_t)got;
    c->data[c->len] = '\0';
    char *end = strstr(c->data, "\r\n\r\n");
    if (!end)
        return 0;
    const char *length = strcasestr(c->data, "\r\nContent-Length:");
    if (!length || length > end) {
        fprintf(stderr, "%s: no length: %s\n", requests.line[c->asked], c->data);
        exit(1);
    }
    *body = end + 4;
    *good = strncmp(c->data, "HTTP/1.1 200 ", 13) == 0;
    return c->data + c->len >= *body + strtoul(length + 17, NULL, 10);
}

static void write_answers(int port, const char *name)
{
    struct connection *c = connections;
    FILE *file = fopen(name, "w");
    if (!file)
        die(name);
    connect_to(c, port);
    for (size_t n = 0; n < requests.n; n++) {
        char *body;
        int good;
        ask(c, n);
        do {
            struct pollfd wait = { c->fd, POLLIN, 0 };
            if (poll(&wait, 1, 60000) != 1)
                die("no answer");
        } while (!answered(c, &body, &good));
        if (!good) {
            fprintf(stderr, "%s: %.12s\n", requests.line[n], c->data);
            exit(1);
        }
        fprintf(file, "%s\n", body);
    }
    if (fclose(file) != 0)
        die(name);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void load(int port, size_t next, double seconds, unsigned many)
{
    struct pollfd wait[MOST];
    uint32_t *took = NULL; /* us */
    size_t measured = 0, room = 0, all = 0, wrong = 0, orders = 0, notes = 0;
    for (unsigned i = 0; i < many; i++)
        connect_to(&connections[i], port);
    uint64_t start = now(), begin = start + SETTLE, end = start + (uint64_t)(seconds * 1e9);
    uint64_t over = 0; /* when the last was measured */
    for (unsigned i = 0; i < many; i++) {
        wait[i] = (struct pollfd){ connections[i].fd, POLLIN, 0 };
        ask(&connections[i], next++ % requests.n);
    }
    /* What is under way at the end is waited for, and not measured. */
    for (unsigned busy = many; busy > 0;) {
        if (poll(wait, many, 60000) < 1)
            die("no answer");
        for (unsigned i = 0; i < many; i++) {
            struct connection *c = &connections[i];
            char *body;
            int good;
            if (!wait[i].revents || !answered(c, &body, &good))
                continue;
            uint64_t at = now();
            const char *path = requests.line[c->asked];
            if (!good || strcmp(body, answers.line[c->asked]) != 0) {
                if (wrong++ == 0)
                    fprintf(stderr, "%s: %s\n", path, c->data);
            }
            all++;
            orders += strncmp(path, "/order", 6) == 0;
            notes += strncmp(path, "/note", 5) == 0;
            if (over || (at >= end && measured >= LEAST)) {
                if (!over)
                    over = at;
                wait[i].fd = -1;
                busy--;
                continue;
            }
            if (at >= begin) {
                if (measured == room) {
                    room = room ? 2 * room : 65536;
                    took = realloc(took, room * sizeof *took);
                    if (!took)
                        die("memory");
                }
                took[measured++] = (uint32_t)((at - c->since) / 1000);
            }
            ask(c, next++ % requests.n);
        }
    }
    qsort(took, measured, sizeof *took, by_size);
    printf("%.1f %u %u %zu %zu %zu %zu\n", (double)measured / ((double)(over - begin) / 1e9),
           took[measured / 2], took[measured - measured / 100 - 1], all, wrong, orders, notes);
    free(took);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 7) {
        fprintf(stderr, "usage: load PORT REQUESTS ANSWERS [FIRST SECONDS CONNECTIONS]\n");
        return 2;
    }
    int port = atoi(argv[1]);
    requests = read_lines(argv[2]);
    if (argc == 4) {
        write_answers(port, argv[3]);
        return 0;
    }
    unsigned many = (unsigned)atoi(argv[6]);
    answers = read_lines(argv[3]);
    if (answers.n != requests.n || many < 1 || many > MOST) {
        fprintf(stderr, "%zu requests, %zu answers, %u connections\n", requests.n, answers.n, many);
        return 2;
    }
    load(port, strtoul(argv[4], NULL, 10), atof(argv[5]), many);
    return 0;
}
