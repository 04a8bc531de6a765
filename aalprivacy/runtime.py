"""Encoding and greedy decoding with NumPy alone, on all cores.

A step of an LSTM is one product of the state with the recurrent kernel and a few operations on
each number of the gates. A token's part of the gates comes from a table, and the code's part is
computed once. Each core takes the next batch of lines and works in place, in buffers that fit into
its caches. Finished rows leave the batch, so no step computes padding.

Each gate is ``1 / (1 + exp(-x))``, and the tanh is ``2 / (1 + exp(-2 x)) - 1``: NumPy computes exp
in half the time of tanh. The factors -1 and -2 are multiplied into the weights once, and the state
c is stored times -2. A factor of two changes only a float's exponent, so nothing is rounded.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from aalprivacy.architecture import Architecture
from aalprivacy.text import EOS, PAD

# Equal beginnings of lines are read once, while there are at most this many of them per line.
SHARED = 0.25
THREADS: int | None = None  # threads of this process; by default one for each core it may use
# The limit on BLAS's threads holds for the whole process, so two calls must not overlap.
_turn = threading.RLock()


def count_cores() -> int:
    """The cores that this process may use: all, or fewer where the system gives it fewer."""
    if hasattr(os, "sched_getaffinity"):  # Linux: `taskset`, or a container's set of cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def encode(
    weights: Mapping[str, np.ndarray],
    architecture: Architecture,
    tokens: np.ndarray,
    *,
    batch_size: int = 512,
    report: Callable[[int], None] = lambda rows: None,
) -> np.ndarray:
    """Turn tokens into codes.

    Parameters
    ----------
    weights
        Arrays of a pair by name, as `Architecture.shapes` lists them, in the layout of Keras.
    architecture
        How the network is built.
    tokens
        Whole numbers ``(n, length)``, `PAD` after each line's end.
    batch_size
        The most lines that a core works on at once.
    report
        Called with the number of rows done since the last call.

    Returns
    -------
    float32 ``(n, 2 units)``: h, then c, after the last token is read. Zero for an empty line.
    """
    lstm = _Lstm(weights, architecture, "encoder")
    lines = _Lines.of(architecture, tokens)
    begun, codes = _shared_beginnings(lstm, lines)

    def run(rows: np.ndarray) -> Iterator:
        cells = _Cells(lstm, codes[rows])
        yield from _read(cells, lines.take(rows), begun)
        codes[rows] = cells.codes()

    _on_all_cores(run, lines.longest_first(), batch_size, report)
    return codes


def decode(
    weights: Mapping[str, np.ndarray],
    architecture: Architecture,
    codes: np.ndarray,
    *,
    longest: int,
    batch_size: int = 512,
    report: Callable[[int], None] = lambda rows: None,
) -> np.ndarray:
    """Write the most probable token, step by step, until `EOS` or `PAD` (greedy decoding).

    Parameters
    ----------
    weights, architecture
        As for `encode`.
    codes
        float32 ``(n, 2 units)``, the state to start from.
    longest
        The most characters of a line; `EOS` may follow them.
    batch_size, report
        As for `encode`.

    Returns
    -------
    uint8 ``(n, longest + 1)``, `PAD` after `EOS`.
    """
    lstm = _Lstm(weights, architecture, "decoder")
    kernel = np.asarray(weights["decoder/scores/kernel"], np.float32)
    bias = np.asarray(weights["decoder/scores/bias"], np.float32)
    written = np.full((len(codes), longest + 1), PAD, np.uint8)

    def run(rows: np.ndarray) -> Iterator:
        cells = _Cells(lstm, np.asarray(codes[rows], np.float32))
        token = np.full(len(rows), PAD)
        place = lstm.places.first(len(rows))
        for t in range(longest + 1):
            cells.step(token, place)
            scores = cells.h @ kernel
            scores += bias
            token = scores.argmax(axis=1)
            written[rows, t] = token
            place = lstm.places.after(token, place)
            unfinished = (token != EOS) & (token != PAD)
            if not unfinished.all():
                rows, token, place = rows[unfinished], token[unfinished], place[unfinished]
                cells.keep(unfinished)
            if not len(rows):
                return
            yield

    _on_all_cores(run, np.arange(len(codes)), batch_size, report)
    return written


def losses(
    weights: Mapping[str, np.ndarray],
    architecture: Architecture,
    codes: np.ndarray,
    tokens: np.ndarray,
    *,
    batch_size: int = 512,
) -> np.ndarray:
    """Minus the log probability that the decoder gives to each token of given lines; in nats.

    Parameters
    ----------
    weights, architecture, batch_size
        As for `encode`.
    codes
        float32 ``(n, 2 units)``, the state to start from.
    tokens
        Whole numbers ``(n, length)``: the lines, `PAD` after each line's end.

    Returns
    -------
    float32 ``(n, length)``: each token's value, given the tokens before it; 0 on padding.
    """
    lstm = _Lstm(weights, architecture, "decoder")
    kernel = np.asarray(weights["decoder/scores/kernel"], np.float32)
    bias = np.asarray(weights["decoder/scores/bias"], np.float32)
    lengths = (tokens != PAD).sum(axis=1)
    found = np.zeros(tokens.shape, np.float32)

    def run(rows: np.ndarray) -> Iterator:
        cells = _Cells(lstm, np.asarray(codes[rows], np.float32))
        token, place = np.full(len(rows), PAD), lstm.places.first(len(rows))
        for t in range(lengths[rows].max(initial=0)):
            n = int(np.searchsorted(-lengths[rows], -t))
            rows, token, place = rows[:n], token[:n], place[:n]
            cells.step(token, place)
            scores = cells.h[:n] @ kernel + bias
            token = tokens[rows, t].astype(np.intp)
            scores -= scores.max(axis=1, keepdims=True)
            right = scores[np.arange(n), token]
            found[rows, t] = np.log(np.exp(scores).sum(axis=1)) - right
            place = lstm.places.after(token, place)
            yield

    longest_first = np.argsort(-lengths, kind="stable")
    _on_all_cores(run, longest_first, batch_size, lambda rows: None)
    return found


def states(
    weights: Mapping[str, np.ndarray], architecture: Architecture, tokens: np.ndarray
) -> np.ndarray:
    """The encoder's h after each token.

    Parameters
    ----------
    weights, architecture, tokens
        As for `encode`.

    Returns
    -------
    float32 ``(n, length, units)``, at the position of the token just read. Zero on padding.
    """
    lstm = _Lstm(weights, architecture, "encoder")
    lines = _Lines.of(architecture, tokens)
    rows = lines.longest_first()
    cells = _Cells(lstm, np.zeros((len(tokens), 2 * lstm.units), np.float32))
    found = np.zeros((*tokens.shape, lstm.units), np.float32)
    with _turn, threadpool_limits(1, user_api="blas"):  # a short step waits for no other thread
        for at in _read(cells, lines.take(rows)):
            found[rows[: len(at)], at] = cells.h[: len(at)]
    return found


@dataclass(frozen=True)
class _Lines:
    """Lines in the order in which they are read.

    Attributes
    ----------
    tokens, places
        Whole numbers ``(n, length)``; a place stands for attribute and place in the value
        (`_Places`).
    lengths
        How many tokens each line has.
    reverse
        Whether they are read from their ends.
    """

    tokens: np.ndarray
    places: np.ndarray
    lengths: np.ndarray
    reverse: bool

    @classmethod
    def of(cls, architecture: Architecture, tokens: np.ndarray) -> "_Lines":
        lengths = (tokens != PAD).sum(axis=1)
        return cls(tokens, _Places(architecture).of(tokens), lengths, architecture.reverse)

    def longest_first(self) -> np.ndarray:
        """The numbers of the rows, the longest lines first."""
        return np.argsort(-self.lengths, kind="stable")

    def take(self, rows: np.ndarray) -> "_Lines":
        """Some of the lines."""
        return _Lines(self.tokens[rows], self.places[rows], self.lengths[rows], self.reverse)

    def step(self, t: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each of the first rows: the position read at step t, its token and its place."""
        at = self.lengths[:rows] - 1 - t if self.reverse else np.full(rows, t)
        order = np.arange(rows)
        return at, self.tokens[order, at], self.places[order, at]


