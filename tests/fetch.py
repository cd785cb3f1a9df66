#!/usr/bin/env python3
"""The fetch stage against mirrors and helpers that lie. Usage: fetch.py DRIVER LIBEXECDIR [unittest arguments]"""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import commands  # noqa: F401: a failing test prints what it ran

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from mirror import DIGEST, ETAG, FAULTS, GOOD, PASSING, Mirror  # noqa: E402

DRIVER, LIBEXECDIR = map(os.path.abspath, sys.argv[1:3])
SIZE = len(GOOD)
SOON = 15  # seconds: more than a busy machine takes to start two processes, less than what has no bound
PATIENT = 10  # seconds a mirror may send nothing, where no mirror stalls: our own may have to wait for a processor
IS_ROOT = os.geteuid() == 0
HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "include", "modfetch", "error.h")
with open(HEADER, encoding="utf-8") as header:
    CODES = {name: 1024 + i for i, name in enumerate(re.findall(r'^\tX\(\w+, "([A-Z-]+)"', header.read(), re.M))}


def request(*mirrors, path="data", size=SIZE, sha256=DIGEST, **more):
    words = {"path": path, "size": size, "sha256": sha256} | more
    return " ".join([f"{k}={v}" for k, v in words.items() if v is not None] + [f"mirror={m}" for m in mirrors])


class Answer:
    def __init__(self, process, seconds):
        self.lines = [json.loads(line) for line in process.stdout.splitlines()]
        self.first = self.lines[0] if self.lines else {"code": f"exit status {process.returncode}"}
        self.code, self.status, self.log, self.seconds = self.first["code"], process.returncode, process.stderr, seconds


