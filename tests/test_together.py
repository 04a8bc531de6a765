"""The programs of many trainings at once: the same batches, updates and views as one training.

Those that train need PyTorch, which isn't among the package's dependencies.
"""

import importlib
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aalprivacy import homes, report
from aalprivacy.examples import Examples
from aalprivacy.homes import simulate
from aalprivacy.model import _where
from aalprivacy.pair import load_pair
from aalprivacy.policy import TABLE_I
from aalprivacy.recipe import Recipe
from aalprivacy.text import PAD, from_tokens, to_lines, to_tokens
from aalprivacy.training import Trainer

os.environ["TRITON_INTERPRET"] = "1"  # runs the GPU's kernels on the CPU; PyTorch reads it once
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SMALL = Recipe(seed=3, updates=40, decay=1.0, first_window=20)
# Each kind of network that a stack can hold beside others.
RECIPES = {
    "whole": SMALL,
    "without": replace(SMALL, places=0, code_at_every_step=False, reverse=False, averaging=0),
    "blind windows": replace(SMALL, seed=5, blind=True, first_window=6),
}


NAMES = ("together", "batches", "checkpoints", "stack", "steps", "recipes", "paper_recipe", "curve")


@pytest.fixture
def together(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module("together")
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def stack(together):
    pytest.importorskip("torch")
    return importlib.import_module("stack")


@pytest.fixture
def few(monkeypatch):
    """Few users to train on and few entries to measure on."""
    monkeypatch.setattr(homes, "N_TRAINING_USERS", 30)


@pytest.fixture(scope="module")
def entries():
    return simulate(50, 10, seed=1)


def trainings(together):
    return [together.Training(n, "doctor", r, "pairs", 1000) for n, r in RECIPES.items()]


def test_the_pairs_have_the_seeds_of_make_pairs(together):
    said = re.findall(r"^SEED_(\S+) := (\d+)$", (BENCHMARKS.parent / "Makefile").read_text(), re.M)
    assert {name: int(seed) for name, seed in said} == together.SEEDS


@pytest.mark.parametrize("name", RECIPES)
def test_lines_are_laid_out_as_in_the_models(together, entries, name):
    from batches import reading, writing

    recipe = RECIPES[name]
    batch = Examples(entries, TABLE_I, "doctor", recipe).batch(0, recipe.first_window)
    (a,) = (t.architecture for t in trainings(together) if t.name == name)
    tokens, *where, lengths = reading(a, batch.entries, batch.first)
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
    before, *where = writing(a, batch.views, batch.first)
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


def test_a_stack_makes_the_updates_of_its_trainings(together, stack, entries):
    from batches import draw, layout

    of, updates = trainings(together), 3
    trainers = [Trainer(t.recipe, TABLE_I, "doctor") for t in of]
    examples = [Examples(entries, TABLE_I, "doctor", t.recipe) for t in of]
    first = [{n: np.array(v) for n, v in zip(t.names, t.variables, strict=True)} for t in trainers]
    stacked = stack.Stack([t.architecture for t in of], first, "cpu")
    kinds = layout(TABLE_I.schema, len(of), 32, stacked.width)
    graphs = stack.Graphs(stacked, kinds)
    slot = {name: np.zeros(shape, kind) for name, (shape, kind) in kinds.items()}
    courses = [together.Course(t, None, x.progress) for t, x in zip(of, trainers, strict=True)]
    for update in range(updates):
        settings = np.array([course.settings() for course in courses], np.float32).T.copy()
        drawn = [
            draw(slot, m, t.architecture, examples[m], update, t.recipe.first_window)
            for m, t in enumerate(of)
        ]
        graphs.fill(slot, range(len(of)), update)
        graphs.run(update, max(longest for _, longest in drawn), settings)
        for m, trainer in enumerate(trainers):
            loss = trainer.step(examples[m].batch(update, of[m].recipe.first_window))
            assert graphs.wait()[m] == pytest.approx(loss, abs=1e-5)
            trainer.progress.update += 1
    for m, trainer in enumerate(trainers):
        as_it_is = {n: np.asarray(v) for n, v in zip(trainer.names, trainer.variables, strict=True)}
        for kind, right in (("parameters", as_it_is), ("average", trainer.pair().weights)):
            found = stacked.arrays(kind)[m]
            assert set(found) == set(right)
            for name, value in right.items():
                assert found[name] == pytest.approx(value, abs=2e-5), name


def test_a_stack_writes_what_a_pair_decodes(together, stack):
    import torch
    from batches import reading

    pair, table = load_pair("doctor"), simulate(30, 1, seed=8)
    tokens = to_tokens(to_lines(table, pair.schema), pair.schema).astype(np.int64)
    *read, lengths = reading(pair.architecture, tokens, np.zeros(30, np.int64))
    stacked = stack.Stack([pair.architecture] * 2, [pair.weights] * 2, "cpu")
    stacked.average = {n: p.detach() for n, p in stacked.parameters.items()}
    arrays = [torch.as_tensor(np.stack([x, x])) for x in (*(r.T for r in read), lengths)]
    written = stacked.decode(arrays[:3], arrays[3], pair.schema.longest).numpy()
    expected = pair.decode(pair.encode_entries(table)).tolist()
    for lines in written:
        assert from_tokens(lines, pair.schema).tolist() == expected


@pytest.mark.parametrize("shape", [(1, 3, 20, 64), (2, 2, 40, 32)])
def test_the_kernels_of_a_gpu_do_what_plain_pytorch_does(stack, shape):
    pytest.importorskip("triton")
    import torch

    steps = importlib.import_module("steps")
    models, time, n, units = shape
    torch.manual_seed(0)
    inputs = torch.randn(models, time, n, 4 * units)
    recurrent = torch.randn(models, units + 8, 4 * units)[:, 8:] / 5
    first, d_h, d_c = torch.randn(2, models, n, units), *torch.randn(2, models, time, n, units)
    for given in ((d_h, d_c), (d_h, None), (None, d_c)):
        made = []
        for way in (stack.Plain, steps):
            all_h, all_c = torch.full((2, models, time + 1, n, units), torch.nan)
            all_h[:, 0], all_c[:, 0] = first
            all_gates, all_dz = torch.full((2, *inputs.shape), torch.nan)
            dc = torch.full(first[0].shape, torch.nan)
            way.forward(inputs, recurrent, all_h, all_c, all_gates)
            way.backward(*given, recurrent, all_c, all_gates, all_dz, dc)
            made.append((all_h, all_c, all_gates, all_dz, dc))
        for found, right in zip(*made, strict=True):
            torch.testing.assert_close(found, right, rtol=0, atol=3e-6)


@pytest.mark.parametrize("name", ["whole", "without"])
def test_a_checkpoint_is_that_of_a_trainer(together, entries, tmp_path, name):
    recipe = replace(RECIPES[name], units=16, updates=9)
    trainer = Trainer(recipe, TABLE_I, "doctor")
    examples = Examples(entries, TABLE_I, "doctor", recipe)
    for update in range(2):
        trainer.step(examples.batch(update, 20))
    trainer.progress.update = 2
    trainer.save(tmp_path / "a.npz")
    found = together.Checkpoint.read(tmp_path / "a.npz", TABLE_I.schema)
    assert found.recipe == recipe and found.progress == trainer.progress
    moments = trainer.optimizer
    for kind, of in (("parameters", trainer.variables), ("first", moments._momentums),
                     ("second", moments._velocities),
                     ("average", moments._model_variables_moving_average)):  # fmt: skip
        assert list(found.state[kind]) == trainer.names
        for array, right in zip(found.state[kind].values(), of, strict=True):
            assert (array == np.asarray(right)).all()
    found.write(tmp_path / "b.npz")
    again = Trainer.load(tmp_path / "b.npz", TABLE_I, "doctor")
    for mine, right in zip(again._state(), trainer._state(), strict=True):
        assert mine == pytest.approx(right, abs=1e-9)


def test_the_paper_s_recipe_goes_on_where_it_stopped(together, few, tmp_path, monkeypatch):
    folder, small = (
        tmp_path / "paper",
        replace(RECIPES["without"], units=16, updates=40, product_dtype="bfloat16"),
    )
    trainer = Trainer(small, TABLE_I, "doctor")
    trainer.progress.update = 20
    folder.mkdir()
    trainer.save(folder / "checkpoint.npz")
    (folder / "run.json").write_text('{"data": {"fingerprint": "of these"}}')
    sets = dict.fromkeys(("own test", "unseen", "open"), 60.0)
    for name, more in (("log.csv", {"window": 20, "loss": 1.0}), ("curve.csv", sets)):
        rows = [{"update": u, "entries": 32 * u, "seconds": 1.0} | more for u in (10, 20, 30)]
        pd.DataFrame(rows).to_csv(folder / name, index=False)

    def train(of, device, processes, seconds, begun, fingerprint):
        (training,) = of
        together.check_entries(training.name, found, fingerprint)
        assert begun.recipe.updates == 40 and training.recipe.updates == 50
        assert training.recipe.first_batch_size == training.recipe.batch_size
        begun.progress.update = 25
        row = {"update": 25, "window": 20, "loss": 0.5, "entries": 800, "seconds": 2.6} | sets
        course = together.Course(training, None, begun.progress, [row])
        yield course, begun.state, fingerprint

    monkeypatch.setattr(together, "train", train)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = "of others"
    with pytest.raises(SystemExit, match="was trained on other entries"):
        together.go_on(folder, "cpu", 1, None, entries=50 * small.batch_size)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    found = "of these"
    together.go_on(folder, "cpu", 1, None, entries=50 * small.batch_size)
    for name in ("log.csv", "curve.csv"):
        assert pd.read_csv(folder / name)["update"].tolist() == [10, 20, 25]
    with pytest.raises(SystemExit, match="has made 25 of 25 updates; expected more"):
        together.go_on(folder, "cpu", 1, None, entries=25 * small.batch_size)
    again = Trainer.load(folder / "checkpoint.npz", TABLE_I, "doctor")
    assert again.progress.update == 25 and again.progress.lengthened == [[20, 40]]
    assert again.progress.product_dtypes == [[20, "bfloat16"]]
    assert again.recipe == replace(small, updates=50, product_dtype="float32")
    again.progress.character_error = 1.25
    again.save(folder / "checkpoint.npz")
    with pytest.raises(SystemExit, match=r"has ended, at 1\.25 wrong characters"):
        together.go_on(folder, "cpu", 1, None)


def test_a_training_of_other_entries_does_not_go_on(together, monkeypatch):
    ended = []

    class Others:
        def __init__(self, *given):
            self.fingerprints = {0: "of others"}

        def close(self):
            ended.append(self)

    monkeypatch.setattr(together, "Batches", Others)
    training = together.Training("doctor", "doctor", SMALL, "paper", 1000)
    with pytest.raises(SystemExit, match="doctor: was trained on other entries"):
        next(together.train([training], "cpu", 1, fingerprint="of these"))
    assert len(ended) == 1


@pytest.mark.parametrize("about", [None, {}, {"recipe": {"augmentation": [0, 0], "unknown": 1}}])
def test_what_is_not_a_checkpoint_is_refused(together, tmp_path, about):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"PK")
    if about is not None:
        np.savez(path, about=json.dumps(about))
    with pytest.raises(SystemExit, match=r"checkpoint\.npz: expected a whole checkpoint"):
        together.Checkpoint.read(path, TABLE_I.schema)


