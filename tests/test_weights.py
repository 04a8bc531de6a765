"""A pair's plain arrays are enough to use it: here with NumPy and nothing else.

Should no framework load the shipped pairs any more, this is how they work.
"""

import numpy as np
import pytest
from safetensors.numpy import load_file

from aalprivacy.homes import make_test_set
from aalprivacy.pair import PRETRAINED, load_pair, shipped_names
from aalprivacy.policy import TABLE_I
from aalprivacy.text import EOS, PAD, to_lines, to_tokens, token_of

SEPARATOR = token_of("|", TABLE_I.schema)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(z, c):
    """Gates in the order input, forget, candidate, output; each a quarter of ``z``."""
    i, f, g, o = np.split(z, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def positions(w, side, tokens):
    """A vector for each token and for the one after them: its attribute's plus its place's.

    A separator belongs to the value that it ends. The last place stands for all further ones.
    """
    attribute, place = (w[f"{side}/{name}/embeddings"] for name in ("attribute", "place"))
    at, along, sums = 0, 0, []
    for token in [*tokens, EOS]:
        sums.append(attribute[at] + place[min(along, len(place) - 1)])
        new = token == SEPARATOR and at < len(attribute) - 1
        at, along = (at + 1, 0) if new else (at, along + 1)
    return sums


def numpy_encode(w, tokens):
    """One line's tokens, read from its end, to its code ``[h; c]``."""
    h = c = np.zeros(len(w["encoder/lstm/recurrent_kernel"]))
    tokens = tokens[tokens > 0]
    inputs = w["encoder/embedding/embeddings"][tokens] + positions(w, "encoder", tokens)[:-1]
    for x in inputs[::-1]:
        z = x @ w["encoder/lstm/kernel"] + h @ w["encoder/lstm/recurrent_kernel"]
        h, c = lstm_step(z + w["encoder/lstm/bias"], c)
    return np.concatenate([h, c])


def numpy_decode(w, code):
    """A code to the tokens of its view: greedy, the code fed to every step."""
    (h, c), token, tokens = np.split(code, 2), PAD, []
    while token != EOS and len(tokens) <= 160:
        where = positions(w, "decoder", tokens)[-1]  # of the token that is written now
        x = np.concatenate([w["decoder/embedding/embeddings"][token] + where, code])
        z = x @ w["decoder/lstm/kernel"] + h @ w["decoder/lstm/recurrent_kernel"]
        h, c = lstm_step(z + w["decoder/lstm/bias"], c)
        scores = h @ w["decoder/scores/kernel"] + w["decoder/scores/bias"]
        token = int(np.argmax(scores))
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
    """2,000 entries through the stock layers of `Pair.keras`.

    The decoder reads the lines that the pair wrote. If the most probable next token is the written
    one everywhere, it would have written the same lines by itself.
    """
    pair, table = load_pair(name), make_test_set("unseen", 2000)
    lines = pair.view_lines(table) if pair.blind else to_lines(table, pair.schema)
    encoder, decoder = pair.keras()
    tokens = to_tokens(lines, pair.schema).astype(np.int32)
    codes = encoder.predict(tokens, batch_size=500, verbose=0)
    # A state can grow to about ten, where float32 itself rounds by a millionth of that.
    np.testing.assert_allclose(pair.encode_entries(table), codes, rtol=1e-6, atol=1e-5)
    written = to_tokens(pair.decode(codes), pair.schema).astype(np.int32)
    before = np.pad(written[:, :-1], [(0, 0), (1, 0)], constant_values=PAD)
    likely = np.argmax(decoder.predict([before, codes], batch_size=500, verbose=0), axis=-1)
    same = (likely == written) | (written == PAD)
    assert same.all(axis=1).mean() >= 0.999
