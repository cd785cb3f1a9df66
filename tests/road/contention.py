#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""P23: five hundred runs compete for one lock, with a package manager among them, and every fifth is killed at a random moment.

The evidence is the report of each run: no other run may be active between its first read of the disk and its end.
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import root as r  # noqa: E402

ROUNDS = 500
DRIVERS = ('soundcore', 'libcrc32c', 'scsi_common')


class Contention(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.root = r.Root()
        self.addCleanup(self.root.close)
        self.root.repo('file://' + r.repository())
        self.assertEqual(self.root.run('refresh').returncode, 0)
        self.kmps = [self.root.json('lookup', d)[1]['results'][0]['packages'][0] for d in DRIVERS]
        self.wrong, self.killed, self.rounds, self.longest = [], 0, 0, 0
        self.lock = threading.Lock()

    def take_round(self):
        with self.lock:
            self.rounds += 1
            return self.rounds <= ROUNDS

    def work(self, seed):
        """Runs lookups, installations, removals and refreshes; kills a fifth of them at a random moment."""
        dice = random.Random(seed)
        while self.take_round():
            which = dice.randrange(len(DRIVERS))
            args = dice.choice((['--no-load', 'probe', r.NOBODY], ['--no-load', 'probe', r.NOBODY], ['refresh'], ['queue'],
                                ['--no-load', 'probe', DRIVERS[which]], ['remove', self.kmps[which]]))
            before = time.monotonic()
            run = self.root.start(*args)
            if dice.random() < 0.2:
                time.sleep(dice.random() * 0.15)
                run.send_signal(signal.SIGKILL)
            _, err = run.communicate(timeout=90)
            with self.lock:
                self.longest = max(self.longest, time.monotonic() - before)
                self.killed += run.returncode == -signal.SIGKILL
                if run.returncode not in (0, 2, 3, -signal.SIGKILL):
                    self.wrong.append((args, run.returncode, err))

    def rpm(self, *args):
        return subprocess.run(['rpm', '--root', self.root.path, '--dbpath', '/var/lib/rpm', *args], check=False,
                              stderr=subprocess.PIPE, text=True)

    def manage(self):
        """A package manager that is independent of modfetch."""
        while self.rounds < ROUNDS:
            for args in ('-e', '--nodeps', 'bystander'), ('-i', '--nodeps', *r.FORCE, r.own_package()):
                while (done := self.rpm(*args)).returncode and 'transaction lock' in done.stderr:
                    time.sleep(0.01)  # it does not wait for the lock without a terminal
                if done.returncode:
                    self.wrong.append((args, done.returncode, done.stderr))
            time.sleep(0.2)

    def spans(self):
        """(first read, end, kind) of every run that was not killed."""
        found = []
        for run in self.root.history():
            us = dict(run['us'])
            us.pop('started', 0)
            if len(us) > 1:
                found.append((us['decided'], max(us.values()), run['verb']))
        return sorted(found)

    def test_five_hundred_rounds_with_one_writer_at_a_time(self):
        threads = [threading.Thread(target=self.work, args=(seed,)) for seed in range(5)]
        threads.append(threading.Thread(target=self.manage))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.wrong, [])
        self.assertGreater(self.killed, ROUNDS // 20)
        self.assertLess(self.longest, 60)
        spans = self.spans()
        self.assertGreater(len(spans), ROUNDS // 4)
        for (first, end, one), (begin, _, other) in zip(spans, spans[1:]):
            self.assertGreaterEqual(begin, end, f'{other} read the disk while {one} was active since {first}')
        self.check_the_end()
        print(f'{ROUNDS} rounds: {self.killed} killed, {len(spans)} reported their times, the longest took {self.longest:.1f} s')

    def check_the_end(self):
        """One more run finishes or undoes the work of killed runs; then the state is the same as without kills."""
        have = [k for k in self.kmps if k in self.root.names()]
        done = self.root.run('install', *self.kmps)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        if have:
            self.assertEqual(self.root.run('--no-load', 'probe', *DRIVERS).returncode, 2)
        fresh = r.Root()
        self.addCleanup(fresh.close)
        fresh.repo('file://' + r.repository())
        self.assertEqual(fresh.run('install', *self.kmps).returncode, 0)
        self.assertEqual((self.root.tree(), self.root.packages()), (fresh.tree(), fresh.packages()))
        self.assertFalse(os.path.exists(f'{self.root.path}/var/lib/modfetch/undo'))


if __name__ == '__main__':
    unittest.main()
