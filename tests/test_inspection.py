"""What goes on inside: states agree with the codes, units and planes are measured right."""

import numpy as np
import pandas as pd
import pytest

from aalprivacy import inspection
from aalprivacy.schema import ASSISTED_LIVING
from aalprivacy.text import to_lines, to_tokens, view_lines

NAMES = ASSISTED_LIVING.names


@pytest.mark.parametrize("reverse", [True, False])
def test_the_last_state_read_is_the_code(entries, make_pair, reverse):
    pair = make_pair(units=24, reverse=reverse)
    lines = to_lines(entries[:6], ASSISTED_LIVING)
    states = inspection.read_states(pair, lines)
    codes = pair.encode(to_tokens(lines, ASSISTED_LIVING))
    lengths = lines.str.len().to_numpy()
    # Read from the end, the first character is the last; read in order, what ends the line is.
    last = states[:, 0] if reverse else states[np.arange(6), lengths]
    np.testing.assert_allclose(last, codes[:, :24], atol=1e-5)
    assert states.shape == (6, lengths.max() + 1, 24)
    for row, length in enumerate(lengths):
        assert not states[row, length + 1 :].any()


def test_attributes_of_characters(entries, clinic):
    lines = to_lines(entries[:3], ASSISTED_LIVING)
    which = inspection.attribute_of_each_character(lines, ASSISTED_LIVING)
    for row, line in enumerate(lines):
        values = [len(value) + 1 for value in line.split("|")]
        expected = np.repeat(np.arange(len(NAMES)), values)
        np.testing.assert_array_equal(which[row, : len(expected)], expected)
        assert (which[row, len(expected) :] == -1).all()
    which = inspection.attribute_of_each_character(pd.Series(["bo|7|1", "a|-|"]), clinic.schema)
    assert which.tolist() == [[0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, -1, -1]]


def test_variance_explained_by_the_attribute():
    attributes = np.array([[0] * 50 + [1] * 50 + [-1] * 10])
    rng = np.random.default_rng(0)
    tells, noise = (attributes == 1).astype(float), rng.normal(size=attributes.shape)
    found = inspection.explained_by_attribute(np.stack([tells, noise], -1), attributes)
    assert found[0] == pytest.approx(1)
    assert found[1] < 0.1


def test_units_are_the_highest_and_others():
    share = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.4])
    highest, drawn = np.split(np.array(inspection.highest_and_drawn(share, n=2)), 2)
    assert highest.tolist() == [1, 3]
    assert len({*highest, *drawn}) == 4
    assert inspection.highest_and_drawn(share, n=2) == [*highest, *drawn]


def test_the_plane_holds_the_largest_variance():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(300, 6)) * [9, 5, 0.1, 0.1, 0.1, 0.1]
    places, shares = inspection.on_a_plane(codes)
    assert places.shape == (300, 2)
    assert shares.sum() > 0.99
    assert shares[0] > shares[1]
    assert abs(pd.Series(places[:, 0]).corr(pd.Series(codes[:, 0]))) > 0.99


def test_wrong_values_are_told_with_their_place_and_rarity(entries):
    table = entries.drop(columns="user_id")
    expected = to_lines(table[:3], ASSISTED_LIVING)
    spoilt = table[:3].copy()
    spoilt.loc[1, "age"] = spoilt.loc[1, "age"][:-1] + "x"
    decoded = view_lines(spoilt, ASSISTED_LIVING)
    values = inspection.wrong_values(decoded, expected, table, ASSISTED_LIVING)
    assert len(values) == 3 * len(NAMES)
    (wrong,) = values[values["wrong"] > 0].to_dict(orient="records")
    assert wrong == {
        "attribute": "age",
        "begins": len(table["name"][1]) + 1,
        "length": len(table["age"][1]),
        "known": (table["age"] == table["age"][1]).sum(),
        "wrong": 1,
    }
    assert (values["begins"] + values["length"]).max() == expected.str.len().max()
    others = table[3:].assign(name="nobody")
    unknown = inspection.wrong_values(expected, expected, others, ASSISTED_LIVING)
    assert (unknown.loc[unknown["attribute"] == "name", "known"] == 0).all()


def test_frequent_numbers_of_errors_are_told_with_their_commonest_mistake(entries):
    table = entries.drop(columns="user_id")[:8].reset_index(drop=True)
    table["gender"], table["age"] = "male", "80"
    expected = to_lines(table, ASSISTED_LIVING)
    spoilt = table.copy()
    spoilt.loc[:4, "gender"] = ["female", "female", "mael", "mael", "mael"]
    spoilt.loc[4, "age"] = "81"
    found = inspection.frequent_errors(
        view_lines(spoilt, ASSISTED_LIVING), expected, ASSISTED_LIVING
    )
    assert found.to_dict(orient="records") == [
        {"wrong characters": 2, "entries": 4, "attribute": "gender", "share": 1.0,
         "expected": "male", "decoded": "female"},
        {"wrong characters": 3, "entries": 1, "attribute": "age", "share": 1.0,
         "expected": "80", "decoded": "81"},
    ]  # fmt: skip
    assert len(inspection.frequent_errors(expected, expected, ASSISTED_LIVING)) == 0
    nothing = inspection.frequent_errors(expected[:1] * 0, expected[:1], ASSISTED_LIVING)
    assert nothing["attribute"].tolist() == ["name"]
    assert nothing["decoded"].tolist() == [""]
