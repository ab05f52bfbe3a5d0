/*
 * naming: see naming.h.
 */
#define _GNU_SOURCE
#include "tell/naming.h"

#include <fcntl.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"
#include "tell/date.h"

void naming_host(char *out, size_t size)
{
    long fd = brief_open("/proc/sys/kernel/hostname", O_RDONLY, 0);
    long len = fd < 0 ? fd : sys_read((int)fd, out, size - 1);
    if (fd >= 0)
        brief_close((int)fd);
    size_t n = 0;
    for (; len > 0 && n < (size_t)len && out[n] > ' ' && out[n] < 0x7f; n++)
        if (out[n] == '/')
            out[n] = '?';
    if (!n && size > 1)
        out[n++] = '?';
    out[n] = '\0';
}

static size_t expand_code(char *out, size_t size, char code, const char *program, long pid)
{
    switch (code) {
    case 'p': return fmt(out, size, "%ld", pid);
    case 'e': return fmt(out, size, "%s", program);
    case 't': return fmt(out, size, "%ld", (long)date_now());
    default: {
        char host[64];
        naming_host(host, sizeof host);
        return fmt(out, size, "%s", host);
    }
    }
}

size_t naming_expand(char *out, size_t size, struct option_text form, const char *program, long pid)
{
    size_t at = 0;
    for (size_t i = 0; i < form.len && at < size - 1; i++) {
        char code = form.at[i] == '%' && i + 1 < form.len ? form.at[i + 1] : '\0';
        if (code == 'p' || code == 'e' || code == 't' || code == 'h') {
            at += expand_code(out + at, size - at, code, program, pid);
            i++;
        } else {
            out[at++] = form.at[i];
        }
    }
    out[at] = '\0';
    return at;
}
