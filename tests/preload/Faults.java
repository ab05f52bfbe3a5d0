/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;

/**
 * Operations on mapped buffers whose file cannot keep up: truncated by another process, or full of
 * holes on a full disk. Every file has a Java FileLock all the while, which another process looks
 * at (the program of -Dlocked). It knows nothing of mapherd. A line for each operation says how it
 * ended: right (the same result and bytes as in memory of its own), InternalError, or what else.
 *
 * <p>Usage: Faults truncated FOLDER OPERATION...<br>
 * Faults full FOLDER REFERENCES FILLER OPERATION...
 */
public final class Faults {
    private static final int SIZE = 1 << 20;
    /** What a truncated file keeps: it ends within a page. */
    private static final int KEPT = (1 << 16) + 100;
    /** As often is an operation run on other memory before: enough for either compiler. */
    private static final int WARM = Integer.getInteger("warm", 0);

    private static final byte[] CONTENT = makeContent();

    private static boolean allIsWell = true;
    private static volatile byte[] large;

    private Faults() { }

    /** A stream of the deflate format, made of stored blocks: all of it has to be read. */
    private static byte[] makeContent() {
        byte[] random = new byte[SIZE];
        new Random(1).nextBytes(random);
        Deflater deflater = new Deflater(Deflater.NO_COMPRESSION);
        deflater.setInput(random);
        byte[] content = new byte[SIZE];
        deflater.deflate(content);
        deflater.end();
        return content;
    }

    /** The content, in direct memory. */
    static ByteBuffer content() {
        return direct(CONTENT);
    }

    /** What is left of it if the file is cut, and zeros. */
    static ByteBuffer cut() {
        return direct(Arrays.copyOf(Arrays.copyOf(CONTENT, KEPT), SIZE));
    }

