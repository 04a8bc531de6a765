"""What the engine's speed costs in accuracy: the same small recipe with it and with stock Keras.

The recipe copies and generalises windows of two attributes; every training gets the same batches
and as many updates. The error is that of greedy decoding on windows of users never trained on.

Usage: ``python benchmarks/accuracy.py [--out table.md]``; a quarter of an hour on two quiet cores.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from contest import table

from aalprivacy import TABLE_I, apply_policy, from_tokens, simulate
from aalprivacy.evaluation import TRAINING_SEED, VALIDATION_SEED
from aalprivacy.examples import Examples
from aalprivacy.recipe import Recipe
from aalprivacy.text import character_errors
from aalprivacy.training import Trainer, one_thread_a_shard

RECEIVER = "family_member"
WINDOW = 2
# Threshold 0: the window never grows.
RECIPE = Recipe(updates=2000, first_learning_rate=2e-3, decay=0.5, threshold=0.0)
ENGINES = {
    "keras.layers.LSTM, float32": {"engine": False},
    "engine, float32": {},
    "engine, bfloat16": {"product_dtype": "bfloat16"},
}
SEEDS = (0, 1)


def examples(users: int, seed: int, recipe: Recipe) -> Examples:
    entries = simulate(users, 10, seed)
    views = apply_policy(entries, receiver=RECEIVER)
    return Examples(entries, views, TABLE_I.for_receiver(RECEIVER), recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    one_thread_a_shard()
    plain = replace(RECIPE, first_batch_size=2000, mixing=0.0, augmentation=(0.0, 0.0))
    test = examples(2000, VALIDATION_SEED, plain)
    x, y = next((x, y) for x, y, _, w in (test.batch(i, WINDOW) for i in range(9)) if w == WINDOW)
    expected = from_tokens(y)
    rows = {}
    for name, options in ENGINES.items():
        cells = []
        for seed in SEEDS:
            recipe = replace(RECIPE, seed=seed, **options)
            trainer, source = Trainer(recipe), examples(8000, TRAINING_SEED, recipe)
            for trainer.progress.update in range(recipe.updates):
                batch = source.batch(trainer.progress.update, WINDOW)
                trainer.step(*batch[:3])
            pair = trainer.pair()
            errors = character_errors(from_tokens(pair.decode(pair.encode(x))), expected)
            error, deviation = errors.mean(), errors.std(ddof=1) / np.sqrt(len(errors))
            cells.append(f"{error:.3f} ± {deviation:.3f}")
            print(name, seed, cells[-1], flush=True)
        rows[name] = cells
    text = table(
        f"character error after {RECIPE.updates:,} updates, ± s.e. of {len(x):,} windows",
        [f"seed {seed}" for seed in SEEDS],
        rows,
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
