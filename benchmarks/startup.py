"""How long the commands take to start: seconds and peak memory of whole commands on three entries.

Each round runs the commands as a person does, a process each, one after the other. The first round
only fills the file system's cache. This program imports nothing large: Linux counts the memory of
the parent process as a part of the child's peak.

Usage: ``python benchmarks/startup.py [--rounds 7] [--out table.md]``
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

COMMAND = str(Path(sys.executable).with_name("aalprivacy"))
PAIR = "researcher"
COMMANDS = {
    "encode": ("encode", "entries.csv", "--pair", PAIR, "--out", "codes.npz"),
    "decode": ("decode", "codes.npz", "--pair", PAIR, "--out", "decoded.csv"),
    "view": ("view", "entries.csv", "--receiver", PAIR, "--out", "view.csv"),
}
MOST_SECONDS, MOST_MEGABYTES = 1.0, 250
BARS = ("encode", "decode")  # the commands that these hold for


def run(command: tuple[str, ...], folder: str) -> tuple[float, float]:
    """Seconds and peak memory, in megabytes, of one command."""
    began = time.perf_counter()
    process = subprocess.Popen([COMMAND, *command], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]}: ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return time.perf_counter() - began, usage.ru_maxrss * unit / 1e6


def cell(values: list[float], digits: int, bar: float | None) -> str:
    text = f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
    if bar is None:
        return text
    return f"{text}, bar {bar}: {'reached' if median(values) <= bar else 'missed'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        run(("simulate", "--users", "3", "--entries", "1", "--out", "entries.csv"), folder)
        for number in range(-1, arguments.rounds):
            for name, command in COMMANDS.items():
                result = run(command, folder)
                if number >= 0:
                    taken[name].append(result)
    rows = []
    for name, results in taken.items():
        seconds, megabytes = map(list, zip(*results, strict=True))
        bars = (MOST_SECONDS, MOST_MEGABYTES) if name in BARS else (None, None)
        cells = cell(seconds, 2, bars[0]), cell(megabytes, 0, bars[1])
        rows.append([f"`aalprivacy {name}`", *cells])
    from aalprivacy.report import markdown_table  # large, so only when all is measured

    columns = ["three entries, median (lowest-highest)", "seconds", "peak memory, MB"]
    text = markdown_table(columns, rows)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
