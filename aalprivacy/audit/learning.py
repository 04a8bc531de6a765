"""The attackers who train a decoder of their own, or search codes by gradient.

They need TensorFlow, which is imported when one of them runs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aalprivacy.audit.attacks import as_own, foreign_to_own, fresh_decoder
from aalprivacy.audit.insider import Secret, from_view
from aalprivacy.audit.measure import Case, Finding, Setting, paired, up_to
from aalprivacy.audit.memory import LEAST, of_people, told_apart
from aalprivacy.pair import Pair
from aalprivacy.text import PAD, from_lines, to_lines, to_tokens, trim, view_lines


@dataclass(frozen=True)
class Training:
    """How an attacker trains.

    It leaves a tenth of what it knows, up to 500 entries, out of the training. Up to ten times
    during the training it measures the loss on these, and it keeps the best decoder. It stops after
    some measurements in a row without a better one.

    Parameters
    ----------
    updates
        How many updates. Default 600.
    batch_size
        Examples in each update. Default 64.
    learning_rate, begun_rate
        Adam's rate at the beginning: for a new decoder, and for one that has learned before. It
        falls linearly to a tenth.
    patience
        After how many measurements without a better one it stops. Default 3.
    seed
        Of first weights and batches. Default 0.
    """

    updates: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    begun_rate: float = 5e-4
    patience: int = 3
    seed: int = 0

    @staticmethod
    def left_out(n: int) -> int:
        """How many of n known entries, the first ones, are left out."""
        return max(1, min(500, n // 10))

    def run(self, pair: Pair, codes: np.ndarray, texts: np.ndarray, begin: bool = False) -> Pair:
        """The pair with a decoder that has learned to write the texts from the codes.

        Parameters
        ----------
        pair
            The new decoder has the form of this pair's.
        codes
            float32 ``(n, 2 units)``, n at least 2.
        texts
            Tokens, int32 ``(n, length)``.
        begin
            Whether to begin with the pair's own decoder instead of a new one. Off by default.
        """
        from aalprivacy.model import build_decoder, set_arrays, to_arrays
        from aalprivacy.quiet import keras, tf
        from aalprivacy.updates import Updates, faster_product_dtype, one_thread_a_shard

        one_thread_a_shard()
        decoder = build_decoder(pair.architecture, faster_product_dtype())
        first = pair.weights if begin else fresh_decoder(pair, self.seed)
        set_arrays((decoder,), first)
        rate = self.begun_rate if begin else self.learning_rate
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
        optimizer.build(decoder.trainable_variables)
        updates = Updates(
            lambda code, before: decoder([before, code], training=True),
            decoder.trainable_variables,
            optimizer,
            tf.TensorSpec([None, codes.shape[1]], tf.float32),
        )
        rng, held = np.random.default_rng([self.seed, 4]), self.left_out(len(codes))
        left_out, waited = (codes[:held], trim(texts[:held])), 0
        best = updates.loss(*left_out), first
        for step in range(self.updates):
            optimizer.learning_rate = rate * (1 - 0.9 * step / self.updates)
            rows = rng.integers(held, len(codes), self.batch_size)
            updates.make(codes[rows], trim(texts[rows]))
            if (step + 1) % max(1, self.updates // 10) == 0 or step + 1 == self.updates:
                loss = updates.loss(*left_out)
                if loss < best[0]:
                    best = loss, {n: array.copy() for n, array in to_arrays(decoder).items()}
                    waited = 0
                    continue
                waited += 1
                if waited == self.patience:
                    break
        return pair.with_weights(best[1])


@dataclass(frozen=True)
class OwnDecoder:
    """The attacker knows some entries, their codes and their views, and trains a decoder.

    The form of the victim's decoder is public. The paper (section VI) says that this training isn't
    possible.

    Parameters
    ----------
    own, name
        The attacker's own pair, and its name in the findings. With one, the attacker begins with
        the decoder of this pair, after a linear map from the foreign codes to its own as in
        `LinearMap`. Without one, it begins with new weights. Default none.
    known
        Numbers of known entries.
    training
        How it trains for each number.
    """

    own: Pair | None = None
    name: str = ""
    known: tuple[int, ...] = (1000, 10_000, 100_000)
    training: Training = Training()

    def run(self, case: Case) -> list[Finding]:
        findings = []
        for n in up_to(self.known, len(case.known)):
            views = to_tokens(view_lines(case.known_views[:n], case.schema), case.schema)
            known, codes = case.known_codes[:n], case.codes
            if self.own:
                mine = case.of(self.own).known_codes[:n]
                codes = foreign_to_own(known, mine)(codes)
                # The decoder learns from codes that are as far off as those it will have to read.
                known = as_own(known, mine)
            begin = self.own is not None
            trained = self.training.run(self.own or case.pair, known, views, begin)
            lines = case.read(codes, trained)
            findings += case.reading("own decoder", Setting(known=n, own=self.name), lines)
        return findings


@dataclass(frozen=True)
class WholeEntry:
    """The rightful receiver trains its decoder to write the whole entry.

    It begins with the decoder that it has. Unlike `Insider`, it asks for whole hidden values. For
    each attribute it takes what its decoder writes, or the best guess from the view
    (`aalprivacy.audit.insider.Guesses`): whichever is right more often on the entries that the
    training left out. The measure is the share of targets for which a hidden value is right. The
    baseline is the best guess from the view alone, and the control is 1. The 95 % intervals are
    widened so that all hold at once.

    Parameters
    ----------
    known
        Numbers of known entries.
    training
        How it trains for each number.
    """

    known: tuple[int, ...] = (100_000,)
    training: Training = Training()

    def run(self, case: Case) -> list[Finding]:
        hidden, findings = case.hidden, []
        numbers = up_to(self.known, len(case.known))
        for n in numbers:
            known, out = case.known[:n], self.training.left_out(n)
            texts = to_tokens(to_lines(known, case.schema), case.schema)
            trained = self.training.run(case.pair, case.known_codes[:n], texts, begin=True)
            codes = np.concatenate([case.known_codes[:out], case.codes])
            lines = case.read(codes, trained)
            wrote = from_lines(lines, case.schema, errors="coerce")
            for name, operation in hidden.items():
                secret = Secret(name, "the value", known[name], case.targets[name])
                guesses = from_view(case, secret, self.training.seed)
                values = wrote[name].to_numpy()
                answers = guesses.or_better(values[:out], values[out:])
                findings.append(
                    paired(
                        "insider, whole entry",
                        Setting(known=n),
                        secret.asks,
                        answers == guesses.truth,
                        guesses.best == guesses.truth,
                        1.0,
                        comparisons=len(hidden) * len(numbers),
                        attribute=name,
                        operation=str(operation),
                    )
                )
        return findings


@dataclass(frozen=True)
class DecoderAlone:
    """Somebody who has only a decoder wants to know whether it was trained on a certain person.

    This is `aalprivacy.audit.Membership` without an encoder and without the person's code. The
    attacker knows one entry of the person. By gradient it searches a code from which the decoder
    writes the view of this entry. The score is how probable the view is for the best code found.
    The search begins with the mean of other people's codes.

    Without members and strangers in the case there are no findings.

    Parameters
    ----------
    people
        How many people of each kind at most.
    steps, rate
        Steps of the search, and Adam's learning rate.
    seed
        Of the interval (bootstrap). Default 0.
    """

    people: int = 200
    steps: int = 100
    rate: float = 0.05
    seed: int = 0

    def run(self, case: Case) -> list[Finding]:
        sides = case.sides
        if sides is None:
            return []
        tables = [side.entries.iloc[side.rows(1, self.people)[:, 0]] for side in sides]
        lines = case.pair.view_lines(pd.concat(tables, ignore_index=True))
        mean = case.known_codes.mean(axis=0)
        scores = -np.log(sought(case.pair, lines, mean, self.steps, self.rate) + LEAST)
        members, strangers = np.split(scores, [len(tables[0])])
        rng = np.random.default_rng(self.seed)
        setting = Setting(of_people(len(members), len(strangers)), known=1)
        return told_apart("membership, decoder alone", setting, members, strangers, 1, rng)


def sought(
    pair: Pair, lines: pd.Series, begin: np.ndarray, steps: int, rate: float, batch: int = 100
) -> np.ndarray:
    """The loss of each line, for the best code that a search by gradient finds for it.

    Parameters
    ----------
    pair
        Its decoder writes.
    lines
        The lines to be written, n of them.
    begin
        The code to begin with, float32 ``(2 units,)``.
    steps, rate
        Steps of the search, and Adam's learning rate.
    batch
        How many lines are searched for together. Default 100.

    Returns
    -------
    float ``(n,)``, nats per line: the least loss of all steps.
    """
    from aalprivacy.model import build_decoder, set_arrays
    from aalprivacy.quiet import keras, tf
    from aalprivacy.updates import faster_product_dtype, one_thread_a_shard, shards

    one_thread_a_shard()
    decoder = build_decoder(pair.architecture, faster_product_dtype())
    set_arrays((decoder,), pair.weights)

    def losses(code, text):
        before = tf.pad(text[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
        each = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(t, decoder([b, c], training=True))
            for c, b, t in shards((code, before, text))
        ]
        return tf.reduce_sum(tf.concat(each, 0) * tf.cast(text != PAD, tf.float32), axis=1)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, len(begin)], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def slopes(code, text):
        with tf.GradientTape() as tape:
            tape.watch(code)
            found = losses(code, text)
            # The logarithm gives each line's slope a similar size, whatever its loss is.
            total = tf.reduce_sum(tf.math.log(found + 1.0))
        return found, tape.gradient(total, code)

    texts, best = to_tokens(lines, pair.schema), []
    for rows in np.array_split(np.arange(len(lines)), -(-len(lines) // batch)):
        text = trim(texts[rows])
        code = keras.Variable(np.repeat(begin[None].astype(np.float32), len(rows), axis=0))
        adam = keras.optimizers.Adam(rate)
        adam.build([code])
        least = np.full(len(rows), np.inf)
        for _ in range(steps):
            found, slope = slopes(code.value, text)
            least = np.minimum(least, found)
            adam.apply([slope], [code])
        best.append(least)
    return np.concatenate(best)
