/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;

/** The operations of java.lang.foreign, for the JDKs that have it. */
final class FaultsForeign {
    private static final MethodHandle MEMSET = libc("memset", FunctionDescriptor.of(
            ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    private static final MethodHandle MEMCMP = libc("memcmp", FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));

    private FaultsForeign() { }

    static void register() {
        FaultsOperations.addRead("ffm-read", FaultsForeign::downRead);
        FaultsOperations.addRead("ffm-mismatch", buffer ->
                segment(Faults.cut()).mismatch(segment(buffer)));
        FaultsOperations.addStore("ffm-memset", FaultsForeign::downFill);
        FaultsOperations.addStore("ffm-fill", buffer ->
                segment(buffer).fill((byte) 0x3c).byteSize());
        FaultsOperations.addStore("ffm-copy", buffer ->
                segment(buffer).copyFrom(segment(Faults.content())).byteSize());
        FaultsOperations.addStore("ffm-set", FaultsForeign::set);
    }

    private static MethodHandle libc(String name, FunctionDescriptor function) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).get(), function);
    }

    private static MemorySegment segment(ByteBuffer buffer) {
        return MemorySegment.ofBuffer(buffer.duplicate().clear());
    }

    private static long downRead(ByteBuffer buffer) {
        try {
            int order = (int) MEMCMP.invokeExact(
                    segment(Faults.cut()), segment(buffer), (long) buffer.capacity());
            return Integer.signum(order);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private static long downFill(ByteBuffer buffer) {
        try {
            MemorySegment same =
                    (MemorySegment) MEMSET.invokeExact(segment(buffer), 0x66, (long) buffer.capacity());
            return same.address() == segment(buffer).address() ? buffer.capacity() : -1;
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private static long set(ByteBuffer buffer) {
        MemorySegment segment = segment(buffer);
        for (long n = 0; n < segment.byteSize() / 8; n++) {
            segment.setAtIndex(ValueLayout.JAVA_LONG, n, FaultsOperations.value((int) n));
        }
        return segment.byteSize();
    }

    private static RuntimeException rethrown(Throwable e) {
        if (e instanceof Error) {
            throw (Error) e;
        }
        return new IllegalStateException(e);
    }
}
