/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Threads that map small files whole and drop them at once: each map is garbage, and one that merges with
 * nothing. Every buffer is read and written. KEPT maps were made before and stay. It knows nothing of mapherd.
 *
 * <p>Usage: Turnover FOLDER FILES THREADS TOTAL KEPT
 */
public final class Turnover {
    private static final AtomicInteger FAILED = new AtomicInteger();

    private static void work(Path folder, int files, int from, int step, int total) {
        for (int n = from; n < total; n += step) {
            try {
                MappedByteBuffer buffer = Reserve.mapWhole(folder, n % files);
                buffer.put(from, (byte) n);
                if (buffer.get(from) != (byte) n) {
                    throw new IllegalStateException("other bytes");
                }
            } catch (IOException | RuntimeException | Error e) {
                if (FAILED.incrementAndGet() <= 3) {
                    System.out.println("failed: " + e);
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int files = Integer.parseInt(args[1]);
        Thread[] threads = new Thread[Integer.parseInt(args[2])];
        int total = Integer.parseInt(args[3]);
        int library = Reserve.libraryLoaded();
        for (int n = 0; n < files; n++) {
            Reserve.mapWhole(folder, n);
        }
        MappedByteBuffer[] kept = new MappedByteBuffer[Integer.parseInt(args[4])];
        for (int n = 0; n < kept.length; n++) {
            kept[n] = Reserve.mapWhole(folder, n % files);
        }
        for (int n = 0; n < threads.length; n++) {
            int from = n;
            threads[n] = new Thread(() -> work(folder, files, from, threads.length, total));
            threads[n].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        for (int n = 0; n < kept.length; n++) {
            kept[n].get(0); // so that no collector takes it before
        }
        System.out.printf("library=%d total=%d failed=%d%n", library, total, FAILED.get());
    }
}
