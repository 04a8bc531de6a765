"""The notebook's explorer answers at once, and says what is unfit."""

import pytest

from aalprivacy import load_pair
from aalprivacy.explorer import Explorer


@pytest.fixture(scope="module")
def pairs():
    pair = load_pair("researcher")
    return {"researcher": pair, "twin": pair.rekeyed(1)}


def test_it_shows_code_and_view_of_what_is_typed(pairs, entries):
    explorer = Explorer(pairs, entries.iloc[0])
    assert bytes(explorer.code.value).startswith(b"\x89PNG")
    code = bytes(explorer.code.value)
    explorer.fields["disease"].value = "alzheimer"
    assert "<td>Disease</td><td>dementia</td><td>dementia</td>" in explorer.view.value
    assert bytes(explorer.code.value) != code
    explorer.decoder.value = "twin"
    assert "<td>Disease</td><td>dementia</td><td>dementia</td>" not in explorer.view.value
    explorer.encoder.value = "twin"
    assert "<td>Disease</td><td>dementia</td><td>dementia</td>" in explorer.view.value


def test_it_names_an_unfit_value(pairs, entries):
    explorer = Explorer(pairs, entries.iloc[0], "twin", "twin")
    for value in ("eighty", "8|0", ""):
        explorer.fields["age"].value = value
        assert "age" in explorer.view.value
        assert "<table>" not in explorer.view.value
    explorer.fields["age"].value = "80"
    assert "<table>" in explorer.view.value
