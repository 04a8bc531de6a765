"""Lines and tokens are each other's inverse; what can't be written is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError
from aalprivacy.text import (
    ALPHABET,
    EOS,
    MAX_LENGTH,
    from_lines,
    from_tokens,
    to_lines,
    to_tokens,
)

value = st.text(ALPHABET.replace("|", ""), min_size=1, max_size=7)
rows = st.lists(st.lists(value, min_size=20, max_size=20), min_size=1, max_size=5)


def frame(values, **kwargs):
    return pd.DataFrame(values, columns=list(NAMES), dtype="str", **kwargs)


def test_the_alphabet_is_the_designs():
    assert len(ALPHABET) == len(set(ALPHABET)) == 40


@given(rows)
def test_round_trip(values):
    table = frame(values)
    tokens = to_tokens(to_lines(table))
    assert tokens.dtype == np.uint8
    assert tokens.shape == (len(values), MAX_LENGTH + 1)
    assert from_lines(from_tokens(tokens)).equals(table)


@given(st.lists(st.text(ALPHABET, max_size=MAX_LENGTH), max_size=6))
def test_any_line_survives_as_tokens(lines):
    series = pd.Series(lines, dtype="str")
    assert from_tokens(to_tokens(series)).tolist() == lines


def test_golden_line():
    table = frame([[*("ab", "1"), *["*"] * 18]])
    assert to_lines(table)[0] == "ab|1" + "|*" * 18
    tokens = to_tokens(to_lines(table))[0]
    assert tokens[:6].tolist() == [2, 3, 39, 29, 39, 40]
    assert tokens[4 + 36 : 4 + 38].tolist() == [EOS, 0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("A", r"row 12, age: character 'A'"),
        ("a|b", r"row 12, age: character '\|'"),
        ("", r"row 12, age: empty"),
        (None, r"row 12, age: null"),
        ("9" * 130, r"row 12: the line has \d+ characters; expected at most 160"),
    ],
)
def test_bad_values_are_named(bad, message):
    table = frame([["1"] * 20] * 3, index=[10, 11, 12])
    table.loc[12, "age"] = bad
    with pytest.raises(InputError, match=message):
        to_lines(table)


def test_tokens_refuse_what_lines_would():
    with pytest.raises(InputError, match="row 1: character 'é'"):
        to_tokens(pd.Series(["a", "é"]))
    with pytest.raises(InputError, match="row 1: the line has 161"):
        to_tokens(pd.Series(["a", "a" * 161]))


def test_malformed_lines():
    lines = pd.Series(["|".join("a" * 20), "a|b", "|".join("a" * 22)])
    with pytest.raises(InputError, match="row 1: expected 20 values, got 2"):
        from_lines(lines)
    table = from_lines(lines, errors="coerce")
    assert table.iloc[1].tolist() == ["a", "b", *[""] * 18]
    assert table.iloc[2, -1] == "a a a"
    assert table.iloc[0].tolist() == ["a"] * 20
