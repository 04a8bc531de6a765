"""Encoding and greedy decoding of many entries on all cores.

The models' own layers would do the same, a whole network a step. Here only the product of the state
with the recurrent kernel is left in the loop: what a token adds to the gates is looked up in a
table, what the code adds is a constant, and the rest of a step is compiled into one operation.
Batches of neighbouring lengths run side by side, one a core, so no step waits for another core.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aalprivacy.quiet import keras, tf
from aalprivacy.text import EOS, MAX_LENGTH, PAD

# Without XLA (TensorFlow's builds for Windows) the same operations run one by one.
_compiled = tf.function(jit_compile=tf.test.is_built_with_xla(), autograph=False)


def encode(
    encoder: keras.Model,
    tokens: np.ndarray,
    batch_size: int = 512,
    product_dtype: str = "float32",
    report: Callable[[int], None] = lambda rows: None,
) -> np.ndarray:
    """Turn tokens into codes.

    Parameters
    ----------
    encoder
        As `aalprivacy.model.build_encoder` makes it.
    tokens
        Whole numbers ``(n, length)``, `PAD` at the end.
    batch_size
        Entries a step.
    product_dtype
        ``"bfloat16"`` is faster and off by about one hundredth; everything else is float32.
    report
        Told how many rows more are done.

    Returns
    -------
    float32 ``(n, 2 units)``, equal to the model's own output to rounding in float32.
    """
    cell = encoder.get_layer("lstm").cell
    table = tf.matmul(encoder.get_layer("embedding").embeddings, cell.kernel) + cell.bias
    recurrent = tf.cast(cell.recurrent_kernel, product_dtype)
    reverse = is_reversed(encoder)
    lengths = (tokens != PAD).sum(axis=1)
    codes = np.empty((len(tokens), 2 * cell.units), np.float32)

    def run(rows: np.ndarray) -> None:
        lines = tokens[rows, : lengths[rows].max()].astype(np.int32)
        steps = (lines[:, ::-1] if reverse else lines).T
        codes[rows] = _read(tf.constant(steps), table, recurrent)

    _on_all_cores(run, np.argsort(lengths, kind="stable"), batch_size, report)
    return codes


def decode(
    decoder: keras.Model,
    codes: np.ndarray,
    batch_size: int = 512,
    product_dtype: str = "float32",
    report: Callable[[int], None] = lambda rows: None,
) -> np.ndarray:
    """Write the most probable token, step by step, until `EOS` (greedy decoding).

    Parameters
    ----------
    decoder
        As `aalprivacy.model.build_decoder` makes it.
    codes
        float32 ``(n, 2 units)``.
    batch_size, product_dtype, report
        As for `encode`.

    Returns
    -------
    uint8 array ``(n, MAX_LENGTH + 1)``, `PAD` after `EOS`.
    """
    cell, scores = decoder.get_layer("lstm").cell, decoder.get_layer("scores")
    embeddings = tf.convert_to_tensor(decoder.get_layer("embedding").embeddings)
    width = embeddings.shape[1]
    table = tf.matmul(embeddings, cell.kernel[:width]) + cell.bias
    of_code = tf.convert_to_tensor(cell.kernel[width:])  # no rows if only the state is the code
    recurrent, kernel = (tf.cast(k, product_dtype) for k in (cell.recurrent_kernel, scores.kernel))
    bias = tf.convert_to_tensor(scores.bias)
    tokens = np.zeros((len(codes), MAX_LENGTH + 1), np.uint8)

    def run(rows: np.ndarray) -> None:
        batch = tf.constant(codes[rows])
        constant = tf.matmul(batch[:, : of_code.shape[0]], of_code)
        written = _write(batch, constant, table, recurrent, kernel, bias).numpy()
        tokens[rows, : len(written)] = written.T

    _on_all_cores(run, np.arange(len(codes)), batch_size, report)
    return tokens


def is_reversed(encoder: keras.Model) -> bool:
    """Whether an encoder reads a line from its end."""
    return any(type(operation).__name__ == "Flip" for operation in encoder.operations)


def _on_all_cores(
    run: Callable[[np.ndarray], None],
    rows: np.ndarray,
    batch_size: int,
    report: Callable[[int], None],
) -> None:
    batches = [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch, _ in zip(batches, pool.map(run, batches), strict=True):
            report(len(batch))


@_compiled
def _step(z, constant, table, token, h, c, waiting):
    """Next `h` and `c`, and `h` in the product type; rows that wait keep theirs."""
    gates = tf.cast(z, tf.float32) + tf.gather(table, token) + constant
    i, f, g, o = tf.split(gates, 4, axis=1)
    new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    new_h = tf.sigmoid(o) * tf.tanh(new_c)
    new_h, new_c = tf.where(waiting, h, new_h), tf.where(waiting, c, new_c)
    return new_h, new_c, tf.cast(new_h, z.dtype)


@tf.function(reduce_retracing=True)
def _read(steps, table, recurrent):
    n, units = tf.shape(steps)[1], tf.shape(recurrent)[0]

    def step(t, h, c, factor):
        # Lines shorter than the batch's longest wait before their first or after their last token.
        waiting = (steps[t] == PAD)[:, None]
        h, c, factor = _step(tf.matmul(factor, recurrent), 0.0, table, steps[t], h, c, waiting)
        return t + 1, h, c, factor

    zeros = tf.zeros((n, units))
    _, h, c, _ = tf.while_loop(
        lambda t, *_: t < tf.shape(steps)[0],
        step,
        (0, zeros, zeros, tf.zeros((n, units), recurrent.dtype)),
    )
    return tf.concat([h, c], axis=1)


@tf.function(reduce_retracing=True)
def _write(codes, constant, table, recurrent, score_kernel, score_bias):
    def step(t, token, h, c, factor, done, written):
        z = tf.matmul(factor, recurrent)
        h, c, factor = _step(z, constant, table, token, h, c, done[:, None])
        scores = tf.cast(tf.matmul(factor, score_kernel), tf.float32) + score_bias
        token = tf.where(done, PAD, tf.argmax(scores, axis=1, output_type=tf.int32))
        done = done | (token <= EOS)
        return t + 1, token, h, c, factor, done, written.write(t, token)

    h, c = tf.split(codes, 2, axis=1)
    n = tf.shape(codes)[0]
    written = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[None])
    *_, written = tf.while_loop(
        lambda t, token, h, c, factor, done, written: (t <= MAX_LENGTH) & ~tf.reduce_all(done),
        step,
        (0, tf.fill([n], PAD), h, c, tf.cast(h, recurrent.dtype), tf.fill([n], False), written),
    )
    return written.stack()
