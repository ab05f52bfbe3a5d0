/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Maps the same parts of a file again and again, and drops each buffer at once: it stays mapped until
 * the collector comes. Each map gets a number of its own, and has to show the part's last. It knows
 * nothing of mapherd. Prints words KEY=VALUE for layers-java.sh.
 *
 * <p>Usage: Layers FILE COUNT
 */
public final class Layers {
    private static final int PARTS = 97;
    private static final int PART = 64 << 10;

    private static long maps(String named) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains(named)).count();
        }
    }

    public static void main(String[] args) throws IOException {
        int count = Integer.parseInt(args[1]);
        long peak = 0;
        long wrong = 0;
        long refused = 0;
        long[] last = new long[PARTS];
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            file.setLength((long) PARTS * PART);
            FileChannel channel = file.getChannel();
            for (int i = 1; i <= count; i++) {
                int n = i % PARTS;
                try {
                    MappedByteBuffer part =
                            channel.map(FileChannel.MapMode.READ_WRITE, (long) n * PART, PART);
                    if (part.getLong(n * 8) != last[n]) {
                        wrong++;
                    }
                    part.putLong(n * 8, i);
                    last[n] = i;
                } catch (IOException e) {
                    if (refused++ == 0) {
                        System.out.println("# " + e);
                    }
                }
                if (i % (count / 10) == 0) {
                    peak = Math.max(peak, maps(args[0]));
                }
            }
        }
        System.out.printf(
                "library=%d peak=%d wrong=%d refused=%d%n",
                Math.min(1, maps("libmapherd.so")), peak, wrong, refused);
    }
}
