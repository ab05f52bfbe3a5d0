/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * Segments FOLDER SEGMENTS: two index files for each segment of a log, as Kafka has them (AbstractIndex): made
 * 10 MiB long, mapped, closed, and appended to where it happens to come. Then each is cut to what it has, and read.
 * Prints how many entries were right, and how many maps there were. It knows nothing of mapherd.
 */
public final class Segments {
    private static final int LENGTH = 10 << 20;
    private static final int ENTRY = 8;

    static Path fileOf(String folder, int index) {
        return Path.of(folder, (index >> 1) + (index % 2 == 0 ? ".index" : ".timeindex"));
    }

    static MappedByteBuffer make(Path file) throws Exception {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(LENGTH);
            return f.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, LENGTH);
        }
    }

    static long maps() throws Exception {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.count();
        }
    }

    static long check(Path file, int index, int length) throws Exception {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(length);
            byte[] bytes = new byte[length];
            f.readFully(bytes);
            var in = java.nio.ByteBuffer.wrap(bytes);
            long right = 0;
            for (int n = 0; n < length / ENTRY; n++) {
                right += in.getInt() == index && in.getInt() == n ? 1 : 0;
            }
            return right;
        }
    }

    public static void main(String[] args) throws Exception {
        int indexes = 2 * Integer.parseInt(args[1]);
        MappedByteBuffer[] index = new MappedByteBuffer[indexes];
        for (int i = 0; i < indexes; i++) {
            index[i] = make(fileOf(args[0], i));
        }
        Random random = new Random(1);
        for (int n = 0; n < 50 * indexes; n++) {
            int i = random.nextInt(indexes);
            index[i].putInt(i).putInt(index[i].position() / ENTRY);
        }
        long maps = maps(), right = 0, entries = 0;
        for (int i = 0; i < indexes; i++) {
            index[i].force();
            entries += index[i].position() / ENTRY;
            right += check(fileOf(args[0], i), i, index[i].position());
        }
        System.out.printf("entries=%d right=%d%n", entries, right);
        System.err.printf("maps=%d%n", maps);
    }
}
