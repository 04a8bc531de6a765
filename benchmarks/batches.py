"""The batches of many trainings, drawn ahead by other processes into shared memory."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from multiprocessing import shared_memory
from multiprocessing.connection import Connection
from typing import Protocol

import numpy as np

from aalprivacy.architecture import Architecture
from aalprivacy.examples import Examples
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema
from aalprivacy.text import PAD

AHEAD = 4  # batches of each training that are drawn before they are needed


class Source(Protocol):
    """A training whose batches are drawn."""

    recipe: Recipe

    @property
    def architecture(self) -> Architecture: ...

    def examples(self) -> Examples:
        """Its examples, made anew."""


def layout(schema: Schema, models: int, size: int, width: int) -> dict[str, tuple]:
    """The arrays of a batch of all models: the shape and type of each. Time is before examples.

    Parameters
    ----------
    schema
        Its longest line, and the end, fit.
    models, size, width
        Trainings, examples of each, and numbers of a code.
    """
    line = (models, schema.longest + 1, size)
    lines = ("read", "read_attribute", "read_place", "before", "before_attribute", "before_place",
             "views")  # fmt: skip
    return dict.fromkeys(lines, (line, np.uint8)) | {
        "counted": (line, np.bool_),
        "lengths": ((models, size), np.uint8),
        "noise": ((models, size, width), np.float32),
    }


def reading(a: Architecture, tokens: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the encoder reads: tokens, attributes, places ``(n, length)`` in its order; lengths."""
    inside = tokens != PAD
    lengths = inside.sum(axis=1)
    read = (tokens, *a.where(tokens, first))
    if a.reverse:
        at = np.arange(tokens.shape[1])
        order = np.where(inside, lengths[:, None] - 1 - at, at)
        read = tuple(np.take_along_axis(each, order, axis=1) for each in read)
    return *read, lengths


def writing(a: Architecture, views: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the decoder gets at each step: the token before, and the next one's attribute, place."""
    before = np.pad(views[:, :-1], ((0, 0), (1, 0)), constant_values=PAD)
    return before, *a.where(before, first, ahead=True)


class Slots:
    """Shared memory for the batches of `AHEAD` updates.

    Parameters
    ----------
    kinds
        As from `layout`.
    name
        Of memory that another process made; by default new memory is made.
    """

    def __init__(self, kinds: Mapping[str, tuple], name: str | None = None) -> None:
        sizes = [int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in kinds.values()]
        self.memory = shared_memory.SharedMemory(name, name is None, AHEAD * sum(sizes))
        self.slots, at = [], 0
        for _ in range(AHEAD):
            slot = {}
            for (key, (shape, kind)), n in zip(kinds.items(), sizes, strict=True):
                slot[key] = np.ndarray(shape, kind, self.memory.buf, at)
                at += n
            self.slots.append(slot)


def draw(
    slot: Mapping[str, np.ndarray], m: int, a: Architecture, examples: Examples, update: int,
    window: int,
) -> tuple[int, int]:  # fmt: skip
    """Put the batch of an update into a slot, as model `m`'s.

    Returns
    -------
    The batch's own window, and its longest line.
    """
    batch = examples.batch(update, window)
    *read, lengths = reading(a, batch.entries, batch.first)
    before = writing(a, batch.views, batch.first)
    for names, arrays in (
        (("read", "read_attribute", "read_place"), read),
        (("before", "before_attribute", "before_place"), before),
        (("views", "counted"), (batch.views, ~batch.replaced)),
    ):
        for name, array in zip(names, arrays, strict=True):
            slot[name][m] = 0
            slot[name][m, : array.shape[1]] = array.T
    slot["lengths"][m] = lengths
    rng = np.random.default_rng([examples.recipe.seed, 5, update])  # as in `Trainer.step`
    slot["noise"][m] = rng.standard_normal(slot["noise"][m].shape, np.float32)
    return batch.window, max(batch.entries.shape[1], batch.views.shape[1])


def serve(pipe: Connection, own: dict[int, Source], kinds: Mapping, memory: str) -> None:
    """A process that draws batches of some of the trainings."""
    examples = {m: source.examples() for m, source in own.items()}
    slots = Slots(kinds, memory)
    pipe.send({m: made.fingerprint for m, made in examples.items()})
    while True:  # until `Batches.close` ends the process
        m, update, window = pipe.recv()
        slot = slots.slots[update % AHEAD]
        drawn = draw(slot, m, own[m].architecture, examples[m], update, window)
        pipe.send((m, update, window, *drawn))


class Batches:
    """The batches of all trainings, drawn some updates ahead.

    Parameters
    ----------
    of
        The trainings, whose batches have the same size.
    kinds
        As from `layout`.
    processes
        How many processes draw. A training's batches are drawn by several, if there are enough.
    """

    def __init__(self, of: Sequence[Source], kinds: Mapping[str, tuple], processes: int) -> None:
        os.environ["OMP_NUM_THREADS"] = "1"  # the processes inherit it; each has one core
        self.slots = Slots(kinds)
        self.who: list[list[Connection]] = [[] for _ in of]
        owns: list[dict[int, Source]] = [{} for _ in range(max(1, processes))]
        for i in range(max(len(of), len(owns))):
            m, w = i % len(of), i % len(owns)
            owns[w][m] = of[m]
        context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        self.processes = []
        for own in owns:
            here, there = context.Pipe()
            process = context.Process(
                target=serve, args=(there, own, kinds, self.slots.memory.name), daemon=True
            )
            process.start()
            there.close()  # so that a process that dies ends the wait for it
            self.pipes.append(here)
            self.processes.append(process)
            for m in own:
                self.who[m].append(here)
        self.windows: dict[tuple[int, int], int] = {}  # asked for: (model, update) -> window
        self.found: dict[tuple[int, int], tuple[int, ...]] = {}
        self.fingerprints: dict[int, str] = {}
        for pipe in self.pipes:
            self.fingerprints |= pipe.recv()

    def ask(self, m: int, update: int, window: int) -> None:
        """Have a batch drawn, unless it was asked for with this window already."""
        if self.windows.get((m, update)) != window:
            self.windows[m, update] = window
            self._pipe(m, update).send((m, update, window))

    def _pipe(self, m: int, update: int) -> Connection:
        # Always the same process for a batch: if it is asked for again, the later drawing is last.
        return self.who[m][update % len(self.who[m])]

    def take(self, update: int, models: Sequence[int]) -> tuple[dict, list[int], int]:
        """The arrays of an update, once all are there; each batch's window; the longest line."""
        windows, longest = [], 0
        for m in models:
            wanted = self.windows.pop((m, update))
            while self.found.get((m, update), (0,))[0] != wanted:
                who, at, *found = self._pipe(m, update).recv()
                self.found[who, at] = tuple(found)
            _, window, length = self.found.pop((m, update))
            windows.append(window)
            longest = max(longest, length)
        return self.slots.slots[update % AHEAD], windows, longest

    def close(self) -> None:
        """End the processes and free the memory."""
        for process in self.processes:
            process.terminate()
            process.join()
        self.slots.memory.unlink()
