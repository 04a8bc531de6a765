"""What an entry is: its attributes in order, its characters, and how long its line may be.

A schema is read from a TOML file that people write by hand; ``assisted_living.toml``, the paper's
twenty attributes, ships as the example.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy.attributes import (
    DELETED,
    MISSING,
    PREPARE,
    SEPARATOR,
    Attribute,
    Category,
    Form,
    plain,
    refuse_null,
    refuse_unfit,
    row_name,
    uncategorised,
)
from aalprivacy.errors import InputError, nearest, refuse_unknown
from aalprivacy.generalisation import from_table, read_hierarchy

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 |*-"  # the paper's 40 characters
LONGEST = 160  # the paper's longest line
MOST_CHARACTERS = 250  # of an alphabet, so that a token fits into one byte
_ATTRIBUTE_KEYS = (
    "label", "category", "form", "expected", "decimals", "least", "most", "digits", "values",
    "pattern", "time", "generalise", "hierarchy", "level",
)  # fmt: skip
_SCHEMA_KEYS = ("title", "alphabet", "longest", "id", "attributes")


@dataclass(frozen=True)
class Schema:
    """What an entry is.

    Parameters
    ----------
    attributes
        In the order of the line.
    alphabet
        The characters that a line may have, each once. It must have ``|``, ``*`` and ``-``, and at
        most `MOST_CHARACTERS` characters. The paper's 40 by default.
    longest
        The most characters of a line.
    title
        A title for people.
    id
        The column that says whose entry a row is, if a table has it.

    Raises
    ------
    InputError
        If two attributes have the same name, a value named in the schema has a character outside
        the alphabet, a generalisation reads an unknown attribute, or `longest` is too short for so
        many attributes.

    Examples
    --------
    >>> home = Schema((
    ...     Attribute("name", Form.WORDS),
    ...     Attribute("age", Form.NUMBER, most=120, generalise=Range(10)),
    ... ))
    >>> home.names
    ('name', 'age')
    """

    attributes: tuple[Attribute, ...]
    alphabet: str = ALPHABET
    longest: int = LONGEST
    title: str = ""
    id: str = "user_id"

    def __post_init__(self) -> None:
        if not self.attributes:
            raise InputError("no attributes; expected at least one")
        strange = next((a for a in self.attributes if not isinstance(a, Attribute)), None)
        if strange is not None:
            raise InputError(f"attributes: expected each an Attribute, got {strange!r}")
        for key, kind in (("title", str), ("alphabet", str), ("longest", int), ("id", str)):
            _of_type(vars(self), key, kind, "")
        # A column is found by its attribute's name or label, so no two of these may be alike.
        owner: dict[str, str] = {plain(self.id): ""}
        for attribute in self.attributes:
            for name in (attribute.name, attribute.label):
                known = owner.setdefault(plain(name), attribute.name)
                if not plain(name):
                    raise InputError(
                        f"{attribute.name}: label {name!r}; expected letters or digits"
                    )
                if known == "":
                    raise InputError(
                        f"{name}: both an attribute and the id of people; expected one"
                    )
                if known != attribute.name:
                    raise InputError(
                        f"{name}: two attributes of this name or label, {known} and "
                        f"{attribute.name}; expected it once"
                    )
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InputError(f"{twice}: two attributes of this name; expected it once")
        if not plain(self.id):
            raise InputError(f"id: expected the name of a column, got {self.id!r}")
        absent = [c for c in (SEPARATOR, DELETED, MISSING) if c not in self.alphabet]
        if absent:
            raise InputError(f"alphabet: no {absent[0]!r}; expected '|', '*' and '-' among them")
        double = next((c for c in self.alphabet if self.alphabet.count(c) > 1), None)
        if double:
            raise InputError(f"alphabet: {double!r} appears twice; expected each character once")
        unseen = next((c for c in self.alphabet if not c.isprintable()), None)
        if unseen:
            raise InputError(f"alphabet: {unseen!r} can't be printed; expected visible characters")
        if len(self.alphabet) > MOST_CHARACTERS:
            raise InputError(
                f"alphabet: {len(self.alphabet)} characters; expected at most {MOST_CHARACTERS}"
            )
        least = 2 * len(self.attributes) - 1
        if self.longest < least:
            raise InputError(
                f"longest: {self.longest} characters; {len(self.attributes)} attributes need at "
                f"least {least}"
            )
        for attribute in self.attributes:
            self._check_named_values(attribute)
            where = f"{attribute.name}: generalise: "
            refuse_unknown(attribute.reads, self.names, "attribute", where)

    def _check_named_values(self, attribute: Attribute) -> None:
        results = getattr(attribute.generalise, "results", lambda: None)() or ()
        for value in (*attribute.values, *results):
            bad = next((c for c in value if c not in self.alphabet or c == SEPARATOR), None)
            if bad:
                raise InputError(
                    f"{attribute.name}: {value!r} has the character {bad!r}; expected characters "
                    "of the alphabet"
                )
            if value in (MISSING, DELETED) and (value == MISSING or value in attribute.values):
                raise InputError(
                    f"{attribute.name}: the value {value!r}; expected another, as {MISSING!r} is "
                    f"any attribute's missing value and {DELETED!r} a view's deleted one"
                )
            if value != value.strip() or not value:
                raise InputError(
                    f"{attribute.name}: {value!r}; expected text without blanks at its ends"
                )
            if len(value) > self.longest:
                raise InputError(
                    f"{attribute.name}: {value!r} has {len(value)} characters; a line has at most "
                    f"{self.longest}"
                )
        if attribute.decimals and "." not in self.alphabet:
            raise InputError(f"{attribute.name}: decimals, and the alphabet has no '.'")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(a.name for a in self.attributes)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names that people read, in order."""
        return tuple(a.label for a in self.attributes)

    @cached_property
    def _by_name(self) -> dict[str, Attribute]:
        return {plain(name): a for a in self.attributes for name in (a.name, a.label)}

    def __len__(self) -> int:
        return len(self.attributes)

    def __getitem__(self, name: str) -> Attribute:
        """Look an attribute up by its column name or its label.

        Raises
        ------
        InputError
            If there is no such attribute.
        """
        found = self._by_name.get(plain(str(name)))
        if found is None:
            refuse_unknown([name], self.names, "attribute")
        assert found is not None  # as that raises an error
        return found

    def general(self, name: str, entries: pd.DataFrame) -> pd.Series:
        """Generalise an attribute of entries with `aalprivacy.attributes.Attribute.general`.

        Parameters
        ----------
        name
            The attribute's name.
        entries
            Entries from `check`. They also have the other attributes that the rule reads.
        """
        attribute = self[name]
        others = (entries[other] for other in attribute.reads)
        return attribute.general(entries[attribute.name], *others)

    def columns(self, table: pd.DataFrame, *, others: bool = True) -> list[str | None]:
        """The attribute that each column of a table holds, by its name or label.

        Parameters
        ----------
        others
            Whether the table may have columns that are no attributes.

        Returns
        -------
        A name for each column: of an attribute, `id`, or ``None``.

        Raises
        ------
        InputError
            If an attribute has no column or two, or there is another column that isn't allowed.
        """
        if not isinstance(table, pd.DataFrame):
            raise InputError(f"expected a table (pandas.DataFrame), got {type(table).__name__}")
        found: list[str | None] = []
        for column in table.columns:
            known = self._by_name.get(plain(str(column)))
            name = known.name if known else None
            if name is None and plain(str(column)) == plain(self.id):
                name = self.id
            if name is not None and name in found:
                raise InputError(f"the column {name} appears twice; expected it once")
            if name is None and not others:
                has = {plain(str(c)) for c in table.columns}
                free = [n for n in (self.id, *self.names) if plain(n) not in has]
                what = f"unexpected column {column!r}{nearest(column, free)}"
                if not str(column).strip():
                    what = f"column {len(found) + 1} has no name, as an index that pandas wrote"
                raise InputError(
                    f"{what}; expected {', '.join(self.names)}, or {self.id} (the schema's 'id'); "
                    f"{PREPARE}"
                )
            found.append(name)
        absent = [name for name in self.names if name not in found]
        if absent:
            shown = ", ".join(map(str, table.columns[:30])) or "none"
            left = [c for c, name in zip(table.columns, found, strict=True) if name is None]
            raise InputError(
                f"no column {absent[0]}{nearest(absent[0], left)}; expected "
                f"{', '.join(self.names)}; the table has {shown}"
            )
        return found

    def people(self, table: pd.DataFrame) -> pd.Series | None:
        """Whose entry each row is: the id column, or an index of that name; ``None`` without both.

        Raises
        ------
        InputError
            As `columns`.
        """
        places = self.columns(table)
        if self.id in places:
            return table.iloc[:, places.index(self.id)]
        index = table.index
        return index.to_series() if plain(str(index.name or "")) == plain(self.id) else None

    def check(self, table: pd.DataFrame, *, row: str = "row") -> pd.DataFrame:
        """Check a table of entries. Every function that takes entries begins with this check.

        Parameters
        ----------
        table
            One row an entry; columns named as the attributes or as their labels, in any order. The
            values are text, or numbers if the form is a number. Other columns are left out.
        row
            What a row is called in a message; its label in the index follows.

        Returns
        -------
        DataFrame of text, the attributes in order, the index of `table`.

        Raises
        ------
        InputError
            If a column is absent, a value is null or doesn't have its attribute's form, or a line
            would be longer than `longest`. The message names the row and the attribute, and says
            what was expected.
        """
        places = self.columns(table)
        null = table.iloc[:, [places.index(name) for name in self.names]].isna().to_numpy(bool)
        if null.any():
            name = self.names[np.argmax(null[np.argmax(null.any(axis=1))])]  # of the first row
            refuse_null(table.iloc[:, places.index(name)], name, row)
        columns = {}
        lengths = np.full(len(table), len(self) - 1)
        for attribute in self.attributes:
            column = table.iloc[:, places.index(attribute.name)]
            text = _as_text(column, attribute, row)
            codes, kinds = pd.factorize(text)
            distinct = np.asarray(kinds, object)
            refuse_unfit(attribute, text, codes, distinct, row)
            self._refuse_characters(attribute, text, codes, distinct, row)
            lengths += np.fromiter(map(len, distinct), int, len(distinct))[codes]
            columns[attribute.name] = text
        if lengths.max(initial=0) > self.longest:
            at = int(np.argmax(lengths > self.longest))
            raise InputError(
                f"{row} {row_name(table.index, at)}: the line has {lengths[at]} characters; "
                f"expected at most {self.longest} (the schema's 'longest')"
            )
        return pd.DataFrame(columns, index=table.index, columns=list(self.names))

    def check_views(self, table: pd.DataFrame, *, row: str = "row") -> pd.DataFrame:
        """Check a table of views; their values may be generalised or deleted.

        Parameters
        ----------
        table, row
            As for `check`, but all columns are text.

        Returns
        -------
        DataFrame of text, the attributes in order, the index of `table`.

        Raises
        ------
        InputError
            If a column is absent, or a value is null, isn't text, or has a `SEPARATOR` in it.
        """
        places = self.columns(table)
        columns = {}
        for name in self.names:
            column = uncategorised(table.iloc[:, places.index(name)])
            refuse_null(column, name, row)
            if pd.api.types.infer_dtype(column, skipna=False) not in ("string", "empty"):
                raise InputError(f"{name}: a column of {column.dtype}; expected text, as in a view")
            columns[name] = column.astype("str")
            bad = columns[name].str.contains(SEPARATOR, regex=False).to_numpy(bool)
            if bad.any():
                raise InputError(
                    f"{row} {row_name(table.index, np.argmax(bad))}, {name}: character "
                    f"{SEPARATOR!r}, which separates the values of a line"
                )
        return pd.DataFrame(columns, index=table.index, columns=list(self.names))

    def _refuse_characters(self, attribute, text, codes, distinct, row) -> None:
        used = set("".join(distinct)) - set(self.alphabet.replace(SEPARATOR, ""))
        if used:
            value = next(v for v in distinct if used & set(v))
            at = row_name(text.index, np.argmax((distinct == value)[codes]))
            bad = next(c for c in value if c in used)
            allowed = self.alphabet.replace(SEPARATOR, "")
            raise InputError(
                f"{row} {at}, {attribute.name}: character {bad!r} in {value!r}; expected only "
                f"{allowed!r}; {PREPARE}"
            )

    def to_dict(self) -> dict:
        """The schema as plain values, for JSON, with whole hierarchies."""
        return {
            "title": self.title,
            "alphabet": self.alphabet,
            "longest": self.longest,
            "id": self.id,
            "attributes": {a.name: a.to_dict() for a in self.attributes},
        }

    @classmethod
    def from_dict(cls, table: Mapping, folder: Path | None = None) -> "Schema":
        """A schema from plain values, as from `to_dict` or a TOML file.

        Parameters
        ----------
        folder
            The folder of the files of hierarchies.

        Raises
        ------
        InputError
            If a key is unknown, a value has a wrong type, or the parts don't fit together.
        """
        refuse_unknown(table, _SCHEMA_KEYS, "key")
        attributes = table.get("attributes")
        if not isinstance(attributes, Mapping) or not attributes:
            raise InputError("no attributes; expected a part [attributes.NAME] for each")
        made = tuple(_attribute(name, part, folder) for name, part in attributes.items())
        rest = {key: table[key] for key in _SCHEMA_KEYS[:-1] if key in table}
        return cls(made, **rest)

    @classmethod
    def from_toml(cls, path: str | Path) -> "Schema":
        """Read a schema file.

        Raises
        ------
        InputError
            If it can't be read or isn't a schema; the message names file and attribute.
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8; save it as such"
            raise InputError(f"{path}: can't be read: {reason}") from None
        except (ValueError, RecursionError) as error:  # also from a number with too many digits
            raise InputError(f"{path}: not TOML: {str(error).split(';')[0]}") from None
        try:
            return cls.from_dict(table, path.parent)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _attribute(name: str, table: Mapping, folder: Path | None) -> Attribute:
    """An attribute from its part of a schema file."""
    if not isinstance(table, Mapping):
        raise InputError(f"{name}: expected a part [attributes.{name}]")
    refuse_unknown(table, _ATTRIBUTE_KEYS, "key", f"{name}: ")
    form, category = table.get("form"), table.get("category", Category.IDENTIFYING)
    if form is None and "hierarchy" in table:
        form = Form.ONE_OF
    for key, value, known in (("form", form, list(Form)), ("category", category, list(Category))):
        if value not in known:
            raise InputError(f"{name}: {key}: expected one of {', '.join(known)}, got {value!r}")
    for key, kind in (("decimals", int), ("least", float), ("most", float), ("level", int),
                      ("label", str), ("expected", str), ("pattern", str), ("time", str),
                      ("values", list)):  # fmt: skip
        _of_type(table, key, kind, f"{name}: ")
    given = {k: table[k] for k in ("label", "expected", "decimals", "least", "most", "digits",
                                   "values", "pattern", "time") if k in table}  # fmt: skip
    if "hierarchy" in table and "generalise" in table:
        raise InputError(f"{name}: both a hierarchy and generalise; expected one of them")
    if "level" in table and "hierarchy" not in table:
        raise InputError(f"{name}: level belongs to a hierarchy; expected a hierarchy too")
    rule: Callable[..., str] | None = None
    level = table.get("level", 1)
    try:
        if "hierarchy" in table:
            rule = read_hierarchy(table["hierarchy"], level, folder)
        elif "generalise" in table:
            rule = from_table(table["generalise"], given.get("decimals", 0), folder)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    return Attribute(name, Form(str(form)), Category(category), generalise=rule, **given)


def _of_type(table: Mapping, key: str, kind: type, where: str) -> None:
    value = table.get(key)
    good = isinstance(value, int | float if kind is float else kind)
    if key in table and (not good or isinstance(value, bool)):
        words = {str: "text in quotes", int: "a whole number", float: "a number", list: "a list"}
        raise InputError(f"{where}{key}: expected {words[kind]}, got {value!r}")


def _as_text(column: pd.Series, attribute: Attribute, row: str) -> pd.Series:
    """A column as text; refused if its type leaves doubt about the text."""
    name, column = attribute.name, uncategorised(column)
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind in ("string", "empty") or column.empty:
        try:
            return column.astype("str")
        except UnicodeEncodeError as error:
            raise InputError(f"{name}: half a character in {error.object!r}; {PREPARE}") from None
    if kind in ("integer", "decimal", "floating"):
        if attribute.form not in (Form.NUMBER, Form.ONE_OF):
            raise InputError(
                f"{name}: a column of numbers; expected {attribute.says} as text, as a number "
                "loses the zeros at its beginning; aalprivacy.tables.read_entries reads a file's "
                f"text as it stands, {PREPARE}"
            )
        if kind == "floating":
            # The shortest text of each float; plus 0 turns -0 into 0.
            text = pd.Series((column.to_numpy() + 0).astype(str), column.index, dtype="str")
            # An attribute with decimals accepts 80.0 as 80.
            return text.str.removesuffix(".0") if attribute.decimals else text
        return column.map(str if kind == "integer" else "{:f}".format).astype("str")
    first: int | np.integer = 0
    if kind in ("mixed", "mixed-integer", "mixed-integer-float"):
        first = np.argmax(column.map(lambda value: not isinstance(value, str)).to_numpy(bool))
        kind = f"{type(column.iloc[first]).__name__} among others"
    raise InputError(
        f"{row} {row_name(column.index, first)}, {name}: of type {kind}; expected text "
        f"({attribute.says}); {PREPARE}"
    )


def with_rules(schema: Schema, rules: Mapping[str, Callable[..., str]]) -> Schema:
    """The schema with some rules replaced: attribute name -> a function of one value."""
    known = {schema[name].name: rule for name, rule in rules.items()}
    changed = (
        replace(a, generalise=known[a.name]) if a.name in known else a for a in schema.attributes
    )
    return replace(schema, attributes=tuple(changed))


ASSISTED_LIVING: Schema = Schema.from_toml(
    Path(str(resources.files("aalprivacy") / "assisted_living.toml"))
)
"""The paper's twenty attributes (its Table I), the built-in example."""
