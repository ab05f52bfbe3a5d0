/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LogDocMergePolicy;
import org.apache.lucene.index.MergePolicy;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.SearcherManager;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.Version;
import org.h2.jdbcx.JdbcConnectionPool;

/**
 * A shop of books: a Tomcat with an index of Lucene and a database of H2, both in mapped files.
 *
 * <pre>
 *     Server make FOLDER REQUESTS    makes index and database in FOLDER, and a file of requests
 *     Server serve FOLDER            serves them, and writes FOLDER/port when it can
 * </pre>
 *
 * What a request answers does not depend on what was asked before. An order changes a row, adds
 * one, and takes the oldest away. A note goes into the index in place of an old one; each 20th opens
 * the index anew, and each 400th commits it. All work is done for a request: a server that is not
 * asked has none. SIGTERM ends a server. It then reads what the files hold, and prints it.
 */
public class Server {
    static final int BOOKS = 40000, A_SEGMENT = 1000, WORDS = 3000;
    static final int KEPT_ORDERS = 20000, KEPT_NOTES = 1000;
    static final int CHUNK = 1 << 15; // of a file of the index, in a map

    // The files.

    static String url(String folder) {
        return "jdbc:h2:nioMapped:" + new File(folder, "db").getAbsolutePath();
    }

    static MMapDirectory directory(String folder) throws IOException {
        return new MMapDirectory(new File(folder, "index"), null, CHUNK);
    }

    static IndexWriter writer(MMapDirectory index, MergePolicy policy) throws IOException {
        IndexWriterConfig config =
            new IndexWriterConfig(Version.LUCENE_4_10_4, new WhitespaceAnalyzer());
        config.setUseCompoundFile(false);
        config.setMergePolicy(policy);
        config.setMaxBufferedDocs(A_SEGMENT);
        return new IndexWriter(index, config);
    }

    /** Few words are in many books, and most words are in few. */
    static int word(Random random) {
        double r = random.nextDouble();
        return (int) (WORDS * r * r * r);
    }

    static String text(Random random, int words) {
        StringBuilder text = new StringBuilder();
        for (int n = 0; n < words; n++) {
            text.append("word").append(word(random)).append(' ');
        }
        return text.toString();
    }

    static void makeIndex(String folder) throws Exception {
        Random random = new Random(1);
        try (MMapDirectory index = directory(folder);
                IndexWriter writer = writer(index, NoMergePolicy.INSTANCE)) {
            for (int id = 0; id < BOOKS; id++) {
                Document book = new Document();
                book.add(new StringField("id", "b" + id, Field.Store.YES));
                book.add(new TextField("text", text(random, 60), Field.Store.YES));
                book.add(new NumericDocValuesField("order", (id * 7919L) % BOOKS));
                writer.addDocument(book);
            }
        }
    }

    static final String[] TABLES = {
        "CREATE TABLE book (id INT PRIMARY KEY, shelf INT, title VARCHAR(400))",
        "CREATE INDEX by_shelf ON book (shelf)",
        "CREATE TABLE stock (id INT PRIMARY KEY, sold BIGINT)",
        "CREATE TABLE orders (no INT PRIMARY KEY, id INT, what VARCHAR(400))",
        "CREATE INDEX by_id ON orders (id)",
    };

