# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes small kernel modules byte by byte, for cases that no real kernel has: cycles, odd names, damage."""
import struct


def make(info=(), exports=(), imports=(), weak=(), crc_symbols=True):
    """An x86-64 module. INFO: (key, value) pairs; the others: symbol names."""
    strtab = bytearray(b"\0")
    symbols = [struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)]

    def symbol(name, bind, section, value=0):
        offset = len(strtab)
        strtab.extend(name.encode() + b"\0")
        symbols.append(struct.pack("<IBBHQQ", offset, bind << 4, 0, section, value, 0))

    modinfo = b"".join(f"{key}={value}".encode() + b"\0" for key, value in info)
    strings = b"".join(name.encode() + b"\0" for name in exports)
    if crc_symbols:
        for name in exports:
            symbol("__crc_" + name, 1, 0xFFF1, 0x1234)
    for name in imports:
        symbol(name, 1, 0)
    for name in weak:
        symbol(name, 2, 0)
    sections = [
        ("", b"", 0),
        (".modinfo", modinfo, 1),
        ("__ksymtab_strings", strings, 1),
        (".symtab", b"".join(symbols), 2),
        (".strtab", bytes(strtab), 3),
    ]
    names = b"".join(name.encode() + b"\0" for name, _, _ in sections) + b".shstrtab\0"
    sections.append((".shstrtab", names, 3))
    body, headers, offset, name_at = b"", b"", 64, 0
    for name, data, kind in sections:
        headers += struct.pack("<IIQQQQIIQQ", name_at, kind, 0, 0, offset, len(data), 0, 0, 1,
                               24 if kind == 2 else 0)
        body += data
        offset += len(data)
        name_at += len(name) + 1
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 1, 62, 1, 0, 0, offset, 0, 64,
                       0, 0, 64, len(sections), len(sections) - 1)
    return head + body + headers
