"""Attributes and policies."""

import pandas as pd
import pytest

from aalprivacy.attributes import ATTRIBUTES, NAMES, attribute
from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I, Operation, Policy

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


@pytest.mark.parametrize(
    ("name", "value", "general"),
    [
        ("age", "83", "80-89"),
        ("height", "169", "160-169"),
        ("weight", "70", "70-79"),
        ("address", "3 high street milton-keynes", "milton-keynes"),
        ("phone_number", "01954133482", "01954"),
        ("occupation", "nurse", "health"),
        ("marital_status", "cohabiting", "partnered"),
        ("marital_status", "widowed", "single"),
        ("timestamp", "20180314 0730", "201803"),
        ("blood_pressure", "119-69", "normal"),
        ("blood_pressure", "120-60", "raised"),
        ("blood_pressure", "119-90", "high"),
        ("blood_pressure", "140-60", "high"),
        ("blood_pressure", "89-65", "low"),
        ("glucose_level", "69", "low"),
        ("glucose_level", "99", "normal"),
        ("glucose_level", "125", "raised"),
        ("glucose_level", "126", "high"),
        ("disease", "alzheimer", "dementia"),
        ("wearable_pedometer", "0", "still"),
        ("temperature_sensor", "-3", "cold"),
        ("temperature_sensor", "26", "warm"),
        ("light_sensor", "10", "dim"),
        ("energy_consumption", "400", "high"),
    ],
)
def test_generalisation(name, value, general):
    assert attribute(name).generalise(pd.Series([value, "-", value])).tolist() == [
        general, "-", general,
    ]  # fmt: skip


def test_generalising_what_cannot_be_is_an_error():
    with pytest.raises(InputError, match="gender: this attribute has no generalisation"):
        attribute("gender").generalise(pd.Series(["male"]))


def test_a_value_of_another_form_is_named_with_its_row():
    with pytest.raises(InputError, match=r"row 7, age: expected an age in years, got 'old'"):
        attribute("age").generalise(pd.Series(["80", "old"], index=[3, 7]))


def test_attributes_by_either_name():
    assert {attribute(a.label) for a in ATTRIBUTES} == set(ATTRIBUTES)
    with pytest.raises(InputError, match="unknown attribute 'shoe size'"):
        attribute("shoe size")


def test_policy_from_any_order(tmp_path):
    table = TABLE_I.to_frame()[::-1].reset_index()
    table.to_csv(tmp_path / "p.csv", index=False)
    assert Policy.from_csv(tmp_path / "p.csv") == TABLE_I


def test_policy_cannot_generalise_what_has_no_rule():
    rules = {"doctor": dict.fromkeys(NAMES, Operation.DISCLOSE) | {"name": Operation.GENERALISE}}
    with pytest.raises(InputError, match="name has no generalisation"):
        Policy(rules)
