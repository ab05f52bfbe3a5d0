/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stacks: see stacks.h.
 *
 * But for the counts of a stack, an element is never changed after it was added. So a reader of the
 * record may follow any number that it finds.
 */
#define _GNU_SOURCE
#include "trace/stacks.h"

#include <link.h>
#include <string.h>

#include "kernel/sys.h"
#include "tell/recordfile.h"
#include "unwind/module.h"

#define BUCKETS 16383u
#define STACK_WORDS 2 /* in front of the frames */
#define USE_WORDS (sizeof(struct mapherd_record_use) / sizeof(uint64_t)) /* behind them */
#define NAME_LEN 1024

static uint32_t stack_index, frame_index; /* INDEX: the first of BUCKETS each */
static uint32_t program;                  /* TEXT: the program's own file */

void stacks_start(void)
{
    LOCK_ASSERT(&record_lock);
    program = 0;
    stack_index = recordfile_take(MAPHERD_CHUNK_INDEX, BUCKETS);
    frame_index = recordfile_take(MAPHERD_CHUNK_INDEX, BUCKETS);
}

static uint32_t *bucket_of(uint32_t index, uint64_t hash)
{
    return recordfile_at(MAPHERD_CHUNK_INDEX, index + (uint32_t)((hash >> 32) % BUCKETS));
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* The number of a copy of the text; 0 without space. The copy ends after NAME_LEN - 1 bytes. */
static uint32_t add_text(const char *text)
{
    size_t len = strnlen(text, NAME_LEN - 1);
    uint32_t i = recordfile_take(MAPHERD_CHUNK_TEXT, (uint32_t)len + 1);
    if (i)
        memcpy(recordfile_at(MAPHERD_CHUNK_TEXT, i), text, len); /* what follows is 0 */
    return i;
}

/* ---- modules ---- */

static uint32_t program_text(void)
{
    char path[NAME_LEN];
    if (!program) {
        long len = sys_readlink("/proc/self/exe", path, sizeof path - 1);
        path[len > 0 ? len : 0] = '\0';
        program = add_text(path);
    }
    return program;
}

/* Copies the build id out of a note segment. */
static void look_for_id(uintptr_t note, size_t len, struct mapherd_record_module *to)
{
    while (len >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *n = (const void *)note;
        size_t name = (n->n_namesz + 3u) & ~3u, text = (n->n_descsz + 3u) & ~3u;
        size_t whole = sizeof *n + name + text;
        if (name > len || text > len || whole > len)
            return;
        if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && n->n_descsz <= sizeof to->id &&
            memcmp(n + 1, "GNU", 4) == 0) {
            to->id_len = n->n_descsz;
            memcpy(to->id, (const char *)(n + 1) + name, n->n_descsz);
            return;
        }
        note += whole;
        len -= whole;
    }
}

/* Reads the build id from the module's own memory. That may hold anything and may be gone, so
 * reach_span says of each part whether it can be read. */
static void read_id(const struct module *m, struct mapherd_record_module *to)
{
    struct reach reach = { 0, 0 };
    const ElfW(Ehdr) *head = (const void *)m->start;
    if (!reach_span(&reach, m->start, sizeof *head) ||
        memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_phentsize != sizeof(ElfW(Phdr)) ||
        head->e_phoff > REACH_PAGE)
        return;
    for (unsigned i = 0; i < head->e_phnum && !to->id_len; i++) {
        uintptr_t at = m->start + head->e_phoff + i * sizeof(ElfW(Phdr));
        if (!reach_span(&reach, at, sizeof(ElfW(Phdr))))
            return;
        const ElfW(Phdr) *part = (const void *)at;
        uintptr_t note = m->bias + part->p_vaddr;
        if (part->p_type == PT_NOTE && part->p_memsz < REACH_PAGE && note >= m->start &&
            note + part->p_memsz <= m->end && !(note & 3) &&
            reach_span(&reach, note, part->p_memsz))
            look_for_id(note, part->p_memsz, to);
    }
}

/* The module's element of MODULE. 0 without space, or where there are more modules than a frame
 * has numbers for. */
static uint32_t module_of(const struct module *m)
{
    uint32_t used = recordfile_head()->used[MAPHERD_CHUNK_MODULE];
    for (uint32_t i = 1; i < used; i++) {
        const struct mapherd_record_module *have = recordfile_at(MAPHERD_CHUNK_MODULE, i);
        if (have->start == m->start && have->end == m->end &&
            (!*m->path || strcmp(recordfile_at(MAPHERD_CHUNK_TEXT, have->path), m->path) == 0))
            return i;
    }
    struct mapherd_record_module new = { .bias = m->bias, .start = m->start, .end = m->end };
    new.path = *m->path ? add_text(m->path) : program_text();
    uint32_t i =
        new.path &&used < MAPHERD_FRAME_JAVA ? recordfile_take(MAPHERD_CHUNK_MODULE, 1) : 0;
    if (!i)
        return 0;
    read_id(m, &new);
    *(struct mapherd_record_module *)recordfile_at(MAPHERD_CHUNK_MODULE, i) = new;
    return i;
}

