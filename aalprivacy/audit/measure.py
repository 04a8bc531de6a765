"""What an attack is measured by: findings, each beside its baseline and its control."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from aalprivacy.attributes import NAMES
from aalprivacy.evaluation import best_constant
from aalprivacy.model import Pair
from aalprivacy.policy import Operation
from aalprivacy.simulate import simulate
from aalprivacy.text import character_errors, from_lines, from_tokens, to_lines
from aalprivacy.views import apply_policy

KNOWN_SEED, TARGET_SEED, OWN_SEED, LINK_SEED = (3_000_000 + i for i in range(1, 5))


@dataclass(frozen=True)
class Setting:
    """How an attack was made; as a string, in words.

    Parameters
    ----------
    says
        What the other figures don't.
    size
        Of noise, relative to what it is put on; 0 is none.
    known
        How many entries the attacker knows.
    own
        The name of the attacker's own pair, or none.
    """

    says: str = ""
    size: float = 0.0
    known: int = 0
    own: str = ""

    def __str__(self) -> str:
        known = f"{self.known:,} known entries" if self.known else ""
        own = f"own pair: {self.own}" if self.own else ""
        return ", ".join(part for part in (self.says, known, own) if part)


@dataclass(frozen=True)
class Finding:
    """One figure of an attack.

    Parameters
    ----------
    attack, setting
        Which, and how strong the attacker was.
    measure
        What `value` is; for a character error less is a better attack, for all others more is.
    value, low, high
        The attack's figure and its 95 % confidence interval.
    baseline
        The same measure for a guess that uses no code.
    control
        The same for the rightful reader: the right decoder, or the view itself.
    """

    attack: str
    setting: Setting
    measure: str
    value: float
    low: float
    high: float
    baseline: float
    control: float

    @property
    def beats_baseline(self) -> bool:
        """Whether the attack learns something: its whole interval is better than the baseline."""
        if self.measure == CHARACTER_ERROR:
            return bool(self.high < self.baseline)
        return bool(self.low > self.baseline)


CHARACTER_ERROR = "character error"
RIGHT_VALUES = "share of right values"
ABOVE_CHANCE = "right values above chance"


class Case:
    """What is attacked: a pair, entries that the attacker may know, and others to read.

    All are entries of users that no pair was trained on.

    Parameters
    ----------
    pair
        The victim's; its card says whose view it makes, and by which policy.
    known, targets
        How many entries; one a user.
    """

    def __init__(self, pair: Pair, known: int = 2000, targets: int = 500) -> None:
        self.known, self.targets = simulate(known, 1, KNOWN_SEED), simulate(targets, 1, TARGET_SEED)
        self._seen: dict[str, Case] = {}
        self._see_as(pair)

    def _see_as(self, pair: Pair) -> None:
        self.pair = pair
        self.known_codes, self.codes = self.encode(self.known), self.encode(self.targets)
        self.known_views = apply_policy(self.known, pair.policy, pair.receiver)
        self.views = apply_policy(self.targets, pair.policy, pair.receiver)
        self.expected = to_lines(self.views)
        self.constant = best_constant(self.expected)
        # What these views tell of what they hide (`aalprivacy.audit.insider.from_view`).
        self.guesses: dict[tuple, np.ndarray] = {}
        lines = self.read(self.codes)
        self.right = float(self.errors(lines).mean())
        self._right_values = [float(part.mean()) for part in self._hits(lines)]
        self._seen[pair.fingerprint] = self

    @property
    def operations(self) -> dict[str, Operation]:
        return dict(self.pair.policy.for_receiver(self.pair.receiver))

    @property
    def hidden(self) -> dict[str, Operation]:
        """The attributes that the view deletes or generalises."""
        return {n: what for n, what in self.operations.items() if what is not Operation.DISCLOSE}

    def of(self, pair: Pair) -> "Case":
        """The same entries, as another pair encodes and its receiver sees them."""
        if pair.fingerprint not in self._seen:
            copy.copy(self)._see_as(pair)
        return self._seen[pair.fingerprint]

    def sent_as(self, change: Callable[[np.ndarray], np.ndarray]) -> "Case":
        """The same entries, their codes changed by the sender before anybody gets them."""
        other = copy.copy(self)
        other._seen = {}
        other.known_codes, other.codes = change(self.known_codes), change(self.codes)
        return other

    def encode(self, entries: pd.DataFrame) -> np.ndarray:
        return self.pair.encode_entries(entries)

    def read(self, codes: np.ndarray, decoder: Pair | None = None) -> pd.Series:
        """Lines that a decoder, the rightful one by default, makes of codes."""
        return from_tokens((decoder or self.pair).decode(codes))

    def errors(self, lines: pd.Series) -> np.ndarray:
        """Wrong characters of lines, as views of the targets."""
        return character_errors(lines, self.expected)

    def reading(self, attack: str, setting: Setting, lines: pd.Series) -> list[Finding]:
        """The findings of an attack that writes a line for each target.

        Its character error; the share of right values among the attributes whose values differ
        between entries, beside that of the commonest values; and how far this share is above that
        of the same lines dealt out at random, which tells whether they hold anything of the target.
        """
        varied = [n for n in NAMES if self.views[n].nunique() > 1]
        modal = np.mean([self.views[n].value_counts(normalize=True).iloc[0] for n in varied])
        right, above = self._hits(lines)
        control, control_above = self._right_values
        errors = self.errors(lines)
        return [
            mean(attack, setting, CHARACTER_ERROR, errors, self.constant, self.right),
            mean(attack, setting, RIGHT_VALUES, right, float(modal), control),
            mean(attack, setting, ABOVE_CHANCE, above, 0.0, control_above),
        ]

    def _hits(self, lines: pd.Series, deals: int = 20) -> tuple[np.ndarray, np.ndarray]:
        """Each target's share of right values, and how far it is above chance."""
        values = from_lines(lines.reset_index(drop=True), errors="coerce")
        varied = [n for n in NAMES if self.views[n].nunique() > 1]
        got, want = values[varied].to_numpy(), self.views[varied].to_numpy()
        right, rng = (got == want).mean(1), np.random.default_rng(0)
        dealt = [(rng.permutation(got) == want).mean(1) for _ in range(deals)]
        return right, right - np.mean(dealt, axis=0)


