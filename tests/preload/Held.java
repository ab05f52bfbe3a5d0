/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.nio.MappedByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Maps small files and keeps them all, until a map is refused. Then the JVM goes on: it starts
 * threads, grows its heap, loads classes, and maps again what it has let go.
 *
 * <p>Usage: Held FOLDER FILES COUNT
 */
public final class Held {
    private static final int THREADS = 200;
    private static final int CLASSES = 3000;
    private static final int MEGABYTES = 300;

    /** Loaded CLASSES times, each time as a class of its own. */
    static final class Template {
        private static final int VALUE = 7;

        static int value() {
            return VALUE;
        }
    }

    private static int threads() throws InterruptedException {
        CountDownLatch running = new CountDownLatch(THREADS);
        CountDownLatch end = new CountDownLatch(1);
        List<Thread> all = new ArrayList<>();
        for (int n = 0; n < THREADS; n++) {
            Thread thread = new Thread(() -> {
                running.countDown();
                try {
                    end.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            thread.start();
            all.add(thread);
        }
        running.await();
        end.countDown();
        for (Thread thread : all) {
            thread.join();
        }
        return all.size();
    }

    private static int heap() {
        List<byte[]> grown = new ArrayList<>();
        for (int n = 0; n < MEGABYTES; n++) {
            byte[] block = new byte[1 << 20];
            block[n] = 1;
            grown.add(block);
        }
        return grown.size();
    }

    private static int classes() throws Exception {
        byte[] bytes;
        try (InputStream in = Held.class.getResourceAsStream("Held$Template.class")) {
            bytes = in.readAllBytes();
        }
        List<Class<?>> loaded = new ArrayList<>();
        int sum = 0;
        for (int n = 0; n < CLASSES; n++) {
            Class<?> copy = MethodHandles.lookup().defineHiddenClass(bytes, true).lookupClass();
            var value = copy.getDeclaredMethod("value");
            value.setAccessible(true);
            sum += (int) value.invoke(null);
            loaded.add(copy);
        }
        return sum == loaded.size() * Template.value() ? loaded.size() : -1;
    }

    /** Garbage is unmapped by a thread of the JVM's own. */
    private static MappedByteBuffer mapPatiently(Path folder, int file) throws Exception {
        for (int tries = 0; ; tries++) {
            try {
                return Reserve.mapWhole(folder, file);
            } catch (IOException e) {
                if (tries == 600) {
                    throw e;
                }
                System.gc();
                Thread.sleep(100);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int files = Integer.parseInt(args[1]);
        int count = Integer.parseInt(args[2]);
        System.out.printf("library=%d%n", Reserve.libraryLoaded());
        List<MappedByteBuffer> held = new ArrayList<>(count);
        String refused = "";
        try {
            while (held.size() < count) {
                held.add(Reserve.mapWhole(folder, held.size() % files));
            }
        } catch (IOException e) {
            refused = e.getMessage();
        }
        System.out.printf("held=%d refused='%s'%n", held.size(), refused);
        System.out.printf("threads=%d%n", threads());
        System.out.printf("heap=%d%n", heap());
        System.out.printf("classes=%d%n", classes());
        held.subList(0, held.size() / 2).clear();
        for (int n = 0; n < files / 4; n++) {
            held.add(mapPatiently(folder, n));
        }
        System.out.printf("again=%d%n", files / 4);
    }
}
