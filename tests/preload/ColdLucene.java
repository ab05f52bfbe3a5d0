/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.store.SimpleFSDirectory;
import org.apache.lucene.util.Version;

/**
 * ColdLucene FOLDER SEGMENTS READERS: two indexes of the same documents, one of SEGMENTS segments and one of a
 * single segment, give the same answers; the large one through READERS readers at once, each with maps of its own.
 * Makes the indexes if they are not there; without readers that is all. Prints how many files the large one has,
 * and what is left in the end.
 */
public class ColdLucene {
    static final int A_SEGMENT = 2; // documents

    static void write(File folder, int segments, boolean merged) throws Exception {
        IndexWriterConfig config = new IndexWriterConfig(Version.LUCENE_4_10_4, new WhitespaceAnalyzer());
        config.setUseCompoundFile(false);
        if (!merged) {
            config.setMergePolicy(NoMergePolicy.INSTANCE);
            config.setMaxBufferedDocs(A_SEGMENT);
        }
        try (IndexWriter writer = new IndexWriter(new SimpleFSDirectory(folder), config)) {
            for (int n = 0; n < segments * A_SEGMENT; n++) {
                Document d = new Document();
                d.add(new StringField("id", "d" + n, Field.Store.YES));
                d.add(new TextField("text", "w" + n % 97 + " v" + n % 1009, Field.Store.NO));
                d.add(new NumericDocValuesField("order", n));
                writer.addDocument(d);
            }
            if (merged)
                writer.forceMerge(1);
        }
    }

    static String answers(DirectoryReader reader) throws Exception {
        IndexSearcher searcher = new IndexSearcher(reader);
        Sort sort = new Sort(new SortField("order", SortField.Type.LONG));
        StringBuilder all = new StringBuilder();
        for (int n = 0; n < 97; n += 7)
            for (String word : new String[] { "w" + n, "v" + n * 10 }) {
                TopDocs top = searcher.search(new TermQuery(new Term("text", word)), 50, sort);
                all.append(word).append(' ').append(top.totalHits);
                for (ScoreDoc hit : top.scoreDocs)
                    all.append(' ').append(searcher.doc(hit.doc).get("id"));
                all.append('\n');
            }
        return all.toString();
    }

    /* Of the index, and cold ones. */
    static long maps(String folder) throws Exception {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.contains(folder) || l.contains("mapherd-cold")).count();
        }
    }

    public static void main(String[] args) throws Exception {
        File many = new File(args[0], "many"), few = new File(args[0], "few");
        int segments = Integer.parseInt(args[1]);
        DirectoryReader[] readers = new DirectoryReader[Integer.parseInt(args[2])];
        if (!many.exists()) {
            write(many, segments, false);
            write(few, segments, true);
        }
        if (readers.length == 0)
            return;
        String wanted;
        try (DirectoryReader reader = DirectoryReader.open(new SimpleFSDirectory(few))) {
            wanted = answers(reader);
        }
        for (int n = 0; n < readers.length; n++)
            readers[n] = DirectoryReader.open(new MMapDirectory(many));
        boolean equal = true;
        for (DirectoryReader reader : readers)
            equal &= answers(reader).equals(wanted);
        System.out.println("files=" + many.list().length + " segments=" + readers[0].leaves().size()
            + " maps=" + maps(many.getPath()) + " answers=" + wanted.lines().count() + " equal=" + equal);
        for (int n = 0; n < readers.length; n++) {
            readers[n].close();
            readers[n] = null;
        }
        long left = maps(many.getPath());
        for (int n = 0; n < 100 && left > 0; n++) { // the collector unmaps
            System.gc();
            Thread.sleep(100);
            left = maps(many.getPath());
        }
        System.out.println("left=" + left);
    }
}
