# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the benchmarks measure: programs in turns, in one run, since a machine has other work too."""
import os
import statistics
import time


def run(command, env=None):
    """Seconds of (elapsed time, processor time of the program and its children)."""
    null = [(os.POSIX_SPAWN_OPEN, n, '/dev/null', os.O_RDWR, 0) for n in (0, 1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, env or os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    assert status == 0, (command, status)
    return wall, usage.ru_utime + usage.ru_stime


def in_turns(rounds, *measures):
    """Medians of what each returns, (elapsed time, processor time); the order changes every round."""
    results = [[] for _ in measures]
    for i in range(rounds):
        order = list(range(len(measures)))
        for k in order if i % 2 else reversed(order):
            results[k].append(measures[k]())
    return [tuple(statistics.median(column) for column in zip(*r)) for r in results]
