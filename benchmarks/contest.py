"""Contests: programs do the same work in turn. Each is a process with threads as it needs them.

All wait, and one after the other works. So a slow change of the machine's speed affects all of them
equally, and a ratio compares times of the same round.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

import numpy as np

Seconds = dict[tuple[str, str], list[float]]


class Worker:
    """A contestant's process; `serve` is its other end.

    Parameters
    ----------
    program, name, *options
        A benchmark's file, which is called with ``--serve NAME`` and the options.
    """

    def __init__(self, program: str, name: str, *options: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, program, "--serve", name, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        self._answer()

    def ask(self, question: str) -> float:
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.name}: ended before its answer")
        return line

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def serve(answer: Callable[[str], float]) -> None:
    """Answer questions until there are no more; other output goes to the standard error."""
    out, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        print(answer(line.strip()), file=out, flush=True)


def timed(work: Callable[[], object]) -> float:
    """How many seconds the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compete(workers: Iterable[Worker], settings: Iterable[str], rounds: int) -> Seconds:
    """Seconds of every contestant and setting, one number for each round."""
    workers, seconds = list(workers), {}
    for setting in settings:
        for number in range(-1, rounds):
            for worker in workers:
                time.sleep(0.3)  # until the threads of the one before are idle
                took = worker.ask(setting)
                if number >= 0:  # the first round compiles and warms up
                    seconds.setdefault((worker.name, setting), []).append(took)
                print(f"{setting} round {number} {worker.name}: {took:.2f} s", file=sys.stderr)
    return seconds


def spread(values, digits: int = 2) -> str:
    """Median, lowest and highest."""
    low, middle, high = (f"{v:,.{digits}f}" for v in np.percentile(values, [0, 50, 100]))
    return f"{middle} ({low}-{high})"


def table(corner: str, head: Iterable[str], rows: dict[str, Iterable[str]]) -> str:
    """A table in Markdown."""
    from aalprivacy.report import markdown_table  # not at the top: contestants don't need it

    return markdown_table([corner, *head], [[name, *cells] for name, cells in rows.items()])


def verdict(value: float, bar: float, most: bool = False) -> str:
    """Whether a value reaches its bar: the least value allowed, or the most if `most` is set."""
    reached = value <= bar if most else value >= bar
    return f", bar {bar}: {'reached' if reached else 'missed'}"
