"""The rightful receiver as attacker: what codes tell of hidden values beyond the view itself."""

import contextlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from aalprivacy.attributes import MISSING, Attribute, Form
from aalprivacy.audit.measure import Case, Finding, Setting, paired, up_to
from aalprivacy.runtime import count_cores
from aalprivacy.schema import Schema

MOST_ANSWERS = 200  # a probe of views is left out if there are more different answers
MOST_DEEP = 10_000  # known entries that a neural probe learns from; with more it takes long
LARGEST = 1e30  # of a number, as features are float32
MOST_VALUES = 50  # values of an attribute that a probe is told by name: the most frequent ones
LEFT_OUT, MOST_LEFT_OUT = 5, 2000  # the first fifth of known entries, at most so many, chooses


@dataclass(frozen=True)
class Secret:
    """What is asked about a hidden value.

    Parameters
    ----------
    attribute, asks
        The attribute, and what is asked about its value, in words.
    known, truth
        The answers of the known entries, and those of the targets.
    """

    attribute: str
    asks: str
    known: pd.Series
    truth: pd.Series


@dataclass(frozen=True)
class Insider:
    """The rightful receiver infers from the code what its view deletes or generalises.

    It has the codes, its decoder, and known entries. It asks about each hidden attribute: what is
    the first letter of words or text, the value itself of a list, the last digit or character of
    all others? Are a value's numbers above the middle of those that look the same in the view? It
    trains a probe on code and view together. The first fifth of the known entries, at most 2,000 of
    them, is left out of the training. So known entries should be in random order. With those left
    out the receiver sees whether the probe or the best guess from the view (`Guesses`) is right
    more often, and takes this one. The view is the one by rule, for the probe as for the guess.

    The measure is the share of targets for which it is right. The baseline is the best guess from
    the view alone. The control is 1, for somebody who sees the value. The 95 % intervals are
    widened so that all of them hold at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    deep
        Whether to try a neural probe beside the linear one, with up to `MOST_DEEP` known entries.
        On by default.
    attributes
        Which hidden attributes to ask for; by default all that the view hides.
    seed
        Of the probes. Default 0.
    """

    known: tuple[int, ...] = (1000, 10_000, 100_000)
    deep: bool = True
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        wanted = case.schema.names if self.attributes is None else self.attributes
        hidden = [name for name in case.hidden if name in wanted]
        asked = [secret for name in hidden for secret in secrets(case, name)]
        numbers = up_to(self.known, len(case.known))
        with _one_thread_a_probe(), ThreadPoolExecutor(count_cores()) as pool:
            for n in numbers:
                _views(case, n)  # before the threads, which all need them
            jobs = [(secret, n) for secret in asked for n in numbers]
            ask = partial(self._ask, case, sum(len(_kinds(n, self.deep)) for _, n in jobs))
            return [finding for found in pool.map(ask, jobs) for finding in found]

    def _ask(self, case: Case, comparisons: int, job: tuple[Secret, int]) -> list[Finding]:
        """The findings of each probe on one secret, from one number of known entries."""
        (secret, n), findings = job, []
        if secret.known[:n].nunique() < 2:
            return []
        guesses = _guesses(case, secret, n, self.seed)
        for deep in _kinds(n, self.deep):
            answers = guesses.or_of_codes(case, deep, self.seed)
            findings.append(
                paired(
                    f"insider, {'neural' if deep else 'linear'} probe",
                    Setting(known=n),
                    secret.asks,
                    answers == guesses.truth,
                    guesses.best == guesses.truth,
                    1.0,
                    comparisons=comparisons,
                    attribute=secret.attribute,
                    operation=str(case.operations[secret.attribute]),
                )
            )
        return findings


@dataclass(frozen=True)
class Views:
    """The views of known entries and of targets, as guesses use them.

    Parameters
    ----------
    out
        How many known entries are left out: the first ones.
    known, targets
        Features of known entries and of targets, float32 ``(n, features)``.
    nearest
        For each entry left out and each target, in this order, the place of the entry with the most
        similar view among the known entries that aren't left out.
    """

    out: int
    known: np.ndarray
    targets: np.ndarray
    nearest: np.ndarray


