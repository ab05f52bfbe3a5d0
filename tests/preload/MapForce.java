/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.zip.CRC32;

/**
 * Maps a file in pieces that overlap, forces them, cuts the file and lets it grow again; prints
 * what it reads. Usage: MapForce FILE
 */
public final class MapForce {
    private static final int PIECE = 100_000; // no whole number of pages

    private static long sum(FileChannel channel) throws IOException {
        CRC32 crc = new CRC32();
        MappedByteBuffer whole = channel.map(MapMode.READ_ONLY, 0, channel.size());
        crc.update(whole);
        return crc.getValue();
    }

    private static void fill(MappedByteBuffer piece, int from) {
        for (int i = 0; i < piece.capacity(); i++) {
            piece.put(i, (byte) (from * 31 + i));
        }
    }

    public static void main(String[] args) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            FileChannel channel = file.getChannel();
            for (int n = 0; n < 50; n++) {
                MappedByteBuffer piece = channel.map(MapMode.READ_WRITE, n * 60_000L, PIECE);
                fill(piece, n);
                piece.force();
                piece.force(5000, 9000);
            }
            System.out.println(channel.size() + " " + sum(channel));
            MappedByteBuffer first = channel.map(MapMode.READ_WRITE, 0, PIECE);
            System.gc();
            channel.truncate(PIECE);
            System.out.println(channel.size() + " " + sum(channel));
            MappedByteBuffer own = channel.map(MapMode.PRIVATE, 0, 2 * PIECE);
            fill(own, 99);
            System.out.println(first.get(0) + " " + own.get(0) + " " + channel.size());
            System.out.println(first.load().isLoaded() + " " + sum(channel));
            try {
                channel.map(MapMode.READ_WRITE, -1, PIECE);
            } catch (IllegalArgumentException expected) {
                System.out.println(expected.getMessage());
            }
        }
    }
}
