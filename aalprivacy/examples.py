"""What a pair learns from: windows of entries and views, mixed and randomised.

Few users are soon known by heart: a decoder then recalls a home from a few of its values and fails
on homes that it never saw. Two things keep it from that. An operation treats each attribute on its
own, so values of different entries put side by side are as valid an example as an entry is. And
where a view copies a value, any string of the same shape is one; copying it is the only way to get
it right. Names and addresses are replaced most, since a home brings words that no training had;
their new letters follow each other as often as letters do in the words of the entries, so that
nothing is spent on learning to copy what no language would spell.
"""

import hashlib

import numpy as np
import pandas as pd

from aalprivacy.attributes import NAMES
from aalprivacy.policy import Operation
from aalprivacy.recipe import Recipe
from aalprivacy.text import ALPHABET, EOS, MAX_LENGTH, SEPARATOR_TOKEN, to_lines, to_tokens

N = len(NAMES)
_A, _0 = ALPHABET.index("a") + 2, ALPHABET.index("0") + 2

# Values with so many possibilities that they can't be listed; the others are a few words each.
OPEN_ATTRIBUTES = frozenset(
    (
        "name", "age", "height", "weight", "address", "phone_number", "timestamp",
        "blood_pressure", "glucose_level", "wearable_pedometer", "temperature_sensor",
        "light_sensor", "energy_consumption",
    )
)  # fmt: skip
# Those of them that are made of words.
WORDS = frozenset(("name", "address"))


