"""The attacker who knows no entry, and learns to translate foreign codes into its own.

It has many of both, of entries that are alike but not the same. Both sets of codes have the shape
that the entries give them, so a map that makes the one set look like the other may be the right one.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from aalprivacy.audit.measure import FEWEST, Case, Finding, Setting
from aalprivacy.audit.statistics import unpaired
from aalprivacy.pair import Pair

CERTAIN = 300  # codes by which the attacker chooses among translations
WEIGHTS = (0.0, 0.03, 0.1)  # what is tried for how much it counts how much a component carries
LEAST_SPREAD = 1e-6  # of a direction, against the widest one's variance
ROUNDS = 250  # of looking for components


@dataclass(frozen=True)
class Translation:
    """The attacker has a pair of its own and many foreign codes, knows no entry, and translates.

    First by independent components (Hyvärinen & Oja 2000, Independent component analysis,
    Neural Networks 13): directions in which codes are as far from normal as can be, such as a
    disease that few have. They can be found in any linear image of the codes. Components of the
    foreign codes and of the own ones are matched by their distributions, and by how much of a code
    they carry.

    Then by adversaries: two linear maps, there and back, learn to make each set of codes look like
    the other to a critic that learns to tell them, and to lead back to where they began, as in
    vec2vec (Jha et al. 2025, Harnessing the universal geometry of embeddings, arXiv:2505.12540) and
    MUSE (Conneau et al. 2018, Word translation without parallel data, arXiv:1710.04087). They begin
    with the components as they were matched: from a random beginning they find nothing even between
    codes of one encoder.

    Of several translations the attacker takes the one whose codes its decoder reads with the
    greatest certainty, which it can see without knowing any entry. Codes of another width than its
    own are no obstacle.

    Parameters
    ----------
    own, name
        The attacker's pair and what it is called.
    components
        At most so many.
    updates
        Of the adversaries; 0 leaves them out, and with them TensorFlow.
    most
        Codes of each kind that are looked at, at most.
    """

    own: Pair
    name: str
    components: int = 200
    updates: int = 2000
    most: int = 20_000
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        theirs = case.of(self.own)
        own, foreign = unpaired(case, theirs, self.most)
        count = min(self.components, len(own) // FEWEST, len(foreign) // FEWEST)
        mine, seen = (Components.of(codes, count, self.seed) for codes in (own, foreign))
        x, y = seen.of_codes(foreign), mine.of_codes(own)
        sample = np.random.default_rng(self.seed).permutation(len(foreign))[:CERTAIN]

        def written(codes: np.ndarray, turn: np.ndarray) -> np.ndarray:
            return mine.to_codes(seen.of_codes(codes) @ turn)

        def doubt(turn: np.ndarray) -> float:
            codes = written(foreign[sample], turn)
            lines = theirs.read(codes)
            return float(theirs.pair.losses(codes, lines).sum(axis=1).mean())

        turns = [matched(x, y, seen, mine, weight) for weight in WEIGHTS]
        best = min(turns, key=doubt)
        ways = {"translation, components": best}
        if self.updates:
            ways["translation, adversaries"] = adversaries(x, y, best, self.updates, self.seed)
        setting = Setting(f"{len(foreign):,} codes, {x.shape[1]} components", own=self.name)
        return [
            finding
            for attack, turn in ways.items()
            for finding in theirs.reading(attack, setting, theirs.read(written(case.codes, turn)))
        ]


@dataclass(frozen=True)
class Components:
    """Independent components of codes.

    Parameters
    ----------
    mean, into, back
        A code less the mean, times `into` ``(width, k)``, is its components, each of deviation 1;
        and these times `back` ``(k, width)``, and the mean, are the code.
    """

    mean: np.ndarray
    into: np.ndarray
    back: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray, count: int, seed: int) -> "Components":
        """At most so many components, those of the directions in which codes vary most."""
        codes = codes.astype(np.float32)
        spread = np.linalg.eigvalsh(np.cov(codes.T))[::-1]
        count = min(count, int((spread > LEAST_SPREAD * spread[0]).sum()))
        found = FastICA(
            count, whiten="unit-variance", whiten_solver="eigh", max_iter=ROUNDS, tol=1e-3,
            random_state=seed,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # normal directions never settle
            found.fit(codes)
        return cls(found.mean_, found.components_.T, found.mixing_.T)

    def of_codes(self, codes: np.ndarray) -> np.ndarray:
        """Float32 ``(n, k)``."""
        return ((codes - self.mean) @ self.into).astype(np.float32)

    def to_codes(self, components: np.ndarray) -> np.ndarray:
        """Float32 ``(n, width)``."""
        return (components @ self.back + self.mean).astype(np.float32)


def matched(
    x: np.ndarray, y: np.ndarray, seen: Components, mine: Components, weight: float
) -> np.ndarray:
    """Foreign components to own ones by a matrix that moves each and may turn its sign.

    Parameters
    ----------
    x, y
        Components of foreign and of own codes.
    weight
        How much it counts how much of a code a component carries.
    """
    at = np.linspace(0.002, 0.998, 201)
    theirs, ours = np.quantile(x, at, axis=0), np.quantile(y, at, axis=0)
    apart = {
        sign: np.abs(turned[:, :, None] - ours[:, None]).mean(0)
        for sign, turned in ((1, theirs), (-1, -theirs[::-1]))
    }
    carried = [np.log((part.back**2).sum(axis=1)) for part in (seen, mine)]
    other = np.abs(np.subtract.outer(*(part - part.mean() for part in carried)))
    rows, columns = linear_sum_assignment(np.minimum(*apart.values()) + weight * other)
    turn = np.zeros((x.shape[1], y.shape[1]), np.float32)
    turn[rows, columns] = np.where(apart[1] <= apart[-1], 1, -1)[rows, columns]
    return turn