def fetch(*requests, total=20, mirror=1, user="nobody", libexecdir=LIBEXECDIR, wrap=(), env=None):
    begin = time.monotonic()
    process = subprocess.run(
        [*wrap, DRIVER, str(total), str(mirror), user],
        input="\n".join(requests) + "\n",
        # a leak checker does not work under strace
        env=os.environ | {"MODFETCH_LIBEXECDIR": libexecdir} | (env or {}) | ({"ASAN_OPTIONS": "detect_leaks=0"} if wrap else {}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Answer(process, time.monotonic() - begin)


class WithMirror(unittest.TestCase):
    def setUp(self):
        self.mirror = Mirror()
        self.addCleanup(self.mirror.close)
        self.dir = tempfile.mkdtemp(prefix="test-fetch.")
        self.addCleanup(shutil.rmtree, self.dir)
        os.chmod(self.dir, 0o755)
        self.out = os.path.join(self.dir, "out")

    def url(self, fault="good"):
        return self.mirror.url(fault)

    def got(self):
        with open(self.out, "rb") as f:
            return f.read()


class Faults(WithMirror):
    def test_each_fault_is_called_what_it_is_and_is_bounded(self):
        self.assertGreaterEqual(len(FAULTS), 20)
        for fault, (_, code) in FAULTS.items():
            with self.subTest(fault=fault):
                answer = fetch(request(self.url(fault), out=self.out))
                self.assertEqual((answer.code, answer.status), (code, 1), answer.first)
                self.assertTrue(answer.first["recorded"])
                self.assertNotIn("\n", answer.first["why"])
                self.assertLess(answer.seconds, SOON)
                self.assertFalse(os.path.exists(self.out))

    def test_after_each_fault_the_next_mirror_is_asked(self):
        for fault in FAULTS:
            with self.subTest(fault=fault):
                answer = fetch(request(self.url(fault), self.url(), out=self.out))
                self.assertIsNone(answer.code, answer.first)
                self.assertEqual(self.got(), GOOD)
                self.assertEqual(answer.first["url"], self.url() + "/data")
                os.unlink(self.out)

    def test_seven_bad_mirrors_of_eight(self):
        bad = ["404", "portal-of-the-right-size", "stall-before-headers", "one-byte-a-second", "redirect-loop",
               "endless-chunks", "stall-in-body"]
        answer = fetch(request(*map(self.url, bad), self.url(), out=self.out))
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.got(), GOOD)

    def test_a_dead_mirror_costs_its_timeout_once_and_not_once_a_file(self):
        silent = socket.create_server(("127.0.0.1", 0), backlog=100)  # accepts, but never answers
        self.addCleanup(silent.close)
        dead = f"http://127.0.0.1:{silent.getsockname()[1]}"
        answer = fetch(*[request(dead, self.url(), path=f"data{i}") for i in range(30)], total=60, mirror=5)
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(len(answer.lines), 30)
        self.assertLess(answer.seconds, SOON)

    def test_not_one_byte_over_the_cap_is_kept(self):
        for fault in "endless-chunks", "endless-body", "one-byte-more":
            trace = os.path.join(self.dir, "trace")
            answer = fetch(request(self.url(fault), size=None, sha256=None, max=SIZE),
                           wrap=["strace", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "-qq", "-y", "-e", "trace=write,ftruncate", "-o", trace])
            self.assertEqual(answer.code, "TOO-LARGE")
            with open(trace, encoding="utf-8") as f:
                written = sum(int(n) for n in re.findall(r"write\(\d+</memfd:modfetch>.* = (\d+)$", f.read(), re.M))
            self.assertLessEqual(written, SIZE)
            self.assertGreater(written, SIZE // 2 if fault.startswith("endless") else -1)

    def test_each_file_has_its_own_cap(self):
        """The kernel enforces the limit of the largest file; the helper itself must enforce the limits of smaller ones."""
        trace = os.path.join(self.dir, "trace")
        answer = fetch(request(self.url("endless-body"), size=None, sha256=None, max=SIZE), request(self.url(), max=8 * SIZE),
                       wrap=["strace", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "-qq", "-y", "-e", "trace=write", "-o", trace])
        self.assertEqual(answer.code, "TOO-LARGE")
        written = {}
        with open(trace, encoding="utf-8") as f:
            for fd, n in re.findall(r"write\((\d+)</memfd:modfetch>.* = (\d+)$", f.read(), re.M):
                written[fd] = written.get(fd, 0) + int(n)
        self.assertTrue(SIZE // 2 < max(written.values()) <= SIZE, written)

    def test_a_file_of_exactly_the_cap_is_no_larger_than_it(self):
        answer = fetch(request(self.url(), size=None, sha256=None, max=SIZE, out=self.out))
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.got(), GOOD)
        self.assertEqual(fetch(request(self.url(), size=None, sha256=None, max=SIZE - 1)).code, "TOO-LARGE")

    def test_the_whole_has_a_deadline_whatever_the_mirrors_do(self):
        answer = fetch(request(self.url("steady"), self.url("steady")), total=2)
        self.assertEqual(answer.code, "TIMEOUT")
        self.assertLess(answer.seconds, SOON)

    def test_a_mirror_that_no_name_leads_to_or_that_refuses(self):
        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        for url in f"http://127.0.0.1:{port}", "http://no-such-host.invalid", "https://127.0.0.1:%d" % self.mirror.port:
            answer = fetch(request(url), total=30)
            self.assertIn(answer.code, ("UNREACHABLE", "TIMEOUT"), url)
            self.assertIsNone(fetch(request(url, self.url()), total=30, mirror=PATIENT).code)

    def test_all_or_nothing(self):
        answer = fetch(request(self.url()), request(self.url("404")), request(self.url()))
        self.assertEqual((answer.code, len(answer.lines)), ("HTTP-STATUS", 1))
        self.assertIn("404", answer.first["why"])

    def test_a_password_in_a_url_is_not_shown(self):
        base = self.url("404").replace("http://", "http://me:secret@")
        answer = fetch(request(base))
        self.assertEqual(answer.code, "HTTP-STATUS")
        self.assertNotIn("secret", json.dumps(answer.first) + answer.log)
        answer = fetch(request(self.url().replace("http://", "http://me:secret@")))
        self.assertEqual(answer.first["url"], self.url() + "/data")


class Again(WithMirror):
    def asked(self, fault):
        return sum(path.startswith(f"/{fault}/") for path, _, _ in self.mirror.requests)

    def test_a_fault_that_passes_is_waited_for(self):
        for fault in PASSING:
            with self.subTest(fault=fault):
                answer = fetch(request(self.url(fault), out=self.out))
                self.assertIsNone(answer.code, answer.first)
                self.assertEqual(self.got(), GOOD)
                print(f"{fault:24} the file after {answer.seconds:.1f} s", file=sys.stderr)

    def test_retry_after_is_honored_within_a_bound(self):
        self.assertGreaterEqual(fetch(request(self.url("503-for-two-seconds"))).seconds, 2)
        answer = fetch(request(self.url("429-for-an-hour")))
        self.assertEqual(answer.code, "HTTP-STATUS")
        self.assertIn("429, and asks to wait 3600 seconds", answer.first["why"])
        self.assertEqual(self.asked("429-for-an-hour"), 1)
        self.assertLess(answer.seconds, SOON)

    def test_what_lasts_fails_after_four_tries_with_growing_pauses(self):
        for fault, code in ("503-always", "HTTP-STATUS"), ("reset-always", "UNREACHABLE"):
            answer = fetch(request(self.url(fault)))
            self.assertEqual(answer.code, code)
            self.assertEqual(self.asked(fault), 4)
            self.assertGreaterEqual(answer.seconds, 3.5)
            self.assertLess(answer.seconds, SOON)

    def test_another_mirror_is_not_waited_for_and_a_lasting_fault_is_not_repeated(self):
        # a wait of the time that this one asks for ends in TIMEOUT
        answer = fetch(request(self.url("503-for-half-a-minute"), self.url()))
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.asked("503-for-half-a-minute"), 1)
        # each mirror that may work again is tried again, and no other one
        answer = fetch(request(self.url("404"), self.url("503-three-times"), self.url("500")))
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual([self.asked(f) for f in ("404", "503-three-times", "500")], [1, 4, 1])

    def test_finished_files_are_kept_while_another_is_waited_for(self):
        answer = fetch(request(self.url(), path="a"), request(self.url("503-once"), path="b"), request(self.url(), path="c"))
        self.assertIsNone(answer.code)
        self.assertEqual(sorted(path for path, _, _ in self.mirror.requests), ["/503-once/b", "/503-once/b", "/good/a", "/good/c"])

    def test_the_deadline_counts_while_it_waits(self):
        answer = fetch(request(self.url("503-always")), total=1)
        self.assertEqual(answer.code, "TIMEOUT")  # without the deadline the code is that of the fourth try

    def test_a_plus_is_encoded(self):
        self.assertIsNone(fetch(request(self.url(), path="libstdc++.rpm")).code)
        self.assertEqual(self.mirror.requests[0][0], "/good/libstdc%2B%2B.rpm")


class Access(WithMirror):
    """How a .repo file says that its servers are reached."""

    def headers(self, name="authorization"):
        return [headers.get(name) for _, headers, _ in self.mirror.requests]

    def test_a_password_goes_to_servers_of_the_configuration_alone(self):
        basic = "Basic " + base64.b64encode(b"me:s3cret").decode()
        for own, mirrors, sent in (
            (self.url(), [self.url()], [basic]),
            # of a list of mirrors
            (self.url(), [self.url("404"), self.url()], [None, basic]),
            ("http://elsewhere", [self.url()], [None]),
            # to the target of a redirect on another host
            (self.url("to-localhost"), [self.url("to-localhost")], [basic, None]),
        ):
            self.mirror.requests.clear()
            answer = fetch(request(*mirrors, own=own, username="me", password="s3cret"))
            self.assertIsNone(answer.code, answer.first)
            self.assertEqual(self.headers(), sent)
            self.assertNotIn("s3cret", json.dumps(answer.lines) + answer.log)

    def test_the_proxy_of_the_repository_has_precedence_over_the_environment(self):
        proxy = f"http://127.0.0.1:{self.mirror.port}"
        url = "http://nowhere.invalid/good"
        for words, env in (
            ({"proxy": proxy}, {}),
            ({"proxy": proxy}, {"http_proxy": "http://127.0.0.1:1", "no_proxy": "nowhere.invalid"}),
            ({}, {"http_proxy": proxy}),
        ):
            self.mirror.requests.clear()
            self.assertIsNone(fetch(request(url, **words), env=env).code)
            self.assertEqual([path for path, _, _ in self.mirror.requests], [f"{url}/data"])
        self.assertIsNone(fetch(request(self.url(), proxy=""), env={"http_proxy": "http://127.0.0.1:1"}).code)
        self.mirror.requests.clear()
        answer = fetch(request(url, proxy=proxy, proxy_username="me", proxy_password="s3cret"))
        self.assertEqual(self.headers("proxy-authorization"), ["Basic " + base64.b64encode(b"me:s3cret").decode()])
        self.assertEqual(self.headers(), [None])
        self.assertNotIn("s3cret", json.dumps(answer.lines) + answer.log)

    def test_limits_of_time_and_speed(self):
        answer = fetch(request(self.url("stall-in-body"), timeout=2), mirror=9)
        self.assertEqual(answer.code, "TIMEOUT")
        self.assertTrue(1.5 < answer.seconds < 8, answer.seconds)
        self.assertEqual(fetch(request(self.url("steady"), minrate=100000), total=9).code, "TIMEOUT")
        fetch(request(self.url("503-always"), retries=1))
        self.assertEqual(len([p for p, _, _ in self.mirror.requests if p.startswith("/503-always")]), 2)
        self.assertNotIn(fetch(request(self.url(), ip=6)).code, (None, "TIMEOUT"))
        self.assertIsNone(fetch(request(self.url(), ip=4)).code)

    def tls(self, answer):
        """The URL of a TLS server that demands a certificate of our CA."""
        for name, issuer in ("ca", []), ("server", ["-CA", "ca.pem", "-CAkey", "ca.key"]), ("client", ["-CA", "ca.pem", "-CAkey", "ca.key"]):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-keyout", f"{name}.key",
                            "-out", f"{name}.pem", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *issuer],
                           cwd=self.dir, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.dir}/server.pem", f"{self.dir}/server.key")
        context.load_verify_locations(f"{self.dir}/ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as sock:
                        sock.recv(65536)
                        sock.sendall(answer)
                        sock.unwrap()
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        return f"https://127.0.0.1:{listener.getsockname()[1]}"

    def test_certificates_of_the_repository(self):
        url = self.tls(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        files = {"ca": f"{self.dir}/ca.pem", "cert": f"{self.dir}/client.pem", "clientkey": f"{self.dir}/client.key"}
        ask = {"size": 5, "sha256": None}
        os.chmod(files["clientkey"], 0o600)
        self.assertIsNone(fetch(request(url, own=url, **files, **ask)).code)
        # a mirror of a list does not get the certificate of the user; another CA is no CA
        self.assertIsNotNone(fetch(request(url, own="http://elsewhere", **files, **ask), total=8).code)
        self.assertEqual(fetch(request(url, own=url, **files | {"ca": f"{self.dir}/client.pem"}, **ask)).code, "UNREACHABLE")
        self.assertEqual(fetch(request(url, own=url)).code, "UNREACHABLE")
        answer = fetch(request(url, own=url, **files | {"ca": f"{self.dir}/absent.pem"}, **ask))
        self.assertEqual((answer.code, answer.first["what"]), ("CONFIG", f"{self.dir}/absent.pem"))

    def test_https_is_not_left_by_a_redirect(self):
        url = self.tls(f"HTTP/1.1 302 X\r\nLocation: {self.url()}/data\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        answer = fetch(request(url, own=url, ca=f"{self.dir}/ca.pem", cert=f"{self.dir}/client.pem", clientkey=f"{self.dir}/client.key"))
        self.assertEqual(answer.code, "HTTP-STATUS")
        self.assertIn("not https", answer.first["why"])
        self.assertEqual(self.mirror.requests, [])


class Transfers(WithMirror):
    def test_five_redirects_are_followed(self):
        self.assertIsNone(fetch(request(self.url("five-redirects"))).code)

    def test_a_broken_transfer_goes_on_where_it_was(self):
        answer = fetch(request(self.url("breaks"), out=self.out))
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.got(), GOOD)
        ranges = [(h.get("range"), h.get("if-range")) for _, h, _ in self.mirror.requests]
        self.assertEqual(ranges, [(None, None), ("bytes=110000-", ETAG), ("bytes=220000-", ETAG)])

    def test_a_server_without_ranges_or_with_another_version_begins_anew(self):
        for fault in "breaks-then-whole", "changes-meanwhile":
            answer = fetch(request(self.url(fault), out=self.out))
            self.assertIsNone(answer.code, answer.first)
            self.assertEqual(self.got(), GOOD)

    def test_an_etag_that_still_holds(self):
        answer = fetch(request(self.url(), etag=ETAG))
        self.assertTrue(answer.first["not_modified"])
        answer = fetch(request(self.url(), etag='"v0"'))
        self.assertFalse(answer.first["not_modified"])
        self.assertEqual((answer.first["size"], answer.first["etag"]), (SIZE, ETAG))

    def test_what_is_optional_may_be_absent(self):
        answer = fetch(request(self.url("404"), self.url("404"), optional=1))
        self.assertTrue(answer.first["absent"])
        self.assertEqual(fetch(request(self.url("500"), optional=1)).code, "HTTP-STATUS")
        # a missing file on one mirror says nothing about the other mirrors
        self.assertFalse(fetch(request(self.url("404"), self.url(), optional=1)).first["absent"])

    def test_many_at_once(self):
        answer = fetch(*[request(self.url(), path=f"data{i}") for i in range(100)])
        self.assertEqual([line["size"] for line in answer.lines], [SIZE] * 100)
        self.assertEqual(answer.first["called_bytes"], SIZE * 100)

    def test_progress_is_told_at_most_ten_times_a_second(self):
        answer = fetch(request(self.url("steady")), request(self.url()), total=2)
        self.assertEqual(answer.code, "TIMEOUT")
        slow = fetch(*[request(self.url("breaks"), path=f"data{i}") for i in range(200)], total=60, mirror=PATIENT)
        self.assertIsNone(slow.code)
        self.assertGreater(slow.first["calls"], 1)
        self.assertLess(slow.first["calls"], slow.seconds * 10 + 3)

    def test_no_cookie_no_netrc_no_more_than_needed_is_sent(self):
        home = os.path.join(self.dir, "home")
        os.mkdir(home)
        with open(os.path.join(home, ".netrc"), "w", encoding="utf-8") as f:
            f.write("machine 127.0.0.1 login me password secret\n")
        os.environ["HOME"] = home
        fetch(request(self.url()))
        sent = set(self.mirror.requests[0][1])
        self.assertEqual(sent, {"host", "user-agent", "accept"})


class Room(WithMirror):
    """Each fetched file is a memory file until it is installed."""

    def test_more_files_than_may_be_open(self):
        answer = fetch(*[request(self.url(), path=f"d{i}") for i in range(250)], wrap=["prlimit", "--nofile=64:1024"])
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(len(answer.lines), 250)

    @unittest.skipUnless(IS_ROOT, "this needs a user other than root")
    def test_a_limit_that_cannot_be_raised_is_said_before_anything_is_asked_for(self):
        answer = fetch(*[request(self.url(), path=f"d{i}") for i in range(250)],
                       wrap=["prlimit", "--nofile=64:64", "setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all"])
        self.assertEqual(answer.code, "EMFILE", answer.first)
        self.assertIn("LimitNOFILE=", answer.first["why"])
        self.assertEqual(self.mirror.requests, [])

    def test_more_bytes_than_there_is_memory(self):
        with open("/proc/meminfo", encoding="utf-8") as f:
            total = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemTotal:"))
        for sizes in (total // 2 + (1 << 20),), (total // 3, total // 3), (2**64 - 1, 2):
            answer = fetch(*[request(self.url(), size=size, max=2**63) for size in sizes])
            self.assertEqual(answer.code, "ENOMEM", answer.first)
            self.assertTrue(answer.first["recorded"])
            self.assertIn("fewer at a time", answer.first["why"])


class Files(WithMirror):
    def setUp(self):
        super().setUp()
        self.repo = os.path.join(self.dir, "a repo")
        os.makedirs(os.path.join(self.repo, "sub"))
        with open(os.path.join(self.repo, "sub", "data"), "wb") as f:
            f.write(GOOD)
        self.base = "file://" + self.repo.replace(" ", "%20")

    def test_a_repository_on_disk_needs_no_helper(self):
        answer = fetch(request(self.base, path="sub/data", out=self.out), libexecdir="/nonexistent")
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.got(), GOOD)
        again = fetch(request(self.base, path="sub/data", etag=answer.first["etag"]), libexecdir="/nonexistent")
        self.assertTrue(again.first["not_modified"])
        os.utime(os.path.join(self.repo, "sub", "data"))
        again = fetch(request(self.base, path="sub/data", etag=answer.first["etag"]), libexecdir="/nonexistent")
        self.assertFalse(again.first["not_modified"])

    def test_what_is_no_file_of_the_repository(self):
        os.symlink("/etc/passwd", os.path.join(self.repo, "out"))
        os.symlink("sub/data", os.path.join(self.repo, "in"))
        os.symlink("../../etc", os.path.join(self.repo, "up"))
        os.mkfifo(os.path.join(self.repo, "fifo"))
        with open(os.path.join(self.repo, "grown"), "wb") as f:
            f.write(GOOD + b"x")
        with open(os.path.join(self.repo, "shrunk"), "wb") as f:
            f.write(GOOD[:-1])
        with open(os.path.join(self.repo, "wrong"), "wb") as f:
            f.write(bytes(SIZE))
        cases = {"out": "BAD-HREF", "up/passwd": "BAD-HREF", "absent": "HTTP-STATUS", "sub": "HTTP-STATUS",
                 "fifo": "HTTP-STATUS", "grown": "TOO-LARGE", "shrunk": "TRUNCATED", "wrong": "BAD-DIGEST",
                 "../x": "BAD-HREF", "sub/%2e%2e/%2e%2e/x": "BAD-HREF", "/etc/passwd": "BAD-HREF", "in": None}
        for path, code in cases.items():
            answer = fetch(request(self.base, path=path), libexecdir="/nonexistent")
            self.assertEqual(answer.code, code, path)
        self.assertEqual(fetch(request("file:///absent/directory")).code, "UNREACHABLE")
        self.assertEqual(fetch(request("file://elsewhere/share")).code, "UNREACHABLE")
        self.assertTrue(fetch(request(self.base, path="absent", optional=1)).first["absent"])

    def test_disk_comes_before_network_and_network_after_a_bad_disk(self):
        answer = fetch(request(self.url("sub"), self.base, path="sub/data"))
        self.assertTrue(answer.first["url"].startswith("file:"))
        self.assertEqual(self.mirror.requests, [])
        answer = fetch(request(self.base, self.url(), path="data"))
        self.assertTrue(answer.first["url"].startswith("http:"))


class Rights(WithMirror):
    def helper_of(self, process):
        """The helper's pid, while it waits for a mirror that stalls."""
        for _ in range(100):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                        fields = f.read().rsplit(")", 1)[1].split()
                    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                        confined = "Seccomp:\t2" in f.read()
                except OSError:
                    continue
                if int(fields[1]) == process.pid and confined:
                    return pid
            time.sleep(0.05)
        self.fail("no helper came up")

    def start(self, user="nobody", **options):
        process = subprocess.Popen([DRIVER, "20", "10", user], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=os.environ | {"MODFETCH_LIBEXECDIR": LIBEXECDIR, **options.pop("env", {})}, **options)
        process.stdin.write((request(self.url("stall-before-headers")) + "\n").encode())
        process.stdin.close()
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        return process

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def test_the_helper_has_no_rights(self):
        # root usually has no supplementary groups here, so the helper would have none to drop
        status = self.status(self.helper_of(self.start(**({"extra_groups": [4, 24]} if IS_ROOT else {}))))
        for kind in "CapInh", "CapPrm", "CapEff", "CapAmb":
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        if IS_ROOT:
            self.assertEqual(int(status["CapBnd"], 16), 0)
            self.assertNotIn("0", status["Uid"].split() + status["Gid"].split())
            self.assertEqual(status["Groups"].split(), [])

    @unittest.skipUnless(IS_ROOT, "only root can read the environment of a process that changed its user")
    def test_the_helper_gets_the_names_of_proxies_and_no_other_variable(self):
        given = {"no_proxy": "127.0.0.1,localhost", "SECRET": "x", "LD_LIBRARY_PATH": "/nonexistent", "SSL_CERT_FILE": "/x", "HOME": "/root"}
        with open(f"/proc/{self.helper_of(self.start(env=given))}/environ", "rb") as f:
            names = {line.split(b"=")[0].decode() for line in f.read().split(b"\0") if line}
        self.assertIn("no_proxy", names)
        self.assertLessEqual(names, {"PATH"} | {f"{kind}_proxy" for kind in ("http", "https", "all", "no")} |
                             {f"{kind}_PROXY" for kind in ("HTTPS", "ALL", "NO")})

    @unittest.skipUnless(IS_ROOT, "namespaces need root")
    def test_the_helper_sees_nearly_no_files_and_holds_no_descriptors(self):
        pid = self.helper_of(self.start())
        self.assertLessEqual(set(os.listdir(f"/proc/{pid}/root")), {"etc", "usr", "var", "dev"})
        self.assertFalse(os.path.exists(f"/proc/{pid}/root/etc/passwd"))
        self.assertFalse(os.path.exists(f"/proc/{pid}/root/usr/bin"))
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as f:
            for line in f:
                self.assertIn("ro", line.split()[5].split(","), line)
        kinds = {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
        self.assertLessEqual(kinds, {"socket", "/dev/null", "pipe", "anon_inode", "/memfd"})

    def test_the_helper_goes_when_its_starter_is_killed(self):
        process = self.start()
        pid = self.helper_of(process)
        process.kill()
        process.wait()
        for _ in range(50):
            if not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.1)
        self.fail("it outlives its starter")

    @unittest.skipUnless(IS_ROOT, "there is no other user to change to")
    def test_without_its_user_it_becomes_nobody_and_says_so_once(self):
        answer = fetch(*[request(self.url(), path=f"d{i}") for i in range(5)], user="no-such-user")
        self.assertIsNone(answer.code)
        self.assertEqual(answer.log.count("nobody"), 1, answer.log)
        # another name with uid 0 would not drop privileges
        self.assertIn("nobody", fetch(request(self.url()), user="root").log)

    def test_the_process_with_rights_opens_no_internet_socket(self):
        trace = os.path.join(self.dir, "trace")
        answer = fetch(request(self.url(), out=self.out), request(self.url("breaks")),
                       wrap=["strace", "-E", "ASAN_OPTIONS=detect_leaks=0", "-f", "-qq", "-e", "trace=socket,connect,execve,setresuid,seccomp,landlock_create_ruleset,landlock_restrict_self", "-o", trace])
        self.assertIsNone(answer.code, answer.first)
        with open(trace, encoding="utf-8") as f:
            lines = f.read().splitlines()
        driver = lines[0].split()[0]
        confined, internet, restricted = set(), set(), set()
        without_landlock = any("LANDLOCK_CREATE_RULESET_VERSION) = -1" in line for line in lines)
        for line in lines:
            pid = line.split()[0]
            if "SECCOMP_SET_MODE_FILTER, 0, {" in line:
                confined.add(pid)
            if "AF_INET" in line:
                internet.add(pid)
                self.assertIn(pid, confined, "a socket before the filter: " + line)
                if not without_landlock:
                    self.assertIn(pid, restricted, "a socket before Landlock: " + line)
            if "landlock_restrict_self" in line and line.endswith("= 0"):
                restricted.add(pid)
        self.assertTrue(internet)
        self.assertNotIn(driver, internet)

    @unittest.skipUnless(IS_ROOT, "name servers of our own need root")
    def test_names_and_certificates_work_in_the_empty_file_system(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "tls-and-dns.py")
        process = subprocess.run(["unshare", "--net", "--mount", sys.executable, script, DRIVER, LIBEXECDIR, self.dir],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)

    @unittest.skipUnless(IS_ROOT, "a socket of the service manager needs root")
    def test_a_process_without_a_network_reaches_the_helper_of_a_service_manager(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "fetch-service.py")
        process = subprocess.run(["unshare", "--mount", sys.executable, script, DRIVER, LIBEXECDIR, self.url()],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        # a helper that was started early has ended: another one is started
        process = subprocess.run(["unshare", "--mount", sys.executable, script, DRIVER, LIBEXECDIR, self.url(), "early"],
                                 capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        # the helper does not have the environment of its client
        process = subprocess.run(["unshare", "--mount", sys.executable, script, DRIVER, LIBEXECDIR, "http://nowhere.invalid/good", "proxy"],
                                 env=os.environ | {"http_proxy": f"http://127.0.0.1:{self.mirror.port}"}, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)


class HostileHelpers(WithMirror):
    """The helper is subverted: the stage keeps its contract for every message."""

    PRELUDE = textwrap.dedent("""\
        #!{python}
        import array, ctypes, fcntl, os, socket, struct, sys, time
        s = socket.socket(fileno=0)
        UNREACHABLE = {code}
        SETUP, REQUEST, URL, GO, RETRY, PROGRESS, DONE, FAILED, LOG = range(9)
        def packet(type, index=0, mirror=0, flags=0, code=0, size=0, max=0, text=b""):
            return struct.pack("=IIIIixxxxQQ", type, index, mirror, flags, code, size, max) + text
        def send(data, *fds):
            socket.send_fds(s, [data], list(fds)) if fds else s.send(data)
        def memfd(data, seals=0xf):
            fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
            os.write(fd, data)
            fcntl.fcntl(fd, 1033, seals)
            return fd
        while struct.unpack("=I", s.recv(8192)[:4])[0] != GO:
            pass
        GOOD = b"hello"
        """)

    def run_helper(self, body, total=20, **more):
        directory = tempfile.mkdtemp(dir=self.dir)
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "fetch")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.PRELUDE.format(python=sys.executable, code=CODES["UNREACHABLE"]) + body + "\ntime.sleep(30)\n")
        os.chmod(path, 0o755)
        more = {"size": 5, "sha256": hashlib.sha256(b"hello").hexdigest()} | more
        return fetch(request("http://a", "http://b", **more), total=total, libexecdir=directory)

    def test_an_honest_one_is_believed_as_far_as_it_can_be_checked(self):
        answer = self.run_helper("send(packet(DONE, size=5), memfd(GOOD))", out=self.out)
        self.assertIsNone(answer.code, answer.first)
        self.assertEqual(self.got(), b"hello")

    def test_each_lie(self):
        lies = {
            "send(packet(DONE, size=5), memfd(GOOD, 0))": "FETCH-HELPER",
            "send(packet(DONE, size=5), memfd(GOOD, 0x7))": "FETCH-HELPER",
            "send(packet(DONE, size=5), memfd(b'hello, and more'))": "FETCH-HELPER",
            "send(packet(DONE, size=5), memfd(b'hell'))": "FETCH-HELPER",
            "send(packet(DONE, size=5), os.open('/etc/passwd', os.O_RDONLY))": "FETCH-HELPER",
            "send(packet(DONE, size=5), os.open('/', os.O_RDONLY))": "FETCH-HELPER",
            "send(packet(DONE, size=5), os.pipe()[0])": "FETCH-HELPER",
            "send(packet(DONE, size=5), 0)": "FETCH-HELPER",
            "send(packet(DONE, size=5))": "FETCH-HELPER",
            "send(packet(DONE, index=1, size=5), memfd(GOOD))": "FETCH-HELPER",
            "send(packet(DONE, index=2**32-1, size=5), memfd(GOOD))": "FETCH-HELPER",
            "send(packet(DONE, mirror=2, size=5), memfd(GOOD))": "FETCH-HELPER",
            "send(packet(DONE, flags=2))": "FETCH-HELPER",
            "send(packet(DONE, flags=4))": "FETCH-HELPER",
            "send(packet(DONE, size=5), memfd(GOOD), memfd(GOOD))": "FETCH-HELPER",
            "send(packet(DONE, size=5), *[memfd(GOOD)] * 200)": "FETCH-HELPER",
            "[send(packet(DONE, size=5), memfd(b'wrong')) for i in range(3)]": "BAD-DIGEST",
            "send(b'')": "FETCH-HELPER",
            "send(b'short')": "FETCH-HELPER",
            "send(packet(DONE, text=b'x' * 5000))": "FETCH-HELPER",
            "send(packet(99))": "FETCH-HELPER",
            "send(packet(REQUEST))": "FETCH-HELPER",
            "send(packet(RETRY))": "FETCH-HELPER",
            "send(packet(LOG, code=77, text=b'x'))": "FETCH-HELPER",
            "[send(packet(LOG, code=1, text=b'%d' % i)) for i in range(9999)]": "FETCH-HELPER",
            "send(packet(FAILED, code=0))": "FETCH-HELPER",
            "send(packet(FAILED, code=-UNREACHABLE))": "UNREACHABLE",
            "send(packet(FAILED, code=-9999))": "FETCH-HELPER",
            "send(packet(FAILED, mirror=9, code=-UNREACHABLE))": "FETCH-HELPER",
            "os._exit(0)": "FETCH-HELPER",
            "os._exit(3)": "FETCH-HELPER",
            "os.kill(os.getpid(), 11)": "FETCH-HELPER",
            "s.close(); os.close(0)": "FETCH-HELPER",
            "pass": "TIMEOUT",
            "[(send(packet(PROGRESS, size=i)), time.sleep(0.01)) for i in range(9999)]": "TIMEOUT",
        }
        for body, code in lies.items():
            with self.subTest(lie=body):
                # only who waits for its end has a short one: a busy machine starts a helper in seconds
                total = 1 if code == "TIMEOUT" else 20
                answer = self.run_helper(body, total=total)
                self.assertEqual(answer.code, code, answer.first)
                self.assertTrue(answer.first["recorded"])
                self.assertLess(answer.seconds, total + SOON)

    def test_a_file_of_unknown_size_has_its_limit_here_too(self):
        for size, code in (5, None), (6, "FETCH-HELPER"), (1 << 20, "FETCH-HELPER"):
            answer = self.run_helper(f"send(packet(DONE, size={size}), memfd(b'x' * {size}))", size=None, sha256=None, max=5)
            self.assertEqual(answer.code, code, answer.first)

    def test_what_it_says_cannot_steer_a_terminal(self):
        answer = self.run_helper("send(packet(LOG, code=1, text=b'\\x1b[2J\\r\\nmodfetch: all is well')); os._exit(0)")
        self.assertIn("?[2J??", answer.log)
        self.assertNotIn("\x1b", answer.log)
        answer = self.run_helper("send(packet(FAILED, code=-UNREACHABLE, text=b'\\x1b[31m' + b'x' * 4000))")
        self.assertEqual(answer.code, "UNREACHABLE")
        self.assertNotIn("\x1b", answer.first["why"])

    def test_a_descriptor_it_keeps_moves_nothing_of_ours(self):
        body = "fd = memfd(GOOD)\nos.lseek(fd, 3, 0)\nsend(packet(DONE, size=5), fd)\nos.lseek(fd, 4, 0)"
        self.assertIsNone(self.run_helper(body, out=self.out).code)
        self.assertEqual(self.got(), b"hello")

    def test_one_that_is_not_there(self):
        answer = fetch(request(self.url()), libexecdir="/nonexistent")
        self.assertEqual(answer.code, "FETCH-HELPER")
        self.assertIn("/nonexistent/fetch", answer.first["what"])

    def test_the_real_one_by_hand_is_no_tool(self):
        process = subprocess.run([os.path.join(LIBEXECDIR, "fetch")], stdin=subprocess.DEVNULL, timeout=10)
        self.assertEqual(process.returncode, 64)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
