#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The style of the C files: limits for readability, and figures to watch.

Fails if a hard limit is exceeded; medians are printed beside their budgets.
"""

import re
import statistics
import sys

from tree import Findings, c_files, files, interpreter, read

FILE_LINES, FUNCTION_LINES, COLUMNS, PROSE = 500, 80, 100, (3, 25)  # lines of text: two more with the comment's delimiters
BUDGETS = {
    "lines of a file, median": 220,
    "lines of a function, median": 15,
    "lines of a function, 90 %": 45,
}
TESTS_TO_SOURCE = 0.7
SPDX = "SPDX-License-Identifier: LGPL-2.1-or-later"
# Prefixes of our own enums: a switch over one lists every value, so that the compiler finds a new one.
OUR_ENUM = re.compile(r"\bcase\s+(MF|MFE|CMD|PACK)_\w+:")

findings = Findings()


def width(line):
    return len(line.expandtabs(8))


def functions(lines):
    """(name, line, length) of each; in our style a body begins and ends with a brace in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = start - 2
            while head > 0 and lines[head] and not re.match(r"\w.*\(", lines[head]):
                head -= 1
            m = re.search(r"(\w+)\s*\(", lines[head])
            yield m[1] if m else "?", start, number - start + 1
            start = None


def opening_prose(lines):
    """Lines of text in the comment that opens a file, after the SPDX line."""
    if len(lines) < 2 or lines[1] != "/*":
        return 0
    n = 0
    for line in lines[2:]:
        if line == " */":
            return n
        n += 1
    return 0


def switches_with_default(text):
    """Line numbers of "default:" in a switch over one of our enums."""
    for m in re.finditer(r"\bswitch \(", text):
        depth, labels, default = 0, False, None
        brace = text.index("{", m.end())
        for token in re.finditer(r"[{}]|\bcase\s+\w+:|\bdefault:", text[brace:]):
            if token[0] == "{":
                depth += 1
            elif token[0] == "}":
                depth -= 1
                if not depth:
                    break
            elif depth == 1 and token[0] == "default:":
                default = brace + token.start()
            elif depth == 1 and OUR_ENUM.match(token[0]):
                labels = True
        if labels and default:
            yield text.count("\n", 0, default) + 1


def check_text(path, lines):
    if path.suffix in (".c", ".h") and (not lines or SPDX not in lines[0]):
        findings.add(f"{path}:1", "no SPDX line")
    for number, line in enumerate(lines, 1):
        if width(line) > COLUMNS:
            findings.note(f"{path}:{number}", f"{width(line)} columns")
        if line != line.rstrip():
            findings.add(f"{path}:{number}", "blanks at the end")


def check_source(path, lines):
    """Rules for src/ that do not apply to tests."""
    text = "\n".join(lines)
    if len(lines) > FILE_LINES:
        findings.add(path, f"{len(lines)} lines")
    for number in switches_with_default(text):
        findings.add(f"{path}:{number}", "default: in a switch over an enum of ours hides its next value from the compiler")
    for number, line in enumerate(lines, 1):
        if re.match(r"typedef (struct|enum|union)\b", line):
            findings.add(f"{path}:{number}", "a struct or enum goes by its own name")
    if path.suffix == ".c" and not PROSE[0] <= opening_prose(lines) <= PROSE[1]:
        findings.add(f"{path}:2", f"{opening_prose(lines)} lines of opening prose, not {PROSE[0]} to {PROSE[1]}")


def print_figures(file_lengths, function_lengths, tests, source):
    tenth = statistics.quantiles(function_lengths, n=10)[-1]
    figures = zip(BUDGETS, (statistics.median(file_lengths), statistics.median(function_lengths), tenth))
    for name, value in figures:
        print(f"{name:30} {value:6.0f}  budget {BUDGETS[name]}{'' if value <= BUDGETS[name] else '  OVER'}")
    ratio = tests / source
    print(f"{'lines of tests to source':30} {ratio:6.2f}  budget {TESTS_TO_SOURCE}{'' if ratio >= TESTS_TO_SOURCE else '  UNDER'}")
    print(f"{'longest file, function':30} {max(file_lengths)}, {max(function_lengths)}")


def main():
    file_lengths, function_lengths = [], []
    for path in c_files("src", "include", "tests"):
        lines = read(path).splitlines()
        check_text(path, lines)
        found = list(functions(lines))
        for name, number, length in found:
            if length > FUNCTION_LINES:
                findings.add(f"{path}:{number}", f"{name}() has {length} lines")
        if path.parts[0] == "tests":
            continue
        check_source(path, lines)
        if path.suffix == ".c":
            file_lengths.append(len(lines))
            function_lengths += [length for _, _, length in found]
    tests = sum(len(read(f).splitlines()) for f in files("tests") if f.suffix in (".c", ".h", ".py") or interpreter(f))
    print_figures(file_lengths, function_lengths, tests, sum(len(read(f).splitlines()) for f in c_files("src", "include")))
    findings.end(f"style: {len(file_lengths)} sources, {len(function_lengths)} functions")


if __name__ == "__main__":
    sys.exit(main())
