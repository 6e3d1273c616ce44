"""A peer on Python's ssl module: one conversation, one JSON line at the end.

The records go through memory, so that a session can also end without
close_notify, and both directions end on their own."""
import hashlib, json, socket, ssl, sys, threading

plan = json.loads(sys.argv[1])
server = plan["server"]
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if plan["version"]:
        c.minimum_version = c.maximum_version = VERSIONS[plan["version"]]
    if plan["cert"]:
        c.load_cert_chain(plan["cert"], plan["key"])
    c.load_verify_locations(plan["ca"])
    if plan["group"]:
        c.set_ecdh_curve(plan["group"])
    if plan["alpn"]:
        c.set_alpn_protocols([plan["alpn"]])
    if server:
        c.verify_mode = (ssl.CERT_REQUIRED if plan["insists"] else ssl.CERT_OPTIONAL) if plan["asks"] else ssl.CERT_NONE
    elif not plan["name"]:
        c.check_hostname = False
    return c


class Session:
    def __init__(self, ctx, sock, session=None):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.lock = threading.Lock()
        self.tls = ctx.wrap_bio(self.incoming, self.outgoing, server_side=server, server_hostname=plan["name"] or None, session=session)

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def call(self, function, *args):
        """Repeats a call until it no longer wants bytes from the network."""
        while True:
            try:
                with self.lock:
                    try:
                        return function(*args)
                    finally:
                        self.flush()
            except ssl.SSLWantReadError:
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def read(self, most):
        """b"" is close_notify; a bare FIN is ssl.SSLEOFError."""
        try:
            return self.call(self.tls.read, most)
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data):
        for i in range(0, len(data), 16384):
            with self.lock:
                self.tls.write(data[i:i + 16384])
                out = self.outgoing.read()
            self.sock.sendall(out)

    def end(self):
        if not plan["fin"]:
            with self.lock:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass
                try:
                    self.flush()
                except OSError:
                    pass
        self.sock.shutdown(socket.SHUT_WR)


def converse(s, say):
    s.call(s.tls.do_handshake)
    say.update(protocol=s.tls.version(), cipher=s.tls.cipher()[0], alpn=s.tls.selected_alpn_protocol() or "", resumed=bool(s.tls.session_reused))
    got = b""
    writer = None
    if not server:
        writer = threading.Thread(target=s.write, args=(open(plan["request"], "rb").read(),))
        writer.start()
    try:
        while len(got) < plan["bytes"]:
            part = s.read(65536)
            if not part:
                break
            got += part
        if writer:
            writer.join()
        if server and len(got) == plan["bytes"]:
            s.write(got)
        keep = s.tls.session
        if plan["first"]:
            s.end()
        while True:
            part = s.read(65536)
            if not part:
                say["end"] = "close_notify"
                break
            got += part
        if not plan["first"]:
            s.end()
        return keep
    except ssl.SSLEOFError:
        say["end"] = "FIN"
        if not plan["first"]:
            s.end()
    finally:
        say["in"] = {"n": len(got), "hash": hashlib.sha256(got).hexdigest()[:16] if got else ""}


def connect():
    if server:
        with socket.create_server(("127.0.0.1", plan["port"])) as l:
            return l.accept()[0]
    return socket.create_connection(("127.0.0.1", plan["port"]))


say = {}
try:
    ctx, session = context(), None
    for _ in range(plan["rounds"]):
        sock = connect()
        sock.settimeout(10)
        session = converse(Session(ctx, sock, session), say)
        sock.close()
except (ssl.SSLError, OSError) as e:
    say["error"] = str(e)
print(json.dumps(say))
sys.exit(1 if "error" in say else 0)
