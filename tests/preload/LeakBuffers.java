/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** LeakBuffers FILE: two classes keep mapped buffers, one of them in a pool's threads; others are tidy. */
public class LeakBuffers {
    static final List<Object> held = new ArrayList<>();

    static class Archive {
        void open(FileChannel channel, int part) throws Exception {
            held.add(channel.map(FileChannel.MapMode.READ_WRITE, part * 4096L, 4096));
        }
    }

    static class Index {
        void lookUp(FileChannel channel, int part) throws Exception {
            Object buffer = channel.map(FileChannel.MapMode.READ_ONLY, part * 4096L, 4096);
            synchronized (held) {
                held.add(buffer);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            FileChannel channel = file.getChannel();
            file.setLength(3000 * 4096L);
            for (int i = 0; i < 700; i++)
                new Archive().open(channel, i);
            for (int i = 0; i < 400; i++) {
                int part = 1000 + i;
                pool.submit(() -> {
                    new Index().lookUp(channel, part);
                    return null;
                });
            }
            pool.shutdown();
            pool.awaitTermination(60, TimeUnit.SECONDS);
        }
        Runtime.getRuntime().halt(0);
    }
}
