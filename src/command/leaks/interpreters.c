/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * interpreters: see interpreters.h.
 *
 * A run is a row of frames of the interpreter's program or library, with one at least of the
 * function that runs a script. It begins with that, or with the functions just below by which the
 * interpreter calls; so a built-in function that a script has called stays. Names are not there
 * for all frames, as distributions strip programs: what has none, outside of that function, is the
 * interpreter's too.
 */
#define _GNU_SOURCE
#include "command/leaks/interpreters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/print.h"

static const struct {
    const char *name;
    const char *modules[3];   /* how the names of its program and library begin */
    const char *evaluates[4]; /* functions that run a script; these all begin so */
    const char *calls[10];    /* functions by which it calls another one */
    const char *script;       /* how names in its map file begin; NULL: all are of scripts */
} known[INTERPRETERS] = {
    [INTERPRETER_CPYTHON] = { "CPython",
                              { "python", "libpython" },
                              { "_PyEval_", "PyEval_", "py_trampoline_" },
                              { "_PyObject_Call", "PyObject_Call", "_PyObject_MakeTpCall",
                                "_PyObject_Vectorcall", "PyObject_Vectorcall",
                                "_PyFunction_Vectorcall", "PyVectorcall_", "type_call",
                                "cfunction_" },
                              "py::" },
    [INTERPRETER_RUBY] = { "Ruby",
                           { "ruby", "libruby" },
                           { "rb_vm_exec", "vm_exec" },
                           { "vm_call", "vm_sendish", "vm_invoke", "invoke_", "rb_vm_call",
                             "rb_vm_invoke", "rb_call", "rb_funcall", "rb_yield" },
                           NULL },
    [INTERPRETER_PERL] = { "Perl",
                           { "perl", "libperl" },
                           { "Perl_runops_", "S_run_body", "perl_run" },
                           { "Perl_call_", "Perl_pp_entersub" },
                           NULL },
};

static bool begins(const char *text, const char *const *with, size_t n)
{
    for (size_t i = 0; i < n && with[i]; i++)
        if (strncmp(text, with[i], strlen(with[i])) == 0)
            return true;
    return false;
}
#define BEGINS(text, list) begins(text, list, sizeof(list) / sizeof *(list))

static bool is_of(const struct symbol *s, unsigned which)
{
    return s->module[0] && BEGINS(base_name(s->module), known[which].modules);
}

static bool evaluates(const struct symbol *s, unsigned which)
{
    return BEGINS(s->function, known[which].evaluates) && is_of(s, which);
}

static bool is_script(const struct symbol *s, unsigned which)
{
    const char *begin = known[which].script;
    return s->jit && (!begin || strncmp(s->function, begin, strlen(begin)) == 0);
}

/* The interpreter that runs a script in the frame; INTERPRETERS if it is none. inner: the frame
 * before; NULL: there is none. What has called a function of a script runs it, whatever its
 * name. */
static unsigned evaluator(const struct symbol *s, const struct symbol *inner)
{
    unsigned which = 0;
    while (which < INTERPRETERS && !evaluates(s, which) &&
           !(inner && is_script(inner, which) && is_of(s, which)))
        which++;
    return which;
}

/* The line that stands for n frames like s. */
static const struct symbol *line_for(struct interpreters *in, unsigned which, size_t n,
                                     const struct symbol *s)
{
    size_t before = in->lines.n, number = numbers_of(&in->lines, (uint64_t)which << 32 | n);
    if (number == before) {
        in->symbols = enough_room(in->symbols, number, &in->room, sizeof *in->symbols);
        struct symbol *line = enough(calloc(1, sizeof *line));
        const char *text =
            texts_take(&in->texts, enough_text("(%zu frame%s of the %s interpreter)", n,
                                               n == 1 ? "" : "s", known[which].name));
        *line = (struct symbol){ .name = text,
                                 .text = text,
                                 .function = "",
                                 .source = "",
                                 .module = s->module,
                                 .folded = n };
        in->symbols[number] = line;
    }
    return in->symbols[number];
}

size_t interpreters_fold(struct interpreters *in, const struct symbol **at, size_t n, bool fold)
{
    size_t kept = 0, least = 0; /* least: the frames from there on are of no run yet */
    for (size_t i = 0; i < n;) {
        unsigned which = evaluator(at[i], kept ? at[kept - 1] : NULL);
        if (which == INTERPRETERS) {
            at[kept++] = at[i++];
            continue;
        }
        const struct symbol *first = at[i];
        size_t run = 1, from = kept;
        in->seen[which].module = first->module;
        for (i++; i < n && is_of(at[i], which); i++)
            run++;
        while (from > least && is_of(at[from - 1], which) &&
               BEGINS(at[from - 1]->function, known[which].calls))
            from--;
        bool inside = from && is_script(at[from - 1], which);
        bool outside = i < n && is_script(at[i], which);
        in->seen[which].scripts |= inside || outside;
        if (!fold) {
            memmove(at + kept, at + i - run, run * sizeof *at);
            kept += run;
            continue;
        }
        run += kept - from;
        kept = from;
        /* Between functions of the script nothing is missing. */
        if (!inside && !outside)
            at[kept++] = line_for(in, which, run, first);
        least = kept;
    }
    return kept;
}

void interpreters_free(struct interpreters *in)
{
    for (size_t i = 0; i < in->lines.n; i++)
        free(in->symbols[i]);
    free(in->symbols);
    numbers_free(&in->lines);
    texts_free(&in->texts);
    *in = (struct interpreters){ .room = 0 };
}

/* The minor version in "python3.11" and "libpython3.11.so.1.0"; 0 where there is none. */
static int python_minor(const char *module)
{
    const char *name = strstr(base_name(module), "python");
    int major, minor;
    return name && sscanf(name, "python%d.%d", &major, &minor) == 2 && major == 3 ? minor : 0;
}

char *interpreters_hint(const struct interpreters *in, enum interpreter which)
{
    const struct interpreter_seen *seen = &in->seen[which];
    int minor;
    if (!seen->module || seen->scripts)
        return NULL;
    switch (which) {
    case INTERPRETER_CPYTHON:
        minor = python_minor(seen->module);
        if (minor && minor < 12)
            return enough_text("the functions of a Python script are named from CPython 3.12 on, "
                               "started with -X perf or PYTHONPERFSUPPORT=1; this is 3.%d",
                               minor);
        return enough_text(
            "the functions of a Python script are named if it is started with "
            "-X perf or PYTHONPERFSUPPORT=1, by the map file that CPython then writes");
    case INTERPRETER_RUBY:
        return enough_text(
            "the methods of a Ruby script are named where YJIT has compiled them, "
            "if Ruby (3.3 or later) is started with --yjit-perf, by the map file that it "
            "then writes");
    case INTERPRETER_PERL:
        return enough_text("the functions of a Perl script cannot be named: Perl writes no map "
                           "file");
    case INTERPRETERS: break;
    }
    return NULL;
}
