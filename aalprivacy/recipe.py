"""The recipe of a training: all its settings that don't follow from the data and the machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from aalprivacy.errors import InputError

# The types in which the engine can take its products.
PRODUCT_DTYPES = ("float32", "bfloat16")
# Standard deviation of the vectors of attributes and places at the start.
PLACE_SPREAD = 1.0
FIRST_MOMENT = 0.9  # Adam's beta 1, the decay rate of the first moment; Keras's default
CLIP = 1.0  # the most that the norm of an update's gradient may be
BEGUN_RATE = 1e-3  # the default learning rate if a training starts from a trained pair
KINDS = {int: Integral, float: Real, bool: bool}  # whole numbers serve as floats too
MOST = 100_000  # units, numbers of a vector, places, or examples of an update


def _option(default: Any, help: str) -> Any:
    """A field with its help text for the command line."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Recipe:
    """All settings of a training; the same recipe and data give the same training.

    Parameters
    ----------
    units, embedding, places, reverse, code_at_every_step, blind
        See `aalprivacy.architecture.Architecture`.
    product_dtype
        See `aalprivacy.lstm.FastLSTM`. ``"auto"`` chooses the type that is faster on the machine;
        this is measured when a training begins.
    memory
        How many steps the slowest units remember at the start (`aalprivacy.initial`). By default
        as many as the schema's longest line has characters. 0 keeps Keras's own first weights, with
        which all units forget within four steps.
    spread
        Standard deviation of the tokens' vectors at the start. 0 keeps Keras's own vectors, of
        deviation 0.03, which a recurrent layer can hardly distinguish.
    engine
        Train with `FastLSTM`; otherwise with stock layers, with the same results.
    learning_rate
        Adam's learning rate, from full length on. The paper has 4e-4.
    first_learning_rate
        Adam's learning rate at the first window. It falls to `learning_rate` while the windows get
        longer.
    second_moment
        Adam's beta 2, the decay rate of the second moment.
    batch_size, first_batch_size
        Examples of an update: at full length, and before.
    first_window
        Attributes of a window at the start. With as many as the schema has, or more, a training has
        whole entries from the start.
    threshold
        When the loss falls below this, windows get one attribute longer. In nats a character,
        without characters that were randomised.
    mixing
        Share of the examples in which each value comes from another entry, if such a line isn't
        too long.
    augmentation
        Share of the examples in which a value made of words is replaced at random, and the same for
        other values, except one-ofs (`aalprivacy.examples.Examples`).
    missing, abnormal
        Share of the values that are made missing; and share of the numbers, digits and patterns
        that are drawn from all that their form allows (`aalprivacy.examples.Examples`).
    noise
        Standard deviation of the normal noise that is added to each number of a code. With it the
        decoder learns to read rounded codes (`aalprivacy.small`). It is 0 at `learning_rate` and
        above, and grows while the rate falls: to nine tenths of this at the end.
    updates
        How many updates in all.
    decay
        Share of the updates on whole entries, at the end, in which the learning rate falls
        linearly. It would reach 0 at the last update, but stops at a tenth.
    averaging
        The pair's weights are a moving average of the trained weights: at each update the average
        keeps this share of itself (Polyak & Juditsky 1992).
    seed
        Seed of first weights, batches and augmentation.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    units: int = _option(256, "Width of an LSTM's state; a code has twice as many numbers.")
    embedding: int = _option(32, "Width of a character's vector.")
    places: int = _option(48, "Places in a value that have their own vectors; 0: none.")
    reverse: bool = _option(True, "Read a line from its end.")
    code_at_every_step: bool = _option(True, "Feed the code to each step of the decoder.")
    blind: bool = _option(False, "Let the encoder read the view, never the entry.")
    memory: int | None = _option(None, "Steps that the first weights remember; 0: Keras's own.")
    spread: float = _option(1.7, "Deviation of the characters' first vectors; 0: Keras's own.")
    product_dtype: str = _option("float32", "float32, bfloat16, or auto: the faster one here.")
    engine: bool = _option(True, "Train with the engine, or with stock Keras layers.")
    learning_rate: float = _option(3e-3, "Adam's learning rate, from full length on.")
    first_learning_rate: float = _option(6e-3, "Adam's learning rate at the first windows.")
    second_moment: float = _option(0.98, "Adam's beta 2.")
    batch_size: int = _option(32, "Examples of an update, at full length.")
    first_batch_size: int = _option(32, "Examples of an update, before full length.")
    first_window: int = _option(6, "Attributes of the first windows; with all, no curriculum.")
    threshold: float = _option(0.6, "Loss at which windows get longer, in nats a character.")
    mixing: float = _option(0.8, "Share of examples mixed from several entries.")
    augmentation: tuple[float, float] = _option(
        (0.6, 0.2), "Share of examples in which words, and in which other values, are random."
    )
    missing: float = _option(0.03, "Share of values that are made missing.")
    abnormal: float = _option(0.03, "Share of numbers that are drawn from all possible values.")
    noise: float = _option(0.03, "Standard deviation of the noise on a code's numbers.")
    updates: int = _option(24_000, "How many updates in all.")
    decay: float = _option(0.7, "Share of the updates over which the rate falls, at the end.")
    averaging: float = _option(0.998, "Share of the averaged weights that an update keeps.")
    seed: int = _option(0, "Seed of first weights, batches and randomised values.")

    def __post_init__(self) -> None:
        least = {"units": 1, "embedding": 1, "batch_size": 1, "first_batch_size": 1, "updates": 1,
                 "first_window": 1, "places": 0, "seed": 0, "spread": 0, "noise": 0,
                 "threshold": 0}  # fmt: skip
        for option in fields(self):
            like, value = type(option.default), getattr(self, option.name)
            fits = isinstance(value, KINDS.get(like, object))
            if not fits or (isinstance(value, bool) and like is not bool):
                raise InputError(f"{option.name}: expected type {like.__name__}, got {value!r}")
            numbers = np.atleast_1d(np.array(value))
            if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                raise InputError(f"{option.name}: expected a finite number")
        if self.seed >= 2**32:
            raise InputError(f"seed: expected less than {2**32}, got {self.seed}")
        for name in ("units", "embedding", "places", "batch_size", "first_batch_size"):
            if getattr(self, name) > MOST:
                raise InputError(f"{name}: expected at most {MOST}, got {getattr(self, name)}")
        if not isinstance(self.augmentation, Sequence) or len(self.augmentation) != 2:
            raise InputError(f"augmentation: expected two shares, got {self.augmentation}")
        object.__setattr__(self, "augmentation", tuple(self.augmentation))  # JSON has lists
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(f"{name}: expected {low} or more, got {getattr(self, name)}")
        if self.memory is not None and self.memory < 0:
            raise InputError(f"memory: expected 0 or more, got {self.memory}")
        for name in ("learning_rate", "first_learning_rate"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}: expected more than 0, got {getattr(self, name)}")
        for name in ("mixing", "decay", "averaging", "missing", "abnormal"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.second_moment < 1:
            raise InputError(f"second_moment: expected 0 to less than 1, got {self.second_moment}")
        if not all(0 <= share <= 1 for share in self.augmentation):
            raise InputError(
                f"augmentation: expected two shares of 0 to 1, got {self.augmentation}"
            )
        if self.product_dtype not in (*PRODUCT_DTYPES, "auto"):
            expected = " or ".join((*PRODUCT_DTYPES, "auto"))
            raise InputError(f"product_dtype: expected {expected}, got {self.product_dtype!r}")

    def rate(self, update: int, window: int, attributes: int, whole_since: int = 0) -> float:
        """Adam's learning rate at an update.

        Parameters
        ----------
        update, window
            The number of the update, and its attributes a window.
        attributes
            The number of attributes of a whole entry.
        whole_since
            The update at which whole entries began.
        """
        if window < attributes:
            way = (window - self.first_window) / (attributes - self.first_window)
            return self.first_learning_rate ** (1 - way) * self.learning_rate**way
        falling = self.decay * (self.updates - whole_since)
        left = (self.updates - update) / max(1.0, falling)
        return self.learning_rate * max(0.1, min(1.0, left))

    def noise_at(self, rate: float) -> float:
        """The standard deviation of the noise on a code while the learning rate is `rate`."""
        return self.noise * max(0.0, 1 - rate / self.learning_rate)
