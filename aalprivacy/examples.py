"""The examples of a training: windows of entries and views, mixed and randomised.

If there are few people, a pair memorises them: the decoder recalls a person from a few values, and
fails on new people. Two methods prevent this.

The first is mixing. An operation works on each attribute separately. So values of different entries
side by side are a valid example too.

The second is random replacement. Where a view copies a value, or its beginning or end, the value
can be replaced by any string of the same shape. Then copying is the only way to write it right.
Values made of words are replaced most often, since a new table has new words. Pairs of neighbouring
letters are as frequent in the new words as in the words of the entries. So the pair doesn't spend
effort on letter sequences that no language has.

A rule may read other attributes than its own. For example, a rule that deletes a person's name from
a text reads the name. Its result depends on the values beside the text. So it is run on the line
that the encoder reads, after values were mixed and randomised. If an attribute isn't in the window,
the rule gets ``-``, a missing value. In some examples the name is another entry's, so nothing is
deleted. From these the pair learns to compare, and not to guess. In most examples name and text
come from the same entry, and a randomised name is changed in the text as well.

Two more cases are rare in the entries of a training: missing values, and very unusual values. So
some values are made missing, and some numbers are drawn from all that their form allows. Their
views are made by rule.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from aalprivacy.attributes import DELETED, MISSING, SEPARATOR, Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.generalisation import WORD
from aalprivacy.policy import Operation, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema
from aalprivacy.text import EOS, flat_tokens, token_of, view_lines
from aalprivacy.views import apply_policy

NEVER, START, END = 0, 1, 2  # which part of the entry's value the view shows
MADE = (Form.NUMBER, Form.DIGITS, Form.PATTERN)  # forms whose values can be made at random
STRANGE = 4096  # rows of values drawn from all that their forms allow
APART = 0.2  # share of the mixed examples in which a rule reads other people's values


class Batch(NamedTuple):
    """The examples of one update.

    Parameters
    ----------
    entries, views
        Tokens of lines, int32 ``(n, length)``, `aalprivacy.text.EOS` at their ends.
    first
        The attribute that each line begins with, int32 ``(n,)``.
    replaced
        bool of the shape of `views`: characters that were replaced at random.
    window
        How many attributes a line has.
    """

    entries: np.ndarray
    first: np.ndarray
    views: np.ndarray
    replaced: np.ndarray
    window: int


class Examples:
    """Batches of (entry, view) windows, drawn and randomised again at every update.

    A value can be replaced at random if its form isn't ``one-of`` and the view shows all of it, its
    beginning, its end, or nothing. A class or a range would not follow the change.

    Parameters
    ----------
    entries
        Of the policy's schema.
    policy, receiver
        They define the views. With a blind recipe the encoder reads the view, not the entry.
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
        self.recipe, self.schema, self.rows = recipe, policy.schema, len(entries)
        views = apply_policy(entries, policy, receiver)
        read = views if recipe.blind else self.schema.check(entries)
        for table in (read, views):
            view_lines(table, self.schema)  # refuses lines that are too long
        self._strange = np.array([a.form in MADE for a in self.schema.attributes])
        if recipe.abnormal:
            rng = np.random.default_rng([recipe.seed, 4])
            strange = abnormal(entries, policy, receiver, rng)
            strange_views = apply_policy(strange, policy, receiver)
            read = pd.concat([read, strange_views if recipe.blind else strange], ignore_index=True)
            views = pd.concat([views, strange_views], ignore_index=True)
        operations = policy.for_receiver(receiver)
        # A blind encoder reads the rule's result, so its rules needn't run again.
        readers = [
            a
            for a in self.schema.attributes
            if a.reads and operations[a.name] is Operation.GENERALISE and not recipe.blind
        ]
        nothing = pd.Series(MISSING, index=read.index, dtype="str")
        for a in readers:  # the longest result: the rule finds no word to delete
            views[a.name] = a.general(read[a.name], *(nothing for _ in a.reads))
        self._values = _Values([read, views], self.schema)
        self._readers = [_Reader(a, self.schema) for a in readers]
        self._follows = np.array(
            [_follows(a, operations[a.name], recipe.blind) for a in self.schema.attributes]
        )
        deleted = np.array([operations[n] is Operation.DELETE for n in self.schema.names])
        dash, star = (token_of(c, self.schema) for c in (MISSING, DELETED))
        of_view = np.where(deleted, star, dash)
        self._missing = of_view if recipe.blind else np.full(len(deleted), dash), of_view
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
        """The batch of an update; the same update always has the same batch.

        Parameters
        ----------
        update
            The number of the update.
        window
            Attributes of a window. One batch in ten draws its own number instead.
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
        for reader in self._readers:
            scrambled = reader.renamed(which, entries, scrambled)
        for reader in self._readers:
            views = reader.views(which, scrambled, entries.lengths, views)
        follows = self._follows[which]
        shown, shown_replaced = _cut(scrambled, replaced, entries.lengths, views, follows)
        for reader in self._readers:
            shown_replaced |= ((which == reader.place) & (rate > 0))[..., None]
        return Batch(
            _join(scrambled, entries.lengths, self.schema).astype(np.int32),
            which[:, 0].astype(np.int32),
            _join(shown, views.lengths, self.schema).astype(np.int32),
            _join(shown_replaced, views.lengths, None),
            window,
        )

    def _draw(self, which: np.ndarray, rng: np.random.Generator) -> "tuple[_Cells, _Cells]":
        """Values of the attributes `which`; a line's values come from one row, or from several."""
        recipe = self.recipe
        own = np.broadcast_to(rng.integers(0, self.rows, (len(which), 1)), which.shape)
        mixed = rng.integers(0, self.rows, which.shape)
        rows = np.where(rng.random((len(which), 1)) < recipe.mixing, mixed, own)
        for reader in self._readers:
            rows = reader.together(which, rows, rng)
        strange = self._strange[which] & (rng.random(which.shape) < recipe.abnormal)
        # Drawn also where no value is abnormal, so that the random numbers after it are the same.
        rows = np.where(strange, self.rows + rng.integers(0, STRANGE, which.shape), rows)
        lengths = [self._values.lengths(table, rows, which) for table in (0, 1)]
        longest = np.maximum(*(length.sum(axis=1) for length in lengths)) + which.shape[1]
        rows = np.where((longest > self.schema.longest + 1)[:, None], own, rows)
        missing = rng.random(which.shape) < recipe.missing
        return tuple(
            self._values.cells(table, rows, which).replaced(missing, self._missing[table][which])
            for table in (0, 1)
        )


