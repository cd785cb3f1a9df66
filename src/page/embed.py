#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Usage: embed.py OUTPUT FILE...   writes a C file with the text of all FILEs of an ending as a constant: page_css of "*.css"."""

import pathlib
import sys

ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t", ord("?"): "\\?"}


def literal(line):
    """A line as a C string; bytes above ASCII become octal escapes."""
    return '"' + "".join(ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in line) + '"'


def main(output, *names):
    texts = {}
    for name in map(pathlib.Path, names):
        texts[name.suffix[1:]] = texts.get(name.suffix[1:], b"") + name.read_bytes()
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "model.h"\n')
        for ending, text in texts.items():
            out.write(f"\nconst char page_{ending}[] =\n")
            out.writelines(f"\t{literal(line)}\n" for line in text.splitlines(keepends=True))
            out.write("\t;\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
