/*
 * model: the state that all of the model shares.
 */
#define _GNU_SOURCE
#include "model/model.h"

struct lock model_lock;
size_t page_size = 4096;

__attribute__((visibility("default"))) struct mapherd_status mapherd_status_block = {
    .version = MAPHERD_STATUS_VERSION,
    .size = sizeof mapherd_status_block,
    .limit = -1,
    .bound = -1,
    .exact = -1,
};
