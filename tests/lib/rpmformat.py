# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moves the signature of a package to the place where rpm 4.20 and later write it.

A package's signature header follows the lead of 96 bytes: 16 bytes (magic, number of entries, length of the values, all
big-endian), an entry of 16 bytes (tag, type, offset, count) for each value, the values, and padding to 8. The header itself, which
is what is signed, stays as it is.
"""
import base64
import struct

LEAD = 96
MAGIC = bytes.fromhex('8eade80100000000')
REGION, DSA, RSA, OPENPGP = 62, 267, 268, 278  # the tag of an entry over all others; signatures
SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}  # bytes of an element, by type
BIN, STRINGS = 7, 8


def entries(data):
    """The signature header's values as (tag, type, count, bytes), and the offset after it."""
    number, length = struct.unpack('>II', data[LEAD + 8:LEAD + 16])
    store = data[LEAD + 16 + 16 * number:][:length]
    found = []
    for i in range(number):
        tag, kind, offset, count = struct.unpack('>IIII', data[LEAD + 16 + 16 * i:][:16])
        end = offset + SIZES[kind] * count if kind in SIZES else offset
        for _ in range(0 if kind in SIZES else count):
            end = store.index(b'\0', end) + 1
        found.append((tag, kind, count, store[offset:end]))
    return found, (LEAD + 16 + 16 * number + length + 7) // 8 * 8


def header(values):
    index, store = b'', b''
    for tag, kind, count, data in values:
        store += b'\0' * (-len(store) % SIZES.get(kind, 1))
        index += struct.pack('>IIII', tag, kind, len(store), count)
        store += data
    region = struct.pack('>iiii', REGION, BIN, -16 * (len(values) + 1), 16)
    index = struct.pack('>IIII', REGION, BIN, len(store), 16) + index
    out = MAGIC + struct.pack('>II', len(values) + 1, len(store) + 16) + index + store + region
    return out + b'\0' * (-len(out) % 8)


def signatures(path):
    with open(path, 'rb') as f:
        return [data for tag, _, _, data in entries(f.read())[0] if tag in (DSA, RSA)]


def set_openpgp(path, *texts):
    """Replaces the signatures of a package by these texts in the tag OPENPGP."""
    with open(path, 'rb') as f:
        data = f.read()
    found, end = entries(data)
    kept = [value for value in found if value[0] not in (REGION, DSA, RSA, OPENPGP)]
    kept.append((OPENPGP, STRINGS, len(texts), b''.join(text + b'\0' for text in texts)))
    with open(path, 'wb') as f:
        f.write(data[:LEAD] + header(sorted(kept)) + data[end:])


def move_signature(path):
    """A signature of rpmsign becomes one that only rpm 4.20 and later find."""
    set_openpgp(path, *(base64.b64encode(s) for s in signatures(path)))
