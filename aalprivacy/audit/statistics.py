"""The attackers who know no entry: another pair and many foreign codes are all they have."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from aalprivacy.audit.measure import Case, Finding, Setting
from aalprivacy.pair import Pair

QUANTILES = 41  # by which a unit's values are compared
ROUNDS = 20  # of matching, at most


@dataclass(frozen=True)
class Statistics:
    """The attacker has a pair of its own and many foreign codes, and knows no entry.

    It hopes that the foreign code is its own with units moved and signs turned (a re-keyed pair),
    matches each unit of the foreign codes to the own one that behaves most like it, up to sign, and
    reads with its own decoder. Its own codes are of the case's own entries, which it simulates or
    has of other people. A pair of another number of units can't be matched, so it has no findings.

    Parameters
    ----------
    own, name
        The attacker's pair and what it is called.
    """

    own: Pair
    name: str

    def run(self, case: Case) -> list[Finding]:
        theirs = case.of(self.own)
        if theirs.codes.shape != case.codes.shape:
            return []
        own, foreign = unpaired(case, theirs)
        order, sign = _matched(_halves(own), _halves(foreign))
        aligned = [
            _spread_like(mine, seen[:, order] * sign, half[:, order] * sign)
            for mine, seen, half in zip(*map(_halves, (own, foreign, case.codes)), strict=True)
        ]
        setting = Setting(f"{len(foreign):,} codes, units matched", own=self.name)
        lines = theirs.read(np.concatenate(aligned, axis=1).astype(np.float32))
        return theirs.reading("statistics only", setting, lines)


def units_matched(own: np.ndarray, foreign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which number of foreign codes is most like each number of own ones, and the sign between.

    Returns
    -------
    order, sign
        ``(width,)`` each: ``foreign[:, order] * sign`` is most like ``own``. Both halves of a code
        are moved alike, as they are states of the same units.
    """
    order, sign = _matched(_halves(own), _halves(foreign))
    return np.concatenate([order, order + len(order)]), np.concatenate([sign, sign])


def _matched(own: list[np.ndarray], foreign: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """For each own unit the foreign one that is most like it, and the sign between them.

    First by the distributions of each unit alone; then again and again by its correlations with
    all others as they are matched so far, until that changes nothing.
    """
    at = np.linspace(0.01, 0.99, QUANTILES)
    likeness = {1: 0.0, -1: 0.0}  # h and c of a unit move together, so both are counted
    for ours, theirs in zip(own, foreign, strict=True):
        mine, other = np.quantile(ours, at, axis=0), np.quantile(theirs, at, axis=0)
        for sign, turned in ((1, other), (-1, -other[::-1])):
            likeness[sign] -= np.abs(mine[:, :, None] - turned[:, None, :]).mean(0)
    ours, order = linear_sum_assignment(np.maximum(*likeness.values()), maximize=True)
    sign = np.where(likeness[1] >= likeness[-1], 1, -1)[ours, order]
    correlations = [(_correlations(a), _correlations(b)) for a, b in zip(own, foreign, strict=True)]
    for _ in range(ROUNDS):
        alike = sum(a @ (b[:, order] * sign).T for a, b in correlations)
        _, better = linear_sum_assignment(np.abs(alike), maximize=True)
        same, order = (better == order).all(), better
        sign = np.where(alike[ours, order] >= 0, 1, -1)
        if same:
            break
    return order, sign


def unpaired(case: Case, theirs: Case, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Codes of an attacker's own, and foreign ones, of no entry both.

    Parameters
    ----------
    case, theirs
        The victim's case, and the same as the attacker's pair sees it.
    most
        Codes of each kind; all by default.
    """
    foreign, entries = case.known_codes, case.own
    if entries is None:
        half = len(foreign) // 2
        foreign, entries = foreign[:half], case.known[half:]
    if theirs.own_codes is None:
        theirs.own_codes = theirs.encode(entries)
    return theirs.own_codes[:most], foreign[:most]


def _halves(codes: np.ndarray) -> list[np.ndarray]:
    """The states h and c."""
    return np.split(codes, 2, axis=1)


def _correlations(codes: np.ndarray) -> np.ndarray:
    """Of each two numbers of a code; 0 with a number that is the same in all codes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(codes.T))


def _spread_like(own: np.ndarray, seen: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Foreign codes, moved and stretched as those seen must be to be spread as the own ones."""
    stretch = own.std(0) / np.maximum(seen.std(0), 1e-6)
    return (codes - seen.mean(0)) * stretch + own.mean(0)
