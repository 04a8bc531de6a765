"""The paper's own recipe, to its end: what its 1.5 wrong characters measure.

Plain entries of 10,000 users, split by chance 80 : 20, so that each user is on both sides. Whole
lines in their own order from the first update, Keras's first weights, nothing randomised or mixed,
Adam at 4e-4, 256 units. It ends at 1.5 wrong characters on its own test, or at 8 million entries.
Ctrl-C stops it; the same command goes on.

Usage: ``python benchmarks/paper_recipe.py FOLDER``
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import TABLE_I, Recipe, simulate
from aalprivacy.homes import TRAINING_SEED
from aalprivacy.runs import Run
from aalprivacy.training import Validation

RECEIVER = "doctor"
USERS, PER_USER, TEST_SHARE = 10_000, 100, 0.2
BATCH, MOST_ENTRIES, UNTIL = 64, 8_000_000, 1.5
EVERY = 500  # updates between two points of the curve
SAMPLE, UNSEEN_SEED = 500, 4_100_001  # entries a point and set; people who are in nothing else
RECIPE = Recipe(
    reverse=False, memory=0, spread=0, learning_rate=4e-4, batch_size=BATCH, first_window=20,
    mixing=0, augmentation=(0, 0), updates=MOST_ENTRIES // BATCH, decay=0, averaging=0, seed=1,
)  # fmt: skip


class Curve(Validation):
    """Three samples in place of one; the training is stopped by its own test alone."""

    def __init__(self, sets: dict[str, pd.DataFrame], path: Path) -> None:
        self.sets = {name: Validation(table, TABLE_I, RECEIVER) for name, table in sets.items()}
        self.path = path

    def character_error(self, pair) -> float:
        errors = {name: one.character_error(pair) for name, one in self.sets.items()}
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, errors)
            if new:
                writer.writeheader()
            writer.writerow(errors)
        print(errors, flush=True)
        return errors["own test"]


def main() -> None:
    folder = Path(sys.argv[1])
    entries = simulate(USERS, PER_USER, TRAINING_SEED)
    order = np.random.default_rng(0).permutation(len(entries))
    test = entries.iloc[order[: int(TEST_SHARE * len(entries))]]
    entries = entries.iloc[order[len(test) :]].reset_index(drop=True)
    sets = {
        "own test": test[:SAMPLE],
        "unseen": simulate(SAMPLE, 1, UNSEEN_SEED),
        "open": simulate(SAMPLE, 1, UNSEEN_SEED, vocabulary="open"),
    }
    sets = {name: table.reset_index(drop=True) for name, table in sets.items()}
    common = (folder, entries, sets["own test"], TABLE_I, RECEIVER)
    if (folder / "checkpoint.npz").exists():
        run = Run.resume(*common)
    else:
        data = {"users": USERS, "entries_per_user": PER_USER, "split": "80 / 20 by chance"}
        run = Run.begin(*common, RECIPE, data=data)
    run.validation = Curve(sets, folder / "curve.csv")

    def report(progress, speed) -> None:
        print(
            f"update {progress.update:,}, {progress.entries:,} entries, {progress.seconds:,.0f} s, "
            f"loss {progress.loss:.4f}, {speed:.0f} entries/s",
            flush=True,
        )

    run.fit(
        report=report, report_every=250, validate_every=EVERY, checkpoint_every=EVERY, target=UNTIL
    )


if __name__ == "__main__":
    main()
