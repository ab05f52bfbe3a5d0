/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import sun.misc.Unsafe;

/**
 * What programs do with a direct buffer, from its beginning to its end: those that read, and those
 * that store. The same bytes give the same result and leave the same bytes, so that one buffer's run can be held against another's.
 */
final class FaultsOperations {
    interface Operation {
        long run(ByteBuffer buffer) throws Exception;
    }

    private static final Map<String, Operation> READS = new LinkedHashMap<>();
    private static final Map<String, Operation> STORES = new LinkedHashMap<>();
    private static final VarHandle LONGS =
            MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final Unsafe UNSAFE = theUnsafe();
    private static final int RUN = 1 << 16;

    static {
        READS.put("crc32", buffer -> sum(new CRC32(), buffer));
        READS.put("crc32c", buffer -> sum(new CRC32C(), buffer));
        READS.put("adler32", buffer -> sum(new Adler32(), buffer));
        READS.put("inflate", FaultsOperations::inflate);
        READS.put("deflate", FaultsOperations::deflate);
        READS.put("mismatch", FaultsOperations::mismatch);
        READS.put("get", FaultsOperations::get);
        READS.put("get-bulk", FaultsOperations::getBulk);
        READS.put("jni-read", FaultsOperations::jniRead);
        STORES.put("put", FaultsOperations::put);
        STORES.put("put-bulk", FaultsOperations::putBulk);
        STORES.put("put-view", FaultsOperations::putView);
        STORES.put("put-buffer", buffer -> buffer.duplicate().put(Faults.content()).position());
        STORES.put("cas", FaultsOperations::cas);
        STORES.put("add", FaultsOperations::add);
        STORES.put("unsafe-put", FaultsOperations::unsafePut);
        STORES.put("unsafe-set", FaultsOperations::unsafeSet);
        STORES.put("inflate-to", FaultsOperations::inflateTo);
        STORES.put("deflate-to", FaultsOperations::deflateTo);
        STORES.put("jni-fill", FaultsOperations::jniFill);
        try {
            // Compiled only where the JDK has java.lang.foreign.
            Class.forName("FaultsForeign").getDeclaredMethod("register").invoke(null);
        } catch (ClassNotFoundException e) {
            // an older JDK
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private FaultsOperations() { }

    static void addRead(String name, Operation operation) {
        READS.put(name, operation);
    }

    static void addStore(String name, Operation operation) {
        STORES.put(name, operation);
    }

    static Operation named(String name) {
        Operation read = READS.get(name);
        return read != null ? read : STORES.get(name);
    }

    private static Unsafe theUnsafe() {
        try {
            Field field = Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    static long value(int n) {
        return (n + 1) * 0x9e3779b97f4a7c15L;
    }

    private static byte[] bytes(int size) {
        ByteBuffer made = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
        for (int n = 0; n < size / 8; n++) {
            made.putLong(n * 8, value(n));
        }
        return made.array();
    }

    private static long sum(Checksum checksum, ByteBuffer buffer) {
        checksum.update(buffer.duplicate());
        return checksum.getValue();
    }

    /** The content is a compressed stream; what is not one any more ends with an error's text. */
    private static long inflate(ByteBuffer buffer) {
        Inflater inflater = new Inflater();
        CRC32 seen = new CRC32();
        byte[] out = new byte[RUN];
        inflater.setInput(buffer.duplicate());
        try {
            while (!inflater.finished()) {
                int got = inflater.inflate(out);
                if (got == 0 && inflater.needsInput()) {
                    return seen.getValue();
                }
                seen.update(out, 0, got);
            }
            return seen.getValue();
        } catch (DataFormatException e) {
            return seen.getValue() * 31 + e.getMessage().hashCode();
        } finally {
            inflater.end();
        }
    }

    private static long deflate(ByteBuffer buffer) {
        Deflater deflater = new Deflater(1);
        CRC32 seen = new CRC32();
        byte[] out = new byte[RUN];
        deflater.setInput(buffer.duplicate());
        deflater.finish();
        while (!deflater.finished()) {
            seen.update(out, 0, deflater.deflate(out));
        }
        deflater.end();
        return seen.getValue();
    }

    private static long get(ByteBuffer buffer) {
        long seen = 0;
        for (int at = 0; at < buffer.capacity(); at += 8) {
            seen = seen * 31 + buffer.getLong(at);
        }
        return seen;
    }

    private static long getBulk(ByteBuffer buffer) {
        byte[] all = new byte[buffer.capacity()];
        buffer.duplicate().get(all);
        return java.util.Arrays.hashCode(all);
    }

    /** In small parts, so that the comparison itself becomes part of what is compiled. */
    private static long mismatch(ByteBuffer buffer) {
        ByteBuffer one = Faults.cut();
        ByteBuffer other = buffer.duplicate();
        long equal = 0;
        for (int at = 0; at < buffer.capacity(); at += 512) {
            one.limit(at + 512).position(at);
            other.limit(at + 512).position(at);
            equal += one.mismatch(other) < 0 ? 1 : 0;
        }
        return equal;
    }

    private static native long jniRead(ByteBuffer buffer);

    private static long put(ByteBuffer buffer) {
        for (int at = 0; at < buffer.capacity(); at += 8) {
            buffer.putLong(at, value(at >>> 3));
        }
        return buffer.capacity();
    }

    private static long putBulk(ByteBuffer buffer) {
        byte[] all = bytes(buffer.capacity());
        return buffer.duplicate().put(all).position();
    }

    private static long putView(ByteBuffer buffer) {
        LongBuffer view = buffer.duplicate().order(ByteOrder.nativeOrder()).asLongBuffer();
        long[] some = new long[512];
        while (view.hasRemaining()) {
            for (int n = 0; n < some.length; n++) {
                some[n] = value(view.position() + n);
            }
            view.put(some);
        }
        return view.position();
    }

    /** Does not look first: a load would be the one to fail. */
    private static long cas(ByteBuffer buffer) {
        long swapped = 0;
        for (int at = 0; at < buffer.capacity(); at += 8) {
            swapped += LONGS.compareAndSet(buffer, at, 0L, value(at >>> 3)) ? 1 : 0;
        }
        return swapped;
    }

    private static long add(ByteBuffer buffer) {
        for (int at = 0; at < buffer.capacity(); at += 8) {
            LONGS.getAndAdd(buffer, at, value(at >>> 3));
        }
        return buffer.capacity();
    }

    private static native long address(ByteBuffer buffer);

    private static long unsafePut(ByteBuffer buffer) {
        long address = address(buffer);
        for (int at = 0; at < buffer.capacity(); at += 8) {
            UNSAFE.putLong(address + at, value(at >>> 3));
        }
        return buffer.capacity();
    }

    private static long unsafeSet(ByteBuffer buffer) {
        UNSAFE.setMemory(address(buffer), buffer.capacity(), (byte) 0x5a);
        return buffer.capacity();
    }

    /** Zip code stores to the buffer: the content's own inflated bytes. */
    private static long inflateTo(ByteBuffer buffer) throws DataFormatException {
        Inflater inflater = new Inflater();
        inflater.setInput(Faults.content());
        ByteBuffer out = buffer.duplicate();
        while (out.hasRemaining() && inflater.inflate(out) > 0) {
            continue;
        }
        inflater.end();
        return out.position();
    }

    private static long deflateTo(ByteBuffer buffer) {
        Deflater deflater = new Deflater(Deflater.NO_COMPRESSION);
        deflater.setInput(bytes(buffer.capacity() - (buffer.capacity() >>> 8)));
        deflater.finish();
        ByteBuffer out = buffer.duplicate();
        while (out.hasRemaining() && deflater.deflate(out) > 0) {
            continue;
        }
        deflater.end();
        return out.position();
    }

    private static native long jniFill(ByteBuffer buffer);
}
