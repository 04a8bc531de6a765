"""The rightful receiver, who wants what its view hides, and what the view alone tells of it."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aalprivacy.attributes import MISSING, NAMES
from aalprivacy.audit.measure import Case, Finding, Setting, paired, up_to

MOST_ANSWERS = 50  # that a probe chooses among
MOST_KNOWN = 10_000  # entries that a probe of views learns from; more take long and tell no more


@dataclass(frozen=True)
class Insider:
    """The rightful receiver infers from the code what its view deletes or generalises.

    It has the codes, its decoder, and known entries; it trains a classifier from code to a part of
    the hidden value: the value itself where it is a word, else its last digit or first letter. The
    baseline is what the receiver can tell from the view alone (`from_view`). The control is the
    value itself. The intervals hold for all findings at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    deep
        Whether to try a neural probe beside the linear one.
    attributes
        Which are asked for; by default all that the view hides.
    """

    known: tuple[int, ...] = (100, 1000, 10_000)
    deep: bool = True
    attributes: tuple[str, ...] = NAMES
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        findings, numbers = [], up_to(self.known, len(case.known))
        hidden = {n: what for n, what in case.hidden.items() if n in self.attributes}
        for name, operation in hidden.items():
            asked, secret = _secret(name, case.known[name])
            truth = _secret(name, case.targets[name])[1]
            for n in numbers:
                if secret[:n].nunique() < 2:
                    continue
                guessed = from_view(case, name, secret[:n], truth, self.deep, self.seed) == truth
                for deep in (False, True) if self.deep else (False,):
                    guess = _answers(case.known_codes[:n], secret[:n], case.codes, deep, self.seed)
                    findings.append(
                        paired(
                            f"insider, {'neural' if deep else 'linear'} probe",
                            Setting(known=n),
                            f"{name} ({operation.name.lower()}d): {asked}",
                            guess == truth,
                            guessed,
                            1.0,
                            comparisons=(1 + self.deep) * len(hidden) * len(numbers),
                        )
                    )
        return findings


def from_view(
    case: Case, name: str, secret: pd.Series, truth: pd.Series, deep: bool = False, seed: int = 0
) -> np.ndarray:
    """The best guess at a secret of each target that its view allows.

    The commonest answer, the commonest for this value of the view, the answer of the known entry
    whose view is most alike, and, if there are few answers, those of the probes that `Insider` has,
    on the view in place of the code. Whichever is right most often, which errs on the safe side.
    The case keeps it, as it doesn't depend on the codes.

    Parameters
    ----------
    name, secret, truth
        The hidden attribute, the known entries' secrets and the targets'.
    deep, seed
        As for `Insider`.
    """
    asked = (name, deep, seed, tuple(secret))
    if asked not in case.guesses:
        case.guesses[asked] = _from_view(case, name, secret, truth, deep, seed)
    return case.guesses[asked]


def _from_view(case: Case, name: str, secret, truth, deep: bool, seed: int) -> np.ndarray:
    known = case.known_views[: len(secret)]
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
    if 1 < secret.nunique() <= MOST_ANSWERS:
        secret, known = secret[:MOST_KNOWN], known[:MOST_KNOWN]
        vectorizer = DictVectorizer(sparse=False).fit(_readable(known, known))
        have, want = (vectorizer.transform(_readable(v, known)) for v in (known, case.views))
        guesses += [
            _answers(have, secret, want, kind, seed)
            for kind in ((False, True) if deep else (False,))
        ]
    return max(guesses, key=lambda guess: (guess == truth.to_numpy()).mean())


def _answers(known, secret: pd.Series, targets, deep: bool, seed: int) -> np.ndarray:
    """What a classifier of standardised numbers says of the targets."""
    counts = secret.value_counts()
    probe = (
        # Of two answers of which one is there once, scikit-learn can't hold any out.
        MLPClassifier((256,), early_stopping=len(counts) > 2 or counts.min() > 1, random_state=seed)
        if deep
        else LogisticRegression(C=0.1, max_iter=300)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for either side
        return make_pipeline(StandardScaler(), probe).fit(known, secret).predict(targets)


def _readable(views: pd.DataFrame, known: pd.DataFrame) -> list[dict]:
    """Views as numbers where they are numbers, the hour and the season as angles, words by name."""
    parts = []
    for name in NAMES:
        column = views[name]
        numbers = column.str.extractall(r"(\d+(?:\.\d+)?)")[0].astype(float).unstack()
        numeric = column.str.fullmatch(r"[\d./ -]*\d[\d./ -]*").to_numpy()
        if name == "timestamp" and numeric.any():
            time = pd.to_datetime(column, format="%Y%m%d %H%M", errors="coerce")
            hour, season = (time.dt.hour + time.dt.minute / 60) / 24, time.dt.dayofyear / 365.25
            for what, angle in (("hour", hour), ("season", season)):
                parts.append((np.sin(2 * np.pi * angle).fillna(0)).rename(f"{what} sin"))
                parts.append((np.cos(2 * np.pi * angle).fillna(0)).rename(f"{what} cos"))
        elif numeric.any() and name not in ("address", "phone_number"):
            for place in numbers.columns[:2]:
                values = numbers[place].reindex(column.index).where(numeric).fillna(0.0)
                parts.append(values.rename(f"{name} {place}"))
        counts = known[name].value_counts()
        often = counts.index[(counts >= 5) & (counts < len(known))]
        parts.append(column.where(column.isin(often), "rare"))
    return pd.concat(parts, axis=1).to_dict(orient="records")


def _secret(name: str, values: pd.Series) -> tuple[str, pd.Series]:
    """The part of an attribute's values that is asked for, and what it is called."""
    if name in ("name", "address"):
        letters = values.str.extract(r"([a-z])", expand=False).fillna(MISSING)
        return "first letter", letters
    if values.str.contains(r"\d").any():
        return "last digit", values.str[-1]
    return "the value", values


def _one_hot(views: pd.DataFrame) -> list[dict]:
    """Each view's values by attribute, as `DictVectorizer` takes them."""
    return views[list(NAMES)].to_dict(orient="records")
