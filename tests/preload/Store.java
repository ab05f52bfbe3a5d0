/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;

/**
 * A store of many buffers, as MapDB keeps them: FILE BUFFERS up|down maps the file in buffers of
 * 1 MiB, puts a value into each (where tests/bench/sync.c looks for it), forces each in that
 * order and prints the milliseconds of that.
 */
class Store {
    public static void main(String[] arguments) throws Exception {
        int buffers = Integer.parseInt(arguments[1]);
        boolean down = arguments[2].equals("down");
        MappedByteBuffer[] all = new MappedByteBuffer[buffers];
        try (RandomAccessFile file = new RandomAccessFile(arguments[0], "rw")) {
            for (int n = 0; n < buffers; n++)
                all[n] = file.getChannel().map(FileChannel.MapMode.READ_WRITE, (long) n << 20, 1 << 20);
            for (int n = 0; n < buffers; n++)
                all[n].order(ByteOrder.nativeOrder())
                      .putLong(n * 37 % 256 * 4096, 0x6d6170686572640aL + n * 2654435761L);
            long start = System.nanoTime();
            for (int n = 0; n < buffers; n++)
                all[down ? buffers - 1 - n : n].force();
            System.out.println((System.nanoTime() - start) / 1000000);
        }
    }
}
