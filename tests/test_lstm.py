"""The engine gives what the stock layer gives, gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

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


@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    units=st.integers(1, 9),
    context_width=st.integers(0, 4),
    padding=st.sampled_from(["none", "before", "after", "anywhere"]),
    own_state=st.booleans(),
    return_sequences=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_any_shape_state_and_padding(
    shape, units, context_width, padding, own_state, return_sequences, seed
):
    rng = np.random.default_rng(seed)
    batch, time, _ = shape
    x, context, h, c = (
        tf.constant(rng.normal(size=s).astype(np.float32))
        for s in (shape, (batch, context_width), (batch, units), (batch, units))
    )
    lengths = rng.integers(0, time + 1, (batch, 1))
    mask = {
        "none": None,
        "before": np.arange(time) >= time - lengths,
        "after": np.arange(time) < lengths,
        "anywhere": rng.random((batch, time)) < 0.5,
    }[padding]
    options = {"return_sequences": return_sequences, "return_state": True}
    stock, fast = keras.layers.LSTM(units, **options), FastLSTM(units, **options)

    def state(h, c):
        return [h, c] if own_state else None

    def by_stock(x, context, h, c):
        repeated = tf.repeat(context[:, None], time, axis=1)
        return stock(tf.concat([x, repeated], -1), initial_state=state(h, c), mask=mask)

    def by_fast(x, context, h, c):
        extra = {"context": context} if context_width else {}
        return fast(x, initial_state=state(h, c), mask=mask, **extra)

    inputs = [x, context, h, c]
    by_stock(*inputs), by_fast(*inputs)
    fast.set_weights(stock.get_weights())
    expected, got = _results(stock, by_stock, inputs), _results(fast, by_fast, inputs)
    for a, b in zip(expected, got, strict=True):
        if a.dtype == object or b.dtype == object:  # no gradient: states or a context not used
            assert np.all(a == None) or a.size == 0  # noqa: E711
        else:
            np.testing.assert_allclose(a, b, atol=2e-5, rtol=2e-5)


def test_a_stock_file_loads_into_it_and_back(tmp_path):
    tokens = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, keras.layers.LSTM(6, return_sequences=True)(vectors))
    model.save(tmp_path / "stock.keras")
    x = np.array([[3, 8, 1, 0, 0], [2, 2, 5, 7, 4]])

    def swap(model, kind, to):
        made = keras.models.clone_model(
            model,
            clone_function=lambda layer: (to if type(layer) is kind else type(layer)).from_config(
                {k: v for k, v in layer.get_config().items() if k != "product_dtype"}
            ),
        )
        made.set_weights(model.get_weights())
        return made

    fast = swap(keras.saving.load_model(tmp_path / "stock.keras"), keras.layers.LSTM, FastLSTM)
    assert type(fast.layers[-1]) is FastLSTM
    np.testing.assert_allclose(fast(x), model(x), atol=1e-6)
    fast.save(tmp_path / "fast.keras")
    back = swap(keras.saving.load_model(tmp_path / "fast.keras"), FastLSTM, keras.layers.LSTM)
    assert type(back.layers[-1]) is keras.layers.LSTM
    np.testing.assert_array_equal(back(x), model(x))


def test_it_steps_aside_on_a_gpu(monkeypatch):
    """With a GPU the stock layer's own loop is called, which takes cuDNN."""
    called = []
    stock_loop = keras.layers.LSTM.inner_loop
    monkeypatch.setattr(
        keras.layers.LSTM,
        "inner_loop",
        lambda self, *args, **options: called.append(1) or stock_loop(self, *args, **options),
    )
    layer, x, context = FastLSTM(3), np.ones((2, 4, 5), np.float32), np.ones((2, 2), np.float32)
    expected = layer(x, context=context)
    assert not called
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind=None: [kind])
    np.testing.assert_allclose(layer(x, context=context), expected, atol=1e-6)
    assert called


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
