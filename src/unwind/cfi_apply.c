/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cfi: from a row to the caller.
 *
 * All rules refer to the registers of this call, so the caller's are collected in a frame of their
 * own. A register that a call may change is not known above it.
 */
#define _GNU_SOURCE
#include "common/bytes.h"
#include "unwind/cfi.h"

enum { OPERANDS = 12 };

enum operation { /* DWARF 5, table 7.9: those that .eh_frame uses */
                 OP_DEREF = 0x06,
                 OP_CONST1U = 0x08,
                 OP_CONST1S,
                 OP_CONST2U,
                 OP_CONST2S,
                 OP_CONST4U,
                 OP_CONST4S,
                 OP_CONST8U,
                 OP_CONST8S,
                 OP_CONSTU,
                 OP_CONSTS,
                 OP_DUP,
                 OP_DROP,
                 OP_AND = 0x1a,
                 OP_MINUS = 0x1c,
                 OP_MUL = 0x1e,
                 OP_OR = 0x21,
                 OP_PLUS,
                 OP_PLUS_UCONST,
                 OP_SHL,
                 OP_EQ = 0x29,
                 OP_GE,
                 OP_GT,
                 OP_LE,
                 OP_LT,
                 OP_NE,
                 OP_LIT0 = 0x30,
                 OP_LIT31 = 0x4f,
                 OP_BREG0 = 0x70,
                 OP_BREG31 = 0x8f,
};

struct evaluation {
    struct bytes code;
    const struct frame *frame;
    uintptr_t operand[OPERANDS];
    unsigned count;
    bool bad;
};

static void push(struct evaluation *e, uintptr_t value)
{
    if (e->count == OPERANDS)
        e->bad = true;
    else
        e->operand[e->count++] = value;
}

static uintptr_t pop(struct evaluation *e)
{
    if (e->count)
        return e->operand[--e->count];
    e->bad = true;
    return 0;
}

static void push_register(struct evaluation *e, unsigned reg)
{
    uintptr_t offset = (uintptr_t)bytes_sleb(&e->code);
    if (reg == FRAME_PC)
        push(e, e->frame->pc + offset);
    else if (frame_knows(e->frame, reg))
        push(e, e->frame->reg[reg] + offset);
    else
        e->bad = true;
}

static void compute(struct evaluation *e, unsigned char op)
{
    uintptr_t b = pop(e), a = pop(e);
    switch (op) {
    case OP_AND: return push(e, a & b);
    case OP_OR: return push(e, a | b);
    case OP_PLUS: return push(e, a + b);
    case OP_MINUS: return push(e, a - b);
    case OP_MUL: return push(e, a * b);
    case OP_SHL: return push(e, b < 64 ? a << b : 0);
    case OP_EQ: return push(e, a == b);
    case OP_NE: return push(e, a != b);
    case OP_GE: return push(e, (intptr_t)a >= (intptr_t)b);
    case OP_GT: return push(e, (intptr_t)a > (intptr_t)b);
    case OP_LE: return push(e, (intptr_t)a <= (intptr_t)b);
    case OP_LT: return push(e, (intptr_t)a < (intptr_t)b);
    default: e->bad = true;
    }
}

static void evaluate_one(struct evaluation *e, struct reach *stack)
{
    unsigned char op = (unsigned char)bytes_number(&e->code, 1, false);
    uintptr_t value;
    if (op >= OP_LIT0 && op <= OP_LIT31)
        return push(e, op - OP_LIT0);
    if (op >= OP_BREG0 && op <= OP_BREG31)
        return push_register(e, op - OP_BREG0);
    if (op >= OP_CONST1U && op <= OP_CONST8S)
        return push(e, bytes_number(&e->code, (size_t)1 << (op - OP_CONST1U) / 2, op & 1));
    switch (op) {
    case OP_CONSTU: return push(e, bytes_uleb(&e->code));
    case OP_CONSTS: return push(e, (uintptr_t)bytes_sleb(&e->code));
    case OP_PLUS_UCONST: return push(e, pop(e) + bytes_uleb(&e->code));
    case OP_DUP:
        value = pop(e);
        push(e, value);
        return push(e, value);
    case OP_DROP: pop(e); return;
    case OP_DEREF:
        if (!reach_word(stack, pop(e), &value))
            e->bad = true;
        else
            push(e, value);
        return;
    default: compute(e, op);
    }
}

/* Evaluates the expression at that distance from the module's header, with pushed on its stack. */
static bool evaluate(const struct module *m, int32_t place, const struct frame *f,
                     struct reach *stack, const uintptr_t *pushed, uintptr_t *value)
{
    struct evaluation e;
    struct bytes b = { m->unwind + place, (const unsigned char *)m->end, false };
    uint64_t len = bytes_uleb(&b);
    const unsigned char *code = bytes_skip(&b, len);
    if (!code)
        return false;
    e.code = (struct bytes){ code, code + len, false };
    e.frame = f;
    e.count = 0;
    e.bad = false;
    if (pushed)
        push(&e, *pushed);
    while (e.code.at < e.code.end && !e.bad && !e.code.bad)
        evaluate_one(&e, stack);
    *value = pop(&e);
    return !e.bad && !e.code.bad;
}

