"""Runs in new network and mount namespaces: a name server and a TLS mirror, which the system is configured to use.

Usage: tls-and-dns.py DRIVER LIBEXECDIR SCRATCH. Exit status 0 if the stage fetched through both, and refused the
mirror as long as the system did not trust its certificate.
"""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading

DRIVER, LIBEXECDIR, SCRATCH = sys.argv[1:4]
NAME = "mirror.test"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def answer_names():
    """Every question for an A record is answered with 127.0.0.1."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    while True:
        query, peer = sock.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4 : end - 2] == b"\0\1"
        reply = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0" + query[12:end]
        if is_a:
            reply += b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + bytes([127, 0, 0, 1])
        sock.sendto(reply, peer)


def serve(listener, context):
    while True:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
                sock.unwrap()
        except OSError:
            pass


def fetch(port):
    process = subprocess.run([DRIVER, "10", "3", "nobody"], input=f"path=data max=100 mirror=https://{NAME}:{port}\n",
                             env=os.environ | {"MODFETCH_LIBEXECDIR": LIBEXECDIR}, capture_output=True, text=True)
    return json.loads(process.stdout)


def main():
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")
    os.chdir(SCRATCH)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.pem", "-subj",
        f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "30")
    with open("resolv.conf", "w", encoding="utf-8") as f:
        f.write("nameserver 127.0.0.1\n")
    run("mount", "--bind", "resolv.conf", os.path.realpath("/etc/resolv.conf"))
    threading.Thread(target=answer_names, daemon=True).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("tls.pem", "tls.key")
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, context), daemon=True).start()
    port = listener.getsockname()[1]

    refused = fetch(port)
    assert refused["code"] == "UNREACHABLE" and "certificate" in refused["why"], refused
    run("mount", "--bind", "tls.pem", os.path.realpath(BUNDLE))
    answer = fetch(port)
    assert answer["code"] is None and answer["size"] == 5, answer


main()
