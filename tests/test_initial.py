"""First weights: memories of all lengths, vectors far apart, the same for a seed."""

from dataclasses import replace

import numpy as np
import pytest

from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I
from aalprivacy.recipe import Recipe
from aalprivacy.training import Trainer

SMALL = Recipe(units=200, embedding=16, memory=100, spread=2.0)


FOR = (TABLE_I, "researcher")


def arrays(recipe):
    return Trainer(recipe, *FOR).pair().weights


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_memories_are_evenly_drawn_up_to_the_longest(part):
    bias = arrays(SMALL)[f"{part}/lstm/bias"]
    into, forget, *rest = np.split(bias, 4)
    np.testing.assert_array_equal(into, -forget)
    assert not np.any(rest)
    steps = np.exp(forget)
    assert steps.min() >= 1
    assert steps.max() <= 100
    assert np.quantile(steps, [0.25, 0.5, 0.75]) == pytest.approx([25, 50, 75], abs=12)


def test_vectors_have_the_spread():
    vectors = arrays(SMALL)["encoder/embedding/embeddings"]
    assert vectors.std() == pytest.approx(2.0, rel=0.1)


def test_zero_leaves_keras_own_start():
    weights = arrays(replace(SMALL, memory=0, spread=0))
    np.testing.assert_array_equal(weights["decoder/lstm/bias"][200:400], 1)
    assert np.abs(weights["decoder/embedding/embeddings"]).max() <= 0.05


def test_the_seed_decides():
    one, same, other = arrays(SMALL), arrays(SMALL), arrays(replace(SMALL, seed=1))
    for name, weight in one.items():
        np.testing.assert_array_equal(weight, same[name])
    assert np.any(one["encoder/lstm/bias"] != other["encoder/lstm/bias"])
    assert np.any(one["encoder/lstm/bias"] != one["decoder/lstm/bias"])


def test_the_memory_is_the_longest_lines_if_nothing_is_said(clinic):
    bias = Trainer(replace(SMALL, memory=None), clinic, "nurse").pair().weights["encoder/lstm/bias"]
    assert 0.8 * clinic.schema.longest < np.exp(bias[200:400]).max() <= clinic.schema.longest


def test_a_training_can_start_from_a_pair_rekeyed(entries, make_pair):
    pair = make_pair(units=40, embedding=8)
    recipe = replace(SMALL, units=40, embedding=8, seed=3)
    started, twin = Trainer(recipe, *FOR, pair=pair).pair(), pair.rekeyed(3)
    codes = started.encode_entries(entries[:5])
    np.testing.assert_allclose(codes, twin.encode_entries(entries[:5]), atol=1e-6)
    assert np.abs(codes - pair.encode_entries(entries[:5])).max() > 0.01
    own = pair.decode(pair.encode_entries(entries[:5]))
    assert started.decode(codes).tolist() == own.tolist()


@pytest.mark.parametrize("change", [{"units": 20}, {"reverse": False}, {"embedding": 5}])
def test_a_pair_of_another_form_is_refused(make_pair, change):
    with pytest.raises(InputError, match="built as the recipe and the schema say"):
        Trainer(replace(SMALL, units=16, embedding=4), *FOR, pair=make_pair(**change))
