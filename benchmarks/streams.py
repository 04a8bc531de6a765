"""A large table through encoder and decoder: entries a second, memory, bytes, and two workers.

First `encode` and `decode` make the same pieces with one worker and with two, in turn, one thread
each. Then a million entries are simulated, encoded and decoded by whole commands with all cores, as
a person runs them. From that it works out what a hundred million cost. Linux only: memory is read
from /proc.

Usage: ``python benchmarks/streams.py [--pair researcher] [--entries 1000000] [--rounds 3]
[--folder FOLDER] [--out table.md]``
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from contest import spread, table, timed, verdict

from aalprivacy.runtime import count_cores

COMMAND = str(Path(sys.executable).with_name("aalprivacy"))
CONTEST_ENTRIES, TYPE_ENTRIES = 40_000, 100_000
HUNDRED_MILLION = 100_000_000
SPEEDUP, MOST_MEGABYTES = 1.8, 500  # the bars: two workers over one; a process's peak memory


def memory_of(process: int) -> dict[int, tuple[int, int]]:
    """Peak and present memory of a process and its children, in bytes, by their numbers."""
    found, waiting = {}, [process]
    while waiting:
        number = waiting.pop()
        try:
            lines = Path(f"/proc/{number}/status").read_text().splitlines()
            children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        except OSError:  # it has ended
            continue
        about = dict(line.split(":", 1) for line in lines)
        if "VmHWM" in about:
            peak, now = (1024 * int(about[name].split()[0]) for name in ("VmHWM", "VmRSS"))
            found[number] = peak, now
        waiting += map(int, children)
    return found


def run(*words: object) -> tuple[float, float, float]:
    """Seconds of a command, and the peak megabytes of its largest process and of all together."""
    began = time.perf_counter()
    process = subprocess.Popen([COMMAND, *map(str, words)], stdout=subprocess.DEVNULL)
    one = together = 0
    while process.poll() is None:
        found = memory_of(process.pid).values()
        one = max([one, *(peak for peak, _ in found)])
        together = max(together, sum(now for _, now in found))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{words[0]}: ended with {process.returncode}")
    return time.perf_counter() - began, one / 1e6, together / 1e6


def size(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(file.stat().st_size for file in folder.iterdir())


def simulated(entries: int, path: Path) -> Path:
    """A file of so many entries, fifty of each user."""
    from aalprivacy import simulate
    from aalprivacy.tables import write_table

    write_table(simulate(entries // 50, 50, seed=2_000_001), path)
    return path


def contest(pair, folder: Path, rounds: int) -> str:
    """One worker against two, on the same pieces."""
    from aalprivacy import cluster, streams
    from aalprivacy.folders import Folder
    from aalprivacy.pieces import Pieces
    from aalprivacy.progress import bar, console

    source = simulated(CONTEST_ENTRIES, folder / "some.parquet")
    pieces = Pieces.of(source, 2_000).checked(pair.schema)
    codes = folder / "codes-of-some"

    def do(work, out: Path, workers: int) -> None:
        shutil.rmtree(out, ignore_errors=True)
        hands = partial(cluster.on_processes, workers=workers)
        streams.run(streams.Job.of(work, out), "working", partial(bar, console()), hands)

    do(streams.Codes(pieces, pair, "int8"), codes, 2)
    works = {
        "encode": streams.Codes(pieces, pair, "int8"),
        "decode": streams.Decoded(Folder.open(codes), pair),
    }
    rows = {}
    for name, work in works.items():
        seconds = [
            [timed(lambda w=w, work=work: do(work, folder / "out", w)) for w in (1, 2)]
            for _ in range(rounds)
        ]
        one, two = zip(*seconds, strict=True)
        ratios = [a / b for a, b in seconds]
        middle = sorted(ratios)[len(ratios) // 2]
        rows[f"`{name}`, {CONTEST_ENTRIES:,} entries"] = [
            spread(one, 1), spread(two, 1), spread(ratios) + verdict(middle, SPEEDUP)
        ]  # fmt: skip
    head = ["seconds, one worker", "two workers", "one over two"]
    return table("median (lowest-highest)", head, rows)


def million(pair: str, folder: Path, entries: int) -> str:
    """Whole commands on a large table, and what a hundred million entries would take."""
    source, workers = folder / "entries.parquet", count_cores()
    commands = {
        "simulate": ("--users", entries // 100, "--entries", 100, "--out", source),
        "encode": (source, "--pair", pair, "--number-type", "int8", "--out", folder / "codes",
                   "--workers", workers),
        "decode": (folder / "codes", "--pair", pair, "--out", folder / "views",
                   "--workers", workers),
    }  # fmt: skip
    rows = {}
    for name, words in commands.items():
        seconds, one, together = run(name, *words)
        hours = HUNDRED_MILLION / entries * seconds / 3600
        bar = verdict(one, MOST_MEGABYTES, most=True) if name != "simulate" else ""
        rows[f"`{name}`"] = [
            f"{seconds:,.0f}", f"{entries / seconds:,.0f}", f"{one:,.0f}{bar}", f"{together:,.0f}",
            f"{hours:,.1f}",
        ]  # fmt: skip
    head = ["seconds", "entries a second", "MB, largest process", "MB, all processes",
            "hours for a hundred million"]  # fmt: skip
    text = table(f"{entries:,} entries, {workers} workers", head, rows)
    taken = source.stat().st_size
    held = f"{taken / 1e6:,.1f} MB in Parquet, {taken / entries:.1f} bytes an entry"
    return f"{text}\n\nThe table of entries has {held}."


def widths(pair, name: str, folder: Path) -> str:
    """Bytes on disk of each number type."""
    from aalprivacy.codes import NUMBER_TYPES, SMALL

    source, rows = simulated(TYPE_ENTRIES, folder / "typed.parquet"), {}
    for number_type in (*NUMBER_TYPES, *([SMALL] if pair.small else [])):
        out = folder / f"typed-{number_type}"
        run("encode", source, "--pair", name, "--number-type", number_type, "--out", out,
            "--workers", count_cores())  # fmt: skip
        each = size(out) / TYPE_ENTRIES
        rows[number_type] = [f"{each:,.0f}", f"{each * HUNDRED_MILLION / 1e9:,.0f}"]
    head = ["bytes a code on disk", "GB for a hundred million"]
    return table(f"number type, {TYPE_ENTRIES:,} codes in Parquet", head, rows)


def main() -> None:
    from aalprivacy import load_pair

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", default="researcher")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where large files go, and are deleted")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        pair, folder, texts = load_pair(options.pair), Path(name), []
        for part in (
            partial(contest, pair, folder, options.rounds),
            partial(widths, pair, options.pair, folder),
            partial(million, options.pair, folder, options.entries),
        ):
            texts.append(part())
            print(texts[-1], flush=True)
    if options.out:
        options.out.write_text("\n\n".join(texts) + "\n")


if __name__ == "__main__":
    main()
