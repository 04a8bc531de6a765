"""What the views themselves give away, by rule: before any training, and whatever a pair does.

A view is compared with people as somebody sees it who knows something of them. How well people hide
among each other is said by k, l and t. How an attacker fares is said by three attacks after
anonymeter (Giomi et al. 2022), each beside a baseline, a guess that doesn't use the view, and a
control, the same attack on people who aren't in the view: what the attack finds out of these it
knows of people in general. Each person stands in a table once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from aalprivacy.attributes import DELETED, MISSING
from aalprivacy.errors import InputError
from aalprivacy.policy import Policy
from aalprivacy.views import apply_policy

SMALL = 5  # people in a class: fewer are a small one
ATTACKS = 500
FEWEST = 20  # people that the attacks need
NEAREST = 10  # rows that vote on a secret where none is alike
SAME = 1e-9  # nobody is so little apart who isn't alike


@dataclass(frozen=True)
class Anonymity:
    """How well people hide among those who look alike to whoever knows some attributes.

    Parameters
    ----------
    classes
        Groups of people who are alike in what is known.
    k
        People in the smallest one.
    small
        Share of people in classes of fewer than `SMALL`.
    found
        Share of people who are found by whoever knows these attributes and picks one of the class
        at random: the mean of 1 / size of class.
    l
        Least number of different values of the secret in a class; ``None`` if it is deleted.
    t
        Largest distance between the secret's distribution in a class and in all, from 0 to 1; any
        two values are as far apart.

    References
    ----------
    Sweeney (2002), k-anonymity; Machanavajjhala et al. (2007), l-diversity; Li et al. (2007),
    t-closeness.
    """

    classes: int
    k: int
    small: float
    found: float
    l: int | None  # noqa: E741  as everybody calls it
    t: float | None


@dataclass(frozen=True)
class Rate:
    """A share of tries that succeed, with its 95 % interval after Wilson (1927)."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: np.ndarray) -> "Rate":
        """The rate of tries; bool ``(n,)``."""
        test = stats.binomtest(int(np.sum(hits)), len(hits))
        interval = test.proportion_ci(0.95, method="wilson")
        return cls(float(np.mean(hits)), float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Attack:
    """An attack on a view: how often it succeeds, and how often it would without it.

    Parameters
    ----------
    attack
        On people in the view.
    baseline
        The same people, by guessing.
    control
        The same attack on people who aren't in the view.
    """

    attack: Rate
    baseline: Rate
    control: Rate

    @property
    def risk(self) -> Rate:
        """The share of what was still to be found out that the view gives away.

        ``(attack - control) / (1 - control)``, not below 0, its interval by propagation of both
        errors (Giomi et al. 2022, equation 5).
        """
        a, c = self.attack, self.control
        if c.value >= 1:
            return Rate(0.0, 0.0, 1.0)
        value = (a.value - c.value) / (1 - c.value)
        errors = np.array([a.high - a.low, c.high - c.low]) / 2
        slopes = np.array([1, (1 - a.value) / (1 - c.value)]) / (1 - c.value)
        half = float(np.hypot(*(errors * slopes)))
        low, high = (float(np.clip(value + part, 0, 1)) for part in (-half, half))
        return Rate(max(value, 0.0), low, high)


@dataclass(frozen=True)
class ViewRisk:
    """All that is said of one view; see `view_risk`."""

    anonymity: Anonymity
    singling_out: Attack
    linkability: Attack
    inference: Attack


def anonymity(view: pd.DataFrame, known: Sequence[str], secret: str) -> Anonymity:
    """k, l and t of a view.

    Parameters
    ----------
    view
        One row a person, text.
    known
        The attributes that somebody knows of a person, as the view shows them.
    secret
        The attribute that isn't known. People of whom it is missing count for k alone.

    Raises
    ------
    InputError
        If the table lacks an attribute.
    """
    known = list(known)
    table = _columns(view, [*known, secret])
    classes = table.groupby(known).ngroup().to_numpy()
    sizes = np.bincount(classes)
    size = sizes[classes]
    told = (table[secret] != MISSING).to_numpy()
    deleted = (table[secret][told] == DELETED).all()  # also where nothing is told
    values = pd.factorize(table[secret][told])[0]
    counts = np.zeros((len(sizes), values.max(initial=-1) + 1))
    np.add.at(counts, (classes[told], values), 1)
    counts = counts[counts.any(axis=1)]
    shares, of_all = counts / counts.sum(axis=1, keepdims=True), counts.sum(axis=0) / told.sum()
    return Anonymity(
        classes=len(sizes),
        k=int(sizes.min()),
        small=float((size < SMALL).mean()),
        found=float((1 / size).mean()),
        l=None if deleted else int((counts > 0).sum(axis=1).min()),
        t=None if deleted else float((np.abs(shares - of_all).sum(axis=1) / 2).max()),
    )


def singling_out(
    view: pd.DataFrame,
    control: pd.DataFrame,
    *,
    attributes: int = 3,
    attacks: int = ATTACKS,
    seed: int = 0,
) -> Attack:
    """Find a description that fits one person alone.

    The attacker reads the view of somebody and describes that person by the few values that are
    rarest in the view: "150.2 cm, HbA1c 11.3, never married". A try succeeds if exactly one person
    is like that. As a view says nothing false, a description that fits one row fits one person; so
    all tries count, where anonymeter, made for invented people, counts only those that fit one
    row. The baseline describes by any values that the view has somewhere, the control looks for
    the description among people who aren't in the view.

    Parameters
    ----------
    view, control
        Views of people by the same rule, as many in each.
    attributes
        Of a description.
    attacks
        Tries, at most one for each person.
    seed
        The same seed gives the same result.
    """
    rng = np.random.default_rng(seed)
    rows, other = _numbered(view, control)
    used = np.flatnonzero([len(np.unique(column)) > 1 for column in rows.values.T])
    count = min(attributes, len(used))

    def alone(values: np.ndarray, among: np.ndarray, columns: np.ndarray) -> bool:
        return (among[:, columns] == values).all(axis=1).sum() == 1

    often = np.ones(rows.values.shape)
    for column in used:
        _, codes, counts = np.unique(
            rows.values[:, column], return_inverse=True, return_counts=True
        )
        often[:, column] = counts[codes]
    people = rng.permutation(len(rows.values))[:attacks]
    hits = np.zeros((3, len(people)), bool)
    for at, person in enumerate(people if count else ()):
        columns = used[np.lexsort((rng.random(len(used)), often[person, used]))[:count]]
        values = rows.values[person, columns]
        hits[0, at] = alone(values, rows.values, columns)
        hits[2, at] = alone(values, other.values, columns)
        columns = rng.choice(used, count, replace=False)
        values = np.array([rng.choice(np.unique(rows.values[:, column])) for column in columns])
        hits[1, at] = alone(values, rows.values, columns)
    return Attack(*map(Rate.of, hits))


def linkability(
    view: pd.DataFrame,
    control: pd.DataFrame,
    left: Sequence[str],
    right: Sequence[str],
    *,
    attacks: int = ATTACKS,
    seed: int = 0,
) -> Attack:
    """Join two tables of the same people, who have no name in common, by way of the view.

    The attacker has `left` of people in one table and `right` in another, and looks up in the view
    who is most like each. It joins the two where that is one and the same row. The baseline joins
    at random.

    Parameters
    ----------
    view, control, attacks, seed
        As in `singling_out`.
    left, right
        Attributes, none of them in both.
    """
    if set(left) & set(right):
        raise InputError("linkability: an attribute on both sides; expected two sets apart")
    rng = np.random.default_rng(seed)

    def joined(people: pd.DataFrame) -> np.ndarray:
        sides = []
        for side in (left, right):
            apart = _apart(people, view, list(side))
            sides.append(np.argmin(apart + rng.random(apart.shape) * SAME, axis=1))
        return sides[0] == sides[1]

    targets, others = _some(view, attacks, rng), _some(control, attacks, rng)
    pairs = rng.integers(len(view), size=(2, len(targets)))
    return Attack(*map(Rate.of, (joined(targets), pairs[0] == pairs[1], joined(others))))


def inference(
    view: pd.DataFrame,
    control: pd.DataFrame,
    known: Sequence[str],
    secret: str,
    truth: pd.Series,
    control_truth: pd.Series,
    *,
    attacks: int = ATTACKS,
    seed: int = 0,
) -> Attack:
    """Find out a secret of somebody of whom some attributes are known.

    The attacker looks up who in the view is alike in all that is known, or else the ten people who
    are most alike, and guesses what most of them have; of a deleted secret, the commonest value of
    all. The baseline always guesses that.

    Parameters
    ----------
    view, control, attacks, seed
        As in `singling_out`. The secret is as the view shows it, deleted or not.
    known
        Attributes, `secret` not among them.
    secret
        What is to be found out.
    truth, control_truth
        The secret itself, as general as the view shows it if it isn't deleted; their indexes are
        those of `view` and `control`. Missing ones aren't asked for.
    """
    if secret in known:
        raise InputError(f"inference: {secret} is known; expected it not to be")
    rng = np.random.default_rng(seed)
    told, control_told = truth[truth != MISSING], control_truth[control_truth != MISSING]
    commonest = told.mode().iloc[0]

    shown, values = pd.factorize(view[secret].where(~view[secret].isin((DELETED, MISSING))))

    def guessed(people: pd.DataFrame) -> np.ndarray:
        if not len(values):
            return np.full(len(people), commonest, object)
        apart = _apart(people, view, list(known))
        tenth = np.partition(apart, NEAREST - 1, axis=1)[:, NEAREST - 1, None]
        alike = apart <= np.where((apart < SAME).any(axis=1, keepdims=True), SAME, tenth)
        votes = np.stack([(alike & (shown == v)).sum(axis=1) for v in range(len(values))], axis=1)
        # The commonest one if there are as many of several.
        votes = votes + 0.5 * (np.asarray(values) == commonest)
        return np.asarray(values, object)[votes.argmax(axis=1)]

    targets = _some(view.loc[told.index], attacks, rng)
    others = _some(control.loc[control_told.index], attacks, rng)
    right = told[targets.index].to_numpy(object)
    hits = (
        guessed(targets) == right,
        right == commonest,
        guessed(others) == control_told[others.index].to_numpy(object),
    )
    return Attack(*map(Rate.of, hits))


def view_risk(
    entries: pd.DataFrame,
    policy: Policy,
    receiver: str | None,
    *,
    known: Sequence[str],
    secret: str,
    attacks: int = ATTACKS,
    seed: int = 0,
) -> ViewRisk:
    """All risks of a receiver's view, or of the entries themselves.

    Half of the people, at random, are in the view that is attacked, the other half are the
    control; `anonymity` is that of all. To be linked are `known` and the rest but the secret. The
    secret is right if its generalised value is, where it has one, so that views compare.

    Parameters
    ----------
    entries
        One row a person.
    policy
        The rules.
    receiver
        Whose view; ``None`` for the entries.
    known
        The attributes that somebody may know of a person.
    secret
        The attribute that is to be found out.
    attacks, seed
        As in `singling_out`.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST` people, one of them twice, or an attribute is unknown.
    """
    schema = policy.schema
    known, secret = [schema[name].name for name in known], schema[secret].name
    if len(entries) < FEWEST:
        raise InputError(f"{len(entries)} people; expected at least {FEWEST}")
    people = schema.people(entries)
    if people is not None and people.duplicated().any():
        raise InputError("a person stands twice; expected one entry each")
    whole = schema.check(entries).reset_index(drop=True)
    view = whole if receiver is None else apply_policy(whole, policy, receiver)
    truth = schema.general(secret, whole) if schema[secret].generalise else whole[secret]
    if not (view[secret] == DELETED).all():
        view = view.assign(**{secret: truth})
    order = np.random.default_rng(seed).permutation(len(whole))
    inside, outside = order[: len(order) // 2], order[len(order) // 2 : len(order) // 2 * 2]
    parts = view.iloc[inside], view.iloc[outside]
    rest = [name for name in schema.names if name not in known and name != secret]
    how: dict[str, Any] = {"attacks": attacks, "seed": seed}
    return ViewRisk(
        anonymity(view, known, secret),
        singling_out(*parts, **how),
        linkability(*parts, known, rest, **how),
        inference(*parts, known, secret, truth.iloc[inside], truth.iloc[outside], **how),
    )


@dataclass(frozen=True)
class _Numbered:
    """A table as numbers: a number as it is, any other value as one of its own."""

    values: np.ndarray  # float64 (people, attributes)
    is_number: np.ndarray  # bool (attributes,)


def _numbered(view: pd.DataFrame, others: pd.DataFrame) -> tuple[_Numbered, _Numbered]:
    columns, is_number = [], []
    for name in view.columns:
        both = pd.concat([view[name], others[name]])
        numbers = pd.to_numeric(both.mask(both == MISSING), errors="coerce")
        number = bool((numbers.notna() | (both == MISSING)).all() and numbers.notna().any())
        columns.append(
            numbers.fillna(-np.inf).to_numpy() if number else pd.factorize(both)[0] + 0.0
        )
        is_number.append(number)
    values, kinds = np.stack(columns, axis=1), np.array(is_number)
    return _Numbered(values[: len(view)], kinds), _Numbered(values[len(view) :], kinds)


def _apart(people: pd.DataFrame, view: pd.DataFrame, names: list[str]) -> np.ndarray:
    """How unlike each person is each row of the view, after Gower (1971); ``(people, rows)``.

    Numbers are apart by their difference in ranges, other values by one or nothing.
    """
    rows, targets = _numbered(view[names], people[names])
    apart = np.zeros((len(people), len(view)))
    for at, number in enumerate(rows.is_number):
        held, wanted = rows.values[:, at], targets.values[:, at, None]
        different = held != wanted
        if number:
            there = held[np.isfinite(held)]
            span = np.ptp(there) if len(there) else 0.0
            both = np.isfinite(held) & np.isfinite(wanted)
            with np.errstate(invalid="ignore"):
                steps = np.abs(held - wanted) / (span or 1.0)
            different = np.where(both, np.minimum(steps, 1.0), different)
        apart += different
    return apart


def _some(table: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    return table.iloc[rng.permutation(len(table))[:count]]


def _columns(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    absent = next((name for name in names if name not in table.columns), None)
    if absent is not None:
        raise InputError(f"no attribute {absent}; expected {', '.join(map(str, table.columns))}")
    return table[names]
