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

MOST_ANSWERS = 50  # a probe of views is left out if there are more different answers
MOST_KNOWN = 10_000  # known entries that a probe of views learns from; more of them take long


@dataclass(frozen=True)
class Insider:
    """The rightful receiver infers from the code what its view deletes or generalises.

    It has the codes, its decoder, and known entries. It trains a probe that predicts a part of the
    hidden value from the code: the first letter of words or text, the value itself of a list, the
    last digit or character of all others. The measure is the share of targets for which it is
    right. The baseline is the best guess from the view alone (`from_view`). The control is 1, for
    somebody who sees the value. The 95 % intervals are widened so that all hold at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    deep
        Whether to try a neural probe beside the linear one. On by default.
    attributes
        Which hidden attributes to ask for; by default all that the view hides.
    seed
        Of the probes. Default 0.
    """

    known: tuple[int, ...] = (100, 1000, 10_000)
    deep: bool = True
    attributes: tuple[str, ...] | None = None
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        wanted = case.schema.names if self.attributes is None else self.attributes
        hidden = [name for name in case.hidden if name in wanted]
        ask = partial(self._ask, case, len(hidden))
        with _one_thread_a_probe(), ThreadPoolExecutor(count_cores()) as pool:
            return [finding for findings in pool.map(ask, hidden) for finding in findings]

    def _ask(self, case: Case, attributes: int, name: str) -> list[Finding]:
        """The findings about one attribute; `attributes` is how many are asked for in all."""
        findings, numbers = [], up_to(self.known, len(case.known))
        asked, secret = _secret(case.schema[name], case.known[name])
        truth = _secret(case.schema[name], case.targets[name])[1]
        for n in numbers:
            if secret[:n].nunique() < 2:
                continue
            guessed = _kept_guess(case, name, secret[:n], truth, self.deep, self.seed) == truth
            for deep in (False, True) if self.deep else (False,):
                guess = _answers(case.known_codes[:n], secret[:n], case.codes, deep, self.seed)
                findings.append(
                    paired(
                        f"insider, {'neural' if deep else 'linear'} probe",
                        Setting(known=n),
                        asked,
                        guess == truth,
                        guessed,
                        1.0,
                        comparisons=(1 + self.deep) * attributes * len(numbers),
                        attribute=name,
                        operation=str(case.operations[name]),
                    )
                )
        return findings


def from_view(
    case: Case, name: str, secret: pd.Series, truth: pd.Series, deep: bool = False, seed: int = 0
) -> np.ndarray:
    """The best guess of a secret of each target from its view, without the code.

    Several ways to guess are tried: the most frequent answer; the most frequent answer for this
    value of the view; the answer of the known entry with the most similar view; and, if there are
    at most `MOST_ANSWERS` different answers, the probes of `Insider` on the view in place of the
    code. The guess that is right most often on the targets is taken. This choice makes the baseline
    slightly too good, so what a code tells is understated rather than overstated. The case keeps
    the guess, because it doesn't depend on the codes.

    Parameters
    ----------
    name
        The hidden attribute.
    secret, truth
        The secrets of the known entries, and of the targets.
    deep, seed
        As for `Insider`.

    Returns
    -------
    One guess for each target, ``(targets,)``.
    """
    with _one_thread_a_probe():
        return _kept_guess(case, name, secret, truth, deep, seed)


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


def _kept_guess(
    case: Case, name: str, secret: pd.Series, truth: pd.Series, deep: bool, seed: int
) -> np.ndarray:
    asked = (name, deep, seed, tuple(secret))
    if asked not in case.guesses:
        case.guesses[asked] = _from_view(case, name, secret, truth, deep, seed)
    return case.guesses[asked]


def _from_view(case: Case, name: str, secret, truth, deep: bool, seed: int) -> np.ndarray:
    known, schema = case.known_views[: len(secret)], case.schema
    commonest = secret.mode()[0]
    by_value = secret.groupby(known[name]).agg(lambda values: values.mode()[0])
    guesses = [
        np.full(len(truth), commonest, object),
        case.views[name].map(by_value).fillna(commonest).to_numpy(),
    ]
    vectorizer = DictVectorizer().fit(_one_hot(known))
    have, want = vectorizer.transform(_one_hot(known)), vectorizer.transform(_one_hot(case.views))
    steps = [want[at : at + 100] @ have.T for at in range(0, want.shape[0], 100)]
    nearest = np.concatenate([np.asarray(step.argmax(axis=1)).ravel() for step in steps])
    guesses.append(secret.to_numpy()[nearest])
    secret, known = secret[:MOST_KNOWN], known[:MOST_KNOWN]
    if 1 < secret.nunique() <= MOST_ANSWERS:
        readable = [_readable(views, known, schema) for views in (known, case.views)]
        vectorizer = DictVectorizer(sparse=False).fit(readable[0])
        have, want = map(vectorizer.transform, readable)
        guesses += [
            _answers(have, secret, want, kind, seed)
            for kind in ((False, True) if deep else (False,))
        ]
    return max(guesses, key=lambda guess: (guess == truth.to_numpy()).mean())


def _answers(known, secret: pd.Series, targets, deep: bool, seed: int) -> np.ndarray:
    """The answers for the targets of a classifier that learns from standardised numbers.

    To be called inside `_one_thread_a_probe`.
    """
    counts = secret.value_counts()
    # The neural probe leaves a tenth of the entries out, to see when to stop. It can't do so if
    # that is one entry, or if one of only two answers occurs once.
    stops = len(secret) > 10 and (len(counts) > 2 or counts.min() > 1)
    probe = (
        MLPClassifier((256,), early_stopping=stops, random_state=seed)
        if deep
        else LogisticRegression(C=0.1, max_iter=300)
    )
    return make_pipeline(StandardScaler(), probe).fit(known, secret).predict(targets)


def _readable(views: pd.DataFrame, known: pd.DataFrame, schema: Schema) -> list[dict]:
    """Views as features: numbers as numbers, times as hour and season, frequent values by name.

    A value gives up to two numbers, as a range or a blood pressure has two. Hour and season are
    angles.
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
            for what, angle in (("hour", hour), ("season", season)):
                for turn in (np.sin, np.cos):
                    add(f"{a.name} {what} {turn.__name__}", turn(2 * np.pi * angle).fillna(0.0))
        elif a.form in (Form.NUMBER, Form.PATTERN):
            numeric = column.str.fullmatch(r"[\d./ -]*\d[\d./ -]*")
            found = column.where(numeric, "").str.findall(r"(?<!\d)-?\d+(?:\.\d+)?")
            for place in range(2):
                add(f"{a.name} {place}", pd.to_numeric(found.str[place]).fillna(0.0))
        counts = known[a.name].value_counts()
        often = counts.index[(counts >= 5) & (counts < len(known))]
        parts.append(column.where(column.isin(often), "rare"))
    return pd.concat(parts, axis=1).to_dict(orient="records")


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
