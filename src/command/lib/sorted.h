/*
 * sorted: arrays whose elements begin with the uint64_t that they are sorted by.
 */
#ifndef MAPHERD_COMMAND_SORTED_H
#define MAPHERD_COMMAND_SORTED_H

#include <stddef.h>
#include <stdint.h>

/* The order, for qsort(3). */
int sorted_order(const void *left, const void *right);

/* The number of elements that begin at or before `place`, of n sorted elements of size bytes. */
size_t sorted_until(const void *array, size_t n, size_t size, uint64_t place);

#endif
