"""How attacks are measured: what is attacked, and findings with their baseline and control."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from aalprivacy.attributes import in_words
from aalprivacy.errors import InputError, nearest
from aalprivacy.evaluation import best_constant
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema
from aalprivacy.text import character_errors, from_lines, view_lines
from aalprivacy.views import apply_policy

FEWEST = 10  # entries, or people, that a table must have


@dataclass(frozen=True)
class Setting:
    """How an attack was made. As a string it is in words.

    Parameters
    ----------
    says
        What the other fields don't say, in words.
    size
        Of noise: its deviation, relative to a weight's size or to the deviation of a code's number;
        0 is none. Of small codes: bytes per code.
    known
        How many entries the attacker knows.
    own
        The name of the attacker's own pair; empty if it has none.
    """

    says: str = ""
    size: float = 0.0
    known: int = 0
    own: str = ""

    def __str__(self) -> str:
        entries = "entry" if self.known == 1 else "entries"
        known = f"{self.known:,} known {entries}" if self.known else ""
        own = f"own pair: {in_words(self.own)}" if self.own else ""
        return ", ".join(part for part in (self.says, known, own) if part)


@dataclass(frozen=True)
class Finding:
    """One figure of an attack.

    Parameters
    ----------
    attack, setting
        The name of the attack, and how strong the attacker was.
    measure
        What `value` is, such as `CHARACTER_ERROR`. A successful attack has a low character error.
        For all other measures of an attack, more is better for the attacker.
    value, low, high
        The attack's figure and its 95 % confidence interval.
    baseline
        The same measure for a guess that uses no code.
    control
        The same for the rightful reader: the right decoder, or the view itself.
    attribute, operation
        The attribute that is asked for, and what the view does with it: ``"F"``, ``"G"`` or
        ``"D"``. Empty if the finding is about whole views.
    """

    attack: str
    setting: Setting
    measure: str
    value: float
    low: float
    high: float
    baseline: float
    control: float
    attribute: str = ""
    operation: str = ""

    @property
    def beats_baseline(self) -> bool:
        """Whether the attack learns something: its whole interval is on the better side."""
        if self.measure == CHARACTER_ERROR:
            return bool(self.high < self.baseline)
        return bool(self.low > self.baseline)


@dataclass(frozen=True)
class People:
    """Entries, and whose they are.

    Parameters
    ----------
    entries
        One row an entry, n rows.
    whose
        Int ``(n,)``: the person of each entry, numbered from 0 in the order of first appearance.
    """

    entries: pd.DataFrame
    whose: np.ndarray

    @property
    def count(self) -> int:
        """How many people."""
        return int(self.whose.max()) + 1

    def rows(self, n: int, most: int) -> np.ndarray:
        """The rows of the first n entries of each person who has at least n: int ``(people, n)``.

        If there are more than `most` such people, only the first ones are taken.
        """
        order = np.argsort(self.whose, kind="stable")
        size = np.bincount(self.whose)
        begins = np.cumsum(size) - size
        return order[begins[size >= n][:most, None] + np.arange(n)]


CHARACTER_ERROR = "character error"
RIGHT_VALUES = "share of right values"
ABOVE_CHANCE = "right values above chance"
AREA = "area under the ROC curve"
FOUND = "found at 1 % false alarms"
BYTES = "bytes an entry"
TIME = "milliseconds an entry"


class Case:
    """What is attacked: a pair, entries that the attacker may know, and others to read.

    Except for `members`, the entries should be of people that no pair was trained on, because a
    pair is easier to attack on the people that it has learned. No person should be in two tables.

    Parameters
    ----------
    pair
        The victim's pair, which knows its receiver, policy and schema.
    known, targets
        Entries that the attacker knows, and entries that it wants to read; one entry a person.
    own
        Entries that an attacker has who knows none of the victim's: it simulates them, or has them
        of other people (`aalprivacy.audit.Statistics`, `aalprivacy.audit.Translation`). By default,
        `known` is split: the attacker gets the codes of its first half and the entries of its
        second half.
    overheard
        Entries of which the same attacker has the codes, but not the entries. By default, it has
        the codes of `known`.
    linked
        Two entries a person, one after the other, with the schema's id column, for
        `aalprivacy.audit.Linkage`. Without them that attack has no findings.
    members, strangers
        Entries that the pair was trained on, and entries of people that it never saw, drawn in the
        same way; any number a person. If a table lacks the schema's id column, each
        row is another person's. Without both tables, `aalprivacy.audit.Membership`,
        `aalprivacy.audit.DecoderAlone` and `aalprivacy.audit.Extraction` have no findings.

    Raises
    ------
    InputError
        If a value is null or not of its attribute's form, a table has fewer than `FEWEST` entries
        (`members` and `strangers`: fewer than `FEWEST` people), an id is null, or `linked` isn't
        as described.
    """

    def __init__(
        self,
        pair: Pair,
        known: pd.DataFrame,
        targets: pd.DataFrame,
        *,
        own: pd.DataFrame | None = None,
        overheard: pd.DataFrame | None = None,
        linked: pd.DataFrame | None = None,
        members: pd.DataFrame | None = None,
        strangers: pd.DataFrame | None = None,
    ) -> None:
        self.known = _taken("known entries", known, pair.schema)
        self.targets = _taken("targets", targets, pair.schema)
        self.own = None if own is None else _taken("own entries", own, pair.schema)
        self.overheard = overheard
        if overheard is not None:
            self.overheard = _taken("overheard entries", overheard, pair.schema)
        self.linked = None if linked is None else _linked(linked, pair.schema)
        self.members = None if members is None else _people("members", members, pair.schema)
        self.strangers = None if strangers is None else _people("strangers", strangers, pair.schema)
        self._seen: dict[tuple, Case] = {}
        self._see_as(pair)

    def _see_as(self, pair: Pair) -> None:
        self.pair = pair
        self.known_codes, self.codes = self.encode(self.known), self.encode(self.targets)
        self.known_views = apply_policy(self.known, pair.policy, pair.receiver)
        self.views = apply_policy(self.targets, pair.policy, pair.receiver)
        self.varied = [name for name in self.schema.names if self.views[name].nunique() > 1]
        self.expected = view_lines(self.views, self.schema)
        self.constant = best_constant(self.expected, self.schema)
        # What `aalprivacy.audit.insider` makes of these views: features by the number of known
        # entries, and the best guesses of hidden values.
        self.features: dict = {}
        self.guesses: dict = {}
        # Codes of `own` and of `overheard` (`aalprivacy.audit.statistics.unpaired`).
        self.own_codes: np.ndarray | None = None
        self.overheard_codes: np.ndarray | None = None
        lines = self.read(self.codes)
        self.right = float(self.errors(lines).mean())
        self._right_values = [float(part.mean()) for part in self._hits(lines)]
        self._seen[_marks(pair)] = self

    @property
    def schema(self) -> Schema:
        """What an entry is."""
        return self.pair.schema

    @property
    def sides(self) -> "tuple[People, People] | None":
        """Members and strangers; ``None`` if the case lacks one of them."""
        if self.members is None or self.strangers is None:
            return None
        return self.members, self.strangers

    @property
    def operations(self) -> dict[str, Operation]:
        """Attribute -> what the view does with it."""
        return dict(self.pair.policy.for_receiver(self.pair.receiver))

    @property
    def hidden(self) -> dict[str, Operation]:
        """The attributes that the view deletes or generalises."""
        return {n: what for n, what in self.operations.items() if what is not Operation.DISCLOSE}

    def of(self, pair: Pair) -> "Case":
        """The same entries, as another pair encodes them and its receiver sees them.

        Raises
        ------
        InputError
            If the pair is of another schema.
        """
        self.check_schema(pair)
        if _marks(pair) not in self._seen:
            copy.copy(self)._see_as(pair)
        return self._seen[_marks(pair)]

    def check_schema(self, pair: Pair, name: str = "own pair") -> None:
        """Refuse a pair of another schema, which can't read this one's entries.

        Raises
        ------
        InputError
            If the schema is another one; the message begins with `name`.
        """
        theirs, ours = ({**p.schema.to_dict(), "title": ""} for p in (pair, self.pair))
        if theirs != ours:
            raise InputError(f"{name}: of another schema; expected a pair of the victim's")

    def sent_as(self, change: Callable[[np.ndarray], np.ndarray]) -> "Case":
        """The same entries, but the sender changes their codes before anybody gets them.

        Parameters
        ----------
        change
            A function from codes to codes, float32 ``(n, 2 units)`` each.
        """
        other = copy.copy(self)
        other._seen, other.overheard = {}, None
        other.known_codes, other.codes = change(self.known_codes), change(self.codes)
        return other

    def encode(self, entries: pd.DataFrame) -> np.ndarray:
        """Codes by the pair's encoder, float32 ``(n, 2 units)``."""
        return self.pair.encode_entries(entries)

    def read(self, codes: np.ndarray, decoder: Pair | None = None) -> pd.Series:
        """Lines that a decoder, the rightful one by default, makes of codes."""
        return (decoder or self.pair).decode(codes)

    def errors(self, lines: pd.Series) -> np.ndarray:
        """Wrong characters of each line, compared with the targets' views: int ``(n,)``."""
        return character_errors(lines, self.expected)

    def reading(self, attack: str, setting: Setting, lines: pd.Series) -> list[Finding]:
        """The findings of an attack that writes a line for each target.

        - Its character error. The baseline is that of the best constant line.
        - The share of right values, among the attributes whose values differ between entries. The
          baseline is that of the most frequent values.
        - How far this share is above chance: above the share that is right if each line is given to
          another target. It shows whether the lines hold anything of their targets. The baseline is
          0.

        If no attribute's values differ, there is only the error.
        """
        errors = self.errors(lines)
        findings = [mean(attack, setting, CHARACTER_ERROR, errors, self.constant, self.right)]
        if not self.varied:
            return findings
        modal = [self.views[n].value_counts(normalize=True).iloc[0] for n in self.varied]
        right, above = self._hits(lines)
        control, control_above = self._right_values
        return [
            *findings,
            mean(attack, setting, RIGHT_VALUES, right, float(np.mean(modal)), control),
            mean(attack, setting, ABOVE_CHANCE, above, 0.0, control_above),
        ]

    def _hits(self, lines: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Each target's share of right values, and how far it is above chance."""
        if not self.varied:
            return np.zeros(len(lines)), np.zeros(len(lines))
        values = from_lines(lines.reset_index(drop=True), self.schema, errors="coerce")
        got, want = values[self.varied].to_numpy(), self.views[self.varied].to_numpy()
        return (got == want).mean(1), above_chance(got, want)


def above_chance(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """How far each target's share of right values is above chance.

    Chance is the share that is right if a line is given to another target, over all ways to do so.
    The mean of the result is a U-statistic of order two (Hoeffding, 1948, A class of statistics
    with asymptotically normal distribution). Chance for this line and chance for this target are
    both taken away from each figure, so that the deviation of the figures is that of their mean.

    Parameters
    ----------
    got, want
        The values that an attacker writes, and the right ones: object ``(n, attributes)``, n at
        least 2.

    Returns
    -------
    float ``(n,)``.
    """
    luck_of_line, luck_of_target = (
        np.mean([_frequency(*columns) for columns in zip(a.T, b.T, strict=True)], axis=0)
        for a, b in ((got, want), (want, got))
    )
    above = (got == want).mean(1) - luck_of_line - luck_of_target + luck_of_line.mean()
    return above * len(got) / (len(got) - 1)


def _frequency(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """How frequent each value is among others: float ``(n,)``."""
    return pd.Series(values).map(pd.Series(among).value_counts(normalize=True)).fillna(0).to_numpy()


def _marks(pair: Pair) -> tuple[str, ...]:
    return tuple(pair.fingerprints.values())


def _taken(what: str, table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A table of entries that was checked, its rows counted from 0."""
    try:
        entries = schema.check(table).reset_index(drop=True)
    except InputError as error:
        raise InputError(f"{what}, {error}") from None
    if len(entries) < FEWEST:
        raise InputError(f"{what}: {len(entries)} entries; expected at least {FEWEST}")
    return entries


def _linked(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    entries, people = _taken("linked entries", table, schema), schema.people(table)
    if people is None:
        hint = nearest(schema.id, map(str, table.columns))
        raise InputError(
            f"linked entries: no column {schema.id}{hint}; expected whose entry each is"
        )
    first, second = people.to_numpy()[::2], people.to_numpy()[1::2]
    if not np.array_equal(first, second) or len(set(first)) < len(first):
        raise InputError("linked entries: expected two a person, one after the other")
    return entries


def _people(what: str, table: pd.DataFrame, schema: Schema) -> People:
    entries, ids = _taken(what, table, schema), schema.people(table)
    if ids is None:
        ids = pd.Series(np.arange(len(table)))
    if ids.isna().any():
        raise InputError(f"{what}, {schema.id}: null; expected whose entry each is")
    people = People(entries, pd.factorize(ids)[0])
    if people.count < FEWEST:
        raise InputError(f"{what}: entries of {people.count} people; expected of {FEWEST} or more")
    return people


def mean(attack, setting, measure, values, baseline: float, control: float) -> Finding:
    """A finding that is the mean of one figure for each target, with the interval of a mean."""
    values = np.asarray(values, float)
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    middle = float(values.mean())
    return Finding(
        attack, setting, measure, middle, middle - half, middle + half, baseline, control
    )


def share(
    attack, setting, measure, hits, baseline: float, control: float, comparisons: int = 1
) -> Finding:
    """A finding that is a share of targets, with Wilson's interval.

    Parameters
    ----------
    comparisons
        How many such findings are looked at together. The interval is widened so that all of them
        hold at once with a probability of 95 % (Bonferroni).
    """
    hits = np.asarray(hits, bool)
    test = stats.binomtest(int(hits.sum()), len(hits))
    interval = test.proportion_ci(1 - 0.05 / comparisons, method="wilson")
    return Finding(
        attack, setting, measure, float(hits.mean()), interval.low, interval.high, baseline, control
    )


def paired(
    attack, setting, measure, hits, guessed, control: float, comparisons: int = 1, **hidden: str
) -> Finding:
    """A finding that is a share of targets, compared with another guess of the same targets.

    The interval is that of the difference of the two shares, added to the baseline: the score
    interval of Tango (1998), Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design, Statistics in Medicine 17.

    Parameters
    ----------
    hits, guessed
        Which targets the attack gets right, and which a guess without the code does: bool ``(n,)``.
    comparisons
        As for `share`.
    hidden
        The finding's ``attribute`` and ``operation``.
    """
    hits, guessed = np.asarray(hits, bool), np.asarray(guessed, bool)
    won, lost, n = int((hits & ~guessed).sum()), int((~hits & guessed).sum()), len(hits)
    low, high = _difference(won, lost, n, stats.norm.isf(0.025 / comparisons))
    base, value = float(guessed.mean()), float(hits.mean())
    low, high = max(0.0, base + low), min(1.0, base + high)
    return Finding(attack, setting, measure, value, low, high, base, control, **hidden)


def _difference(won: int, lost: int, n: int, width: float) -> tuple[float, float]:
    """Tango's interval for (won - lost) / n; `width` in standard errors."""

    def score(d: float) -> float:
        # The most probable share of lost targets, if the true difference is d.
        b, c = (2 * n - won + lost) * d - won - lost, -lost * d * (1 - d)
        share = (np.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
        variance = n * (2 * share + d * (1 - d))
        return (won - lost - n * d) / np.sqrt(max(variance, 1e-12))

    middle, edge = (won - lost) / n, 1 - 1e-9

    def end(side: int) -> float:
        if abs(score(side * edge)) < width:
            return float(side)
        return float(optimize.brentq(lambda d: score(d) + side * width, middle, side * edge))

    return end(-1), end(1)


def noise_of(size: float) -> Setting:
    """The setting of normal noise on codes, relative to the deviation of each of their numbers."""
    return Setting(f"noise of {size:g} deviation{'' if size == 1 else 's'}", size)


def up_to(numbers: tuple[int, ...], most: int) -> list[int]:
    """The numbers below `most`, and `most` itself unless all of them are below it."""
    return sorted({n for n in numbers if n < most} | {min(most, max(numbers))})
