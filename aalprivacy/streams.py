"""Jobs on large tables: in pieces, in constant memory; an interrupted job can be continued.

A job is a kind of work and the folder that it writes. `make_piece` makes one piece, and needs only
the job and the piece's number. So any process can make any piece, with the same bytes (except that
two seals of the same bytes always differ). Rows of an output piece stand in the order of the input
piece with the same number.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd
import pyarrow as pa

from aalprivacy import codes as of_codes
from aalprivacy.codebook import CodeBook
from aalprivacy.errors import InputError
from aalprivacy.folders import Folder
from aalprivacy.pair import Pair
from aalprivacy.pieces import Pieces
from aalprivacy.policy import Policy
from aalprivacy.prepare import Change, evidence, prepare
from aalprivacy.schema import Schema
from aalprivacy.tables import naming
from aalprivacy.text import from_lines, is_well_formed
from aalprivacy.views import apply_policy

if TYPE_CHECKING:
    from aalprivacy.progress import Bar


class Work(Protocol):
    """A kind of work."""

    def about(self) -> dict:
        """Everything that determines the pieces, and their number, as plain values."""

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """A piece, and its report."""


@dataclass(frozen=True)
class Views:
    """Views by rule.

    Parameters
    ----------
    entries, policy, receiver
        The entries, the rules, and whose views.
    """

    entries: Pieces
    policy: Policy
    receiver: str

    def about(self) -> dict:
        """See `Work`."""
        letters, schema = self.policy.letters(self.receiver), self.policy.schema
        rules = {"receiver": self.receiver, "policy": _fingerprint(letters, schema.to_dict())}
        return {"kind": "views", **rules, **_input(self.entries)}

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """See `Work`."""
        schema = self.policy.schema
        entries = self.entries.entries(number, schema)
        with naming(self.entries.path_of(number)):
            views = apply_policy(entries, self.policy, self.receiver)
        return _with_people(_to_arrow(views), entries.get(schema.id), schema), {}


@dataclass(frozen=True)
class Codes:
    """Codes of entries.

    Parameters
    ----------
    entries, pair
        The entries, and the pair whose encoder makes the codes.
    number_type
        As for `aalprivacy.codes.write_codes`.
    """

    entries: Pieces
    pair: Pair
    number_type: str = "float32"

    def __post_init__(self) -> None:
        if self.pair.schema.id == of_codes.COLUMN:
            raise InputError(f"id {of_codes.COLUMN!r}: the column of the codes; expected another")

    def about(self) -> dict:
        """See `Work`."""
        marks, small = self.pair.fingerprints, {}
        if self.number_type == of_codes.SMALL:
            small = {"steps": marks["small"]}
        return {
            "kind": "codes", "receiver": self.pair.receiver, "encoder": marks["encoder"],
            "form": marks["form"], "number_type": self.number_type, **small, **_input(self.entries),
        }  # fmt: skip

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """See `Work`."""
        schema = self.pair.schema
        entries = self.entries.entries(number, schema)
        with naming(self.entries.path_of(number)):
            made = self.pair.encode_entries(entries)
        table = of_codes.to_arrow(made, self.number_type, self.pair.small)
        return _with_people(table, entries.get(schema.id), schema), {}


@dataclass(frozen=True)
class Decoded:
    """Views that a decoder writes from codes.

    Parameters
    ----------
    codes
        A folder that a job of `Codes` wrote.
    pair
        The pair whose decoder writes the views.
    force
        Whether codes of another encoder are accepted.

    Raises
    ------
    InputError
        If it isn't a folder of codes, a piece is missing, or the codes aren't for this decoder.
    """

    codes: Folder
    pair: Pair
    force: bool = False

    def __post_init__(self) -> None:
        about, path, pair = self.codes.about, self.codes.path, self.pair
        if about.get("kind") != "codes":
            raise InputError(f"{path}: holds {about.get('kind')}; expected codes")
        if self.codes.key and about.get("receiver") != pair.receiver:
            raise InputError(f"{path}: sealed for {about.get('receiver')}, not for {pair.receiver}")
        mark = None if self.force else pair.fingerprint
        of_codes.check_encoder(path, about.get("encoder"), mark)
        with naming(path):
            of_codes.check_number_type(about.get("number_type"), pair.small)
        if about["number_type"] == of_codes.SMALL:
            of_codes.check_steps(path, about.get("steps"), pair.small)
        self.codes.check_whole()

    def about(self) -> dict:
        """See `Work`."""
        marks, codes = self.pair.fingerprints, self.codes
        return {
            "kind": "views", "receiver": self.pair.receiver, "decoder": marks["decoder"],
            "form": marks["form"], "input": codes.fingerprint, "rows": codes.about.get("rows"),
            "pieces": len(codes),
        }  # fmt: skip

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """See `Work`."""
        pair, number_type = self.pair, self.codes.about["number_type"]
        table = self.codes.read(number)
        with naming(self.codes.file(number)):
            codes = of_codes.of_arrow(table, pair.architecture.width, number_type, pair.small)
        lines = pair.decode(codes)
        views = _to_arrow(from_lines(lines, pair.schema, errors="coerce"))
        people = table[pair.schema.id] if pair.schema.id in table.column_names else None
        broken = int((~is_well_formed(lines, pair.schema)).sum())
        return _with_people(views, people, pair.schema), {"broken": broken}


@dataclass(frozen=True)
class Entries:
    """Entries of an untidy table that is corrected.

    Parameters
    ----------
    table, schema, codes
        The table, the schema, and the code book.
    choices
        The options of `aalprivacy.prepare.prepare` for unknown values and values out of range.
    told
        The evidence of all pieces (`aalprivacy.prepare.evidence`).
    """

    table: Pieces
    schema: Schema
    codes: CodeBook
    choices: Mapping[str, str]
    told: Mapping[str, set[str]]

    @classmethod
    def of(
        cls, table: Pieces, schema: Schema, codes: CodeBook, choices: Mapping[str, str], bar: "Bar"
    ) -> "Entries":
        """The work on a table; first all pieces are read once to collect their evidence."""
        told: dict[str, set[str]] = {}
        with bar("looking", table.rows, 0) as report:
            for number in range(len(table)):
                untidy = table.untidy(number, schema)
                with naming(table.path_of(number)):
                    for name, tells in evidence(untidy, schema, codes).items():
                        told.setdefault(name, set()).update(tells)
                report(len(untidy))
        return cls(table, schema, codes, choices, told)

    def about(self) -> dict:
        """See `Work`."""
        return {
            "kind": "entries",
            "schema": _fingerprint(self.schema.to_dict()),
            "code_book": _fingerprint(self.codes.columns, self.codes.values),
            **self.choices,
            **_input(self.table),
        }

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """See `Work`."""
        untidy = self.table.untidy(number, self.schema)
        with naming(self.table.path_of(number)):
            entries, changes = prepare(
                untidy, self.schema, codes=self.codes, told=self.told, **self.choices
            )
        return _to_arrow(entries), {"changes": [astuple(change) for change in changes]}


@dataclass(frozen=True)
class Job:
    """A kind of work, and the folder that it writes."""

    work: Work
    folder: Folder

    @classmethod
    def of(cls, work: Work, folder: str | Path, key: bytes | None = None) -> "Job":
        """The job that writes to a folder, sealed if there is a key."""
        return cls(work, Folder.of(folder, work.about(), key))


Hands = Callable[[Job, Iterable[int]], Iterator[tuple[int, dict]]]  # a function that makes pieces


@dataclass
class Said:
    """The reports of a job's pieces, added up.

    Parameters
    ----------
    rows, broken
        How many rows, and how many of them are decoded lines of too few or too many values.
    found
        Kind of change and attribute (and code) -> its first place, and the change in all pieces.
    """

    rows: int = 0
    broken: int = 0
    found: dict[tuple, tuple[tuple[int, int], Change]] = field(default_factory=dict)

    def add(self, number: int, said: dict) -> None:
        """Add a piece's report."""
        self.rows += said["rows"]
        self.broken += said.get("broken", 0)
        for at, values in enumerate(said.get("changes", ())):
            change, place = Change(*values), (number, at)
            key = change.kind, change.attribute, change.before if change.kind == "code" else ""
            first, known = self.found.get(key, (place, replace(change, count=0)))
            shown = change if place < first else known
            count = known.count + change.count
            self.found[key] = min(place, first), replace(shown, count=count)

    @property
    def changes(self) -> list[Change]:
        """The changes, in the order of their first places."""
        return [change for _, change in sorted(self.found.values(), key=lambda found: found[0])]


