"""Recipes side by side: the same seconds of training each, one after the other.

Usage: ``python benchmarks/recipes.py SECONDS``
"""

import sys
import tempfile
from dataclasses import replace

from aalprivacy import TABLE_I, Recipe, simulate, train
from aalprivacy.homes import TRAINING_SEED, VALIDATION_SEED

BASE = Recipe(updates=25_000, product_dtype="bfloat16")
RECIPES = {
    "default": BASE,
    "Keras's own first weights": replace(BASE, memory=0, spread=0.0),
    "the same, windows from two attributes on": replace(
        BASE, memory=0, spread=0.0, first_window=2, threshold=0.15
    ),
    "whole entries from the start": replace(BASE, first_window=20),
    "faster start (4e-3)": replace(BASE, first_learning_rate=4e-3),
    "code as initial state only": replace(BASE, code_at_every_step=False),
    "plain order": replace(BASE, reverse=False),
}
RECEIVER = "researcher"


def main() -> None:
    seconds = float(sys.argv[1])
    entries, sample = simulate(seed=TRAINING_SEED), simulate(300, 1, VALIDATION_SEED)
    for name, recipe in RECIPES.items():

        def report(progress, speed, name=name):
            print(
                f"{name}: update {progress.update}, {progress.seconds:.0f} s, {progress.window} "
                f"attributes, loss {progress.loss:.3f}, {speed:.0f} entries/s",
                flush=True,
            )

        with tempfile.TemporaryDirectory() as folder:
            train(
                entries, TABLE_I, RECEIVER, recipe, folder, validation=sample, seconds=seconds,
                report=report, report_every=1000,
            )  # fmt: skip


if __name__ == "__main__":
    main()
