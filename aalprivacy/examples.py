"""What a pair learns from: windows of entries and views, mixed and randomised.

Few people are soon known by heart: a decoder then recalls a person from a few values and fails on
people that it never saw. Two things keep it from that. An operation treats each attribute on its
own, so values of different entries put side by side are as valid an example as an entry is. And
where a view copies a value, or its beginning or end, any string of the same shape is one; copying
it is the only way to get it right. Values made of words are replaced most, since a new table brings
words that no training had; their new letters follow each other as often as letters do in the words
of the entries, so that nothing is spent on learning to copy what no language would spell.
"""

import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from aalprivacy.attributes import SEPARATOR, Attribute, Form
from aalprivacy.policy import Operation, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.text import EOS, flat_tokens, token_of, view_lines
from aalprivacy.views import apply_policy

NEVER, START, END = 0, 1, 2  # how a view's value follows a change of the entry's


class Batch(NamedTuple):
    """The examples of one update.

    Parameters
    ----------
    entries, views
        Tokens of lines, int32 ``(n, length)``, `aalprivacy.text.EOS` at their ends.
    replaced
        bool of the shape of `views`: characters that were replaced at random.
    window
        Attributes a line.
    """

    entries: np.ndarray
    views: np.ndarray
    replaced: np.ndarray
    window: int


