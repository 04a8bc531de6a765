"""A pair's plain arrays are enough to use it: here with NumPy and nothing else.

Should no framework load the shipped pairs any more, this is how they work.
"""

import numpy as np
import pytest
from safetensors.numpy import load_file

from aalprivacy.pair import PRETRAINED, load_pair, shipped_names
from aalprivacy.text import EOS, to_lines, to_tokens


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(z, c):
    """Gates in the order input, forget, candidate, output; each a quarter of ``z``."""
    i, f, g, o = np.split(z, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def numpy_encode(w, tokens):
    """One line's tokens, read from its end, to its code ``[h; c]``."""
    h = c = np.zeros(len(w["encoder/lstm/recurrent_kernel"]))
    for token in tokens[tokens > 0][::-1]:
        x = w["encoder/embedding/embeddings"][token]
        z = x @ w["encoder/lstm/kernel"] + h @ w["encoder/lstm/recurrent_kernel"]
        h, c = lstm_step(z + w["encoder/lstm/bias"], c)
    return np.concatenate([h, c])


def numpy_decode(w, code):
    """A code to the tokens of its view: greedy, the code fed to every step."""
    (h, c), token, tokens = np.split(code, 2), 0, []
    while token != EOS and len(tokens) <= 160:
        x = np.concatenate([w["decoder/embedding/embeddings"][token], code])
        z = x @ w["decoder/lstm/kernel"] + h @ w["decoder/lstm/recurrent_kernel"]
        h, c = lstm_step(z + w["decoder/lstm/bias"], c)
        token = int(np.argmax(h @ w["decoder/scores/kernel"] + w["decoder/scores/bias"]))
        tokens.append(token)
    return tokens


@pytest.mark.parametrize("name", [n for n in shipped_names() if "." not in n])
def test_numpy_writes_the_same_text(entries, name):
    file = load_file(PRETRAINED / name / "weights.safetensors")
    w = {key: array.astype(np.float64) for key, array in file.items()}
    pair = load_pair(name)
    codes = pair.encode_entries(entries[:12])
    tokens = to_tokens(to_lines(entries[:12], pair.schema), pair.schema)
    written = to_tokens(pair.decode(codes), pair.schema)
    for line, code, own in zip(tokens, codes, written, strict=True):
        np.testing.assert_allclose(numpy_encode(w, line), code, atol=1e-4)
        assert numpy_decode(w, code) == own[own > 0].tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rekeyed_pair_does_the_same_with_other_codes(entries, seed):
    pair = load_pair("researcher")
    other = pair.rekeyed(seed)
    codes, new = pair.encode_entries(entries[:40]), other.encode_entries(entries[:40])
    assert other.decode(new).tolist() == pair.decode(codes).tolist()
    np.testing.assert_allclose(
        np.sort(np.abs(new[:, :256])), np.sort(np.abs(codes[:, :256])), atol=1e-4
    )
    assert (other.decode(codes) != pair.decode(codes)).all()
    assert other.fingerprint != pair.fingerprint
    assert (other.card["rekeyed"], pair.card.get("rekeyed")) == (1, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_names())
def test_stock_keras_writes_the_same_lines(name):
    """2,000 entries through the stock layers of `Pair.keras`, greedily, step by step."""
    import keras
    import tensorflow as tf

    from aalprivacy.homes import make_test_set
    from aalprivacy.text import from_tokens, view_lines
    from aalprivacy.views import apply_policy

    pair, table = load_pair(name), make_test_set("unseen", 2000)
    lines = to_lines(table, pair.schema)
    if pair.blind:
        lines = view_lines(apply_policy(table, pair.policy, pair.receiver), pair.schema)
    encoder, decoder = pair.keras()
    tokens = to_tokens(lines, pair.schema).astype(np.int32)
    codes = encoder.predict(tokens, batch_size=500, verbose=0)
    # A state can grow to about ten, where float32 itself rounds by a millionth of that.
    np.testing.assert_allclose(pair.encode_entries(table), codes, rtol=1e-6, atol=1e-5)
    embed, trained, scores = (decoder.get_layer(n) for n in ("embedding", "lstm", "scores"))
    lstm = keras.layers.LSTM(trained.units, return_state=True)
    lstm.build((None, 1, trained.cell.kernel.shape[0]))
    lstm.set_weights(trained.get_weights())

    @tf.function
    def step(token, h, c):
        inputs = tf.concat([embed(token), codes], axis=-1)[:, None]
        output, h, c = lstm(inputs, initial_state=[h, c])
        return tf.argmax(scores(output), axis=-1, output_type=tf.int32), h, c

    h, c = tf.split(tf.constant(codes), 2, axis=1)
    token, written = tf.zeros(len(codes), tf.int32), []
    for _ in range(pair.schema.longest + 1):
        token, h, c = step(token, h, c)
        written.append(token.numpy())
    stock = from_tokens(np.stack(written, axis=1), pair.schema)
    assert (stock.to_numpy() == pair.decode(codes).to_numpy()).mean() >= 0.999
