"""The size of codes: bytes of a code against wrong characters of the decoded view.

Usage: ``python benchmarks/codes.py NAME...`` with names of shipped pairs; by default all. For each
pair ``codes/NAME.csv`` is written beside this file. Small codes are fitted on people of the
training, chosen on people of the validation seed, and measured on people of the sample seed. Full
codes have float32, float16 and int8 numbers. Small codes are fitted to several numbers of bytes.
Bytes are those of the written file.
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

from aalprivacy.atomic import write_text
from aalprivacy.codes import NUMBER_TYPES, SMALL, Codes, read_codes, write_codes
from aalprivacy.homes import SAMPLE_SEED, TRAINING_SEED, VALIDATION_SEED, simulate
from aalprivacy.pair import Pair, load_pair, shipped_names
from aalprivacy.plotting import code_sizes, write_figure
from aalprivacy.progress import console
from aalprivacy.small import Small, fit_all
from aalprivacy.text import character_errors

FOLDER = Path(__file__).parent / "codes"
BUDGETS = (16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 224)  # bytes a code
ENTRIES = 10_000


def curve(pair: Pair) -> pd.DataFrame:
    """One row a way to write codes: its name, bytes a code, wrong characters, their error."""
    training, validation, sample = (
        simulate(n, 1, seed)
        for n, seed in ((8000, TRAINING_SEED), (2000, VALIDATION_SEED), (ENTRIES, SAMPLE_SEED))
    )
    codes, expected = pair.encode_entries(sample), pair.view_lines(sample)
    smalls = fit_all(pair, training, validation, BUDGETS)
    ways: list[tuple[str, Small | None]] = [(number_type, None) for number_type in NUMBER_TYPES]
    ways += [(SMALL, small) for small in smalls]
    rows = []
    for number_type, small in ways:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "codes.npz"
            write_codes(
                Codes(codes, pair.fingerprint, pair.receiver), path, None, number_type, small
            )
            size = path.stat().st_size / len(codes)
            back = read_codes(path, codes.shape[1], small=small).codes
        wrong = character_errors(pair.decode(back), expected)
        rows.append((number_type, size, wrong.mean(), wrong.std() / len(wrong) ** 0.5))
    columns = ["type", "bytes", "character_error", "standard_error"]
    return pd.DataFrame(rows, columns=columns).round(4)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or shipped_names():
        pair = load_pair(name)
        rows = curve(pair)
        write_text(rows.to_csv(index=False), FOLDER / f"{Path(name).name}.csv")
        console().print(rows.to_string(index=False))
    curves = {path.stem: pd.read_csv(path) for path in sorted(FOLDER.glob("*.csv"))}
    write_figure(code_sizes(curves), FOLDER / "codes.png")


if __name__ == "__main__":
    main()
