"""Model and training: shapes, learning, exact resume."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from aalprivacy import updates
from aalprivacy.architecture import Architecture
from aalprivacy.curriculum import Progress
from aalprivacy.errors import InputError
from aalprivacy.examples import Examples
from aalprivacy.lstm import FastLSTM
from aalprivacy.pair import Pair
from aalprivacy.policy import TABLE_I
from aalprivacy.recipe import Recipe
from aalprivacy.runtime import count_cores
from aalprivacy.text import to_lines, to_tokens
from aalprivacy.training import Trainer, Validation, fit
from aalprivacy.updates import faster_product_dtype
from aalprivacy.workers import Workers

SMALL = Recipe(units=24, embedding=8, updates=12, first_batch_size=8, batch_size=8)


FOR = (TABLE_I, "researcher")


@pytest.fixture
def validation(entries):
    return Validation(entries[:10], *FOR)


def examples_of(entries, recipe):
    return Examples(entries, *FOR, recipe)


@pytest.mark.parametrize("code_at_every_step", [True, False])
def test_engine_and_stock_models_agree(entries, code_at_every_step):
    trainer = Trainer(replace(SMALL, code_at_every_step=code_at_every_step), *FOR)
    pair = trainer.pair()
    encoder, decoder = pair.keras()
    schema = pair.schema
    tokens = to_tokens(to_lines(entries[:6], schema), schema)[:, :50].astype(np.int32)
    codes, first = pair.encode(tokens), np.zeros(6, np.int32)
    for read in (encoder(tokens), trainer.encoder([tokens, first])):
        np.testing.assert_allclose(codes, read, atol=1e-5)
    np.testing.assert_allclose(
        decoder([tokens, codes]), trainer.decoder([tokens, codes, first]), atol=1e-5
    )


def test_a_window_is_read_as_the_part_of_a_line_that_it_is():
    """Attributes and places of a line's end are those that they have in the whole line."""
    from aalprivacy.model import build_decoder, build_encoder

    schema = TABLE_I.schema
    whole = to_tokens(pd.Series(["||||ab|c|def|"]), schema)[:, :13].astype(np.int32)
    starts = whole, whole[:, 4:]
    built = Architecture.of(schema, units=5, embedding=3, reverse=False)
    for build, ahead in ((build_encoder, 0), (build_decoder, 1)):
        model = build(built, windows=True)
        of_places = keras.Model(model.inputs, [model.get_layer(n).output for n in
                                               ("attribute", "place")])  # fmt: skip
        code = [np.zeros((1, 10), np.float32)] * ahead
        whole, part = (np.pad(t, ((0, 0), (ahead, 0))) for t in starts)
        all_vectors = of_places([whole, *code, np.zeros(1, np.int32)])
        vectors = of_places([part, *code, np.full(1, 4, np.int32)])
        for a, b in zip(all_vectors, vectors, strict=True):
            np.testing.assert_array_equal(np.asarray(a)[:, 4:], b)


def test_a_gpu_has_one_shard(monkeypatch):
    devices = {"GPU": ["one"], "CPU": ["one"]}
    monkeypatch.setattr(updates.tf.config, "list_physical_devices", devices.get)
    assert updates.count_shards() == 1
    devices["GPU"] = []
    assert updates.count_shards() == min(8, count_cores())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has it")
def test_a_process_uses_the_cores_that_it_may():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert count_cores() == updates.count_shards() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert count_cores() == len(allowed)