@pytest.mark.slow
def test_trainings_that_end_at_different_updates(together, stack):
    """Each gets its own batches, windows and validations, whatever the others do."""
    pair = replace(SMALL, updates=2, first_window=6)
    study = replace(RECIPES["without"], updates=5, first_window=6, threshold=9)
    of = [
        together.Training("doctor", "doctor", pair, "pairs", 2),
        together.Training("without", "doctor", study, "ingredients", 3),
    ]
    first, second = (course for course, _, _ in together.train(of, "cpu", 2))
    assert (first.training.name, second.training.name) == ("doctor", "without")
    assert [row["update"] for row in first.rows] == [2]
    assert [row["update"] for row in second.rows] == [3, 5]
    assert set(second.rows[0]) >= {"unseen", "open", "disturbed"}
    assert second.progress.window > 7 and second.progress.stages[0][:2] == [7, 1]
    assert first.progress.entries == 64 and second.progress.entries == 160


def ended(together, name, group):
    """A training's file, as `train` leaves it: with weights as at the beginning."""
    training = together.Training(name, "doctor", replace(SMALL, units=16, updates=2), group, 1)
    progress = together.Progress(update=2, window=20, entries=64, seconds=3.0, loss=3.5)
    errors = ("character_error",) if group == "pairs" else ("unseen", "open", "disturbed")
    row = {"update": 2, "window": 20, "loss": 3.5, "entries": 64, "seconds": 3.4}
    course = together.Course(training, None, progress, [row | dict.fromkeys(errors, 140.0)])
    return course, together.first_weights(training.architecture, training.recipe, 160)


