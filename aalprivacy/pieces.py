"""Tables that are read in pieces: files or folders of any size, in constant memory.

A piece is a fixed number of neighbouring rows of one file. The rows of each piece depend only on
the files and on that number.
"""

import bisect
import functools
import gzip
import hashlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aalprivacy.attributes import plain
from aalprivacy.errors import InputError
from aalprivacy.folders import MANIFEST, Folder
from aalprivacy.prepare import as_untidy
from aalprivacy.schema import Schema
from aalprivacy.tables import READABLE, checked, ending_of, naming, of_arrow, parse_csv, reading

NULL_KEY = "__HIVE_DEFAULT_PARTITION__"  # a folder's name for a missing value: Spark, Hive, pandas
_BATCH = 2_000  # rows that are read from a Parquet file at once
_turn = threading.Lock()  # only one thread at a time may read from an open file


@dataclass(frozen=True)
class File:
    """A file of a table.

    Parameters
    ----------
    name
        Its path below the table's folder.
    rows
        How many rows it has; for a text file, how many lines after the first.
    digest
        SHA-256 of its bytes.
    stamp
        Its size and the time of its last change, so that a later change is noticed.
    keys
        Values from the names of its folders, such as ``ward=east``.
    first
        For a text file: its first line, with the names of the columns.
    begins
        For a text file: the byte and the line, from 1, at which each piece begins; then the end.
    """

    name: str
    rows: int
    digest: str
    stamp: tuple[int, int]
    keys: tuple[tuple[str, str], ...]
    first: bytes = b""
    begins: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Pieces:
    """A table in pieces. ``len`` says how many there are.

    Parameters
    ----------
    root
        The file, or the folder.
    files
        In the order of their names.
    length
        Rows of a piece; the last piece of a file has fewer.
    """

    root: Path
    files: tuple[File, ...]
    length: int

    @classmethod
    def of(cls, path: str | Path, length: int) -> "Pieces":
        """The pieces of a table.

        Parameters
        ----------
        path
            A file as for `aalprivacy.tables.read_table`, in UTF-8; or a folder of such files. It
            may have folders inside. A folder with a name such as ``key=value`` gives a column.
            Names that begin with ``_`` or ``.`` are left out.
        length
            The most rows of a piece.

        Raises
        ------
        InputError
            If there is no entry, a file can't be read, or a job's folder is incomplete.
        """
        root = Path(path)
        if root.is_dir():
            if (root / MANIFEST).exists():
                Folder.open(root).check_whole()
            names = sorted(
                name.as_posix()
                for name in (found.relative_to(root) for found in root.rglob("*"))
                if not any(part.startswith(("_", ".")) for part in name.parts)
                and (root / name).is_file()
            )
        else:
            names = [""]
        files = tuple(_look_at(root, name, length) for name in names)
        if not sum(file.rows for file in files):
            raise InputError(f"{path}: no entries; expected at least one")
        return cls(root, files, length)

    def __len__(self) -> int:
        return self._ends[-1]

    @cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(-(-file.rows // self.length) for file in self.files))

    def _place(self, number: int) -> tuple[File, int]:
        """The file of a piece, and its number within that file."""
        at = bisect.bisect(self._ends, number)
        return self.files[at], number - (self._ends[at - 1] if at else 0)

    @property
    def rows(self) -> int:
        """The rows of all pieces; for a text file its lines, including empty ones."""
        return sum(file.rows for file in self.files)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the names and the contents of the files."""
        listed = "\n".join(f"{file.digest} {file.name}" for file in self.files)
        return hashlib.sha256(listed.encode()).hexdigest()

    def path_of(self, number: int) -> Path:
        """The file of a piece."""
        return self.root / self._place(number)[0].name

    def entries(self, number: int, schema: Schema) -> pd.DataFrame:
        """A piece of entries, as from `aalprivacy.tables.read_entries`.

        The index has the row numbers of the file, or the line numbers of a text file. The ids of
        people are int64 if they are whole numbers, else text.

        Raises
        ------
        InputError
            If a value isn't of its attribute's form; the message names the file and the row in it.
        """
        table, row = self._table(number, schema)
        with naming(self.path_of(number)):
            entries = checked(table, row, schema)
        if schema.id in entries and not np.can_cast(_dtype(entries[schema.id]), np.int64):
            entries[schema.id] = entries[schema.id].astype("str")
        elif schema.id in entries:
            entries[schema.id] = entries[schema.id].astype(np.int64)
        return entries

    def all_entries(self, schema: Schema) -> Iterator[pd.DataFrame]:
        """The pieces of entries, one after the other; see `entries`."""
        return (self.entries(number, schema) for number in range(len(self)))

    def has(self, count: int, schema: Schema) -> bool:
        """Whether the table has exactly `count` entries."""
        found = 0
        for entries in self.all_entries(schema) if count <= self.rows else ():
            found += len(entries)
            if found > count:
                break
        return found == count

    def untidy(self, number: int, schema: Schema) -> pd.DataFrame:
        """A piece of an untidy table, as from `aalprivacy.prepare.read_untidy`.

        Raises
        ------
        InputError
            If it can't be read, or isn't text in UTF-8.
        """
        table, row = self._table(number, schema)
        text = as_untidy(table, row)
        if text.attrs["encoding"] != "utf-8":
            raise InputError(
                f"{self.path_of(number)}: bytes in {text.attrs['encoding']}; expected UTF-8, as "
                "the table is read in pieces; save it in UTF-8"
            )
        return text

    def checked(self, schema: Schema) -> "Pieces":
        """The same object, after a check that each file has the columns of entries and no others.

        Raises
        ------
        InputError
            If a file has other columns, or if files differ in the type of their id column.
        """
        first = None
        for file in self.files:
            path = self.root / file.name
            with naming(path):
                table = _of_schema(_columns(file, path), file, schema)
                schema.columns(table, others=False)
                people = schema.people(table)
            kind = "none" if people is None else "whole numbers"
            if people is not None and not np.can_cast(_dtype(people), np.int64):
                kind = "text"
            if (first := first or kind) != kind:
                raise InputError(
                    f"{path}, {schema.id}: {kind}; expected {first}, as in {self.files[0].name}"
                )
        return self

    def _table(self, number: int, schema: Schema) -> tuple[pd.DataFrame, str]:
        file, at = self._place(number)
        path = self.root / file.name
        with reading(path), _turn:
            if _stamp(path) != file.stamp:
                raise InputError(": was changed while it was read; expected it to stay as it is")
            opened = _opened(path, file.stamp)
            if file.begins:
                (begin, line), (end, _) = file.begins[at : at + 2]
                opened.seek(begin)
                table = parse_csv(_text(file.first + opened.read(end - begin)), line)
            else:
                begin, end = at * self.length, min((at + 1) * self.length, file.rows)
                table = of_arrow(opened.rows(begin, end), pd.RangeIndex(begin, end))
        return _of_schema(table, file, schema), "line" if file.begins else "row"


def _look_at(root: Path, name: str, length: int) -> File:
    path = root / name
    is_text = ending_of(path, READABLE) != ".parquet"
    with reading(path):
        if not path.is_file():
            raise InputError(": no such file or folder")
        stamp = _stamp(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        parts = (part.partition("=") for part in Path(name).parts[:-1])
        keys = tuple((unquote(key), unquote(value)) for key, is_key, value in parts if is_key)
        if not is_text:
            return File(name, pq.read_metadata(path).num_rows, digest, stamp, keys)
        with _text_file(path) as lines:
            first, *begins, end = _begins(lines, length)
    return File(name, end[1] - 2, digest, stamp, keys, first, (*begins, end))


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _begins(file, length: int) -> Iterator:
    """The first line of a text file; where each piece begins, in bytes and lines; and the end."""
    first = file.readline()
    _text(first)  # a table in UTF-16 has other line ends
    if b"\r" in first.rstrip(b"\r\n"):
        raise InputError(": lines that end in a carriage return alone; save it with line feeds")
    yield first
    at, line = len(first), 1
    for line, content in enumerate(file, 2):
        if (line - 2) % length == 0:
            yield at, line
        at += len(content)
    yield at, line + 1


def _text_file(path: Path):
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            ": not text in UTF-8; expected UTF-8, as the table is read in pieces; save it in UTF-8"
        ) from None


@functools.lru_cache(4)
def _opened(path: Path, stamp: tuple[int, int]):
    """An open file, kept so that reading can continue after the last piece.

    Otherwise a gzipped file would be unpacked from its beginning for each piece. With the stamp, a
    file that was changed is opened again.
    """
    return _Forwards(path) if path.suffix.lower() == ".parquet" else _text_file(path)


def _columns(file: File, path: Path) -> pd.DataFrame:
    """An empty table with a file's columns."""
    with reading(path):
        if file.begins:
            return parse_csv(_text(file.first))
        return of_arrow(pq.read_schema(path).empty_table())


def _of_schema(table: pd.DataFrame, file: File, schema: Schema) -> pd.DataFrame:
    """A file's table with the columns that its folders' names give, if the schema knows them."""
    names = {plain(n) for n in (schema.id, *schema.names, *schema.labels)}
    keys = {key: value for key, value in file.keys if plain(key) in names}
    for at, (key, value) in enumerate(keys.items()):
        column = pd.Series(None if value == NULL_KEY else value, table.index, dtype="str")
        table.insert(at, key, column, allow_duplicates=True)
    return table


def _dtype(column: pd.Series) -> np.dtype:
    return column.dtype if isinstance(column.dtype, np.dtype) else np.dtype(object)


class _Forwards:
    """Rows of a Parquet file, read forwards, so that no row is unpacked twice.

    A file may have a million rows in one group, and a group can only be unpacked from its start.
    """

    def __init__(self, path: Path) -> None:
        self.file = pq.ParquetFile(path)
        groups = range(self.file.num_row_groups)
        counts = (self.file.metadata.row_group(group).num_rows for group in groups)
        self.starts = [0, *itertools.accumulate(counts)]
        self._go_to(0)

    def _go_to(self, row: int) -> None:
        """Start again at the beginning of the group that has the row."""
        self.group = bisect.bisect(self.starts, row) - 1
        groups = list(range(self.group, self.file.num_row_groups))
        self.batches = self.file.iter_batches(_BATCH, row_groups=groups)
        self.end = self.starts[self.group]
        self._next()

    def _next(self) -> None:
        self.batch = next(self.batches)
        self.begin, self.end = self.end, self.end + len(self.batch)

    def rows(self, begin: int, end: int) -> pa.Table:
        if begin < self.begin or begin >= self.starts[bisect.bisect(self.starts, self.begin)]:
            self._go_to(begin)
        while self.end <= begin:
            self._next()
        parts = [self.batch.slice(begin - self.begin, end - begin)]
        while self.end < end:
            self._next()
            parts.append(self.batch.slice(0, end - self.begin))
        return pa.Table.from_batches(parts)
