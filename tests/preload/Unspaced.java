/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Stores where the disk is full.
 *
 * <p>Unspaced map FILE MIB: a file of that size, mapped, a byte a page. Unspaced hsqldb FOLDER MIB: a
 * database whose data file is mapped.
 */
class Unspaced {
    static void map(String path, long size) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(path, "rw")) {
            file.setLength(size);
            MappedByteBuffer b = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, size);
            for (int at = 0; at < size; at += 4096) {
                b.put(at, (byte) 1);
            }
            b.force();
        }
    }

    static void hsqldb(String folder, long size) throws Exception {
        String url = "jdbc:hsqldb:file:" + folder + "/db;hsqldb.log_data=false;shutdown=false";
        try (Connection c = DriverManager.getConnection(url, "SA", ""); Statement s = c.createStatement()) {
            s.execute("SET FILES NIO TRUE");
            s.execute("CREATE CACHED TABLE t (n INTEGER PRIMARY KEY, text VARCHAR(4000))");
            s.execute("CHECKPOINT");
            String text = "x".repeat(4000);
            for (int n = 0; n < size / 8192; n++) {
                s.execute("INSERT INTO t VALUES (" + n + ", '" + text + "')");
            }
            s.execute("CHECKPOINT");
        }
    }

    public static void main(String[] args) throws Exception {
        long size = Long.parseLong(args[2]) << 20;
        try {
            if (args[0].equals("map")) {
                map(args[1], size);
            } else {
                hsqldb(args[1], size);
            }
        } catch (SQLException | java.io.IOException e) {
            System.out.println(e);
            for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
                System.out.println("because of " + cause);
            }
            Runtime.getRuntime().halt(3);
        }
        System.out.println("stored");
        Runtime.getRuntime().halt(0);
    }
}
