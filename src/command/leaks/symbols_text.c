/*
 * symbols_text: a frame in words.
 */
#define _GNU_SOURCE
#include "command/leaks/symbols_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static char *name_of(const struct symbol *one)
{
    char *text;
    int len;
    if (*one->function)
        len = asprintf(&text, "%s", one->function);
    else if (*one->module)
        len = asprintf(&text, "%s+%#llx", base_name(one->module), (unsigned long long)one->address);
    else
        len = asprintf(&text, "%#llx", (unsigned long long)one->address);
    return len < 0 ? NULL : text;
}

static char *java_text(const struct symbol *one)
{
    char *text;
    int len;
    if (one->native)
        len = asprintf(&text, "%s(Native Method)", one->function);
    else if (!*one->source)
        len = asprintf(&text, "%s(Unknown Source)", one->function);
    else if (one->line)
        len = asprintf(&text, "%s(%s:%d)", one->function, one->source, one->line);
    else
        len = asprintf(&text, "%s(%s)", one->function, one->source);
    return len < 0 ? NULL : text;
}

static char *native_text(const struct symbol *one)
{
    char *text, line[16] = "";
    if (one->line)
        snprintf(line, sizeof line, ":%d", one->line);
    bool source = *one->source, module = *one->module;
    int len = asprintf(&text, "%s%s%s%s%s%s%s", one->name, source ? "  " : "",
                       source ? base_name(one->source) : "", source ? line : "",
                       module ? "  (" : "", module ? base_name(one->module) : "", module ? ")" : "");
    return len < 0 ? NULL : text;
}

void symbols_put_text(struct symbol *one, struct texts *texts)
{
    one->name = texts_take(texts, name_of(one));
    one->text = one->java ? texts_take(texts, java_text(one))
              : *one->function ? texts_take(texts, native_text(one)) : one->name;
}
