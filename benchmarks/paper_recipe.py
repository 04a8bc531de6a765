"""The paper's own recipe: does it reach 1.5 wrong characters, and on which people?

The entries of 10,000 users are split 80 : 20 at random, so each user is on both sides. The training
has whole lines in their own order from the first update, Keras's first weights, nothing randomised
or mixed, Adam at 4e-4, gradients of norm 1 at most, 256 units, and the code at every step. It ends
at 1.5 wrong characters on 500 entries of its own test, or after 8 million entries. The figures
shown are of the same 500 entries, so a first 1.5 may be partly luck. At the end the pair is
measured on more entries and kept, beside this file. Ctrl-C stops it; the same command continues.
``--so-far`` measures and keeps what it reached, without going on. ``together.py go-on FOLDER``
continues it on a GPU.

`GPU_RECIPES` are variants that only ``together.py train`` trains. They end like the first one, or
after ``--seconds``, and can't be continued.

Usage: ``python benchmarks/paper_recipe.py [--so-far] FOLDER``
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import Pair, Recipe, simulate
from aalprivacy.evaluation import PAPER_ERROR, score
from aalprivacy.homes import TRAINING_SEED
from aalprivacy.text import PAD, from_lines, to_tokens

USERS, PER_USER, TEST_SHARE = 10_000, 100, 0.2
BATCH, MOST_ENTRIES, UNTIL = 64, 8_000_000, PAPER_ERROR
NAME = f"batches of {BATCH}"
SAMPLE, UNSEEN_SEED = 500, 4_100_001  # entries of each set; a seed that nothing else uses
COUNTED, SHOWN = 5000, 2  # entries of each set at the end: measured, and shown
ENDS = ("entries", "character_error", "standard_error", "exact")
PAIR = Path(__file__).with_suffix("")  # gets the trained pair
RECIPE = Recipe(
    places=0, reverse=False, memory=0, spread=0, learning_rate=4e-4, second_moment=0.999,
    batch_size=BATCH, first_window=20, mixing=0, augmentation=(0, 0), missing=0, abnormal=0,
    noise=0, updates=MOST_ENTRIES // BATCH, decay=0, averaging=0, seed=1, product_dtype="auto",
)  # fmt: skip
# Trained on a GPU by `together.py`, which can't change the size of the batches on the way.
_ON_GPU = replace(RECIPE, first_batch_size=BATCH, product_dtype="float32")
GPU_RECIPES = {
    "paper-512": {
        "batches of 512": replace(
            _ON_GPU, batch_size=512, first_batch_size=512, updates=MOST_ENTRIES // 512
        )
    },
    "paper-start": {
        "batches of 64 and the code only at the start": replace(_ON_GPU, code_at_every_step=False)
    },
}


def split() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The entries for training and for the recipe's own test."""
    entries = simulate(USERS, PER_USER, TRAINING_SEED)
    order = np.random.default_rng(0).permutation(len(entries))
    test, training = np.split(order, [int(TEST_SHARE * len(entries))])
    return tuple(entries.iloc[part].reset_index(drop=True) for part in (training, test))


def samples(n: int = SAMPLE) -> dict[str, pd.DataFrame]:
    """Entries of its own test, of users never seen, and with words never seen."""
    return {
        "own test": split()[1][:n],
        "unseen": simulate(n, 1, UNSEEN_SEED),
        "open": simulate(n, 1, UNSEEN_SEED, vocabulary="open"),
    }


def measure(pair: Pair, sets: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What a pair has learned, on several sets of entries; the first is its own test.

    Returns
    -------
    ends
        One row a set: ``people``, and as in `aalprivacy.evaluation.Score` the number of
        ``entries``, the ``character_error``, its ``standard_error``, and the share that is
        ``exact``; and ``given``, the wrong characters if the decoder is given the right ones before
        each.
    values
        One row for each attribute that isn't deleted: ``attribute``, and the shares of entries in
        which the value is right; a column for each set. The column ``another code`` is of the own
        test, if the decoder gets another entry's code. So it can only guess. ``commonest`` is the
        share of the commonest right value, and ``wrong`` the wrong characters per entry, both on
        the own test.
    lines
        `SHOWN` entries of each set, drawn by seed: ``people``, ``expected``, ``written``.
    """
    rng, ends, values, lines = np.random.default_rng(1), [], {}, []
    for people, entries in sets.items():
        codes, expected = pair.encode_entries(entries), pair.view_lines(entries)
        written = pair.decode(codes, entries.index)
        # On its own test there are several entries of a person, which aren't independent.
        found = score(written, expected, pair.schema, entries[pair.schema.id])
        given = wrong_if_given(pair, codes, expected)
        ends.append({"people": people} | {k: getattr(found, k) for k in ENDS} | {"given": given})
        values[people] = found.right
        if len(values) == 1:
            guessed = pair.decode(np.roll(codes, 1, axis=0), entries.index)
            values["another code"] = score(guessed, expected, pair.schema).right
            views = from_lines(expected, pair.schema)
            values["commonest"] = {n: views[n].value_counts(normalize=True).max() for n in views}
            values["wrong"] = found.attributes
        for row in rng.choice(len(entries), SHOWN, replace=False):
            told = {"expected": expected.iloc[row], "written": written.iloc[row]}
            lines.append({"people": people} | told)
    shown = [name for name, letter in pair.letters.items() if letter != "D"]
    table = pd.DataFrame(values).loc[shown].rename_axis("attribute").reset_index()
    return {"ends": pd.DataFrame(ends), "values": table, "lines": pd.DataFrame(lines)}


def wrong_if_given(pair: Pair, codes: np.ndarray, lines: pd.Series) -> float:
    """Wrong tokens per line, if the decoder is given the right tokens before each."""
    _, decoder = pair.keras()
    tokens = to_tokens(lines, pair.schema).astype(np.int32)
    before = np.pad(tokens[:, :-1], ((0, 0), (1, 0)), constant_values=PAD)
    likeliest = np.concatenate([
        decoder.predict_on_batch([before[at : at + 500], codes[at : at + 500]]).argmax(axis=2)
        for at in range(0, len(lines), 500)
    ])  # fmt: skip
    return float(((likeliest != tokens) & (tokens != PAD)).sum() / len(lines))


def main() -> None:
    from curve import keep, train  # needs TensorFlow; who imports this file may lack it

    from aalprivacy.report import of_codes, studies_folder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the training")
    parser.add_argument("--so-far", action="store_true", help="don't go on; keep what there is")
    options = parser.parse_args()
    data = {"users": USERS, "entries_per_user": PER_USER, "split": "80 / 20 by chance"}
    training, _ = split()
    run, curve = train(
        options.folder, training, samples(), RECIPE, data, UNTIL, go_on=not options.so_far
    )
    pair, at = run.trainer.pair().halved(), run.trainer.progress
    pair.card.update(run.about, recipe=asdict(run.trainer.recipe), training=asdict(at))
    pair.save(PAIR)
    keep(NAME, curve, studies_folder() / "paper_recipe.csv")
    for table, rows in measure(pair, samples(COUNTED)).items():
        rows.insert(0, "fingerprints", of_codes(pair))
        rows.insert(0, "update", at.update)
        keep(NAME, rows, studies_folder() / f"paper_recipe_{table}.csv")


if __name__ == "__main__":
    main()
