"""A web server in a thread, whose replies a test writes byte by byte."""

import socket
import threading
from contextlib import contextmanager

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


def whole(data, *, kind=b"text/plain"):
    """A complete reply."""
    return b"%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (HEAD, kind, len(data), data)


def chunked(data, *, is_complete=True):
    """A reply in two chunks; without the last one it is not complete."""
    middle = len(data) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(d), d) for d in (data[:middle], data[middle:]))
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n" * is_complete


def redirect(url):
    """A reply that names another address."""
    return b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % url.encode()


class Server:
    """Its address, the reply that it gives, and the paths that were requested."""

    def __init__(self, reply=b""):
        self.reply, self.requests = reply, []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/go-basic.obo"

    def run(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (data := connection.recv(1 << 16)):
                head += data
            method, path, *_ = (head or b"? ?").split(b" ")
            self.requests.append((method.decode(), path.decode()))
            reply = self.reply(*self.requests[-1]) if callable(self.reply) else self.reply
            for part in (reply,) if isinstance(reply, bytes) else reply:
                try:
                    connection.sendall(part)
                except OSError:
                    return

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(reply=b""):
    """Serve a reply: bytes, an iterable of bytes, or a function of method and path."""
    server = Server(reply)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)
