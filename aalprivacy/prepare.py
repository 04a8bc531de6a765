"""Correct untidy tables: every kind of change is reported, and nothing is guessed.

A value that is already right stays unchanged, unless the column's other values show that it means
something else. Values that can only be corrected by a guess are listed in one error, so that a
person decides.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from numbers import Number
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import spelling
from aalprivacy.attributes import (
    MISSING,
    MOST_DECIMALS,
    NULLS,
    SEPARATOR,
    Attribute,
    Form,
    row_name,
)
from aalprivacy.codebook import CodeBook, meaning
from aalprivacy.errors import InputError, nearest
from aalprivacy.schema import Schema
from aalprivacy.spelling import as_text, in_ascii, is_small_digit, single_blanks
from aalprivacy.tables import read_table

REFUSE = "refuse"
SHOWN = 10  # values of a kind that an error lists
POINT_ZERO, WHOLE, DECIMALS = r"[0-9]+\.0+", "whole numbers", "decimals"  # ids
SURELY = 0.8  # how alike two names are if one is the other misspelt


@dataclass(frozen=True)
class Change:
    """One kind of change that was made to values of an attribute.

    Parameters
    ----------
    kind
        What was done, in words.
    attribute
        The attribute, or the column, or ``""`` for the whole table.
    count
        How many values were changed.
    before, after
        One changed value as an example.
    """

    kind: str
    attribute: str
    count: int
    before: str
    after: str


def read_untidy(path: str | Path) -> pd.DataFrame:
    """Read an untidy table as text, for `prepare` and `describe`.

    Parameters
    ----------
    path
        Parquet; or CSV or TSV, also gzipped, in UTF-8, UTF-16 or a Western European encoding, with
        commas, semicolons or tabs between cells.

    Returns
    -------
    DataFrame of text, all columns of the file; a column of lists, or of bytes that aren't text,
    stays as it is. The index, named ``line`` or ``row``, says where in the file a row is. ``attrs``
    has what the text doesn't show: ``"encoding"``; ``"mark"``, whether the file began with a byte
    order mark; ``"separator"``; ``"empty"``, the number of empty lines; and ``"numbers"``, the
    columns of numbers.

    Raises
    ------
    InputError
        If it can't be read, or is of another encoding.
    """
    encoding, mark = "utf-8", False

    def decode(content: bytes) -> str:
        nonlocal encoding, mark
        text, encoding = spelling.decoded(content)
        mark = content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return text

    text = as_untidy(*read_table(path, decode))
    encoding = encoding if encoding != "utf-8" else text.attrs["encoding"]
    text.attrs |= {"encoding": encoding, "mark": mark}
    return text


def as_untidy(table: pd.DataFrame, row: str) -> pd.DataFrame:
    """A file's table, in the form that `read_untidy` returns.

    Parameters
    ----------
    table, row
        From `aalprivacy.tables.read_table`.
    """
    numbers = [name for name, column in table.items() if spelling.are_numbers(column)]
    columns = [_text_if_any(column) for _, column in table.items()]
    text = pd.concat(columns, axis=1).rename_axis(index=row)
    found = (column.attrs.get("encoding", "utf-8") for column in columns)
    encoding = next((name for name in found if name != "utf-8"), "utf-8")
    text.attrs = table.attrs | {"encoding": encoding, "numbers": numbers}
    return text


def _text_if_any(column: pd.Series) -> pd.Series:
    """A column as text; or as it is, if it can't be text, as the schema may not need it."""
    try:
        return as_text(column)
    except InputError:
        return column


