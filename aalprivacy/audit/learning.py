"""The attacker who trains: a decoder of its own, from nothing but codes and known entries."""

from dataclasses import dataclass

import numpy as np

from aalprivacy.audit.attacks import up_to
from aalprivacy.audit.measure import Case, Finding
from aalprivacy.initial import start
from aalprivacy.model import Pair, build_decoder
from aalprivacy.quiet import keras, tf
from aalprivacy.recipe import Recipe
from aalprivacy.text import PAD, to_lines, to_tokens, trim


@dataclass(frozen=True)
class OwnDecoder:
    """The attacker has codes and the views of the entries behind them, and no pair at all.

    It trains a decoder of the victim's form, which anybody knows, on them: the paper (section VI)
    says that it can't be done.

    Parameters
    ----------
    known
        Numbers of known entries.
    updates, batch_size, learning_rate
        Of the training for each number; Adam's rate falls in a straight line to a tenth.
    seed
        Of first weights and batches.
    """

    known: tuple[int, ...] = (1000, 10_000, 100_000)
    updates: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        findings = []
        for n in up_to(self.known, len(case.known)):
            decoder = self._learn(case.known_codes[:n], to_tokens(to_lines(case.known_views[:n])))
            lines = case.read(case.codes, Pair(case.pair.encoder, decoder))
            findings += case.reading("own decoder", f"{n:,} known entries", lines)
        return findings

    def _learn(self, codes: np.ndarray, views: np.ndarray) -> keras.Model:
        recipe = Recipe(seed=self.seed, units=codes.shape[1] // 2)
        keras.utils.set_random_seed(self.seed)
        decoder = build_decoder(recipe.units, recipe.embedding, product_dtype="float32")
        start(decoder, recipe)
        optimizer = keras.optimizers.Adam(self.learning_rate, global_clipnorm=1.0)
        optimizer.build(decoder.trainable_variables)
        rng = np.random.default_rng([self.seed, 4])

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None, codes.shape[1]]),
            ]
        )
        def update(view, code):
            before = tf.pad(view[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
            with tf.GradientTape() as tape:
                scores = decoder([before, code], training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(view, scores)
                inside = tf.cast(view != PAD, tf.float32)
                loss = tf.reduce_sum(losses * inside) / tf.reduce_sum(inside)
            gradients = tape.gradient(loss, decoder.trainable_variables)
            optimizer.apply(
                [tf.convert_to_tensor(g) for g in gradients], decoder.trainable_variables
            )

        for step in range(self.updates):
            optimizer.learning_rate = self.learning_rate * (1 - 0.9 * step / self.updates)
            rows = rng.integers(0, len(codes), self.batch_size)
            update(tf.constant(trim(views[rows])), tf.constant(codes[rows]))
        return decoder
