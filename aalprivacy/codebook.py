"""A code book: which columns of a table hold the attributes, and what the codes in it mean.

Surveys and hospital systems write ``1`` for yes, ``9999`` for not known, and ``SBP1`` for a column.
A code book explains this in a TOML file, and `aalprivacy.prepare.prepare` uses it::

    [columns]               # attribute = the column of the table
    systolic = "SBP1"

    [values.systolic]       # what the table says = what it means; "-" is a missing value
    9999 = "-"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy.attributes import plain
from aalprivacy.errors import InputError, nearest
from aalprivacy.schema import Schema
from aalprivacy.spelling import single_blanks, whole, without_byte_mark


@dataclass(frozen=True)
class CodeBook:
    """What a table's columns and codes mean.

    Parameters
    ----------
    columns
        Attribute -> the table's column.
    values
        Attribute -> what the table says -> what it means. Capitals and blanks don't matter, and
        ``1`` also stands for ``1.0``.

    Raises
    ------
    InputError
        If a part isn't such a table of text, or a code appears twice.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise InputError(f"values: expected parts [values.NAME], got {self.values!r}")
        parts = {"columns": self.columns} | {f"values.{n}": v for n, v in self.values.items()}
        for where, part in parts.items():
            if not isinstance(part, Mapping):
                raise InputError(f"{where}: expected a part [{where}], got {part!r}")
            for key, value in part.items():
                if not isinstance(value, str):
                    raise InputError(f"{where}: {key}: expected text in quotes, got {value!r}")
        for name, codes in self.values.items():
            keys = [_key(code) for code in codes]
            twice = next((code for code in codes if keys.count(_key(code)) > 1), None)
            if twice is not None:
                raise InputError(
                    f"values.{name}: the code {twice!r} appears twice; expected it once"
                )

    @classmethod
    def from_toml(cls, path: str | Path) -> "CodeBook":
        """Read a code book.

        Raises
        ------
        InputError
            If it can't be read or isn't a code book; the message names the file.
        """
        try:
            book = tomllib.loads(Path(path).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8; save it as such"
            raise InputError(f"{path}: can't be read as a code book: {reason}") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not TOML: {str(error).split(';')[0]}") from None
        unknown = next((key for key in book if key not in ("columns", "values")), None)
        if unknown is not None:
            raise InputError(f"{path}: unknown key {unknown!r}; expected columns or values")
        try:
            return cls(**book)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def renamed(
        self, table: pd.DataFrame, schema: Schema
    ) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
        """The table with the attributes' names for its columns.

        Also attribute -> column; and the columns that are left out, as the book chooses others for
        the attributes whose names they have.

        Raises
        ------
        InputError
            If the schema doesn't have an attribute of the book, the table not its column, or a part
            of the book would have no effect.
        """
        self._check_values(schema)
        names = [str(column) for column in table.columns]
        done: dict[str, str] = {}
        chosen: dict[str, int] = {}
        for name, column in self.columns.items():
            new = _attribute(name, schema)
            at = [n for n, known in enumerate(table.columns) if plain(str(known)) == plain(column)]
            if len(at) != 1:
                what = "two columns" if at else "no column"
                hint = "" if at else nearest(column, map(str, table.columns))
                raise InputError(
                    f"code book, {name}: {what} {column!r}{hint}; expected one; correct it under "
                    f"[columns]"
                )
            if new in chosen or at[0] in chosen.values():
                what = new if new in chosen else f"the column {column!r}"
                raise InputError(f"code book, columns: {what} appears twice; expected it once")
            old = str(table.columns[at[0]])
            names[at[0]], chosen[new] = new, at[0]
            done |= {new: old} if old != new else {}
        taken = {plain(name) for new in chosen for name in _names(new, schema)}
        is_left = [
            plain(name) in taken and n not in chosen.values() for n, name in enumerate(names)
        ]
        table = table.set_axis(names, axis=1)
        if any(is_left):
            table = table.loc[:, ~np.array(is_left)]
        return table, done, [name for name, left in zip(names, is_left, strict=True) if left]

    def _check_values(self, schema: Schema) -> None:
        """Refuse parts that would have no effect: who wrote them expects one."""
        known = [_attribute(name, schema) for name in self.values]
        for part, name in zip(self.values, known, strict=True):
            if name == schema.id:
                raise InputError(
                    f"code book, values.{part}: the column that says whose entry it is (the "
                    "schema's 'id') has no codes; expected an attribute; leave this part out"
                )
            if known.count(name) > 1:
                raise InputError(
                    f"code book, values.{part}: a second part for {name}; expected one; put them "
                    "together"
                )

    def meanings(self, *names: str) -> dict[str, str]:
        """Codes of an attribute, by its name or label, as `meaning` looks them up -> meanings."""
        own_names = set(map(plain, names))
        own = (codes for known, codes in self.values.items() if plain(known) in own_names)
        return {_key(code): meant for codes in own for code, meant in codes.items()}


def meaning(value: str, meanings: Mapping[str, str]) -> str | None:
    """What a value means, if it is a code."""
    return meanings.get(_key(value))


def _key(code: str) -> str:
    text = without_byte_mark(code)
    return whole(single_blanks(code if text is None else text)).casefold()


def _names(name: str, schema: Schema) -> tuple[str, ...]:
    """All names of an attribute's column, or of the id's."""
    return (name,) if name == schema.id else (name, schema[name].label)


def _attribute(name: str, schema: Schema) -> str:
    if plain(name) == plain(schema.id):
        return schema.id
    try:
        return schema[name].name
    except InputError as error:
        raise InputError(f"code book: {error}") from None