/* Finds a register of the caller by a rule other than CFI_SAME. */
static bool follow(const struct module *m, const struct cfi_row *row, unsigned i, uintptr_t cfa,
                   const struct frame *f, struct reach *stack, uintptr_t *value)
{
    int32_t operand = row->value[i];
    uintptr_t at;
    switch ((enum cfi_rule)row->rule[i]) {
    case CFI_AT: return reach_word(stack, cfa + (uintptr_t)(intptr_t)operand, value);
    case CFI_IS: *value = cfa + (uintptr_t)(intptr_t)operand; return true;
    case CFI_AT_EXPRESSION:
        return evaluate(m, operand, f, stack, &cfa, &at) && reach_word(stack, at, value);
    case CFI_IS_EXPRESSION: return evaluate(m, operand, f, stack, &cfa, value);
    case CFI_REGISTER:
        *value = frame_knows(f, (unsigned)operand) ? f->reg[operand] : 0;
        return frame_knows(f, (unsigned)operand);
    default: return false;
    }
}

static const unsigned char kept[FRAME_KEPT_COUNT] = FRAME_KEPT;
enum { RETURN = FRAME_KEPT_COUNT - 1 }; /* the return address is the last of them */

/* Finds the kept registers of the caller by rules of any kind. Returns a bit for each that is
 * known. */
static unsigned by_any_rule(const struct module *m, const struct cfi_row *row, uintptr_t cfa,
                            const struct frame *f, struct reach *stack, uintptr_t *value)
{
    unsigned known = 0;
    for (unsigned i = 0; i < FRAME_KEPT_COUNT; i++) {
        bool there = row->rule[i] != CFI_SAME ? follow(m, row, i, cfa, f, stack, &value[i])
                                              : frame_knows(f, kept[i]);
        if (row->rule[i] == CFI_SAME && there)
            value[i] = f->reg[kept[i]];
        known |= (unsigned)there << i;
    }
    return known;
}

/* Finds them where each is unchanged or in memory. That can be done in place, because the rules
 * need the CFA only. */
static bool by_plain_rules(const struct cfi_row *row, uintptr_t cfa, struct frame *f,
                           struct reach *stack)
{
    uintptr_t pc = 0;
    bool returns = false;
    if (!(row->told >> RETURN & 1) && frame_knows(f, FRAME_RETURN)) {
        pc = f->reg[FRAME_RETURN % FRAME_REGS]; /* a register only on aarch64 */
        returns = true;
    }
    for (unsigned told = row->told; told; told &= told - 1) {
        unsigned i = (unsigned)__builtin_ctz(told);
        uintptr_t word;
        bool there = reach_word(stack, cfa + (uintptr_t)(intptr_t)row->value[i], &word);
        if (i == RETURN) {
            pc = word;
            returns = there;
        } else if (there) {
            f->reg[kept[i]] = word;
            f->known |= 1UL << kept[i];
        } else {
            f->known &= ~(1UL << kept[i]);
        }
    }
    f->pc = returns ? pc : 0;
    return returns;
}

static bool find_cfa(const struct module *m, const struct cfi_row *row, const struct frame *f,
                     struct reach *stack, uintptr_t *cfa)
{
    if (row->cfa_reg == CFI_CFA_EXPRESSION)
        return evaluate(m, row->cfa_value, f, stack, NULL, cfa);
    if (!frame_knows(f, row->cfa_reg))
        return false;
    *cfa = f->reg[row->cfa_reg] + (uintptr_t)(intptr_t)row->cfa_value;
    return true;
}

bool cfi_apply(const struct module *m, const struct cfi_row *row, struct frame *f,
               struct reach *stack)
{
    uintptr_t cfa, value[FRAME_KEPT_COUNT];
    if (!find_cfa(m, row, f, stack, &cfa))
        return false;
    /* Stacks grow down. Only a leaf that has pushed nothing has its caller's stack pointer. Code
     * that has changed to another stack has an expression. */
    if (row->cfa_reg != CFI_CFA_EXPRESSION &&
        (cfa < f->reg[FRAME_SP] || (cfa == f->reg[FRAME_SP] && !f->exact)))
        return false;
    if (row->plain) {
        if (!by_plain_rules(row, cfa, f, stack))
            return false;
    } else {
        unsigned known = by_any_rule(m, row, cfa, f, stack, value);
        if (!(known >> RETURN & 1))
            return false;
        for (unsigned i = 0; i < RETURN; i++) {
            f->known &= ~(1UL << kept[i]);
            if (known >> i & 1) {
                f->reg[kept[i]] = value[i];
                f->known |= 1UL << kept[i];
            }
        }
        f->pc = value[RETURN];
    }
    f->pc = frame_unsigned(f->pc);
    f->reg[FRAME_SP] = cfa;
    /* No register that a call may change is known above it, that of the return address included. */
    f->known &= FRAME_KEPT_MASK;
    f->exact = false;
    return f->pc != 0;
}
