/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.File;
import java.io.PrintStream;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.Version;

/** Makes an index whose files are mapped in pieces of 64 KiB and searches it: Lucene FOLDER FILE, into which goes what is found. */
class Lucene {
    public static void main(String[] arguments) throws Exception {
        try (MMapDirectory directory = new MMapDirectory(new File(arguments[0]), null, 1 << 16)) {
            IndexWriterConfig config = new IndexWriterConfig(Version.LATEST, new StandardAnalyzer());
            config.setMaxBufferedDocs(200);
            try (IndexWriter writer = new IndexWriter(directory, config)) {
                for (int n = 0; n < 3000; n++) {
                    Document document = new Document();
                    document.add(new StringField("id", Integer.toString(n), Field.Store.YES));
                    document.add(new TextField("text", "number" + n % 97 + " of " + "word" + n % 13 + " and " + n, Field.Store.YES));
                    writer.addDocument(document);
                }
                writer.forceMerge(1);
            }
            try (DirectoryReader reader = DirectoryReader.open(directory); PrintStream out = new PrintStream(arguments[1])) {
                IndexSearcher searcher = new IndexSearcher(reader);
                for (int n = 0; n < 97; n++) {
                    for (ScoreDoc hit : searcher.search(new TermQuery(new Term("text", "number" + n)), 50).scoreDocs) {
                        out.println(n + " " + hit.score + " " + searcher.doc(hit.doc).get("text"));
                    }
                }
            }
        }
    }
}
