/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import sun.misc.Unsafe;

/**
 * A file that grows, mapped whole and anew at each growth, as H2's nioMapped does; half way the
 * disk fills. Old maps are unmapped at once, or kept and looked at too. Every byte that was stored
 * is seen through every map, all the time. It knows nothing of mapherd.
 *
 * <p>Usage: FullRemap FILE REFERENCE FILLER unmap|keep
 */
public final class FullRemap {
    private static final int STEP = 1 << 20;
    private static final int STEPS = 24;

    private FullRemap() { }

    private static Unsafe theUnsafe() throws ReflectiveOperationException {
        Field field = Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (Unsafe) field.get(null);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            System.out.println("WRONG: " + what);
            System.exit(1);
        }
    }

    private static String force(MappedByteBuffer buffer) {
        try {
            buffer.force();
            return "";
        } catch (UncheckedIOException e) {
            return e.getCause().getMessage();
        }
    }

    private static void checkSame(ByteBuffer map, byte[] stored, String what) {
        ByteBuffer reference = ByteBuffer.wrap(stored).limit(map.capacity());
        int differs = map.duplicate().clear().mismatch(reference);
        check(differs < 0, what + " differs at " + differs);
    }

    public static void main(String[] args) throws Exception {
        System.out.println("library=" + FullDisk.libraryLoaded());
        boolean unmap = args[3].equals("unmap");
        Unsafe unsafe = theUnsafe();
        byte[] stored = new byte[STEPS * STEP];
        Random random = new Random(1);
        List<MappedByteBuffer> old = new ArrayList<>();
        int refused = 0;
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            MappedByteBuffer map = null;
            for (int step = 0; step < STEPS; step++) {
                if (step == STEPS / 2) {
                    FullDisk.fill(args[2]);
                }
                if (map != null && unmap) {
                    unsafe.invokeCleaner(map);
                } else if (map != null) {
                    old.add(map);
                }
                file.setLength((step + 1L) * STEP);
                map = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, (step + 1L) * STEP);
                checkSame(map, stored, "step " + step + ": the new map");
                // The new part, and something in the others.
                byte[] record = new byte[2000];
                for (int n = 0; n < 256; n++) {
                    random.nextBytes(record);
                    int at = n < 200 ? step * STEP + random.nextInt(STEP - record.length)
                            : random.nextInt((step + 1) * STEP - record.length);
                    map.duplicate().position(at).put(record);
                    System.arraycopy(record, 0, stored, at, record.length);
                }
                for (MappedByteBuffer before : old) {
                    checkSame(before, stored, "step " + step + ": a map of before");
                }
                String told = force(map);
                check(told.isEmpty() || told.contains("No space left on device"), "force: " + told);
                check(step >= STEPS / 2 || told.isEmpty(), "force before it was full: " + told);
                refused += told.isEmpty() ? 0 : 1;
            }
            FullDisk.empty(args[2]);
            String told = force(map);
            check(told.isEmpty(), "there is space, and force says " + told);
            checkSame(map, stored, "at the end, the map");
            byte[] inFile = new byte[stored.length];
            file.seek(0);
            file.readFully(inFile);
            checkSame(ByteBuffer.wrap(inFile), stored, "at the end, the file");
        }
        Files.write(Path.of(args[1]), stored);
        System.out.println("refused=" + refused);
    }
}