    private static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).clear();
    }

    private static void say(String operation, String what) {
        System.out.println(operation + " " + what);
    }

    private static void wrong(String operation, String what) {
        allIsWell = false;
        say(operation, "WRONG: " + what);
    }

    private static int command(String... words) throws Exception {
        return new ProcessBuilder(words).inheritIO().start().waitFor();
    }

    /** A file, its lock and the map of all of it. The channel stays open: closing drops locks. */
    private static final class Mapped {
        final String operation;
        final Path file;
        final FileChannel channel;
        final FileLock lock;
        final MappedByteBuffer buffer;

        Mapped(Path folder, String operation, byte[] content) throws IOException {
            this.operation = operation;
            file = folder.resolve(operation);
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ,
                    StandardOpenOption.WRITE);
            if (content != null) {
                channel.write(ByteBuffer.wrap(content), 0);
            }
            lock = channel.lock();
            buffer = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE);
        }

        /** What force() throws, or "". */
        String force() {
            try {
                buffer.force();
                return "";
            } catch (UncheckedIOException e) {
                return e.getCause().getMessage();
            }
        }

        byte[] inFile() throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate((int) channel.size());
            while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) > 0) {
                continue;
            }
            return bytes.array();
        }
    }

    private static void checkLocks(List<Mapped> files, String when) throws Exception {
        String self = String.valueOf(ProcessHandle.current().pid());
        List<String> words = new ArrayList<>(List.of(System.getProperty("locked"), self));
        for (Mapped mapped : files) {
            words.add(mapped.file.toString());
        }
        if (command(words.toArray(new String[0])) != 0) {
            wrong("locks", "lost " + when);
        }
    }

    /** What comes of an operation on memory that nothing happens to. */
    private static final class Reference {
        final long result;
        final byte[] after = new byte[SIZE];

        Reference(FaultsOperations.Operation operation, ByteBuffer memory) throws Exception {
            result = operation.run(memory);
            memory.duplicate().clear().get(after);
        }
    }

    private static void warm(FaultsOperations.Operation operation) throws Exception {
        ByteBuffer memory = content();
        for (int n = 0; n < WARM; n++) {
            operation.run(memory);
        }
    }

    /**
     * Runs it. HotSpot's InternalError comes later than the fault, when the thread is next in the
     * VM for some reason: a large array is one.
     */
    private static String run(FaultsOperations.Operation operation, ByteBuffer buffer, long expected)
            throws Exception {
        try {
            long result = operation.run(buffer);
            for (int n = 0; n < 4; n++) {
                large = new byte[SIZE];
                Thread.yield();
            }
            return result == expected ? "right" : "WRONG: " + result + ", not " + expected;
        } catch (InternalError e) {
            return "InternalError";
        }
    }

    private static boolean equal(byte[] some, byte[] others, int count) {
        return Arrays.equals(some, 0, count, others, 0, count);
    }

    // ---- a truncated file ----

    private static void truncated(Path folder, String name) throws Exception {
        FaultsOperations.Operation operation = FaultsOperations.named(name);
        Reference reference = new Reference(operation, cut());
        Mapped mapped = new Mapped(folder, name, CONTENT);
        warm(operation);
        command("truncate", "-s", String.valueOf(KEPT), mapped.file.toString());

        String how = run(operation, mapped.buffer, reference.result);
        if (how.startsWith("WRONG")) {
            allIsWell = false;
        }
        if (how.equals("right") && !equal(mapped.inFile(), reference.after, KEPT)) {
            wrong(name, "the bytes that the file kept");
        }
        // Who was given zeros hears of it here.
        String told = mapped.force();
        if (how.equals("right") && told.isEmpty()) {
            wrong(name, "force() does not tell");
        }
        say(name, how + (told.isEmpty() ? "" : ", force: " + told));
        checkLocks(List.of(mapped), "after " + name);
        grownAgain(mapped);
        mapped.channel.close();
    }

    /** The file comes back: so does the map of it. */
    private static void grownAgain(Mapped mapped) throws Exception {
        command("truncate", "-s", String.valueOf(SIZE), mapped.file.toString());
        mapped.force();
        mapped.buffer.duplicate().clear().put(CONTENT);
        String told = mapped.force();
        if (!told.isEmpty() || !equal(mapped.inFile(), CONTENT, SIZE)) {
            wrong(mapped.operation, "the file grew again, but stores do not reach it: " + told);
        }
    }

    // ---- a full disk ----

    private static final class Full {
        final Mapped mapped;
        final FaultsOperations.Operation operation;
        Reference reference;

        Full(Path folder, String name) throws Exception {
            operation = FaultsOperations.named(name);
            mapped = new Mapped(folder, name, null);
        }
    }

    private static void full(Path folder, Path references, Path filler, List<String> names)
            throws Exception {
        List<Full> all = new ArrayList<>();
        List<Mapped> files = new ArrayList<>();
        for (String name : names) {
            all.add(new Full(folder, name));
            files.add(all.get(all.size() - 1).mapped);
        }
        for (Full one : all) {
            one.reference = new Reference(one.operation, ByteBuffer.allocateDirect(SIZE));
            warm(one.operation);
            String how = run(one.operation, one.mapped.buffer, one.reference.result);
            checkStored(one, how);
            String told = one.mapped.force();
            if (!told.contains("No space left on device")) {
                wrong(one.mapped.operation, "force() says '" + told + "'");
            }
            checkStored(one, "right");
        }
        checkLocks(files, "on the full disk");
        FullDisk.empty(filler.toString());
        for (Full one : all) {
            String told = one.mapped.force();
            if (!told.isEmpty()) {
                wrong(one.mapped.operation, "there is space, and force() says " + told);
            }
            if (!equal(one.mapped.inFile(), one.reference.after, SIZE)) {
                wrong(one.mapped.operation, "bytes in the file");
            }
            Files.write(references.resolve(one.mapped.operation), one.reference.after);
        }
        checkLocks(files, "after there was space");
    }

    /** Is all that was stored there? */
    private static void checkStored(Full one, String how) {
        byte[] seen = new byte[SIZE];
        one.mapped.buffer.duplicate().clear().get(seen);
        boolean kept = Arrays.equals(seen, one.reference.after);
        allIsWell &= kept && how.equals("right");
        say(one.mapped.operation, kept ? how : how + ", stores are lost");
    }

    public static void main(String[] args) throws Exception {
        System.load(System.getProperty("jni"));
        System.out.println("library=" + FullDisk.libraryLoaded());
        List<String> words = List.of(args);
        if (args[0].equals("truncated")) {
            for (String name : words.subList(2, args.length)) {
                truncated(Path.of(args[1]), name);
            }
        } else {
            full(Path.of(args[1]), Path.of(args[2]), Path.of(args[3]),
                    words.subList(4, args.length));
        }
        System.out.println(allIsWell ? "all is well" : "not all is well");
        System.exit(allIsWell ? 0 : 1);
    }
}
