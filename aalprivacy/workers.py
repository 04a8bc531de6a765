"""More than one machine: the processes that train one pair together.

Every worker holds the whole pair and computes the gradient of its part of each batch; the sums are
taken over all of them, so all make the same update. The first worker, the chief, is the one that
keeps the run's folder; the others get everything but their data from it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.quiet import tf

EXPECTED = (
    'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
)
_TEXT_BYTES = 1 << 16


@dataclass
class Workers:
    """This process's place among the workers; by default it works alone.

    Parameters
    ----------
    rank, count
        Which of how many; rank 0 is the chief.
    """

    rank: int = 0
    count: int = 1
    _strategy: tf.distribute.Strategy | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> "Workers":
        """Read ``TF_CONFIG``, as TensorFlow defines it; without it the process works alone.

        Raises
        ------
        InputError
            If it can't be used.
        """
        text = os.environ.get("TF_CONFIG")
        if not text:
            return cls()
        try:
            config = json.loads(text)
            cluster, task = config["cluster"], config["task"]
            members = [
                (kind, i) for kind in ("chief", "worker") for i in range(len(cluster.get(kind, ())))
            ]
            return cls(members.index((task["type"], int(task["index"]))), len(members))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"TF_CONFIG: {EXPECTED}, got {text}") from None

    @property
    def is_chief(self) -> bool:
        return self.rank == 0

    def connect(self) -> None:
        """Meet the others; to be called before TensorFlow computes anything."""
        if self.count > 1:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def rows(self, batch: np.ndarray) -> np.ndarray:
        """This worker's part of a batch's rows."""
        return np.array_split(batch, self.count)[self.rank]

    def total(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """The sum over all workers of each tensor, of one dtype; the same on all of them."""
        if self._strategy is None:
            return tensors

        def add(*own):
            # The identity gives each tensor the device that the sum is looked for on.
            here = [tf.identity(tensor) for tensor in own]
            return tf.distribute.get_replica_context().all_reduce("SUM", here)

        return self._strategy.run(add, args=tuple(tensors))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Say in one line that another worker is lost, whatever TensorFlow says.

        Raises
        ------
        WorkerLost
            If one is.
        """
        try:
            yield
        except tf.errors.OpError:
            if self.count == 1:
                raise
            raise WorkerLost(f"{self}: another worker stopped answering") from None

    def __str__(self) -> str:
        return f"worker {self.rank} of {self.count}"

    def from_chief(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The chief's arrays, given arrays of the same shapes and dtypes by every worker."""
        own = [tf.constant(a if self.is_chief else np.zeros_like(a)) for a in arrays]
        with self.watched():
            total = tf.function(lambda: [self.total([a])[0] for a in own])
            return [np.asarray(a) for a in total()]

    def text_from_chief(self, text: str = "") -> str:
        """The chief's text; what the others give doesn't matter."""
        if self.count == 1:
            return text
        data = np.zeros(_TEXT_BYTES, np.int32)
        encoded = text.encode()
        data[: len(encoded)] = list(encoded)
        (data,) = self.from_chief([data])
        return bytes(data[data > 0].astype(np.uint8)).decode()
