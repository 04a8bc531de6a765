"""Jobs on large tables: piece by piece, in constant memory, and an interrupted one goes on.

A job is a kind of work and the folder that it writes. `make_piece` makes one piece of it, from the
job and the piece's number alone. So any process may make any piece, and the bytes are the same (but
for a seal, which is never the same twice). A piece holds, row by row in the same order, what was
made of the piece of the same number that was read.
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
        """All that decides what is in the pieces, as plain values; also how many they are."""

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """A piece, and what it says of itself."""


@dataclass(frozen=True)
class Views:
    """Views by rule.

    Parameters
    ----------
    entries, policy, receiver
        Of what, and what the receiver may see.
    """

    entries: Pieces
    policy: Policy
    receiver: str

    def about(self) -> dict:
        """As `Work` has it."""
        letters, schema = self.policy.letters(self.receiver), self.policy.schema
        rules = {"receiver": self.receiver, "policy": _fingerprint(letters, schema.to_dict())}
        return {"kind": "views", **rules, **_input(self.entries)}

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """As `Work` has it."""
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
        Of what, and whose encoder makes them.
    number_type
        As `aalprivacy.codes.write_codes` has it.
    """

    entries: Pieces
    pair: Pair
    number_type: str = "float32"

    def __post_init__(self) -> None:
        if self.pair.schema.id == of_codes.COLUMN:
            raise InputError(f"id {of_codes.COLUMN!r}: the column of the codes; expected another")

    def about(self) -> dict:
        """As `Work` has it."""
        marks, small = self.pair.fingerprints, {}
        if self.number_type == of_codes.SMALL:
            small = {"steps": marks["small"]}
        return {
            "kind": "codes", "receiver": self.pair.receiver, "encoder": marks["encoder"],
            "form": marks["form"], "number_type": self.number_type, **small, **_input(self.entries),
        }  # fmt: skip

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """As `Work` has it."""
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
        Whose decoder writes them.
    force
        Whether codes of another encoder are taken too.

    Raises
    ------
    InputError
        If it isn't such a folder, a piece lacks, or the codes aren't for this decoder.
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
        """As `Work` has it."""
        marks, codes = self.pair.fingerprints, self.codes
        return {
            "kind": "views", "receiver": self.pair.receiver, "decoder": marks["decoder"],
            "form": marks["form"], "input": codes.fingerprint, "rows": codes.about.get("rows"),
            "pieces": len(codes),
        }  # fmt: skip

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """As `Work` has it."""
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
    """Entries of an untidy table that is put right.

    Parameters
    ----------
    table, schema, codes
        Of what, what an entry is, and what the table's codes mean.
    choices
        What becomes of values out of range and unknown, as `aalprivacy.prepare.prepare` has them.
    told
        What all pieces tell of how the whole table is meant (`aalprivacy.prepare.evidence`).
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
        """The work on a table that is looked through for what its pieces tell of each other."""
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
        """As `Work` has it."""
        return {
            "kind": "entries",
            "schema": _fingerprint(self.schema.to_dict()),
            "code_book": _fingerprint(self.codes.columns, self.codes.values),
            **self.choices,
            **_input(self.table),
        }

    def make(self, number: int) -> tuple[pa.Table, dict]:
        """As `Work` has it."""
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


Hands = Callable[[Job, Iterable[int]], Iterator[tuple[int, dict]]]  # who makes pieces


@dataclass
class Said:
    """What the pieces of a job say of themselves, all together.

    Parameters
    ----------
    rows, broken
        How many there are, and how many of them are decoded lines of too few or too many values.
    found
        Kind of change and attribute (and code) -> where it is first, and the change in all pieces.
    """

    rows: int = 0
    broken: int = 0
    found: dict[tuple, tuple[tuple[int, int], Change]] = field(default_factory=dict)

    def add(self, number: int, said: dict) -> None:
        """Take in what a piece says."""
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
        """In the order in which they are found."""
        return [change for _, change in sorted(self.found.values(), key=lambda found: found[0])]


def make_piece(job: Job, number: int) -> dict:
    """Make a piece of a job, if it isn't there, and write it: for any process.

    Returns
    -------
    What the piece says of itself.

    Raises
    ------
    InputError
        If a value can't be used or a file can't be read or written.
    """
    with contextlib.suppress(InputError):  # it isn't there, or damaged
        return job.folder.said(number)
    return job.folder.write(number, *job.work.make(number))


def make_pieces(job: Job, numbers: Iterable[int]) -> Iterator[tuple[int, dict]]:
    """Make pieces of a job one after the other: number, and what the piece says of itself."""
    for number in numbers:
        yield number, make_piece(job, number)


def look(work: Work, doing: str, bar: "Bar") -> Said:
    """What the pieces would say of themselves; nothing is written."""
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
        Pieces that it has made already aren't made again.
    doing, bar
        What it does, in a word, and what shows it.
    hands
        Who makes the pieces; see also `aalprivacy.cluster`.

    Returns
    -------
    What all pieces say of themselves.

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
    """A table with the column that says whose each row is, if there is one, at its beginning."""
    if people is None:
        return table
    people = people if isinstance(people, pa.ChunkedArray) else pa.array(people)
    return table.add_column(0, schema.id, people)