def mean(attack, setting, measure, values, baseline: float, control: float) -> Finding:
    """A finding that is the mean of a figure of each target."""
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
        How many such findings are looked at together; the interval is widened so that all of them
        hold at once with 95 % (Bonferroni).
    """
    hits = np.asarray(hits, bool)
    test = stats.binomtest(int(hits.sum()), len(hits))
    interval = test.proportion_ci(1 - 0.05 / comparisons, method="wilson")
    return Finding(
        attack, setting, measure, float(hits.mean()), interval.low, interval.high, baseline, control
    )


def paired(
    attack, setting, measure, hits, guessed, control: float, comparisons: int = 1
) -> Finding:
    """A finding that is a share of targets, held against another guess of the same targets.

    The interval is that of the difference of the two, added to the baseline: by Wilson's interval
    for the targets that only one of them hits, as in McNemar's test.

    Parameters
    ----------
    hits, guessed
        Which targets the attack hits, and which a guess without the code does.
    comparisons
        As for `share`.
    """
    hits, guessed = np.asarray(hits, bool), np.asarray(guessed, bool)
    only, apart = int((hits & ~guessed).sum()), int((hits != guessed).sum())
    low = high = 0.0
    if apart:
        test = stats.binomtest(only, apart)
        interval = test.proportion_ci(1 - 0.05 / comparisons, method="wilson")
        low, high = ((2 * p - 1) * apart / len(hits) for p in (interval.low, interval.high))
    base = float(guessed.mean())
    value = float(hits.mean())
    return Finding(attack, setting, measure, value, base + low, base + high, base, control)


def up_to(numbers: tuple[int, ...], most: int) -> list[int]:
    """Those that can be had, and all that can be had if that is between two of them."""
    return sorted({n for n in numbers if n < most} | {min(most, max(numbers))})