def make_piece(job: Job, number: int) -> dict:
    """Make a piece of a job and write it, unless it is there already; for any process.

    Returns
    -------
    The piece's report.

    Raises
    ------
    InputError
        If a value can't be used or a file can't be read or written.
    """
    with contextlib.suppress(InputError):  # it isn't there, or damaged
        return job.folder.said(number)
    return job.folder.write(number, *job.work.make(number))


def make_pieces(job: Job, numbers: Iterable[int]) -> Iterator[tuple[int, dict]]:
    """Make pieces of a job one after the other, and yield each number and report."""
    for number in numbers:
        yield number, make_piece(job, number)


def look(work: Work, doing: str, bar: "Bar") -> Said:
    """The reports that the pieces would have; nothing is written."""
    said, about = Said(), work.about()
    with bar(doing, about["rows"], 0) as report:
        for number in range(about["pieces"]):
            table, told = work.make(number)
            said.add(number, {"rows": len(table), **told})
            report(len(table))
    return said


def run(job: Job, doing: str, bar: "Bar", hands: Hands = make_pieces) -> Said:
    """Do a job, or what is left of it.

    Parameters
    ----------
    job
        Pieces that are in its folder already aren't made again.
    doing, bar
        One word for what it does, and the progress bar.
    hands
        The function that makes the pieces; see also `aalprivacy.cluster`.

    Returns
    -------
    The reports of all pieces, added up.

    Raises
    ------
    InputError
        If the folder is another job's, or as `make_piece`.
    """
    job.folder.begin()
    said, left = Said(), []
    for number in range(len(job.folder)):
        try:
            said.add(number, job.folder.said(number))
        except InputError:
            left.append(number)
    with bar(doing, job.folder.about["rows"], said.rows) as report:
        for number, told in hands(job, left) if left else ():
            said.add(number, told)
            report(told["rows"])
    job.folder.end()
    return said


def _input(pieces: Pieces) -> dict:
    return {"input": pieces.fingerprint, "length": pieces.length, "rows": pieces.rows,
            "pieces": len(pieces)}  # fmt: skip


def _fingerprint(*parts: Mapping) -> str:
    # The order of the attributes is their order in a line.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _to_arrow(table: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(table, preserve_index=False)


def _with_people(table: pa.Table, people, schema: Schema) -> pa.Table:
    """The table with the id column as its first column, if there is one."""
    if people is None:
        return table
    people = people if isinstance(people, pa.ChunkedArray) else pa.array(people)
    return table.add_column(0, schema.id, people)
