/*
 * unwind: addresses as text. The names of functions are not looked up: the command can do that
 * later, from the files.
 */
#define _GNU_SOURCE
#include <string.h>

#include "common/fmt.h"
#include "tell/log.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

#define ENTRY 300 /* a file's name has 255 bytes at most */

static size_t entry(char *out, uintptr_t pc)
{
    struct module m;
    if (!module_find(pc, &m))
        return fmt(out, ENTRY, "0x%lx", pc);
    const char *name = m.path;
    if (!name || !*name)
        name = log_name(); /* the module of the program has no path */
    for (const char *c = name; *c; c++)
        if (*c == '/' && c[1])
            name = c + 1;
    size_t at = 0;
    /* A space or a newline in a name would make two of it. */
    for (; *name && at < 255; name++)
        out[at++] = (unsigned char)*name > ' ' && *name != 0x7f ? *name : '?';
    return at + fmt(out + at, ENTRY - at, "+0x%lx", pc - m.bias);
}

size_t unwind_text(char *out, size_t size, const uintptr_t *pcs, size_t count)
{
    char text[ENTRY];
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = entry(text, pcs[i]), space = at > 0;
        if (at + space + len >= size)
            break;
        if (space)
            out[at++] = ' ';
        memcpy(out + at, text, len);
        at += len;
    }
    out[at] = '\0';
    return at;
}