class _Places:
    """Attribute and place of a token as one number: the row in a table of their summed vectors."""

    def __init__(self, architecture: Architecture) -> None:
        self.separator, self.count = architecture.separator, max(1, architecture.places)
        self.last = self.count * (architecture.attributes - 1)
        self.architecture = architecture
        self.dtype = np.int16 if architecture.attributes * self.count < 2**15 else np.int32

    def of(self, tokens: np.ndarray) -> np.ndarray:
        """The places of all tokens of lines ``(n, length)``."""
        if not self.architecture.places:
            return np.zeros(tokens.shape, self.dtype)
        attribute, place = self.architecture.where(tokens)
        return (self.count * attribute + place).astype(self.dtype)

    def first(self, n: int) -> np.ndarray:
        """The places of the first tokens of n lines."""
        return np.zeros(n, self.dtype)

    def after(self, token: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The places of the next tokens, after these tokens and places."""
        along = np.where(place % self.count < self.count - 1, place + 1, place)
        new = (token == self.separator) & (place < self.last)
        return np.where(new, place - place % self.count + self.count, along)


class _Lstm:
    """Weights of an LSTM, times -1 or -2. The first axis has the gates i, f, candidate and o.

    Attributes
    ----------
    table
        float32 ``(4, vocabulary, units)``: each token's part of the gates, plus the bias.
    of_place
        float32 ``(4, attributes * places, units)``: each place's part; ``None`` without places.
    recurrent
        float32 ``(4, units, units)``, for h.
    of_code
        float32 ``(4, 2 units, units)``, for the code at every step; empty if it isn't used.
    """

    def __init__(
        self, weights: Mapping[str, np.ndarray], architecture: Architecture, part: str
    ) -> None:
        def array(name: str) -> np.ndarray:
            return np.asarray(weights[f"{part}/{name}"], np.float32)

        kernel, recurrent = array("lstm/kernel"), array("lstm/recurrent_kernel")
        width, self.units = architecture.embedding, architecture.units
        self.places = _Places(architecture)
        scale = np.repeat(np.array([-1, -1, -2, -1], np.float32), self.units)

        def by_gate(matrix: np.ndarray) -> np.ndarray:
            gates = (matrix * scale).reshape(len(matrix), 4, self.units)
            return np.ascontiguousarray(gates.swapaxes(0, 1))

        self.table = by_gate(array("embedding/embeddings") @ kernel[:width] + array("lstm/bias"))
        self.of_place = None
        if architecture.places:
            sums = array("attribute/embeddings")[:, None] + array("place/embeddings")
            self.of_place = by_gate(sums.reshape(-1, width) @ kernel[:width])
        self.recurrent = by_gate(recurrent)
        self.of_code = by_gate(kernel[width:])


class _Cells:
    """The states of a batch: h, and c times -2, both float32 ``(n, units)``."""

    def __init__(self, lstm: _Lstm, codes: np.ndarray) -> None:
        self.lstm = lstm
        self.h = codes[:, : lstm.units].copy()
        self.c = -2 * codes[:, lstm.units :]
        self.constant = codes @ lstm.of_code if lstm.of_code.size else None
        self.gates = np.empty((4, *self.h.shape), np.float32)
        self.terms = np.empty_like(self.gates)

    def codes(self) -> np.ndarray:
        """h and c, float32 ``(n, 2 units)``."""
        return np.concatenate([self.h, self.c / -2], axis=1)

    def keep(self, rows: np.ndarray) -> None:
        """Keep these rows, drop the others."""
        self.h, self.c = self.h[rows], self.c[rows]
        if self.constant is not None:
            self.constant = self.constant[:, rows]

    @np.errstate(over="ignore")  # exp may be infinite: that gate is 0, as it should be
    def step(self, token: np.ndarray, place: np.ndarray) -> None:
        """Read one token, at its place, in each of the first ``len(token)`` rows."""
        n = len(token)
        h, c, gates, terms = self.h[:n], self.c[:n], self.gates[:, :n], self.terms[:, :n]
        np.matmul(h, self.lstm.recurrent, out=gates)
        gates += np.take(self.lstm.table, token, axis=1, out=terms, mode="clip")
        if self.lstm.of_place is not None:
            gates += np.take(self.lstm.of_place, place, axis=1, out=terms, mode="clip")
        if self.constant is not None:
            gates += self.constant[:, :n]
        np.exp(gates, out=gates)
        gates += 1
        i, f, g, o = gates  # dividing by these multiplies by the sigmoids
        np.divide(-4, g, out=g)
        g += 2  # the candidate times -2
        g /= i
        c *= np.divide(1, f, out=f)  # in this order it is rounded as in Keras, over many steps
        c += g
        np.exp(c, out=g)
        g += 1
        np.divide(2, g, out=g)
        g -= 1  # tanh(c)
        np.divide(g, o, out=h)


def _shared_beginnings(lstm: _Lstm, lines: _Lines) -> tuple[int, np.ndarray]:
    """Read equal beginnings of lines once for all of these lines.

    Returns
    -------
    How many tokens were read, and each line's code after them, float32 ``(n, 2 units)``.
    """
    n = len(lines.tokens)
    begun, group = 0, np.zeros(n, np.int64)
    cells = _Cells(lstm, np.zeros((1, 2 * lstm.units), np.float32))
    for t in range(lines.lengths.min(initial=lines.tokens.shape[1]) if n else 0):
        _, token, place = lines.step(t, n)
        # Lines stay in one group while their next tokens and places are the same.
        alike, first, groups = np.unique(
            (group << 32) + (place.astype(np.int64) << 8) + token,
            return_index=True, return_inverse=True,
        )  # fmt: skip
        if len(alike) > SHARED * n:
            break
        cells = _Cells(lstm, cells.codes()[group[first]])
        cells.step(token[first], place[first])
        begun, group = t + 1, groups
    return begun, cells.codes()[group]


def _read(cells: _Cells, lines: _Lines, begun: int = 0) -> Iterator[np.ndarray]:
    """Read lines, the longest first. After each step, yield each row's position in its line.

    The first `begun` tokens have been read already.
    """
    for t in range(begun, lines.lengths.max(initial=0)):
        at, token, place = lines.step(t, int(np.searchsorted(-lines.lengths, -t)))
        cells.step(token, place)
        yield at


def _on_all_cores(
    run: Callable[[np.ndarray], Iterator],
    rows: np.ndarray,
    batch_size: int,
    report: Callable[[int], None],
) -> None:
    """Do all steps of each batch, with one thread for each core; BLAS itself gets one thread.

    The last digits of a product depend on its number of rows. So the batches are the same on all
    machines: at least eight, if each has at least 64 rows.
    """
    threads, n = THREADS or count_cores(), len(rows)
    parts = max(1, -(-n // batch_size), min(8, n // 64))
    stopped = threading.Event()

    def work(batch: np.ndarray) -> int:
        for _ in run(batch):
            if stopped.is_set():
                break
        return len(batch)

    with _turn, threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        try:
            batches = [pool.submit(work, batch) for batch in np.array_split(rows, parts)]
            for batch in as_completed(batches):
                report(batch.result())
        except BaseException:  # also Ctrl-C: else the threads would finish all batches
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
