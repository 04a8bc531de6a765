"""The notebook's explorer answers at once, and says what is unfit."""

import pytest

from aalprivacy import InputError, load_pair
from aalprivacy.explorer import Explorer


@pytest.fixture(scope="module")
def pairs():
    pair = load_pair("researcher")
    return {"researcher": pair, "twin": pair.rekeyed(1)}


def test_it_shows_code_and_view_of_what_is_typed(pairs, entries):
    explorer = Explorer(pairs, entries.iloc[0])
    assert '<img alt="A code: the 256 values of h' in explorer.code.value
    code = explorer.code.value
    explorer.fields["disease"].value = "alzheimer"
    right = '">Disease</th><td>alzheimer</td><td>dementia</td><td>dementia</td>'
    assert right in explorer.view.value
    assert explorer.code.value != code
    explorer.decoder.value = "twin"
    assert right not in explorer.view.value
    explorer.encoder.value = "twin"
    assert right in explorer.view.value


def test_a_page_without_a_kernel_shows_it_as_it_was_left(pairs, entries):
    explorer = Explorer(pairs, entries.iloc[0], decoder="twin")
    shown = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "encoder of researcher and the decoder of twin" in shown["text/html"]
    assert shown["text/html"].endswith(explorer.view.value)


def test_it_names_an_unfit_value(pairs, entries):
    explorer = Explorer(pairs, entries.iloc[0], "twin", "twin")
    for value in ("eighty", "8|0", ""):
        explorer.fields["age"].value = value
        assert "age" in explorer.view.value
        assert "<table" not in explorer.view.value
    explorer.fields["age"].value = "80"
    assert "<table" in explorer.view.value


def test_its_fields_are_those_of_the_pairs_schema(clinic, patients, make_pair):
    explorer = Explorer({"a": make_pair(clinic, "statistician")}, patients.iloc[0])
    assert list(explorer.fields) == ["patient", "years", "postcode"]
    left, right = explorer.children[0].children
    assert [len(left.children), len(right.children)] == [2, 1]
    explorer.fields["years"].value = "47"
    cells = explorer.view.value.split("<td>")
    assert cells[4] == "47</td>"
    assert cells[6].startswith("40-49</td></tr>")


def test_pairs_that_cannot_read_each_other_are_refused(clinic, patients, make_pair):
    one, entry = make_pair(clinic, "nurse"), patients.iloc[0]
    for other in (make_pair(), make_pair(clinic, "nurse", units=5)):
        with pytest.raises(InputError, match="same attributes and width"):
            Explorer({"a": one, "b": other}, entry)
    with pytest.raises(InputError, match="at least one"):
        Explorer({}, entry)


def test_a_blind_pair_encodes_what_is_typed(clinic, patients, make_pair):
    blind = make_pair(clinic, "statistician", blind=True)
    explorer = Explorer({"a": make_pair(clinic, "nurse"), "b": blind}, patients.iloc[0], "b")
    code = explorer.code.value
    explorer.fields["patient"].value = "somebody else"  # which the statistician's view deletes
    assert explorer.code.value == code
    assert "<td>somebody else</td>" in explorer.view.value  # the nurse's view by rule
