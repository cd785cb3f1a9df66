#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: notifications.py FILE      a server of desktop notifications on the session bus, without a desktop.

It writes the application, title and text of each one as a line of JSON to FILE; the file exists once the bus has the name of the
server. It speaks as much of the protocol of D-Bus as notify-send needs, little-endian, over the socket in DBUS_SESSION_BUS_ADDRESS.
"""
import json
import os
import re
import socket
import struct
import sys

NAME = 'org.freedesktop.Notifications'
DBUS = 'org.freedesktop.DBus'
CALL, RETURN = 1, 2
PATH, INTERFACE, MEMBER, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = 1, 2, 3, 5, 6, 7, 8
SIGNATURES = {PATH: 'o', INTERFACE: 's', MEMBER: 's', REPLY_SERIAL: 'u', DESTINATION: 's', SIGNATURE: 'g'}


def padded(data, to):
    return data + b'\0' * (-len(data) % to)


def marshal(signature, values):
    data = b''
    for kind, value in zip(signature, values):
        if kind == 'g':
            data += bytes([len(value)]) + value.encode() + b'\0'
        elif kind == 'u':
            data = padded(data, 4) + struct.pack('<I', value)
        else:
            data = padded(data, 4) + struct.pack('<I', len(value.encode())) + value.encode() + b'\0'
    return data


def string_at(data, at):
    """(string, the place after it); AT may be in front of its padding."""
    at += -at % 4
    length = struct.unpack_from('<I', data, at)[0]
    return data[at + 4:at + 4 + length].decode(), at + 5 + length


class Bus:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.serial = 0
        address = os.environ['DBUS_SESSION_BUS_ADDRESS']
        path = re.search(r'unix:(path|abstract)=([^,;]+)', address)
        self.socket.connect(('\0' if path[1] == 'abstract' else '') + path[2])
        self.socket.sendall(b'\0AUTH EXTERNAL ' + str(os.getuid()).encode().hex().encode() + b'\r\n')
        assert self.socket.recv(4096).startswith(b'OK')
        self.socket.sendall(b'BEGIN\r\n')

    def send(self, kind, fields, signature='', values=()):
        self.serial += 1
        if signature:
            fields = {**fields, SIGNATURE: signature}
        listed = b''
        for code, value in fields.items():
            # a field: its code, the signature of its value, the value
            listed = padded(listed, 8) + bytes([code]) + marshal('g', SIGNATURES[code])
            listed = padded(listed, 4) if SIGNATURES[code] != 'g' else listed
            listed += marshal(SIGNATURES[code], [value])
        body = marshal(signature, values)
        head = struct.pack('<cBBBIII', b'l', kind, 0, 1, len(body), self.serial, len(listed)) + listed
        self.socket.sendall(padded(head, 8) + body)

    def call(self, member, signature='', values=()):
        self.send(CALL, {PATH: '/org/freedesktop/DBus', DESTINATION: DBUS, INTERFACE: DBUS, MEMBER: member}, signature, values)

    def exactly(self, n):
        data = b''
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                sys.exit(0)
            data += part
        return data

    def receive(self):
        """(kind, serial, text fields by code, body)"""
        head = self.exactly(16)
        kind, body_length, serial, length = head[1], *struct.unpack_from('<III', head, 4)
        listed, body = self.exactly(length + -length % 8), self.exactly(body_length)
        fields, at = {}, 0
        while at < length:
            at += -at % 8
            code, signature = listed[at], chr(listed[at + 2])
            at += 4
            if signature in 'so':
                fields[code], at = string_at(listed, at)
            elif signature == 'g':
                at += listed[at] + 2
            else:
                at += -at % 4 + 4
        return kind, serial, fields, body


def answer(bus, file, serial, fields, body):
    to = {DESTINATION: fields[SENDER], REPLY_SERIAL: serial}
    if fields[MEMBER] == 'GetServerInformation':
        bus.send(RETURN, to, 'ssss', ('test', 'test', '1', '1.2'))
    elif fields[MEMBER] == 'Notify':
        # application, number of the one to be replaced, icon, title, text
        application, at = string_at(body, 0)
        _, at = string_at(body, at + -at % 4 + 4)
        title, at = string_at(body, at)
        print(json.dumps([application, title, string_at(body, at)[0]]), file=file, flush=True)
        bus.send(RETURN, to, 'u', (1,))
    else:
        bus.send(RETURN, to)


def main():
    bus = Bus()
    bus.call('Hello')
    bus.receive()
    bus.call('RequestName', 'su', (NAME, 0))
    while bus.receive()[0] != RETURN:
        pass
    with open(sys.argv[1], 'w', encoding='utf-8') as file:
        while True:
            kind, serial, fields, body = bus.receive()
            if kind == CALL:
                answer(bus, file, serial, fields, body)


if __name__ == '__main__':
    main()
