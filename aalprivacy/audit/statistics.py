"""An attacker who knows no entry, and has only another pair and many foreign codes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from aalprivacy.audit.measure import Case, Finding, Setting
from aalprivacy.pair import Pair

QUANTILES = 41  # of a unit's values, by which units are compared
ROUNDS = 20  # of matching, at most


@dataclass(frozen=True)
class Statistics:
    """The attacker has a pair of its own and many foreign codes, and knows no entry.

    It assumes that foreign codes are its own with the units in another order and with other signs,
    as in a re-keyed pair. So it matches each unit of the foreign codes with the own unit that is
    most like it, up to the sign, and reads with its own decoder. Its own codes are those of the
    case's own entries, which it simulates or has of other people. A pair with another number of
    units can't be matched, so it has no findings.

    Parameters
    ----------
    own, name
        The attacker's pair, and its name in the findings.
    most
        How many codes of each kind the attacker looks at, at most.
    """

    own: Pair
    name: str
    most: int = 20_000

    def run(self, case: Case) -> list[Finding]:
        theirs = case.of(self.own)
        if theirs.codes.shape != case.codes.shape:
            return []
        own, foreign = unpaired(case, theirs, self.most)
        order, sign = _matched(_halves(own), _halves(foreign))
        aligned = [
            _spread_like(mine, seen[:, order] * sign, half[:, order] * sign)
            for mine, seen, half in zip(*map(_halves, (own, foreign, case.codes)), strict=True)
        ]
        setting = Setting(f"{len(foreign):,} codes, units matched", own=self.name)
        lines = theirs.read(np.concatenate(aligned, axis=1).astype(np.float32))
        return theirs.reading("statistics only", setting, lines)


def units_matched(own: np.ndarray, foreign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which number of foreign codes is most like each number of own codes, and with which sign.

    Parameters
    ----------
    own, foreign
        float32 ``(n, width)``; the numbers of codes may differ.

    Returns
    -------
    order, sign
        Int ``(width,)`` each: ``foreign[:, order] * sign`` is most like ``own``. Both halves of a
        code have the same order and signs, because they are states of the same units.
    """
    order, sign = _matched(_halves(own), _halves(foreign))
    return np.concatenate([order, order + len(order)]), np.concatenate([sign, sign])


def _matched(own: list[np.ndarray], foreign: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """For each own unit the foreign one that is most like it, and the sign between them.

    The first match is by the distribution of each unit. It is improved in rounds: units are
    compared by their correlations with all other units, as these are matched so far. The rounds end
    when the match stays the same.
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


def unpaired(case: Case, theirs: Case, most: int) -> tuple[np.ndarray, np.ndarray]:
    """An attacker's own codes and foreign ones, of different entries.

    Parameters
    ----------
    case, theirs
        The victim's case, and the same case for the attacker's pair.
    most
        How many codes of each kind at most.

    Returns
    -------
    own, foreign
        float32 ``(n, width)`` each; the numbers of codes and the widths may differ.
    """
    foreign, entries = case.known_codes, case.known if case.own is None else case.own
    if case.overheard is not None:
        case.overheard_codes = _encoded(case, case.overheard[:most], case.overheard_codes)
        foreign = case.overheard_codes
    elif case.own is None:
        half = len(foreign) // 2
        foreign, entries = foreign[:half], entries[half:]
    theirs.own_codes = _encoded(theirs, entries[:most], theirs.own_codes)
    return theirs.own_codes[:most], foreign[:most]


def _encoded(case: Case, entries: pd.DataFrame, done: np.ndarray | None) -> np.ndarray:
    """The codes of entries; those of the first ones may be done already."""
    if done is None:
        return case.encode(entries)
    if len(done) >= len(entries):
        return done
    return np.concatenate([done, case.encode(entries[len(done) :])])


def _halves(codes: np.ndarray) -> list[np.ndarray]:
    """The two halves of codes: the states h and c."""
    return np.split(codes, 2, axis=1)


def _correlations(codes: np.ndarray) -> np.ndarray:
    """Correlations of each two numbers of a code; 0 if one of them is the same in all codes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(codes.T))


def _spread_like(own: np.ndarray, seen: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Foreign codes, shifted and scaled so that those seen have the own codes' mean and spread."""
    stretch = own.std(0) / np.maximum(seen.std(0), 1e-6)
    return (codes - seen.mean(0)) * stretch + own.mean(0)
