"""Sealed codes open with the right key, for the right receiver, unchanged; and not otherwise."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aalprivacy import files, sealing
from aalprivacy.errors import InputError

KEY = bytes.fromhex(sealing.make_key())
CODES = files.Codes(np.arange(1024, dtype=np.float32).reshape(2, 512), "e" * 16, "doctor")


@pytest.fixture
def sealed(tmp_path):
    files.write_codes(CODES, tmp_path / "c.npz", KEY)
    return tmp_path / "c.npz"


def test_the_right_key_opens(sealed):
    read = files.read_codes(sealed, 512, CODES.encoder, "doctor", KEY)
    np.testing.assert_array_equal(read.codes, CODES.codes)
    assert (read.encoder, read.receiver) == (CODES.encoder, "doctor")
    assert CODES.codes.tobytes()[100:200] not in sealed.read_bytes()


@given(st.binary(max_size=300), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_noticed(content, at, change):
    about = {"receiver": "doctor"}
    sealed = bytearray(sealing.seal(content, KEY, about))
    assert sealing.unseal(bytes(sealed), KEY, about) == content
    sealed[at % len(sealed)] ^= change
    with pytest.raises(InputError, match="can't be unsealed"):
        sealing.unseal(bytes(sealed), KEY, about)


def test_two_seals_of_the_same_differ():
    assert sealing.seal(b"same", KEY, {}) != sealing.seal(b"same", KEY, {})


def test_what_opens_not(sealed, tmp_path):
    other = bytes.fromhex(sealing.make_key())
    for receiver, key in (("doctor", other), ("researcher", KEY)):
        with pytest.raises(InputError, match=r"c\.npz: can't be unsealed"):
            files.read_codes(sealed, 512, None, receiver, key)
    with pytest.raises(InputError, match="is sealed; expected a key"):
        files.read_codes(sealed, 512)
    files.write_codes(CODES, tmp_path / "plain.npz")
    with pytest.raises(InputError, match="is not sealed; expected no key"):
        files.read_codes(tmp_path / "plain.npz", 512, None, "doctor", KEY)


@pytest.mark.parametrize("field", ["encoder", "shape"])
def test_what_is_said_of_the_codes_is_sealed_too(sealed, field):
    with np.load(sealed) as file:
        about, content = json.loads(str(file["about"])), file["sealed"]
    about[field] = {"encoder": "f" * 16, "shape": [1, 1024]}[field]
    np.savez(sealed, about=json.dumps(about), sealed=content)
    with pytest.raises(InputError, match="can't be unsealed"):
        files.read_codes(sealed, 512, None, "doctor", KEY)


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31])
def test_what_is_no_key(tmp_path, text):
    (tmp_path / "k").write_text(text)
    with pytest.raises(InputError, match="k: not a key; expected 64 hexadecimal digits"):
        sealing.read_key(tmp_path / "k")
