/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Mappings FILE N: maps N parts of 4 KiB of the file; prints the ns that one took, by the last half. */
public class Mappings {
    static final List<Object> held = new ArrayList<>();

    static long run(FileChannel channel, int from, int to) throws Exception {
        long start = System.nanoTime();
        for (int i = from; i < to; i++)
            held.add(channel.map(FileChannel.MapMode.READ_WRITE, i * 4096L, 4096));
        return (System.nanoTime() - start) / (to - from);
    }

    public static void main(String[] args) throws Exception {
        int n = Integer.parseInt(args[1]);
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            file.setLength(n * 4096L);
            run(file.getChannel(), 0, n / 2);
            System.out.println(run(file.getChannel(), n / 2, n));
        }
    }
}
