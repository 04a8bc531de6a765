"""Common code of the benchmarks of trainings: error curves on several samples, and a report.

A finished training's curve goes into a table of `aalprivacy.report.studies_folder`.
"""

import csv
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from aalprivacy import TABLE_I, Recipe
from aalprivacy.atomic import write_text
from aalprivacy.curriculum import Progress
from aalprivacy.runs import Run
from aalprivacy.training import Validation, forget_after

RECEIVER, EVERY = "doctor", 500  # updates between two points


class Curve(Validation):
    """Validation on several samples, kept in a file; the first sample's error is the result."""

    def __init__(self, sets: Mapping[str, pd.DataFrame], path: Path, progress: Progress) -> None:
        self.sets = {name: Validation(table, TABLE_I, RECEIVER) for name, table in sets.items()}
        self.path, self.progress = path, progress

    def character_error(self, pair) -> float:
        errors = {name: one.character_error(pair) for name, one in self.sets.items()}
        at = self.progress
        row = {"update": at.update, "entries": at.entries, "seconds": round(at.seconds)}
        row |= {name: round(error, 4) for name, error in errors.items()}
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)
        return next(iter(errors.values()))


def train(
    folder: Path,
    entries: pd.DataFrame,
    sets: Mapping[str, pd.DataFrame],
    recipe: Recipe,
    data: Mapping | None = None,
    target: float | None = None,
    go_on: bool = True,
) -> tuple[Run, pd.DataFrame]:
    """Begin or continue a training of a doctor's pair; an interruption ends the program.

    Parameters
    ----------
    go_on
        Whether to train. If not, an unfinished training is only read.

    Returns
    -------
    run
        The training.
    curve
        One row a validation: update, entries, seconds, and wrong characters on each of the `sets`.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    common = (folder, entries, next(iter(sets.values())), TABLE_I, RECEIVER)
    curve = folder / "curve.csv"
    if go_on and not (folder / "checkpoint.npz").exists():
        run = Run.begin(*common, recipe, data=data)
    else:
        run = Run.resume(*common, recipe if go_on else None)
        forget_after(curve, run.trainer.progress.update)
    if not go_on:
        return run, pd.read_csv(curve)
    run.validation = Curve(sets, curve, run.trainer.progress)
    done = run.fit(
        report=_line(folder.name), report_every=250, validate_every=EVERY, checkpoint_every=EVERY,
        target=target,
    )  # fmt: skip
    if not done:
        sys.exit(130)
    return run, pd.read_csv(curve)


def keep(name: str, rows: pd.DataFrame, path: Path, of: str = "training") -> None:
    """Put the rows of one training (or of what `of` says) into a table of several.

    They come last. Earlier rows of the same name are left out.
    """
    new = rows.assign(**{of: name})[[of, *rows]]
    if path.exists():
        old = pd.read_csv(path)
        new = pd.concat([old[old[of] != name], new])
    write_text(new.to_csv(index=False), path)


def _line(name: str) -> Callable[[Progress, float], None]:
    def report(progress: Progress, speed: float) -> None:
        print(
            f"{name}: update {progress.update:,}, {progress.entries:,} entries, "
            f"{progress.seconds:,.0f} s, {progress.window} attributes, loss {progress.loss:.4f}, "
            f"{speed:.0f} entries/s",
            flush=True,
        )

    return report
