/** Maps in native methods: enough for the library to know of the JVM, and then where that may not be called. */
public class LeakNative {
    static native void map();
    static native void mapDetached(int n);
    static native void allocate();
    static native void interrupt();

    public static void main(String[] arguments) {
        System.loadLibrary("leaks");
        mapDetached(9000);
        for (int i = 0; i < 10; i++)
            map();
        for (int i = 0; i < 10; i++)
            allocate();
        interrupt();
        System.out.println("done");
    }
}
