"""Small codes: a code in fewer bytes than its line has characters.

The 512 numbers of a code are strongly correlated, and the decoder is not very sensitive to most of
them. So a code is transformed into uncorrelated components to which the decoder is equally
sensitive. Each component is rounded to whole steps. Steps that vary little are written with few
bits (transform coding; Goyal 2001, Theoretical foundations of transform coding, IEEE Signal
Processing Magazine 18(5)). A component that varies by less than a step takes almost no space.
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

# Values to try for the least sensitivity of a direction, as a share of the largest one.
FLOORS = (0.1, 0.03, 0.01, 0.003)
HEARD = 1024  # entries at which the decoder's sensitivity is measured


@dataclass(frozen=True, eq=False)
class Small:
    """How a pair's codes are rounded to steps and restored.

    Parameters
    ----------
    mean
        float32 ``(width,)``: the mean of the codes.
    to_steps
        float32 ``(width, k)``: (code - mean) @ to_steps are the k numbers to be rounded.
    from_steps
        float32 ``(k, width)``: the inverse transformation.
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
        """How many steps a code has: k."""
        return self.to_steps.shape[1]

    def fits(self, width: int) -> bool:
        """Whether the arrays have the shapes for codes of `width` numbers."""
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
        """For re-keyed codes, whose number i is ``sign[i]`` times the old number ``order[i]``."""
        return Small(
            self.mean[order] * sign,
            self.to_steps[order] * sign[:, None],
            self.from_steps[:, order] * sign,
        )


def pack(steps: np.ndarray) -> bytes:
    """Compress steps.

    First come the first steps of all codes, then the second steps of all codes, and so on: only
    their low bytes. The high bytes follow; they are nearly always zero. Bytes that are frequent in
    their neighbourhood take fewer bits (Huffman coding, by zlib).

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
        If it doesn't hold `n` codes of `k` steps.
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
    budget: float,
    seed: int = 0,
) -> Small:
    """Find components and steps of a pair's codes with which its decoder makes the fewest errors.

    The decoder's sensitivity to a direction of the code is the mean square of the slope of its log
    probabilities in that direction (Fisher information). The slope says nothing about large errors.
    So every direction gets a least sensitivity, which is chosen on the validation entries.

    Parameters
    ----------
    pair
        The pair.
    entries
        A few thousand entries that the pair was trained on, or similar ones.
    validation
        Entries of other people; the least character error on them decides.
    budget
        The mean bytes of a packed code of `entries`.
    seed
        Seed of the noise and the characters at which the slope is computed.

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
    """As `fit`, for several budgets: a `Small` for each. The sensitivity is measured only once."""
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
    """Components of codes, with the shortest steps that the budget allows."""
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
    high = max(high, np.abs(forth).max() / MOST_HALF)  # else an untrained pair's are infinite
    # Components that always round to zero are left out.
    used = (np.abs(components) > high / 2).any(axis=0)
    arrays = mean, forth[:, used] / high, back[used] * high
    return Small(*(half(array) for array in arrays))


MOST_HALF = float(np.finfo(np.float16).max)


def half(array: np.ndarray) -> np.ndarray:
    """Numbers rounded to float16, as float32."""
    return array.astype(np.float16).astype(np.float32)


def _heard(pair: "Pair", codes: np.ndarray, lines: pd.Series, seed: int) -> np.ndarray:
    """Fisher information of the decoder's text about its code: float ``(width, width)``."""
    from aalprivacy.quiet import tf

    decoder = pair.keras()[1]
    rng = np.random.default_rng(seed)
    texts = to_tokens(lines, pair.schema)
    width, batch = codes.shape[1], 128
    # At the codes themselves a trained decoder's probabilities are nearly 0 or 1, so the slope is
    # measured near them.
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
            # Characters drawn from the decoder's own probabilities, so the mean slope is zero.
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
