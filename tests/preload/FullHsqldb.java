/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

/**
 * HSQLDB with its data file mapped, in a disk that fills while it works. It knows nothing of
 * mapherd.
 *
 * <p>Usage: FullHsqldb write DATABASE FILLER, then FullHsqldb read DATABASE
 */
public final class FullHsqldb {
    /** Rows before the disk fills, and in all. */
    private static final int BEFORE = 7000;
    private static final int ROWS = 12000;

    private FullHsqldb() { }

    private static String text(int row, int version) {
        return ("row " + row + " version " + version + ' ').repeat(50);
    }

    private static void write(Connection connection, String filler) throws Exception {
        try (Statement statement = connection.createStatement()) {
            // Only the mapped file is to meet the full disk: the log is written by write().
            statement.execute("SET FILES LOG FALSE");
            statement.execute("SET FILES CACHE ROWS 1000");
            statement.execute("SET FILES CACHE SIZE 1000");
            statement.execute("CREATE CACHED TABLE t (id INTEGER PRIMARY KEY, s VARCHAR(4000))");
        }
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO t VALUES (?, ?)");
                PreparedStatement update =
                        connection.prepareStatement("UPDATE t SET s = ? WHERE id = ?")) {
            for (int row = 0; row < ROWS; row++) {
                if (row == BEFORE) {
                    FullDisk.fill(filler);
                }
                insert.setInt(1, row);
                insert.setString(2, text(row, 1));
                insert.executeUpdate();
                if (row % 3 == 0) {
                    update.setString(1, text(row / 2, 2));
                    update.setInt(2, row / 2);
                    update.executeUpdate();
                }
                if (row % 100 == 0) {
                    connection.commit();
                }
            }
        }
        connection.commit();
    }

    private static void read(Connection connection) throws Exception {
        int rows = 0;
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("SELECT id, s FROM t ORDER BY id")) {
            while (found.next()) {
                boolean updated = rows * 2 < ROWS
                        && (rows * 2 % 3 == 0 || (rows * 2 + 1) % 3 == 0 && rows * 2 + 1 < ROWS);
                String text = text(rows, updated ? 2 : 1);
                if (found.getInt(1) != rows || !found.getString(2).equals(text)) {
                    System.out.println("WRONG: row " + rows + ": " + found.getInt(1) + ' '
                            + found.getString(2).substring(0, 40));
                    System.exit(1);
                }
                rows++;
            }
        }
        System.out.println("rows=" + rows);
        if (rows != ROWS) {
            System.exit(1);
        }
    }

    public static void main(String[] args) throws Exception {
        System.out.println("library=" + FullDisk.libraryLoaded());
        String url = "jdbc:hsqldb:file:" + args[1] + ";hsqldb.nio_data_file=true";
        try (Connection connection = DriverManager.getConnection(url, "SA", "")) {
            if (args[0].equals("write")) {
                write(connection, args[2]);
                read(connection);
                FullDisk.empty(args[2]);
            } else {
                read(connection);
            }
            try (Statement statement = connection.createStatement()) {
                statement.execute("SHUTDOWN");
            }
        }
    }
}
