"""Training on several machines: the processes that train one pair together.

Every worker holds the whole pair and computes the gradient of its part of each batch. The gradients
are summed over all workers, so all make the same update. The first worker, the chief, keeps the
run's folder. The others get everything from it, except the data.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aalprivacy.errors import InputError, WorkerLost

if TYPE_CHECKING:
    import tensorflow as tf

EXPECTED = (
    'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
)
_TEXT_BYTES = 1 << 16
_MOMENT = 0.2  # seconds between two tries to connect


@dataclass
class Workers:
    """This process among the workers; by default it works alone.

    Parameters
    ----------
    rank, count
        The number of this worker, from 0, and of all workers; rank 0 is the chief.
    addresses
        ``host:port`` of each, the chief's first.
    """

    rank: int = 0
    count: int = 1
    addresses: tuple[str, ...] = ()
    _strategy: Any = field(default=None, repr=False, compare=False)

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
            members = {
                (kind, i): str(address)
                for kind in ("chief", "worker")
                for i, address in enumerate(cluster.get(kind, ()))
            }
            rank = list(members).index((task["type"], int(task["index"])))
            for address in members.values():
                _host_and_port(address)
            return cls(rank, len(members), tuple(members.values()))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"TF_CONFIG: {EXPECTED}, got {text}") from None

    @property
    def is_chief(self) -> bool:
        return self.rank == 0

    def connect(self, wait: float = 60.0) -> None:
        """Connect with the others; to be called before TensorFlow computes anything.

        TensorFlow itself would wait for ever for a machine that is down, and couldn't be
        interrupted. So the workers first connect here.

        Parameters
        ----------
        wait
            How many seconds to wait for the other workers.

        Raises
        ------
        InputError
            If one doesn't come in time; the message names it.
        """
        if self.count == 1:
            return
        deadline = time.monotonic() + wait
        if self.is_chief:
            self._gather(deadline, wait)
        else:
            self._report(deadline, wait)
        from aalprivacy.quiet import tf
        from aalprivacy.updates import one_thread_a_shard

        one_thread_a_shard()  # TensorFlow computes in the next line
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def _gather(self, deadline: float, wait: float) -> None:
        """The chief: wait for all others, then tell them to begin."""
        come: dict[int, socket.socket] = {}
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(
                _within(deadline, lambda: _listening(self.addresses[0]), self._late(set(), wait))
            )
            while len(come) < self.count - 1:
                absent = {a for i, a in enumerate(self.addresses) if i and i not in come}

                def next_one() -> tuple[int, socket.socket]:
                    connection, _ = server.accept()
                    connection.settimeout(5)
                    return int(connection.recv(16)), connection

                rank, connection = _within(deadline, next_one, self._late(absent, wait))
                come[rank] = stack.enter_context(connection)
            for connection in come.values():
                connection.sendall(b"begin")
            for connection in come.values():
                connection.recv(1)  # the others close first: then the chief's port is free at once

    def _report(self, deadline: float, wait: float) -> None:
        """Another worker: send the chief its rank, and wait for the signal to begin."""
        late = self._late({self.addresses[0]}, wait)
        address = _host_and_port(self.addresses[0])
        connection = _within(deadline, lambda: socket.create_connection(address, _MOMENT), late)
        with connection:
            connection.sendall(str(self.rank).encode())
            others = self._late(set(self.addresses) - {self.addresses[self.rank]}, wait)
            if _within(deadline, lambda: connection.recv(5), others) != b"begin":
                raise others

    def _late(self, absent: set[str], wait: float) -> InputError:
        names = " or ".join(sorted(absent)) or f"the port of {self.addresses[self.rank]}"
        return InputError(
            f"{self}: {names} didn't answer within {wait:g} seconds; expected the same command "
            "started on every machine of TF_CONFIG (--wait waits longer)"
        )

    def rows(self, batch: np.ndarray) -> np.ndarray:
        """This worker's part of a batch's rows."""
        return np.array_split(batch, self.count)[self.rank]

    def total(self, tensors: "list[tf.Tensor]") -> "list[tf.Tensor]":
        """The sum over all workers of each tensor, of one dtype; the same on all of them."""
        if self._strategy is None:
            return tensors
        from aalprivacy.quiet import tf

        def add(*own):
            # The identity puts each tensor on the device on which the sum is computed.
            here = [tf.identity(tensor) for tensor in own]
            return tf.distribute.get_replica_context().all_reduce("SUM", here)

        return self._strategy.run(add, args=tuple(tensors))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Replace TensorFlow's errors about a lost worker by an error of one line.

        Raises
        ------
        WorkerLost
            If another worker is lost.
        """
        if self.count == 1:
            yield
            return
        from aalprivacy.quiet import tf

        try:
            yield
        except tf.errors.OpError:
            raise WorkerLost(f"{self}: another worker stopped answering") from None

    def __str__(self) -> str:
        return f"worker {self.rank} of {self.count}"

    def from_chief(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The chief's arrays; every worker passes arrays of the same shapes and dtypes."""
        from aalprivacy.quiet import tf

        own = [tf.constant(a if self.is_chief else np.zeros_like(a)) for a in arrays]
        with self.watched():
            total = tf.function(lambda: [self.total([a])[0] for a in own])
            return [np.asarray(a) for a in total()]

    def text_from_chief(self, text: str = "") -> str:
        """The chief's text; the texts of the others are ignored."""
        if self.count == 1:
            return text
        data = np.zeros(_TEXT_BYTES, np.int32)
        encoded = text.encode()
        data[: len(encoded)] = list(encoded)
        (data,) = self.from_chief([data])
        return bytes(data[data > 0].astype(np.uint8)).decode()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not 0 < int(port) < 2**16:
        raise ValueError(f"port {port}")
    return host.strip("[]"), int(port)


def _listening(address: str) -> socket.socket:
    server = socket.create_server(("", _host_and_port(address)[1]))
    server.settimeout(_MOMENT)
    return server


def _within(deadline: float, try_once: Callable, late: InputError):
    """Try until it succeeds; `late` is raised after the deadline. Ctrl-C ends it at once."""
    while True:
        try:
            return try_once()
        except (OSError, ValueError):
            if time.monotonic() > deadline:
                raise late from None
            time.sleep(_MOMENT / 4)
