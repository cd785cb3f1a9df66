# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a test that fails prints besides its assertion: the last programs it ran, how they ended and all they wrote.

"1 != 0" says nothing, and which of a hundred places keeps what the program wrote is nothing to rely on. So to import this
module is enough: from then on each program that is started through subprocess and whose output was collected is noted, and
the runner of unittest adds these notes to what it says of a failure. record() notes what ran elsewhere, as in a guest.
"""

import collections
import shlex
import subprocess
import unittest

KEPT = 4  # programs, the last that ran
LINES = 60  # of each output, the last ones

_ran = collections.deque(maxlen=KEPT)


def record(command, status, *outputs):
    """COMMAND is a string or a list, OUTPUTS are what it wrote: text, bytes, or None where that went elsewhere."""
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
    """A process that is noted when its output has been collected; subprocess.run() makes one of these too."""

    def communicate(self, *args, **options):
        try:
            outputs = super().communicate(*args, **options)
        except subprocess.TimeoutExpired as late:
            record(self.args, f"none: it still ran after {late.timeout} s", late.output, late.stderr)
            raise
        # not poll(): whoever waits for the process may want to do that
        record(self.args, self.returncode, *outputs)
        return outputs


class Result(unittest.TextTestResult):
    """Adds the report to failures and errors, and starts anew with each test."""

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

    @staticmethod
    def _add_report(found):
        test, text = found[-1]
        found[-1] = test, f"{text}\n{report()}\n" if _ran else text


subprocess.Popen = Process
unittest.TextTestRunner.resultclass = Result
