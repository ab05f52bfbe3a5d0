/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: the reader of records, and all that is made of them: groups, and the parts of `mapherd
 * report`.
 *
 * The input is a packed record (packed.h). Whatever is changed in it, what the reader gives keeps
 * what it promises.
 */
#include "../../src/command/report/report.c"

#include <sys/mman.h>

#include "packed.h"

enum { MOST = 200000 };

const struct verb *const verbs[] = { NULL };
const char *const page_html[] = { NULL }, *const page_css[] = { NULL }, *const page_js[] = { NULL };

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static void check_piece(const struct record *r, size_t i)
{
    const struct mapherd_record_mapping *p = &r->pieces[i];
    size_t depth;
    holds(p->start < p->end && p->start % r->head.page_size == 0 &&
          p->end % r->head.page_size == 0);
    holds(i == 0 || p[-1].end <= p->start);
    holds(p->file == 0 || p->file < r->file_count);
    holds(!fuzz_broken() || p->born_ms < UINT64_MAX / 2);
    const uint64_t *frames = record_stack(r, p->stack, &depth);
    for (size_t k = 0; k < depth; k++) {
        uint32_t module = MAPHERD_FRAME_MODULE(frames[k]);
        holds(module == MAPHERD_FRAME_JAVA ? (uint32_t)frames[k] < r->frame_count
                                           : module == 0 || module < r->module_count);
    }
}

static void check(const struct record *r)
{
    for (size_t i = 0; i < r->piece_count; i++)
        check_piece(r, i);
    for (size_t i = 0; i < r->file_count; i++)
        holds(strlen(record_text(r, r->files[i].path)) <= r->text_len);
    for (size_t i = 0; i < r->event_count; i++)
        holds(memchr(r->events[i].text, 0, sizeof r->events[i].text) != NULL);
    for (size_t i = 0; i < r->head.history_levels * r->head.history_points; i++)
        state += r->points[i].time; /* read, for the sanitizers */
}

/* What one part of the report writes. None can end the script or the style that it lies in. */
static void check_part(const struct report *r, void (*part)(const struct report *r, FILE *out))
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    part(r, out);
    fclose(out);
    holds(len > 0 && strlen(text) == len);
    holds(!strstr(text, "</script") && !strstr(text, "</style") && !strstr(text, "<!--"));
    for (size_t i = 0; i < len; i++)
        holds((unsigned char)text[i] >= ' ' || text[i] == '\n');
    free(text);
}

static void check_report(const char *path)
{
    struct report r = { .limit = -1 };
    if (look(&r, &verb_report, path, NULL) != DONE)
        return;
    check_part(&r, report_json);
    check_part(&r, report_words);
    check_part(&r, report_data);
    if (r.of_pieces)
        free((void *)(uintptr_t)r.maps);
    groups_free(&r.stacks);
    groups_free(&r.files);
    groups_free(&r.suffixes);
    groups_free(&r.deleted);
    held_free(&r.space->held);
    free(r.space->runs);
    free(r.space);
    live_close(&r.live);
}

static void read_one(const char *path)
{
    struct live l;
    struct groups g;
    const char *why = "";
    struct record *r = record_read(path, &why);
    if (!r) {
        holds(*why);
        return;
    }
    check(r);
    record_free(r);
    if (!live_open(&l, path, NULL, &why))
        return;
    for (int by = GROUP_STACK; by <= GROUP_AGE; by++) {
        groups_make(&g, &l, 1, (enum group_by)by, 0);
        size_t sum = 0;
        for (size_t i = 0; i < g.n; i++)
            sum += g.at[i].mappings;
        holds(sum == g.all.mappings && g.all.pieces == l.record->piece_count);
        groups_free(&g);
    }
    live_close(&l);
    check_report(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[MOST];
    static int fd = -1;
    char path[32];
    size_t len = packed_open(data, size, bytes, MOST);
    if (fd < 0)
        fd = memfd_create("record", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
        abort();
    read_one(path);
    return 0;
}

/* Changes the head's numbers, the parts, or anything. */
static void change(uint8_t *bytes, size_t len)
{
    static const uint64_t odd[] = { 0,          1,          2,         4095,
                                    4096,       65535,      65536,     0x7fffffff,
                                    0x80000000, UINT32_MAX, INT64_MAX, 0xffff000000000001,
                                    UINT64_MAX };
    for (uint64_t n = 1 + draw(4); n > 0; n--) {
        uint64_t at =
            draw(3) ? draw(len) : offsetof(struct mapherd_record_head, history_at) + draw(256);
        if (draw(8) == 0)
            at = draw(72);
        size_t width = draw(2) ? 8 : 4;
        if (at / width * width + width > len)
            continue;
        if (draw(2))
            bytes[at] ^= (uint8_t)(1u << draw(8));
        else
            memcpy(bytes + at / width * width, &odd[draw(sizeof odd / sizeof *odd)], width);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    static uint8_t bytes[MOST];
    state = seed;
    draw(2);
    if (size == 0 || draw(3) == 0)
        return LLVMFuzzerMutate(data, size, most);
    size_t len = packed_open(data, size, bytes, MOST);
    if (len)
        change(bytes, len);
    if (len && draw(20) == 0)
        len = draw(len);
    size_t packed = packed_make(bytes, len, data, most);
    return packed ? packed : LLVMFuzzerMutate(data, size, most);
}
