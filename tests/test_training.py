"""Model and training: shapes, greedy decoding, batches, learning, exact resume."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError
from aalprivacy.model import Pair, build_decoder, build_encoder
from aalprivacy.policy import TABLE_I
from aalprivacy.text import EOS, from_tokens, to_lines, to_tokens
from aalprivacy.training import Examples, Recipe, Trainer, Validation, fit
from aalprivacy.views import apply_policy

RESEARCHER = TABLE_I.for_receiver("researcher")
SMALL = Recipe(units=24, embedding=8, updates=12, first_batch_size=8, batch_size=8)


def make_examples(entries, recipe, receiver="researcher"):
    views = apply_policy(entries, TABLE_I, receiver)
    return Examples(entries, views, TABLE_I.for_receiver(receiver), recipe)


@pytest.fixture
def validation(entries):
    return Validation(entries[:10], apply_policy(entries[:10]))


def test_greedy_decoding_is_the_models_own_argmax():
    decoder = build_decoder(units=16, embedding=4)
    codes = np.random.default_rng(0).normal(size=(7, 32)).astype(np.float32)
    written = Pair(build_encoder(16, 4), decoder).decode(codes, batch_size=3)
    for row, code in zip(written, codes, strict=True):
        tokens = [0]
        for token in row[:20]:
            scores = np.asarray(decoder([np.array([tokens]), code[None]]))[0, -1]
            assert token == scores.argmax()
            if token <= EOS:
                break
            tokens.append(int(token))


@pytest.mark.parametrize("code_at_every_step", [True, False])
def test_engine_and_stock_models_agree(entries, code_at_every_step):
    trainer = Trainer(replace(SMALL, code_at_every_step=code_at_every_step))
    pair = trainer.pair()
    tokens = to_tokens(to_lines(entries[:6]))[:, :50].astype(np.int32)
    codes = pair.encode(tokens)
    np.testing.assert_allclose(codes, trainer.encoder(tokens), atol=1e-5)
    np.testing.assert_allclose(
        pair.decoder([tokens, codes]), trainer.decoder([tokens, codes]), atol=1e-5
    )


def test_a_pair_has_the_averaged_weights(entries):
    recipe = replace(SMALL, averaging=0.7, first_learning_rate=1e-2)
    trainer, examples = Trainer(recipe), make_examples(entries, recipe)
    expected = None
    for update in range(3):
        trainer.step(*examples.batch(update, 2)[:3])
        now = np.concatenate([np.ravel(v) for v in trainer.variables])
        expected = now if expected is None else 0.7 * expected + 0.3 * now
    pair = trainer.pair()
    weights = pair.encoder.get_weights() + pair.decoder.get_weights()
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in weights]), expected, atol=1e-6)


def test_models_open_with_keras_alone(tmp_path):
    Trainer(SMALL).pair().save(tmp_path)
    program = (
        "import sys, keras\n"
        f"keras.saving.load_model({str(tmp_path / 'encoder.keras')!r})\n"
        f"keras.saving.load_model({str(tmp_path / 'decoder.keras')!r})\n"
        "assert not any(m.startswith('aalprivacy') for m in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_pair_saves_and_loads(tmp_path):
    pair = Trainer(SMALL).pair()
    pair.card = {"receiver": "researcher"}
    pair.save(tmp_path)
    again = Pair.load(tmp_path)
    assert again.receiver == "researcher"
    assert again.fingerprint == pair.fingerprint
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "card.json", "decoder.keras", "encoder.keras",
    ]  # fmt: skip


def test_batches_without_augmentation_are_windows(entries):
    examples = make_examples(entries, replace(SMALL, augmentation=(0.0, 0.0)))
    lines = to_lines(entries).tolist()
    views = to_lines(apply_policy(entries)).tolist()
    for update in range(20):
        x, y, replaced, window = examples.batch(update, 4)
        assert not replaced.any()
        for a, b in zip(from_tokens(x), from_tokens(y), strict=True):
            assert a.count("|") == b.count("|") == window - 1
            assert any(f"|{a}|" in f"|{line}|" for line in lines)
            assert any(f"|{b}|" in f"|{line}|" for line in views)


@pytest.mark.parametrize("receiver", TABLE_I.receivers)
def test_augmentation_replaces_alike_on_both_sides(entries, receiver):
    recipe = replace(SMALL, augmentation=(0.9, 0.9), batch_size=60)
    examples = make_examples(entries, recipe, receiver)
    originals, changed = set(to_lines(entries)), 0
    for update in range(8):
        x, y, _, window = examples.batch(update, len(NAMES))
        if window < len(NAMES):
            continue
        for a, b in zip(from_tokens(x), from_tokens(y), strict=True):
            changed += a not in originals
            entry, view = a.split("|"), b.split("|")
            for i, (name, operation) in enumerate(TABLE_I.for_receiver(receiver).items()):
                if operation == "F":
                    assert entry[i] == view[i]
                elif operation == "D":
                    assert view[i] == "*"
                elif name == "address":
                    assert entry[i].split(" ")[-1] == view[i]
    assert changed > 100


def test_a_batch_can_be_had_again(entries):
    examples = make_examples(entries, SMALL)
    for a, b in zip(examples.batch(5, 3), examples.batch(5, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_learns(entries, validation, tmp_path):
    """Copying two attributes: the loss must fall by half within a few hundred updates."""
    recipe = replace(
        SMALL, units=64, updates=400, first_batch_size=32, first_learning_rate=5e-3, threshold=0.0
    )
    trainer = Trainer(recipe)
    examples = make_examples(entries, recipe)
    first = np.mean([trainer.step(*examples.batch(u, 2)[:3]) for u in range(5)])
    trainer = Trainer(recipe)
    assert fit(trainer, examples, validation, tmp_path, validate_every=10**6)
    assert trainer.progress.loss < first / 2


def test_resume_is_exact(entries, validation, tmp_path):
    def weights(folder, *stops):
        trainer = Trainer(SMALL)
        folder.mkdir()
        examples = make_examples(entries, SMALL)
        for stop in stops:
            interrupted = stop < SMALL.updates

            def report(progress, speed, stop=stop):
                if progress.update == stop and stop < SMALL.updates:
                    raise KeyboardInterrupt

            done = fit(
                trainer, examples, validation, folder, report=report, report_every=1,
                validate_every=100,
            )  # fmt: skip
            assert done is not interrupted
            trainer = Trainer.load(folder / "checkpoint.npz")
        return trainer

    straight = weights(tmp_path / "straight", SMALL.updates)
    broken = weights(tmp_path / "broken", 4, 9, SMALL.updates)
    assert broken.progress.update == straight.progress.update == SMALL.updates
    for a, b in zip(straight.variables, broken.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_can_be_made_longer(entries, validation, tmp_path):
    trainer, examples = Trainer(SMALL), make_examples(entries, SMALL)
    fit(trainer, examples, validation, tmp_path, validate_every=100)
    trainer = Trainer.load(tmp_path / "checkpoint.npz")
    with pytest.raises(InputError, match="the training is at 12; expected at least that, got 7"):
        trainer.lengthen(7)
    trainer.lengthen(15)
    assert fit(trainer, examples, validation, tmp_path, validate_every=100)
    assert trainer.progress.update == 15
    assert trainer.progress.lengthened == [[12, 12]]


def test_broken_checkpoint(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK not really")
    with pytest.raises(InputError, match="not a whole checkpoint"):
        Trainer.load(tmp_path / "c.npz")
    with pytest.raises(InputError, match="no checkpoint to go on from"):
        Trainer.load(tmp_path / "none.npz")
