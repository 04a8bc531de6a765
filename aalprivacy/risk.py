"""What views made by rule give away, without any model.

An attacker knows some attributes of people and has a view. k, l and t say how well people are
hidden among each other. Three attacks after anonymeter (Giomi et al. 2022) say what the attacker
finds out. Each attack has a baseline, a guess that doesn't use the view. It also has a control: the
same attack on people who aren't in the view. It shows what can be learned from people in general.
Each person has one row in a table.
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

SMALL = 5  # a class with fewer people is small
ATTACKS = 500
FEWEST = 20  # people that the attacks need
NEAREST = 10  # rows that vote on a secret if no row is the same
SAME = 1e-9  # a distance below this is zero, except for rounding


@dataclass(frozen=True)
class Anonymity:
    """How well people are hidden among others with the same known attributes.

    Parameters
    ----------
    classes
        Number of groups of people with the same known attributes.
    k
        Number of people in the smallest class.
    small
        Share of people in classes of fewer than `SMALL`.
    found
        Share of people who are found if an attacker picks one person of the class at random: the
        mean of 1 / size of class.
    l
        Least number of different values of the secret in a class; ``None`` if it is deleted.
    t
        Largest distance between the secret's distribution in a class and in all people, from 0 to
        1. All pairs of different values have the same distance.

    References
    ----------
    Sweeney (2002), k-anonymity; Machanavajjhala et al. (2007), l-diversity; Li et al. (2007),
    t-closeness.
    """

    classes: int
    k: int
    small: float
    found: float
    l: int | None  # noqa: E741  the usual name
    t: float | None


@dataclass(frozen=True)
class Rate:
    """A share of tries that succeed, with its 95 % interval by Wilson (1927)."""

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
    """An attack on a view: how often it succeeds, and how often it would succeed anyway.

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
        """The attack's success beyond the control, as a share of what was still unknown.

        ``(attack - control) / (1 - control)``, at least 0. Its interval comes from both errors by
        error propagation (Giomi et al. 2022, equation 5).
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
    """All risks of one view; see `view_risk`."""

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
        The attributes that an attacker knows of a person, as the view shows them.
    secret
        The attribute that isn't known. People without a value of it count only for k.

    Raises
    ------
    InputError
        If the table doesn't have an attribute.
    """
    known = list(known)
    table = _columns(view, [*known, secret])
    classes = table.groupby(known).ngroup().to_numpy()
    sizes = np.bincount(classes)
    size = sizes[classes]
    told = (table[secret] != MISSING).to_numpy()
    deleted = (table[secret][told] == DELETED).all()  # also if all are missing
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
    """Find a description that fits exactly one person.

    The attacker takes one row of the view and describes the person by the row's rarest values:
    "150.2 cm, HbA1c 11.3, never married". A try succeeds if exactly one person fits. A view says
    nothing false, so a description that fits one row fits one person. So all tries count here.
    (Anonymeter is made for synthetic data, and counts only tries that fit one row.) The baseline
    describes a person by random values of the view. The control looks for the description among
    people who aren't in the view.

    Parameters
    ----------
    view, control
        Views by the same rule, of different people, with the same number of rows.
    attributes
        Number of attributes of a description.
    attacks
        Number of tries, at most one for each person.
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
    """Link two tables about the same people with the help of the view.

    The attacker has the attributes `left` of people in one table and `right` in another, without
    names. For each person of each table it looks for the most similar row of the view. If both
    tables lead to the same row, the two are linked. The baseline links at random.

    Parameters
    ----------
    view, control, attacks, seed
        As in `singling_out`.
    left, right
        Attributes; no attribute may be in both.
    """
    if set(left) & set(right):
        raise InputError("linkability: an attribute on both sides; expected different attributes")
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
    """Find out a secret of a person of whom some attributes are known.

    The attacker looks for the people in the view with the same known attributes; if there are
    none, for the ten most similar people. It guesses the secret's most frequent value among them.
    If the secret is deleted, it guesses the most frequent value of all people. The baseline always
    guesses that.

    Parameters
    ----------
    view, control, attacks, seed
        As in `singling_out`. The secret is as the view shows it, deleted or not.
    known
        Attributes, without `secret`.
    secret
        The attribute to be found out.
    truth, control_truth
        The true secrets, generalised as in the view if it doesn't delete them, with the indexes of
        `view` and `control`. People with a missing secret aren't attacked.
    """
    if secret in known:
        raise InputError(f"inference: {secret} is known; expected a secret that isn't")
    rng = np.random.default_rng(seed)
    told, control_told = truth[truth != MISSING], control_truth[control_truth != MISSING]
    commonest = told.mode().iloc[0]

    shown, values = pd.factorize(view[secret].where(~view[secret].isin((DELETED, MISSING))))

    def guessed(people: pd.DataFrame) -> np.ndarray:
        if not len(values):
            return np.full(len(people), commonest, object)
        apart = _apart(people, view, list(known))
        last = min(NEAREST, len(view)) - 1
        tenth = np.partition(apart, last, axis=1)[:, last, None]
        alike = apart <= np.where((apart < SAME).any(axis=1, keepdims=True), SAME, tenth)
        votes = np.stack([(alike & (shown == v)).sum(axis=1) for v in range(len(values))], axis=1)
        # With equal votes, the most frequent value wins.
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

    A random half of the people is in the view that is attacked; the other half is the control.
    `anonymity` is measured on all people. The two tables to be linked have `known`, and all other
    attributes without the secret. A guess of the secret is right if its generalised value is right,
    if it has one. So views can be compared.

    Parameters
    ----------
    entries
        One row a person.
    policy
        The rules.
    receiver
        Whose view; ``None`` for the entries.
    known
        The attributes that an attacker may know of a person.
    secret
        The attribute to be found out.
    attacks, seed
        As in `singling_out`.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST` people, a person has two rows, or an attribute is unknown.
    """
    schema = policy.schema
    known, secret = [schema[name].name for name in known], schema[secret].name
    if len(entries) < FEWEST:
        raise InputError(f"{len(entries)} people; expected at least {FEWEST}")
    people = schema.people(entries)
    if people is not None and people.duplicated().any():
        raise InputError("a person appears twice; expected one entry each")
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
    """A table as numbers: numbers stay, each other distinct value gets a number of its own."""

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
    """Distance of each person from each row of the view, by Gower (1971); ``(people, rows)``.

    Two numbers have the distance of their difference, divided by the range of the column. Two other
    values have the distance 0 if they are the same, else 1.
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
