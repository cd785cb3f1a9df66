"""A mirror on loopback with the faults of bad mirrors. The first component of a path names the fault."""

import gzip
import hashlib
import random
import socket
import struct
import threading
import time

GOOD = random.Random(7).randbytes(300_000)
DIGEST = hashlib.sha256(GOOD).hexdigest()
ETAG = '"v1"'


class Peer:
    """One connection: the request, and ways to answer it."""

    def __init__(self, sock, mirror):
        self.sock, self.mirror = sock, mirror
        self.sent = 0

    def read_request(self):
        data = b""
        while b"\r\n\r\n" not in data:
            got = self.sock.recv(65536)
            if not got:
                return False
            data += got
        lines = data.decode("latin1").split("\r\n")
        self.path = lines[0].split()[1]
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
        # a proxy gets the whole URL
        path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http://") else self.path
        self.fault, _, self.name = path.lstrip("/").partition("/")
        return True

    def send(self, data):
        self.sock.sendall(data)
        self.sent += len(data)

    def head(self, status=200, **headers):
        lines = [f"HTTP/1.1 {status} X", "Connection: close"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin1"))

    def body(self, data, status=200, **headers):
        self.head(status, Content_Length=len(data), **headers)
        self.send(data)

    def begin(self):
        """The start of a Range request; None without one."""
        r = self.headers.get("range")
        return int(r.split("=")[1].split("-")[0]) if r else None

    def stall(self):
        self.mirror.closing.wait(30)


def until_closed(peer, data, pause=0.0):
    try:
        while not peer.mirror.closing.is_set():
            peer.send(data)
            if pause:
                time.sleep(pause)
    except OSError:
        pass


def good(p):
    if p.headers.get("if-none-match") == ETAG:
        p.head(304, ETag=ETAG)
        return
    at = p.begin()
    if at is None:
        p.body(GOOD, ETag=ETAG)
    else:
        p.body(GOOD[at:], 206, ETag=ETAG, Content_Range=f"bytes {at}-{len(GOOD) - 1}/{len(GOOD)}")


def breaks(p):  # each try gets a third more, by Range
    at = p.begin() or 0
    status = 206 if at else 200
    extra = {"Content_Range": f"bytes {at}-{len(GOOD) - 1}/{len(GOOD)}"} if at else {}
    p.head(status, Content_Length=len(GOOD) - at, ETag=ETAG, **extra)
    p.send(GOOD[at : at + 110_000])


def breaks_then_whole(p):  # does not support ranges; the second try works
    p.mirror.count[p.fault] = p.mirror.count.get(p.fault, 0) + 1
    p.head(200, Content_Length=len(GOOD))
    p.send(GOOD if p.mirror.count[p.fault] > 1 else GOOD[:50_000])


def changes_meanwhile(p):  # another version, and it answers If-Range correctly
    if p.begin() is None:
        p.head(200, Content_Length=len(GOOD), ETag='"old"')
        p.send(bytes(100_000))
    elif p.headers.get("if-range") == '"old"':
        p.body(GOOD, ETag='"new"')
    else:
        p.head(400)


def always_breaks(p):
    p.head(200, Content_Length=len(GOOD))
    p.send(GOOD[:1000])


def wrong_range(p):
    if p.begin() is None:
        always_breaks(p)
    else:
        p.body(GOOD[500:], 206, Content_Range=f"bytes 500-{len(GOOD) - 1}/{len(GOOD)}")


def no_content_range(p):
    if p.begin() is None:
        always_breaks(p)
    else:
        p.body(GOOD[p.begin() :], 206)


def endless_chunks(p):
    p.head(200, Transfer_Encoding="chunked")
    until_closed(p, b"4000\r\n" + bytes(0x4000) + b"\r\n")


def endless_body(p):
    p.head(200)
    until_closed(p, bytes(16384))


def endless_headers(p):
    p.send(b"HTTP/1.1 200 OK\r\n")
    until_closed(p, b"X-Pad: " + b"x" * 1000 + b"\r\n")


def endless_continue(p):
    until_closed(p, b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 500 + b"\r\n\r\n")


def slow_headers(p):
    p.send(b"HTTP/1.1 200 OK\r\n")
    until_closed(p, b"X-Slow: 1\r\n", 0.2)


def drip(p):
    p.head(200, Content_Length=len(GOOD))
    for i in range(len(GOOD)):
        if p.mirror.closing.wait(1):
            return
        p.send(GOOD[i : i + 1])


def steady(p):  # fast enough for the minimum speed, too slow for the deadline
    p.head(200, Content_Length=len(GOOD))
    for i in range(0, len(GOOD), 500):
        if p.mirror.closing.wait(0.1):
            return
        p.send(GOOD[i : i + 500])


def stall_in_body(p):
    p.head(200, Content_Length=len(GOOD))
    p.send(GOOD[:1000])
    p.stall()


def stall_in_headers(p):
    p.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    p.stall()


def redirect(p):  # redirect/N/data: N more, then the file
    n, _, rest = p.name.partition("/")
    if n == "0":
        p.body(GOOD)
    else:
        p.head(302, Location=f"/redirect/{int(n) - 1}/{rest}")


def portal(size):
    page = b"<html><title>Welcome to our network</title>"
    return page + b" " * (size - len(page))


# fault: (function, error code if this is the only mirror, and size and digest are known)
FAULTS = {
    "length-too-small": (lambda p: (p.head(200, Content_Length=1000), p.send(GOOD)), "TRUNCATED"),
    "length-too-large": (lambda p: (p.head(200, Content_Length=len(GOOD) + 9), p.send(GOOD)), "TOO-LARGE"),
    "length-huge": (lambda p: (p.head(200, Content_Length=1 << 62), p.send(GOOD)), "TOO-LARGE"),
    "length-negative": (lambda p: (p.head(200, Content_Length=-5), p.send(GOOD)), "HTTP-STATUS"),
    "length-not-a-number": (lambda p: (p.head(200, Content_Length="many"), p.send(GOOD)), "HTTP-STATUS"),
    "closes-early": (lambda p: (p.head(200), p.send(GOOD[:-1])), "TRUNCATED"),
    "always-breaks": (always_breaks, "TRUNCATED"),
    "wrong-range": (wrong_range, "HTTP-STATUS"),
    "no-content-range": (no_content_range, "HTTP-STATUS"),
    "endless-chunks": (endless_chunks, "TOO-LARGE"),
    "endless-body": (endless_body, "TOO-LARGE"),
    "endless-headers": (endless_headers, "HTTP-STATUS"),
    "endless-continue": (endless_continue, "HTTP-STATUS"),
    "one-byte-a-second": (drip, "TIMEOUT"),
    "slow-headers": (slow_headers, "TIMEOUT"),
    "stall-before-headers": (lambda p: p.stall(), "TIMEOUT"),
    "stall-in-headers": (stall_in_headers, "TIMEOUT"),
    "stall-in-body": (stall_in_body, "TIMEOUT"),
    "captive-portal": (lambda p: p.body(portal(2000), Content_Type="text/html"), "PORTAL"),
    "captive-portal-by-redirect": (lambda p: p.head(302, Location="/captive-portal/"), "PORTAL"),
    "portal-of-the-right-size": (lambda p: p.body(portal(len(GOOD))), "PORTAL"),
    "one-bit-wrong": (lambda p: p.body(bytes([GOOD[0] ^ 1]) + GOOD[1:]), "BAD-DIGEST"),
    "one-byte-more": (lambda p: p.body(GOOD + b"x"), "TOO-LARGE"),
    "redirect-to-file": (lambda p: p.head(302, Location="file:///etc/passwd"), "HTTP-STATUS"),
    "redirect-to-ftp": (lambda p: p.head(302, Location="ftp://127.0.0.1/x"), "HTTP-STATUS"),
    "redirect-to-gopher": (lambda p: p.head(302, Location="gopher://127.0.0.1:25/x"), "HTTP-STATUS"),
    "redirect-loop": (lambda p: p.head(302, Location=p.path), "HTTP-STATUS"),
    "redirect-six-times": (lambda p: p.head(302, Location="/redirect/5/data"), "HTTP-STATUS"),
    "404": (lambda p: p.body(b"no", 404), "HTTP-STATUS"),
    "403": (lambda p: p.body(b"no", 403), "HTTP-STATUS"),
    "500": (lambda p: p.body(b"oops", 500), "HTTP-STATUS"),
    "204": (lambda p: p.head(204), "HTTP-STATUS"),
    "206-unasked": (lambda p: p.body(GOOD, 206), "HTTP-STATUS"),
    "304-unasked": (lambda p: p.head(304), "HTTP-STATUS"),
    "empty": (lambda p: p.body(b""), "TRUNCATED"),
    "gzip-unasked": (lambda p: p.body(gzip.compress(GOOD), Content_Encoding="gzip"), "TOO-LARGE"),
    "not-http": (lambda p: p.send(b"220 smtp.example.net ESMTP\r\n"), "HTTP-STATUS"),
    "not-http-but-the-file": (lambda p: p.send(GOOD), "HTTP-STATUS"),
    "says-nothing": (lambda p: None, "UNREACHABLE"),
}

def first(times, fault):
    """The first TIMES answers are FAULT, and then the file comes."""

    def answer(p):
        p.mirror.count[p.fault] = p.mirror.count.get(p.fault, 0) + 1
        (fault if p.mirror.count[p.fault] <= times else good)(p)

    return answer


def reset(p):
    """An RST instead of an answer."""
    p.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Faults that are gone a moment later: the file comes from the same mirror.
PASSING = {
    "503-once": first(1, lambda p: p.body(b"busy", 503)),
    "503-three-times": first(3, lambda p: p.body(b"busy", 503)),
    "502-once": first(1, lambda p: p.body(b"gateway", 502)),
    "504-once": first(1, lambda p: p.body(b"gateway", 504)),
    "408-once": first(1, lambda p: p.body(b"slow", 408)),
    "429-once": first(1, lambda p: p.body(b"many", 429, Retry_After=1)),
    "503-for-two-seconds": first(1, lambda p: p.body(b"busy", 503, Retry_After=2)),
    "reset-once": first(1, reset),
    "nothing-once": first(1, lambda p: None),
    "empty-once": first(1, lambda p: p.body(b"")),
    "short-once": first(1, lambda p: (p.head(200, Content_Length=len(GOOD)), p.send(GOOD[:-1]))),
}
# And those that are not, or ask for too much.
LASTING = {
    "503-always": lambda p: p.body(b"busy", 503),
    "503-for-half-a-minute": lambda p: p.body(b"busy", 503, Retry_After=30),
    "429-for-an-hour": lambda p: p.body(b"many", 429, Retry_After=3600),
    "reset-always": reset,
}

BEHAVIOURS = {name: does for name, (does, _) in FAULTS.items()} | PASSING | LASTING | {
    "good": good,
    "breaks": breaks,
    "breaks-then-whole": breaks_then_whole,
    "changes-meanwhile": changes_meanwhile,
    "steady": steady,
    "redirect": redirect,
    "to-localhost": lambda p: p.head(302, Location=f"http://localhost:{p.mirror.port}/good/data"),
    "five-redirects": lambda p: p.head(302, Location="/redirect/4/data"),
}


class Mirror:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.closing = threading.Event()
        self.requests = []  # (path, headers, bytes sent)
        self.count = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, fault):
        return f"http://127.0.0.1:{self.port}/{fault}"

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        peer = Peer(sock, self)
        with sock:
            try:
                if peer.read_request():
                    BEHAVIOURS.get(peer.fault, lambda p: p.body(b"?", 404))(peer)
                    self.requests.append((peer.path, peer.headers, peer.sent))
            except OSError:
                self.requests.append((peer.path, peer.headers, peer.sent))

    def close(self):
        self.closing.set()
        self.listener.close()
