/*
 * sorted: arrays whose elements begin with the uint64_t that they are sorted by.
 */
#include "command/lib/sorted.h"

int sorted_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

size_t sorted_until(const void *array, size_t n, size_t size, uint64_t place)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (*(const uint64_t *)((const char *)array + middle * size) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
