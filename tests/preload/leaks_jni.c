/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* Native methods that map where the JVM may not be asked for their callers. */
#define _GNU_SOURCE
#include <jni.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static void map(void)
{
    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    __asm__ volatile("" ::: "memory"); /* no tail call: the frame is looked for */
}

JNIEXPORT void JNICALL Java_LeakNative_map(JNIEnv *env, jclass class)
{
    (void)env, (void)class;
    map();
}

JNIEXPORT void JNICALL Java_LeakNative_mapLater(JNIEnv *env, jclass class)
{
    (void)env, (void)class;
    map();
}

/* A way that leads to code of no file, as a JIT's: it calls its argument. */
#if defined(__x86_64__)
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
#else
static const unsigned char code[] = { 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00,
                                      0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6 };
#endif

static void *map_often(void *n)
{
    void (*call)(void (*)(void));
    void *made = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(made, code, sizeof code);
    mprotect(made, PAGE, PROT_READ | PROT_EXEC);
    __builtin___clear_cache((char *)made, (char *)made + sizeof code);
    memcpy(&call, &made, sizeof call);
    for (int i = 0; i < *(const int *)n; i++)
        call(map);
    return NULL;
}

/* In a thread that the JVM does not know. */
JNIEXPORT void JNICALL Java_LeakNative_mapDetached(JNIEnv *env, jclass class, jint n)
{
    pthread_t thread;
    int times = n;
    (void)env, (void)class;
    if (pthread_create(&thread, NULL, map_often, &times) == 0)
        pthread_join(thread, NULL);
}

/* Bigger than the allocator's chunk, so it maps. */
JNIEXPORT void JNICALL Java_LeakNative_allocate(JNIEnv *env, jclass class)
{
    (void)env, (void)class;
    volatile char *kept = malloc(2 << 20);
    *kept = 1;
}

static void on_signal(int sig)
{
    (void)sig;
    mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    __asm__ volatile("" ::: "memory");
}

JNIEXPORT void JNICALL Java_LeakNative_interrupt(JNIEnv *env, jclass class)
{
    (void)env, (void)class;
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
}
