/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recordmake FILE WORD...: makes a record file as the library would, or a broken one. Words, in this
 * order of appearance (what is numbered is numbered from 1):
 *
 *   small=1              first of all: small parts, for the fuzzer
 *   NAME=NUMBER          a field of the head: pid, started, state, version, used[1] ...; tops is top
 *   program=, host=, arguments=TEXT
 *   module=PATH[,ID]     a program or library, with its build id in hexadecimal digits
 *   java=CLASS,METHOD,SOURCE,LINE
 *   file=PATH            with the device and inode that it has now; 0 if it is not there
 *   stack=FRAME,...      innermost first: MODULE+ADDRESS, jJAVA, or ADDRESS
 *   use=STACK,MADE,UNMAPPED,LIVED      what became of the mappings of a stack; LIVED in ms, in all
 *   map=START,PAGES[,NAME=NUMBER...]   a mapping: stack, file, age (s), number, order, flags
 *   many=N,STACKS,FILES  N mappings of a page each, over so many stacks (made for it, of module 1) and
 *                        files in turn
 *   point=LEVEL,TIME,COUNT             of the history
 *   event=KIND,LEVEL,TEXT
 *   holder=MAPS,PATH     who held most at the last reading
 *   at=OFFSET,WIDTH,NUMBER             written over what is there, at last
 *   cut=LENGTH           what the file is cut to, at last
 *   hold                 map it, say "ready", and wait for the end of stdin
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mapherd/record.h"

enum { KINDS = 8, PAGE = 4096 };

static size_t chunk_size = MAPHERD_RECORD_CHUNK;

static struct array {
    char *at;
    size_t len, room;
} kinds[KINDS];

static struct mapherd_record_head head;
static struct mapherd_record_point points[MAPHERD_RECORD_LEVELS * MAPHERD_RECORD_POINTS];
static struct mapherd_record_event events[MAPHERD_RECORD_EVENTS];
static struct mapherd_record_top top[MAPHERD_RECORD_TOP];
static uint64_t now;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "recordmake: %s\n", what);
    exit(2);
}

/* Where it went, in bytes from the beginning of its kind. */
static size_t add(unsigned kind, const void *what, size_t len)
{
    struct array *a = &kinds[kind];
    size_t room = chunk_size - a->len % chunk_size;
    size_t at = len > room ? a->len + room : a->len;
    if (!a->at || at + len > a->room) {
        a->room = 2 * (at + len) / chunk_size * chunk_size + chunk_size;
        a->at = realloc(a->at, a->room);
        memset(a->at + a->len, 0, a->room - a->len);
    }
    memcpy(a->at + at, what, len);
    a->len = at + len;
    return at;
}

static uint32_t add_text(const char *text)
{
    return (uint32_t)add(MAPHERD_CHUNK_TEXT, text, strlen(text) + 1);
}

static void add_module(char *words)
{
    struct mapherd_record_module m = { .start = 0x400000, .end = 0x500000 };
    char *id = strchr(words, ',');
    if (id)
        *id++ = '\0';
    m.path = add_text(words);
    for (; id && id[0] && id[1] && m.id_len < sizeof m.id; id += 2)
        sscanf(id, "%2hhx", &m.id[m.id_len++]);
    add(MAPHERD_CHUNK_MODULE, &m, sizeof m);
}

static void add_java(char *words)
{
    struct mapherd_record_frame f = { 0 };
    f.class_name = add_text(strsep(&words, ","));
    f.method = add_text(words ? strsep(&words, ",") : "");
    const char *source = words ? strsep(&words, ",") : "";
    f.source = *source ? add_text(source) : 0;
    f.line = words ? atoi(words) : 0;
    add(MAPHERD_CHUNK_FRAME, &f, sizeof f);
}

