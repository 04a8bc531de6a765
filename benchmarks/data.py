"""Seconds for a million entries: simulate, view, lines, tokens; and the peak of memory."""

import resource
import time

from aalprivacy import apply_policy, from_lines, from_tokens, simulate, to_lines, to_tokens


def timed(name: str, work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    print(f"{name:22} {time.perf_counter() - start:6.1f} s", flush=True)
    return result


entries = timed("simulate", simulate, 10_000, 100, 0)
timed("view", apply_policy, entries)
lines = timed("entries to lines", to_lines, entries)
del entries
tokens = timed("lines to tokens", to_tokens, lines)
del lines
lines = timed("tokens to lines", from_tokens, tokens)
del tokens
timed("lines to entries", from_lines, lines)
print(f"{'peak memory':22} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:6.2f} GiB")
