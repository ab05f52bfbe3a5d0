/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cfi: from a pc to its row.
 *
 * The binary search table of .eh_frame_hdr has the entry of a pc (FDE), which names its common part
 * (CIE). Both contain a program for a machine that has one row of rules, a first row to restore,
 * and a stack of rows. The program runs until it has passed the pc.
 */
#define _GNU_SOURCE
#include "unwind/cfi.h"

#include "common/bytes.h"

enum { ROWS_REMEMBERED = 4 }; /* compilers nest them once */

/* The encodings of pointers: LSB, "DWARF Exception Header Encoding". */
enum { AS_ADDRESS = 0x00, AS_PCREL = 0x10, AS_DATAREL = 0x30, AS_OMITTED = 0xff };

struct entry {
    struct bytes first, own; /* the programs of the CIE and of the FDE */
    uintptr_t start, end;    /* the code that it describes */
    uint64_t code_unit;
    int64_t data_unit;
    uint64_t return_column;
    unsigned char pointers;
    bool signal;
};

static uintptr_t read_pointer(struct bytes *b, unsigned char how, uintptr_t datarel)
{
    static const unsigned char sizes[] = { 8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8, 0, 0, 0 };
    uintptr_t here = (uintptr_t)b->at;
    size_t size = sizes[how & 0xf];
    if (!size) {
        b->bad = true;
        return 0;
    }
    uintptr_t value = bytes_number(b, size, how & 8);
    switch (how & 0xf0) {
    case AS_ADDRESS: return value;
    case AS_PCREL: return here + value;
    case AS_DATAREL: return datarel + value;
    default: b->bad = true; return 0;
    }
}

/* Returns the entry at an address, without its length. */
static struct bytes open_entry(const struct module *m, const unsigned char *at)
{
    struct bytes b = { at, (const unsigned char *)m->end, false };
    if ((uintptr_t)at < m->start || (uintptr_t)at >= m->end) {
        b.end = at;
        b.bad = true;
        return b;
    }
    uint64_t len = bytes_number(&b, 4, false);
    if (len == 0xffffffff)
        len = bytes_number(&b, 8, false);
    const unsigned char *body = bytes_skip(&b, len);
    if (!body || !len) {
        b.bad = true;
        return b;
    }
    return (struct bytes){ body, body + len, false };
}

static bool read_cie(const struct module *m, const unsigned char *at, struct entry *e)
{
    struct bytes b = open_entry(m, at);
    uint64_t id = bytes_number(&b, 4, false);
    uint64_t version = bytes_number(&b, 1, false);
    const char *letters = (const char *)b.at;
    while (bytes_number(&b, 1, false))
        ;
    if (b.bad || id || (version != 1 && version != 3))
        return false;
    e->code_unit = bytes_uleb(&b);
    e->data_unit = bytes_sleb(&b);
    e->return_column = version == 1 ? bytes_number(&b, 1, false) : bytes_uleb(&b);
    e->pointers = AS_ADDRESS;
    e->signal = false;
    if (*letters == 'z') {
        uint64_t len = bytes_uleb(&b);
        const unsigned char *data = bytes_skip(&b, len);
        if (!data)
            return false;
        struct bytes extra = { data, data + len, false };
        for (letters++; *letters; letters++) {
            if (*letters == 'R') {
                e->pointers = (unsigned char)bytes_number(&extra, 1, false);
            } else if (*letters == 'P') {
                /* The personality routine: it is read to get behind it. */
                unsigned char how = (unsigned char)bytes_number(&extra, 1, false);
                read_pointer(&extra, how & 0x7f, 0);
            } else if (*letters == 'L') {
                bytes_skip(&extra, 1);
            } else if (*letters == 'S') {
                e->signal = true;
            } else if (*letters != 'B') { /* B: addresses are signed with the other key */
                return false;
            }
        }
        if (extra.bad)
            return false;
    } else if (*letters) {
        return false;
    }
    e->first = b;
    return !b.bad && e->return_column == FRAME_RETURN;
}