static void add_file(const char *path)
{
    struct mapherd_record_file f = { .path = *path ? add_text(path) : 0 };
    struct stat st;
    if (stat(path, &st) == 0) {
        f.dev = st.st_dev;
        f.ino = st.st_ino;
    }
    add(MAPHERD_CHUNK_FILE, &f, sizeof f);
}

static uint32_t stacks[1 << 19];
static size_t stack_count = 1;

static void add_stack(const uint64_t *frames, uint32_t depth)
{
    enum { USE = sizeof(struct mapherd_record_use) / sizeof(uint64_t) };
    uint64_t words[2 + 1024 + USE] = { 0, (uint64_t)depth << 32 };
    memcpy(words + 2, frames, depth * sizeof *frames);
    if (stack_count < sizeof stacks / sizeof *stacks)
        stacks[stack_count++] =
            (uint32_t)(add(MAPHERD_CHUNK_STACK, words, (2 + depth + USE) * sizeof *words) /
                       sizeof *words);
}

static void parse_stack(char *words)
{
    uint64_t frames[1024];
    uint32_t depth = 0;
    for (char *word; depth < 1024 && (word = strsep(&words, ",")); depth++) {
        const char *plus = strchr(word, '+');
        frames[depth] = *word == 'j'
                            ? (uint64_t)MAPHERD_FRAME_JAVA << 48 | strtoull(word + 1, NULL, 0)
                        : plus ? strtoull(word, NULL, 0) << 48 | strtoull(plus + 1, NULL, 0)
                               : strtoull(word, NULL, 0);
    }
    add_stack(frames, depth);
}

static void add_use(const char *words)
{
    unsigned stack;
    struct mapherd_record_use use;
    unsigned long long lived_ms;
    if (sscanf(words, "%u,%u,%u,%llu", &stack, &use.made, &use.unmapped, &lived_ms) != 4 ||
        stack >= stack_count)
        fail(words);
    use.lived_ms = lived_ms;
    uint64_t *at = (uint64_t *)(void *)kinds[MAPHERD_CHUNK_STACK].at + stacks[stack];
    memcpy(at + 2 + (at[1] >> 32), &use, sizeof use);
}

static uint32_t mappings;

static void add_mapping(struct mapherd_record_mapping m)
{
    if (!m.number)
        m.number = ++mappings;
    else if (m.number > mappings)
        mappings = m.number;
    if (!m.order)
        m.order = (uint32_t)(kinds[MAPHERD_CHUNK_LIVE].len / sizeof m + 1);
    add(MAPHERD_CHUNK_LIVE, &m, sizeof m);
}

static void parse_map(char *words)
{
    struct mapherd_record_mapping m = { .born_ms = now, .thread = 1, .flags = 3 | 8 };
    m.start = strtoull(strsep(&words, ","), NULL, 0);
    m.end = m.start + PAGE * strtoull(words ? strsep(&words, ",") : "1", NULL, 0);
    for (char *word; words && (word = strsep(&words, ","));) {
        char *value = strchr(word, '=');
        if (!value)
            fail(word);
        *value++ = '\0';
        uint64_t n = strtoull(value, NULL, 0);
        if (strcmp(word, "stack") == 0)
            m.stack = n < stack_count ? stacks[n] : (uint32_t)n;
        else if (strcmp(word, "file") == 0)
            m.file = (uint32_t)n;
        else if (strcmp(word, "age") == 0)
            m.born_ms = now - n * 1000;
        else if (strcmp(word, "number") == 0)
            m.number = (uint32_t)n;
        else if (strcmp(word, "order") == 0)
            m.order = (uint32_t)n;
        else if (strcmp(word, "offset") == 0)
            m.offset = n;
        else if (strcmp(word, "flags") == 0)
            m.flags = (uint32_t)n;
        else
            fail(word);
    }
    add_mapping(m);
}