def prepare(
    table: pd.DataFrame,
    schema: Schema,
    *,
    codes: CodeBook | None = None,
    out_of_range: str = REFUSE,
    unknown: str = REFUSE,
    told: Mapping[str, Collection[str]] | None = None,
) -> tuple[pd.DataFrame, list[Change]]:
    """Correct a table and report what was changed.

    Parameters
    ----------
    table
        One row an entry, of any types; columns named as the attributes or as their labels. The id
        may also be the index, if it has that name.
    schema
        What an entry is.
    codes
        The code book: which columns hold the attributes, and what codes mean.
    out_of_range
        What to do with numbers beyond ``least`` and ``most``: ``"refuse"``, or ``"missing"`` to
        make them missing values.
    unknown
        What to do with values that a one-of doesn't list: ``"refuse"``, ``"missing"``, or a listed
        value that replaces them, such as ``"other"``, in the attributes that have it.
    told
        For a piece of a large table: the `evidence` of all pieces.

    Returns
    -------
    The entries, valid for `Schema.check`: text, the id column first if there is one, the index
    of `table`. And the changes.

    Raises
    ------
    InputError
        If a column is absent, an option is unknown, or values can't be corrected. For each
        attribute the message has a line, which names the first such row, its value, the number of
        rows, and what to do.
    """
    if out_of_range not in (REFUSE, "missing"):
        raise InputError(f"out of range: expected refuse or missing, got {out_of_range!r}")
    if not any(unknown in (REFUSE, "missing", *a.values) for a in schema.attributes):
        raise InputError(
            f"unknown values: expected refuse, missing, or a value that an attribute lists, got "
            f"{unknown!r}"
        )
    row = table.index.name if table.index.name in ("line", "row") else "row"
    codes = CodeBook() if codes is None else codes
    told = {} if told is None else told
    attrs = table.attrs  # kept, as renaming columns may lose them
    table, renamed, replaced = codes.renamed(table, schema)
    places, people = schema.columns(table), schema.people(table)
    report = [*_of_the_table(table, schema, places, attrs)]
    report += [Change("column left out", name, len(table), name, "") for name in replaced]
    report += [Change("column renamed", new, len(table), old, new) for new, old in renamed.items()]
    columns, problems = {}, []
    if people is not None:
        columns[schema.id] = _people(people, schema.id, row, report, told.get(schema.id, ()))
    for attribute in schema.attributes:
        raw = table.iloc[:, places.index(attribute.name)]
        numbers = _are_numbers(raw, renamed.get(attribute.name), attrs)
        column = _Column(attribute, schema.alphabet, raw, codes, numbers=numbers)
        column.tidy(out_of_range, unknown, told.get(attribute.name, ()))
        columns[attribute.name] = column.result()
        report += column.report
        problems += column.problems(row)
        if numbers and attribute.form is Form.DIGITS and len(set(attribute.span)) > 1:
            problems.append(
                f"{attribute.name}: a column of numbers, which has lost the zeros at the beginning "
                f"of digits; expected text, or a schema that says how many digits there are"
            )
    if problems:
        raise InputError(_together(problems))
    entries = pd.DataFrame(columns, index=table.index)
    schema.check(entries, row=row)
    return entries.rename_axis(index=None), report


def evidence(
    table: pd.DataFrame, schema: Schema, codes: CodeBook | None = None
) -> dict[str, set[str]]:
    """What a piece of a table shows about how values of the whole table are written.

    Is ``1,234`` more than a thousand? Is ``03/04/2018`` in March? Is ``7.0`` person 7? Other rows
    of the table answer this, and they may be in other pieces. `prepare` takes the union of the
    evidence of all pieces as `told`. Then it changes a piece exactly as it would change the same
    rows in the whole table.

    Parameters
    ----------
    table, schema, codes
        As for `prepare`.

    Returns
    -------
    dict of attribute or id -> its evidence.

    Raises
    ------
    InputError
        If a column is absent.
    """
    codes = CodeBook() if codes is None else codes
    attrs = table.attrs
    table, renamed, _ = codes.renamed(table, schema)
    places, people = schema.columns(table), schema.people(table)
    told = {}
    for attribute in schema.attributes:
        if attribute.form is Form.NUMBER or attribute.time:
            raw = table.iloc[:, places.index(attribute.name)]
            numbers = _are_numbers(raw, renamed.get(attribute.name), attrs)
            column = _Column(attribute, schema.alphabet, raw, codes, numbers=numbers)
            column.begin()
            told[attribute.name] = column.tells()
    if people is not None:
        told[schema.id] = _tell(_text(people, schema.id).map(single_blanks))
    return told


def _are_numbers(column: pd.Series, old_name: str | None, attrs: dict) -> bool:
    """Whether a column has numbers that aren't text, or had them in its file."""
    in_file = attrs.get("numbers", ())
    return spelling.are_numbers(column) or (old_name or column.name) in in_file


def _text(column: pd.Series, name: str) -> pd.Series:
    """A column as text, as `as_text`, whose error gets the column's name."""
    try:
        return as_text(column)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


