/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * ColdLock FOLDER: locks FOLDER/locked, maps it, and opens and closes it once more after its mapping is cold. Says
 * when another process may look whether the lock holds, and goes on with a line on stdin.
 */
public class ColdLock {
    static MappedByteBuffer map(Path file) throws Exception {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(8192);
            return f.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 8192);
        }
    }

    static boolean isMapped(Path file) throws Exception {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.anyMatch(l -> l.endsWith(file.toString()));
        }
    }

    /* The library tries at most every 64 ms once it has tried in vain. */
    static void chill(Path file, MappedByteBuffer[] others) throws Exception {
        for (int round = 0; isMapped(file); round++) {
            if (round == 10000)
                throw new IllegalStateException("the mapping does not become cold");
            for (MappedByteBuffer other : others)
                other.putInt(0, round);
            Thread.sleep(1);
        }
    }

    static void ask(String what) throws Exception {
        System.out.println(what);
        System.out.flush();
        System.in.read();
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]), file = folder.resolve("locked");
        RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw");
        open.setLength(8192);
        MappedByteBuffer buffer = open.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 8192);
        FileLock lock = open.getChannel().lock();
        MappedByteBuffer[] others = new MappedByteBuffer[100];
        for (int n = 0; n < others.length; n++)
            others[n] = map(folder.resolve("other." + n));
        chill(file, others);
        ask("cold");
        buffer.putInt(0, 42);
        ask("warm");
        chill(file, others);
        ask("cold again");
        lock.release();
        ask("released");
    }
}
