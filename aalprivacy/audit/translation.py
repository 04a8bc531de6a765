"""The attacker who knows no entry, and learns to translate foreign codes into its own.

It has many codes of both kinds, of different entries of the same sort. Such entries give both sets
of codes a similar shape. So a map that makes one set look like the other may be the right one.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from aalprivacy.audit.measure import FEWEST, Case, Finding, Setting
from aalprivacy.audit.statistics import units_matched, unpaired
from aalprivacy.pair import Pair

CERTAIN = 300  # codes by which the attacker chooses among translations
WEIGHTS = (0.0, 0.03, 0.1)  # tried in `matched`
LEAST_SPREAD = 1e-6  # variance of a direction, relative to the largest one
ROUNDS = 250  # of the search for components, at most
LOOKS = 8  # how often the adversaries' translation is judged

Translate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Translation:
    """The attacker has a pair of its own and many foreign codes, knows no entry, and translates.

    It works on independent components of the codes. It begins with several guesses:

    - The foreign codes are nearly its own, because one pair continued the training of the other.
    - The units have another order and other signs, as in a re-keyed pair
      (`aalprivacy.audit.Statistics`).
    - Foreign and own codes are two linear images of the same thing. Independent components
      (Hyvärinen & Oja 2000, Independent component analysis, Neural Networks 13) are the same in any
      linear image. So the components of the foreign codes are matched with the own ones by their
      distributions, and by how much of a code's variance they carry.

    Then adversarial training improves the best guess, similar to vec2vec (Jha et al. 2025,
    Harnessing the universal geometry of embeddings, arXiv:2505.12540). Two translators, there and
    back, learn three things. Their codes should look real to critics, which learn to recognise
    translated codes. There and back should lead to the beginning. And similar codes should stay
    similar.

    The attacker takes the translation whose codes its own decoder reads with the greatest
    certainty. It can see this without knowing any entry. The widths of foreign and own codes may
    differ.

    Parameters
    ----------
    own, name
        The attacker's pair, and its name in the findings.
    components
        How many components at most.
    updates
        How many updates the adversaries are trained for. With 0 they are left out, and TensorFlow
        isn't needed.
    most
        How many codes of each kind the attacker looks at, at most.
    seed
        Of all random choices. Default 0.
    """

    own: Pair
    name: str
    components: int = 200
    updates: int = 2000
    most: int = 100_000
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        theirs = case.of(self.own)
        own, foreign = unpaired(case, theirs, self.most)
        count = min(self.components, len(own) // FEWEST, len(foreign) // FEWEST)
        if not count:  # too few codes for a single component
            return []
        mine, seen = (Components.of(codes, count, self.seed) for codes in (own, foreign))
        x, y = seen.of_codes(foreign), mine.of_codes(own)
        sample = np.random.default_rng(self.seed).permutation(len(x))[:CERTAIN]

        def doubt(translate: Translate) -> float:
            codes = mine.to_codes(translate(x[sample]))
            lines = theirs.read(codes).str[: case.schema.longest]  # some never end
            return float(theirs.pair.losses(codes, lines).sum(axis=1).mean())

        turns = {f"components matched, weight {w:g}": matched(x, y, seen, mine, w) for w in WEIGHTS}
        if own.shape[1] == foreign.shape[1]:
            order, sign = units_matched(own, foreign)
            turns["codes as they are"] = seen.back @ mine.into
            turns["units matched"] = seen.back[:, order] * sign @ mine.into
        ways: dict[str, Translate] = {says: linear(turn) for says, turn in turns.items()}
        best = min(ways, key=lambda says: doubt(ways[says]))
        if self.updates:
            better = adversaries(x, y, turns[best], doubt, self.updates, self.seed)
            if better is not None:
                best = f"{best}, then adversaries"
                ways[best] = better
        setting = Setting(f"{len(foreign):,} codes, {best}", own=self.name)
        written = mine.to_codes(ways[best](seen.of_codes(case.codes)))
        return theirs.reading("translation", setting, theirs.read(written))


@dataclass(frozen=True, eq=False)
class Components:
    """Independent components of codes.

    Parameters
    ----------
    mean, into
        Components are ``(code - mean) @ into``, `mean` ``(width,)`` and `into` ``(width, k)``. Each
        component has deviation 1.
    back
        Codes are approximately ``components @ back + mean``, `back` ``(k, width)``.
    """

    mean: np.ndarray
    into: np.ndarray
    back: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray, count: int, seed: int) -> "Components":
        """The components of codes ``(n, width)``, at most `count`; directions of most variance."""
        codes = codes.astype(np.float32)
        spread = np.linalg.eigvalsh(np.cov(codes.T))[::-1]
        count = min(count, int((spread > LEAST_SPREAD * spread[0]).sum()))
        found = FastICA(
            count, whiten="unit-variance", whiten_solver="eigh", max_iter=ROUNDS, tol=1e-3,
            random_state=seed,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # normal directions never settle
            warnings.filterwarnings("ignore", "There are some small singular values")
            found.fit(codes)
        return cls(found.mean_, found.components_.T, found.mixing_.T)

    def of_codes(self, codes: np.ndarray) -> np.ndarray:
        """Float32 ``(n, k)``."""
        return ((codes - self.mean) @ self.into).astype(np.float32)

    def to_codes(self, components: np.ndarray) -> np.ndarray:
        """Float32 ``(n, width)``."""
        return (components @ self.back + self.mean).astype(np.float32)


def linear(turn: np.ndarray) -> Translate:
    """The translation by one matrix."""
    return lambda components: components @ turn


def matched(
    x: np.ndarray, y: np.ndarray, seen: Components, mine: Components, weight: float
) -> np.ndarray:
    """The matrix from foreign components to own ones that changes only their order and signs.

    Parameters
    ----------
    x, y
        Components of foreign and of own codes, ``(n, k)`` each.
    seen, mine
        The components themselves.
    weight
        How much the variance that a component carries counts in the match, compared with its
        distribution.

    Returns
    -------
    float32 ``(k of x, k of y)``.
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


