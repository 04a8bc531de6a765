"""The Keras models of a pair: plain models of stock layers, or of the engine for training.

The paper's figure 3: an LSTM reads the entry into a vector, another LSTM writes the view from it.
"""

from typing import TYPE_CHECKING

import numpy as np

from aalprivacy.lstm import FastLSTM
from aalprivacy.pair import Architecture
from aalprivacy.quiet import keras

if TYPE_CHECKING:
    from aalprivacy.pair import Pair


def build_encoder(
    architecture: Architecture | None = None, product_dtype: str | None = None
) -> keras.Model:
    """Build the encoder: tokens, whole numbers ``(n, length)``, to codes, float32 ``(n, 2 units)``.

    Parameters
    ----------
    architecture
        Its sizes and its order of reading; the paper's by default.
    product_dtype
        Build it with the engine (`aalprivacy.lstm.FastLSTM`) for training; ``None`` builds it of
        stock layers. The weights are the same either way.
    """
    a = architecture or Architecture()
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    line = keras.ops.flip(tokens, axis=1) if a.reverse else tokens
    embed = keras.layers.Embedding(a.tokens, a.embedding, mask_zero=True, name="embedding")
    if product_dtype is None:
        lstm = keras.layers.LSTM(a.units, return_state=True, name="lstm")
    else:
        lstm = FastLSTM(a.units, return_state=True, product_dtype=product_dtype, name="lstm")
    _, h, c = lstm(embed(line))
    return keras.Model(tokens, keras.ops.concatenate([h, c], axis=-1), name="encoder")


def build_decoder(
    architecture: Architecture | None = None, product_dtype: str | None = None
) -> keras.Model:
    """Build the decoder: tokens written so far and code to the scores of each next token.

    It takes ``[tokens, code]``, whole numbers ``(n, length)`` beginning with
    `aalprivacy.text.PAD`, and float32 ``(n, 2 units)``; it gives float32 ``(n, length, tokens)``,
    unnormalised log probabilities.

    Parameters
    ----------
    architecture, product_dtype
        As for `build_encoder`.
    """
    a = architecture or Architecture()
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    code = keras.Input((a.width,), name="code")
    vectors = keras.layers.Embedding(a.tokens, a.embedding, name="embedding")(tokens)
    state = [code[:, : a.units], code[:, a.units :]]
    if product_dtype is None:
        if a.code_at_every_step:
            at_each_step = code[:, None, :] + keras.ops.zeros_like(vectors[:, :, :1])
            vectors = keras.ops.concatenate([vectors, at_each_step], axis=-1)
        outputs = keras.layers.LSTM(a.units, return_sequences=True, name="lstm")(
            vectors, initial_state=state
        )
    else:
        lstm = FastLSTM(a.units, return_sequences=True, product_dtype=product_dtype, name="lstm")
        context = {"context": code} if a.code_at_every_step else {}
        outputs = lstm(vectors, initial_state=state, **context)
    scores = keras.layers.Dense(a.tokens, name="scores")(outputs)
    return keras.Model([tokens, code], scores, name="decoder")


def to_keras(pair: "Pair") -> tuple[keras.Model, keras.Model]:
    """A pair's encoder and decoder as Keras models of stock layers."""
    models = build_encoder(pair.architecture), build_decoder(pair.architecture)
    set_arrays(models, pair.weights)
    return models


def set_arrays(models: tuple[keras.Model, ...], arrays) -> None:
    """Give models the arrays of their weights, in place."""
    for model in models:
        for layer in model.layers:
            names = [f"{model.name}/{layer.name}/{weight.name}" for weight in layer.weights]
            layer.set_weights([arrays[name] for name in names])


def to_arrays(*models: keras.Model) -> dict[str, np.ndarray]:
    """The weights of models as plain arrays, by names such as ``decoder/lstm/kernel``."""
    return {
        f"{model.name}/{layer.name}/{weight.name}": np.asarray(weight)
        for model in models
        for layer in model.layers
        for weight in layer.weights
    }
