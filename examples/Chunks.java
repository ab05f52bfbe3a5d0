/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The main job in Java, as MapDB does it: a large file in chunks of 1 MiB, each a MappedByteBuffer.
 *
 *     java Chunks.java FILE [CHUNKS]
 */
public class Chunks {
    private static final int CHUNK = 1 << 20;
    private static final int WRITE_EVERY = 100;

    public static void main(String[] args) throws IOException {
        int chunks = args.length > 1 ? Integer.parseInt(args[1]) : 70000;
        List<MappedByteBuffer> held = new ArrayList<>();
        try (FileChannel file = FileChannel.open(Path.of(args[0]), StandardOpenOption.CREATE,
                StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.allocate(1), (long) chunks * CHUNK - 1);
            for (int i = 0; i < chunks; i++) {
                MappedByteBuffer chunk = file.map(FileChannel.MapMode.READ_WRITE, (long) i * CHUNK, CHUNK);
                if (i % WRITE_EVERY == 0) {
                    chunk.putInt(0, i);
                }
                held.add(chunk);
            }
            ByteBuffer found = ByteBuffer.allocate(4);
            for (int i = 0; i < chunks; i += WRITE_EVERY) {
                found.clear();
                file.read(found, (long) i * CHUNK);
                if (found.getInt(0) != i) {
                    throw new IOException("chunk " + i + " holds " + found.getInt(0));
                }
            }
        }
        long maps;
        try (var list = Files.lines(Path.of("/proc/self/maps"))) {
            maps = list.count();
        }
        System.out.println(held.size() + " chunks mapped, written and read back; maps: " + maps);
    }
}