class Examples:
    """Batches of (entry, view) windows, drawn and randomised anew at every update.

    A value can be replaced at random if it can't be listed (its form isn't ``one-of``) and the view
    shows all of it, its beginning, its end, or nothing; a class or a range would not follow.

    Parameters
    ----------
    entries
        Of the policy's schema.
    policy, receiver
        What makes the views. A blind recipe's encoder reads the view in place of the entry.
    recipe
        For its seed, sizes, mixing and augmentation.

    Raises
    ------
    InputError
        If a value is null or not of its attribute's form, or a line is too long.
    """

    def __init__(
        self, entries: pd.DataFrame, policy: Policy, receiver: str, recipe: Recipe
    ) -> None:
        self.recipe, self.schema = recipe, policy.schema
        views = apply_policy(entries, policy, receiver)
        read = views if recipe.blind else self.schema.check(entries)
        for table in (read, views):
            view_lines(table, self.schema)  # refuses lines that are too long
        self._values = _Values([read, views], self.schema)
        operations = policy.for_receiver(receiver)
        self._follows = np.array(
            [_follows(a, operations[a.name], recipe.blind) for a in self.schema.attributes]
        )
        self._share = np.array(
            [_share(a, operations[a.name], recipe) for a in self.schema.attributes]
        )
        self._scramble = _Scramble(
            self._values, self.schema, np.random.default_rng([recipe.seed, 3])
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of entries and views."""
        return self._values.fingerprint

    def batch(self, update: int, window: int) -> Batch:
        """The batch of an update, the same whenever it is asked for.

        Parameters
        ----------
        update, window
            Which update; attributes a window, one batch in ten draws its own number.
        """
        recipe, whole = self.recipe, len(self.schema)
        rng = np.random.default_rng([recipe.seed, 2, update])
        n = recipe.batch_size if window >= whole else recipe.first_batch_size
        window = min(window, whole)
        if rng.random() < 0.1:
            window = int(rng.integers(min(recipe.first_window, whole), whole + 1))
        which = rng.integers(0, whole - window + 1, (n, 1)) + np.arange(window)
        entries, views = self._draw(which, rng)
        # Replace all characters of a value or only a few.
        rate = np.where(rng.random(which.shape) < 0.5, 1.0, 0.25)
        rate *= rng.random(which.shape) < self._share[which]
        scrambled, replaced = self._scramble(entries.tokens, rate, rng)
        follows = self._follows[which]
        shown, shown_replaced = _cut(scrambled, replaced, entries.lengths, views, follows)
        return Batch(
            _join(scrambled, entries.lengths, self.schema).astype(np.int32),
            _join(shown, views.lengths, self.schema).astype(np.int32),
            _join(shown_replaced, views.lengths, None),
            window,
        )

    def _draw(self, which: np.ndarray, rng: np.random.Generator) -> "tuple[_Cells, _Cells]":
        """Values of attributes `which`, of one row a line or of many."""
        rows = np.broadcast_to(rng.integers(0, self._values.rows, (len(which), 1)), which.shape)
        mixed = rng.integers(0, self._values.rows, which.shape)
        lengths = [self._values.lengths(table, mixed, which) for table in (0, 1)]
        longest = np.maximum(*(length.sum(axis=1) for length in lengths)) + which.shape[1]
        mix = (rng.random(len(which)) < self.recipe.mixing) & (longest <= self.schema.longest + 1)
        rows = np.where(mix[:, None], mixed, rows)
        return self._values.cells(0, rows, which), self._values.cells(1, rows, which)


class _Cells(NamedTuple):
    """Values: uint8 ``(n, window, longest)``, of which the first ``lengths`` tokens count."""

    tokens: np.ndarray
    lengths: np.ndarray


class _Values:
    """The distinct values of tables of the same rows, as tokens, one after the other."""

    def __init__(self, tables: list[pd.DataFrame], schema) -> None:
        self.rows = len(tables[0])
        ids, texts, count = [], [], 0
        for table in tables:
            of_table = np.empty((self.rows, len(schema)), np.int32)
            for place, name in enumerate(schema.names):
                codes, distinct = pd.factorize(table[name])
                of_table[:, place] = codes + count
                texts.append(pd.Series(distinct, dtype="str"))
                count += len(distinct)
            ids.append(of_table)
        self._ids = ids
        flat, self._lengths = flat_tokens(pd.concat(texts, ignore_index=True), schema)
        self._begins = np.cumsum(self._lengths) - self._lengths
        # `cells` reads as many tokens of each value as the longest has: room for that at the end.
        self._flat = np.pad(flat, (0, int(self._lengths.max())))

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for array in (self._flat, self._lengths, *self._ids):
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def lengths(self, table: int, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        return self._lengths[self._ids[table][rows, which]]

    def cells(self, table: int, rows: np.ndarray, which: np.ndarray) -> _Cells:
        ids = self._ids[table][rows, which]
        lengths = self._lengths[ids]
        places = self._begins[ids][..., None] + np.arange(lengths.max())
        return _Cells(self._flat[places], lengths)


class _Scramble:
    """Puts other letters for letters and other digits for digits, at random.

    Small letters are drawn by what follows the one before in the words of the entries.
    """

    RUN = 1024  # letters of each of as many chains, drawn once

    def __init__(self, values: _Values, schema, rng: np.random.Generator) -> None:
        kinds = {
            "small": [c for c in schema.alphabet if c.isalpha() and not c.isupper()],
            "capital": [c for c in schema.alphabet if c.isupper()],
            "digit": [c for c in schema.alphabet if c.isdigit()],
        }
        self._tokens = {
            kind: np.array([token_of(c, schema) for c in characters], np.uint8)
            for kind, characters in kinds.items()
            if characters
        }
        self._kind = np.zeros(256, np.uint8)
        for number, tokens in enumerate(self._tokens.values(), 1):
            self._kind[tokens] = number
        words = [i for i, a in enumerate(schema.attributes) if a.form in (Form.WORDS, Form.TEXT)]
        self._letters = np.empty(0, np.uint8)
        if "small" in self._tokens:
            self._letters = self._word_like(values, words, rng)

    def __call__(self, tokens: np.ndarray, rate: np.ndarray, rng: np.random.Generator):
        """Scramble values ``(n, window, longest)``, each character at its value's rate."""
        hit = rng.random(tokens.shape, np.float32) < rate[..., None]
        kind, new, replaced = self._kind[tokens], tokens.copy(), np.zeros(tokens.shape, bool)
        for number, (name, known) in enumerate(self._tokens.items(), 1):
            where = hit & (kind == number)
            count = int(where.sum())
            if name == "small":
                begin = rng.integers(0, self._letters.size)
                new[where] = np.take(self._letters, begin + np.flatnonzero(where), mode="wrap")
            else:
                new[where] = known[rng.integers(0, len(known), count)]
            replaced |= where
        return new, replaced

    def _word_like(self, values: _Values, words: list[int], rng) -> np.ndarray:
        """Chains of small letters, one after the other; uint8 tokens."""
        small, n = self._tokens["small"], len(self._tokens["small"])
        follows = np.zeros((n, n))
        if words:
            rows = np.repeat(rng.integers(0, values.rows, (20_000, 1)), len(words), axis=1)
            cells = values.cells(0, rows, np.broadcast_to(words, rows.shape))
            place = np.full(256, -1)
            place[small] = np.arange(n)
            letters = place[cells.tokens]
            letters[np.arange(letters.shape[2]) >= cells.lengths[..., None]] = -1
            pairs = np.stack((letters[..., :-1].ravel(), letters[..., 1:].ravel()))
            np.add.at(follows, tuple(pairs[:, (pairs >= 0).all(axis=0)]), 1)
        # One letter in ten is any: words of other languages, too, are to be copied.
        chance = 0.9 * follows / np.maximum(1, follows.sum(axis=1, keepdims=True)) + 0.1 / n
        bounds = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)[:, :-1]
        runs = np.empty((self.RUN, self.RUN), np.intp)
        runs[:, 0] = rng.integers(0, n, self.RUN)
        for i in range(1, self.RUN):
            runs[:, i] = (bounds[runs[:, i - 1]] < rng.random((self.RUN, 1))).sum(axis=1)
        return small[runs.ravel()]


