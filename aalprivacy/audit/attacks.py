"""The attacks from outside: the docstring of each class says what the attacker has and wants.

``run(case)`` returns its findings. All random choices are seeded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aalprivacy.attributes import DELETED, MISSING, Attribute, Form, in_words
from aalprivacy.audit.measure import (
    AREA,
    FEWEST,
    Case,
    Finding,
    Setting,
    noise_of,
    share,
    up_to,
)
from aalprivacy.generalisation import First, LastWord, Range, WordsOf
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation
from aalprivacy.recipe import PLACE_SPREAD, Recipe
from aalprivacy.text import from_lines, is_well_formed, view_lines
from aalprivacy.views import apply_policy

STRENGTHS = tuple(10.0**power for power in range(-2, 5))  # of ridge penalties
# The name of a pair that differs from the victim's only in the order and the signs of its units.
TWIN = "the same pair, re-keyed"
ATTACKERS = 4_000_000  # begins the seed of an attacker's first weights; no training has it


@dataclass(frozen=True)
class WrongKey:
    """The attacker has the codes and another pair's decoder, and decodes (paper, figure 6).

    The result is compared with the view that this other pair would have made of the same entries. A
    decoder for codes of another width can't read these, so it has no finding.

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
            if theirs.codes.shape != case.codes.shape:
                continue
            lines = theirs.read(case.codes)
            findings += theirs.reading("wrong key", Setting(own=name), lines)
        return findings


@dataclass(frozen=True)
class NearKey:
    """The attacker has the codes, and knows the decoder's weights only roughly or in part.

    In the first test, each weight is multiplied by a normal number with mean 1 and deviation
    `noise`. It shows how near a guess of the weights must come. In the second test, only some
    layers are known, and the others are those of a new decoder that has learned nothing.

    Parameters
    ----------
    noise
        Deviations, relative to the size of each weight, more than 0.
    seed
        Of the errors and of the new decoder. Default 0.
    """

    noise: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        rng = np.random.default_rng(self.seed)
        weights, findings = case.pair.weights, []
        for size in self.noise:
            changed = {
                name: weights[name] * _normal(rng, weights[name].shape, 1, size)
                for name in case.pair.architecture.names("decoder")
            }
            setting = Setting(f"weights off by {size:g} of their size", size)
            findings += self._try(case, setting, changed)
        fresh = fresh_decoder(case.pair, self.seed)
        for stolen in (("embedding",), ("lstm",), ("scores",), ("lstm", "scores")):
            guessed = {n: array for n, array in fresh.items() if _layer(n) not in stolen}
            findings += self._try(case, Setting(f"only known: {' and '.join(stolen)}"), guessed)
        return findings

    def _try(self, case: Case, setting: Setting, changed: dict) -> list[Finding]:
        lines = case.read(case.codes, case.pair.with_weights(changed))
        return case.reading("near key", setting, lines)


@dataclass(frozen=True)
class Neighbours:
    """The attacker knows some entries and their codes, and answers with the nearest one's view.

    "Nearest" is by the Euclidean distance of standardised codes.

    Parameters
    ----------
    known
        Numbers of known entries. Numbers above those of the case are replaced by the case's.
    """

    known: tuple[int, ...] = (10, 100, 1000, 10_000, 100_000)

    def run(self, case: Case) -> list[Finding]:
        findings, views = [], view_lines(case.known_views, case.schema)
        for n in up_to(self.known, len(case.known)):
            scaler = StandardScaler().fit(case.known_codes[:n])
            index = NearestNeighbors(n_neighbors=1).fit(scaler.transform(case.known_codes[:n]))
            nearest = index.kneighbors(scaler.transform(case.codes), return_distance=False)[:, 0]
            lines = views.iloc[nearest].reset_index(drop=True)
            findings += case.reading("nearest neighbour", Setting(known=n), lines)
        return findings


