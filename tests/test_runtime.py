"""Encoding and decoding with NumPy alone: against stock Keras layers, and on its own."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from aalprivacy import runtime
from aalprivacy.text import EOS, PAD

UNITS, WIDTH = 12, 5


def make_weights(vocabulary: int = 20, at_every_step: bool = True, seed: int = 0) -> dict:
    """Random weights of a pair; large ones, so that lines differ and some end."""
    draw = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.7, shape).astype(np.float32)

    weights = {}
    for part, rows in (("encoder", WIDTH), ("decoder", WIDTH + 2 * UNITS * at_every_step)):
        weights[f"{part}/embedding/embeddings"] = drawn(vocabulary, WIDTH)
        weights[f"{part}/lstm/kernel"] = drawn(rows, 4 * UNITS)
        weights[f"{part}/lstm/recurrent_kernel"] = drawn(UNITS, 4 * UNITS)
        weights[f"{part}/lstm/bias"] = drawn(4 * UNITS)
    weights["decoder/scores/kernel"] = drawn(UNITS, vocabulary)
    weights["decoder/scores/bias"] = drawn(vocabulary)
    return weights


def make_tokens(n: int, length: int = 17, vocabulary: int = 20, seed: int = 1) -> np.ndarray:
    """Lines of all lengths: characters, `EOS`, `PAD`."""
    draw = np.random.default_rng(seed)
    tokens = draw.integers(2, vocabulary, (n, length), dtype=np.uint8)
    for line, end in zip(tokens, draw.integers(0, length, n), strict=True):
        line[end], line[end + 1 :] = EOS, PAD
    return tokens


def make_codes(n: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.7, (n, 2 * UNITS)).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def slow_step(weights: dict, part: str, read: np.ndarray, h: np.ndarray, c: np.ndarray):
    """One step of one line in float64, by the book."""
    kernel, recurrent, bias = (
        weights[f"{part}/lstm/{name}"].astype(float)
        for name in ("kernel", "recurrent_kernel", "bias")
    )
    i, f, candidate, o = np.split(read @ kernel + h @ recurrent + bias, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
    return sigmoid(o) * np.tanh(c), c


def slow_encode(weights: dict, line: np.ndarray, reverse: bool) -> np.ndarray:
    h = c = np.zeros(UNITS)
    line = line[line != PAD]
    for token in line[::-1] if reverse else line:
        read = weights["encoder/embedding/embeddings"][token].astype(float)
        h, c = slow_step(weights, "encoder", read, h, c)
    return np.concatenate([h, c])


def slow_decode(weights: dict, code: np.ndarray, longest: int) -> list[int]:
    h, c = np.split(code.astype(float), 2)
    at_every_step = len(weights["decoder/lstm/kernel"]) > WIDTH
    line = [PAD]
    while len(line) <= longest + 1:
        read = weights["decoder/embedding/embeddings"][line[-1]].astype(float)
        if at_every_step:
            read = np.concatenate([read, code])
        h, c = slow_step(weights, "decoder", read, h, c)
        scores = h @ weights["decoder/scores/kernel"] + weights["decoder/scores/bias"]
        line.append(int(scores.argmax()))
        if line[-1] in (EOS, PAD):
            break
    return line[1:] + [PAD] * (longest + 2 - len(line))


@pytest.mark.parametrize("vocabulary", [20, 252])
@pytest.mark.parametrize("reverse", [True, False])
def test_encode_by_the_book(reverse, vocabulary):
    weights, tokens = make_weights(vocabulary), make_tokens(40, vocabulary=vocabulary)
    codes = runtime.encode(weights, tokens, reverse=reverse)
    assert codes.dtype == np.float32
    slow = [slow_encode(weights, line, reverse) for line in tokens]
    np.testing.assert_allclose(codes, slow, atol=1e-5)


@pytest.mark.parametrize("vocabulary", [20, 252])
@pytest.mark.parametrize("at_every_step", [True, False])
def test_decode_by_the_book(at_every_step, vocabulary):
    weights, codes = make_weights(vocabulary, at_every_step), make_codes(60)
    written = runtime.decode(weights, codes, longest=25)
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written, [slow_decode(weights, code, 25) for code in codes])


@pytest.mark.parametrize("reverse", [True, False])
def test_same_as_keras(reverse):
    keras = pytest.importorskip("keras")
    weights, tokens = make_weights(), make_tokens(30)
    embedding = keras.layers.Embedding(20, WIDTH)
    embedding.build()
    embedding.set_weights([weights["encoder/embedding/embeddings"]])
    lstm = keras.layers.LSTM(UNITS, return_state=True, go_backwards=reverse)
    lstm.build((None, None, WIDTH))
    names = ("kernel", "recurrent_kernel", "bias")
    lstm.set_weights([weights[f"encoder/lstm/{name}"] for name in names])
    _, h, c = lstm(embedding(tokens), mask=tokens != PAD)
    expected = np.concatenate([h, c], axis=1)
    np.testing.assert_allclose(
        runtime.encode(weights, tokens, reverse=reverse), expected, atol=1e-5
    )


def test_decode_stops_at_the_end():
    weights = make_weights()
    weights["decoder/scores/bias"][EOS] = 1.0
    written = runtime.decode(weights, make_codes(200), longest=30)
    ended = (written == EOS).any(axis=1)
    assert ended.any()
    for line in written:
        stops = np.flatnonzero(line <= EOS)
        assert not stops.size or not line[stops[0] + 1 :].any()
    weights["decoder/scores/bias"][EOS] = 1e3
    assert (runtime.decode(weights, make_codes(3), longest=4)[:, 0] == EOS).all()
    weights["decoder/scores/bias"][7] = 1e6
    assert (runtime.decode(weights, make_codes(3), longest=2000) == 7).all()


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_any_batch_size(batch_size):
    weights, tokens = make_weights(), make_tokens(50)
    codes, done = runtime.encode(weights, tokens), []
    other = runtime.encode(weights, tokens, batch_size=batch_size, report=done.append)
    np.testing.assert_allclose(other, codes, atol=1e-6)
    assert sum(done) == 50
    written, done = runtime.decode(weights, codes, longest=20), []
    other = runtime.decode(weights, codes, longest=20, batch_size=batch_size, report=done.append)
    np.testing.assert_array_equal(other, written)
    assert sum(done) == 50


@pytest.mark.parametrize("n", [0, 1])
def test_few_lines(n):
    weights, tokens = make_weights(), make_tokens(5)
    codes = runtime.encode(weights, tokens[:n])
    np.testing.assert_allclose(codes, runtime.encode(weights, tokens)[:n], atol=1e-6)
    written = runtime.decode(weights, codes, longest=9)
    assert codes.shape == (n, 2 * UNITS) and written.shape == (n, 10)
    assert runtime.states(weights, tokens[:n]).shape == (n, 17, UNITS)


def test_line_of_padding():
    weights, tokens = make_weights(), make_tokens(4)
    tokens[2] = PAD
    codes = runtime.encode(weights, tokens)
    assert not codes[2].any() and codes[[0, 1, 3]].any(axis=1).all()
    assert not runtime.encode(weights, tokens[2:3]).any()
    assert not runtime.states(weights, tokens)[2].any()
    assert runtime.encode(weights, tokens[:, :0]).shape == (4, 2 * UNITS)


@pytest.mark.parametrize("reverse", [True, False])
def test_states_end_in_the_code(reverse):
    weights, tokens = make_weights(), make_tokens(20)
    found = runtime.states(weights, tokens, reverse=reverse)
    lengths = (tokens != PAD).sum(axis=1)
    last = np.zeros_like(lengths) if reverse else lengths - 1
    codes = runtime.encode(weights, tokens, reverse=reverse)
    np.testing.assert_allclose(found[np.arange(20), last], codes[:, :UNITS], atol=1e-6)
    assert found.dtype == np.float32
    assert not found[tokens == PAD].any() and found[tokens != PAD].any(axis=1).all()


@pytest.mark.filterwarnings("error")
def test_extreme_weights_warn_of_nothing():
    weights = {name: 1e3 * array for name, array in make_weights().items()}
    codes = runtime.encode(weights, make_tokens(10))
    assert np.isfinite(codes).all()
    runtime.decode(weights, codes, longest=9)


def test_interrupted():
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    def threads() -> list[int]:
        return [each["num_threads"] for each in threadpool_info()]

    weights, tokens = make_weights(), make_tokens(500)
    with threadpool_limits(2):
        before = threads()
        with pytest.raises(KeyboardInterrupt):
            runtime.encode(weights, tokens, batch_size=4, report=interrupt)
        with pytest.raises(KeyboardInterrupt):
            runtime.decode(weights, make_codes(500), longest=50, batch_size=4, report=interrupt)
        assert threads() == before
    assert len(runtime.encode(weights, tokens)) == 500


@pytest.mark.parametrize("reverse", [True, False])
def test_lines_that_begin_alike_have_the_codes_that_they_have_alone(reverse):
    """Shared beginnings are read once, also where one line is the beginning of another."""
    weights, rng = make_weights(), np.random.default_rng(3)
    tokens = np.zeros((200, 14), np.uint8)
    tokens[:, :6] = rng.integers(2, 4, (200, 6))  # 64 beginnings of 200 lines
    tokens[:, 6:12] = rng.integers(2, 20, (200, 6))
    lengths = rng.integers(4, 13, 200)
    tokens[np.arange(14) >= lengths[:, None]] = PAD
    tokens[np.arange(200), lengths] = EOS
    if reverse:
        for line, length in zip(tokens, lengths + 1, strict=True):
            line[:length] = line[:length][::-1].copy()
    together = runtime.encode(weights, tokens, reverse=reverse)
    alone = np.concatenate([runtime.encode(weights, t[None], reverse=reverse) for t in tokens])
    np.testing.assert_allclose(together, alone, atol=1e-6)