static void add_many(const char *words)
{
    unsigned long n, of_stacks, of_files;
    if (sscanf(words, "%lu,%lu,%lu", &n, &of_stacks, &of_files) != 3)
        fail(words);
    size_t first = stack_count;
    for (unsigned long i = 0; i < of_stacks; i++) {
        uint64_t frames[16];
        for (unsigned k = 0; k < 16; k++)
            frames[k] = 1ull << 48 | (0x1000 + (k < 4 ? i * 64 : 0) + k * 16);
        add_stack(frames, 16);
    }
    for (unsigned long i = 0; i < n; i++)
        add_mapping(
            (struct mapherd_record_mapping){ .start = 0x7f0000000000 + i * 2 * PAGE,
                                             .end = 0x7f0000000000 + (i * 2 + 1) * PAGE,
                                             .born_ms = now - i,
                                             .stack = of_stacks ? stacks[first + i % of_stacks] : 0,
                                             .file = of_files ? (uint32_t)(i % of_files + 1) : 0,
                                             .flags = 3 | 8 });
}

static void add_event(char *words)
{
    struct mapherd_record_event *e = &events[head.events_ever % MAPHERD_RECORD_EVENTS];
    *e = (struct mapherd_record_event){ .number = ++head.events_ever, .time_ms = now };
    e->kind = (uint32_t)strtoul(strsep(&words, ","), NULL, 0);
    e->level = words ? (uint32_t)strtoul(strsep(&words, ","), NULL, 0) : 0;
    snprintf(e->text, sizeof e->text, "%s", words ? words : "");
}

static void add_point(const char *words)
{
    unsigned level;
    unsigned long long time;
    long long count;
    if (sscanf(words, "%u,%llu,%lld", &level, &time, &count) != 3 || level >= MAPHERD_RECORD_LEVELS)
        fail(words);
    unsigned long long span = 1ull << 2 * level;
    points[level * MAPHERD_RECORD_POINTS + time / span % MAPHERD_RECORD_POINTS] =
        (struct mapherd_record_point){ time / span * span, count, count, 65530 };
}

static void add_holder(char *words)
{
    for (size_t i = 0; i < MAPHERD_RECORD_TOP; i++) {
        if (top[i].maps)
            continue;
        top[i].maps = strtoull(strsep(&words, ","), NULL, 0);
        snprintf(top[i].path, sizeof top[i].path, "%s", words ? words : "");
        return;
    }
}

static const struct field {
    const char *name;
    size_t at, size;
} fields[] = {
#define FIELD(name)                                                         \
    {                                                                       \
#name, offsetof(struct mapherd_record_head, name), sizeof head.name \
    }
    FIELD(endian),
    FIELD(version),
    FIELD(size),
    FIELD(page_size),
    FIELD(pid),
    FIELD(machine),
    FIELD(pid_space),
    FIELD(started),
    FIELD(boot_ms),
    FIELD(since_ms),
    FIELD(history_at),
    FIELD(history_levels),
    FIELD(history_points),
    FIELD(events_at),
    FIELD(events),
    FIELD(top_at),
    FIELD(directory_at),
    FIELD(chunks_at),
    FIELD(chunk_size),
    FIELD(chunks_most),
    FIELD(stack_use),
    FIELD(state),
    FIELD(wanted),
    FIELD(leaks),
    FIELD(depth),
    FIELD(touched_ms),
    FIELD(ended_ms),
    FIELD(leaks_ms),
    FIELD(changes),
    FIELD(mapped),
    FIELD(lost),
    FIELD(events_ever),
    FIELD(chunks),
    FIELD(used[1]),
    FIELD(used[2]),
    FIELD(used[3]),
    FIELD(used[4]),
    FIELD(used[5]),
    FIELD(used[6]),
    { "tops", offsetof(struct mapherd_record_head, top), sizeof head.top },
    FIELD(status.limit),
    FIELD(status.bound),
    FIELD(status.exact),
    FIELD(status.cold),
    FIELD(status.warm),
    FIELD(status.warmed),
    FIELD(status.cold_early),
    FIELD(status.cold_failed),
};