def adversaries(
    x: np.ndarray,
    y: np.ndarray,
    turn: np.ndarray,
    doubt: Callable[[Translate], float],
    updates: int,
    seed: int,
    *,
    hidden: int = 256,
    batch: int = 256,
    rate: float = 3e-4,
    cycle: float = 10.0,
) -> Translate | None:
    """Adversarial training: translators there and back against critics of both sides.

    A translator is a matrix plus a hidden layer whose output is 0 at first. The critics' targets
    are smoothed, as in MUSE (Conneau et al. 2018, arXiv:1710.04087).

    Parameters
    ----------
    x, y
        Components of foreign and of own codes, float32 ``(n, k)``.
    turn
        The matrix that the translator begins with. The one back begins with its pseudo-inverse.
    doubt
        Measures how bad a translation is.
    updates, seed
        As for `Translation`.
    hidden, batch, rate
        Width of hidden layers, examples in each update, and Adam's learning rate at the beginning.
    cycle
        The weight of the losses for leading back to the beginning and for keeping similarities.

    Returns
    -------
    The best of the translations that were judged; ``None`` if none is better than the beginning.
    """
    from aalprivacy.quiet import keras, no_stderr, tf

    rng, layers = np.random.default_rng([seed, 7]), keras.layers
    keras.utils.set_random_seed(seed)

    def translator(matrix: np.ndarray):
        code = keras.Input((matrix.shape[0],))
        straight = layers.Dense(matrix.shape[1])
        inside = layers.Dense(hidden, "relu")(code)
        bent = layers.Dense(matrix.shape[1], kernel_initializer="zeros")(inside)
        model = keras.Model(code, straight(code) + bent)
        straight.set_weights([matrix.astype(np.float32), np.zeros(matrix.shape[1], np.float32)])
        return model

    def critic(width: int):
        parts = [keras.Input((width,)), layers.Dropout(0.1)]
        for _ in range(2):
            parts += [layers.Dense(hidden), layers.LeakyReLU(negative_slope=0.2)]
        return keras.Sequential([*parts, layers.Dense(1)])

    there, back = translator(turn), translator(np.linalg.pinv(turn))
    critics = [critic(part.shape[1]) for part in (x, y)]
    learners = {
        "critics": [v for model in critics for v in model.trainable_variables],
        "translators": there.trainable_variables + back.trainable_variables,
    }
    adam = {who: keras.optimizers.Adam(rate, beta_1=0.5) for who in learners}
    for who, optimizer in adam.items():
        optimizer.build(learners[who])

    def told(model, codes, target: float):
        scores = model(codes, training=True)
        wanted = tf.fill(tf.shape(scores), target)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wanted, scores))

    def alike(codes):
        return tf.matmul(codes, codes, transpose_b=True) / float(codes.shape[1])

    shapes = [tf.TensorSpec([None, part.shape[1]], tf.float32) for part in (x, y)]

    @tf.function(input_signature=shapes)
    def update(foreign, own):
        made = back(own), there(foreign)
        with tf.GradientTape() as tape:
            seen = zip(critics, (foreign, own), made, strict=True)
            loss = tf.add_n([told(m, real, 0.9) + told(m, fake, 0.1) for m, real, fake in seen])
        adam["critics"].apply(tape.gradient(loss, learners["critics"]), learners["critics"])
        with tf.GradientTape() as tape:
            made = back(own), there(foreign)
            fooled = [told(model, fake, 0.9) for model, fake in zip(critics, made, strict=True)]
            again = tf.reduce_mean((back(made[1]) - foreign) ** 2)
            again += tf.reduce_mean((there(made[0]) - own) ** 2)
            kept = tf.reduce_mean((alike(made[1]) - alike(foreign)) ** 2)
            kept += tf.reduce_mean((alike(made[0]) - alike(own)) ** 2)
            loss = tf.add_n(fooled) + cycle * (again + kept)
        slopes = tape.gradient(loss, learners["translators"])
        adam["translators"].apply(slopes, learners["translators"])

    def translate(codes: np.ndarray) -> np.ndarray:
        return np.asarray(there(codes))

    least, best = doubt(linear(turn)), None
    for step in range(updates):
        for optimizer in adam.values():
            optimizer.learning_rate = rate * (1 - 0.9 * step / updates)
        rows = rng.integers(0, len(x), batch), rng.integers(0, len(y), batch)
        with no_stderr():
            update(x[rows[0]], y[rows[1]])
        if (step + 1) % max(1, updates // LOOKS) == 0 and (now := doubt(translate)) < least:
            least, best = now, there.get_weights()
    if best is None:
        return None
    there.set_weights(best)
    return translate