class _Cells(NamedTuple):
    """Tokens of values, uint8 ``(n, window, longest)``; the first ``lengths`` of each count."""

    tokens: np.ndarray
    lengths: np.ndarray

    def replaced(self, where: np.ndarray, token: np.ndarray) -> "_Cells":
        """The same with one-token values in some places; `where`, `token` are ``(n, window)``."""
        tokens, lengths = self.tokens.copy(), self.lengths.copy()
        tokens[where, 0], lengths[where] = token[where], 1
        return _Cells(tokens, lengths)

    def written(self, made: Mapping[tuple[int, int], list[int]]) -> "_Cells":
        """The same with other values in some places: ``(row, column)`` -> tokens."""
        longest = max(map(len, made.values()), default=0)
        wider = max(0, longest - self.tokens.shape[2])
        tokens, lengths = np.pad(self.tokens, ((0, 0), (0, 0), (0, wider))), self.lengths.copy()
        for place, value in made.items():
            tokens[place][: len(value)], lengths[place] = value, len(value)
        return _Cells(tokens, lengths)


class _Reader:
    """Runs a rule that reads other attributes on the values in windows."""

    def __init__(self, attribute: Attribute, schema: Schema) -> None:
        self.attribute, self.place = attribute, schema.names.index(attribute.name)
        self._reads = [schema.names.index(name) for name in attribute.reads]
        self._characters = np.array(["", "", *schema.alphabet])
        self._token = {c: token_of(c, schema) for c in schema.alphabet}

    def together(self, which: np.ndarray, rows: np.ndarray, rng) -> np.ndarray:
        """The rows that values come from; mostly the rule's attributes all come from one row.

        Parameters
        ----------
        which, rows
            Attributes of the windows, and the row that each value comes from; ``(n, window)``.
        """
        own = (which == self.place) & (rng.random((len(which), 1)) >= APART)
        row = np.where(own, rows, 0).max(axis=1, keepdims=True)
        read = np.isin(which, self._reads) & own.any(axis=1, keepdims=True)
        return np.where(read, row, rows)

    def renamed(self, which: np.ndarray, entries: _Cells, scrambled: np.ndarray) -> np.ndarray:
        """Values with changed texts: where an attribute's word was replaced, so is the text's.

        Parameters
        ----------
        which
            Attributes of the windows, ``(n, window)``.
        entries, scrambled
            Values as they were drawn, and their tokens after randomising.
        """
        if getattr(self.attribute.generalise, "part", "") != "words":
            return scrambled
        lengths, changed = entries.lengths, scrambled.copy()
        for row, at, others in self._windows(which):
            (before, *was), (value, *now) = (
                [self._text(tokens, lengths, row, column) for column in (at, *others)]
                for tokens in (entries.tokens, scrambled)
            )
            if was != now:
                changed[row, at, : len(value)] = self._tokens(_renamed(before, value, was, now))
        return changed

    def views(
        self, which: np.ndarray, entries: np.ndarray, lengths: np.ndarray, views: _Cells
    ) -> _Cells:
        """Views in which the rule's attribute has the rule's result.

        Parameters
        ----------
        which
            Attributes of the windows, ``(n, window)``.
        entries, lengths
            Tokens of values, and how many of them count.
        views
            Views of all attributes; the rule's own are replaced.
        """
        made = {}
        for row, at, others in self._windows(which):
            value, *read = (self._text(entries, lengths, row, o) for o in (at, *others))
            made[row, at] = self._tokens(self.attribute.general_value(value, *read))
        return views.written(made)

    def _windows(self, which: np.ndarray) -> Iterator[tuple[int, int, list[int]]]:
        """Rows that have the attribute, its column, and the columns that it reads; -1: none."""
        columns = np.array([self.place, *self._reads]) - which[:, :1]
        columns[(columns < 0) | (columns >= which.shape[1])] = -1
        for row in np.flatnonzero(columns[:, 0] >= 0).tolist():
            at, *others = columns[row].tolist()
            yield row, at, others

    def _text(self, tokens: np.ndarray, lengths: np.ndarray, row: int, column: int) -> str:
        if column < 0:
            return MISSING
        return "".join(self._characters[tokens[row, column, : lengths[row, column]]].tolist())

    def _tokens(self, text: str) -> list[int]:
        return [self._token[c] for c in text]


