"""Policies: the paper's Table I, tables of other people, and what is refused."""

from pathlib import Path

import pandas as pd
import pytest

from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.schema import ASSISTED_LIVING, Schema
from aalprivacy.views import apply_policy

CASES = Path(__file__).parent / "cases"
NAMES = ASSISTED_LIVING.names
# The paper's Table I, a line a receiver, a letter an attribute.
PAPER = {
    "family_member": "FFFFFFFFFFGGFFFFFFFG",
    "doctor": "FFFFFGFGGFFFFFDFDDDD",
    "caregiver": "FGFGGFFGGFFFFFFFDFFD",
    "researcher": "DGFGGGDGGFGGGFFGFDDG",
}


def test_table_i_is_the_papers():
    assert len(NAMES) == 20
    assert {r: "".join(TABLE_I.for_receiver(r)[n] for n in NAMES) for r in PAPER} == PAPER


def test_policy_from_any_order(tmp_path):
    table = TABLE_I.to_frame()[::-1].reset_index()
    table.to_csv(tmp_path / "p.csv", index=False)
    assert Policy.from_csv(tmp_path / "p.csv") == TABLE_I


@pytest.mark.parametrize("name", ["10_policy_semi.csv", "table1 after blank lines"])
def test_tables_that_are_read(name, tmp_path):
    path = CASES / "10_policy_semi.csv"
    if name != path.name:
        (tmp_path / "p.csv").write_text("\n\n" + path.read_text())
        path = tmp_path / "p.csv"
    assert Policy.from_csv(path) == TABLE_I


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("10_policy_comment.csv", r"expected a first line such as 'Attribute,Doctor,Nurse'.*# our"),
        ("10_policy_emptycol.csv", "line 1: column 6 has no name; expected a receiver's name"),
        ("10_policy_emptyname.csv", "line 1: column 5 has no name; expected a receiver's name"),
        ("good.csv", "line 2: unknown attribute '0'"),
        ("03_nullable_int.parquet", "can't be read as a policy table: not UTF-8"),
        ("none.csv", "can't be read as a policy table: No such file"),
    ],
)
def test_tables_that_are_refused(name, message):
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        Policy.from_csv(CASES / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Age,F,F,G,G", "Age,F,F,G"), "line 3: 4 cells; expected 5 as in the first line"),
        (("Age,F,F,G,G", "Age,F,F,X,G"), "line 3, age, caregiver: expected F .* got 'X'"),
        (("Age,F,F,G,G", "Shoe,F,F,G,G"), r"line 3: unknown attribute 'Shoe'"),
        (("Age,F,F,G,G\n", ""), "policy for family_member: no operation for age"),
        (("Age,F,F,G,G", "Name,F,F,G,G"), "line 3: name appears twice"),
        (("Doctor", "family member"), "a receiver appears twice in the first line"),
        (("Name,F,F,F,D", "Name,F,F,F,G"), "name has no generalisation; expected F or D"),
        (("Name,F", "Name,\0F"), "line 2|expected F"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, change, message):
    text = (CASES / "10_policy_semi.csv").read_text().replace(";", ",")
    assert change[0] in text
    (tmp_path / "p.csv").write_text(text.replace(*change, 1))
    with pytest.raises(InputError, match=rf"p\.csv.*({message})"):
        Policy.from_csv(tmp_path / "p.csv")


def test_receivers_are_found_as_the_heading_has_them():
    clinic = Policy.from_csv(CASES / "11_clinic_policy.csv")
    assert clinic.for_receiver("Clinic") == clinic.for_receiver("clinic")
    assert Policy.from_csv(CASES / "08_policy_brackets.csv").receivers[-1] == "ward_[/3]"
    with pytest.raises(InputError, match="unknown receiver 'nurse'; expected one of clinic"):
        clinic.for_receiver("nurse")
    letters = dict.fromkeys(NAMES, "F")
    policy = Policy({"Night Nurse": letters})
    for name in ("night_nurse", "Night Nurse", " NIGHT NURSE "):
        assert policy.receiver(name) == "Night Nurse"
    with pytest.raises(InputError, match="unknown receiver None"):
        policy.receiver(None)
    with pytest.raises(InputError, match="the receiver 'nurse' appears twice"):
        Policy({"Nurse": letters, "nurse": letters})


def test_letters_are_operations():
    """A letter in place of an operation means what it says: nothing is deleted by mistake."""
    schema = Schema((Attribute("name", Form.WORDS), Attribute("town", Form.WORDS)))
    policy = Policy({"all": {"town": "D", "name": "f"}}, schema)
    assert dict(policy.for_receiver("all")) == {
        "name": Operation.DISCLOSE,
        "town": Operation.DELETE,
    }
    view = apply_policy(pd.DataFrame({"name": ["ann"], "town": ["york"]}), policy, "all")
    assert view.iloc[0].tolist() == ["ann", "*"]
    with pytest.raises(InputError, match=r"expected F .* got 'X'"):
        Policy({"all": {"town": "X", "name": "F"}}, schema)
    with pytest.raises(InputError, match="got None"):
        Policy.from_letters("all", {"town": None, "name": "F"}, schema)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "no receivers"),
        ({"": dict.fromkeys(NAMES, "F")}, "a receiver without a name"),
        ({"doctor": dict.fromkeys([*NAMES, "shoe"], "F")}, "unknown attribute 'shoe'"),
        ({"doctor": {"name": "F"}}, "no operation for age"),
        ({"doctor": dict.fromkeys(NAMES, "G")}, "name has no generalisation"),
    ],
)
def test_policies_that_do_not_go_together(rules, message):
    with pytest.raises(InputError, match=message):
        Policy(rules)


def test_a_schema_is_a_schema():
    with pytest.raises(InputError, match="policy: expected a Schema, got 'x'"):
        Policy({"doctor": dict.fromkeys(NAMES, "F")}, schema="x")


def test_a_null_is_refused_and_never_another_persons_group(entries):
    table = entries.head(3).copy()
    table.loc[table.index[0], "disease"] = None
    table.loc[table.index[1], "age"] = None
    with pytest.raises(InputError, match="row 0, disease: null; expected a value"):
        apply_policy(table, TABLE_I, "researcher")
    table["disease"] = "flu"
    with pytest.raises(InputError, match="row 1, age: null"):
        apply_policy(table, TABLE_I, "researcher")
    table["age"] = pd.Categorical([80, None, 80])
    with pytest.raises(InputError, match="row 1, age: null"):
        apply_policy(table, TABLE_I, "researcher")


def test_a_table_read_as_numbers_is_refused_with_the_remedy():
    table = pd.read_csv(CASES / "good.csv")
    with pytest.raises(InputError, match=r"phone_number: a column of numbers.*read_entries"):
        apply_policy(table, TABLE_I, "doctor")
    with pytest.raises(InputError, match="no column disease"):
        apply_policy(table.drop(columns="disease"), TABLE_I, "doctor")


def test_the_view_has_the_rows_of_its_entries(entries):
    view = apply_policy(entries.set_index("user_id"), TABLE_I, "researcher")
    assert view.index.tolist() == entries["user_id"].tolist()
    assert list(view) == list(NAMES)
    assert (view["name"] == "*").all()
    assert view["disease"].isin(set(ASSISTED_LIVING["disease"].generalise.general.values())).any()
