/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Maps small files whole, each a map that merges with nothing: the first ones it keeps, the rest
 * is garbage at once. All the while other threads come and go. It knows nothing of mapherd.
 *
 * <p>Usage: Reserve FOLDER LIVE TOTAL
 */
public final class Reserve {
    private static final int PAGE = 4096;

    private static volatile boolean done;

    static MappedByteBuffer mapWhole(Path folder, int file) throws IOException {
        try (RandomAccessFile opened =
                new RandomAccessFile(folder.resolve("f" + file).toFile(), "rw")) {
            if (opened.length() != PAGE) {
                opened.setLength(PAGE);
            }
            return opened.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, PAGE);
        }
    }

    static int libraryLoaded() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.anyMatch(line -> line.contains("/libmapherd.so")) ? 1 : 0;
        }
    }

    private static Thread churn() {
        Thread churner = new Thread(() -> {
            try {
                while (!done) {
                    Thread shortLived = new Thread(() -> { });
                    shortLived.start();
                    shortLived.join();
                }
            } catch (InterruptedException | OutOfMemoryError e) {
                System.out.println("churn=" + e.getClass().getSimpleName());
                Runtime.getRuntime().halt(3);
            }
        });
        churner.setDaemon(true);
        churner.start();
        return churner;
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int live = Integer.parseInt(args[1]);
        int total = Integer.parseInt(args[2]);
        int library = libraryLoaded();
        Thread churner = churn();
        List<MappedByteBuffer> kept = new ArrayList<>(live);
        Random random = new Random(1);
        long sum = 0;
        for (int n = 0; n < total; n++) {
            if (n < live) {
                kept.add(mapWhole(folder, n));
            } else {
                sum += mapWhole(folder, random.nextInt(live)).get(0);
            }
        }
        done = true;
        churner.join();
        for (MappedByteBuffer buffer : kept) {
            sum += buffer.get(PAGE - 1);
        }
        System.out.printf("library=%d live=%d total=%d sum=%d%n", library, kept.size(), total, sum);
    }
}
