"""Updates and losses, for the trainings of pairs and of attackers.

A batch is cut into shards, one for each core, inside one graph. Each shard runs on one thread, so
that the short steps of a recurrent network never wait for each other.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from aalprivacy.quiet import keras, no_stderr, tf
from aalprivacy.recipe import PRODUCT_DTYPES
from aalprivacy.runtime import count_cores
from aalprivacy.text import PAD
from aalprivacy.workers import Workers


def count_shards() -> int:
    """One shard a core that may be used; at most 8, as more would be too small; 1 on a GPU."""
    return 1 if tf.config.list_physical_devices("GPU") else min(8, count_cores())


SHARDS = count_shards()


class Updates:
    """Updates of some variables by the cross entropy of texts.

    Parameters
    ----------
    write
        A function from the inputs and the tokens before each token, both ``(n, ...)``, to the
        scores of each token: float32 ``(n, length, tokens)``.
    variables
        The variables to train.
    optimizer
        The optimiser, built for the variables.
    inputs
        Shape and type of the inputs: one, or a tuple of them.
    workers
        The processes that train; by default this one alone.
    """

    def __init__(
        self,
        write: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        variables: Sequence,
        optimizer: keras.optimizers.Optimizer,
        inputs: tf.TensorSpec | tuple[tf.TensorSpec, ...],
        workers: Workers | None = None,
    ) -> None:
        self.write, self.variables, self.optimizer = write, list(variables), optimizer
        self.workers = workers or Workers()
        text = tf.TensorSpec([None, None], tf.int32)
        counted = tf.TensorSpec([None, None], tf.bool)
        self._loss = tf.function(self._mean_loss, input_signature=[inputs, text])
        self._update = tf.function(self._one, input_signature=[inputs, text, counted])
        self._begun = False

    def loss(self, inputs: np.ndarray | tuple, text: np.ndarray) -> float:
        """Mean cross entropy of texts, in nats a character.

        Parameters
        ----------
        inputs
            ``(n, ...)``, or a tuple of such arrays.
        text
            Tokens ``(n, length)``, int32, `PAD` after their ends.
        """
        with self._quietly():
            return float(self._loss(inputs, text))

    def make(
        self, inputs: np.ndarray | tuple, text: np.ndarray, counted: np.ndarray | None = None
    ) -> float:
        """Make one update.

        Parameters
        ----------
        inputs, text
            As for `loss`.
        counted
            bool ``(n, length)``: which characters count in the returned loss; by default all. The
            update learns from all characters.

        Returns
        -------
        Loss in nats a character, before the update.
        """
        if counted is None:
            counted = np.ones(text.shape, bool)
        with self.workers.watched(), self._quietly():
            return float(
                self._update(*tf.nest.map_structure(self.workers.rows, (inputs, text, counted)))
            )

    def _quietly(self):
        # On some processors TensorFlow prints messages at the first update.
        quietly = contextlib.nullcontext() if self._begun else no_stderr()
        self._begun = True
        return quietly

    def _losses(self, inputs, text):
        """Loss of each token, and a weight: 1 for characters and end tokens, 0 for padding."""
        before = tf.pad(text[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(t, self.write(i, b))
            for i, b, t in shards((inputs, before, text))
        ]
        return tf.concat(losses, 0), tf.cast(text != PAD, tf.float32)

    def _mean_loss(self, inputs, text):
        losses, weights = self._losses(inputs, text)
        return tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)

    def _one(self, inputs, text, counted):
        with tf.GradientTape() as tape:
            losses, weights = self._losses(inputs, text)
            total = tf.reduce_sum(losses * weights)
        gradients = map(tf.convert_to_tensor, tape.gradient(total, self.variables))
        own = weights * tf.cast(counted, tf.float32)
        sums = [tf.reduce_sum(t) for t in (weights, losses * own, own)]
        characters, own_loss, own_characters, *gradients = self.workers.total([*sums, *gradients])
        self.optimizer.apply([g / characters for g in gradients], self.variables)
        return own_loss / own_characters


def shards(batch: tuple) -> Iterator[tuple]:
    """The parts of a batch, one for each core; the batch is a nested structure of tensors."""
    tensors = tf.nest.flatten(batch)
    n = tf.shape(tensors[0])[0]
    sizes = [n // SHARDS] * (SHARDS - 1) + [n - (SHARDS - 1) * (n // SHARDS)]
    for part in zip(*(tf.split(tensor, sizes) for tensor in tensors), strict=True):
        yield tf.nest.pack_sequence_as(batch, part)


def one_thread_a_shard() -> None:
    """Set TensorFlow's threads for `shards`; without effect once TensorFlow has computed."""
    if SHARDS == 1:
        return
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(SHARDS)


def faster_product_dtype() -> str:
    """The type in which this machine computes a step's products faster, by a short measurement.

    Processors without instructions for bfloat16 emulate them, which is slower than float32.
    """
    seconds = {}
    for dtype in PRODUCT_DTYPES:
        a, b = (tf.ones(shape, dtype) for shape in ((64, 288), (288, 1024)))
        rounds = []
        for _ in range(20):
            began = time.perf_counter()
            tf.matmul(a, b).numpy()
            rounds.append(time.perf_counter() - began)
        seconds[dtype] = min(rounds)
    return min(seconds, key=seconds.get)