class _Column:
    """The distinct values of an attribute, while they are corrected step by step."""

    def __init__(
        self,
        attribute: Attribute,
        alphabet: str,
        column: pd.Series,
        codes: CodeBook,
        *,
        numbers: bool,
    ) -> None:
        self.attribute, self.text = attribute, _text(column, attribute.name)
        self.alphabet = frozenset(alphabet) - {SEPARATOR}
        self.codes, distinct = pd.factorize(self.text)
        self.raw = np.asarray(distinct, object)
        self.counts = np.bincount(self.codes, minlength=len(self.raw))
        self.now, self.right = self.raw.copy(), np.zeros(len(self.raw), bool)
        self.told: set[str] = set()
        # What the code book explains is as the schema writes it, and a number that isn't text has a
        # point before its decimals. Other values of this form may be shown to mean something else.
        self.sure, self.doubtful = self.right.copy(), self.right.copy()
        if attribute.form is Form.NUMBER and numbers:
            self.sure[:] = True
        elif attribute.form is Form.NUMBER and column.dtype == object:
            self.sure[self.codes[column.map(_is_number).to_numpy(bool)]] = True
        self.has_points = any("." in value for value in self.raw[self.sure])
        self.listed = {value.casefold() for value in attribute.values}
        self.report: list[Change] = []
        meanings = codes.meanings(attribute.name, attribute.label)
        for at, value in enumerate(self.raw):  # also right values: the number 9999 may be a code
            meant = meaning(value, meanings)
            self.sure[at] |= meant is not None
            if meant not in (None, value):
                self.now[at] = meant
                self.report.append(
                    Change("code", attribute.name, int(self.counts[at]), value, meant)
                )
        self._look()

    def _look(self) -> None:
        """Check again the values that weren't right, and note which are right now."""
        left = ~self.right
        values = self.now[left]
        fits = self.attribute.fits(pd.Series(values, dtype="str"))
        for at, value, fit in zip(np.flatnonzero(left), values, fits, strict=True):
            stranger = self._is_null(value) or spelling.without_byte_mark(value) is not None
            stranger |= self.doubtful[at] or not self.alphabet.issuperset(value)
            self.right[at] = fit and not stranger

    def _is_null(self, value: str) -> bool:
        word = value.strip().casefold()
        return word in NULLS | {""} and word not in self.listed

    def change(self, kind: str, step: Callable[[str], str | tuple[str, str] | None]) -> None:
        """Apply a step to values that aren't right yet, and report its changes.

        Parameters
        ----------
        kind
            The kind of change, if the step returns only the new value.
        step
            From a value to the new value, or to the kind of change and the new value.
        """
        done: dict[str, list[int]] = {}
        before = self.now.copy()
        for at in np.flatnonzero(~self.right):
            found = step(before[at])
            what, new = found if isinstance(found, tuple) else (kind, found)
            if new not in (None, before[at]):
                done.setdefault(what, []).append(int(at))
                self.now[at], self.doubtful[at] = new, False
        for kind, places in done.items():
            count, example = int(self.counts[places].sum()), places[0]
            name = self.attribute.name
            self.report.append(Change(kind, name, count, before[example], self.now[example]))
        self._look()

    def begin(self) -> None:
        """Corrections for values of any form."""
        self.change("bytes written as text", spelling.without_byte_mark)
        self.change("missing value", lambda v: MISSING if self._is_null(v) else None)
        self.change("blanks", single_blanks)

    def tells(self) -> set[str]:
        """The evidence in the column's values; to be called after `begin`."""
        values = self.now[~self.sure]
        if self.attribute.form is Form.NUMBER:
            return spelling.number_signs(values) | ({"."} if self.has_points else set())
        return spelling.day_orders(values)

    def doubt(self, is_other: Callable[[str], bool]) -> None:
        """Take right values for wrong, if the evidence shows that they mean something else."""
        for at in np.flatnonzero(self.right & ~self.sure) if self.told else ():
            self.doubtful[at] = is_other(self.now[at])
        self.right &= ~self.doubtful

    def tidy(self, out_of_range: str, unknown: str, told: Collection[str]) -> None:
        """All corrections for values of this form."""
        a = self.attribute
        self.begin()
        if a.form is Form.NUMBER:
            self.told = self.tells().union(told)
            self.doubt(lambda v: spelling.is_other_number(v, self.told))
            self.change("", spelling.number_step(a.decimals, self.told))
            if out_of_range == "missing":
                self.change("out of range", lambda v: MISSING if _is_beyond(a, v) else None)
        elif a.form is Form.DIGITS:
            if len(set(a.span)) == 1:  # only then can lost zeros be restored
                self.change("decimals that are zero", lambda v: re.sub(r"^(\d+)\.0*$", r"\1", v))
            self.change("signs between digits", spelling.without_signs)
            self.change("", lambda v: spelling.with_zeros(v, *a.span))
        elif a.form is Form.ONE_OF:
            self.change("", spelling.one_of_step(a.values))
            other = MISSING if unknown == "missing" else unknown
            if unknown != REFUSE and other in (MISSING, *a.values):
                self.change("unknown value", lambda v: other)
        else:
            if a.time:
                self.told = self.tells().union(told)
                self.doubt(lambda v: spelling.is_other_date(v, a.time, self.told))
                self.change("", spelling.time_step(a.time, self.told))
            elif a.form is Form.PATTERN:  # 135/85 becomes 135-85, if that fits the pattern
                self.change("slash to hyphen", self._hyphen)
            self.change("capitals", self._case)
            self.change("accents and signs", self._plain_letters)
            self.change("other characters to blanks", self._blank)

    def _known(self, *candidates: str) -> str:
        return next((c for c in candidates if self.alphabet.issuperset(c)), candidates[0])

    def _case(self, value: str) -> str:
        return "".join(self._known(c, c.lower(), c.upper()) for c in value)

    def _plain_letters(self, value: str) -> str:
        composed = self._case(unicodedata.normalize("NFC", value))
        text = "".join(c if c in self.alphabet else in_ascii(c) for c in composed)
        return single_blanks(self._case(text))

    def _blank(self, value: str) -> str:
        # A small digit stays, so that 10² is refused and doesn't become 10.
        return single_blanks(
            "".join(c if is_small_digit(c) else self._known(c, " ") for c in value)
        )

    def _hyphen(self, value: str) -> str | None:
        changed = value.replace("/", "-")
        return changed if self.attribute.fits(pd.Series([changed], dtype="str"))[0] else None

    def result(self) -> pd.Series:
        values = pd.array(self.now, dtype="str").take(self.codes)
        return pd.Series(values, index=self.text.index, name=self.attribute.name)

    def problems(self, row: str) -> list[str]:
        """A text for the error, if values are still wrong: the first row, then all wrong values."""
        wrong = np.flatnonzero(~self.right)
        if not len(wrong):
            return []
        a, at = self.attribute, int(np.argmax(~self.right[self.codes]))
        value = self.now[self.codes[at]]
        remedy = f"correct it, or write {MISSING} for a missing value, or say so by --codes"
        if a.form is Form.ONE_OF:
            remedy = (
                "add it to the schema; or let unknown values be missing, or one of the listed "
                "(--unknown), or say what it means by --codes"
            )
        elif a.form is Form.NUMBER and spelling.has_two_meanings(value, self.told):
            parts = re.split("[.,]", value)
            meant, other = "".join(parts), ".".join(parts)
            remedy = (
                f"it may mean {meant} or {other}, and other values don't show which; write which, "
                "or say so by --codes"
            )
            if _decimals(a, value):
                remedy = f"{remedy}; if it is {other}, set decimals = 3 in the schema"
        elif a.form is Form.NUMBER and _is_beyond(a, value):
            remedy = f"{remedy}; or let what is out of range be missing (--out-of-range missing)"
        elif a.form is Form.NUMBER and (decimals := _decimals(a, value)):
            remedy = f"{remedy}; or set decimals = {decimals} in the schema"
        elif a.time:
            remedy = "write it as in ISO 8601, such as 2018-03-14 07:30:00"
            if spelling.in_both_orders(self.told):
                remedy = f"some dates have the day first, and others the month; {remedy}"
        often = wrong[np.argsort(-self.counts[wrong], kind="stable")]
        values = ", ".join(f"{self.raw[i]!r} {self.counts[i]} times" for i in often[:SHOWN])
        more = f", and {len(wrong) - SHOWN} other values" if len(wrong) > SHOWN else ""
        return [
            f"{row} {row_name(self.text.index, at)}, {a.name}: expected {a.says}, got "
            f"{self.raw[self.codes[at]]!r}; {remedy}; in {self.counts[wrong].sum()} rows: "
            f"{values}{more}"
        ]