    static void makeDatabase(String folder) throws Exception {
        Random random = new Random(2);
        try (Connection connection = DriverManager.getConnection(url(folder))) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                for (String sql : TABLES) {
                    statement.execute(sql);
                }
            }
            try (PreparedStatement book = connection.prepareStatement(
                        "INSERT INTO book VALUES (?, ?, ?)");
                    PreparedStatement stock = connection.prepareStatement(
                        "INSERT INTO stock VALUES (?, 0)")) {
                for (int id = 0; id < BOOKS; id++) {
                    book.setInt(1, id);
                    book.setInt(2, id * 31 % 4000);
                    book.setString(3, text(random, 20));
                    book.executeUpdate();
                    stock.setInt(1, id);
                    stock.executeUpdate();
                    if (id % 1000 == 0) {
                        connection.commit();
                    }
                }
            }
            connection.commit();
        }
    }

    static void makeRequests(String file) throws Exception {
        Random random = new Random(3);
        try (PrintStream out = new PrintStream(file)) {
            for (int n = 0; n < 4000; n++) {
                int kind = random.nextInt(100), id = random.nextInt(BOOKS);
                if (kind < 50) {
                    out.println("/search?a=" + word(random) + "&b=" + word(random));
                } else if (kind < 86) {
                    out.println("/book?id=" + id);
                } else if (kind < 96) {
                    out.println("/order?id=" + id);
                } else {
                    out.println("/note?id=" + id);
                }
            }
        }
    }

    // The servlets. Each answers with one line.

    abstract static class Lines extends HttpServlet {
        abstract String line(HttpServletRequest request) throws Exception;

        static int number(HttpServletRequest request, String name) {
            return Integer.parseInt(request.getParameter(name));
        }

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response)
                throws IOException {
            byte[] line;
            try {
                line = line(request).getBytes(StandardCharsets.UTF_8);
            } catch (Exception failed) {
                throw new IOException(failed);
            }
            response.setContentType("text/plain");
            response.setContentLength(line.length);
            response.getOutputStream().write(line);
        }
    }

    static MMapDirectory index;
    static IndexWriter writer;
    static SearcherManager searchers;
    static JdbcConnectionPool pool;
    static final AtomicInteger orders = new AtomicInteger(), notes = new AtomicInteger();

    /** The first ten books that have either word, by an order of their own. */
    static class Search extends Lines {
        static final Sort SORT = new Sort(new SortField("order", SortField.Type.LONG));

        @Override
        String line(HttpServletRequest request) throws Exception {
            BooleanQuery query = new BooleanQuery();
            for (String name : new String[] { "a", "b" }) {
                Term term = new Term("text", "word" + number(request, name));
                query.add(new TermQuery(term), BooleanClause.Occur.SHOULD);
            }
            IndexSearcher searcher = searchers.acquire();
            try {
                TopDocs top = searcher.search(query, 10, SORT);
                StringBuilder line = new StringBuilder().append(top.totalHits);
                for (ScoreDoc hit : top.scoreDocs) {
                    Document book = searcher.doc(hit.doc);
                    line.append(' ').append(book.get("id")).append(' ');
                    line.append(book.get("text"), 0, 40);
                }
                return line.toString();
            } finally {
                searchers.release(searcher);
            }
        }
    }

    /** A book, and what else is on its shelf. */
    static class Book extends Lines {
        static final String SQL = "SELECT o.id, o.title FROM book b"
            + " JOIN book o ON o.shelf = b.shelf WHERE b.id = ? ORDER BY o.id";

        @Override
        String line(HttpServletRequest request) throws Exception {
            try (Connection connection = pool.getConnection();
                    PreparedStatement select = connection.prepareStatement(SQL)) {
                select.setInt(1, number(request, "id"));
                StringBuilder line = new StringBuilder();
                try (ResultSet rows = select.executeQuery()) {
                    while (rows.next()) {
                        line.append(rows.getInt(1)).append(' ').append(rows.getString(2));
                    }
                }
                return line.toString();
            }
        }
    }

    static class Order extends Lines {
        static int update(Connection connection, String sql, Object... values)
                throws Exception {
            try (PreparedStatement update = connection.prepareStatement(sql)) {
                for (int n = 0; n < values.length; n++) {
                    update.setObject(n + 1, values[n]);
                }
                return update.executeUpdate();
            }
        }

        @Override
        String line(HttpServletRequest request) throws Exception {
            int id = number(request, "id"), no = orders.getAndIncrement();
            try (Connection connection = pool.getConnection()) {
                connection.setAutoCommit(false);
                int sold = update(connection, "UPDATE stock SET sold = sold + 1 WHERE id = ?", id);
                update(connection, "INSERT INTO orders VALUES (?, ?, ?)", no, id,
                    ("order " + no + " ").repeat(20));
                update(connection, "DELETE FROM orders WHERE no = ?", no - KEPT_ORDERS);
                connection.commit();
                return "sold " + sold + " of " + id;
            }
        }
    }

    /** A note on a book. No search finds it. */
    static class Note extends Lines {
        @Override
        String line(HttpServletRequest request) throws Exception {
            int id = number(request, "id"), no = notes.incrementAndGet();
            String name = "n" + no % KEPT_NOTES;
            Document note = new Document();
            note.add(new StringField("note", name, Field.Store.YES));
            String text = ("noted" + id % 97 + " note" + no % 89 + " ").repeat(20);
            note.add(new TextField("text", text, Field.Store.YES));
            note.add(new NumericDocValuesField("order", BOOKS + no));
            writer.updateDocument(new Term("note", name), note);
            if (no % 400 == 0) {
                writer.commit();
            }
            if (no % 20 == 0) {
                searchers.maybeRefresh();
            }
            return "noted " + id;
        }
    }

    // The server.

    static void serve(String folder) throws Exception {
        index = directory(folder);
        LogDocMergePolicy merges = new LogDocMergePolicy(); // of notes: those of books stay
        merges.setMaxMergeDocs(A_SEGMENT / 2);
        writer = writer(index, merges);
        searchers = new SearcherManager(writer, true, null);
        pool = JdbcConnectionPool.create(url(folder), "", "");

        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder);
        tomcat.setPort(0);
        Connector connector = tomcat.getConnector();
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        Context context = tomcat.addContext("", new File(folder).getAbsolutePath());
        Lines[] servlets = { new Search(), new Book(), new Order(), new Note() };
        for (Lines servlet : servlets) {
            String name = servlet.getClass().getSimpleName().toLowerCase();
            Tomcat.addServlet(context, name, servlet);
            context.addServletMappingDecoded("/" + name, name);
        }
        tomcat.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                tomcat.stop();
                tomcat.destroy();
                end(folder);
            } catch (Throwable failed) {
                failed.printStackTrace();
            }
        }));
        Path port = Path.of(folder, "port"), half = Path.of(folder, "port.half");
        Files.writeString(half, connector.getLocalPort() + "\n");
        Files.move(half, port, StandardCopyOption.ATOMIC_MOVE);
        tomcat.getServer().await();
    }

    /** Closes the files, opens them again, and prints how many orders and notes they hold. */
    static void end(String folder) throws Exception {
        searchers.close();
        writer.close();
        pool.dispose();
        int kept;
        try (DirectoryReader reader = DirectoryReader.open(index)) {
            kept = reader.numDocs() - BOOKS;
        }
        index.close();
        try (Connection connection = DriverManager.getConnection(url(folder));
                Statement statement = connection.createStatement();
                ResultSet sums = statement.executeQuery(
                    "SELECT (SELECT SUM(sold) FROM stock), (SELECT COUNT(*) FROM orders)")) {
            sums.next();
            System.out.println("orders " + orders + " " + sums.getLong(1) + " " + sums.getLong(2));
        }
        System.out.println("notes " + notes + " " + kept);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("make")) {
            makeIndex(arguments[1]);
            makeDatabase(arguments[1]);
            makeRequests(arguments[2]);
        } else {
            serve(arguments[1]);
        }
    }
}
