"""The programs of many trainings at once: the same batches, updates and views as one training."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aalprivacy.examples import Examples
from aalprivacy.homes import simulate
from aalprivacy.model import _where
from aalprivacy.pair import load_pair
from aalprivacy.policy import TABLE_I
from aalprivacy.recipe import Recipe
from aalprivacy.text import PAD, from_tokens, to_lines, to_tokens
from aalprivacy.training import Trainer

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SMALL = Recipe(seed=3, updates=40, decay=1.0, first_window=20)
# Each kind of network that a stack can hold beside others.
RECIPES = {
    "whole": SMALL,
    "without": replace(SMALL, places=0, code_at_every_step=False, reverse=False, averaging=0),
    "blind windows": replace(SMALL, seed=5, blind=True, first_window=6),
}


@pytest.fixture
def together(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("together")
    yield module
    for name in ("together", "stack", "recipes", "paper_recipe"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def entries():
    return simulate(50, 10, seed=1)


def trainings(together):
    return [together.Training(n, "doctor", r, "pairs", 1000) for n, r in RECIPES.items()]


@pytest.mark.parametrize("name", RECIPES)
def test_lines_are_laid_out_as_in_the_models(together, entries, name):
    recipe = RECIPES[name]
    batch = Examples(entries, TABLE_I, "doctor", recipe).batch(0, recipe.first_window)
    (a,) = (t.architecture for t in trainings(together) if t.name == name)
    tokens, *where, lengths = together.reading(a, batch.entries, batch.first)
    for row, line in enumerate(batch.entries):
        own = line[line != PAD]
        assert lengths[row] == len(own)
        assert (tokens[row, : len(own)] == (own[::-1] if recipe.reverse else own)).all()
    if not recipe.places:
        return
    expected = [np.asarray(x) for x in _where(a, batch.entries, batch.first, ahead=False)]
    for row, length in enumerate(lengths):
        for found, right in zip(where, expected, strict=True):
            assert (found[row, :length] == right[row, :length][::-1]).all()
    before, *where = together.writing(a, batch.views, batch.first)
    assert (before[:, 0] == PAD).all() and (before[:, 1:] == batch.views[:, :-1]).all()
    for found, right in zip(where, _where(a, before, batch.first, ahead=True), strict=True):
        assert (found == np.asarray(right)).all()


def test_first_weights_are_drawn_as_in_a_training(together):
    """Of the same sizes and spreads; the numbers themselves come from another generator."""
    for training in trainings(together):
        made = together.first_weights(training.architecture, training.recipe, 160)
        trainer = Trainer(training.recipe, TABLE_I, "doctor")
        assert list(made) == list(training.architecture.shapes())
        for name, variable in zip(trainer.names, trainer.variables, strict=True):
            value = np.asarray(variable)
            assert made[name].shape == value.shape and made[name].dtype == np.float32
            assert made[name].std() == pytest.approx(value.std(), rel=0.1, abs=1e-6), name
        for part in ("encoder", "decoder"):
            kernel = made[f"{part}/lstm/recurrent_kernel"]
            assert kernel @ kernel.T == pytest.approx(np.eye(len(kernel)), abs=1e-4)


def test_adam_s_settings_are_the_trainer_s(together):
    step, keeps, beta, noise = together.settings_of(SMALL, 0, SMALL.learning_rate)
    assert (keeps, beta, noise) == (0, SMALL.second_moment, 0)
    assert step == pytest.approx(3e-3 * np.sqrt(0.02) / 0.1)
    _, keeps, _, noise = together.settings_of(SMALL, 9, SMALL.learning_rate / 10)
    assert keeps == SMALL.averaging and noise == pytest.approx(0.9 * SMALL.noise)


def test_a_stack_makes_the_updates_of_its_trainings(together, entries):
    """Needs PyTorch, which isn't among the package's dependencies."""
    pytest.importorskip("torch")
    stack = importlib.import_module("stack")
    of, updates = trainings(together), 3
    trainers = [Trainer(t.recipe, TABLE_I, "doctor") for t in of]
    examples = [Examples(entries, TABLE_I, "doctor", t.recipe) for t in of]
    first = [{n: np.array(v) for n, v in zip(t.names, t.variables, strict=True)} for t in trainers]
    stacked = stack.Stack([t.architecture for t in of], first, "cpu")
    graphs = together.Graphs(stacked, 32)
    kinds = together.layout(len(of), 32)
    slot = {name: np.zeros(shape, kind) for name, (shape, kind) in kinds.items()}
    courses = [together.Course(t, x.progress, None) for t, x in zip(of, trainers, strict=True)]
    for update in range(updates):
        settings = np.array([course.settings() for course in courses], np.float32).T.copy()
        drawn = [
            together.draw(slot, m, t, examples[m], update, t.recipe.first_window)
            for m, t in enumerate(of)
        ]
        graphs.fill(slot, range(len(of)), update)
        graphs.run(update, max(longest for _, longest in drawn), settings)
        for m, trainer in enumerate(trainers):
            loss = trainer.step(examples[m].batch(update, of[m].recipe.first_window))
            assert graphs.wait()[m] == pytest.approx(loss, abs=1e-5)
            trainer.progress.update += 1
    for m, trainer in enumerate(trainers):
        for averaged in (False, True):
            found = stacked.weights(averaged)[m]
            right = trainer.pair().weights if averaged else dict(
                zip(trainer.names, map(np.asarray, trainer.variables), strict=True)
            )  # fmt: skip
            assert set(found) == set(right)
            for name, value in right.items():
                assert found[name] == pytest.approx(value, abs=2e-5), name


def test_a_stack_writes_what_a_pair_decodes(together):
    torch = pytest.importorskip("torch")
    stack = importlib.import_module("stack")
    pair, table = load_pair("doctor"), simulate(30, 1, seed=8)
    tokens = to_tokens(to_lines(table, pair.schema), pair.schema).astype(np.int64)
    *read, lengths = together.reading(pair.architecture, tokens, np.zeros(30, np.int64))
    stacked = stack.Stack([pair.architecture] * 2, [pair.weights] * 2, "cpu")
    stacked.average = {n: p.detach() for n, p in stacked.parameters.items()}
    arrays = [torch.as_tensor(np.stack([x, x])) for x in (*(r.T for r in read), lengths)]
    written = stacked.decode(arrays[:3], arrays[3], pair.schema.longest).numpy()
    expected = pair.decode(pair.encode_entries(table)).tolist()
    for lines in written:
        assert from_tokens(lines, pair.schema).tolist() == expected
