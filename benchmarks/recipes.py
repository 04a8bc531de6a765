"""Recipes side by side: one training each, judged on people of the validation seed alone.

Usage: ``python benchmarks/recipes.py FOLDER NAME...``; without names it lists them. A name that was
begun goes on.

Each training writes ``curve.csv``: wrong characters on entries as they are, with words never seen,
and with one reading in twenty missing and one in twenty abnormal.
"""

import csv
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from aalprivacy import TABLE_I, Recipe, simulate
from aalprivacy.homes import N_TRAINING_USERS, TRAINING_SEED, VALIDATION_SEED
from aalprivacy.runs import Run
from aalprivacy.training import Validation

RECEIVER, SAMPLE, EVERY = "doctor", 300, 500
# Trials for the recipe that is the default now; each about a quarter of an hour on two cores.
SHORT = Recipe(
    learning_rate=1.6e-3, first_learning_rate=6e-3, batch_size=64, threshold=0.3, decay=0.7,
    updates=4000, noise=0, seed=2,
)  # fmt: skip
SMALL = replace(SHORT, batch_size=32, threshold=0.5, updates=6000)
TRIALS = {
    "base": SHORT,
    "small batches, threshold 0.5": replace(SMALL, learning_rate=1.3e-3),
    "threshold 0.5, noise": replace(SHORT, threshold=0.5, noise=0.03),
    "small batches, threshold 0.5, rate 2e-3": replace(SMALL, learning_rate=2e-3, noise=0.03),
    "small batches, threshold 0.6, rate 3e-3": replace(
        SMALL, learning_rate=3e-3, threshold=0.6, noise=0.03
    ),
}
# What each part of the default recipe is worth: the same without it.
FULL = Recipe(updates=6000, seed=101)
INGREDIENTS = {
    "full recipe": FULL,
    "full recipe, second seed": replace(FULL, seed=102),
    "full recipe, third seed": replace(FULL, seed=103),
    "without windows": replace(FULL, first_window=20),
    "without first weights": replace(FULL, memory=0, spread=0),
    "without mixing": replace(FULL, mixing=0),
    "without randomised values": replace(FULL, augmentation=(0, 0)),
    "without the code at every step": replace(FULL, code_at_every_step=False),
    "without reversal": replace(FULL, reverse=False),
    "without places": replace(FULL, places=0),
    "without averaging": replace(FULL, averaging=0),
}
RECIPES = TRIALS | INGREDIENTS


class Curve(Validation):
    """Several samples of the same people; the first one counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        tables = {
            "unseen": simulate(SAMPLE, 1, VALIDATION_SEED),
            "open": simulate(SAMPLE, 1, VALIDATION_SEED, vocabulary="open"),
            "disturbed": simulate(SAMPLE, 1, VALIDATION_SEED, missing=0.05, abnormal=0.05),
        }
        self.sets = {name: Validation(table, TABLE_I, RECEIVER) for name, table in tables.items()}

    def character_error(self, pair) -> float:
        errors = {name: one.character_error(pair) for name, one in self.sets.items()}
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, errors)
            if new:
                writer.writeheader()
            writer.writerow(errors)
        print({name: round(error, 3) for name, error in errors.items()}, flush=True)
        return errors["unseen"]


def train(name: str, folder: Path, entries: pd.DataFrame) -> None:
    common = (folder, entries, simulate(SAMPLE, 1, VALIDATION_SEED), TABLE_I, RECEIVER)
    if (folder / "checkpoint.npz").exists():
        run = Run.resume(*common)
    else:
        run = Run.begin(*common, RECIPES[name])
    run.validation = Curve(folder / "curve.csv")

    def report(progress, speed) -> None:
        print(
            f"{name}: update {progress.update:,}, {progress.entries:,} entries, "
            f"{progress.seconds:.0f} s, {progress.window} attributes, loss {progress.loss:.3f}, "
            f"{speed:.0f} entries/s",
            flush=True,
        )

    if not run.fit(report=report, report_every=250, validate_every=EVERY, checkpoint_every=EVERY):
        sys.exit(130)


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
    if len(sys.argv) < 3:
        sys.exit("\n".join(RECIPES))
    entries = simulate(N_TRAINING_USERS, 100, TRAINING_SEED)
    for name in sys.argv[2:]:
        train(name, Path(sys.argv[1]) / name.replace(" ", "_"), entries)


if __name__ == "__main__":
    main()
