/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/** Maps in native methods: the first of them, and many later, where the JVM may not be called. */
public class LeakNative {
    static native void map();
    static native void mapLater();
    static native void mapDetached(int n);
    static native void allocate();
    static native void interrupt();

    public static void main(String[] arguments) {
        System.loadLibrary("leaks");
        map();
        mapDetached(9000);
        for (int i = 0; i < 10; i++)
            mapLater();
        for (int i = 0; i < 10; i++)
            allocate();
        interrupt();
        System.out.println("done");
    }
}
