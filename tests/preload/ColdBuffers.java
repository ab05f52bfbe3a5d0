/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32;

/**
 * ColdBuffers FOLDER FILES THREADS VISITS: holds a buffer of each of FILES different files, half of them
 * read-only, and visits them at random. Each thread has files of its own. Every byte is checked.
 */
public class ColdBuffers {
    static final int PAGE = 4096;
    static final int ROUNDS = 10; // each thread ends and another one goes on, so many times
    static MappedByteBuffer[] buffers;
    static int[] values; // the word at the start and at the end of a file's first page
    static Path folder;
    static int threads;
    static final AtomicLong visits = new AtomicLong(), wrong = new AtomicLong();
    static volatile Throwable failed;

    static Path file(int n) {
        return folder.resolve(n / 10000 + "/" + n);
    }

    static boolean writable(int n) {
        return n / threads % 2 == 0;
    }

    static void check(boolean right, int n, String what) {
        if (!right && wrong.incrementAndGet() < 10)
            System.out.println("wrong: file " + n + ", " + what);
    }

    static ByteBuffer page(int n, int which) {
        ByteBuffer b = buffers[n].duplicate();
        b.position(which * PAGE).limit((which + 1) * PAGE);
        return b;
    }

    static void look(int n) {
        check(buffers[n].getInt(0) == values[n] && buffers[n].getInt(PAGE - 4) == values[n], n, "its words");
    }

    static void store(int n) throws Exception {
        values[n]++;
        if (writable(n)) {
            buffers[n].putInt(0, values[n]).putInt(PAGE - 4, values[n]);
            return;
        }
        try (FileChannel c = FileChannel.open(file(n), StandardOpenOption.WRITE)) {
            ByteBuffer word = ByteBuffer.allocateDirect(4).putInt(0, values[n]);
            c.write(word.duplicate(), 0);
            c.write(word.duplicate(), PAGE - 4);
        }
    }

    static void checksum(int n) throws Exception {
        CRC32 mapped = new CRC32(), read = new CRC32();
        byte[] bytes = new byte[2 * PAGE];
        mapped.update(buffers[n].duplicate().position(0));
        try (RandomAccessFile f = new RandomAccessFile(file(n).toFile(), "r")) {
            f.readFully(bytes);
        }
        read.update(bytes);
        check(mapped.getValue() == read.getValue(), n, "its checksum");
    }

    /* The first page of a file goes to the second one of another, through their buffers. */
    static void copy(int from, int to) throws Exception {
        if (writable(to)) {
            try (FileChannel c = FileChannel.open(file(from), StandardOpenOption.READ)) {
                check(c.read(page(to, 1), 0) == PAGE, to, "a read into its buffer");
            }
        } else {
            try (FileChannel c = FileChannel.open(file(to), StandardOpenOption.WRITE)) {
                check(c.write(page(from, 0), PAGE) == PAGE, to, "a write from another buffer");
            }
        }
        check(page(to, 1).equals(page(from, 0)), to, "what was copied into it");
    }

    static void visit(Random random, int thread) throws Exception {
        int own = buffers.length / threads;
        int n = random.nextInt(own) * threads + thread, other = random.nextInt(own) * threads + thread;
        look(n);
        switch (random.nextInt(20)) {
            case 0 -> checksum(n);
            case 1 -> copy(n, other);
            case 2 -> {
                if (writable(n))
                    buffers[n].force();
            }
            case 3, 4, 5, 6, 7, 8, 9 -> store(n);
            default -> { }
        }
        visits.incrementAndGet();
    }

    static void run(int thread, int count) {
        try {
            for (int round = 0; round < ROUNDS; round++) {
                Random random = new Random(round * 1000L + thread);
                Thread t = new Thread(() -> {
                    try {
                        for (int i = 0; i < count / ROUNDS; i++)
                            visit(random, thread);
                    } catch (Throwable e) {
                        failed = e;
                    }
                });
                t.start();
                t.join();
                if (thread == 0)
                    System.gc();
            }
        } catch (Throwable e) {
            failed = e;
        }
    }

    public static void main(String[] args) throws Exception {
        folder = Path.of(args[0]);
        int files = Integer.parseInt(args[1]), count = Integer.parseInt(args[3]);
        threads = Integer.parseInt(args[2]);
        buffers = new MappedByteBuffer[files];
        values = new int[files];
        for (int n = 0; n < files; n++) {
            if (n % 10000 == 0)
                Files.createDirectory(folder.resolve(String.valueOf(n / 10000)));
            try (RandomAccessFile f = new RandomAccessFile(file(n).toFile(), "rw")) {
                f.setLength(2 * PAGE);
                f.writeInt(values[n] = n);
                f.seek(PAGE - 4);
                f.writeInt(n);
                buffers[n] = f.getChannel().map(writable(n) ? FileChannel.MapMode.READ_WRITE
                                                            : FileChannel.MapMode.READ_ONLY, 0, 2 * PAGE);
            }
        }
        Thread[] all = new Thread[threads];
        for (int t = 0; t < threads; t++) {
            int thread = t;
            (all[t] = new Thread(() -> run(thread, count))).start();
        }
        for (Thread t : all)
            t.join();
        for (int n = 0; n < files; n++)
            look(n);
        if (failed != null)
            failed.printStackTrace();
        System.out.println("visits=" + visits + " wrong=" + wrong + " failed=" + failed);
    }
}
