"""Recipes side by side: one training each, measured only on people of the validation seed.

Usage: ``python benchmarks/recipes.py FOLDER NAME...``; without names it lists them. A training that
was begun before is continued.

Each training writes ``curve.csv``: wrong characters on usual entries, on entries with words never
seen, and on entries with one reading in twenty missing and one in twenty abnormal. The curves of
finished trainings with a part of the default recipe taken away go into
``aalprivacy/studies/ingredients.csv``; `make tables` and notebook 3 show them.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from aalprivacy import Recipe, simulate
from aalprivacy.homes import N_TRAINING_USERS, TRAINING_SEED, VALIDATION_SEED

SAMPLE = 300  # entries of each sample
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
# What each part of the default recipe contributes: the recipe without that part.
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


def samples() -> dict[str, pd.DataFrame]:
    """Entries of validation users: usual ones, with words never seen, and disturbed ones."""
    return {
        "unseen": simulate(SAMPLE, 1, VALIDATION_SEED),
        "open": simulate(SAMPLE, 1, VALIDATION_SEED, vocabulary="open"),
        "disturbed": simulate(SAMPLE, 1, VALIDATION_SEED, missing=0.05, abnormal=0.05),
    }


def main() -> None:
    from curve import keep, train  # with TensorFlow, which others that need the recipes may lack

    from aalprivacy.report import studies_folder

    if len(sys.argv) < 3:
        sys.exit("\n".join(RECIPES))
    entries = simulate(N_TRAINING_USERS, 100, TRAINING_SEED)
    for name in sys.argv[2:]:
        _, curve = train(
            Path(sys.argv[1]) / name.replace(" ", "_"), entries, samples(), RECIPES[name]
        )
        if name in INGREDIENTS:
            keep(name, curve, studies_folder() / "ingredients.csv")


if __name__ == "__main__":
    main()
