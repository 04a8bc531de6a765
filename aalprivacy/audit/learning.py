"""The attackers who train a decoder of their own on codes and known entries."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.feature_extraction import DictVectorizer

from aalprivacy.audit.attacks import foreign_to_own, one_hot, up_to
from aalprivacy.audit.measure import Case, Finding, share
from aalprivacy.initial import start
from aalprivacy.model import Pair, build_decoder
from aalprivacy.policy import Operation
from aalprivacy.quiet import keras, tf
from aalprivacy.recipe import Recipe
from aalprivacy.text import PAD, from_lines, to_lines, to_tokens, trim


@dataclass(frozen=True)
class Training:
    """How an attacker trains.

    Parameters
    ----------
    updates, batch_size, learning_rate
        Adam's rate falls in a straight line to a tenth.
    seed
        Of first weights and batches.
    """

    updates: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    seed: int = 0

    def run(
        self, codes: np.ndarray, texts: np.ndarray, begin: keras.Model | None = None
    ) -> keras.Model:
        """A decoder that has learned to write the texts from the codes.

        Parameters
        ----------
        codes
            float32 ``(n, 2 units)``.
        texts
            Tokens ``(n, length)``.
        begin
            A decoder whose weights to begin with, in place of new ones.
        """
        recipe = Recipe(seed=self.seed, units=codes.shape[1] // 2)
        keras.utils.set_random_seed(self.seed)
        decoder = build_decoder(recipe.units, recipe.embedding, product_dtype="float32")
        start(decoder, recipe)
        if begin:
            decoder.set_weights(begin.get_weights())
        optimizer = keras.optimizers.Adam(self.learning_rate, global_clipnorm=1.0)
        optimizer.build(decoder.trainable_variables)
        rng = np.random.default_rng([self.seed, 4])

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None, codes.shape[1]]),
            ]
        )
        def update(text, code):
            before = tf.pad(text[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
            with tf.GradientTape() as tape:
                scores = decoder([before, code], training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(text, scores)
                inside = tf.cast(text != PAD, tf.float32)
                loss = tf.reduce_sum(losses * inside) / tf.reduce_sum(inside)
            gradients = tape.gradient(loss, decoder.trainable_variables)
            optimizer.apply(
                [tf.convert_to_tensor(g) for g in gradients], decoder.trainable_variables
            )

        for step in range(self.updates):
            optimizer.learning_rate = self.learning_rate * (1 - 0.9 * step / self.updates)
            rows = rng.integers(0, len(codes), self.batch_size)
            update(tf.constant(trim(texts[rows])), tf.constant(codes[rows]))
        return decoder


@dataclass(frozen=True)
class OwnDecoder:
    """The attacker has codes and the views of the entries behind them, and trains a decoder.

    The form of the victim's is known to anybody. The paper (section VI) says that it can't be done.

    Parameters
    ----------
    own, name
        The attacker's own pair and what it is called, or none. With one, the attacker begins with
        its decoder, behind a linear map from the foreign codes to its own as in `LinearMap`;
        without, with new weights.
    known
        Numbers of known entries.
    training
        For each number.
    """

    own: Pair | None = None
    name: str = ""
    known: tuple[int, ...] = (1000, 10_000, 100_000)
    training: Training = Training()

    def run(self, case: Case) -> list[Finding]:
        findings = []
        for n in up_to(self.known, len(case.known)):
            views = to_tokens(to_lines(case.known_views[:n]))
            known, codes, begin, setting = case.known_codes[:n], case.codes, None, ""
            if self.own:
                move = foreign_to_own(known, case.of(self.own).known_codes[:n])
                known, codes = move(known), move(codes)
                begin, setting = self.own.decoder, f", own pair: {self.name}"
            decoder = self.training.run(known, views, begin)
            lines = case.read(codes, Pair(case.pair.encoder, decoder))
            findings += case.reading("own decoder", f"{n:,} known entries{setting}", lines)
        return findings


@dataclass(frozen=True)
class WholeEntry:
    """The rightful receiver trains a decoder of the whole entry, beginning with the one it has.

    It is `Insider` at its strongest: "deleted" means that this one learns no more than the view
    says. The baseline for each hidden attribute is the commonest value or that of the known entry
    whose view is the most alike, whichever is right more often. The intervals hold for all
    findings at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    training
        For each number.
    """

    known: tuple[int, ...] = (1000, 10_000, 100_000)
    training: Training = Training()

    def run(self, case: Case) -> list[Finding]:
        hidden = {n: op for n, op in case.operations.items() if op is not Operation.DISCLOSE}
        numbers, findings = up_to(self.known, len(case.known)), []
        for n in numbers:
            known = case.known[:n]
            decoder = self.training.run(
                case.known_codes[:n], to_tokens(to_lines(known)), case.pair.decoder
            )
            lines = case.read(case.codes, Pair(case.pair.encoder, decoder))
            guess = from_lines(lines, errors="coerce")
            alike = known.iloc[_most_alike(case.known_views[:n], case.views)]
            for name, operation in hidden.items():
                truth = case.targets[name].to_numpy()
                blind = max(
                    (truth == known[name].mode()[0]).mean(),
                    (truth == alike[name].to_numpy()).mean(),
                )
                findings.append(
                    share(
                        "insider, whole entry",
                        f"{n:,} known entries",
                        f"{name} ({operation.name.lower()}d): the value",
                        guess[name].to_numpy() == truth,
                        float(blind),
                        1.0,
                        comparisons=len(hidden) * len(numbers),
                    )
                )
        return findings


def _most_alike(known: pd.DataFrame, views: pd.DataFrame) -> np.ndarray:
    """For each view the place of the known one that has the most values in common with it."""
    vectorizer = DictVectorizer().fit(one_hot(known))
    have, want = vectorizer.transform(one_hot(known)), vectorizer.transform(one_hot(views))
    steps = [want[at : at + 100] @ have.T for at in range(0, want.shape[0], 100)]
    return np.concatenate([np.asarray(step.argmax(axis=1)).ravel() for step in steps])
