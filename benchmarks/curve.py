"""Common code of the benchmarks of trainings: error curves on several samples, and a report."""

import csv
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from aalprivacy import TABLE_I, Recipe
from aalprivacy.runs import Run
from aalprivacy.training import Progress, Validation

RECEIVER, EVERY = "doctor", 500  # updates between two points


class Curve(Validation):
    """Validation on several samples, kept in a file; the first sample's error is the result."""

    def __init__(self, sets: Mapping[str, pd.DataFrame], path: Path) -> None:
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
        print({name: round(error, 3) for name, error in errors.items()}, flush=True)
        return next(iter(errors.values()))


def train(
    folder: Path,
    entries: pd.DataFrame,
    sets: Mapping[str, pd.DataFrame],
    recipe: Recipe,
    data: Mapping | None = None,
    target: float | None = None,
) -> None:
    """Begin or continue a training of a doctor's pair; an interruption ends the program."""
    common = (folder, entries, next(iter(sets.values())), TABLE_I, RECEIVER)
    if (folder / "checkpoint.npz").exists():
        run = Run.resume(*common)
    else:
        run = Run.begin(*common, recipe, data=data)
    run.validation = Curve(sets, folder / "curve.csv")
    done = run.fit(
        report=_line(folder.name), report_every=250, validate_every=EVERY, checkpoint_every=EVERY,
        target=target,
    )  # fmt: skip
    if not done:
        sys.exit(130)


def _line(name: str) -> Callable[[Progress, float], None]:
    def report(progress: Progress, speed: float) -> None:
        print(
            f"{name}: update {progress.update:,}, {progress.entries:,} entries, "
            f"{progress.seconds:,.0f} s, {progress.window} attributes, loss {progress.loss:.4f}, "
            f"{speed:.0f} entries/s",
            flush=True,
        )

    return report
