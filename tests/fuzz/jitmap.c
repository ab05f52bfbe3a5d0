/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * jitmap: the reader of /tmp/perf-PID.map, which any program writes.
 *
 * The input is the text. Each address that begins a line of it is asked for.
 */
#include "unwind/jitmap.h"

#include "fakesys.h"
#include "fuzz.h"

enum { NAMES = 40, READ = 32, EVERY_MS = 10000 };

/* Takes a hexadecimal number and the blank behind it. */
static bool take_number(const char **at, uint64_t *value)
{
    const char *begin = *at;
    while (begin[0] == '0' && begin[1] == 'x')
        begin += 2;
    size_t digits = strspn(begin, "0123456789abcdefABCDEF");
    if (!digits || digits > 16 || begin[digits] != ' ')
        return false;
    *value = strtoull(begin, NULL, 16);
    *at = begin + digits + 1;
    return true;
}

/* The name of an address, up to the end of its line; of several lines the last one's. */
static const char *naive_find(const char *text, uintptr_t pc)
{
    const char *name = NULL;
    while (*text) {
        uint64_t start, many;
        const char *at = text;
        if (take_number(&at, &start) && take_number(&at, &many) && pc >= start && pc - start < many)
            name = at;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return name;
}

static void check(const struct jitmap_name *n, const char *text)
{
    const char *name = naive_find(text, n->pc);
    size_t len = name ? strcspn(name, "\n") : 0;
    if (fuzz_broken() && len > 20)
        len = 20;
    if (len > sizeof n->text - 1)
        len = sizeof n->text - 1;
    holds(memchr(n->text, '\0', sizeof n->text) && strlen(n->text) == len);
    for (size_t i = 0; i < len; i++)
        holds(n->text[i] == ((unsigned char)name[i] <= ' '    ? '_'
                             : (unsigned char)name[i] >= 0x7f ? '?'
                                                              : name[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    struct jitmap_name names[NAMES];
    char *text = fuzz_string(&in, '\0');
    size_t n = 0;
    for (const char *at = text; at && *at && n < NAMES; at = strchr(at, '\n')) {
        at += *at == '\n';
        memset(&names[n], 'x', sizeof names[n]);
        names[n].pc = strtoul(at, NULL, 16) + n % 3;
        n++;
    }
    uint64_t now = fake_now_ms;
    fake_reset();
    fake_now_ms = now + EVERY_MS;
    fake_text("/tmp/perf-4242.map", text, 0);
    jitmap_find(names, n);
    for (size_t i = 0; i < n && i < READ; i++)
        check(&names[i], text);
    free(text);
    return 0;
}
