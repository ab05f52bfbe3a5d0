/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.analysis.core.KeywordAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.Version;

/**
 * LeakReaders FOLDER READERS: an index is written to, merged and opened anew each time; nobody closes the
 * readers, so the files of the older ones are deleted and mapped still.
 */
public class LeakReaders {
    static final List<DirectoryReader> open = new ArrayList<>();

    static void refresh(MMapDirectory folder) throws Exception {
        open.add(DirectoryReader.open(folder));
    }

    static long mapped() throws Exception {
        try (var lines = java.nio.file.Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.endsWith("(deleted)") && l.contains("/_")).count();
        }
    }

    public static void main(String[] args) throws Exception {
        MMapDirectory folder = new MMapDirectory(new java.io.File(args[0]));
        IndexWriterConfig config = new IndexWriterConfig(Version.LUCENE_4_10_4, new KeywordAnalyzer());
        config.setUseCompoundFile(false);
        IndexWriter writer = new IndexWriter(folder, config);
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            Document document = new Document();
            document.add(new StringField("id", "d" + i, Field.Store.YES));
            writer.addDocument(document);
            writer.forceMerge(1);
            writer.commit();
            refresh(folder);
        }
        System.out.println(mapped());
        System.out.flush();
        System.in.read();
        Runtime.getRuntime().halt(0);
    }
}
