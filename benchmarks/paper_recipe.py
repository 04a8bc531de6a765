"""The paper's own recipe, trained to its end: what the paper's 1.5 wrong characters measure.

The entries of 10,000 users are split 80 : 20 at random, so each user is on both sides. The training
has whole lines in their own order from the first update, Keras's first weights, nothing randomised
or mixed, Adam at 4e-4, and 256 units. It ends at 1.5 wrong characters on its own test, or after 8
million entries. Ctrl-C stops it; the same command continues.

Usage: ``python benchmarks/paper_recipe.py FOLDER``
"""

import sys
from pathlib import Path

import numpy as np
from curve import keep, train

from aalprivacy import Recipe, simulate
from aalprivacy.homes import TRAINING_SEED
from aalprivacy.report import studies_folder

USERS, PER_USER, TEST_SHARE = 10_000, 100, 0.2
BATCH, MOST_ENTRIES, UNTIL = 64, 8_000_000, 1.5
SAMPLE, UNSEEN_SEED = 500, 4_100_001  # entries of each set; a seed that nothing else uses
RECIPE = Recipe(
    reverse=False, memory=0, spread=0, learning_rate=4e-4, batch_size=BATCH, first_window=20,
    mixing=0, augmentation=(0, 0), updates=MOST_ENTRIES // BATCH, decay=0, averaging=0, seed=1,
)  # fmt: skip


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
    data = {"users": USERS, "entries_per_user": PER_USER, "split": "80 / 20 by chance"}
    curve = train(folder, entries, sets, RECIPE, data, target=UNTIL)
    keep("the paper's recipe", curve, studies_folder() / "paper_recipe.csv")


if __name__ == "__main__":
    main()
