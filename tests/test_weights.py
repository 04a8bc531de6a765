"""A pair's plain arrays are enough to use it: here with NumPy and nothing else.

Should no framework load the shipped pairs any more, this is how they work.
"""

from pathlib import Path

import numpy as np
import pytest

import aalprivacy
from aalprivacy.text import EOS, MAX_LENGTH, to_lines, to_tokens

SHIPPED = Path(aalprivacy.__file__).parent / "pretrained"


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
    while token != EOS and len(tokens) <= MAX_LENGTH:
        x = np.concatenate([w["decoder/embedding/embeddings"][token], code])
        z = x @ w["decoder/lstm/kernel"] + h @ w["decoder/lstm/recurrent_kernel"]
        h, c = lstm_step(z + w["decoder/lstm/bias"], c)
        token = int(np.argmax(h @ w["decoder/scores/kernel"] + w["decoder/scores/bias"]))
        tokens.append(token)
    return tokens


@pytest.mark.parametrize("receiver", aalprivacy.shipped_receivers())
def test_numpy_writes_the_same_text(entries, receiver):
    with np.load(SHIPPED / receiver / "weights.npz") as file:
        w = {name: file[name].astype(np.float64) for name in file if name != "about"}
    pair = aalprivacy.load_pair(receiver)
    tokens = to_tokens(to_lines(entries[:12]))
    codes = pair.encode(tokens)
    for line, code, written in zip(tokens, codes, pair.decode(codes), strict=True):
        np.testing.assert_allclose(numpy_encode(w, line), code, atol=1e-4)
        assert numpy_decode(w, code) == written[written > 0].tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rekeyed_pair_does_the_same_with_other_codes(entries, seed):
    pair = aalprivacy.load_pair("researcher")
    other = pair.rekeyed(seed)
    tokens = to_tokens(to_lines(entries[:40]))
    codes, new = pair.encode(tokens), other.encode(tokens)
    np.testing.assert_array_equal(other.decode(new), pair.decode(codes))
    np.testing.assert_allclose(
        np.sort(np.abs(new[:, :256])), np.sort(np.abs(codes[:, :256])), atol=1e-4
    )
    assert (other.decode(codes) != pair.decode(codes)).any(axis=1).all()
    assert other.fingerprint != pair.fingerprint
