/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * What C code called by a JVM does with a direct buffer: a fault in here is not one that HotSpot
 * knows how to go on from.
 */
#include <jni.h>

#include <stdint.h>
#include <string.h>

#define NATIVE(name) Java_FaultsOperations_##name

JNIEXPORT jlong JNICALL NATIVE(address)(JNIEnv *env, jclass class, jobject buffer)
{
    (void)class;
    return (jlong)(intptr_t)(*env)->GetDirectBufferAddress(env, buffer);
}

JNIEXPORT jlong JNICALL NATIVE(jniRead)(JNIEnv *env, jclass class, jobject buffer)
{
    const unsigned char *bytes = (*env)->GetDirectBufferAddress(env, buffer);
    jlong size = (*env)->GetDirectBufferCapacity(env, buffer);
    uint64_t seen = 0;

    (void)class;
    for (jlong n = 0; n < size; n++)
        seen = seen * 31 + bytes[n];
    return (jlong)seen;
}

JNIEXPORT jlong JNICALL NATIVE(jniFill)(JNIEnv *env, jclass class, jobject buffer)
{
    jlong size = (*env)->GetDirectBufferCapacity(env, buffer);

    (void)class;
    memset((*env)->GetDirectBufferAddress(env, buffer), 0x7e, (size_t)size);
    return size;
}