static bool set_field(const char *name, const char *value)
{
    uint64_t n = strtoull(value, NULL, 0);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) != 0)
            continue;
        memcpy((char *)&head + fields[i].at, &n, fields[i].size);
        return true;
    }
    return false;
}

static void start(void)
{
    struct timespec t, up;
    struct stat st;
    clock_gettime(CLOCK_REALTIME, &t);
    clock_gettime(CLOCK_BOOTTIME, &up);
    now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    memcpy(head.magic, MAPHERD_RECORD_MAGIC, sizeof head.magic);
    head.endian = MAPHERD_RECORD_ENDIAN;
    head.version = MAPHERD_RECORD_VERSION;
    head.size = sizeof head;
    head.page_size = PAGE;
    head.pid = 999999999;
    head.started = 1;
    if (stat("/proc/self/ns/pid", &st) == 0)
        head.pid_space = st.st_ino;
    head.boot_ms = (now - (uint64_t)up.tv_sec * 1000) / 10000 * 10000;
    head.since_ms = head.leaks_ms = now - 3600 * 1000;
    head.touched_ms = now;
    head.state = MAPHERD_RECORD_RUNNING;
    head.leaks = 1;
    head.depth = 16;
    head.status.magic = MAPHERD_STATUS_MAGIC;
    head.status.version = MAPHERD_STATUS_VERSION;
    head.status.size = sizeof head.status;
    head.status.limit = 65530;
    head.status.bound = head.status.exact = 100;
    strcpy(head.program, "made");
    gethostname(head.host, sizeof head.host - 1);
    /* What is not used of each kind. */
    const char none[sizeof(struct mapherd_record_module)] = "";
    add(MAPHERD_CHUNK_STACK, none, 8);
    add(MAPHERD_CHUNK_TEXT, none, 1);
    add(MAPHERD_CHUNK_FRAME, none, sizeof(struct mapherd_record_frame));
    add(MAPHERD_CHUNK_FILE, none, sizeof(struct mapherd_record_file));
    add(MAPHERD_CHUNK_MODULE, none, sizeof(struct mapherd_record_module));
}

static void lay_out(void)
{
    static const size_t sizes[KINDS] = { 1,
                                         sizeof(struct mapherd_record_mapping),
                                         8,
                                         1,
                                         sizeof(struct mapherd_record_frame),
                                         sizeof(struct mapherd_record_file),
                                         sizeof(struct mapherd_record_module),
                                         1 };
    head.history_at = 4096;
    bool small = chunk_size != MAPHERD_RECORD_CHUNK;
    head.history_levels = small ? 1 : MAPHERD_RECORD_LEVELS;
    head.history_points = small ? 4 : MAPHERD_RECORD_POINTS;
    head.events_at =
        head.history_at + head.history_levels * head.history_points * (uint32_t)sizeof *points;
    head.events = small ? 4 : MAPHERD_RECORD_EVENTS;
    head.top_at = head.events_at + head.events * (uint32_t)sizeof *events;
    head.top = small ? 2 : MAPHERD_RECORD_TOP;
    head.directory_at = head.top_at + head.top * (uint32_t)sizeof *top;
    head.stack_use = sizeof(struct mapherd_record_use);
    head.chunks_most = small ? 64 : MAPHERD_RECORD_CHUNKS;
    head.chunks_at = (head.directory_at + head.chunks_most + 4095) / 4096 * 4096;
    head.chunk_size = (uint32_t)chunk_size;
    head.mapped = mappings;
    head.chunks = 0;
    for (unsigned k = 1; k < KINDS; k++) {
        head.used[k] = (uint32_t)(kinds[k].len / sizes[k]);
        head.chunks += (uint32_t)((kinds[k].len + chunk_size - 1) / chunk_size);
    }
}

static void put(int fd, const void *what, size_t len, uint64_t at)
{
    if (pwrite(fd, what, len, (off_t)at) != (ssize_t)len)
        fail("it cannot be written");
}

