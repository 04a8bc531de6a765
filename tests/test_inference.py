"""Encoding and decoding at scale give what the models' own layers give."""

import numpy as np
import pytest

from aalprivacy.inference import decode, encode
from aalprivacy.model import build_decoder, build_encoder
from aalprivacy.text import EOS, MAX_LENGTH, PAD, VOCABULARY, to_lines, to_tokens


def random_weights(model, seed=0, scale=0.5):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, scale, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("batch_size", [7, 64])
def test_codes_are_the_models_own(entries, reverse, batch_size):
    encoder = random_weights(build_encoder(16, 4, reverse))
    lines = to_lines(entries[:50])
    tokens = to_tokens(lines)
    tokens[3] = PAD  # an empty line
    tokens[4, :2], tokens[4, 2:] = (5, EOS), PAD
    codes = encode(encoder, tokens, batch_size)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes, encoder(tokens.astype(np.int32)), atol=2e-5)


@pytest.mark.parametrize("code_at_every_step", [True, False])
def test_decoding_is_the_models_own_argmax(code_at_every_step):
    decoder = random_weights(build_decoder(16, 4, code_at_every_step), seed=5)
    codes = np.random.default_rng(1).normal(size=(100, 32)).astype(np.float32)
    written = decode(decoder, codes, batch_size=7)
    assert written.shape == (100, MAX_LENGTH + 1)
    assert written.max() < VOCABULARY
    before = np.pad(written[:, :-1], ((0, 0), (1, 0))).astype(np.int32)
    best = np.asarray(decoder([before, codes])).argmax(-1)
    ended = np.cumsum(before == EOS, axis=1) > 0
    ended |= np.cumsum((before == PAD) & (np.arange(MAX_LENGTH + 1) > 0), axis=1) > 0
    np.testing.assert_array_equal(written, np.where(ended, PAD, best))
    lengths = (~ended).sum(1)
    assert lengths.min() < 40 < MAX_LENGTH < lengths.max()  # both early and no end are met


def test_bfloat16_is_close(entries):
    encoder = random_weights(build_encoder(16, 4), scale=0.2)
    tokens = to_tokens(to_lines(entries[:20]))
    exact, fast = encode(encoder, tokens), encode(encoder, tokens, product_dtype="bfloat16")
    assert 0 < np.abs(exact - fast).max() < 0.05


def test_nothing_gives_nothing():
    assert encode(build_encoder(8, 4), np.empty((0, 5), np.uint8)).shape == (0, 16)
    assert decode(build_decoder(8, 4), np.empty((0, 16), np.float32)).shape == (0, MAX_LENGTH + 1)
