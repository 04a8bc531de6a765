"""Small codes: steps and back, in few bytes, found where the decoder hears them least."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aalprivacy import codes
from aalprivacy.errors import InputError
from aalprivacy.homes import simulate
from aalprivacy.pair import load_pair
from aalprivacy.small import Small, fit, pack, unpack
from aalprivacy.text import character_errors


@pytest.fixture(scope="module")
def small():
    """Of codes of 6 numbers, of which the last 2 say nothing new."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0][:, :4].astype(np.float32)
    return Small(rng.normal(size=6).astype(np.float32), basis / 0.01, basis.T * 0.01)


@given(hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0)))
def test_steps_are_unpacked_as_they_were_packed(steps):
    np.testing.assert_array_equal(unpack(pack(steps), *steps.shape), steps)


@given(st.binary(max_size=60))
def test_what_was_not_packed_is_refused(packed):
    with pytest.raises(InputError, match="damaged; expected 3 codes of 5 steps"):
        unpack(packed, 3, 5)
    with pytest.raises(InputError, match="damaged"):
        unpack(pack(np.zeros((4, 5), np.int16)), 3, 5)


def test_steps_that_vary_little_cost_little():
    rng = np.random.default_rng(0)
    wide = np.rint(rng.normal(0, 20, (4000, 10))).astype(np.int16)
    narrow = np.rint(rng.normal(0, 0.2, (4000, 90))).astype(np.int16)
    entropy = 10 * np.log2(20 * np.sqrt(2 * np.pi * np.e)) / 8  # bytes, of normal numbers
    assert entropy < len(pack(wide)) / 4000 < 1.05 * entropy
    assert len(pack(np.hstack([wide, narrow]))) / 4000 < entropy + 4


def test_a_code_comes_back_but_for_its_steps(small):
    rng = np.random.default_rng(1)
    made = small.mean + rng.normal(size=(50, 4)).astype(np.float32) @ (small.from_steps / 0.01)
    steps = small.rounded(made)
    assert (steps.dtype, steps.shape) == (np.int16, (50, 4))
    assert np.abs(small.restored(steps) - made).max() <= 0.5 * 0.01 * 2  # half a step a component
    huge = small.rounded(1e9 * made)  # stays within what 16 bits hold
    assert set(np.abs(huge.astype(int)).ravel().tolist()) <= {32767, 32768}


def test_files_of_small_codes(small, tmp_path):
    made = small.restored(np.arange(-100, 100, dtype=np.int16).reshape(50, 4))
    path, key = tmp_path / "c.npz", bytes(range(32))
    for seal in (None, key):
        codes.write_codes(codes.Codes(made, "e" * 16, "doctor"), path, seal, codes.SMALL, small)
        read = codes.read_codes(path, 6, "e" * 16, "doctor", seal, small)
        np.testing.assert_allclose(read.codes, made, atol=1e-6)
        assert (read.encoder, read.receiver) == ("e" * 16, "doctor")
    other = replace(small, mean=small.mean + 1)
    for wrong in (other, None):
        with pytest.raises(InputError, match="which only the pair that made them can read"):
            codes.read_codes(path, 6, "e" * 16, "doctor", key, wrong)
    with pytest.raises(InputError, match="this decoder belongs to encoder"):
        codes.read_codes(path, 6, "f" * 16, "doctor", key, small)
    with pytest.raises(InputError, match="the pair has no steps for them"):
        codes.check_number_type(codes.SMALL, None)


def test_damaged_files_of_small_codes(small, tmp_path):
    path = tmp_path / "c.npz"
    made = codes.Codes(small.restored(np.ones((9, 4), np.int16)), "e" * 16, "doctor")
    codes.write_codes(made, path, None, codes.SMALL, small)
    with np.load(path) as file:
        content = dict(file)
    for change in ({"packed": content["packed"][:-3]}, {"packed": np.zeros(3, np.uint8)}):
        np.savez(path, **content | change)
        with pytest.raises(InputError, match=r"c\.npz: damaged small codes"):
            codes.read_codes(path, 6, None, small=small)


def test_a_pair_keeps_its_steps(make_pair, entries, tmp_path):
    pair = make_pair()
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(32, 32)))[0].astype(np.float16).astype(np.float32)
    pair = replace(pair, small=Small(np.zeros(32, np.float32), basis * 128, basis.T / 128))
    pair.save(tmp_path)
    again = type(pair).load(tmp_path)
    assert again.fingerprints == pair.fingerprints
    assert again.small.fingerprint == pair.small.fingerprint == pair.fingerprints["small"]
    twin = pair.rekeyed(3)
    made, moved = pair.encode_entries(entries[:20]), twin.encode_entries(entries[:20])
    np.testing.assert_allclose(twin.small.rounded(moved), pair.small.rounded(made), atol=1)
    restored = twin.small.restored(twin.small.rounded(moved))
    np.testing.assert_allclose(restored, moved, atol=0.05)


@pytest.mark.slow
def test_steps_are_long_where_the_decoder_hears_little():
    """Better than as many bytes of plain principal components."""
    pair = load_pair("doctor")
    known, others = simulate(800, 2, 11), simulate(150, 1, 12)
    found, made = fit(pair, known, others, budget=80), pair.encode_entries(others)
    seen = pair.encode_entries(known)
    spread, turn = np.linalg.eigh(np.cov(seen.T))
    plain = None
    for step in np.geomspace(0.5, 0.02, 40) * np.sqrt(spread[-1]):
        wider = Small(seen.mean(0), (turn / step).astype("f"), (turn.T * step).astype("f"))
        if len(pack(wider.rounded(seen))) > 80 * len(seen):
            break
        plain = wider
    assert len(pack(found.rounded(seen))) <= 80 * len(seen)

    def error(small):
        lines = pair.decode(small.restored(small.rounded(made)))
        return character_errors(lines, pair.view_lines(others)).mean()

    assert error(found) < error(plain)


def test_an_untrained_pairs_small_codes_are_finite(make_pair, entries):
    """Its codes hardly differ, so that the steps of any budget would be too small for float16."""
    pair = make_pair()
    flat = replace(pair, weights={name: 0.03 * array for name, array in pair.weights.items()})
    small = fit(flat, entries[:200], entries[200:220], 8.0)
    assert np.isfinite(small.to_steps).all() and np.isfinite(small.from_steps).all()
