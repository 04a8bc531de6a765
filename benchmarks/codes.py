"""The size of codes: bytes of a code against wrong characters of the decoded view.

Usage: ``python benchmarks/codes.py [--fit] NAME...`` with names of shipped pairs; by default all.
Each pair's rows are kept in ``aalprivacy/studies/codes.csv``, in the place of older ones. With
``--fit``, small codes are fitted anew, as at the end of a training, and saved in the shipped pair.
Then only the row of these small codes is measured again.

Full codes have float32, float16 and int8 numbers. Small codes are fitted to several numbers of
bytes, on people of the training, and chosen on people of the validation seed. All are measured on
people of the sample seed. The small codes that ship with a pair are measured on more entries, as
are its full codes. Bytes are those of the written file.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from curve import keep

from aalprivacy import report
from aalprivacy.codes import NUMBER_TYPES, SMALL, Codes, read_codes, write_codes
from aalprivacy.evaluation import score
from aalprivacy.homes import SAMPLE_SEED, TRAINING_SEED, VALIDATION_SEED, simulate
from aalprivacy.pair import PRETRAINED, Pair, load_pair, shipped_names
from aalprivacy.progress import console
from aalprivacy.runs import MOST_VALIDATION, SAMPLE, some, with_small
from aalprivacy.small import Small, fit_all

BUDGETS = (16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 224)  # bytes a code
USERS, PER_USER, PER_USER_SHIPPED = 1000, 10, 100


def curve(pair: Pair) -> pd.DataFrame:
    """One row for each way to write a pair's codes."""
    training, validation = (
        simulate(n, 1, seed) for n, seed in ((8000, TRAINING_SEED), (2000, VALIDATION_SEED))
    )
    fitted = fit_all(pair, training, validation, BUDGETS)
    ways = [(number_type, None) for number_type in NUMBER_TYPES]
    return pd.concat([
        measured(pair, PER_USER, [*ways, *((SMALL, small) for small in fitted)]),
        measured(pair, PER_USER_SHIPPED, [ways[0], (SMALL, pair.small)]),
    ])  # fmt: skip


def fit(name: str) -> pd.DataFrame:
    """Fit a shipped pair's small codes anew, and save it; its kept rows with the new row."""
    pair, kept = load_pair(name), report.code_sizes()
    kept = kept[(kept["pair"] == name) & kept["small"].isna()].drop(columns="pair")
    if set(kept["fingerprints"]) != {report.of_codes(pair)}:
        sys.exit(f"{name}: its kept rows are missing or old; expected a run without --fit first")
    data = pair.card["data"]
    training = simulate(data["users"], data["entries_per_user"], data["seed"])
    validation = simulate(MOST_VALIDATION, 1, VALIDATION_SEED)
    pair = with_small(pair, some(training, SAMPLE), validation)
    pair.save(PRETRAINED / name)
    return pd.concat([kept, measured(pair, PER_USER_SHIPPED, [(SMALL, pair.small)])])


def measured(pair: Pair, per_user: int, ways: list[tuple[str, Small | None]]) -> pd.DataFrame:
    """One row for each type of numbers, and its small codes."""
    entries = simulate(USERS, per_user, SAMPLE_SEED)
    codes, expected = pair.encode_entries(entries), pair.view_lines(entries)
    rows = []
    for number_type, small in ways:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "codes.npz"
            write_codes(
                Codes(codes, pair.fingerprint, pair.receiver), path, None, number_type, small
            )
            size = path.stat().st_size / len(codes)
            back = read_codes(path, codes.shape[1], small=small).codes
        found = score(
            pair.decode(back, entries.index), expected, pair.schema, entries[pair.schema.id]
        )
        rows.append(
            {
                "fingerprints": report.of_codes(pair),
                "type": number_type,
                "small": small.fingerprint if small and small is pair.small else None,
                "entries": len(entries),
                "bytes": size,
                "character_error": found.character_error,
                "standard_error": found.standard_error,
            }
        )
    return pd.DataFrame(rows).round(4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", default=shipped_names())
    options = parser.parse_args()
    for name in options.names:
        rows = fit(name) if options.fit else curve(load_pair(name))
        keep(name, rows, report.studies_folder() / "codes.csv", of="pair")
        console().print(f"{name}\n{rows.to_string(index=False)}")


if __name__ == "__main__":
    main()
