"""Encoding and decoding with NumPy alone: against stock Keras layers, and on its own."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from aalprivacy import runtime
from aalprivacy.architecture import Architecture
from aalprivacy.text import EOS, PAD

UNITS, WIDTH, SEPARATOR = 12, 5, 7


def build(vocabulary: int = 20, places: int = 3, **choices) -> Architecture:
    return Architecture(
        vocabulary, SEPARATOR, attributes=4, units=UNITS, embedding=WIDTH, places=places, **choices
    )


BUILT = build()


def make_weights(built: Architecture, seed: int = 0) -> dict:
    """Random weights of a pair; large ones, so that lines differ and some end."""
    draw = np.random.default_rng(seed)
    return {
        name: draw.normal(0, 0.7, shape).astype(np.float32)
        for name, shape in built.shapes().items()
    }


def make_tokens(n: int, length: int = 17, vocabulary: int = 20, seed: int = 1) -> np.ndarray:
    """Lines of all lengths and numbers of values: characters, `EOS`, `PAD`."""
    draw = np.random.default_rng(seed)
    tokens = draw.integers(2, vocabulary, (n, length), dtype=np.uint8)
    tokens[draw.random((n, length)) < 0.2] = SEPARATOR
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


def slow_places(built: Architecture, line) -> list[tuple[int, int]]:
    """Attribute and place of each token, and of the one that would follow."""
    found, attribute, place = [(0, 0)], 0, 0
    for token in line:
        new = token == SEPARATOR and attribute < built.attributes - 1
        attribute, place = (attribute + 1, 0) if new else (attribute, place + 1)
        found.append((attribute, min(place, built.places - 1)))
    return found


def slow_vector(built: Architecture, weights: dict, part: str, token, where) -> np.ndarray:
    vector = weights[f"{part}/embedding/embeddings"][token].astype(float)
    if built.places:
        for table, row in zip(("attribute", "place"), where, strict=True):
            vector = vector + weights[f"{part}/{table}/embeddings"][row]
    return vector


def slow_encode(built: Architecture, weights: dict, line: np.ndarray) -> np.ndarray:
    h = c = np.zeros(UNITS)
    line = line[line != PAD]
    steps = list(zip(line, slow_places(built, line), strict=False))
    for token, where in reversed(steps) if built.reverse else steps:
        h, c = slow_step(weights, "encoder", slow_vector(built, weights, "encoder", token, where),
                         h, c)  # fmt: skip
    return np.concatenate([h, c])


def slow_decode(built: Architecture, weights: dict, code: np.ndarray, longest: int) -> list[int]:
    h, c = np.split(code.astype(float), 2)
    line = [PAD]
    while len(line) <= longest + 1:
        where = slow_places(built, line[1:])[-1]
        read = slow_vector(built, weights, "decoder", line[-1], where)
        if built.code_at_every_step:
            read = np.concatenate([read, code])
        h, c = slow_step(weights, "decoder", read, h, c)
        scores = h @ weights["decoder/scores/kernel"] + weights["decoder/scores/bias"]
        line.append(int(scores.argmax()))
        if line[-1] in (EOS, PAD):
            break
    return line[1:] + [PAD] * (longest + 2 - len(line))


def slow_losses(built: Architecture, weights: dict, code: np.ndarray, line: np.ndarray) -> list:
    (h, c), found = np.split(code.astype(float), 2), []
    before = [PAD, *line[:-1]]
    for token, last, where in zip(line, before, slow_places(built, line), strict=False):
        read = slow_vector(built, weights, "decoder", last, where)
        if built.code_at_every_step:
            read = np.concatenate([read, code])
        h, c = slow_step(weights, "decoder", read, h, c)
        scores = h @ weights["decoder/scores/kernel"] + weights["decoder/scores/bias"]
        found.append(np.log(np.exp(scores).sum()) - scores[token])
    return found


@pytest.mark.parametrize("places", [0, 3])
@pytest.mark.parametrize("code_at_every_step", [True, False])
def test_losses_by_the_book(places, code_at_every_step):
    built = build(places=places, code_at_every_step=code_at_every_step)
    weights, tokens, codes = make_weights(built), make_tokens(30), make_codes(30)
    losses = runtime.losses(weights, built, codes, tokens, batch_size=16)
    assert (losses.shape, losses.dtype) == (tokens.shape, np.float32)
    for found, code, line in zip(losses, codes, tokens, strict=True):
        text = line[line != PAD]
        by_the_book = slow_losses(built, weights, code, text)
        np.testing.assert_allclose(found[: len(text)], by_the_book, rtol=1e-3, atol=1e-4)
        assert not found[len(text) :].any()
    # What a decoder writes is, character by character, what it finds most probable.
    written = runtime.decode(weights, built, codes, longest=16)
    own = runtime.losses(weights, built, codes, written)
    assert own[:, 0].max() <= np.log(20) + 1e-5
    assert own.sum(1).mean() < losses.sum(1).mean()


@pytest.mark.parametrize("places", [0, 3])
@pytest.mark.parametrize("vocabulary", [20, 252])
@pytest.mark.parametrize("reverse", [True, False])
def test_encode_by_the_book(reverse, vocabulary, places):
    built = build(vocabulary, places, reverse=reverse)
    weights, tokens = make_weights(built), make_tokens(40, vocabulary=vocabulary)
    codes = runtime.encode(weights, built, tokens)
    assert codes.dtype == np.float32
    slow = [slow_encode(built, weights, line) for line in tokens]
    np.testing.assert_allclose(codes, slow, atol=1e-5)


@pytest.mark.parametrize("places", [0, 3])
@pytest.mark.parametrize("vocabulary", [20, 252])
@pytest.mark.parametrize("at_every_step", [True, False])
def test_decode_by_the_book(at_every_step, vocabulary, places):
    built = build(vocabulary, places, code_at_every_step=at_every_step)
    weights, codes = make_weights(built), make_codes(60)
    written = runtime.decode(weights, built, codes, longest=25)
    assert written.dtype == np.uint8
    slow = [slow_decode(built, weights, code, 25) for code in codes]
    np.testing.assert_array_equal(written, slow)


@pytest.mark.parametrize("places", [0, 3])
@pytest.mark.parametrize("reverse", [True, False])
def test_same_as_keras(reverse, places):
    pytest.importorskip("keras")
    from aalprivacy.model import build_decoder, build_encoder, set_arrays

    built = build(places=places, reverse=reverse)
    weights, tokens = make_weights(built), make_tokens(30)
    models = build_encoder(built), build_decoder(built)
    set_arrays(models, weights)
    codes = np.asarray(models[0](tokens))
    np.testing.assert_allclose(runtime.encode(weights, built, tokens), codes, atol=1e-5)
    written = runtime.decode(weights, built, codes, longest=25)
    before = np.pad(written, ((0, 0), (1, 0)))[:, :-1]
    best = np.asarray(models[1]([before, codes])).argmax(axis=2)
    np.testing.assert_array_equal(best[written != PAD], written[written != PAD])


def test_decode_stops_at_the_end():
    weights = make_weights(BUILT)
    weights["decoder/scores/bias"][EOS] = 1.0
    written = runtime.decode(weights, BUILT, make_codes(200), longest=30)
    ended = (written == EOS).any(axis=1)
    assert ended.any()
    for line in written:
        stops = np.flatnonzero(line <= EOS)
        assert not stops.size or not line[stops[0] + 1 :].any()
    weights["decoder/scores/bias"][EOS] = 1e3
    assert (runtime.decode(weights, BUILT, make_codes(3), longest=4)[:, 0] == EOS).all()
    weights["decoder/scores/bias"][7] = 1e6
    assert (runtime.decode(weights, BUILT, make_codes(3), longest=2000) == 7).all()


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_any_batch_size(batch_size):
    weights, tokens = make_weights(BUILT), make_tokens(50)
    codes, done = runtime.encode(weights, BUILT, tokens), []
    other = runtime.encode(weights, BUILT, tokens, batch_size=batch_size, report=done.append)
    np.testing.assert_allclose(other, codes, atol=1e-6)
    assert sum(done) == 50
    written, done = runtime.decode(weights, BUILT, codes, longest=20), []
    other = runtime.decode(
        weights, BUILT, codes, longest=20, batch_size=batch_size, report=done.append
    )
    np.testing.assert_array_equal(other, written)
    assert sum(done) == 50


@pytest.mark.parametrize("n", [0, 1])
def test_few_lines(n):
    weights, tokens = make_weights(BUILT), make_tokens(5)
    codes = runtime.encode(weights, BUILT, tokens[:n])
    np.testing.assert_allclose(codes, runtime.encode(weights, BUILT, tokens)[:n], atol=1e-6)
    written = runtime.decode(weights, BUILT, codes, longest=9)
    assert codes.shape == (n, 2 * UNITS) and written.shape == (n, 10)
    assert runtime.states(weights, BUILT, tokens[:n]).shape == (n, 17, UNITS)


def test_line_of_padding():
    weights, tokens = make_weights(BUILT), make_tokens(4)
    tokens[2] = PAD
    codes = runtime.encode(weights, BUILT, tokens)
    assert not codes[2].any() and codes[[0, 1, 3]].any(axis=1).all()
    assert not runtime.encode(weights, BUILT, tokens[2:3]).any()
    assert not runtime.states(weights, BUILT, tokens)[2].any()
    assert runtime.encode(weights, BUILT, tokens[:, :0]).shape == (4, 2 * UNITS)


@pytest.mark.parametrize("reverse", [True, False])
def test_states_end_in_the_code(reverse):
    built = build(reverse=reverse)
    weights, tokens = make_weights(built), make_tokens(20)
    found = runtime.states(weights, built, tokens)
    lengths = (tokens != PAD).sum(axis=1)
    last = np.zeros_like(lengths) if reverse else lengths - 1
    codes = runtime.encode(weights, built, tokens)
    np.testing.assert_allclose(found[np.arange(20), last], codes[:, :UNITS], atol=1e-6)
    assert found.dtype == np.float32
    assert not found[tokens == PAD].any() and found[tokens != PAD].any(axis=1).all()


@pytest.mark.filterwarnings("error")
def test_extreme_weights_warn_of_nothing():
    weights = {name: 1e3 * array for name, array in make_weights(BUILT).items()}
    codes = runtime.encode(weights, BUILT, make_tokens(10))
    assert np.isfinite(codes).all()
    runtime.decode(weights, BUILT, codes, longest=9)


def test_interrupted():
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    def threads() -> list[int]:
        return [each["num_threads"] for each in threadpool_info()]

    weights, tokens = make_weights(BUILT), make_tokens(500)
    with threadpool_limits(2):
        before = threads()
        with pytest.raises(KeyboardInterrupt):
            runtime.encode(weights, BUILT, tokens, batch_size=4, report=interrupt)
        with pytest.raises(KeyboardInterrupt):
            runtime.decode(
                weights, BUILT, make_codes(500), longest=50, batch_size=4, report=interrupt
            )
        assert threads() == before
    assert len(runtime.encode(weights, BUILT, tokens)) == 500


@pytest.mark.parametrize("reverse", [True, False])
def test_lines_that_begin_alike_have_the_codes_that_they_have_alone(reverse):
    """Shared beginnings are read once, also where one line is the beginning of another."""
    built = build(reverse=reverse)
    weights, rng = make_weights(built), np.random.default_rng(3)
    tokens = np.zeros((200, 14), np.uint8)
    tokens[:, :6] = rng.integers(2, 4, (200, 6))  # 64 beginnings of 200 lines
    tokens[:, 6:12] = rng.integers(2, 20, (200, 6))
    lengths = rng.integers(4, 13, 200)
    tokens[np.arange(14) >= lengths[:, None]] = PAD
    tokens[np.arange(200), lengths] = EOS
    if reverse:
        for line, length in zip(tokens, lengths + 1, strict=True):
            line[:length] = line[:length][::-1].copy()
    together = runtime.encode(weights, built, tokens)
    alone = np.concatenate([runtime.encode(weights, built, t[None]) for t in tokens])
    np.testing.assert_allclose(together, alone, atol=1e-6)
