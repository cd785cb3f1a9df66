# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QMP client: commands to a running QEMU over its unix socket, and the events it sends."""

import json
import socket
import time


class QMPError(Exception):
    """QEMU refused a command, or did not answer in time."""


class QMP:
    def __init__(self, path, timeout=20):
        deadline = time.monotonic() + timeout
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(str(path))
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.buffer = b""
        self.events = []
        self.read(deadline)  # the greeting
        self.execute("qmp_capabilities")

    def read(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QMPError("no answer in time")
            self.sock.settimeout(left)
            try:
                got = self.sock.recv(65536)
            except TimeoutError:
                continue
            if not got:
                raise QMPError("QEMU is gone")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def execute(self, command, timeout=20, **arguments):
        """Runs a command ('_' in argument names stands for '-') and returns its result."""
        message = {"execute": command}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.sock.sendall(json.dumps(message).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            answer = self.read(deadline)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise QMPError(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def wait_event(self, name, timeout=20, **data):
        """Waits for an event whose data has the given values; events seen are used up."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            answer = self.read(deadline)
            if "event" in answer:
                self.events.append(answer)

    def add(self, driver, ident, **properties):
        """Plugs a device in."""
        self.execute("device_add", driver=driver, id=ident, **properties)

    def remove(self, ident, timeout=120):
        """Asks the guest to release a device and waits for it."""
        self.execute("device_del", id=ident)
        try:
            self.wait_event("DEVICE_DELETED", timeout, device=ident)
        except QMPError as error:
            raise QMPError(f"the guest did not let go of {ident} in {timeout} s") from error

    def close(self):
        self.sock.close()