def test_a_pair_has_the_averaged_weights(entries):
    recipe = replace(SMALL, averaging=0.7, first_learning_rate=1e-2)
    trainer, examples = Trainer(recipe, *FOR), examples_of(entries, recipe)
    expected = None
    for update in range(3):
        trainer.step(examples.batch(update, 2))
        now = np.concatenate([np.ravel(v) for v in trainer.variables])
        expected = now if expected is None else 0.7 * expected + 0.3 * now
    pair = trainer.pair()
    weights = np.concatenate([pair.weights[name].ravel() for name in trainer.names])
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@pytest.mark.slow
def test_models_open_with_keras_alone(tmp_path):
    for model in Trainer(SMALL, *FOR).pair().keras():
        model.save(tmp_path / f"{model.name}.keras")
    program = (
        "import sys, keras\n"
        f"keras.saving.load_model({str(tmp_path / 'encoder.keras')!r})\n"
        f"keras.saving.load_model({str(tmp_path / 'decoder.keras')!r})\n"
        "assert not any(m.startswith('aalprivacy') for m in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize("shards", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_shards_make_no_difference(entries, monkeypatch, shards):
    """Not even where there are more of them than rows."""
    batch = examples_of(entries, replace(SMALL, first_batch_size=5)).batch(1, 3)

    def after(shards):
        monkeypatch.setattr(updates, "SHARDS", shards)
        trainer = Trainer(SMALL, *FOR)
        return trainer.step(batch), [np.asarray(v) for v in trainer.variables]

    (loss, weights), (expected_loss, expected) = after(shards), after(1)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_a_training_of_no_validation_so_far_has_one_at_its_end(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    trainer.progress.update = 1
    trainer.lengthen(1)
    assert fit(trainer, examples, validation, tmp_path)
    assert (tmp_path / "log.csv").read_text().splitlines()[1].startswith("1,")


def test_a_pair_saves_and_loads(tmp_path):
    pair = Trainer(SMALL, *FOR).pair()
    pair.save(tmp_path)
    again = Pair.load(tmp_path)
    assert (again.receiver, again.policy) == (pair.receiver, pair.policy)
    assert again.fingerprints == pair.fingerprints
    assert again.architecture == pair.architecture
    assert sorted(p.name for p in tmp_path.iterdir()) == ["card.json", "weights.safetensors"]


def test_learns(entries, validation, tmp_path):
    """Copying two attributes: the loss must fall by half within a few hundred updates."""
    recipe = replace(
        SMALL,
        units=64,
        updates=400,
        first_batch_size=32,
        first_learning_rate=5e-3,
        threshold=0.0,
        mixing=0.0,
    )
    trainer = Trainer(recipe, *FOR)
    examples = examples_of(entries, recipe)
    first = np.mean([trainer.step(examples.batch(u, 2)) for u in range(5)])
    trainer = Trainer(recipe, *FOR)
    assert fit(trainer, examples, validation, tmp_path, validate_every=10**6)
    assert trainer.progress.loss < first / 2


def test_resume_is_exact(entries, validation, tmp_path):
    """Ctrl-C in the middle of an update: it is made whole, and nothing is made twice."""

    class Interrupted(Trainer):
        at: tuple[int, ...] = ()

        def step(self, batch):
            if self.progress.update in self.at:
                os.kill(os.getpid(), signal.SIGINT)
            return super().step(batch)

    def weights(folder, *stops):
        trainer = Interrupted(SMALL, *FOR)
        folder.mkdir()
        examples = examples_of(entries, SMALL)
        for stop in (*stops, None):
            trainer.at = (stop,)
            done = fit(trainer, examples, validation, folder, validate_every=100)
            assert done is (stop is None)
            assert stop is None or trainer.progress.update == stop + 1
            trainer = Interrupted.load(folder / "checkpoint.npz", *FOR)
        return trainer

    straight = weights(tmp_path / "straight")
    broken = weights(tmp_path / "broken", 4, 9)
    assert broken.progress.update == straight.progress.update == SMALL.updates
    for a, b in zip(straight.variables, broken.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_interruption_is_at_once(entries, validation, tmp_path):
    trainer = Trainer(SMALL, *FOR)

    def report(progress, speed):
        if progress.update == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(
            trainer, examples_of(entries, SMALL), validation, tmp_path, report=report,
            report_every=1, checkpoint_every=2, validate_every=100,
        )  # fmt: skip
    assert Trainer.load(tmp_path / "checkpoint.npz", *FOR).progress.update == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_done_at_its_target(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    assert fit(trainer, examples, validation, tmp_path, validate_every=5, target=1000.0)
    assert trainer.progress.update == 5


def test_it_is_done_when_its_time_is_over(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    how = {"validate_every": 5, "target": 0, "seconds": 1e-9}
    assert fit(trainer, examples, validation, tmp_path, **how)
    assert fit(trainer, examples, validation, tmp_path, **how)  # nothing is left to do
    assert trainer.progress.update == 1
    assert trainer.progress.character_error is not None
    assert (tmp_path / "log.csv").read_text().splitlines()[1].startswith("1,")


def test_a_training_whose_time_was_over_before_it_went_on_is_validated(
    entries, validation, tmp_path
):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    trainer.progress.seconds = 60.0
    assert fit(trainer, examples, validation, tmp_path, seconds=30)
    assert trainer.progress.update == 0
    assert (tmp_path / "log.csv").read_text().splitlines()[1].startswith("0,")


def test_a_training_can_be_made_longer(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    fit(trainer, examples, validation, tmp_path, validate_every=100)
    trainer = Trainer.load(tmp_path / "checkpoint.npz", *FOR)
    with pytest.raises(InputError, match="the training is at 12; expected at least that, got 7"):
        trainer.lengthen(7)
    trainer.lengthen(15)
    assert fit(trainer, examples, validation, tmp_path, validate_every=100)
    assert trainer.progress.update == 15
    assert trainer.progress.lengthened == [[12, 12]]


def test_broken_checkpoint(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK not really")
    with pytest.raises(InputError, match="not a whole checkpoint"):
        Trainer.load(tmp_path / "c.npz", *FOR)
    with pytest.raises(InputError, match="no checkpoint to go on from"):
        Trainer.load(tmp_path / "none.npz", *FOR)


def test_the_rate_falls_with_the_windows_and_towards_the_end():
    recipe = Recipe(
        first_window=2, first_learning_rate=2e-3, learning_rate=4e-4, updates=100, decay=0.5
    )
    rates = [recipe.rate(0, window, 20) for window in range(2, 21)]
    assert rates[0] == pytest.approx(2e-3)
    assert rates[-1] == pytest.approx(4e-4)
    assert np.allclose(np.diff(np.log(rates)), np.log(1 / 5) / 18)
    assert recipe.rate(20, 20, 20, whole_since=20) == recipe.rate(60, 20, 20, whole_since=20)
    assert recipe.rate(60, 20, 20, whole_since=20) == pytest.approx(4e-4)
    assert recipe.rate(80, 20, 20, whole_since=20) == pytest.approx(2e-4)
    assert recipe.rate(99, 20, 20, whole_since=20) == pytest.approx(4e-5)
    assert replace(recipe, first_window=20).rate(0, 20, 20) == pytest.approx(4e-4)


def test_whole_entries_began_with_their_stage():
    assert Progress().whole_since(20) == 0
    stages = [[19, 70, 1.0], [20, 90, 2.0]]
    assert Progress(stages=stages).whole_since(20) == 90
    assert Progress(stages=stages).whole_since(19) == 70


def test_the_faster_type_is_one_of_the_engines():
    FastLSTM(1, product_dtype=faster_product_dtype())


def test_another_type_of_numbers_is_named():
    import keras

    keras.config.set_floatx("float64")
    try:
        with pytest.raises(InputError, match=r"floatx\(\) is 'float64'; training needs 'float32'"):
            Trainer(SMALL, *FOR)
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"units": 0}, "units: expected 1 or more, got 0"),
        ({"learning_rate": 0}, "learning_rate: expected more than 0"),
        ({"mixing": 1.5}, "mixing: expected 0 to 1"),
        ({"augmentation": (0.1, 2)}, "augmentation: expected two shares"),
        ({"product_dtype": "int8"}, "expected float32 or bfloat16 or auto, got 'int8'"),
        ({"second_moment": 1}, "second_moment: expected 0 to less than 1"),
        ({"places": -1}, "places: expected 0 or more"),
        ({"missing": 2}, "missing: expected 0 to 1"),
        ({"memory": -1}, "memory: expected 0 or more"),
        ({"augmentation": 0.5}, "augmentation: expected two shares, got 0.5"),
        ({"blind": "no"}, "blind: expected type bool, got 'no'"),
        ({"updates": 1.5}, "updates: expected type int, got 1.5"),
        ({"updates": True}, "updates: expected type int, got True"),
        ({"seed": None}, "seed: expected type int, got None"),
        ({"noise": "0.1"}, "noise: expected type float, got '0.1'"),
    ],
)
def test_a_recipe_out_of_range(change, says):
    with pytest.raises(InputError, match=says):
        replace(SMALL, **change)


def test_several_machines_cant_stop_early(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL, *FOR), examples_of(entries, SMALL)
    trainer.workers = Workers(count=2)
    for early in ({"seconds": 1}, {"target": 1.0}):
        with pytest.raises(InputError, match="only one machine can stop early"):
            fit(trainer, examples, validation, tmp_path, **early)
