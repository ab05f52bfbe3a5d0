/*
 * traced: mmap, munmap and mremap, with the recording of mappings around them.
 *
 * Each function is the engine's of the same name (engine.h), and all that is said there holds.
 * While mappings are recorded (trace/leaks.h), it also tells the record what the program asked for
 * and what it was given, whatever the engine has made of it.
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