class Examples:
    """Batches of (entry, view) windows, drawn and augmented anew at every update.

    Parameters
    ----------
    entries, views
        Tables of the same rows.
    operations
        Attribute name -> `Operation`: what made the views.
    recipe
        For its seed, sizes, mixing and augmentation.
    """

    def __init__(self, entries: pd.DataFrame, views: pd.DataFrame, operations, recipe: Recipe):
        self.recipe = recipe
        self._entries, self._views = _Values(entries), _Values(views)
        # A generalised address is the end of the address, so it can follow along; a class can't.
        follows = [
            name in OPEN_ATTRIBUTES and (op is not Operation.GENERALISE or name == "address")
            for name, op in operations.items()
        ]
        words, readings = recipe.augmentation
        self.share = np.where([name in WORDS for name in operations], words, readings) * follows
        self._letters = _word_like(self._entries, np.random.default_rng([recipe.seed, 3]))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of entries and views."""
        tokens = self._entries.tokens.tobytes() + self._views.tokens.tobytes()
        return hashlib.sha256(tokens).hexdigest()

    def batch(self, update: int, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """The batch of an update, the same whenever it is asked for.

        Parameters
        ----------
        update, window
            Which update; attributes a window, one batch in ten draws its own number.

        Returns
        -------
        int32 ``(batch, length)`` entry tokens, int32 ``(batch, length)`` view tokens, both ending
        in `EOS`, bool of the latter's shape: characters that were replaced at random, and the
        attributes a window that the batch has in fact.
        """
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, 2, update])
        n = recipe.batch_size if window == N else recipe.first_batch_size
        if rng.random() < 0.1:
            window = int(rng.integers(recipe.first_window, N + 1))
        which = rng.integers(0, N - window + 1, (n, 1)) + np.arange(window)
        rows = np.repeat(rng.integers(0, len(self._entries.tokens), (n, 1)), window, axis=1)
        mixed = rng.integers(0, len(self._entries.tokens), (n, window))
        fits = np.maximum(
            self._entries.lengths(mixed, which).sum(1), self._views.lengths(mixed, which).sum(1)
        )
        mix = (rng.random(n) < recipe.mixing) & (fits <= MAX_LENGTH + 1)
        rows[mix] = mixed[mix]
        x, y = self._entries.cut(rows, which), self._views.cut(rows, which)
        # Replace all characters of a value or only a few.
        rate = np.where(rng.random(rows.shape) < 0.5, 1.0, 0.25)
        rate *= rng.random(rows.shape) < self.share[which]
        hit = rng.random(len(x.flat)) < rate.ravel()[x.piece]
        begin = rng.integers(0, self._letters.size - len(x.flat))
        letters = self._letters[begin : begin + len(x.flat)]
        digits = rng.integers(0, 10, len(x.flat), dtype=np.uint8)
        _replace(x.flat, hit, letters, digits)
        # Counted from a value's end, so that a view that is the end of its value gets the same.
        at = np.maximum(x.end[y.piece] - y.from_end, 0)
        hit = hit[at] & (y.from_end <= x.length[y.piece])
        replaced = _replace(y.flat, hit, letters[at], digits[at])
        return x.matrix(x.flat, np.int32), y.matrix(y.flat, np.int32), y.matrix(replaced), window


class _Values:
    """A table's values as tokens, any of which can be had in any order.

    Parameters
    ----------
    table
        Entries or views.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.tokens = to_tokens(to_lines(table))
        ends = (self.tokens == SEPARATOR_TOKEN) | (self.tokens == EOS)
        stops = np.nonzero(ends)[1].reshape(-1, N) + 1
        self._start = np.pad(stops, ((0, 0), (1, 0))).astype(np.int16)

    def lengths(self, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Characters of each row's value of an attribute, and the one that ends it."""
        return self._start[rows, which + 1] - self._start[rows, which]

    def cut(self, rows: np.ndarray, which: np.ndarray) -> "_Lines":
        """New lines: the values of attributes ``which`` of ``rows``, both ``(n, window)``."""
        length = self.lengths(rows, which).astype(np.int64).ravel()
        end = np.cumsum(length)
        piece = np.repeat(np.arange(length.size), length)
        from_end = end[piece] - np.arange(end[-1])
        begin = rows.ravel() * self.tokens.shape[1] + self._start[rows, which + 1].ravel()
        flat = self.tokens.ravel()[begin[piece] - from_end]
        flat[end - 1] = SEPARATOR_TOKEN
        flat[end.reshape(rows.shape)[:, -1] - 1] = EOS
        return _Lines(flat, piece, from_end, length, end, rows.shape)


class _Lines:
    """Lines one after the other, and where each character stands: in which value, and how many
    characters before the next one's first."""

    def __init__(self, flat, piece, from_end, length, end, shape) -> None:
        self.flat, self.piece, self.from_end = flat, piece, from_end
        self.length, self.end, self._shape = length, end, shape

    def matrix(self, flat: np.ndarray, dtype=None) -> np.ndarray:
        """One row a line; what follows its end is zero."""
        lengths = self.length.reshape(self._shape).sum(1)
        matrix = np.zeros((len(lengths), lengths.max()), dtype or flat.dtype)
        matrix[np.arange(lengths.max()) < lengths[:, None]] = flat
        return matrix


def _word_like(entries: _Values, rng: np.random.Generator, n: int = 1024) -> np.ndarray:
    """Letters, each drawn by what follows the one before it in the words of the entries.

    Returns
    -------
    uint8 ``(n * n,)``, 0 to 25: ``n`` runs of ``n`` letters.
    """
    rows = rng.integers(0, len(entries.tokens), (20_000, 1))
    which = np.array([[NAMES.index(name) for name in sorted(WORDS)]])
    letters = entries.cut(np.repeat(rows, which.size, axis=1), which).flat.astype(int) - _A
    pairs = np.stack((letters[:-1], letters[1:]))
    first, then = pairs[:, ((pairs >= 0) & (pairs < 26)).all(axis=0)]
    follows = np.zeros((26, 26))
    np.add.at(follows, (first, then), 1)
    # One letter in ten is any: words of other languages, too, are to be copied.
    chance = 0.9 * follows / np.maximum(1, follows.sum(axis=1, keepdims=True)) + 0.1 / 26
    bounds = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    runs = np.empty((n, n), np.uint8)
    runs[:, 0] = rng.integers(0, 26, n)
    for i in range(1, n):
        runs[:, i] = (bounds[runs[:, i - 1]] < rng.random((n, 1))).sum(axis=1)
    return runs.ravel()


def _replace(flat, hit, letters, digits) -> np.ndarray:
    """Put other letters for letters and digits for digits, in place; where that was done."""
    letter = hit & (flat >= _A) & (flat < _A + 26)
    digit = hit & (flat >= _0) & (flat < _0 + 10)
    flat[letter] = _A + letters[letter]
    flat[digit] = _0 + digits[digit]
    return letter | digit
