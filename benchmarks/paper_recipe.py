"""The paper's own recipe: does it reach 1.5 wrong characters, and on which people?

The entries of 10,000 users are split 80 : 20 at random, so each user is on both sides. The training
has whole lines in their own order from the first update, Keras's first weights, nothing randomised
or mixed, Adam at 4e-4, and 256 units. It ends at 1.5 wrong characters on 500 entries of its own
test, or after 8 million entries. The figures shown are of the same 500 entries, so a first 1.5 may
be partly luck. Ctrl-C stops it; the same command continues. ``--so-far`` keeps what it reached,
without going on. On a GPU (``together.py train OUT paper``) it has batches of 512, ends after 8
million entries, and can't be continued.

Usage: ``python benchmarks/paper_recipe.py [--so-far] FOLDER``
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import Pair, Recipe, simulate
from aalprivacy.evaluation import score
from aalprivacy.homes import TRAINING_SEED

USERS, PER_USER, TEST_SHARE = 10_000, 100, 0.2
BATCH, MOST_ENTRIES, UNTIL = 64, 8_000_000, 1.5
NAME = f"batches of {BATCH}"
SAMPLE, UNSEEN_SEED = 500, 4_100_001  # entries of each set; a seed that nothing else uses
COUNTED = 5000  # entries whose right values are counted
RECIPE = Recipe(
    places=0, reverse=False, memory=0, spread=0, learning_rate=4e-4, second_moment=0.999,
    batch_size=BATCH, first_window=20, mixing=0, augmentation=(0, 0), missing=0, abnormal=0,
    noise=0, updates=MOST_ENTRIES // BATCH, decay=0, averaging=0, seed=1, product_dtype="auto",
)  # fmt: skip
# On a GPU larger batches are faster (`together.py`).
GPU_RECIPES = {
    "batches of 512": replace(
        RECIPE,
        batch_size=512,
        first_batch_size=512,
        updates=MOST_ENTRIES // 512,
        product_dtype="float32",
    )
}


def split() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The entries for training and for the recipe's own test."""
    entries = simulate(USERS, PER_USER, TRAINING_SEED)
    order = np.random.default_rng(0).permutation(len(entries))
    test, training = np.split(order, [int(TEST_SHARE * len(entries))])
    return tuple(entries.iloc[part].reset_index(drop=True) for part in (training, test))


def samples() -> dict[str, pd.DataFrame]:
    """Entries of its own test, of users never seen, and with words never seen."""
    return {
        "own test": split()[1][:SAMPLE],
        "unseen": simulate(SAMPLE, 1, UNSEEN_SEED),
        "open": simulate(SAMPLE, 1, UNSEEN_SEED, vocabulary="open"),
    }


def values_right(pair: Pair, entries: pd.DataFrame) -> pd.DataFrame:
    """How often a value is right if the decoder gets the entry's code, and if it gets another's.

    What it writes without the entry's code can only be a guess.

    Returns
    -------
    One row for each attribute that isn't deleted: ``attribute``, and the shares of entries with
    ``own_code`` and ``another_code``.
    """
    codes, expected = pair.encode_entries(entries), pair.view_lines(entries)
    given = {"own_code": codes, "another_code": np.roll(codes, 1, axis=0)}
    shares = pd.DataFrame({
        name: score(pair.decode(each, entries.index), expected, pair.schema).right
        for name, each in given.items()
    })  # fmt: skip
    shown = [name for name, letter in pair.letters.items() if letter != "D"]
    return shares.loc[shown].rename_axis("attribute").reset_index()


def main() -> None:
    from curve import keep, train  # with TensorFlow, which others may lack

    from aalprivacy.report import studies_folder

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--so-far", action="store_true")
    options = parser.parse_args()
    data = {"users": USERS, "entries_per_user": PER_USER, "split": "80 / 20 by chance"}
    training, test = split()
    run, curve = train(
        options.folder, training, samples(), RECIPE, data, UNTIL, go_on=not options.so_far
    )
    values = values_right(run.trainer.pair(), test[:COUNTED])
    values.insert(0, "update", run.trainer.progress.update)
    keep(NAME, curve, studies_folder() / "paper_recipe.csv")
    keep(NAME, values, studies_folder() / "paper_recipe_values.csv")


if __name__ == "__main__":
    main()
