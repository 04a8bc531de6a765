"""Tables in and out: entries and views as Parquet or CSV, one row an entry."""

import contextlib
import csv
import gzip
import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aalprivacy.atomic import check_writable, write_whole
from aalprivacy.attributes import PREPARE, row_name
from aalprivacy.errors import InputError
from aalprivacy.schema import ASSISTED_LIVING, Schema

ENDINGS = (".parquet", ".csv", ".csv.gz")
READABLE = (*ENDINGS, ".tsv", ".tsv.gz")
SEPARATORS = "\t;,"  # of equally many, the first, as commas are in texts and numbers too
LARGEST_BLOCK = 2**30  # bytes of a text that Arrow reads at once


def read_entries(path: str | Path, schema: Schema = ASSISTED_LIVING) -> pd.DataFrame:
    """Read entries, by the file's ending: Parquet, CSV or TSV, the latter two also gzipped.

    Columns are named as in the schema or as its labels, in any order. A CSV file has commas,
    semicolons or tabs between cells. The id column may be Parquet's index.

    Parameters
    ----------
    path
        The file.
    schema
        What an entry is; the paper's by default.

    Returns
    -------
    DataFrame of text columns, the attributes in order, the id column first if the file has it.

    Raises
    ------
    InputError
        If the file can't be read, has no rows, has a missing or an unknown column, or a value that
        doesn't have its attribute's form. The message names the file, the attribute, and the line
        of a CSV file, or else the row, from 0.
    """
    table, row = read_table(path)
    with naming(path):
        return checked(table, row, schema).reset_index(drop=True)


def checked(table: pd.DataFrame, row: str, schema: Schema) -> pd.DataFrame:
    """The entries of a file's table, as from `read_entries`, but with the table's index.

    Parameters
    ----------
    table, row
        From `read_table`.

    Raises
    ------
    InputError
        As `read_entries`, without the file's name.
    """
    schema.columns(table, others=False)
    entries, people = schema.check(table, row=row), schema.people(table)
    if people is not None:
        if people.isna().any() or (people.astype(str) == "").any():
            lost = (people.isna() | (people.astype(str) == "")).to_numpy()
            at = row_name(table.index, np.argmax(lost))
            raise InputError(f"{row} {at}, {schema.id}: empty; expected whose entry it is")
        entries.insert(0, schema.id, people)
    return entries


def read_views(path: str | Path, schema: Schema = ASSISTED_LIVING) -> pd.DataFrame:
    """Read views, whose values may be generalised or deleted; otherwise as `read_entries`.

    Returns
    -------
    DataFrame of text columns, the attributes in order.
    """
    table, row = read_table(path)
    with naming(path):
        schema.columns(table, others=False)
        return schema.check_views(table, row=row).reset_index(drop=True)


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write entries or views, by the file's ending: Parquet, CSV or gzipped CSV.

    An index with a name, such as the people's id, is written as a column.

    Raises
    ------
    InputError
        If the ending is unknown or the file can't be written.
    """
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    if ending_of(Path(path)) == ".parquet":
        write_whole(path, lambda draft: table.to_parquet(draft, index=False))
    else:
        write_whole(path, lambda draft: table.to_csv(draft, index=False))


def check_table_writable(path: str | Path, inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse a file that a table can't be written to, before any work is done for it.

    Raises
    ------
    InputError
        As `aalprivacy.atomic.check_writable`, and if the ending isn't one of a table.
    """
    check_writable(path, inputs)
    ending_of(Path(path))


def ending_of(path: Path, known: tuple[str, ...] = ENDINGS) -> str:
    """The ending of a table's file.

    Raises
    ------
    InputError
        If the ending is unknown.
    """
    ending = next((e for e in known if path.name.lower().endswith(e)), None)
    if ending is None:
        raise InputError(f"{path}: unknown ending {path.suffix!r}; expected {', '.join(known)}")
    return ending


def _utf8(content: bytes) -> str:
    return content.decode("utf-8-sig")