def _is_number(value: object) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _together(problems: list[str]) -> str:
    """One message for all problems; if there are several, a line each."""
    head = ["values that only a person can correct:"] if len(problems) > 1 else []
    return "\n  ".join([*head, *problems])


def _of_the_table(
    table: pd.DataFrame, schema: Schema, places: list[str | None], attrs: dict
) -> Iterator[Change]:
    """The changes to a file as a whole, and to whole columns."""
    separator, rows = attrs.get("separator", ","), len(table)
    names = {";": "semicolons", "\t": "tabs"}
    if separator in names:
        yield Change(f"cells separated by {names[separator]}", "", rows, separator, ",")
    if attrs.get("mark"):
        yield Change("mark of the encoding left out", "", 1, attrs["encoding"], "")
    if attrs.get("empty"):
        yield Change("empty lines left out", "", attrs["empty"], "", "")
    told, has_id = False, schema.people(table) is not None
    for place, known in enumerate(places):
        if known is None:  # whatever it holds
            continue
        name = str(table.columns[place])
        text = _text(table.iloc[:, place], name)
        encoding = attrs.get("encoding", text.attrs["encoding"])
        strange = [] if encoding == "utf-8" else [v for v in text if not v.isascii()]
        if strange:
            told = True
            yield Change(f"read as {encoding}", name, len(strange), encoding, strange[0])
    encoding = attrs.get("encoding", "utf-8")
    if encoding != "utf-8" and not told:
        yield Change(f"read as {encoding}", "", rows, encoding, "utf-8")
    for place, known in enumerate(places):
        if known is None:
            heading, kind = str(table.columns[place]), "column left out"
            if not has_id and nearest(schema.id, [heading], SURELY):
                kind = f"{kind}; is it {schema.id}, the schema's 'id'?"
            yield Change(kind, heading, len(table), heading, "")