def _renamed(before: str, value: str, was: list[str], now: list[str]) -> str:
    """A text in which words of other values are replaced as they were replaced in those values.

    Parameters
    ----------
    before, value
        The text before and after it was itself randomised. Its words are in the same places.
    was, now
        The other values before and after. Their words are in the same places, too.
    """
    words = ((WORD.findall(text) for text in texts) for texts in (was, now))
    new: dict[str, str] = {}
    for old_words, new_words in zip(*words, strict=True):
        new |= zip(map(str.casefold, old_words), new_words, strict=True)
    for match in WORD.finditer(before):
        word = new.get(match[0].casefold(), "")
        if len(word) == len(match[0]):
            value = value[: match.start()] + word + value[match.end() :]
    return value


class _Values:
    """The distinct values of tables with the same rows, as tokens, one after the other."""

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
        # `cells` reads as many tokens of each value as the longest value has, so pad the end.
        self._flat = np.pad(flat, (0, int(self._lengths.max())))

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for array in (self._flat, self._lengths, *self._ids):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def lengths(self, table: int, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        return self._lengths[self._ids[table][rows, which]]

    def cells(self, table: int, rows: np.ndarray, which: np.ndarray) -> _Cells:
        ids = self._ids[table][rows, which]
        lengths = self._lengths[ids]
        places = self._begins[ids][..., None] + np.arange(lengths.max())
        return _Cells(self._flat[places], lengths)


class _Scramble:
    """Replaces letters by other letters and digits by other digits, at random.

    A small letter is drawn by how often it follows the letter before it in the entries' words.
    """

    RUN = 1024  # the number of letter chains, and of letters in each; drawn once

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
        # One letter in ten is any letter, so that words of other languages are copied as well.
        chance = 0.9 * follows / np.maximum(1, follows.sum(axis=1, keepdims=True)) + 0.1 / n
        bounds = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)[:, :-1]
        runs = np.empty((self.RUN, self.RUN), np.intp)
        runs[:, 0] = rng.integers(0, n, self.RUN)
        for i in range(1, self.RUN):
            runs[:, i] = (bounds[runs[:, i - 1]] < rng.random((self.RUN, 1))).sum(axis=1)
        return small[runs.ravel()]


