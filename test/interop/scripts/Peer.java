import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import java.util.regex.*;
import javax.net.ssl.*;

/** A peer on the JDK's JSSE: one conversation, one JSON line at the end. */
public class Peer {
    // The plan, as NAME=value arguments.
    static final Map<String, String> plan = new HashMap<>();
    static final StringBuilder say = new StringBuilder("{\"about\":\"JSSE\"");

    static boolean is(String name) { return "true".equals(plan.get(name)); }

    static void say(String name, String value) {
        say.append(",\"").append(name).append("\":\"").append(value.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s+", " ")).append('"');
    }

    static List<byte[]> pem(String path) throws IOException {
        var all = new ArrayList<byte[]>();
        Matcher m = Pattern.compile("-----BEGIN [^-]*-----([^-]*)-----END").matcher(Files.readString(Path.of(path)));
        while (m.find()) all.add(Base64.getMimeDecoder().decode(m.group(1)));
        return all;
    }

    static java.security.cert.Certificate[] certificates(String path) throws Exception {
        var factory = CertificateFactory.getInstance("X.509");
        var all = new ArrayList<java.security.cert.Certificate>();
        for (byte[] der : pem(path)) all.add(factory.generateCertificate(new ByteArrayInputStream(der)));
        return all.toArray(new java.security.cert.Certificate[0]);
    }

    static PrivateKey key(String path) throws Exception {
        var spec = new PKCS8EncodedKeySpec(pem(path).get(0));
        for (String algorithm : List.of("EC", "RSA", "EdDSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(spec);
            } catch (GeneralSecurityException e) { /* the next one */ }
        }
        throw new GeneralSecurityException("unknown key");
    }

    static SSLContext context() throws Exception {
        var trust = KeyStore.getInstance("PKCS12");
        trust.load(null, null);
        trust.setCertificateEntry("ca", certificates(plan.get("ca"))[0]);
        var tmf = TrustManagerFactory.getInstance("PKIX");
        tmf.init(trust);
        KeyManager[] keys = null;
        if (!plan.get("cert").isEmpty()) {
            var store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("own", key(plan.get("key")), new char[0], certificates(plan.get("cert")));
            var kmf = KeyManagerFactory.getInstance("NewSunX509");
            kmf.init(new KeyStoreBuilderParameters(KeyStore.Builder.newInstance(store, new KeyStore.PasswordProtection(new char[0]))));
            keys = kmf.getKeyManagers();
        }
        var ctx = SSLContext.getInstance("TLS");
        ctx.init(keys, tmf.getTrustManagers(), null);
        return ctx;
    }

    static Socket raw;

    static SSLSocket connect(SSLContext ctx) throws Exception {
        boolean server = is("server");
        int port = Integer.parseInt(plan.get("port"));
        if (server) {
            try (var l = new ServerSocket(port, 1, InetAddress.getByName("127.0.0.1"))) { raw = l.accept(); }
        } else {
            raw = new Socket("127.0.0.1", port);
        }
        raw.setSoTimeout(10000);
        String name = plan.get("name");
        // A peer without a name must not be looked up: it would be asked for under it.
        var s = (SSLSocket) ctx.getSocketFactory().createSocket(raw, name.isEmpty() ? "127.0.0.1" : name, port, !is("fin"));
        s.setUseClientMode(!server);
        var p = s.getSSLParameters();
        if (!plan.get("version").isEmpty()) p.setProtocols(new String[] {"TLSv" + plan.get("version")});
        if (!plan.get("alpn").isEmpty()) p.setApplicationProtocols(new String[] {plan.get("alpn")});
        if (server) {
            if (is("insists")) p.setNeedClientAuth(true);
            else if (is("asks")) p.setWantClientAuth(true);
        } else {
            // JSSE by itself sends no name without a dot in it.
            if (!name.isEmpty()) p.setServerNames(List.of(new SNIHostName(name)));
            if (!name.isEmpty()) p.setEndpointIdentificationAlgorithm("HTTPS");
        }
        s.setSSLParameters(p);
        return s;
    }

    static void converse(SSLSocket s) throws Exception {
        boolean server = is("server"), first = is("first");
        int want = Integer.parseInt(plan.get("bytes"));
        s.startHandshake();
        var session = s.getSession();
        say("protocol", session.getProtocol());
        say("cipher", session.getCipherSuite());
        say("alpn", Objects.requireNonNullElse(s.getApplicationProtocol(), ""));
        var got = new ByteArrayOutputStream();
        var in = s.getInputStream();
        var out = s.getOutputStream();
        Thread writer = null;
        if (!server) {
            byte[] request = Files.readAllBytes(Path.of(plan.get("request")));
            writer = new Thread(() -> { try { out.write(request); out.flush(); } catch (IOException e) { say("writing", e.toString()); } });
            writer.start();
        }
        try {
            byte[] buf = new byte[32768];
            int n = 0;
            while (got.size() < want && (n = in.read(buf)) > 0) got.write(buf, 0, n);
            if (writer != null) writer.join();
            if (server && got.size() == want) { out.write(got.toByteArray()); out.flush(); }
            if (first) end(s);
            while (n >= 0 && (n = in.read(buf)) > 0) got.write(buf, 0, n);
            say("end", "close_notify");
            if (!first) end(s);
        } finally {
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(got.toByteArray())).substring(0, 16);
            say.append(",\"in\":{\"n\":" + got.size() + ",\"hash\":\"" + (got.size() > 0 ? hash : "") + "\"}");
        }
        if (is("fin")) raw.close(); else s.close();
    }

    static void end(SSLSocket s) throws IOException {
        if (is("fin")) raw.shutdownOutput(); else s.shutdownOutput();
    }

    public static void main(String[] args) {
        for (String a : args) plan.put(a.substring(0, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
        int code = 0;
        try {
            var ctx = context();
            for (int i = 0; i < Integer.parseInt(plan.get("rounds")); i++) converse(connect(ctx));
        } catch (Exception e) {
            say("error", e.toString());
            code = 1;
        }
        System.out.println(say.append('}'));
        System.exit(code);
    }
}
