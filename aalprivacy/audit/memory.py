"""What a decoder itself tells of the people that it was trained on.

The attackers are rightful receivers, who have the decoder. They want to know who was in its
training. `aalprivacy.audit.DecoderAlone` is a third such attack, which has no codes.
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

FALSE_ALARMS = 0.01  # share of strangers that are taken for members
LEAST = 1e-4  # nats; smaller losses of a line count as this one
OF_MEMBERS, TWO_OF_ONE = "of people trained on", "two values of one person trained on"
MOST = 0.5  # an attribute is like a name if at least this share of people has a value of their own
READ = 500  # people trained on whose own codes are read for the control


@dataclass(frozen=True)
class Membership:
    """The receiver wants to know whether its decoder was trained on a certain person.

    It knows entries of the person and their codes. A network is surer of what it has learned by
    heart. So the score is how probable the decoder finds the person's views: minus the mean
    logarithm of their losses.

    There are two measures. The first is the probability that a person trained on has a higher score
    than one never seen (the area under the ROC curve; a coin has 0.5). The second is the share of
    people trained on who are found, if the threshold lets 1 % of the others pass (Carlini et al.
    2022, Membership inference attacks from first principles, arXiv:2112.03570). A coin finds a
    little more than 1 %, as the threshold is chosen on the same others. The control is 1, for
    somebody who has the list of people.

    One threshold is used for all people. A stronger attacker could train many pairs of its own and
    set a threshold for each person. That attack isn't made here.

    Without members and strangers in the case there are no findings.

    Parameters
    ----------
    entries
        How many entries of a person the attacker knows.
    people
        How many people of each kind at most.
    seed
        Of the interval (bootstrap). Default 0.
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
        """A score for each entry that is needed, 0 for all others: float ``(n,)``."""
        rows = [side.rows(n, self.people).ravel() for n in self.entries]
        rows = np.unique(np.concatenate(rows))
        entries = side.entries.iloc[rows]
        losses = pair.losses(pair.encode_entries(entries), pair.view_lines(entries))
        scores = np.zeros(len(side.entries))
        scores[rows] = -np.log(losses.sum(axis=1, dtype=np.float64) + LEAST)
        return scores


def of_people(members: int, strangers: int) -> str:
    """How many people an attack was made on, in words."""
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
    attack, setting
        Of the findings.
    members, strangers
        A score for each person; higher ones speak for membership.
    settings
        The number of settings of this attack. The 95 % intervals are widened so that all hold at
        once.
    rng
        For the resampling.
    draws
        How often both are resampled. Default 1000.

    Returns
    -------
    Two findings, `AREA` and `FOUND`; only the first if there are fewer than 100 strangers.
    """
    alarms = int(FALSE_ALARMS * len(strangers))  # strangers above the threshold
    # By chance each person is as likely to have any rank among the strangers.
    coin = (0.5, (alarms + 1) / (len(strangers) + 1))

    def figures(inside: np.ndarray, outside: np.ndarray) -> tuple[float, float]:
        alarm = np.sort(outside)[::-1][alarms]
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
            (AREA, FOUND), values, low, high, coin, strict=True
        )
    ]
    # With fewer than 100 strangers, a single one is already more than 1 %.
    return found if alarms else found[:1]


@dataclass(frozen=True)
class Extraction:
    """The receiver lets its decoder read random codes: does it write values of people trained on?

    The codes are drawn from a normal distribution with the mean and the covariance of codes that
    the receiver has got. The attack looks for disclosed values that most people share with nobody,
    such as names, addresses and telephone numbers. It also looks for any two such values of one
    person in one line.

    The measure is the share of lines with such a value of a person trained on. The baseline is the
    share of lines with such a value of as many people never seen. The control is the share among
    views that are decoded from the own codes of people trained on. The 95 % intervals are widened
    so that all hold at once.

    Without members and strangers in the case, or if no such value is disclosed, there are no
    findings.

    Parameters
    ----------
    lines
        How many codes are drawn.
    seed
        Of the drawing. Default 0.
    """

    lines: int = 10_000
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
    """The disclosed attributes in which at least half of the people have a value of their own.

    For at least half of the people with several entries, the value must also stay the same.
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
    """Which views have a value of one of these people: attribute -> bool ``(views,)``.

    The key ``""`` is for two values of one person.
    """
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
