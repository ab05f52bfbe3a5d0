/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Starts as Elasticsearch and OpenSearch do: reads the limit on maps, and refuses to start where it is
 * below 262,144 (their BootstrapChecks.MaxMapCountCheck). It knows nothing of mapherd.
 */
public final class ShowLimit {
    private static final long LIMIT = 1 << 18;

    static long maxMapCount() throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/sys/vm/max_map_count"))) {
            String line = reader.readLine();
            return line == null ? -1 : Long.parseLong(line);
        }
    }

    public static void main(String[] arguments) throws IOException {
        long found = maxMapCount();
        if (found != -1 && found < LIMIT) {
            System.err.printf(
                    "max virtual memory areas vm.max_map_count [%d] is too low, increase to at least [%d]%n",
                    found, LIMIT);
            System.exit(78);
        }
        String library =
                Files.readString(Path.of("/proc/self/maps")).contains("/libmapherd.so") ? "1" : "0";
        System.out.println("started with " + found + ", library=" + library);
    }
}