def _follows(attribute: Attribute, operation: Operation, blind: bool) -> int:
    """Which part of the entry's value the view shows."""
    if operation is Operation.DISCLOSE:
        return START
    part = getattr(attribute.generalise, "part", "")
    if operation is Operation.GENERALISE and part:
        return START if blind or part == "start" else END
    return NEVER


def _share(attribute: Attribute, operation: Operation, recipe: Recipe) -> float:
    """Share of the examples in which an attribute's value is replaced at random."""
    if attribute.form is Form.ONE_OF:
        return 0.0
    if operation is Operation.GENERALISE and not getattr(attribute.generalise, "part", ""):
        return 0.0
    words, others = recipe.augmentation
    return words if attribute.form in (Form.WORDS, Form.TEXT) else others


def _cut(scrambled, replaced, lengths, views: _Cells, follows) -> tuple[np.ndarray, np.ndarray]:
    """What the view shows of scrambled values, and which of its characters were replaced."""
    begin = np.where(follows == END, lengths - views.lengths, 0)[..., None]
    place = np.arange(views.tokens.shape[2])
    # A generalised value that is longer than the value shows none of it.
    inside = (follows != NEVER)[..., None] & (place < views.lengths[..., None])
    inside &= (lengths >= views.lengths)[..., None]
    source = np.clip(begin + place, 0, scrambled.shape[2] - 1)
    shown = np.where(inside, np.take_along_axis(scrambled, source, axis=2), views.tokens)
    return shown, inside & np.take_along_axis(replaced, source, axis=2)


def _join(cells: np.ndarray, lengths: np.ndarray, schema) -> np.ndarray:
    """Lines of values: one row a line, zero after its end.

    With a schema a separator stands between two values and an end token after the last; without
    one there are zeros in their places.
    """
    n, window, longest = cells.shape
    wide = np.zeros((n, window, longest + 1), cells.dtype)
    wide[..., :-1] = cells
    if schema is not None:
        ends = np.full(window, token_of(SEPARATOR, schema))
        ends[-1] = EOS
        np.put_along_axis(wide, lengths[..., None], ends[None, :, None].astype(wide.dtype), axis=2)
    else:
        np.put_along_axis(wide, lengths[..., None], False, axis=2)
    inside = np.arange(longest + 1) <= lengths[..., None]
    sizes = (lengths + 1).sum(axis=1)
    lines = np.zeros((n, sizes.max()), cells.dtype)
    lines[np.arange(sizes.max()) < sizes[:, None]] = wide[inside]
    return lines
