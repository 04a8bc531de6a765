"""Sealed codes open with the right key, for the right receiver, unchanged; and not otherwise."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aalprivacy import codes, sealing
from aalprivacy.errors import InputError

KEY = bytes.fromhex(sealing.make_key())
CODES = codes.Codes(np.arange(1024, dtype=np.float32).reshape(2, 512), "e" * 16, "doctor")


@pytest.fixture
def sealed(tmp_path):
    codes.write_codes(CODES, tmp_path / "c.npz", KEY)
    return tmp_path / "c.npz"


def test_the_right_key_opens(sealed):
    read = codes.read_codes(sealed, 512, CODES.encoder, "doctor", KEY)
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
            codes.read_codes(sealed, 512, None, receiver, key)
    with pytest.raises(InputError, match="is sealed; expected a key"):
        codes.read_codes(sealed, 512)
    codes.write_codes(CODES, tmp_path / "plain.npz")
    with pytest.raises(InputError, match="is not sealed; expected no key"):
        codes.read_codes(tmp_path / "plain.npz", 512, None, "doctor", KEY)


@pytest.mark.parametrize("field", ["encoder", "version"])
def test_what_is_said_of_the_codes_is_sealed_too(sealed, field):
    with np.load(sealed) as file:
        about, content = json.loads(str(file["about"])), file["sealed"]
    about[field] = {"encoder": "f" * 16, "version": 3}[field]
    np.savez(sealed, about=json.dumps(about), sealed=content)
    with pytest.raises(InputError, match=r"can.t be unsealed|format version"):
        codes.read_codes(sealed, 512, None, "doctor", KEY)


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31])
def test_what_is_no_key(tmp_path, text):
    (tmp_path / "k").write_text(text)
    with pytest.raises(InputError, match="k: not a key; expected 64 hexadecimal digits"):
        sealing.read_key(tmp_path / "k")


def test_a_key_that_windows_wrote_is_read(tmp_path):
    """A byte order mark before the digits and a line end of two characters after them."""
    case = Path(__file__).parent / "cases" / "14_key_bom.key"
    assert case.read_bytes().startswith(b"\xef\xbb\xbf")
    assert sealing.read_key(case) == bytes.fromhex(case.read_text("utf-8-sig"))
    with pytest.raises(InputError, match=r"none: no such file; expected a key"):
        sealing.read_key(tmp_path / "none")


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
@settings(deadline=None, max_examples=30)
@given(
    numbers=hnp.arrays(
        np.float32, (12, 512), elements=st.floats(-200, 200, width=32, allow_subnormal=False)
    )
)
def test_codes_in_fewer_bits(tmp_path_factory, key, numbers):
    """float32 is exact; float16 is within its half unit in the last place; int8 within half a step
    of what the number's largest size divides into 127."""
    most = np.abs(numbers).max(axis=0)
    within = {
        "float32": 0 * numbers,
        "float16": np.abs(numbers) * 2**-11 + 2**-25,
        "int8": most / 254,
    }
    sizes = {}
    for number_type, tolerance in within.items():
        path = tmp_path_factory.getbasetemp() / f"{number_type}.npz"
        codes.write_codes(codes.Codes(numbers, "e" * 16, "doctor"), path, key, number_type)
        read = codes.read_codes(path, 512, "e" * 16, "doctor", key).codes
        assert read.dtype == np.float32
        assert (np.abs(read - numbers) <= tolerance * 1.001).all()
        sizes[number_type] = path.stat().st_size
    assert sizes["float32"] > sizes["float16"] > sizes["int8"]
