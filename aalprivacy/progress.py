"""Progress bars, and how the command line prints."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

# Such as 0.5, 1,000, 99.9%, 0.5 (0.4 to 0.6), or - for none.
NUMBER = re.compile(r"-?[\d.,%]*( \(-?[\d.,]+ to -?[\d.,]+\))?")
# Shows a bar; called with what is being done, how many entries there are, and how many are done.
Bar = Callable[[str, int, int], contextlib.AbstractContextManager[Callable[[int], None]]]
NARROWEST = 40  # columns; a terminal that says it has fewer is taken to have 80


def console() -> Console:
    """Where results are printed. Text is never read as markup, and long lines aren't broken."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # an accent in an ASCII terminal
    columns = os.environ.get("COLUMNS", "")
    width = 80 if columns.isdecimal() and columns.isascii() and int(columns) < NARROWEST else None
    return Console(markup=False, highlight=False, soft_wrap=True, emoji=False, width=width)


def warn(text: str) -> None:
    """Print a line to the standard error."""
    print(f"aalprivacy: {text}", file=sys.stderr)


def show(out: Console, title: str, rows: list[list[str]], columns: list[str]) -> None:
    """Print a table; numbers are never broken, even in a narrow terminal.

    Parameters
    ----------
    out
        Where to print; in a terminal, text is folded to its width.
    title, rows, columns
        The title, the cells, and the names of the columns.
    """
    table = Table(title=title, title_justify="left")
    for at, column in enumerate(columns):
        is_number = all(NUMBER.fullmatch(row[at]) for row in rows)
        table.add_column(
            column, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    least, most = table.__rich_measure__(out, out.options.update(max_width=10_000))
    width = max(out.width, least) if out.is_terminal else most
    Console(width=width, markup=False, highlight=False, emoji=False).print(table)


@contextlib.contextmanager
def bar(out: Console, what: str, entries: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A progress bar; without a terminal, one line a minute.

    Parameters
    ----------
    out
        Where to print.
    what
        One word for what is being done.
    entries, done
        How many in all, and how many are done already.

    Yields
    ------
    A function, to be called with the number of entries done since its last call.
    """
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=16),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    begun = told = time.monotonic()
    now = done
    with progress.Progress(*columns, console=out, disable=not out.is_terminal) as shown:
        task = shown.add_task(what, total=entries, completed=done, rate="")

        def report(rows: int) -> None:
            nonlocal now, told
            now, clock = now + rows, time.monotonic()
            rate = (now - done) / max(clock - begun, 1e-9)
            shown.update(task, completed=now, rate=f"{rate:,.0f}/s")
            if not out.is_terminal and clock - told > 60:
                told = clock
                left = max(entries - now, 0) / rate / 60
                warn(f"{what}: {now:,} of {entries:,} · {rate:,.0f}/s · {left:,.0f} min left")

        yield report


@contextlib.contextmanager
def steps(out: Console) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done; without a terminal, one line for each step.

    Parameters
    ----------
    out
        Where to print in a terminal; else the lines go to the standard error.

    Yields
    ------
    A function, to be called with what is done next.
    """
    if out.is_terminal:
        with out.status("starting") as status:
            yield status.update
    else:
        yield warn


class TrainingLine:
    """The live line of a training; without a terminal, one line every half minute.

    Parameters
    ----------
    out
        Where to print.
    updates, update
        How many in all, and how many are made already.
    """

    def __init__(self, out: Console, updates: int, update: int) -> None:
        from rich import progress

        self.out, self.updates = out, updates
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=16),
            progress.MofNCompleteColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self.task = self.bar.add_task("starting", total=updates)
        self.told, self.told_update = time.monotonic(), update

    def __enter__(self) -> "TrainingLine":
        self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        self.bar.stop()

    def __call__(self, progress, speed: float) -> None:
        error = progress.character_error
        text = (
            f"{progress.window:2d} attributes · loss {progress.loss:.3f} · character error "
            f"{'-' if error is None else f'{error:.2f}'} · {speed:.0f} entries/s"
        )
        self.bar.update(self.task, completed=progress.update, description=text)
        now = time.monotonic()
        if not self.out.is_terminal and now - self.told > 30:
            pace = (now - self.told) / (progress.update - self.told_update)
            self.told, self.told_update = now, progress.update
            left = (self.updates - progress.update) * pace
            self.out.print(
                f"update {progress.update} of {self.updates} · {text} · about {left / 60:.0f} min "
                "left at this pace"
            )