def _people(
    column: pd.Series, name: str, row: str, report: list[Change], told: Collection[str]
) -> pd.Series:
    """The id column as text, without extra blanks and ``.0``: else a person could have two ids."""
    raw = _text(column, name)
    tidy = raw.map(single_blanks)
    empty = tidy.str.casefold().isin(NULLS | {"", MISSING}).to_numpy(bool)
    if empty.any():
        at = row_name(raw.index, np.argmax(empty))
        raise InputError(f"{row} {at}, {name}: empty; expected whose entry it is, or no column")
    kinds, pointed = _tell(tidy).union(told), tidy.str.fullmatch(POINT_ZERO).to_numpy(bool)
    if pointed.any() and {WHOLE, DECIMALS} <= kinds:
        raise InputError(
            f"{name}: {pointed.sum():,} ids end in .0, such as {tidy[pointed].iloc[0]!r}, and "
            "others are whole numbers or have decimals; expected one spelling of each id; write a "
            "person's id the same way in every row"
        )
    if WHOLE in kinds or not kinds:
        tidy = tidy.str.replace(r"^([0-9]+)\.0+$", r"\1", regex=True)
    changed = np.flatnonzero(raw != tidy)
    if len(changed):
        first = changed[0]
        report.append(Change("ids", name, len(changed), raw.iloc[first], tidy.iloc[first]))
    return tidy


def _tell(people: pd.Series) -> set[str]:
    """Evidence whether a ``.0`` belongs to an id: the kinds of the other ids.

    Beside whole numbers ``7.0`` is 7, as a table may have been put together of parts in which ids
    were read as text, as whole numbers and as numbers. Without them it may be an id as it is.
    """
    kinds = {WHOLE: "[0-9]+", DECIMALS: r"[0-9]+\.[0-9]+"}
    others = people[~people.str.fullmatch(f"{POINT_ZERO}|")]
    told = {kind for kind, form in kinds.items() if others.str.fullmatch(form).any()}
    return told if others.str.fullmatch("|".join(kinds.values())).all() else told | {"text"}


def _decimals(attribute: Attribute, value: str) -> int | None:
    """How many decimals a number has, if it is wrong only because these are too many."""
    decimals = len(value.partition(".")[2])
    if not attribute.decimals < decimals <= MOST_DECIMALS:
        return None
    finer = replace(attribute, decimals=decimals, generalise=None)
    return decimals if finer.fits(pd.Series([value], dtype="str"))[0] else None


def _is_beyond(attribute: Attribute, value: str) -> bool:
    """Whether a value is wrong only because it is out of the attribute's range."""
    return replace(attribute, least=None, most=None).fits(pd.Series([value], dtype="str"))[0]
