/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Maps a sparse file in chunks of 1 MiB, in ascending order, and keeps every buffer, as MapDB does:
 * the file grows with each map. It knows nothing of mapherd. Prints words KEY=VALUE for
 * chunks-java.sh.
 *
 * <p>Usage: Chunks FILE COUNT
 */
public final class Chunks {
    private static final int CHUNK = 1 << 20;
    private static final int WRITE_EVERY = 97;

    private static long maps(String named) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains(named)).count();
        }
    }

    private static long value(int n) {
        return (n + 1) * 0x9e3779b97f4a7c15L;
    }

    /** Where in chunk n its value is. */
    private static int spot(int n) {
        return (n * 8209 & 0xffff) * 8;
    }

    private static boolean written(int n) {
        return n % WRITE_EVERY == 0;
    }

    private static int wrongBytes(MappedByteBuffer[] chunks, FileChannel channel)
            throws IOException {
        int wrong = 0;
        ByteBuffer inFile = ByteBuffer.allocate(8);
        for (int n = 0; n < chunks.length; n++) {
            if (!written(n)) {
                continue;
            }
            channel.read(inFile.clear(), (long) n * CHUNK + spot(n));
            wrong += chunks[n].getLong(spot(n)) == value(n) ? 0 : 1;
            wrong += inFile.getLong(0) == value(n) ? 0 : 1;
        }
        return wrong;
    }

    /** Collects garbage until the unmapping is done; gives up after a minute. */
    private static long leftAfterCollecting(String file) throws Exception {
        for (int tries = 0; tries < 600; tries++) {
            System.gc();
            if (maps(file) == 0) {
                return 0;
            }
            Thread.sleep(100);
        }
        return maps(file);
    }

    public static void main(String[] args) throws Exception {
        String file = args[0];
        MappedByteBuffer[] chunks = new MappedByteBuffer[Integer.parseInt(args[1])];
        try (RandomAccessFile opened = new RandomAccessFile(file, "rw")) {
            FileChannel channel = opened.getChannel();
            long before = maps("");
            for (int n = 0; n < chunks.length; n++) {
                long offset = (long) n * CHUNK;
                chunks[n] = channel.map(FileChannel.MapMode.READ_WRITE, offset, CHUNK);
                if (written(n)) {
                    chunks[n].putLong(spot(n), value(n));
                }
            }
            long grown = maps("") - before;
            long ofFile = maps(file);
            int wrong = wrongBytes(chunks, channel);
            long library = maps("/libmapherd.so") > 0 ? 1 : 0;
            java.util.Arrays.fill(chunks, null);
            long left = leftAfterCollecting(file);
            System.out.printf("library=%d grown=%d of_file=%d wrong=%d left_of_file=%d%n",
                    library, grown, ofFile, wrong, left);
        }
    }
}
