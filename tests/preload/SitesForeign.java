// SPDX-FileCopyrightText: 2026 The mapherd authors
// SPDX-License-Identifier: Apache-2.0

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** SitesForeign FILE CHUNKS: maps chunks of 64 KiB by functions of the default lookup, which are libc's own. */
public class SitesForeign {
    static final long CHUNK = 1 << 16;

    static long maps() throws Exception {
        return Files.readAllLines(Path.of("/proc/self/maps")).size();
    }

    public static void main(String[] args) throws Throwable {
        var number = ValueLayout.JAVA_LONG;
        var word = ValueLayout.JAVA_INT;
        Linker linker = Linker.nativeLinker();
        MethodHandle mmap = linker.downcallHandle(linker.defaultLookup().find("mmap").get(),
            FunctionDescriptor.of(number, number, number, word, word, word, number));
        MethodHandle open = linker.downcallHandle(linker.defaultLookup().find("open").get(),
            FunctionDescriptor.of(word, ValueLayout.ADDRESS, word), Linker.Option.firstVariadicArg(2));
        MethodHandle ftruncate = linker.downcallHandle(linker.defaultLookup().find("ftruncate").get(),
            FunctionDescriptor.of(word, word, number));
        int chunks = Integer.parseInt(args[1]);
        Files.deleteIfExists(Path.of(args[0]));
        Files.createFile(Path.of(args[0]));
        try (Arena arena = Arena.ofConfined()) {
            int fd = (int) open.invokeExact(arena.allocateFrom(args[0]), 2);
            if ((int) ftruncate.invokeExact(fd, chunks * CHUNK) != 0)
                throw new Exception("ftruncate");
            long before = maps();
            for (int n = 0; n < chunks; n++)
                if ((long) mmap.invokeExact(0L, CHUNK, 3, 1, fd, n * CHUNK) == -1)
                    throw new Exception("mmap of chunk " + n);
            System.out.println(chunks + " chunks: " + (maps() - before) + " maps more");
        }
    }
}
