"""Whether the fast engine costs accuracy: the same small recipe with it and with stock Keras.

The recipe copies and generalises windows of two attributes. Every training gets the same batches
and the same number of updates. The error is that of greedy decoding on windows of new users.

Usage: ``python benchmarks/accuracy.py [--updates 2000] [--out table.md]``; a quarter of an hour on
two quiet cores.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from contest import table

from aalprivacy import TABLE_I, Recipe, simulate
from aalprivacy.examples import Batch, Examples
from aalprivacy.homes import TRAINING_SEED, VALIDATION_SEED
from aalprivacy.pair import Pair
from aalprivacy.runs import Run, some
from aalprivacy.text import character_errors, from_tokens
from aalprivacy.updates import one_thread_a_shard

RECEIVER = "family_member"
WINDOW = 2
# Threshold 0: the window never grows. Without places a window needs no beginning to be encoded.
RECIPE = Recipe(
    first_learning_rate=2e-3, decay=0.5, threshold=0.0, first_window=WINDOW, places=0
)  # fmt: skip
ENGINES = {
    "keras.layers.LSTM, float32": {"engine": False},
    "engine, float32": {},
    "engine, bfloat16": {"product_dtype": "bfloat16"},
}
SEEDS = (0, 1)


def test_batch(people) -> Batch:
    """Windows of people's entries, without mixing or replaced values."""
    plain = replace(
        RECIPE, first_batch_size=len(people), mixing=0.0, augmentation=(0.0, 0.0), missing=0.0,
        abnormal=0.0,
    )  # fmt: skip
    source = Examples(people, TABLE_I, RECEIVER, plain)
    return next(b for b in (source.batch(i, WINDOW) for i in range(9)) if b.window == WINDOW)


def trained(recipe: Recipe, entries, people) -> Pair:
    """The pair after the recipe's last update."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.begin(folder, entries, some(people), TABLE_I, RECEIVER, recipe)
        run.fit(validate_every=recipe.updates, checkpoint_every=recipe.updates)
    return run.trainer.pair()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    one_thread_a_shard()
    entries, people = simulate(8000, 10, TRAINING_SEED), simulate(2000, 1, VALIDATION_SEED)
    test = test_batch(people)
    expected = from_tokens(test.views, TABLE_I.schema)
    rows = {}
    for name, options in ENGINES.items():
        cells = []
        for seed in SEEDS:
            recipe = replace(RECIPE, updates=arguments.updates, seed=seed, **options)
            pair = trained(recipe, entries, people)
            errors = character_errors(pair.decode(pair.encode(test.entries)), expected)
            error, deviation = errors.mean(), errors.std(ddof=1) / np.sqrt(len(errors))
            cells.append(f"{error:.3f} ± {deviation:.3f}")
            print(name, seed, cells[-1], flush=True)
        rows[name] = cells
    text = table(
        f"character error after {arguments.updates:,} updates, ± s.e. of {len(expected):,} windows",
        [f"seed {seed}" for seed in SEEDS],
        rows,
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
