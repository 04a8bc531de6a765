"""The attacks, each a class whose docstring says what the attacker has and wants.

``run(case)`` gives its findings. All are seeded, and all face users that no pair was trained on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aalprivacy.attributes import ATTRIBUTES, MISSING, NAMES
from aalprivacy.audit.measure import LINK_SEED, OWN_SEED, Case, Finding, share
from aalprivacy.model import Pair
from aalprivacy.policy import Operation
from aalprivacy.simulate import simulate
from aalprivacy.text import from_lines, is_well_formed, to_lines
from aalprivacy.views import apply_policy

# What the attacker's pair is called that differs from the victim's in order and signs only.
TWIN = "the same pair, re-keyed"


@dataclass(frozen=True)
class WrongKey:
    """The attacker has the codes and another pair's decoder, and decodes (paper, figure 6).

    The finding is about the view that this decoder would have made of its own encoder's codes.

    Parameters
    ----------
    others
        Name -> pair whose decoder is tried.
    """

    others: Mapping[str, Pair]

    def run(self, case: Case) -> list[Finding]:
        findings = []
        for name, other in self.others.items():
            theirs = case.of(other)
            findings += theirs.reading("wrong key", f"decoder of {name}", theirs.read(case.codes))
        return findings


@dataclass(frozen=True)
class NearKey:
    """The attacker has the codes and the decoder's weights, but not exactly.

    Each weight is off by a normal error of a given relative size; or only one layer is known and
    the others are as a new decoder's. It tells how near a guess must come.

    Parameters
    ----------
    noise
        Relative sizes.
    """

    noise: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        rng = np.random.default_rng(self.seed)
        weights = case.pair.weights()
        decoder = [name for name in weights if name.startswith("decoder/")]
        findings = []
        for size in self.noise:
            changed = {n: weights[n] * _normal(rng, weights[n].shape, 1, size) for n in decoder}
            findings += self._try(case, f"weights off by {size:g} of their size", changed)
        for stolen in ("embedding", "lstm", "scores"):
            guessed = {
                n: _normal(rng, weights[n].shape, weights[n].mean(), weights[n].std())
                for n in decoder
                if f"/{stolen}/" not in n
            }
            findings += self._try(case, f"only layer {stolen} known", guessed)
        return findings

    def _try(self, case: Case, setting: str, changed: dict) -> list[Finding]:
        lines = case.read(case.codes, case.pair.with_weights(changed))
        return case.reading("near key", setting, lines)


@dataclass(frozen=True)
class Neighbours:
    """The attacker has the codes of known entries, and takes the most similar one's view.

    Parameters
    ----------
    known
        Numbers of known entries.
    """

    known: tuple[int, ...] = (10, 100, 1000, 10_000, 100_000)

    def run(self, case: Case) -> list[Finding]:
        findings, views = [], to_lines(case.known_views)
        for n in up_to(self.known, len(case.known)):
            scaler = StandardScaler().fit(case.known_codes[:n])
            index = NearestNeighbors(n_neighbors=1).fit(scaler.transform(case.known_codes[:n]))
            nearest = index.kneighbors(scaler.transform(case.codes), return_distance=False)[:, 0]
            lines = views.iloc[nearest].reset_index(drop=True)
            findings += case.reading("nearest neighbour", f"{n:,} known entries", lines)
        return findings


@dataclass(frozen=True)
class LinearMap:
    """The attacker has a pair of its own and the codes of known entries.

    It encodes the known entries with its own encoder, fits a linear map from the foreign codes to
    its own, and reads every other code with its own decoder. The finding is about the view of the
    attacker's own policy, which may show what the victim's view deletes.

    Parameters
    ----------
    own, name
        The attacker's pair and what it is called.
    known
        Numbers of known entries.
    strength
        Of the ridge penalty, on standardised codes.
    """

    own: Pair
    name: str
    known: tuple[int, ...] = (10, 30, 100, 300, 1000, 10_000, 100_000)
    strength: float = 0.01

    def run(self, case: Case) -> list[Finding]:
        mine, findings = case.of(self.own), []
        for n in up_to(self.known, len(case.known)):
            move = foreign_to_own(case.known_codes[:n], mine.known_codes[:n], self.strength)
            setting = f"{n:,} known entries, own pair: {self.name}"
            findings += mine.reading("linear map", setting, mine.read(move(case.codes)))
        return findings


@dataclass(frozen=True)
class Statistics:
    """The attacker has a pair of its own and many foreign codes, and knows no entry.

    It hopes that the foreign code is its own with units moved and signs turned (a re-keyed pair),
    matches each unit of the foreign codes to the own one that behaves most like it, up to sign, and
    reads with its own decoder. Its own codes are of homes that it simulated.

    Parameters
    ----------
    own, name
        The attacker's pair and what it is called.
    """

    own: Pair
    name: str
    quantiles: int = 41
    rounds: int = 20

    def run(self, case: Case) -> list[Finding]:
        mine, foreign = case.of(self.own), case.known_codes
        own = mine.encode(simulate(len(foreign), 1, OWN_SEED))  # other homes than the foreign ones
        order, sign = self._match(_halves(own), _halves(foreign))
        aligned = np.concatenate([half[:, order] * sign for half in _halves(case.codes)], axis=1)
        setting = f"{len(foreign):,} codes, own pair: {self.name}"
        lines = mine.read(aligned.astype(np.float32))
        return mine.reading("statistics only", setting, lines)

    def _match(self, own: list[np.ndarray], foreign: list[np.ndarray]) -> tuple:
        """For each own unit the foreign one that is most like it, and the sign between them.

        First by the distributions of each unit alone; then again and again by its correlations with
        all others as they are matched so far, until that changes nothing.
        """
        at = np.linspace(0.01, 0.99, self.quantiles)
        likeness = {1: 0.0, -1: 0.0}  # h and c of a unit move together, so both are counted
        for ours, theirs in zip(own, foreign, strict=True):
            mine, other = np.quantile(ours, at, axis=0), np.quantile(theirs, at, axis=0)
            for sign, turned in ((1, other), (-1, -other[::-1])):
                likeness[sign] -= np.abs(mine[:, :, None] - turned[:, None, :]).mean(0)
        ours, order = linear_sum_assignment(np.maximum(*likeness.values()), maximize=True)
        sign = np.where(likeness[1] >= likeness[-1], 1, -1)[ours, order]
        correlations = [
            (np.corrcoef(a.T), np.corrcoef(b.T)) for a, b in zip(own, foreign, strict=True)
        ]
        for _ in range(self.rounds):
            alike = sum(a @ (b[:, order] * sign).T for a, b in correlations)
            _, better = linear_sum_assignment(np.abs(alike), maximize=True)
            same, order = (better == order).all(), better
            sign = np.where(alike[ours, order] >= 0, 1, -1)
            if same:
                break
        return order, sign


@dataclass(frozen=True)
class Insider:
    """The rightful receiver infers from the code what its view deletes or generalises.

    It has the codes, its decoder, and known entries; it trains a classifier from code to a part of
    the hidden value: the value itself where it is a word, else its last digit or first letter. The
    baseline is what the receiver can tell without the code: the commonest answer or that of the
    same classifier on the view, whichever is better. The control is the value itself. The intervals
    hold for all findings at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    deep
        Whether to try a neural probe beside the linear one.
    """

    known: tuple[int, ...] = (100, 1000, 10_000)
    deep: bool = True
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        findings, numbers = [], up_to(self.known, len(case.known))
        hidden = {n: op for n, op in case.operations.items() if op is not Operation.DISCLOSE}
        for name, operation in hidden.items():
            asked, secret = _secret(name, case.known[name])
            truth = _secret(name, case.targets[name])[1]
            for n in numbers:
                commonest = secret[:n].mode()[0]
                if secret[:n].nunique() < 2:
                    continue
                view = self._guess(one_hot(case.known_views[:n]), secret[:n], one_hot(case.views))
                for deep in (False, True) if self.deep else (False,):
                    guess = self._guess(case.known_codes[:n], secret[:n], case.codes, deep)
                    findings.append(
                        share(
                            f"insider, {'neural' if deep else 'linear'} probe",
                            f"{n:,} known entries",
                            f"{name} ({operation.name.lower()}d): {asked}",
                            guess == truth,
                            float(max((truth == commonest).mean(), (view == truth).mean())),
                            1.0,
                            comparisons=(1 + self.deep) * len(hidden) * len(numbers),
                        )
                    )
        return findings

    def _guess(self, known, secret, targets, deep: bool = False) -> np.ndarray:
        if isinstance(known, list):
            model = make_pipeline(DictVectorizer(), LogisticRegression(max_iter=300))
        else:
            probe = (
                MLPClassifier((256,), early_stopping=True, random_state=self.seed)
                if deep
                else LogisticRegression(C=0.1, max_iter=300)
            )
            model = make_pipeline(StandardScaler(), probe)
        return model.fit(known, secret).predict(targets)


@dataclass(frozen=True)
class Linkage:
    """The attacker has codes and wants to know which are the same user's.

    A user's two codes are of entries some weeks apart. They are compared by the correlation of
    their standardised numbers. The measure is the probability that two codes of one user are more
    similar than those of two users; the baseline is a coin's, the control that of two views,
    compared by the number of equal values.

    With a second pair, the second code is of that pair's encoder. The attacker has seen entries
    go to both receivers (it knows their codes, not what they say) and fits a linear map between.

    Parameters
    ----------
    users
        How many, with two entries each.
    other, name
        The pair whose codes the second ones are, and what it is called; the victim's by default.
    """

    users: int = 500
    other: Pair | None = None
    name: str = ""
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        entries = simulate(self.users, 100, LINK_SEED)
        # The first and the last of a hundred, so that it isn't the day that links them.
        entries = entries[entries.index % 100 % 99 == 0].reset_index(drop=True)
        codes, setting = case.encode(entries), f"{self.users:,} users, two codes each"
        views = apply_policy(entries, case.pair.policy, case.pair.receiver).to_numpy()
        if self.other:
            theirs = case.of(self.other)
            move = foreign_to_own(theirs.known_codes, case.known_codes)
            codes[1::2] = move(theirs.encode(entries[1::2]))
            views[1::2] = apply_policy(entries[1::2], self.other.policy, self.other.receiver)
            setting += f", one by {self.name}'s encoder"
        scaled = np.empty_like(codes)
        for half in (slice(0, None, 2), slice(1, None, 2)):
            scaled[half] = StandardScaler().fit_transform(codes[half])
        scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
        rng = np.random.default_rng(self.seed)
        other = (np.arange(self.users) + rng.integers(1, self.users, self.users)) % self.users
        first, same, different = (
            2 * np.arange(self.users),
            2 * np.arange(self.users) + 1,
            2 * other + 1,
        )
        truth = np.repeat([1, 0], self.users)

        def area(similarity) -> np.ndarray:
            scores = np.concatenate([similarity(first, same), similarity(first, different)])
            resampled = []
            for _ in range(200):
                drawn = rng.integers(0, self.users, self.users)
                both = np.concatenate([drawn, drawn + self.users])
                resampled.append(roc_auc_score(truth[both], scores[both]))
            return np.array([roc_auc_score(truth, scores), *np.quantile(resampled, [0.025, 0.975])])

        by_code = area(lambda a, b: (scaled[a] * scaled[b]).sum(1))
        by_view = area(lambda a, b: (views[a] == views[b]).mean(1))
        return [
            Finding(
                "linkage", setting, "area under the ROC curve",
                *map(float, by_code), 0.5, float(by_view[0]),
            )
        ]  # fmt: skip


@dataclass(frozen=True)
class Tampering:
    """The attacker changes codes on their way; nothing but the decoded view could betray it.

    The measure is the share of changed codes whose view is another one and yet passes: twenty
    values, each of its attribute's form. The baseline is no such view, the control the share of
    unchanged codes that pass.

    Parameters
    ----------
    noise
        Sizes of normal noise, relative to each number's deviation.
    """

    noise: tuple[float, ...] = (0.01, 0.1, 0.3, 1.0)
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        rng = np.random.default_rng(self.seed)
        codes, half = case.codes, case.codes.shape[1] // 2
        deviation = codes.std(0)
        changed = {
            f"noise of {size:g} deviations": codes + deviation * _normal(rng, codes.shape, 0, size)
            for size in self.noise
        }
        changed["h and c swapped"] = np.roll(codes, half, axis=1)
        changed["h of one user, c of the next"] = np.concatenate(
            [codes[:, :half], np.roll(codes[:, half:], 1, axis=0)], axis=1
        )
        changed["the next user's code instead"] = np.roll(codes, 1, axis=0)
        before = case.read(codes)
        control = float(_passes(before, case).mean())
        findings = []
        for setting, new in changed.items():
            lines = case.read(new.astype(np.float32))
            unnoticed = _passes(lines, case) & (lines != before).to_numpy()
            findings.append(
                share("tampering", setting, "changed view, unnoticed", unnoticed, 0.0, control)
            )
        return findings


def _halves(codes: np.ndarray) -> list[np.ndarray]:
    """The states h and c."""
    return np.split(codes, 2, axis=1)


def _normal(rng: np.random.Generator, shape, middle: float, deviation: float) -> np.ndarray:
    return rng.normal(middle, deviation, shape).astype(np.float32)


def foreign_to_own(foreign: np.ndarray, own: np.ndarray, strength: float = 0.01) -> Callable:
    """The linear map from foreign codes to own ones of the same entries.

    Parameters
    ----------
    strength
        Of the ridge penalty, on standardised codes.
    """
    fit = make_pipeline(StandardScaler(), Ridge(strength, solver="svd")).fit(foreign, own)
    return lambda codes: fit.predict(codes).astype(np.float32)


def up_to(numbers: tuple[int, ...], most: int) -> list[int]:
    """Those that can be had, and all that can be had if that is between two of them."""
    return sorted({n for n in numbers if n < most} | {min(most, max(numbers))})


def _secret(name: str, values: pd.Series) -> tuple[str, pd.Series]:
    """The part of an attribute's values that is asked for, and what it is called."""
    if name in ("name", "address"):
        letters = values.str.extract(r"([a-z])", expand=False).fillna(MISSING)
        return "first letter", letters
    if values.str.contains(r"\d").any():
        return "last digit", values.str[-1]
    return "the value", values


def one_hot(views: pd.DataFrame) -> list[dict]:
    """Each view's values by attribute, as `DictVectorizer` takes them."""
    return views[list(NAMES)].to_dict(orient="records")


def _passes(lines: pd.Series, case: Case) -> np.ndarray:
    """Which lines have twenty values, each of a form that such a view has."""
    good = is_well_formed(lines)
    values = from_lines(lines, errors="coerce")
    usual = pd.concat([case.known_views, case.views])
    for a in ATTRIBUTES:
        column = values[a.name]
        if case.operations[a.name] is Operation.DISCLOSE:
            fits = column.str.fullmatch(a.pattern)
        elif a.name == "address" and case.operations[a.name] is Operation.GENERALISE:
            fits = column.str.fullmatch("[a-z][a-z-]*")
        else:
            fits = column.isin(usual[a.name])
        good &= fits.to_numpy()
    return good
