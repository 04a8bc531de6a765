"""The Keras models of a pair, built of stock layers, or of the engine's layers for training.

The paper's figure 3: an LSTM reads the entry into a vector, another LSTM writes the view from it.
"""

from typing import TYPE_CHECKING

import numpy as np

from aalprivacy.architecture import Architecture
from aalprivacy.lstm import FastLSTM
from aalprivacy.quiet import keras
from aalprivacy.text import PAD

if TYPE_CHECKING:
    from aalprivacy.pair import Pair


def build_encoder(
    architecture: Architecture | None = None,
    product_dtype: str | None = None,
    windows: bool = False,
) -> keras.Model:
    """Build the encoder: tokens, whole numbers ``(n, length)``, to codes, float32 ``(n, 2 units)``.

    Parameters
    ----------
    architecture
        Its sizes and its order of reading; the paper's by default.
    product_dtype
        Build it with the engine (`aalprivacy.lstm.FastLSTM`) for training; ``None`` builds it of
        stock layers. Both have the same weights.
    windows
        Whether lines may begin with any attribute. The model then has a second input: the attribute
        that each line begins with, whole numbers ``(n,)``.
    """
    a = architecture or Architecture()
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    first = keras.Input((), dtype="int32", name="first")
    mask = keras.ops.not_equal(tokens, PAD)
    read = [tokens, *_where(a, tokens, first if windows else None, ahead=False)]
    if a.reverse:
        # Each line is reversed within its length. Padding stays last, as cuDNN requires.
        at = _count(tokens)
        length = keras.ops.sum(keras.ops.cast(mask, "int32"), axis=1, keepdims=True)
        order = keras.ops.where(mask, length - 1 - at, at)
        read = [keras.ops.take_along_axis(each, order, axis=1) for each in read]
    vectors = _vectors(a, read)
    if product_dtype is None:
        lstm = keras.layers.LSTM(a.units, return_state=True, name="lstm")
    else:
        lstm = FastLSTM(a.units, return_state=True, product_dtype=product_dtype, name="lstm")
    _, h, c = lstm(vectors, mask=mask)
    code = keras.ops.concatenate([h, c], axis=-1)
    return keras.Model([tokens, first] if windows else tokens, code, name="encoder")


def build_decoder(
    architecture: Architecture | None = None,
    product_dtype: str | None = None,
    windows: bool = False,
) -> keras.Model:
    """Build the decoder: from the tokens so far and the code to the scores of each next token.

    Its inputs are ``[tokens, code]``: whole numbers ``(n, length)`` that begin with
    `aalprivacy.text.PAD`, and float32 ``(n, 2 units)``. Its output is float32
    ``(n, length, tokens)``, unnormalised log probabilities.

    Parameters
    ----------
    architecture, product_dtype, windows
        As for `build_encoder`.
    """
    a = architecture or Architecture()
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    first = keras.Input((), dtype="int32", name="first")
    code = keras.Input((a.width,), name="code")
    vectors = _vectors(a, [tokens, *_where(a, tokens, first if windows else None, ahead=True)])
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
    inputs = [tokens, code, first] if windows else [tokens, code]
    return keras.Model(inputs, scores, name="decoder")


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


def _where(a: Architecture, tokens, first, ahead: bool) -> tuple:
    """Attribute and place of each token, as in `Architecture.where`; nothing without places.

    Parameters
    ----------
    first
        The attribute that each line begins with; the schema's first, if ``None``.
    ahead
        Whether they are those of the token that follows, as the decoder needs it.
    """
    if not a.places:
        return ()
    ends = keras.ops.cast(keras.ops.equal(tokens, a.separator), "int32")
    attribute = keras.ops.cumsum(ends, axis=1)
    if not ahead:
        attribute = attribute - ends
    if first is not None:
        attribute = attribute + keras.ops.expand_dims(first, 1)
    attribute = keras.ops.minimum(attribute, a.attributes - 1)
    # A place is counted from its attribute's beginning, after the tokens of earlier attributes.
    is_of = keras.ops.one_hot(attribute, a.attributes, dtype="int32")
    sizes = keras.ops.sum(is_of, axis=1, keepdims=True)
    begins = keras.ops.sum(is_of * (keras.ops.cumsum(sizes, axis=2) - sizes), axis=2)
    return attribute, keras.ops.minimum(_count(tokens) - begins, a.places - 1)


def _count(tokens):
    """0, 1, 2, ... along each line."""
    return keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1


def _vectors(a: Architecture, read: list):
    """The vectors of tokens; with places, the sums of token, attribute and place vectors."""
    names = {"embedding": a.tokens, "attribute": a.attributes, "place": a.places}
    vectors = [
        keras.layers.Embedding(rows, a.embedding, name=name)(each)
        for (name, rows), each in zip(names.items(), read, strict=False)
    ]
    return sum(vectors[1:], vectors[0])
