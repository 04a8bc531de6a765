"""The engine gives what the stock layer gives, gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aalprivacy.lstm import FastLSTM

BATCH, TIME, WIDTH, CONTEXT, UNITS = 5, 9, 7, 6, 11


def _results(layer, call, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = call(*inputs)
        total = sum(tf.reduce_sum(tf.sin(o * (i + 1))) for i, o in enumerate(outputs))
    gradients = tape.gradient(total, [*inputs, *layer.trainable_weights])
    return [np.asarray(v) for v in (*outputs, *gradients)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("bfloat16", 0.08)])
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_states_and_every_gradient(dtype, tolerance, masked):
    rng = np.random.default_rng(0)
    shapes = ((BATCH, TIME, WIDTH), (BATCH, CONTEXT), (BATCH, UNITS), (BATCH, UNITS))
    inputs = [tf.constant(rng.normal(size=s).astype(np.float32)) for s in shapes]
    mask = None
    if masked:  # inner gaps, padding in front, padding behind, nothing at all
        mask = rng.random((BATCH, TIME)) > 0.3
        mask[0, :4], mask[1, -4:], mask[2] = False, False, False
    options = {"return_sequences": True, "return_state": True}
    stock, fast = keras.layers.LSTM(UNITS, **options), FastLSTM(
        UNITS, product_dtype=dtype, **options
    )  # fmt: skip

    def by_stock(x, context, h, c):
        repeated = tf.repeat(context[:, None], TIME, axis=1)
        return stock(tf.concat([x, repeated], -1), initial_state=[h, c], mask=mask)

    def by_fast(x, context, h, c):
        return fast(x, initial_state=[h, c], mask=mask, context=context)

    by_stock(*inputs), by_fast(*inputs)
    fast.set_weights(stock.get_weights())
    for a, b in zip(
        _results(stock, by_stock, inputs), _results(fast, by_fast, inputs), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=tolerance, rtol=tolerance)


def test_what_it_does_not_cover_runs_as_stock():
    x = np.random.default_rng(1).normal(size=(2, 4, 3)).astype(np.float32)
    context = np.ones((2, 5), np.float32)
    stock = keras.layers.LSTM(6, activation="relu", go_backwards=True)
    fast = FastLSTM(6, activation="relu", go_backwards=True)
    expected = stock(np.concatenate([x, np.repeat(context[:, None], 4, 1)], -1))
    fast(x, context=context)
    fast.set_weights(stock.get_weights())
    np.testing.assert_allclose(fast(x, context=context), expected, atol=1e-6)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, FastLSTM(4, product_dtype="bfloat16")(inputs))
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    x = np.ones((2, 5, 3), np.float32)
    np.testing.assert_array_equal(model(x), again(x))
    assert again.layers[1].product_dtype == "bfloat16"


def test_unknown_product_type():
    with pytest.raises(ValueError, match="expected 'float32' or 'bfloat16', got 'int8'"):
        FastLSTM(4, product_dtype="int8")
