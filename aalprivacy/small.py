"""Small codes: a code in fewer bytes than its line has characters.

The 512 numbers of a code are far from independent, and the decoder hears most of them with little
attention. So a code is turned into components that are independent and equally heard, each is
rounded to whole steps, and the steps are written with few bits where they vary little (transform
coding; Goyal 2001, Theoretical foundations of transform coding, IEEE Signal Processing Magazine
18(5)). A component that varies by less than a step costs next to nothing.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aalprivacy.errors import InputError
from aalprivacy.text import PAD, character_errors, to_tokens, trim

if TYPE_CHECKING:
    from aalprivacy.pair import Pair

# What is tried for how much the least heard direction of a code counts, against the best heard.
FLOORS = (0.1, 0.03, 0.01, 0.003)
HEARD = 1024  # entries at which it is found out what the decoder hears


@dataclass(frozen=True, eq=False)
class Small:
    """How a pair's codes are rounded to steps, and put together again.

    Parameters
    ----------
    mean
        float32 ``(width,)``, of the codes.
    to_steps
        float32 ``(width, k)``: a code less the mean, times this, is k numbers to be rounded.
    from_steps
        float32 ``(k, width)``: the way back.
    """

    mean: np.ndarray
    to_steps: np.ndarray
    from_steps: np.ndarray

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the arrays, 16 hexadecimal digits."""
        digest = hashlib.sha256()
        for array in (self.mean, self.to_steps, self.from_steps):
            digest.update(np.ascontiguousarray(array, np.float32).data)
        return digest.hexdigest()[:16]

    @property
    def steps(self) -> int:
        """Steps of a code, k."""
        return self.to_steps.shape[1]

    def fits(self, width: int) -> bool:
        """Whether the arrays are those of codes of so many numbers."""
        shapes = {(width,): self.mean, (width, self.from_steps.shape[0]): self.to_steps,
                  (self.from_steps.shape[0], width): self.from_steps}  # fmt: skip
        return all(array.shape == shape for shape, array in shapes.items())

    def rounded(self, codes: np.ndarray) -> np.ndarray:
        """Codes, float32 ``(n, width)``, as whole steps, int16 ``(n, k)``."""
        steps = np.rint((codes - self.mean) @ self.to_steps)
        limits = np.iinfo(np.int16)
        return np.clip(steps, limits.min, limits.max).astype(np.int16)

    def restored(self, steps: np.ndarray) -> np.ndarray:
        """Steps, int16 ``(n, k)``, as codes, float32 ``(n, width)``."""
        return steps.astype(np.float32) @ self.from_steps + self.mean

    def rekeyed(self, order: np.ndarray, sign: np.ndarray) -> "Small":
        """For codes whose numbers have other places and signs: new number i is ``sign[i]`` times
        old number ``order[i]``."""
        return Small(
            self.mean[order] * sign,
            self.to_steps[order] * sign[:, None],
            self.from_steps[:, order] * sign,
        )


def pack(steps: np.ndarray) -> bytes:
    """Steps in few bytes.

    The first steps of all codes come first, then all second ones and so on. Each is a low byte;
    the high bytes, which are nearly always zero, follow. A byte takes the fewer bits the more often
    it stands nearby (Huffman's code, by zlib).

    Parameters
    ----------
    steps
        int16 ``(n, k)``.
    """
    turned = np.ascontiguousarray(steps.T).astype(np.int32) + 128
    low, high = (turned & 255).astype(np.uint8), (turned >> 8).astype(np.int8)
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return packer.compress(low.tobytes()) + packer.compress(high.tobytes()) + packer.flush()


def unpack(packed: bytes, n: int, k: int) -> np.ndarray:
    """The inverse of `pack`: int16 ``(n, k)``.

    Raises
    ------
    InputError
        If it isn't that of so many codes.
    """
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, 2 * n * k + 1)
    except zlib.error:
        plain = b""
    if not unpacker.eof or len(plain) != 2 * n * k:
        raise InputError(f"small codes: damaged; expected {n} codes of {k} steps")
    low, high = np.frombuffer(plain, np.uint8).reshape(2, k, n)
    turned = low.astype(np.int32) + 256 * high.view(np.int8).astype(np.int32) - 128
    return np.ascontiguousarray(turned.T.astype(np.int16))


