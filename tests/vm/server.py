# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real web server (nginx, else lighttpd) on a free port of 127.0.0.1; guests reach it as 10.0.2.2."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

NGINX = """
daemon off; master_process off; pid {state}/pid; error_log {state}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {state}/access.log;
    client_body_temp_path {state}/t1; proxy_temp_path {state}/t2; fastcgi_temp_path {state}/t3;
    uwsgi_temp_path {state}/t4; scgi_temp_path {state}/t5;
    types {{ }} default_type application/octet-stream; sendfile on;
    server {{ listen 127.0.0.1:{port}; root {root}; {limit} }}
}}
"""

LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{state}/error.log"
server.modules = ( "mod_accesslog" )
accesslog.filename = "{state}/access.log"
mimetype.assign = ( "" => "application/octet-stream" )
{limit}
"""


def nobody():
    """Drops privileges before the server starts: it needs none."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


class Server:
    """Serves ROOT from its start to its end; RATE: bytes per second of each connection."""

    def __init__(self, root, state, rate=None):
        self.root, self.rate = pathlib.Path(root).resolve(), rate
        self.state = pathlib.Path(state).resolve()
        self.state.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.state, 65534, 65534)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None
        self.start()

    @property
    def guest_url(self):
        return f"http://10.0.2.2:{self.port}"

    def command(self):
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        values = {"root": self.root, "port": self.port, "state": self.state, "limit": ""}
        config = self.state / "config"
        if nginx:
            if self.rate:
                values["limit"] = f"limit_rate {self.rate};"
            config.write_text(NGINX.format(**values), encoding="utf-8")
            return [nginx, "-p", self.state, "-c", config, "-e", self.state / "error.log"]
        if self.rate:
            values["limit"] = f"connection.kbytes-per-second = {max(1, self.rate // 1024)}"
        config.write_text(LIGHTTPD.format(**values), encoding="utf-8")
        return ["/usr/sbin/lighttpd", "-D", "-f", config]

    def start(self, timeout=10):
        self.process = subprocess.Popen([str(c) for c in self.command()], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=nobody)
        deadline = time.monotonic() + timeout
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the web server does not start: {self.log('error')}") from error
                time.sleep(0.05)

    def stop(self):
        """Stops immediately, with all connections."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self, rate=None):
        """Restarts on the same port, with another rate."""
        self.stop()
        self.rate = rate
        self.start()

    def log(self, kind="access"):
        try:
            return (self.state / f"{kind}.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