def abnormal(
    entries: pd.DataFrame, policy: Policy, receiver: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Values drawn from all that their forms allow, also very unusual ones.

    Numbers have any number of digits up to their limits. (If the schema has no limit, it is that of
    the entries.) Digits and patterns get other digits, and one digit more or fewer if it fits.

    Parameters
    ----------
    entries
        Their other values (words, texts, one-of) stay unchanged.

    Returns
    -------
    DataFrame of the schema's columns, `STRANGE` rows.
    """
    schema, operations = policy.schema, policy.for_receiver(receiver)
    drawn = entries.iloc[rng.integers(0, len(entries), STRANGE)].reset_index(drop=True)
    drawn = schema.check(drawn)
    usual = drawn.copy()
    for attribute in schema.attributes:
        if attribute.form not in MADE:
            continue
        old = drawn[attribute.name]
        other = _numbers if attribute.form is Form.NUMBER else _other_digits
        new = pd.Series(other(attribute, old, rng), dtype="str")
        good = attribute.fits(new)
        if operations[attribute.name] is Operation.GENERALISE:
            made = drawn.assign(**{attribute.name: new.where(good, old)})
            good &= _generalises(schema, attribute.name, made)
        drawn[attribute.name] = new.where(good & (old != MISSING), old)
    lengths = sum(drawn[name].str.len() for name in schema.names) + len(schema) - 1
    return drawn.where(lengths <= schema.longest, usual)


def _numbers(attribute: Attribute, old: pd.Series, rng: np.random.Generator) -> list[str]:
    known = pd.to_numeric(old.where(old != MISSING), errors="coerce").fillna(0)
    least = known.min() if attribute.least is None else attribute.least
    most = known.max() if attribute.most is None else attribute.most
    # As many with one digit as with two or three, so that small numbers aren't rare.
    size = 10 ** rng.uniform(0, np.log10(max(abs(least), abs(most), 1) + 1), len(old))
    sign = rng.choice([-1, 1], len(old)) if least < 0 < most else np.sign(most or least)
    values = np.clip(np.where(rng.random(len(old)) < 0.5, sign * (size - 1),
                              rng.uniform(least, most, len(old))), least, most)  # fmt: skip
    ends = rng.random(len(old))
    values = np.where(ends < 0.05, least, np.where(ends > 0.95, most, values))
    return [f"{v:.{attribute.decimals}f}" for v in np.round(values, attribute.decimals) + 0.0]


def _other_digits(attribute: Attribute, old: pd.Series, rng: np.random.Generator) -> list[str]:
    digits = "0123456789"

    def other(value: str) -> str:
        new = "".join(digits[rng.integers(10)] if c in digits else c for c in value)
        at, what = int(rng.integers(len(new))), rng.random()
        if new[at] in digits and what < 0.2:
            return new[:at] + new[at + 1 :]
        return new[:at] + new[at] + new[at:] if new[at] in digits and what > 0.8 else new

    return [other(value) for value in old]


def _generalises(schema: Schema, name: str, entries: pd.DataFrame) -> np.ndarray:
    """For which entries the attribute's rule works; a user's rule may fail on strange values."""
    try:
        schema.general(name, entries)
    except InputError:
        good = np.ones(len(entries), bool)
        for row in range(len(entries)):
            try:
                schema.general(name, entries.iloc[row : row + 1])
            except InputError:
                good[row] = False
        return good
    return np.ones(len(entries), bool)


def _follows(attribute: Attribute, operation: Operation, blind: bool) -> int:
    """Which part of the entry's value the view shows."""
    if operation is Operation.DISCLOSE:
        return START
    part = getattr(attribute.generalise, "part", "") if operation is Operation.GENERALISE else ""
    return START if part and blind else {"start": START, "end": END}.get(part, NEVER)


def _share(attribute: Attribute, operation: Operation, recipe: Recipe) -> float:
    """Share of the examples in which an attribute's value is replaced at random."""
    if attribute.form is Form.ONE_OF:
        return 0.0
    part = getattr(attribute.generalise, "part", "")
    if operation is Operation.GENERALISE and not part:
        return 0.0
    words, others = recipe.augmentation
    # A rule for the words of a text needs real words, so most such texts stay unchanged.
    by_words = operation is Operation.GENERALISE and part == "words" and not recipe.blind
    return words if attribute.form in (Form.WORDS, Form.TEXT) and not by_words else others


def _cut(scrambled, replaced, lengths, views: _Cells, follows) -> tuple[np.ndarray, np.ndarray]:
    """The views' part of the scrambled values, and which of its characters were replaced."""
    begin = np.where(follows == END, lengths - views.lengths, 0)[..., None]
    place = np.arange(views.tokens.shape[2])
    # A generalised value that is longer than the value shows none of it.
    inside = (follows != NEVER)[..., None] & (place < views.lengths[..., None])
    inside &= (lengths >= views.lengths)[..., None]
    source = np.clip(begin + place, 0, scrambled.shape[2] - 1)
    shown = np.where(inside, np.take_along_axis(scrambled, source, axis=2), views.tokens)
    return shown, inside & np.take_along_axis(replaced, source, axis=2)


def _join(cells: np.ndarray, lengths: np.ndarray, schema) -> np.ndarray:
    """Lines of values: one row for each line, zero after its end.

    With a schema there is a separator between two values and an end token after the last. Without a
    schema there are zeros in these places.
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