@dataclass(frozen=True)
class LinearMap:
    """The attacker has a pair of its own, and knows some entries and their codes.

    It encodes the known entries with its own encoder, fits a linear map from the foreign codes to
    its own, and reads every other code with its own decoder. The finding is about the view of the
    attacker's own receiver. This view may show what the victim's view deletes.

    Parameters
    ----------
    own, name
        The attacker's pair, and its name in the findings.
    known
        Numbers of known entries.
    strengths
        Of the ridge penalty, on standardised codes. The best one is chosen by cross-validation on
        the known entries.
    """

    own: Pair
    name: str
    known: tuple[int, ...] = (10, 30, 100, 300, 1000, 10_000, 100_000)
    strengths: tuple[float, ...] = STRENGTHS

    def run(self, case: Case) -> list[Finding]:
        mine, findings = case.of(self.own), []
        for n in up_to(self.known, len(case.known)):
            move = foreign_to_own(case.known_codes[:n], mine.known_codes[:n], self.strengths)
            setting = Setting(known=n, own=self.name)
            findings += mine.reading("linear map", setting, mine.read(move(case.codes)))
        return findings


@dataclass(frozen=True)
class Linkage:
    """The attacker has codes and wants to know which ones belong to the same user.

    Each user has two entries. The code of a user's first entry is compared with that of the same
    user's second entry, and with that of another user's second entry. If the schema has a time, the
    other user is one whose second entry is close in time. Codes are compared by the correlation of
    their standardised numbers.

    The measure is the probability that two codes of one user are more similar than codes of two
    users (the area under the ROC curve). The baseline is a coin's, 0.5. The control is the same for
    views in place of codes, compared by the number of equal values.

    With a second pair, each second code is made by that pair's encoder. The attacker has both codes
    of the known entries. It doesn't need to know these entries. It fits a linear map between the
    codes. For the control, a value that only one of the two views discloses is generalised before
    it is compared, and attributes that one of them deletes are left out.

    Without linked entries of at least ten users there are no findings.

    Parameters
    ----------
    other, name
        The pair that makes the second codes, and its name in the findings. By default it is the
        victim's pair.
    seed
        Of the choice of other users, and of the interval (bootstrap). Default 0.
    """

    other: Pair | None = None
    name: str = ""
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        entries, pair = case.linked, case.pair
        if entries is None or len(entries) < 2 * FEWEST:
            return []
        users = len(entries) // 2
        codes, says = case.encode(entries), f"{users:,} users, two codes each"
        views = apply_policy(entries, pair.policy, pair.receiver)
        if self.other:
            theirs = case.of(self.other)
            move = foreign_to_own(theirs.known_codes, case.known_codes)
            codes[1::2] = move(theirs.encode(entries[1::2]))
            views = _in_common(entries, pair, self.other)
            says += f", one by {in_words(self.name)}'s encoder"
        scaled = np.empty_like(codes)
        for half in (slice(0, None, 2), slice(1, None, 2)):
            scaled[half] = StandardScaler().fit_transform(codes[half])
        scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
        rng = np.random.default_rng(self.seed)
        order = _by_time(entries[1::2], case)
        if order is None:
            order = rng.permutation(users)
        # Another user at most ten places away: forwards, or backwards at the end.
        steps = rng.integers(1, min(11, users), users)
        places = np.arange(users) + steps
        places = np.where(places < users, places, places - 2 * steps)
        other = np.empty(users, int)
        other[order] = order[places]
        first = 2 * np.arange(users)
        same, different = first + 1, 2 * other + 1

        def told_apart(similarity: Callable) -> np.ndarray:
            alike, apart = similarity(first, same), similarity(first, different)
            draws = [rng.integers(0, users, users) for _ in range(200)]
            resampled = [area(alike[drawn], apart[drawn]) for drawn in draws]
            return np.array([area(alike, apart), *np.quantile(resampled, [0.025, 0.975])])

        by_code = told_apart(lambda a, b: (scaled[a] * scaled[b]).sum(1))
        shown = views.to_numpy()
        # Views without a common attribute are equal.
        by_view = told_apart(lambda a, b: (shown[a] == shown[b]).sum(1))
        return [
            Finding(
                "linkage", Setting(says), AREA,
                *map(float, by_code), 0.5, float(by_view[0]),
            )
        ]  # fmt: skip


