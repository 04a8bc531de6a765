"""The examples that a pair learns from are what the policy makes of such entries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.examples import Examples, abnormal
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema, with_rules
from aalprivacy.text import from_lines, from_tokens, to_lines, view_lines
from aalprivacy.views import apply_policy

SCHEMA = TABLE_I.schema
PLAIN = Recipe(
    first_batch_size=8, batch_size=60, mixing=0.0, augmentation=(0.0, 0.0), missing=0, abnormal=0
)


def whole_lines(examples, updates, schema=SCHEMA):
    """Entry and view lines of the batches that hold whole lines."""
    for update in range(updates):
        batch = examples.batch(update, len(schema))
        if batch.window == len(schema):
            lines = from_tokens(batch.entries, schema), from_tokens(batch.views, schema)
            yield *lines, batch.replaced


@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_batches_are_windows_of_values(entries, mixing):
    examples = Examples(entries, TABLE_I, "researcher", replace(PLAIN, mixing=mixing))
    lines = to_lines(entries, SCHEMA)
    views = view_lines(apply_policy(entries), SCHEMA)
    values = {tuple(line.split("|")) for line in lines} | {tuple(v.split("|")) for v in views}
    columns = [set(column) for column in zip(*values, strict=True)]
    for update in range(20):
        batch = examples.batch(update, 4)
        assert not batch.replaced.any()
        both = (from_tokens(tokens, SCHEMA) for tokens in (batch.entries, batch.views))
        for a, b in zip(*both, strict=True):
            assert a.count("|") == b.count("|") == batch.window - 1
            for part in (a.split("|"), b.split("|")):
                assert any(
                    all(value in columns[first + i] for i, value in enumerate(part))
                    for first in range(len(SCHEMA) - batch.window + 1)
                )
            if not mixing:
                assert any(f"|{a}|" in f"|{line}|" for line in lines)
                assert any(f"|{b}|" in f"|{view}|" for view in views)


@pytest.mark.parametrize("receiver", TABLE_I.receivers)
@pytest.mark.parametrize("mixing", [0.0, 0.5, 1.0])
def test_the_view_is_the_policys(entries, receiver, mixing):
    examples = Examples(entries, TABLE_I, receiver, replace(PLAIN, mixing=mixing))
    originals, seen, mixed = set(to_lines(entries, SCHEMA)), 0, 0
    for x, y, _ in whole_lines(examples, 5):
        views = apply_policy(from_lines(x, SCHEMA), TABLE_I, receiver)
        assert view_lines(views, SCHEMA).tolist() == y.tolist()
        assert x.str.len().max() <= SCHEMA.longest
        seen += len(x)
        mixed += sum(line not in originals for line in x)
    assert mixed == pytest.approx(mixing * seen, abs=0.25 * seen if mixing else 0)


def test_the_order_of_a_policys_rows_changes_nothing(entries):
    rows = dict(reversed(TABLE_I.for_receiver("researcher").items()))
    recipe = replace(PLAIN, augmentation=(0.9, 0.9))
    turned = Examples(entries, Policy({"researcher": rows}), "researcher", recipe)
    plain = Examples(entries, TABLE_I, "researcher", recipe)
    for a, b in zip(turned.batch(0, 20), plain.batch(0, 20), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("receiver", TABLE_I.receivers)
def test_augmentation_replaces_alike_on_both_sides(entries, receiver, blind):
    recipe = replace(PLAIN, mixing=0.5, augmentation=(0.9, 0.9), blind=blind)
    examples = Examples(entries, TABLE_I, receiver, recipe)
    read = apply_policy(entries, TABLE_I, receiver) if blind else entries
    known = {name: set(read[name]) for name in SCHEMA.names}
    changed = 0
    for x, y, replaced in whole_lines(examples, 8):
        copied = 0
        for a, b in zip(x, y, strict=True):
            entry, view = a.split("|"), b.split("|")
            for i, (name, operation) in enumerate(TABLE_I.for_receiver(receiver).items()):
                new = entry[i] not in known[name]
                changed += new
                if operation == "F" or blind:
                    assert entry[i] == view[i]
                    copied += new
                elif operation == "D":
                    assert view[i] == "*"
                elif getattr(SCHEMA[name].generalise, "part", "") == "end":
                    assert entry[i].split(" ")[-1] == view[i]
                else:  # classes of values don't follow a random change, so there is none
                    assert not new
        assert replaced.sum() >= copied
    assert changed > 300


def test_what_cannot_be_listed_is_replaced_and_a_beginning_follows(clinic, patients):
    recipe = replace(PLAIN, mixing=0.0, augmentation=(1.0, 1.0))
    examples = Examples(patients, clinic, "nurse", recipe)
    new = 0
    for x, y, _ in whole_lines(examples, 10, clinic.schema):
        for a, b in zip(x, y, strict=True):
            (name, years, code), (seen, seen_years, seen_code) = a.split("|"), b.split("|")
            assert (name, years, code[:2]) == (seen, seen_years, seen_code)
            new += code not in set(patients["postcode"])
    assert new > 50


def test_letters_keep_their_kind():
    schema = Schema((Attribute("a", Form.TEXT),), alphabet="abcABCéαβ0123 |*-", longest=20)
    rules = Policy({"r": {"a": Operation.DISCLOSE}}, schema)
    table = pd.DataFrame({"a": ["aBc é-α 01", "CAB 33"] * 20}, dtype="str")
    recipe = replace(PLAIN, augmentation=(1.0, 1.0))
    shapes, seen = set(), set()
    for x, y, _ in whole_lines(Examples(table, rules, "r", recipe), 10, schema):
        assert x.tolist() == y.tolist()
        for line in x:
            seen |= set(line)
            shapes.add("".join("A" if c.isupper() else "a" if c.isalpha() else "0"
                               if c.isdigit() else c for c in line))  # fmt: skip
    assert shapes == {"aAa a-a 00", "AAA 00"}
    assert set("abcéαβABC0123") <= seen


def test_a_missing_value_stays_missing(clinic, patients):
    gaps = patients.assign(years="-", patient="-")
    recipe = replace(PLAIN, augmentation=(1.0, 1.0))
    for x, y, _ in whole_lines(Examples(gaps, clinic, "statistician", recipe), 5, clinic.schema):
        assert x.str.startswith("-|-|").all()
        assert y.str.startswith("*|-|").all()


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("receiver", TABLE_I.receivers)
def test_missing_and_abnormal_values_have_the_views_of_the_rule(entries, receiver, blind):
    recipe = replace(PLAIN, missing=0.2, abnormal=0.3, mixing=0.5, blind=blind)
    examples = Examples(entries, TABLE_I, receiver, recipe)
    usual = {name: set(entries[name]) for name in SCHEMA.names}
    cells = gaps = new = 0
    for x, y, _ in whole_lines(examples, 6):
        if blind:
            assert x.tolist() == y.tolist()
            continue
        table = from_lines(x, SCHEMA)
        assert view_lines(apply_policy(table, TABLE_I, receiver), SCHEMA).tolist() == y.tolist()
        assert x.str.len().max() <= SCHEMA.longest
        cells += table.size
        gaps += int((table == "-").sum().sum())
        new += sum(int((~table[name].isin(usual[name] | {"-"})).sum()) for name in SCHEMA.names)
    if not blind:
        assert gaps / cells == pytest.approx(0.2, abs=0.03)
        # Half of the attributes have such a form; some values drawn so are usual ones.
        assert 0.04 < new / cells < 0.3 * 0.5


@pytest.mark.parametrize("blind", [False, True])
def test_without_abnormal_values_none_are_made(entries, monkeypatch, blind):
    recipe = replace(PLAIN, mixing=0.5, missing=0.1, blind=blind)
    hardly = Examples(entries, TABLE_I, "researcher", replace(recipe, abnormal=1e-12))
    monkeypatch.delattr("aalprivacy.examples.abnormal")
    never = Examples(entries, TABLE_I, "researcher", recipe)
    for update in range(5):
        for one, other in zip(hardly.batch(update, 20), never.batch(update, 20), strict=True):
            assert np.array_equal(one, other)


def test_abnormal_values_reach_the_limits_of_the_form(entries):
    drawn = abnormal(entries, TABLE_I, "researcher", np.random.default_rng(0))
    assert len(SCHEMA.check(drawn)) == len(drawn)
    for name, low, high in (("temperature_sensor", -99, 99), ("glucose_level", 0, 999)):
        numbers = drawn[name].astype(int)
        assert (numbers.min(), numbers.max()) == (low, high)
        assert numbers.abs().lt(10).mean() > 0.1  # of one digit, which a flat draw hardly gives
    assert set(drawn["blood_pressure"].str.len()) == {5, 6, 7}
    assert set(drawn["disease"]) <= set(entries["disease"])


def test_abnormal_values_fit_a_line(clinic, patients):
    longest = int(patients[list(clinic.schema.names)].map(len).sum(axis=1).max()) + 2
    tight = Schema(clinic.schema.attributes, longest=longest, id="case")
    drawn = abnormal(patients, Policy(clinic.rules, tight), "nurse", np.random.default_rng(0))
    assert len(tight.check(drawn)) == len(drawn)
    assert drawn["years"].astype(int).max() == 120  # some are abnormal all the same


def test_an_abnormal_value_that_the_rule_refuses_is_not_drawn(clinic, patients):
    def young(value):
        if int(value) > 100:
            raise ValueError("too old")
        return "young" if int(value) < 50 else "old"

    rules = {name: clinic.for_receiver("statistician")[name] for name in clinic.schema.names}
    strict = Policy({"statistician": rules}, with_rules(clinic.schema, {"years": young}))
    drawn = abnormal(patients, strict, "statistician", np.random.default_rng(0))
    assert 100 >= drawn["years"].astype(int).max() > 90


def test_a_batch_says_with_which_attribute_its_lines_begin(entries):
    examples = Examples(entries, TABLE_I, "family_member", replace(PLAIN, mixing=1.0))
    values = [set(entries[name]) for name in SCHEMA.names]
    batch = examples.batch(3, 4)
    for line, first in zip(from_tokens(batch.entries, SCHEMA), batch.first, strict=True):
        assert all(v in values[first + i] for i, v in enumerate(line.split("|")))


def test_windows_of_more_attributes_than_there_are_is_whole_entries(clinic, patients):
    examples = Examples(patients, clinic, "nurse", replace(PLAIN, first_window=6))
    assert examples.batch(0, 6).window == 3


def test_a_batch_can_be_had_again(entries):
    examples = Examples(entries, TABLE_I, "researcher", Recipe())
    for a, b in zip(examples.batch(5, 3), examples.batch(5, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_entries_are_refused(clinic, patients):
    with pytest.raises(InputError, match=r"row 0, years: expected a whole number"):
        Examples(patients.assign(years="old"), clinic, "nurse", PLAIN)