@dataclass(frozen=True)
class Guesses:
    """The best guess of a secret from the view, without the code, and how it was chosen.

    Several ways to guess are tried: the most frequent answer; the most frequent answer for this
    value of the view; the answer of the known entry with the most similar view; and the probes of
    `Insider` on the view alone, the neural one with up to `MOST_DEEP` known entries. All learn from
    the same known entries. The way that is right most often on the entries left out is taken.

    Parameters
    ----------
    views
        The views that are guessed from.
    known, truth
        The secrets of the known entries and of the targets, ``(n,)`` and ``(targets,)``.
    chosen, best
        The best way's guesses for the entries left out, and for the targets.
    """

    views: Views
    known: np.ndarray
    truth: np.ndarray
    chosen: np.ndarray
    best: np.ndarray

    def or_better(self, chosen: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """The answers, if they are right more often on entries left out; else the guesses.

        Parameters
        ----------
        chosen
            Other answers for the first of the entries left out, or for all of them.
        answers
            The same for the targets.
        """
        n = len(chosen)
        won = (chosen == self.known[:n]).sum() > (self.chosen[:n] == self.known[:n]).sum()
        return answers if won else self.best

    def or_of_codes(self, case: Case, deep: bool, seed: int) -> np.ndarray:
        """What a probe of code and view answers for the targets, or the guess from the view."""
        views, known = self.views, case.known_codes[: len(self.views.known)]
        have, want = np.hstack([known, views.known]), np.hstack([case.codes, views.targets])
        return self.or_better(*_learned(have, self.known, want, views.out, deep, seed))


def _kinds(n: int, deep: bool = True) -> tuple[bool, ...]:
    """Which probes learn from n known entries: ``True`` is the neural one."""
    return (False, True) if deep and n <= MOST_DEEP else (False,)


def left_out(n: int) -> int:
    """How many of n known entries, the first ones, an insider leaves out to choose by them."""
    return max(1, min(n // LEFT_OUT, MOST_LEFT_OUT))


def secrets(case: Case, name: str) -> list[Secret]:
    """What is asked about a hidden attribute."""
    attribute = case.schema[name]
    asks, known = _secret(attribute, case.known[name])
    found = [Secret(name, asks, known, _secret(attribute, case.targets[name])[1])]
    views = case.known_views[name], case.views[name]
    numbers = [_numbers(attribute, table[name]) for table in (case.known, case.targets)]
    for column in numbers[0].columns.intersection(numbers[1].columns):
        # A value looks like all others of the same generalised value, or like all if deleted.
        middle = numbers[0][column].groupby(views[0]).median()
        most = numbers[0][column].median()
        above = [
            (values[column] > view.map(middle).fillna(most))
            .map({True: "above", False: "not above"})
            .where(values[column].notna(), MISSING)
            for values, view in zip(numbers, views, strict=True)
        ]
        asks = f"above the middle{f', number {column + 1}' if len(numbers[0].columns) > 1 else ''}"
        found.append(Secret(name, asks, *above))
    return found


def from_view(case: Case, secret: Secret, seed: int = 0) -> Guesses:
    """The best guess of a secret of each target from its view, without the code.

    Probes are left out if there are more than `MOST_ANSWERS` answers. They learn from at most
    `MOST_DEEP` known entries. The case keeps the guesses, because they don't depend on the codes.

    Parameters
    ----------
    secret
        What is guessed. As many known entries are used as it has answers.
    seed
        Of the probes. Default 0.
    """
    few = secret.known.nunique() <= MOST_ANSWERS
    with _one_thread_a_probe():
        return _guesses(case, secret, len(secret.known), seed, MOST_DEEP if few else 0)


@contextlib.contextmanager
def _one_thread_a_probe() -> Iterator[None]:
    """Each probe on one thread, and no warnings of probes whose training didn't converge.

    The matrix products of a probe are small. Threads that wait for each other make it many times
    slower.
    """
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for either side
        warnings.filterwarnings("ignore", "The number of unique classes")  # of few known entries
        yield


def _guesses(case: Case, secret: Secret, n: int, seed: int, learned: int | None = None) -> Guesses:
    """Guesses from the view, inside `_one_thread_a_probe`.

    `learned` is from how many known entries probes learn at most; by default from all.
    """
    answers = hash((tuple(secret.known[:n]), tuple(secret.truth)))
    asked = (secret.attribute, secret.asks, answers, n, seed, learned)
    if asked not in case.guesses:
        case.guesses[asked] = _from_view(case, secret, n, seed, n if learned is None else learned)
    return case.guesses[asked]


def _from_view(case: Case, secret: Secret, n: int, seed: int, learned: int) -> Guesses:
    views, name = _views(case, n), secret.attribute
    known, truth = secret.known[:n].to_numpy(), secret.truth.to_numpy()
    # Entries left out and targets are guessed; the other known entries are learned from.
    answers, shown = pd.Series(known[views.out :]), case.known_views[name]
    wanted = pd.concat([shown[: views.out], case.views[name]], ignore_index=True)
    commonest = answers.mode()[0]
    by_value = answers.groupby(shown[views.out : n].to_numpy()).agg(lambda part: part.mode()[0])
    ways = [
        np.full(len(wanted), commonest, object),
        wanted.map(by_value).fillna(commonest).to_numpy(),
        answers.to_numpy()[views.nearest],
    ]
    if learned:
        have = views.known[: views.out + learned]
        ways += [
            np.concatenate(_learned(have, known, views.targets, views.out, kind, seed))
            for kind in _kinds(n)
        ]
    best = max(ways, key=lambda guesses: (guesses[: views.out] == known[: views.out]).sum())
    return Guesses(views, known, truth, best[: views.out], best[views.out :])


def _views(case: Case, n: int) -> Views:
    """The views of the first n known entries and of the targets; the case keeps them."""
    if n not in case.features:
        out, schema = left_out(n), case.schema
        rest, wanted = case.known_views[out:n], pd.concat([case.known_views[:out], case.views])
        vectorizer = DictVectorizer().fit(_one_hot(rest))
        have, want = (vectorizer.transform(_one_hot(table)) for table in (rest, wanted))
        # Equal values, in pieces that fit into memory.
        steps = [want[at : at + 100] @ have.T for at in range(0, want.shape[0], 100)]
        nearest = np.concatenate([np.asarray(step.argmax(axis=1)).ravel() for step in steps])
        vectorizer = DictVectorizer(dtype=np.float32, sparse=False)
        vectorizer.fit(_readable(rest, rest, schema))
        known, targets = (
            vectorizer.transform(_readable(table, rest, schema))
            for table in (case.known_views[:n], case.views)
        )
        case.features[n] = Views(out, known, targets, nearest)
    return case.features[n]


def _learned(
    known: np.ndarray, secret: np.ndarray, targets: np.ndarray, out: int, deep: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a probe answers for the entries left out, and for the targets."""
    want = np.concatenate([known[:out], targets])
    answers = _answers(known[out:], secret[out : len(known)], want, deep, seed)
    return answers[:out], answers[out:]


def _answers(known, secret, targets, deep: bool, seed: int) -> np.ndarray:
    """The answers for the targets of a classifier that learns from standardised numbers.

    To be called inside `_one_thread_a_probe`.
    """
    counts = pd.Series(secret).value_counts()
    if len(counts) == 1:
        return np.full(len(targets), counts.index[0], object)
    # The neural probe leaves a tenth of the entries out, to see when to stop. It can't do so if
    # that is one entry, or if one of only two answers occurs once.
    stops = len(secret) > 10 and (len(counts) > 2 or counts.min() > 1)
    probe = (
        MLPClassifier((64,), alpha=3.0, early_stopping=stops, random_state=seed)
        if deep
        else LogisticRegression(C=1.0, max_iter=300)
    )
    return make_pipeline(StandardScaler(), probe).fit(known, secret).predict(targets)


def _readable(views: pd.DataFrame, known: pd.DataFrame, schema: Schema) -> list[dict]:
    """Views as features: numbers as numbers, times as hour and season, frequent values by name.

    A value gives up to two numbers, as a range or a blood pressure has two. Hour and season are
    angles; the hour is also a value with a name.
    """
    parts = []

    def add(name: str, values: pd.Series) -> None:
        if values.any():
            parts.append(values.rename(name))

    for a in schema.attributes:
        column = views[a.name]
        if a.time:
            time = pd.to_datetime(column, format=a.time, errors="coerce")
            hour, season = (time.dt.hour + time.dt.minute / 60) / 24, time.dt.dayofyear / 365.25
            parts.append(time.dt.strftime("%H").fillna(MISSING).rename(f"{a.name} hour"))
            for what, angle in (("hour", hour), ("season", season)):
                for turn in (np.sin, np.cos):
                    add(f"{a.name} {what} {turn.__name__}", turn(2 * np.pi * angle).fillna(0.0))
        for place, numbers in _numbers(a, column).items():
            add(f"{a.name} {place}", numbers.fillna(0.0))
        counts = known[a.name].value_counts()
        often = counts.index[(counts >= 5) & (counts < len(known))][:MOST_VALUES]
        parts.append(column.where(column.isin(often), "rare"))
    return pd.concat(parts, axis=1).to_dict(orient="records")


def _numbers(attribute: Attribute, values: pd.Series) -> pd.DataFrame:
    """The numbers in values or views of an attribute, up to two in each: float ``(n, 0 to 2)``.

    A range or a blood pressure has two. Where there is none, it is NaN; a column without any number
    is left out. A time has none.
    """
    if attribute.time or attribute.form not in (Form.NUMBER, Form.PATTERN):
        return pd.DataFrame(index=values.index)
    numeric = values.str.fullmatch(r"[\d./ -]*\d[\d./ -]*")
    found = values.where(numeric, "").str.findall(r"(?<!\d)-?\d+(?:\.\d+)?")
    numbers = {place: pd.to_numeric(found.str[place]).clip(-LARGEST, LARGEST) for place in range(2)}
    return pd.DataFrame(numbers).dropna(axis=1, how="all")


def _secret(attribute: Attribute, values: pd.Series) -> tuple[str, pd.Series]:
    """The name of the part of an attribute's values that is asked for, and this part itself."""
    if attribute.form is Form.ONE_OF:
        return "the value", values
    if attribute.form in (Form.WORDS, Form.TEXT):
        letters = values.str.extract(r"([^\W\d_])", expand=False).fillna(MISSING)
        return "first letter", letters
    last = values.str[-1]
    digits = (last.str.isdigit() | (last == MISSING)).all()
    return "last digit" if digits else "last character", last


def _one_hot(views: pd.DataFrame) -> list[dict]:
    """Each view's values by attribute, as `DictVectorizer` takes them."""
    return views.to_dict(orient="records")
