/*
 * stacks: call stacks in the record, each once; the modules and the Java frames they are made of.
 *
 * record_lock held; the record is there.
 */
#ifndef MAPHERD_STACKS_H
#define MAPHERD_STACKS_H

#include <stddef.h>
#include <stdint.h>

/* A new record: nothing is known yet. */
void stacks_start(void);

/*
 * Native frames as unwind.h gives them, innermost first, and then Java frames (elements of FRAME).
 * The stack's word in STACK; 0 without space. A stack that was seen before costs a look.
 * A library that was loaded where another was is told from it by its addresses alone.
 */
uint32_t stacks_add(const uintptr_t *pcs, size_t n, const uint32_t *java, size_t java_n);

/* A Java frame: the JVM's own numbers of the method and of the place in it, and what they mean. */
struct java_frame {
    uint64_t method;
    int32_t location;
    const char *class_name, *name, *source; /* source may be NULL */
    int32_t line;                           /* 0: not known, -1: native */
};

/* Its element of FRAME, if it is known by its numbers; 0 if not. */
uint32_t stacks_find_frame(uint64_t method, int32_t location);

/* Its element; 0 without space. */
uint32_t stacks_add_frame(const struct java_frame *f);

#endif