def fit(
    pair: "Pair",
    entries: pd.DataFrame,
    validation: pd.DataFrame,
    budget: float = 120.0,
    seed: int = 0,
) -> Small:
    """Find the components and steps of a pair's codes that its decoder misses least.

    How much a direction of the code is heard is the mean square of the slope, along it, of the
    logarithm of the decoder's probabilities (Fisher's information). What is heard little must count
    for something all the same, as the slope says nothing of large errors; how much is chosen on the
    validation entries.

    Parameters
    ----------
    pair
        Whose codes.
    entries
        That the pair was trained on, or such; a few thousand.
    validation
        Of other people; the least character error on them decides.
    budget
        Bytes a code of `entries`, packed.
    seed
        Of the noise and the characters that the slope is taken at.

    Returns
    -------
    The `Small` with the least character error on `validation`.
    """
    return fit_all(pair, entries, validation, (budget,), seed)[0]


def fit_all(
    pair: "Pair",
    entries: pd.DataFrame,
    validation: pd.DataFrame,
    budgets: Sequence[float],
    seed: int = 0,
) -> list[Small]:
    """As `fit`, for several budgets, a `Small` each; what is heard is found out once."""
    codes = pair.encode_entries(entries).astype(np.float64)
    others, expected = pair.encode_entries(validation), pair.view_lines(validation)
    heard = _heard(pair, codes[:HEARD], pair.view_lines(entries[:HEARD]), seed)

    def error(small: Small) -> float:
        lines = pair.decode(small.restored(small.rounded(others)))
        return float(character_errors(lines, expected).mean())

    return [
        min((_within(codes, heard, floor, budget) for floor in FLOORS), key=error)
        for budget in budgets
    ]


def _within(codes: np.ndarray, heard: np.ndarray, floor: float, budget: float) -> Small:
    """Components of codes, in steps as short as the budget allows."""
    values, vectors = np.linalg.eigh(heard)
    scale = np.sqrt(np.maximum(values, 0) + floor * values[-1])
    stretch, shrink = (vectors * scale) @ vectors.T, (vectors / scale) @ vectors.T
    mean = codes.mean(axis=0)
    spread, turn = np.linalg.eigh(np.cov(((codes - mean) @ stretch).T))
    forth, back = stretch @ turn[:, ::-1], turn[:, ::-1].T @ shrink
    components = (codes - mean) @ forth
    low, high = np.sqrt(spread[-1]) * np.array([1e-4, 1.0])
    for _ in range(12):
        step = np.sqrt(low * high)
        steps = np.rint(components / step).clip(-32_000, 32_000).astype(np.int16)
        if len(pack(steps)) > budget * len(codes):
            low = step
        else:
            high = step
    # What is never more than half a step from the mean isn't kept.
    used = (np.abs(components) > high / 2).any(axis=0)
    arrays = mean, forth[:, used] / high, back[used] * high
    return Small(*(half(array) for array in arrays))


def half(array: np.ndarray) -> np.ndarray:
    """Numbers rounded to those that float16 has, as float32."""
    return array.astype(np.float16).astype(np.float32)


def _heard(pair: "Pair", codes: np.ndarray, lines: pd.Series, seed: int) -> np.ndarray:
    """Fisher's information of what the decoder writes, on its code: float ``(width, width)``."""
    from aalprivacy.quiet import tf

    decoder = pair.keras()[1]
    rng = np.random.default_rng(seed)
    texts = to_tokens(lines, pair.schema)
    width, batch = codes.shape[1], 128
    # A trained decoder is so sure of itself that it has no slope but beside the codes.
    noise = 0.05 * codes.std(axis=0)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, width], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None, 1], tf.float32),
        ]
    )
    def slopes(code, text, draw):
        before = tf.pad(text[:, :-1], [[0, 0], [1, 0]], constant_values=PAD)
        inside = tf.cast(text != PAD, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(code)
            scores = decoder([before, code])
            # Characters as the decoder itself would write them: their slopes have a mean of zero.
            below = tf.cumsum(tf.nn.softmax(scores), axis=2) < draw
            drawn = tf.minimum(tf.reduce_sum(tf.cast(below, tf.int32), axis=2), scores.shape[2] - 1)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(drawn, scores)
            total = tf.reduce_sum(losses * inside)
        return tape.gradient(total, code)

    heard = np.zeros((width, width))
    for part in np.array_split(np.arange(len(codes)), max(1, len(codes) // batch)):
        text = trim(texts[part])
        near = (codes[part] + noise * rng.standard_normal((len(part), width))).astype(np.float32)
        slope = slopes(near, text, rng.random((*text.shape, 1), np.float32)).numpy()
        heard += slope.T.astype(np.float64) @ slope
    return heard / len(codes)