/* last: the module of the frame before, and *number its element. */
static uint64_t frame_of(uintptr_t pc, struct module *last, uint32_t *number)
{
    if (pc < last->start || pc >= last->end) {
        if (!module_find(pc, last)) {
            last->start = last->end = 0;
            return pc & 0xffffffffffffull;
        }
        *number = module_of(last);
    }
    uint64_t offset = pc - (*number ? last->bias : 0);
    return (uint64_t)*number << 48 | (offset & 0xffffffffffffull);
}

/* ---- stacks ---- */

static struct mapherd_record_stack *stack_at(uint32_t i)
{
    return recordfile_at(MAPHERD_CHUNK_STACK, i);
}

uint32_t stacks_add(const uintptr_t *pcs, size_t n, const uint32_t *java, size_t java_n)
{
    LOCK_ASSERT(&record_lock);
    uint64_t hash = n;
    if (!stack_index || n + java_n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        hash = mix(hash, pcs[i]);
    for (size_t i = 0; i < java_n; i++)
        hash = mix(hash, java[i]);
    uint32_t *bucket = bucket_of(stack_index, hash);
    for (uint32_t i = *bucket; i; i = stack_at(i)->next)
        if (stack_at(i)->hash == hash && stack_at(i)->depth == n + java_n)
            return i;
    uint32_t i =
        recordfile_take(MAPHERD_CHUNK_STACK, (uint32_t)(STACK_WORDS + n + java_n + USE_WORDS));
    if (!i)
        return 0;
    struct mapherd_record_stack *s = stack_at(i);
    struct module last = { .start = 0, .end = 0 };
    uint32_t number = 0;
    for (size_t k = 0; k < n; k++)
        s->frames[k] = frame_of(pcs[k], &last, &number);
    for (size_t k = 0; k < java_n; k++)
        s->frames[n + k] = (uint64_t)MAPHERD_FRAME_JAVA << 48 | java[k];
    s->hash = hash;
    s->next = *bucket;
    __atomic_store_n(&s->depth, (uint32_t)(n + java_n), __ATOMIC_RELEASE);
    *bucket = i;
    return i;
}

/* ---- what became of their mappings ---- */

static struct mapherd_record_use *use_of(uint32_t stack)
{
    struct mapherd_record_stack *s = stack_at(stack);
    return (struct mapherd_record_use *)(s->frames + s->depth);
}

void stacks_count_made(uint32_t stack)
{
    LOCK_ASSERT(&record_lock);
    if (stack)
        use_of(stack)->made++;
}

void stacks_count_unmapped(uint32_t stack, uint64_t lived_ms)
{
    LOCK_ASSERT(&record_lock);
    if (!stack)
        return;
    use_of(stack)->unmapped++;
    use_of(stack)->lived_ms += lived_ms;
}

void stacks_clear_counts(void)
{
    LOCK_ASSERT(&record_lock);
    for (uint32_t b = 0; stack_index && b < BUCKETS; b++)
        for (uint32_t i = *(uint32_t *)recordfile_at(MAPHERD_CHUNK_INDEX, stack_index + b); i;
             i = stack_at(i)->next)
            *use_of(i) = (struct mapherd_record_use){ 0 };
}

/* ---- Java frames: own[0] is the method, own[1] its location and the next of the bucket ---- */

static struct mapherd_record_frame *java_at(uint32_t i)
{
    return recordfile_at(MAPHERD_CHUNK_FRAME, i);
}

static uint32_t *java_bucket(uint64_t method, int32_t location)
{
    return bucket_of(frame_index, mix(mix(0, method), (uint32_t)location));
}

uint32_t stacks_find_frame(uint64_t method, int32_t location)
{
    LOCK_ASSERT(&record_lock);
    if (!frame_index)
        return 0;
    uint32_t i = *java_bucket(method, location);
    while (i && (java_at(i)->own[0] != method || (int32_t)(java_at(i)->own[1] >> 32) != location))
        i = (uint32_t)java_at(i)->own[1];
    return i;
}

uint32_t stacks_add_frame(const struct java_frame *f)
{
    LOCK_ASSERT(&record_lock);
    uint32_t i = frame_index ? recordfile_take(MAPHERD_CHUNK_FRAME, 1) : 0;
    if (!i)
        return 0;
    uint32_t *bucket = java_bucket(f->method, f->location);
    *java_at(i) = (struct mapherd_record_frame){
        .class_name = add_text(f->class_name),
        .method = add_text(f->name),
        .source = f->source ? add_text(f->source) : 0,
        .line = f->line,
        .own = { f->method, (uint64_t)(uint32_t)f->location << 32 | *bucket },
    };
    *bucket = i;
    return i;
}
