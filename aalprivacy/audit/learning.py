"""The attackers who train a decoder of their own on codes and known entries."""

from dataclasses import dataclass

import numpy as np

from aalprivacy.audit.attacks import as_own, foreign_to_own, new_decoder
from aalprivacy.audit.insider import from_view
from aalprivacy.audit.measure import Case, Finding, Setting, paired, up_to
from aalprivacy.model import Pair
from aalprivacy.quiet import keras, tf
from aalprivacy.text import PAD, from_lines, to_lines, to_tokens, trim
from aalprivacy.training import faster_product_dtype, shards


@dataclass(frozen=True)
class Training:
    """How an attacker trains.

    It leaves a tenth of what it knows, up to 500 entries, out of the training, looks ten times how
    well it reads these, and keeps the best.

    Parameters
    ----------
    updates, batch_size, learning_rate, begun_rate
        Adam's rate falls in a straight line to a tenth; the second is for a decoder that has
        learned before.
    seed
        Of first weights and batches.
    """

    updates: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    begun_rate: float = 5e-4
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
        decoder = new_decoder(codes.shape[1] // 2, self.seed, faster_product_dtype())
        if begin:
            decoder.set_weights(begin.get_weights())
        rate = self.begun_rate if begin else self.learning_rate
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
        optimizer.build(decoder.trainable_variables)
        rng = np.random.default_rng([self.seed, 4])

        signature = [
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, codes.shape[1]]),
        ]

        @tf.function(input_signature=signature)
        def loss_of(text, code):
            before = tf.pad(text[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
            total = 0.0
            for ts, bs, cs in shards(text, before, code):
                scores = decoder([bs, cs], training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(ts, scores)
                total += tf.reduce_sum(losses * tf.cast(ts != PAD, tf.float32))
            return total / tf.reduce_sum(tf.cast(text != PAD, tf.float32))

        @tf.function(input_signature=signature)
        def update(text, code):
            with tf.GradientTape() as tape:
                loss = loss_of(text, code)
            gradients = tape.gradient(loss, decoder.trainable_variables)
            optimizer.apply(
                [tf.convert_to_tensor(g) for g in gradients], decoder.trainable_variables
            )

        def tensors(rows):
            return tf.constant(trim(texts[rows])), tf.constant(codes[rows])

        held = min(500, len(codes) // 10)
        left_out, best = tensors(slice(0, held)), (float("inf"), None)
        for step in range(self.updates):
            optimizer.learning_rate = rate * (1 - 0.9 * step / self.updates)
            update(*tensors(rng.integers(held, len(codes), self.batch_size)))
            if (step + 1) % max(1, self.updates // 10) == 0 or step + 1 == self.updates:
                loss = float(loss_of(*left_out))
                best = min(best, (loss, decoder.get_weights()), key=lambda kept: kept[0])
        decoder.set_weights(best[1])
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
            known, codes, begin = case.known_codes[:n], case.codes, None
            if self.own:
                mine = case.of(self.own).known_codes[:n]
                codes = foreign_to_own(known, mine)(codes)
                known = as_own(known, mine)  # so that it learns from what it will have to read
                begin = self.own.decoder
            decoder = self.training.run(known, views, begin)
            lines = case.read(codes, Pair(case.pair.encoder, decoder))
            findings += case.reading("own decoder", Setting(known=n, own=self.name), lines)
        return findings


@dataclass(frozen=True)
class WholeEntry:
    """The rightful receiver trains a decoder of the whole entry, beginning with the one it has.

    It is `Insider` at its strongest: "deleted" means that this one learns no more than the view
    says. The baseline for each hidden attribute is the best guess from the view alone
    (`aalprivacy.audit.insider.from_view`). The intervals hold for all findings at once.

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
        hidden, findings = case.hidden, []
        numbers = up_to(self.known, len(case.known))
        for n in numbers:
            known = case.known[:n]
            decoder = self.training.run(
                case.known_codes[:n], to_tokens(to_lines(known)), case.pair.decoder
            )
            lines = case.read(case.codes, Pair(case.pair.encoder, decoder))
            guess = from_lines(lines, errors="coerce")
            for name, operation in hidden.items():
                truth = case.targets[name]
                findings.append(
                    paired(
                        "insider, whole entry",
                        Setting(known=n),
                        f"{name} ({operation.name.lower()}d): the value",
                        (guess[name] == truth).to_numpy(),
                        from_view(case, name, known[name], truth) == truth,
                        1.0,
                        comparisons=len(hidden) * len(numbers),
                    )
                )
        return findings
