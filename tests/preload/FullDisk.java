/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What programs on a disk that fills while they run have in common. */
final class FullDisk {
    private FullDisk() { }

    /** Others take what is free: a file as large as there is room for. */
    static void fill(String filler) throws IOException {
        byte[] some = new byte[1 << 16];
        try (FileOutputStream out = new FileOutputStream(filler)) {
            for (int size = some.length; size > 0; size /= 2) {
                try {
                    while (true) {
                        out.write(some, 0, size);
                    }
                } catch (IOException full) {
                    out.getFD().sync();
                }
            }
        }
    }

    /** They give it back. xfs frees what was deleted some time later: so it is waited for. */
    static void empty(String filler) throws Exception {
        File file = new File(filler);
        long half = file.length() / 2;
        Files.delete(file.toPath());
        while (file.getParentFile().getUsableSpace() < half) {
            Thread.sleep(10);
        }
    }

    static int libraryLoaded() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.anyMatch(line -> line.contains("/libmapherd.so")) ? 1 : 0;
        }
    }
}