static bool read_fde(const struct module *m, const unsigned char *at, struct entry *e)
{
    struct bytes b = open_entry(m, at);
    const unsigned char *here = b.at;
    uint64_t back = bytes_number(&b, 4, false);
    if (b.bad || !back || back > (uintptr_t)here - m->start || !read_cie(m, here - back, e))
        return false;
    e->start = read_pointer(&b, e->pointers, (uintptr_t)m->unwind);
    e->end = e->start + read_pointer(&b, e->pointers & 0x0f, 0);
    bytes_skip(&b, bytes_uleb(&b)); /* every augmentation that read_cie takes has a length */
    e->own = b;
    return !b.bad;
}

/* Returns the last entry of the search table that starts at or before pc. */
static const unsigned char *search(const struct module *m, uintptr_t pc)
{
    const unsigned char *header = m->unwind;
    uintptr_t at = (uintptr_t)header;
    if (at < m->start || at >= m->end)
        return NULL;
    struct bytes b = { header, (const unsigned char *)m->end, false };
    unsigned char version = (unsigned char)bytes_number(&b, 1, false);
    unsigned char frame_how = (unsigned char)bytes_number(&b, 1, false);
    unsigned char count_how = (unsigned char)bytes_number(&b, 1, false);
    unsigned char table_how = (unsigned char)bytes_number(&b, 1, false);
    if (version != 1 || count_how != 0x03 || table_how != 0x3b) /* udata4; sdata4 from the header */
        return NULL;
    read_pointer(&b, frame_how, at);
    uint64_t count = bytes_number(&b, 4, false);
    struct {
        int32_t start, entry;
    } row;
    const unsigned char *table = bytes_skip(&b, count * sizeof row);
    if (b.bad || !table || (pc - at + (1UL << 31)) >> 32)
        return NULL;
    int32_t wanted = (int32_t)(pc - at);
    uint64_t low = 0, high = count; /* before low they start at or before pc, from high on later */
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        memcpy(&row, table + middle * sizeof row, sizeof row);
        if (row.start <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    memcpy(&row, table + (low - 1) * sizeof row, sizeof row);
    return header + row.entry;
}

/* ---- the machine ---- */

struct machine {
    const struct module *module;
    const struct entry *entry;
    uintptr_t at, wanted; /* the pc of the present row, and the one to stop at */
    struct cfi_row row, first, remembered[ROWS_REMEMBERED];
    unsigned depth;
    bool bad;
};

static int kept(uint64_t reg)
{
    static const unsigned char kept_regs[FRAME_KEPT_COUNT] = FRAME_KEPT;
    for (int i = 0; i < FRAME_KEPT_COUNT; i++)
        if (kept_regs[i] == reg)
            return i;
    return -1;
}

/* Ignores a register that a call may change. */
static void set_rule(struct machine *m, uint64_t reg, enum cfi_rule rule, int64_t value)
{
    int i = kept(reg);
    if (i < 0)
        return;
    m->row.rule[i] = (uint8_t)rule;
    m->row.value[i] = (int32_t)value;
    if (value != (int32_t)value)
        m->bad = true;
}

static void restore_rule(struct machine *m, uint64_t reg)
{
    int i = kept(reg);
    if (i < 0)
        return;
    m->row.rule[i] = m->first.rule[i];
    m->row.value[i] = m->first.value[i];
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t value)
{
    m->row.cfa_reg = (uint8_t)reg;
    m->row.cfa_value = (int32_t)value;
    if (reg >= FRAME_REGS || value != (int32_t)value)
        m->bad = true;
}

static void set_cfa_value(struct machine *m, int64_t value)
{
    if (m->row.cfa_reg >= FRAME_REGS)
        m->bad = true; /* there is no offset without a register */
    m->row.cfa_value = (int32_t)value;
    if (value != (int32_t)value)
        m->bad = true;
}

/* Skips an expression and returns its place. */
static int64_t expression(struct machine *m, struct bytes *b)
{
    int64_t place = b->at - m->module->unwind;
    bytes_skip(b, bytes_uleb(b));
    return place;
}

static void remember(struct machine *m)
{
    if (m->depth == ROWS_REMEMBERED)
        m->bad = true;
    else
        m->remembered[m->depth++] = m->row;
}

static void recall(struct machine *m)
{
    if (!m->depth)
        m->bad = true;
    else
        m->row = m->remembered[--m->depth];
}

enum cfa_op { /* DWARF 5, table 7.29, with the additions of GNU and ARM */
              CFA_NOP = 0x00,
              CFA_SET_LOC,
              CFA_ADVANCE_1,
              CFA_ADVANCE_2,
              CFA_ADVANCE_4,
              CFA_OFFSET_EXTENDED,
              CFA_RESTORE_EXTENDED,
              CFA_UNDEFINED,
              CFA_SAME_VALUE,
              CFA_REGISTER,
              CFA_REMEMBER,
              CFA_RESTORE_STATE,
              CFA_DEF_CFA,
              CFA_DEF_CFA_REGISTER,
              CFA_DEF_CFA_OFFSET,
              CFA_DEF_CFA_EXPRESSION,
              CFA_EXPRESSION,
              CFA_OFFSET_EXTENDED_SF,
              CFA_DEF_CFA_SF,
              CFA_DEF_CFA_OFFSET_SF,
              CFA_VAL_OFFSET,
              CFA_VAL_OFFSET_SF,
              CFA_VAL_EXPRESSION,
              CFA_NEGATE_RA_STATE_WITH_PC = 0x2c,
              CFA_NEGATE_RA_STATE = 0x2d,
              CFA_ARGS_SIZE = 0x2e,
              CFA_NEGATIVE_OFFSET_EXTENDED = 0x2f,
              CFA_ADVANCE = 0x40,
              CFA_OFFSET = 0x80,
              CFA_RESTORE = 0xc0,
};

/* Returns operand * unit. A product beyond 64 bits is INT64_MAX, which is no value of a rule. */
static int64_t scale(int64_t operand, int64_t unit)
{
    int64_t product;
    return __builtin_mul_overflow(operand, unit, &product) ? INT64_MAX : product;
}

static void advance(struct machine *m, uint64_t units)
{
    m->at += units * m->entry->code_unit;
}

/* Runs one instruction whose first operand is a register number. */
static void run_with_register(struct machine *m, struct bytes *b, unsigned char op)
{
    uint64_t reg = bytes_uleb(b);
    int64_t unit = m->entry->data_unit;
    switch (op) {
    case CFA_OFFSET_EXTENDED: set_rule(m, reg, CFI_AT, scale((int64_t)bytes_uleb(b), unit)); break;
    case CFA_OFFSET_EXTENDED_SF: set_rule(m, reg, CFI_AT, scale(bytes_sleb(b), unit)); break;
    case CFA_NEGATIVE_OFFSET_EXTENDED:
        set_rule(m, reg, CFI_AT, scale((int64_t)-bytes_uleb(b), unit));
        break;
    case CFA_VAL_OFFSET: set_rule(m, reg, CFI_IS, scale((int64_t)bytes_uleb(b), unit)); break;
    case CFA_VAL_OFFSET_SF: set_rule(m, reg, CFI_IS, scale(bytes_sleb(b), unit)); break;
    case CFA_EXPRESSION: set_rule(m, reg, CFI_AT_EXPRESSION, expression(m, b)); break;
    case CFA_VAL_EXPRESSION: set_rule(m, reg, CFI_IS_EXPRESSION, expression(m, b)); break;
    case CFA_RESTORE_EXTENDED: restore_rule(m, reg); break;
    case CFA_UNDEFINED: set_rule(m, reg, CFI_UNDEFINED, 0); break;
    case CFA_SAME_VALUE: set_rule(m, reg, CFI_SAME, 0); break;
    case CFA_REGISTER: set_rule(m, reg, CFI_REGISTER, (int64_t)bytes_uleb(b)); break;
    case CFA_DEF_CFA: set_cfa(m, reg, (int64_t)bytes_uleb(b)); break;
    case CFA_DEF_CFA_SF: set_cfa(m, reg, scale(bytes_sleb(b), unit)); break;
    case CFA_DEF_CFA_REGISTER: set_cfa(m, reg, m->row.cfa_value); break;
    default: m->bad = true;
    }
}

static void run_one(struct machine *m, struct bytes *b)
{
    unsigned char op = (unsigned char)bytes_number(b, 1, false);
    unsigned char low = op & 0x3f;
    switch (op & 0xc0) {
    case CFA_ADVANCE: advance(m, low); return;
    case CFA_OFFSET:
        set_rule(m, low, CFI_AT, scale((int64_t)bytes_uleb(b), m->entry->data_unit));
        return;
    case CFA_RESTORE: restore_rule(m, low); return;
    }
    switch (op) {
    case CFA_NOP:
    case CFA_NEGATE_RA_STATE: /* frame_unsigned removes every signature */
    case CFA_NEGATE_RA_STATE_WITH_PC: break;
    case CFA_ARGS_SIZE: bytes_uleb(b); break;
    case CFA_SET_LOC:
        m->at = read_pointer(b, m->entry->pointers, (uintptr_t)m->module->unwind);
        break;
    case CFA_ADVANCE_1: advance(m, bytes_number(b, 1, false)); break;
    case CFA_ADVANCE_2: advance(m, bytes_number(b, 2, false)); break;
    case CFA_ADVANCE_4: advance(m, bytes_number(b, 4, false)); break;
    case CFA_REMEMBER: remember(m); break;
    case CFA_RESTORE_STATE: recall(m); break;
    case CFA_DEF_CFA_OFFSET: set_cfa_value(m, (int64_t)bytes_uleb(b)); break;
    case CFA_DEF_CFA_OFFSET_SF: set_cfa_value(m, scale(bytes_sleb(b), m->entry->data_unit)); break;
    case CFA_DEF_CFA_EXPRESSION: {
        int64_t place = expression(m, b);
        m->row.cfa_reg = CFI_CFA_EXPRESSION;
        m->row.cfa_value = (int32_t)place;
        m->bad |= place != (int32_t)place;
        break;
    }
    default: run_with_register(m, b, op);
    }
}

/* Runs a program until the row is that of the wanted pc. */
static bool run(struct machine *m, struct bytes b)
{
    while (b.at < b.end && m->at <= m->wanted && !m->bad && !b.bad)
        run_one(m, &b);
    return !m->bad && !b.bad;
}

/* Notes what lets cfi_apply take its short way, as for most rows. */
static void sum_up(struct cfi_row *row)
{
    row->plain = row->cfa_reg < FRAME_REGS;
    row->told = 0;
    for (unsigned i = 0; i < FRAME_KEPT_COUNT; i++) {
        if (row->rule[i] != CFI_SAME)
            row->told |= (uint16_t)(1U << i);
        if (row->rule[i] != CFI_SAME && row->rule[i] != CFI_AT)
            row->plain = false;
    }
}

bool cfi_function(const struct module *module, uintptr_t pc, uintptr_t *start, uintptr_t *end)
{
    struct entry e;
    const unsigned char *at = search(module, pc);
    if (!at || !read_fde(module, at, &e) || pc < e.start || pc >= e.end || e.end > module->end)
        return false;
    *start = e.start;
    *end = e.end;
    return true;
}

void cfi_find(const struct module *module, uintptr_t pc, struct cfi_row *row)
{
    struct entry e;
    struct machine m;
    const unsigned char *at = search(module, pc);
    row->cfa_reg = CFI_NO_ROW;
    if (!at || !read_fde(module, at, &e) || pc < e.start || pc >= e.end)
        return;
    memset(&m.row, 0, sizeof m.row);
    m.module = module;
    m.entry = &e;
    m.at = e.start;
    m.wanted = pc;
    m.row.cfa_reg = CFI_NO_ROW;
    m.row.signal = e.signal;
    m.first = m.row; /* a CIE that restores gets a row without rules */
    m.depth = 0;
    m.bad = false;
    if (!run(&m, e.first))
        return;
    m.first = m.row;
    if (!run(&m, e.own))
        return;
    *row = m.row;
    sum_up(row);
}
