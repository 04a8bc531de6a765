"""The examples that a pair learns from are what the policy makes of such entries."""

from dataclasses import replace

import numpy as np
import pytest

from aalprivacy.attributes import NAMES
from aalprivacy.examples import Examples
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.text import MAX_LENGTH, from_lines, from_tokens, to_lines
from aalprivacy.views import apply_policy

PLAIN = Recipe(first_batch_size=8, batch_size=60, mixing=0.0, augmentation=(0.0, 0.0))


def whole_lines(examples, updates):
    """Entry and view lines of the batches that hold whole lines."""
    for update in range(updates):
        x, y, replaced, window = examples.batch(update, len(NAMES))
        if window == len(NAMES):
            yield from_tokens(x), from_tokens(y), replaced


@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_batches_are_windows_of_values(entries, make_examples, mixing):
    examples = make_examples(entries, replace(PLAIN, mixing=mixing))
    lines, views = to_lines(entries), to_lines(apply_policy(entries))
    values = {tuple(line.split("|")) for line in lines} | {tuple(v.split("|")) for v in views}
    columns = [set(column) for column in zip(*values, strict=True)]
    for update in range(20):
        x, y, replaced, window = examples.batch(update, 4)
        assert not replaced.any()
        for a, b in zip(from_tokens(x), from_tokens(y), strict=True):
            assert a.count("|") == b.count("|") == window - 1
            for part in (a.split("|"), b.split("|")):
                assert any(
                    all(value in columns[first + i] for i, value in enumerate(part))
                    for first in range(len(NAMES) - window + 1)
                )
            if not mixing:
                assert any(f"|{a}|" in f"|{line}|" for line in lines)
                assert any(f"|{b}|" in f"|{view}|" for view in views)


@pytest.mark.parametrize("receiver", TABLE_I.receivers)
@pytest.mark.parametrize("mixing", [0.0, 0.5, 1.0])
def test_the_view_is_the_policys(entries, make_examples, receiver, mixing):
    examples = make_examples(entries, replace(PLAIN, mixing=mixing), receiver)
    originals, seen, mixed = set(to_lines(entries)), 0, 0
    for x, y, _ in whole_lines(examples, 5):
        assert to_lines(apply_policy(from_lines(x), TABLE_I, receiver)).tolist() == y.tolist()
        assert x.str.len().max() <= MAX_LENGTH
        seen += len(x)
        mixed += sum(line not in originals for line in x)
    assert mixed == pytest.approx(mixing * seen, abs=0.25 * seen if mixing else 0)


def test_the_order_of_a_policys_rows_changes_nothing(entries, make_examples):
    rows = dict(reversed(TABLE_I.for_receiver("researcher").items()))
    recipe = replace(PLAIN, augmentation=(0.9, 0.9))
    turned = Examples(
        entries, apply_policy(entries), Policy({"researcher": rows}).rules["researcher"], recipe
    )
    for a, b in zip(turned.batch(0, 20), make_examples(entries, recipe).batch(0, 20), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("receiver", TABLE_I.receivers)
@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_augmentation_replaces_alike_on_both_sides(entries, make_examples, receiver, mixing):
    recipe = replace(PLAIN, mixing=mixing, augmentation=(0.9, 0.9))
    examples = make_examples(entries, recipe, receiver)
    known = {name: set(entries[name]) for name in NAMES}
    changed = 0
    for x, y, replaced in whole_lines(examples, 8):
        copied = 0
        for a, b in zip(x, y, strict=True):
            entry, view = a.split("|"), b.split("|")
            for i, (name, operation) in enumerate(TABLE_I.for_receiver(receiver).items()):
                new = entry[i] not in known[name]
                changed += new
                if operation == "F":
                    assert entry[i] == view[i]
                    copied += new
                elif operation == "D":
                    assert view[i] == "*"
                elif name == "address":
                    assert entry[i].split(" ")[-1] == view[i]
                else:  # classes of values don't follow a random change, so there is none
                    assert not new
        assert replaced.sum() >= copied
    assert changed > 400


def test_a_batch_can_be_had_again(entries, make_examples):
    examples = make_examples(entries, Recipe())
    for a, b in zip(examples.batch(5, 3), examples.batch(5, 3), strict=True):
        np.testing.assert_array_equal(a, b)
