"""Lines and tokens are each other's inverse; what can't be written is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.schema import ALPHABET, ASSISTED_LIVING, LONGEST, Schema
from aalprivacy.text import (
    EOS,
    character_errors,
    flat_tokens,
    from_lines,
    from_tokens,
    is_well_formed,
    to_lines,
    to_tokens,
    trim,
    view_lines,
    vocabulary,
)

NAMES = ASSISTED_LIVING.names
VIEW = ASSISTED_LIVING
value = st.text(ALPHABET.replace("|", ""), min_size=1, max_size=7)
rows = st.lists(st.lists(value, min_size=20, max_size=20), min_size=1, max_size=5)
GREEK = Schema(
    tuple(Attribute(name, Form.TEXT) for name in ("a", "b", "c")),
    alphabet="αβγάΑ é|*-ABC",
    longest=20,
)


def frame(values, **kwargs):
    return pd.DataFrame(values, columns=list(NAMES), dtype="str", **kwargs)


def test_the_alphabet_is_the_designs():
    assert len(ALPHABET) == len(set(ALPHABET)) == 40
    assert vocabulary(ASSISTED_LIVING) == 42
    assert (ASSISTED_LIVING.alphabet, ASSISTED_LIVING.longest) == (ALPHABET, LONGEST)


@given(rows)
def test_views_go_there_and_back(values):
    table = frame(values)
    tokens = to_tokens(view_lines(table, VIEW), VIEW)
    assert tokens.dtype == np.uint8
    assert tokens.shape == (len(values), LONGEST + 1)
    assert from_lines(from_tokens(tokens, VIEW), VIEW).equals(table)


def test_entries_go_there_and_back(entries):
    lines = to_lines(entries, ASSISTED_LIVING)
    back = from_lines(from_tokens(to_tokens(lines, VIEW), VIEW, entries.index), VIEW)
    assert back.equals(entries[list(NAMES)])


@pytest.mark.parametrize("schema", [ASSISTED_LIVING, GREEK], ids=["paper", "greek"])
@given(data=st.data())
def test_any_line_survives_as_tokens(schema, data):
    line = st.text(schema.alphabet, max_size=schema.longest)
    lines = data.draw(st.lists(line, max_size=6))
    series = pd.Series(lines, dtype="str")
    tokens = to_tokens(series, schema)
    assert from_tokens(tokens, schema).tolist() == lines
    assert from_tokens(trim(tokens), schema).tolist() == lines
    assert flat_tokens(series, schema)[1].tolist() == [len(line) for line in lines]


def test_golden_line():
    table = frame([[*("ab", "1"), *["*"] * 18]])
    lines = view_lines(table, VIEW)
    assert lines[0] == "ab|1" + "|*" * 18
    tokens = to_tokens(lines, VIEW)[0]
    assert tokens[:6].tolist() == [2, 3, 39, 29, 39, 40]
    assert tokens[4 + 36 : 4 + 38].tolist() == [EOS, 0]


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("age", "eighty", r"row 12, age: expected an age in years, got 'eighty'"),
        ("age", "", r"row 12, age: empty; expected an age in years; write - for a missing value"),
        ("age", "*", r"row 12, age: .*a deleted value; expected entries, not a view"),
        ("age", None, r"row 12, age: null"),
        ("name", "Ann fox", r"row 12, name: expected a given name.*'aalprivacy prepare'"),
        ("address", "1 " + "a" * 150 + " york", r"row 12: the line has \d+ .*at most 160"),
    ],
)
def test_bad_entries_are_named(entries, name, bad, message):
    table = entries.head(3).set_axis([10, 11, 12])
    table.loc[12, name] = bad
    with pytest.raises(InputError, match=message):
        to_lines(table, ASSISTED_LIVING)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("a|b", r"row 12, age: character '\|', which separates the values"),
        (None, r"row 12, age: null"),
        ("9" * 130, r"row 12: the line has \d+ characters; expected at most 160"),
    ],
)
def test_bad_views_are_named(bad, message):
    table = frame([["1"] * 20] * 3, index=[10, 11, 12])
    table.loc[12, "age"] = bad
    with pytest.raises(InputError, match=message):
        view_lines(table, VIEW)


def test_views_are_text_of_all_columns():
    table = frame([["1"] * 20])
    assert view_lines(table.rename(columns=str.upper), VIEW).tolist() == ["1" + "|1" * 19]
    with pytest.raises(InputError, match="age: a column of int64; expected text"):
        view_lines(table.astype({"age": int}), VIEW)
    with pytest.raises(InputError, match="no column age"):
        view_lines(table.drop(columns="age"), VIEW)


def test_tokens_refuse_what_lines_would():
    with pytest.raises(InputError, match="row 1: character 'é' in 'é'; expected only"):
        to_tokens(pd.Series(["a", "é"]), VIEW)
    with pytest.raises(InputError, match="row 1: the line has 161"):
        to_tokens(pd.Series(["a", "a" * 161]), VIEW)
    with pytest.raises(InputError, match=r"row 5 .number 1 of the table, from 0.: character"):
        to_tokens(pd.Series(["a", "é"], index=[5, 5]), VIEW)


def test_malformed_lines():
    lines = pd.Series(["|".join("a" * 20), "a|b", "|".join("a" * 22)])
    with pytest.raises(InputError, match="row 1: expected 20 values, got 2"):
        from_lines(lines, VIEW)
    assert is_well_formed(lines, VIEW).tolist() == [True, False, False]
    table = from_lines(lines, VIEW, errors="coerce")
    assert table.iloc[1].tolist() == ["a", "b", *[""] * 18]
    assert table.iloc[2, -1] == "a|a|a"  # so that it can't equal a value with blanks
    assert table.iloc[0].tolist() == ["a"] * 20
    with pytest.raises(InputError, match="row 0: null; expected a line"):
        from_lines(pd.Series([None], dtype="str"), VIEW)


def test_no_lines_are_no_rows():
    none = pd.Series([], dtype="str")
    assert to_tokens(none, VIEW).shape == (0, LONGEST + 1)
    assert from_tokens(to_tokens(none, VIEW), VIEW).empty
    assert from_lines(none, VIEW).shape == (0, 20)
    assert to_lines(frame([]), VIEW).empty
    assert view_lines(frame([]), VIEW).empty


def test_character_errors_are_levenshteins():
    assert character_errors(["ab", "abc", ""], ["ab", "axc", "xy"]).tolist() == [0, 1, 2]
