/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// A mapped file is cut off under its map. The argument says what is done to it then.
//
//   access FILE        every kind of access that HotSpot makes an InternalError of, and says so
//   user FILE LIBRARY  loads a library that has a handler of its own first
//   crash FILE         dies of a null pointer in native code
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

public class Truncated {
    static final int SIZE = 16 << 12;
    static volatile int sink;

    static MappedByteBuffer cut(String path) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(path, "rw")) {
            file.setLength(SIZE);
            MappedByteBuffer map = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, SIZE);
            file.setLength(0);
            return map;
        }
    }

    static void attempt(String what, Runnable run) {
        try {
            run.run();
            // The error is thrown a little later than the access.
            for (int i = 0; i < 1000; i++)
                sink += Thread.currentThread().hashCode();
            System.out.println(what + ": nothing");
        } catch (InternalError e) {
            System.out.println(what + ": InternalError");
        }
    }

    static void access(MappedByteBuffer map) {
        byte[] bytes = new byte[4096];
        attempt("get", () -> sink += map.get(5));
        attempt("put", () -> map.put(6, (byte) 1));
        attempt("getLong", () -> sink += (int) map.getLong(4096));
        attempt("putLong", () -> map.putLong(8192, 1));
        attempt("bulk get", () -> map.get(0, bytes));
        attempt("bulk put", () -> map.put(4096, bytes));
        for (int i = 0; i < 200; i++) {
            try {
                map.put(i, (byte) i);
            } catch (InternalError e) {
                sink++;
            }
        }
    }

    static sun.misc.Unsafe unsafe() throws Exception {
        var field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (sun.misc.Unsafe) field.get(null);
    }

    public static void main(String[] args) throws Exception {
        boolean in = Files.readString(Path.of("/proc/self/maps")).contains("libmapherd.so");
        System.err.println("library=" + (in ? 1 : 0));
        MappedByteBuffer map = cut(args[1]);
        switch (args[0]) {
        case "access" -> access(map);
        case "user" -> {
            System.load(args[2]);
            access(map);
        }
        case "crash" -> unsafe().putLong(0, 1);
        }
        System.out.println("done");
    }
}
