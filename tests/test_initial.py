"""First weights: memories of all lengths, vectors far apart, the same for a seed."""

from dataclasses import replace

import numpy as np
import pytest

from aalprivacy.errors import InputError
from aalprivacy.recipe import Recipe
from aalprivacy.text import to_lines, to_tokens
from aalprivacy.training import Trainer

SMALL = Recipe(units=200, embedding=16, memory=100, spread=2.0)


def arrays(recipe):
    return Trainer(recipe).pair().weights()


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


def test_a_training_can_start_from_a_pair_rekeyed(entries):
    pair = Trainer(SMALL).pair()
    trainer = Trainer(replace(SMALL, seed=3), pair=pair)
    tokens = to_tokens(to_lines(entries[:5]))
    started, twin = trainer.pair(), pair.rekeyed(3)
    np.testing.assert_allclose(started.encode(tokens), twin.encode(tokens), atol=1e-6)
    assert np.abs(started.encode(tokens) - pair.encode(tokens)).max() > 0.01
    np.testing.assert_array_equal(
        started.decode(started.encode(tokens)), pair.decode(pair.encode(tokens))
    )


@pytest.mark.parametrize("change", [{"units": 100}, {"reverse": False}, {"embedding": 8}])
def test_a_pair_of_another_form_is_refused(change):
    with pytest.raises(InputError, match="another form"):
        Trainer(replace(SMALL, **change), pair=Trainer(SMALL).pair())