def read_table(
    path: str | Path, decode: Callable[[bytes], str] = _utf8
) -> tuple[pd.DataFrame, str]:
    """A file's table without any check, and what its index counts: ``"line"`` or ``"row"``.

    The ``attrs`` of a text file's table have its ``"separator"`` and the number of ``"empty"``
    lines.

    Parameters
    ----------
    path
        The file.
    decode
        Makes text of the bytes of a CSV file.

    Raises
    ------
    InputError
        If the file can't be read or has no rows; the message names it.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder; expected a file")
    ending = ending_of(path, READABLE)
    with reading(path):
        if not path.is_file():
            raise InputError(": no such file")
        if ending == ".parquet":
            from pyarrow.parquet import ParquetFile  # it loads slowly

            table = of_arrow(ParquetFile(path).read())
        else:
            opened = gzip.open if ending.endswith(".gz") else open
            with opened(path, "rb") as file:
                table = parse_csv(decode(file.read()))
    if table.empty:
        raise InputError(f"{path}: no entries in the file; expected at least one row")
    return table, "row" if ending == ".parquet" else "line"


@contextlib.contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors inside are about a file: its name is put before the message."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}, {error}") from None


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Any error inside, while a file is read, becomes one `InputError` that names the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}{error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text in UTF-8; {PREPARE}") from None
    except Exception as error:  # Arrow has a class of error for every cause
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: can't be read as a table: {reason}") from None


def of_arrow(table: pa.Table, rows: pd.Index | None = None) -> pd.DataFrame:
    """A table of a Parquet file for pandas; whole numbers stay whole in columns with nulls.

    Parameters
    ----------
    rows
        The new index; by default 0, 1, 2, ... An index with a name in the file, such as the
        people's id, becomes a column.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a column doesn't have its type, such as text that isn't UTF-8.
    """
    table.validate(full=True)  # a damaged file may have other bytes in a column of text
    frame = table.to_pandas(integer_object_nulls=True)
    frame = frame.reset_index(drop=all(name is None for name in frame.index.names))
    return frame if rows is None else frame.set_axis(rows)


def parse_csv(text: str, begin: int = 2) -> pd.DataFrame:
    """The cells of a CSV file as text, with the line numbers of the file as index.

    Parameters
    ----------
    text
        The first line, which has the names of the columns, and some or all of the other lines.
    begin
        The number of the first of these other lines in the file, counted from 1.

    Raises
    ------
    InputError
        If it isn't a table, or a line has more or fewer values than the first.
    """
    from pyarrow import csv as arrow_csv

    first = io.StringIO(text, newline="").readline()
    if not first.strip():
        what = "its first line is empty" if first else "the file is empty"
        raise InputError(f": {what}; expected the names of the columns")
    if first.count('"') % 2:
        raise InputError(
            ", line 1: a line break in a column's name, or a quotation mark that isn't closed; "
            "expected the names of the columns in one line"
        )
    rows = {mark: next(csv.reader([first], delimiter=mark)) for mark in SEPARATORS}
    separator = max(rows, key=lambda mark: len(rows[mark]))
    names = [name.strip() for name in rows[separator]]
    if len(names) == 1 and re.search(r"[^\w\s().-]", names[0]):
        raise InputError(
            f", line 1: {names[0][:80]!r}; expected names of columns with a comma, a semicolon or "
            "a tab between them"
        )
    skipped: list[int] = []
    unfit: list[str] = []

    def note(row) -> str:
        if not row.text.strip(f"{separator} \r\n"):
            skipped.append(begin - 2 + row.number)
            return "skip"
        unfit.append(
            f", line {begin - 2 + row.number}: {row.actual_columns} values; expected "
            f"{row.expected_columns} as in the first line"
        )
        return "error"

    places = [str(place) for place in range(len(names))]
    content = text.encode()
    block = min(max(len(content), 2**20), LARGEST_BLOCK)  # a line must fit into two blocks
    try:
        read = arrow_csv.read_csv(
            io.BytesIO(content),
            # Arrow knows line numbers only with one thread.
            arrow_csv.ReadOptions(
                use_threads=False, block_size=block, column_names=places, skip_rows=1
            ),
            arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
            ),
        )  # fmt: skip
    except pa.ArrowInvalid:
        if unfit:
            raise InputError(unfit[0]) from None
        raise
    lines = np.setdiff1d(np.arange(begin, begin + len(read) + len(skipped)), skipped)
    broken = [pc.index(pc.match_substring_regex(read[p], "[\r\n]"), True).as_py() for p in places]
    if max(broken) >= 0:  # a line break in a value would make later line numbers wrong
        at, place = min((at, place) for place, at in enumerate(broken) if at >= 0)
        raise InputError(
            f", line {lines[at]}, {names[place]}: a line break in the value, or a quotation mark "
            "that isn't closed; expected one line an entry"
        )
    table = pd.DataFrame({place: pd.array(read[place], dtype="str") for place in places})
    table = table.set_axis(names, axis=1).set_axis(lines, axis=0)
    if len(names) > 1:  # leave out lines of empty cells, which spreadsheets write at the end
        table = table[(table != "").any(axis=1)]
    table.attrs = {"separator": separator, "empty": len(skipped) + len(lines) - len(table)}
    return table
