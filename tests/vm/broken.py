# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real modules with one function replaced: drivers that a vendor should not have shipped."""

import struct

SIGNED = b"~Module signature appended~\n"
# an invalid instruction, which is a panic with oops=panic; and "return -EIO"
INVALID = b"\x0f\x0b"
RETURN_EIO = b"\xb8\xfb\xff\xff\xff\xc3"


def unsigned(data):
    """The module without its signature: the kernel would refuse a wrong one, but not a missing one."""
    if not data.endswith(SIGNED):
        return data
    return data[:len(data) - len(SIGNED) - 12 - struct.unpack(">I", data[-len(SIGNED) - 4:-len(SIGNED)])[0]]


def find_function(data, sections, function):
    """The section and the offset in it of a function."""
    symbols = next(s for s in sections if s[1] == 2)
    names = sections[symbols[6]][4]
    for at in range(symbols[4], symbols[4] + symbols[5], 24):
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, at)
        if data[names + name:].startswith(function.encode() + b"\0"):
            return section, value
    raise AssertionError(f"no {function}")


def replace_begin(data, function, code):
    """The module, without its signature, whose FUNCTION begins with CODE."""
    data = unsigned(data)
    table, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + size * i) for i in range(count)]
    section, value = find_function(data, sections, function)
    start = sections[section][4] + value
    place = 4 if data[start:start + 4] == b"\xf3\x0f\x1e\xfa" else 0  # endbr64
    place += 5 if data[start + place] == 0xE8 else 0  # call __fentry__, which is relocated
    relocated = [struct.unpack_from("<Q", data, at)[0] - value for s in sections if s[1] == 4 and s[7] == section
                 for at in range(s[4], s[4] + s[5], 24)]
    assert not any(place - 4 < r < place + len(code) for r in relocated), (place, relocated)
    return data[:start + place] + code + data[start + place + len(code):]