@dataclass(frozen=True)
class Tampering:
    """The attacker changes codes on their way. Can the receiver see it in the decoded view?

    Only codes count whose view is another one than before the change. The measure is the share of
    these views that have the right form: as many values as there are attributes, and each value of
    a form that it has in such views. A generalised value must be one that its rule can give; if the
    rule is a plain function, one that occurs in the known views or the targets' views. The baseline
    is 0, and the control is the share of views of the right form before any change. If no view
    changes, there is no finding.

    Parameters
    ----------
    noise
        Sizes of normal noise, relative to the standard deviation of each number of a code.
    seed
        Of the noise. Default 0.
    """

    noise: tuple[float, ...] = (0.01, 0.1, 0.3, 1.0)
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        rng = np.random.default_rng(self.seed)
        codes, half = case.codes, case.codes.shape[1] // 2
        deviation = codes.std(0)
        changed = {
            noise_of(size): codes + deviation * _normal(rng, codes.shape, 0, size)
            for size in self.noise
        }
        changed[Setting("h and c swapped")] = np.roll(codes, half, axis=1)
        changed[Setting("h of one user, c of the next")] = np.concatenate(
            [codes[:, :half], np.roll(codes[:, half:], 1, axis=0)], axis=1
        )
        changed[Setting("the next user's code instead")] = np.roll(codes, 1, axis=0)
        before = case.read(codes)
        control = float(_passes(before, case).mean())
        findings = []
        for setting, new in changed.items():
            lines = case.read(new.astype(np.float32))
            other = (lines != before).to_numpy()
            if other.any():
                passing = _passes(lines, case)[other]
                says = f"{setting.says}, {other.mean():.0%} of the views changed"
                setting = replace(setting, says=says)
                findings.append(
                    share("tampering", setting, "changed views that pass", passing, 0.0, control)
                )
        return findings


def _normal(rng: np.random.Generator, shape, middle: float, deviation: float) -> np.ndarray:
    return rng.normal(middle, deviation, shape).astype(np.float32)


def foreign_to_own(
    foreign: np.ndarray, own: np.ndarray, strengths: tuple[float, ...] = STRENGTHS
) -> Callable:
    """The linear map from foreign codes to own codes of the same entries.

    Parameters
    ----------
    foreign, own
        float32 ``(n, width)`` each; the widths may differ.
    strengths
        Of the ridge penalty, on standardised codes. The one with the least error on entries left
        out of the fit is taken.

    Returns
    -------
    A function from foreign codes to own ones, float32.
    """
    fit = _ridge(strengths).fit(foreign, own)
    return lambda codes: fit.predict(codes).astype(np.float32)


def as_own(foreign: np.ndarray, own: np.ndarray, folds: int = 5) -> np.ndarray:
    """Foreign codes mapped as by `foreign_to_own`, each by a map that was fitted without it.

    So they are as far from the own codes as those of unknown entries, float32 ``(n, width)``.
    """
    folds = min(folds, len(own))
    return cross_val_predict(_ridge(STRENGTHS), foreign, own, cv=folds).astype(np.float32)


def _ridge(strengths: tuple[float, ...]):
    return make_pipeline(StandardScaler(), RidgeCV(list(strengths)))  # a tuple of one is refused


def fresh_decoder(pair: Pair, seed: int) -> dict[str, np.ndarray]:
    """A decoder of a pair's form that has learned nothing: name -> float32 array.

    Its weights are drawn like the first weights of a training: kernels as in Keras (uniform after
    Glorot & Bengio 2010, the recurrent one orthogonal), token vectors and gate biases as in
    `aalprivacy.initial`. An attacker doesn't know the victim's seed. So no training of any seed
    starts with these arrays.
    """
    rng, recipe = np.random.default_rng([ATTACKERS, seed]), Recipe()
    shapes, units = pair.architecture.shapes(), pair.architecture.units
    forget = np.log(rng.uniform(1, pair.schema.longest, units))
    arrays = {}
    for name in pair.architecture.names("decoder"):
        layer, array = name.split("/")[1:]
        if array == "embeddings":
            spread = recipe.spread if layer == "embedding" else PLACE_SPREAD
            arrays[name] = rng.normal(0, spread, shapes[name])
        elif array == "kernel":
            limit = np.sqrt(6 / sum(shapes[name]))
            arrays[name] = rng.uniform(-limit, limit, shapes[name])
        elif array == "recurrent_kernel":
            q, r = np.linalg.qr(rng.normal(size=(4 * units, units)))
            arrays[name] = (q * np.sign(np.diag(r))).T
        elif layer == "lstm":
            # Its bias, in Keras' order of the gates: input, forget, candidate, output.
            arrays[name] = np.concatenate([-forget, forget, np.zeros(2 * units)])
        else:
            arrays[name] = np.zeros(shapes[name])
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _layer(array: str) -> str:
    """The layer of an array's name; the vectors of attributes and places count as embedding."""
    return "embedding" if array.endswith("/embeddings") else array.split("/")[1]