def test_a_pair_lands_whole_with_its_history(together, few, tmp_path, monkeypatch):
    monkeypatch.setattr(together, "TESTED", 10)
    monkeypatch.setattr(together, "VALIDATED", 10)
    course, weights = ended(together, "doctor", "pairs")
    begun_on = {"processor": "a GPU", "updates": 2}
    about = {"begun_on": begun_on, "fingerprint": course.training.examples().fingerprint}
    together.save(tmp_path, course, weights, about)
    folder = tmp_path / "pairs"
    folder.mkdir()
    (folder / "doctor.landing").mkdir()  # as an interruption leaves it
    together.land(tmp_path, folder)
    assert [path.name for path in folder.iterdir()] == ["doctor"]
    pair = load_pair(folder / "doctor")
    assert pair.card["begun_on"] == begun_on
    assert pair.card["training"]["updates"] == 2 and pair.card["recipe"]["seed"] == SMALL.seed
    for name, value in weights.items():
        assert pair.weights[name] == pytest.approx(value, abs=1e-2)
    again = Trainer.load(folder / "doctor" / "checkpoint.npz", TABLE_I, "doctor")
    assert again.progress.update == 2
    card = (folder / "doctor" / "card.json").read_bytes()
    together.land(tmp_path, folder)  # is left alone
    assert (folder / "doctor" / "card.json").read_bytes() == card


