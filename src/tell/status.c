/*
 * status: see status.h.
 */
#include "tell/status.h"

/* The symbol is exported: `mapherd stat` finds the block by it. */
__attribute__((visibility("default"))) struct mapherd_status mapherd_status_block = {
    .version = MAPHERD_STATUS_VERSION,
    .size = sizeof mapherd_status_block,
    .limit = -1,
    .bound = -1,
    .exact = -1,
};

const struct status_row status_rows[] = {
#define NUMBER(type, name, kind, metric, what) \
    { #name, kind, metric, what, offsetof(struct mapherd_status, name), sizeof(type) },
#define FIELD(type, name, what)
#define ARRAY(type, name, length, what)
#include "mapherd/status.def"
#undef NUMBER
#undef FIELD
#undef ARRAY
};
const size_t status_count = sizeof status_rows / sizeof *status_rows;

int64_t status_value(const struct mapherd_status *block, const struct status_row *row)
{
    const char *at = (const char *)block + row->at;
    return row->size == sizeof(uint32_t)
               ? (int64_t)__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED)
               : __atomic_load_n((const int64_t *)at, __ATOMIC_RELAXED);
}
