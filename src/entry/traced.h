/*
 * traced: the calls that map and unmap, with the record around them while mappings are recorded.
 *
 * Otherwise each is the engine's call of the same name. The record has the program's view: what it
 * asked for and was given, whatever the engine made of it.
 */
#ifndef MAPHERD_TRACED_H
#define MAPHERD_TRACED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

long traced_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset);
long traced_munmap(uintptr_t addr, size_t len);
long traced_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to);

#endif