def test_a_pair_of_other_entries_does_not_land(together, few, tmp_path):
    course, weights = ended(together, "doctor", "pairs")
    together.save(tmp_path, course, weights, {"begun_on": {}, "fingerprint": "of others"})
    (tmp_path / "pairs").mkdir()
    with pytest.raises(SystemExit, match="doctor: was trained on other entries"):
        together.land(tmp_path, tmp_path / "pairs")
    assert not (tmp_path / "pairs" / "doctor").exists()


def test_a_study_s_curve_lands_in_its_table(together, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "studies_folder", lambda: tmp_path)
    course, weights = ended(together, "without windows", "ingredients")
    together.save(tmp_path, course, weights, {"begun_on": {}, "fingerprint": ""})
    for _ in range(2):
        together.land(tmp_path, tmp_path)
        assert (tmp_path / "ingredients.csv").read_text().splitlines() == [
            "training,update,entries,seconds,unseen,open,disturbed",
            "without windows,2,64,3,140.0,140.0,140.0",
        ]


@pytest.mark.parametrize(
    ("words", "says"),
    {
        "land OUT OUT": "no finished training",
        "train OUT pairs paper-512": "batches of different sizes",
        "train FULL pairs": "has pairs.doctor.npz already",
        "train OUT pairs": "PyTorch isn't installed",
        "go-on OUT": "no checkpoint.npz",
    }.items(),
)
def test_what_cannot_be_done_is_refused(together, tmp_path, monkeypatch, capsys, words, says):
    full = tmp_path / "full"
    full.mkdir()
    (full / "pairs.doctor.npz").touch()
    words = [str({"OUT": tmp_path, "FULL": full}.get(w, w)) for w in words.split()]
    monkeypatch.setattr(sys, "argv", ["together.py", *words])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        together.main()
    assert says in capsys.readouterr().err