def area(alike: np.ndarray, apart: np.ndarray) -> float:
    """Area under the ROC curve: how often a number of `alike` is the larger; ties count half."""
    ranks = rankdata(np.concatenate([alike, apart]))[: len(alike)]
    return (ranks.mean() - (len(alike) + 1) / 2) / len(apart)


def _in_common(entries: pd.DataFrame, one: Pair, other: Pair) -> pd.DataFrame:
    """What the views of two pairs' receivers have in common, as both can be made to show it."""
    pairs = {p: dict(p.policy.for_receiver(p.receiver)) for p in (one, other)}
    views = {p: apply_policy(entries, p.policy, p.receiver) for p in pairs}
    shared = {}
    for name in one.schema.names:
        says = {p: operations[name] for p, operations in pairs.items()}
        if Operation.DELETE not in says.values():
            general = [p for p in pairs if says[p] is Operation.GENERALISE]
            shared[name] = views[[*general, one][0]][name]
    return pd.DataFrame(shared, index=entries.index)


def _by_time(entries: pd.DataFrame, case: Case) -> np.ndarray | None:
    """The rows of entries in the order of the schema's first time; ``None`` if it has no time."""
    attribute = next((a for a in case.schema.attributes if a.time), None)
    if attribute is None:
        return None
    time = pd.to_datetime(entries[attribute.name], format=attribute.time, errors="coerce")
    return np.argsort(time.to_numpy(), kind="stable")


def _passes(lines: pd.Series, case: Case) -> np.ndarray:
    """Which lines have a value of the right form for each attribute: bool ``(n,)``."""
    good = is_well_formed(lines, case.schema)
    values = from_lines(lines, case.schema, errors="coerce")
    for a in case.schema.attributes:
        column, operation = values[a.name], case.operations[a.name]
        if operation is Operation.DISCLOSE:
            good &= a.fits(column)
        elif operation is Operation.GENERALISE:
            good &= _is_general(column, a, case)
        else:
            good &= (column == DELETED).to_numpy(bool)
    return good


def _is_general(column: pd.Series, attribute: Attribute, case: Case) -> np.ndarray:
    """Which values the attribute's rule can give, bool ``(n,)``; a missing value is one of them.

    The results of a rule that is a plain function are unknown. There the values in the known views
    and in the targets' views count.
    """
    rule = attribute.generalise
    results = getattr(rule, "results", lambda: None)()
    if isinstance(rule, WordsOf):
        return attribute.fits(column) | (column == DELETED).to_numpy(bool)  # any text
    if isinstance(rule, LastWord):
        good = column.str.fullmatch(r"\S+")
    elif isinstance(rule, Range):
        good = column.map(rule.gives).to_numpy(bool)
        ends = column.where(good).str.extract("(-?[^-]+)-(.+)").astype(float)
        least = -np.inf if attribute.least is None else attribute.least
        most = np.inf if attribute.most is None else attribute.most
        good = (ends[0] <= most) & (ends[1] >= least)  # of no range, it is false
    elif isinstance(rule, First) and attribute.form is Form.DIGITS:
        good = column.str.fullmatch(f"[0-9]{{1,{rule.count}}}")
    elif results is not None:
        good = column.isin(results)
    else:
        usual = pd.concat([case.known_views[attribute.name], case.views[attribute.name]])
        good = column.isin(usual)
    return np.asarray(good, bool) | (column == MISSING).to_numpy(bool)
