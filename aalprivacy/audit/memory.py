"""What a key itself tells: a receiver holds a decoder that was trained on people.

The attackers have the decoder, rightly. They want to know on whom it was trained. A third one, who
has nothing but the decoder, is `aalprivacy.audit.DecoderAlone`.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from aalprivacy.attributes import MISSING, SEPARATOR
from aalprivacy.audit.attacks import area
from aalprivacy.audit.measure import AREA, FEWEST, FOUND, Case, Finding, People, Setting, paired
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation

FALSE_ALARMS = 0.01
LEAST = 1e-4  # nats; what a line loses less than this it doesn't lose
OF_MEMBERS, TWO_OF_ONE = "of people trained on", "two values of one person trained on"
MOST = 0.5  # share of people whose value must be theirs alone for it to be like a name
READ = 500  # people trained on whose own codes are read for the control


@dataclass(frozen=True)
class Membership:
    """The receiver wants to know of a person whether its decoder was trained on that person.

    It knows entries of the person and their codes. A network is surer of what it has learned by
    heart, so the score is how probable the decoder finds the person's views: minus the mean
    logarithm of their losses. The measures are the probability that a person trained on has a
    higher score than one never seen, and the share of people trained on who are found if one in a
    hundred others is taken for one (Carlini et al. 2022, Membership inference attacks from first
    principles, arXiv:2112.03570). The baseline is a coin's, the control that of somebody who has
    the list.

    All people are held to one threshold; an attacker who can train many pairs of its own, on
    people whom it knows, may set one for each.

    Without members and strangers in the case there are no findings.

    Parameters
    ----------
    entries
        How many entries of a person the attacker knows.
    people
        At most so many of each kind.
    """

    entries: tuple[int, ...] = (1, 10, 100)
    people: int = 500
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        sides = case.sides
        if sides is None:
            return []
        scores = [self._scores(case.pair, side) for side in sides]
        rng, findings = np.random.default_rng(self.seed), []
        for n in self.entries:
            rows = [side.rows(n, self.people) for side in sides]
            if min(map(len, rows)) >= FEWEST:
                setting = Setting(of_people(*map(len, rows)), known=n)
                told = [score[at].mean(axis=1) for score, at in zip(scores, rows, strict=True)]
                findings += told_apart(
                    "membership, code and loss", setting, *told, len(self.entries), rng
                )
        return findings

    def _scores(self, pair: Pair, side: People) -> np.ndarray:
        """Of each entry that is needed."""
        rows = [side.rows(n, self.people).ravel() for n in self.entries]
        rows = np.unique(np.concatenate(rows))
        entries = side.entries.iloc[rows]
        losses = pair.losses(pair.encode_entries(entries), pair.view_lines(entries))
        scores = np.zeros(len(side.entries))
        scores[rows] = -np.log(losses.sum(axis=1, dtype=np.float64) + LEAST)
        return scores


def of_people(members: int, strangers: int) -> str:
    """How many an attack was made on, in words."""
    return f"{members:,} people trained on, {strangers:,} never seen"


def told_apart(
    attack: str,
    setting: Setting,
    members: np.ndarray,
    strangers: np.ndarray,
    settings: int,
    rng: np.random.Generator,
    draws: int = 1000,
) -> list[Finding]:
    """How well scores tell members from strangers, with intervals by resampling both.

    Parameters
    ----------
    settings
        In how many the attack is made; the intervals are widened so that all of them hold at once.
    """

    def figures(inside: np.ndarray, outside: np.ndarray) -> tuple[float, float]:
        alarm = np.sort(outside)[::-1][int(FALSE_ALARMS * len(outside))]
        return area(inside, outside), float((inside > alarm).mean())

    resampled = [
        figures(rng.choice(members, len(members)), rng.choice(strangers, len(strangers)))
        for _ in range(draws)
    ]
    tail = 0.025 / (2 * settings)  # two measures each
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    values = figures(members, strangers)
    found = [
        Finding(attack, setting, measure, value, float(below), float(above), base, 1.0)
        for measure, value, below, above, base in zip(
            (AREA, FOUND), values, low, high, (0.5, FALSE_ALARMS), strict=True
        )
    ]
    # Of fewer strangers one is more than one in a hundred.
    return found if len(strangers) * FALSE_ALARMS >= 1 else found[:1]


@dataclass(frozen=True)
class Extraction:
    """The receiver lets its decoder read codes that nobody made: whose names does it write?

    The codes are drawn at random, normal, with the mean and the correlations of codes that the
    receiver has got. What is looked for are the values that the view discloses and that most people
    have for themselves, such as a name, an address, a telephone number; and any two such values of
    one person in one line. The measure is the share of lines that have one of a person trained on.
    The baseline is the share that have one of as many people never seen, the control the share
    among the views of people trained on. The intervals hold for all findings at once.

    Without members and strangers in the case, or if no such value is disclosed, there are no
    findings.

    Parameters
    ----------
    lines
        How many codes are drawn.
    """

    lines: int = 2000
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        sides = case.sides
        keys = names_of(case) if sides else []
        if not keys:
            return []
        people = min(side.count for side in sides)
        known = [side.entries.iloc[side.rows(1, people)[:, 0]] for side in sides]
        rng, codes = np.random.default_rng(self.seed), case.known_codes.astype(np.float64)
        drawn = rng.multivariate_normal(codes.mean(0), np.cov(codes.T), self.lines, method="eigh")
        written = case.pair.decode_views(drawn.astype(np.float32))
        own = case.pair.decode_views(case.encode(known[0][:READ]))
        hits, guessed = (_written_of(written, table, keys) for table in known)
        right = _written_of(own, known[0], keys)
        setting = Setting(f"{self.lines:,} random codes, {people:,} people trained on")
        return [
            paired(
                "extraction",
                setting,
                OF_MEMBERS if what else TWO_OF_ONE,
                hits[what],
                guessed[what],
                float(right[what].mean()),
                comparisons=len(hits),
                attribute=what,
                operation=str(Operation.DISCLOSE) if what else "",
            )
            for what in hits
        ]


def names_of(case: Case) -> list[str]:
    """The disclosed attributes whose values tell people apart: most people's is theirs alone.

    Of a person with several entries it must stay the same.
    """
    entries, whose = case.strangers.entries, case.strangers.whose
    first = case.strangers.rows(1, len(entries))[:, 0]
    several = np.bincount(whose)[whose] > 1
    found = []
    for name, operation in case.operations.items():
        column = entries[name]
        alone = ~column.iloc[first].duplicated(keep=False) & (column.iloc[first] != MISSING)
        stays = column[several].groupby(whose[several]).nunique().eq(1)
        if (
            operation is Operation.DISCLOSE
            and alone.mean() >= MOST
            and (not len(stays) or stays.mean() >= MOST)
        ):
            found.append(name)
    return found


def _written_of(views: pd.DataFrame, people: pd.DataFrame, keys: list[str]) -> dict:
    """Which views have a value of one of these people: by attribute, and, under ``""``, two values
    of one person."""
    hits = {
        key: (views[key].isin(people[key]) & (views[key] != MISSING)).to_numpy() for key in keys
    }
    if len(keys) > 1:
        hits[""] = np.any(
            [
                hits[a]
                & hits[b]
                & (views[a] + SEPARATOR + views[b]).isin(people[a] + SEPARATOR + people[b])
                for a, b in combinations(keys, 2)
            ],
            axis=0,
        )
    return hits
