/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.PrintStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Random;

/** Fills a table of a database that runs in this JVM, changes it from two threads' worth of transactions, and writes its rows: Jdbc URL FILE. */
class Jdbc {
    public static void main(String[] arguments) throws Exception {
        String url = arguments[0];
        try (Connection connection = DriverManager.getConnection(url)) {
            fill(connection);
        }
        if (url.startsWith("jdbc:derby:")) {
            shutDerbyDown();
        }
        // Opened again, so that what is read comes from the files.
        try (Connection connection = DriverManager.getConnection(url);
                PrintStream out = new PrintStream(arguments[1])) {
            write(connection, out);
        }
    }

    static void fill(Connection connection) throws SQLException {
        Random random = new Random(1);
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE t (id INT PRIMARY KEY, k VARCHAR(200))");
            statement.execute("CREATE INDEX by_k ON t (k)");
        }
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO t VALUES (?, ?)")) {
            for (int id = 0; id < 2000; id++) {
                insert.setInt(1, id);
                insert.setString(2, Long.toHexString(random.nextLong()).repeat(1 + id % 10));
                insert.executeUpdate();
                if (id % 500 == 0) {
                    connection.commit();
                }
            }
        }
        connection.commit();
        try (Statement statement = connection.createStatement()) {
            System.out.println(statement.executeUpdate("DELETE FROM t WHERE MOD(id, 3) = 0"));
            connection.commit();
            System.out.println(statement.executeUpdate("DELETE FROM t WHERE MOD(id, 5) = 0"));
            connection.rollback();
        }
    }

    static void write(Connection connection, PrintStream out) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT id, k FROM t ORDER BY k, id")) {
            while (rows.next()) {
                out.println(rows.getInt(1) + " " + rows.getString(2));
            }
        }
    }

    static void shutDerbyDown() {
        try {
            DriverManager.getConnection("jdbc:derby:;shutdown=true;deregister=false");
        } catch (SQLException told) {
            System.out.println(told.getMessage()); // Derby tells of success by an exception.
        }
    }
}
