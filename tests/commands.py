# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds the last programs of a failed test to its report, with their exit status and their whole output.

An assertion like "1 != 0" gives no reason, and tests keep the output of their programs in different places. Importing this
module is sufficient: it records each program that is started through subprocess and whose output was collected, and the
runner of unittest adds these records to the report of a failure. record() adds commands that ran elsewhere, e.g. in a guest.
A skipped test prints a line with its reason, which tests/check shows at its end.
"""

import collections
import shlex
import subprocess
import unittest

KEPT = 4  # number of recorded programs
LINES = 60  # last lines of each output

_ran = collections.deque(maxlen=KEPT)


def record(command, status, *outputs):
    """COMMAND is a string or a list, OUTPUTS its streams: text, bytes, or None if they were not collected."""
    _ran.append((command, status, outputs))


def _text(output):
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def report():
    """The notes as lines, the last program at the end."""
    out = []
    for command, status, outputs in _ran:
        words = command if isinstance(command, str) else shlex.join(map(str, command))
        out.append(f"--- ran: {words}\n    exit status {status}")
        for line in (line for output in outputs for line in _text(output).split("\n")[-LINES:]):
            out += [f"    | {line}"] if line else []
    return "\n".join(out)


class Process(subprocess.Popen):
    """A process that is recorded when its output has been collected; subprocess.run() creates one of these too."""

    def communicate(self, *args, **options):
        try:
            outputs = super().communicate(*args, **options)
        except subprocess.TimeoutExpired as late:
            record(self.args, f"none: it still ran after {late.timeout} s", late.output, late.stderr)
            raise
        # not poll(): that would reap the process before its owner does
        record(self.args, self.returncode, *outputs)
        return outputs


class Result(unittest.TextTestResult):
    """Adds the report to failures and errors, and clears it before each test."""

    def startTest(self, test):
        _ran.clear()
        super().startTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._add_report(self.failures)

    def addError(self, test, err):
        super().addError(test, err)
        self._add_report(self.errors)

    def addSubTest(self, test, subtest, err):
        before = len(self.failures), len(self.errors)
        super().addSubTest(test, subtest, err)
        for found, count in zip((self.failures, self.errors), before):
            if len(found) > count:
                self._add_report(found)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        # of a skipped class it is _ErrorHolder, whose id() is "setUpClass (module.Class)"
        self.stream.writeln(f"SKIP: {test.id().removeprefix('__main__.')}: {reason}")

    @staticmethod
    def _add_report(found):
        test, text = found[-1]
        found[-1] = test, f"{text}\n{report()}\n" if _ran else text


subprocess.Popen = Process
unittest.TextTestRunner.resultclass = Result
