"""Runs in a mount namespace and does the work of a service manager for modfetch-fetch.socket.

Usage: fetch-service.py DRIVER LIBEXECDIR URL [early|proxy]. With "early" the driver starts a helper long before it has a request, and that
helper ends meanwhile. The driver does not get the path of the helper: it must use the socket.
"""

import json
import os
import socket
import subprocess
import sys
import threading

DRIVER, LIBEXECDIR, URL = sys.argv[1:4]
EARLY = sys.argv[4:] == ["early"]
connections = []


def serve(listener):
    while True:
        connection, _ = listener.accept()
        ended = EARLY and not connections
        connections.append(subprocess.Popen(["true" if ended else f"{LIBEXECDIR}/fetch"], stdin=connection, env={"PATH": os.environ["PATH"]}))
        connection.close()


def main():
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    os.mkdir("/run/modfetch")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("/run/modfetch/fetch.socket")
    listener.listen()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    env = {k: v for k, v in os.environ.items() if k != "MODFETCH_LIBEXECDIR"}
    # without a network, like the services
    done = subprocess.run(["unshare", "--net", DRIVER, "10", "3", "nobody"], input=f"path=data mirror={URL}{' early=500' if EARLY else ''}\n", env=env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["size"] == 300000, done.stdout
    assert len(connections) == (2 if EARLY else 1), connections
    assert connections[-1].wait(10) == 0  # it exits when the other side is finished


main()