/* The chunks of the kinds in turn. */
static void write_all(int fd)
{
    unsigned char directory[MAPHERD_RECORD_CHUNKS] = { 0 };
    uint32_t n = 0;
    for (size_t turn = 0; n < head.chunks; turn++)
        for (unsigned k = 1; k < KINDS; k++)
            if (turn * chunk_size < kinds[k].len) {
                put(fd, kinds[k].at + turn * chunk_size, chunk_size,
                    head.chunks_at + (uint64_t)n * chunk_size);
                directory[n++] = (unsigned char)k;
            }
    put(fd, points, head.history_levels * head.history_points * sizeof *points, head.history_at);
    put(fd, events, head.events * sizeof *events, head.events_at);
    put(fd, top, head.top * sizeof *top, head.top_at);
    put(fd, directory, head.chunks_most, head.directory_at);
}

static void hold(int fd)
{
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
        fail("it cannot be mapped");
    close(fd);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
}

/* What is done to the file once it is whole. */
static void spoil(int fd, const char *name, char *value)
{
    long long at, width, n;
    if (strcmp(name, "cut") == 0) {
        if (ftruncate(fd, (off_t)strtoull(value, NULL, 0)) != 0)
            fail("it cannot be cut");
    } else if (strcmp(name, "at") == 0) {
        if (sscanf(value, "%lli,%lli,%lli", &at, &width, &n) != 3 || width > 8)
            fail(value);
        put(fd, &n, (size_t)width, (uint64_t)at);
    }
}

static void take(int fd, const char *name, char *value)
{
    (void)fd;
    if (strcmp(name, "program") == 0)
        snprintf(head.program, sizeof head.program, "%s", value);
    else if (strcmp(name, "host") == 0)
        snprintf(head.host, sizeof head.host, "%s", value);
    else if (strcmp(name, "arguments") == 0)
        snprintf(head.arguments, sizeof head.arguments, "%s", value);
    else if (strcmp(name, "module") == 0)
        add_module(value);
    else if (strcmp(name, "java") == 0)
        add_java(value);
    else if (strcmp(name, "file") == 0)
        add_file(value);
    else if (strcmp(name, "stack") == 0)
        parse_stack(value);
    else if (strcmp(name, "use") == 0)
        add_use(value);
    else if (strcmp(name, "map") == 0)
        parse_map(value);
    else if (strcmp(name, "many") == 0)
        add_many(value);
    else if (strcmp(name, "point") == 0)
        add_point(value);
    else if (strcmp(name, "event") == 0)
        add_event(value);
    else if (strcmp(name, "holder") == 0)
        add_holder(value);
    else if (strcmp(name, "small") != 0 && strcmp(name, "cut") != 0 && strcmp(name, "at") != 0 &&
             !set_field(name, value))
        fail(name);
}

static void take_field(int fd, const char *name, char *value)
{
    (void)fd;
    set_field(name, value);
}

static void each_word(int words, char **argv, void (*each)(int fd, const char *name, char *value),
                      int fd)
{
    for (int i = 2; i < words; i++) {
        char *word = strdup(argv[i]), *value = strchr(word, '=');
        if (!value)
            fail(word);
        *value = '\0';
        each(fd, word, value + 1);
        free(word);
    }
}

int main(int argc, char **argv)
{
    bool holds = argc > 2 && strcmp(argv[argc - 1], "hold") == 0;
    if (argc < 2)
        fail("no file is named");
    int words = argc - holds, fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        fail("the file cannot be opened");
    if (words > 2 && strcmp(argv[2], "small=1") == 0)
        chunk_size = 4096;
    start();
    each_word(words, argv, take, fd);
    lay_out();
    write_all(fd);
    /* Fields last: what was said of them counts. */
    each_word(words, argv, take_field, fd);
    put(fd, &head, sizeof head, 0);
    each_word(words, argv, spoil, fd);
    if (holds)
        hold(fd);
    return 0;
}
