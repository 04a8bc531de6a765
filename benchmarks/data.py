"""Seconds for a million entries: simulate, view, lines, tokens; and the peak memory.

Usage: ``python benchmarks/data.py [--entries 1000000]``
"""

import argparse
import resource
import time

from aalprivacy import TABLE_I, apply_policy, simulate
from aalprivacy.text import from_lines, from_tokens, to_lines, to_tokens


def timed(name: str, work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    print(f"{name:22} {time.perf_counter() - start:6.1f} s", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    schema, n = TABLE_I.schema, parser.parse_args().entries
    entries = timed("simulate", simulate, n // 100, 100, 0)
    timed("check", schema.check, entries)
    timed("view", apply_policy, entries)
    lines = timed("entries to lines", to_lines, entries, schema)
    del entries
    tokens = timed("lines to tokens", to_tokens, lines, schema)
    del lines
    lines = timed("tokens to lines", from_tokens, tokens, schema)
    del tokens
    timed("lines to entries", from_lines, lines, schema)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'peak memory':22} {peak:6.2f} GiB")


if __name__ == "__main__":
    main()
