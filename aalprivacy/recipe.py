"""What a training is made of: every choice that the data and the machine leave open."""

from dataclasses import dataclass

from aalprivacy.attributes import NAMES

# The types in which the engine can take its products.
PRODUCT_DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """Everything that a training is made of; the same recipe and data give the same training.

    Parameters
    ----------
    units, embedding, reverse, code_at_every_step, product_dtype
        See `aalprivacy.model`.
    blind
        Give the encoder the view and not the entry, in training and use, so that a code can't hold
        what the view may not show.
    memory
        Steps that the slowest units remember for at the start (`aalprivacy.initial`); 0 for the
        layers' own start, at which all forget within four.
    spread
        Standard deviation of the tokens' vectors at the start; 0 for the layers' own, 0.03, whose
        tokens a recurrent layer can hardly tell apart.
    engine
        Train with `FastLSTM`; otherwise with stock layers, at the same results.
    learning_rate
        Adam's, from full length on. The paper's by default.
    first_learning_rate
        Adam's at the first window; it comes down to `learning_rate` as the windows get longer.
    batch_size, first_batch_size
        Examples an update at full length, and until then.
    first_window
        Attributes a window at the start; 20 for whole entries from the start.
    threshold
        Loss in nats a character, values that were randomised left out, under which the windows
        get one attribute longer.
    mixing
        Share of the examples whose values come each from an entry of its own, where such a line
        isn't too long.
    augmentation
        Share of the examples in which a name or an address is replaced at random, and that in which
        a reading is (`aalprivacy.examples.OPEN_ATTRIBUTES`).
    updates
        How many in all.
    decay
        Share of the updates on whole entries over which, at the end, the learning rate falls in a
        straight line to a tenth.
    averaging
        The pair's weights are the trained ones averaged over the last updates, an update's part
        shrinking by this factor at each that follows (Polyak & Juditsky 1992).
    seed
        For initial weights, batches, augmentation.
    """

    units: int = 256
    embedding: int = 32
    reverse: bool = True
    code_at_every_step: bool = True
    blind: bool = False
    memory: int = 160
    spread: float = 1.7
    product_dtype: str = "float32"
    engine: bool = True
    learning_rate: float = 4e-4
    first_learning_rate: float = 4e-4
    batch_size: int = 64
    first_batch_size: int = 32
    first_window: int = 6
    threshold: float = 0.3
    mixing: float = 0.8
    augmentation: tuple[float, float] = (0.6, 0.2)
    updates: int = 20_000
    decay: float = 0.25
    averaging: float = 0.998
    seed: int = 0

    def rate(self, update: int, window: int, whole_since: int = 0) -> float:
        """Adam's learning rate at an update.

        Parameters
        ----------
        update, window
            Which update; attributes a window at it.
        whole_since
            The update at which whole entries began.
        """
        whole = len(NAMES)
        if window < whole:
            way = (window - self.first_window) / (whole - self.first_window)
            return self.first_learning_rate ** (1 - way) * self.learning_rate**way
        falling = self.decay * (self.updates - whole_since)
        left = (self.updates - update) / max(1.0, falling)
        return self.learning_rate * max(0.1, min(1.0, left))
