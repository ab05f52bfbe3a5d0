/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** A Tomcat in this JVM and a client of it: Server FOLDER FILE, into which the answers go. */
class Server {
    public static class Squares extends HttpServlet {
        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            int n = Integer.parseInt(request.getParameter("n"));
            response.getWriter().println(n + " " + (long) n * n + " " + "x".repeat(n % 100));
        }
    }

    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[0]);
        tomcat.setPort(0);
        Context context = tomcat.addContext("", new File(arguments[0]).getAbsolutePath());
        Tomcat.addServlet(context, "squares", new Squares());
        context.addServletMappingDecoded("/squares", "squares");
        tomcat.start();
        int port = tomcat.getConnector().getLocalPort();
        HttpClient client = HttpClient.newHttpClient();
        try (PrintStream out = new PrintStream(arguments[1])) {
            for (int n = 0; n < 1000; n++) {
                URI uri = URI.create("http://127.0.0.1:" + port + "/squares?n=" + n);
                out.print(client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).body());
            }
        }
        tomcat.stop();
        tomcat.destroy();
    }
}
