/*
 * direct: the program's calls that name a system call themselves, and those that announce a filter for them.
 */
#ifndef MAPHERD_DIRECT_H
#define MAPHERD_DIRECT_H

/* For the constructor: looks up the next in the chain; before it, system calls serve. */
void direct_resolve(void);

/* prctl(2), as the kernel answers. Before one that announces a seccomp filter, the library withdraws. */
long direct_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

#endif
