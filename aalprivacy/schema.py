"""What an entry is: its attributes in order, its characters, and how long its line may be.

Every value is text. In every attribute ``-`` is a missing value; in a view ``*`` is a deleted one.
A schema is read from a TOML file that people write by hand; ``assisted_living.toml``, the paper's
twenty attributes, ships as the example.
"""

import difflib
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy.errors import InputError
from aalprivacy.generalisation import Hierarchy, from_table, to_table

DELETED, MISSING, SEPARATOR = "*", "-", "|"
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 |*-"  # the paper's 40 characters
LONGEST = 160  # the paper's longest line
MOST_CHARACTERS = 250  # of an alphabet, so that a token fits one byte
# What programs write for a value that isn't there.
NULLS = frozenset(("nan", "na", "n/a", "nat", "null", "none", "<na>", "#n/a", "?", "--"))
PREPARE = "'aalprivacy prepare' puts it right"
MOST_DIGITS = 15  # of a number before its point, so that it is told from its neighbours exactly
MOST_DECIMALS = 9
# What a time's directive looks like in a value: always the same number of digits.
DIRECTIVES = {
    "Y": "(?!0000)[0-9]{4}", "y": "[0-9]{2}", "m": "(0[1-9]|1[0-2])", "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]+", "d": "(0[1-9]|[12][0-9]|3[01])", "H": "([01][0-9]|2[0-3])",
    "I": "(0[1-9]|1[0-2])", "M": "[0-5][0-9]", "S": "[0-5][0-9]", "f": "[0-9]{6}",
    "p": "[AaPp][Mm]", "%": "%",
}  # fmt: skip


class Category(StrEnum):
    """The kinds of attribute of the paper's section IV-B."""

    PERSONAL = "personal"  # names a person outright
    IDENTIFYING = "identifying"  # may single a person out, together with others
    MEDICAL = "medical"
    SENSOR = "sensor"


class Form(StrEnum):
    """What the values of an attribute look like."""

    WORDS = "words"  # words with one blank between them
    NUMBER = "number"  # as `decimals`, `least` and `most` allow, without zeros before it
    DIGITS = "digits"  # a string of digits whose zeros count
    ONE_OF = "one-of"  # one of a list
    PATTERN = "pattern"  # whatever matches a regular expression, or a date and time
    TEXT = "text"  # any characters of the alphabet


@dataclass(frozen=True)
class Attribute:
    """One column of an entry.

    Parameters
    ----------
    name
        Column name, e.g. ``"blood_pressure"``.
    form
        What its values look like.
    category
        What kind of information it is.
    label
        The name that people read; by default the name with spaces.
    expected
        What a value must be, in words, for error messages; by default made from the form.
    decimals, least, most
        Of a number: decimals at most, and the smallest and largest value that is allowed. It has
        no more than `MOST_DIGITS` digits before its point.
    digits
        Of digits: how many, at least and at most.
    values
        Of ``one-of``: the list. With a hierarchy, the values that have a row in it.
    pattern
        A regular expression that each value must match in full, besides its form.
    time
        Of ``pattern``: the form of a date and time, as `datetime.datetime.strptime` has it; each
        number with all its digits.
    generalise
        One value to its generalised value, both text; ``None`` if there is nothing between
        telling and deleting. See `aalprivacy.generalisation`.

    Raises
    ------
    InputError
        If these don't go together.
    """

    name: str
    form: Form
    category: Category = Category.IDENTIFYING
    label: str = ""
    expected: str = ""
    decimals: int = 0
    least: float | None = None
    most: float | None = None
    digits: tuple[int, int] = (1, 250)
    values: tuple[str, ...] = ()
    pattern: str = ""
    time: str = ""
    generalise: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\W\d]\w*", self.name):
            raise InputError(f"{self.name!r}: not a name; expected letters, digits and underscores")
        if isinstance(self.generalise, Hierarchy) and not self.values:
            object.__setattr__(self, "values", self.generalise.values)
        if not self.label:
            object.__setattr__(self, "label", in_words(self.name))
        form, rule = self.form, self.generalise
        if form is Form.ONE_OF and not self.values:
            raise InputError(f"{self.name}: one-of; expected a list 'values' or a 'hierarchy'")
        if form is Form.PATTERN and not (self.pattern or self.time):
            raise InputError(f"{self.name}: pattern; expected a 'pattern' or a 'time'")
        self._check_keys()
        if self.least is not None and self.most is not None and self.least > self.most:
            raise InputError(f"{self.name}: least {self.least} is more than most {self.most}")
        twice = next((v for v, n in Counter(self.values).items() if n > 1), None)
        if twice is not None:
            raise InputError(f"{self.name}: the value {twice!r} stands twice; expected it once")
        if isinstance(rule, Hierarchy):
            absent = [value for value in self.values if value not in rule.general]
            if absent:
                raise InputError(
                    f"{self.name}: {rule.source or 'the hierarchy'} has no row for {absent[0]!r}"
                )
        elif hasattr(rule, "to_dict"):
            kind = min(rule.to_dict())
            # The last word of a number is all of it, and its first digit says nothing of its size.
            fit = {"range": form is Form.NUMBER, "bands": form is Form.NUMBER,
                   "first": form is not Form.NUMBER,
                   "last_word": form not in (Form.NUMBER, Form.DIGITS)}  # fmt: skip
            if not fit[kind]:
                raise InputError(f"{self.name}: {kind} isn't for a {form}")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InputError(f"{self.name}: pattern {self.pattern!r}: {error}") from None

    def _check_keys(self) -> None:
        """Refuse what would be ignored, as whoever wrote it relies on it."""
        of = {"decimals": Form.NUMBER, "least": Form.NUMBER, "most": Form.NUMBER,
              "digits": Form.DIGITS, "values": Form.ONE_OF, "time": Form.PATTERN}  # fmt: skip
        default = {field.name: field.default for field in fields(self)}
        for key, form in of.items():
            if getattr(self, key) != default[key] and self.form is not form:
                kind = "a hierarchy" if isinstance(self.generalise, Hierarchy) else key
                raise InputError(f"{self.name}: {kind} is for the form {form}, not {self.form}")
        if not 0 <= self.decimals <= MOST_DECIMALS:
            raise InputError(
                f"{self.name}: decimals: expected 0 to {MOST_DECIMALS}, got {self.decimals}"
            )
        for key in ("least", "most"):
            limit = getattr(self, key)
            if limit is not None and not math.isfinite(limit):
                raise InputError(f"{self.name}: {key}: expected a number, got {limit}")
        strange = [d for d in re.findall("%(.?)", self.time) if d not in DIRECTIVES]
        if strange or (self.time and "%" not in self.time):
            known = ", ".join(f"%{letter}" for letter in DIRECTIVES)
            raise InputError(f"{self.name}: time {self.time!r}: expected directives among {known}")

    @property
    def says(self) -> str:
        """What a value must be, in words."""
        if self.form is Form.ONE_OF and len(self.values) > 12:
            return self.expected or f"one of the {len(self.values)} values that it may have"
        if self.expected:
            return self.expected
        if self.form is Form.NUMBER:
            kind = f"a number with up to {self.decimals} decimals" if self.decimals else (
                "a whole number"
            )  # fmt: skip
            limits = [f"from {self.least:g}"] if self.least is not None else []
            limits += [f"up to {self.most:g}"] if self.most is not None else []
            return " ".join([kind, *limits])
        if self.form is Form.DIGITS:
            low, high = self.digits
            return f"{low} digits" if low == high else f"{low} to {high} digits"
        return {
            Form.WORDS: "words with one blank between them",
            Form.ONE_OF: "one of " + ", ".join(self.values),
            Form.PATTERN: f"a time such as {self.time}" if self.time else f"a {self.pattern}",
            Form.TEXT: "text without blanks at its ends",
        }[self.form]

    def fits(self, values: pd.Series) -> np.ndarray:
        """Which values are of this form; a missing one is.

        Parameters
        ----------
        values
            Text, shape ``(n,)``.

        Returns
        -------
        bool ``(n,)``.
        """
        text = values.to_numpy(object)
        if self.form is Form.ONE_OF:
            good = values.isin(self.values).to_numpy(bool)
        elif self.form is Form.NUMBER:
            good = _match(rf"-?(0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}}){self._decimals}", text)
            numbers = np.where(good, text, "nan").astype(float)
            good &= ~(np.signbit(numbers) & (numbers == 0))  # -0 is 0 in other words
            if self.least is not None:
                good &= numbers >= self.least
            if self.most is not None:
                good &= numbers <= self.most
        elif self.form is Form.DIGITS:
            low, high = self.digits
            good = _match(rf"[0-9]{{{low},{high}}}", text)
        elif self.form is Form.WORDS:
            good = _match(r"\S+( \S+)*", text)
        else:
            good = np.fromiter((v != "" and v == v.strip() for v in text), bool, len(text))
        if self.pattern:
            good &= _match(self.pattern, text)
        if self.time:
            good &= _match(_time_pattern(self.time, DIRECTIVES), text)
            # Only a late day may not be in its month; to ask the calendar takes long.
            early = DIRECTIVES | {"d": "(0[1-9]|1[0-9]|2[0-8])", "b": "(?!)", "B": "(?!)"}
            late = good & ~_match(_time_pattern(self.time, early), text)
            good[late] = pd.to_datetime(values[late], format=self.time, errors="coerce").notna()
        return (good & (text != DELETED)) | (text == MISSING)

    @property
    def _decimals(self) -> str:
        return rf"(\.[0-9]{{1,{self.decimals}}})?" if self.decimals else ""

    def complaint(self, value: str) -> str:
        """Why a value isn't of this form, and what to do."""
        if value == "":
            return f"empty; expected {self.says}; write {MISSING} for a missing value"
        said = f"expected {self.says}, got {value!r}"
        if value.strip().casefold() in NULLS:
            return f"{said}; write {MISSING} for a missing value, or {PREPARE}"
        if value == DELETED:
            return f"{said}, which is a deleted value; expected entries, not a view"
        if self.form is Form.ONE_OF:
            near = difflib.get_close_matches(value.casefold(), self.values, 1)
            hint = f" (the nearest is {near[0]!r})" if near else ""
            return f"{said}{hint}; add it to the schema and train anew, or {PREPARE}"
        if self.form is Form.NUMBER and re.fullmatch(r"-?\d+[.,]0*", value):
            return f"{said}; write {re.split('[.,]', value)[0]}, or {PREPARE}"
        if self.form is Form.NUMBER and re.fullmatch(rf"-?[0-9]{{{MOST_DIGITS + 1},}}", value):
            return f"{said}, which has more than {MOST_DIGITS} digits; the form digits takes more"
        if self.form is Form.DIGITS and value.isdigit() and len(value) < self.digits[0]:
            return (
                f"{said}, which has {len(value)}; a spreadsheet may have lost a zero at its "
                f"beginning; {PREPARE}"
            )
        return f"{said}; {PREPARE}" if self.fits(pd.Series([_tidy(value)]))[0] else said

    def general(self, values: pd.Series) -> pd.Series:
        """Generalise a column that fits; missing values stay missing.

        Parameters
        ----------
        values
            Text, shape ``(n,)``, without nulls.

        Returns
        -------
        Series of text, same index and name.

        Raises
        ------
        InputError
            If the attribute can't be generalised, a value isn't of its form, or the rule fails or
            gives what no view can hold.
        """
        if self.generalise is None:
            raise InputError(f"{self.name}: this attribute has no generalisation")
        # The rule runs once a distinct value; a home of a million entries has a few thousand.
        codes, distinct = pd.factorize(values)
        _refuse_unfit(self, values, codes, distinct)
        general = [v if v == MISSING else self._generalised(v) for v in distinct]
        return pd.Series(
            pd.array(general, dtype="str").take(codes), index=values.index, name=values.name
        )

    def _generalised(self, value: str) -> str:
        try:
            general = self.generalise(value)
        except Exception as error:  # a rule is anybody's function
            raise InputError(
                f"{self.name}: the rule of generalisation fails for {value!r}: {error!r}"
            ) from error
        if not isinstance(general, str) or general in ("", MISSING) or SEPARATOR in general:
            raise InputError(
                f"{self.name}: {value!r} generalises to {general!r}; expected text that is neither "
                f"empty nor {MISSING!r} and has no {SEPARATOR!r}"
            )
        return general

    def to_dict(self) -> dict:
        """As in a schema file, the hierarchy's rows in place of its file's name."""
        default = Attribute(self.name, Form.TEXT)
        table = {"form": str(self.form), "category": str(self.category), "label": self.label}
        for key in ("expected", "decimals", "least", "most", "pattern", "time"):
            if getattr(self, key) != getattr(default, key):
                table[key] = getattr(self, key)
        if self.form is Form.DIGITS:
            table["digits"] = list(self.digits)
        if isinstance(self.generalise, Hierarchy):
            return table | self.generalise.to_dict()
        if self.values:
            table["values"] = list(self.values)
        return table | ({"generalise": to_table(self.generalise)} if self.generalise else {})


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
        In the order in which they stand in a line.
    alphabet
        The characters that a line may have, each once, ``|``, ``*`` and ``-`` among them; at most
        `MOST_CHARACTERS`. The paper's 40 by default.
    longest
        Characters of a line, at most.
    title
        What people read.
    id
        The column that says whose entry it is, if a table has it.

    Raises
    ------
    InputError
        If two attributes have one name, a value that the schema itself names has a character
        outside the alphabet, or no line of so many attributes fits.

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
        # A column is found by its attribute's name or label, so that no two may be alike.
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
        twice = next((c for c in self.alphabet if self.alphabet.count(c) > 1), None)
        if twice:
            raise InputError(f"alphabet: {twice!r} stands twice; expected each character once")
        strange = next((c for c in self.alphabet if not c.isprintable()), None)
        if strange:
            raise InputError(f"alphabet: {strange!r} can't be printed; expected visible characters")
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
            near = difflib.get_close_matches(str(name), self.names, 1)
            hint = f" (the nearest is {near[0]})" if near else ""
            raise InputError(
                f"unknown attribute {name!r}{hint}; expected one of {', '.join(self.names)}"
            )
        return found

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
            If an attribute has no column or two, or another column is there that may not.
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
                raise InputError(f"the column {name} stands twice; expected it once")
            if name is None and not others:
                what = f"unexpected column {column!r}"
                if not str(column).strip():
                    what = f"column {len(found) + 1} has no name, as an index that pandas wrote"
                raise InputError(f"{what}; expected {', '.join(self.names)}; {PREPARE}")
            found.append(name)
        absent = [name for name in self.names if name not in found]
        if absent:
            has = ", ".join(map(str, table.columns[:30])) or "none"
            raise InputError(
                f"no column {absent[0]}; expected {', '.join(self.names)}; the table has {has}"
            )
        return found

    def check(self, table: pd.DataFrame, *, row: str = "row") -> pd.DataFrame:
        """Take a table of entries in: the one check that stands at every door.

        Parameters
        ----------
        table
            One row an entry; columns named as the attributes or as their labels, in any order.
            Text; or numbers where the form is a number. Other columns are left out.
        row
            What a row is called in a message; its label in the index follows.

        Returns
        -------
        DataFrame of text, the attributes in order, the index of `table`.

        Raises
        ------
        InputError
            If a column is absent, a value is null or not of its attribute's form, or a line would
            be longer than `longest`; the message names row and attribute and says what was
            expected.
        """
        places = self.columns(table)
        columns = {}
        lengths = np.full(len(table), len(self) - 1)
        for attribute in self.attributes:
            column = table.iloc[:, places.index(attribute.name)]
            text = _as_text(column, attribute, row)
            codes, distinct = pd.factorize(text)
            distinct = np.asarray(distinct, object)
            _refuse_unfit(attribute, text, codes, distinct, row)
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
        """Take a table of views in, whose values may be generalised or deleted ones.

        Parameters
        ----------
        table, row
            As `check` has them; all columns are text.

        Returns
        -------
        DataFrame of text, the attributes in order, the index of `table`.

        Raises
        ------
        InputError
            If a column is absent, or a value is null, no text, or has a `SEPARATOR` in it.
        """
        places = self.columns(table)
        columns = {}
        for name in self.names:
            column = _plainest(table.iloc[:, places.index(name)])
            _refuse_null(column, name, row)
            if pd.api.types.infer_dtype(column, skipna=False) not in ("string", "empty"):
                raise InputError(f"{name}: a column of {column.dtype}; expected text, as in a view")
            columns[name] = column.astype("str")
            bad = columns[name].str.contains(SEPARATOR, regex=False).to_numpy(bool)
            if bad.any():
                raise InputError(
                    f"{row} {row_name(table.index, np.argmax(bad))}, {name}: character "
                    f"{SEPARATOR!r}, which parts the values of a line"
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
        """The schema as plain values, for JSON; hierarchies stand in it whole."""
        return {
            "title": self.title,
            "alphabet": self.alphabet,
            "longest": self.longest,
            "id": self.id,
            "attributes": {a.name: a.to_dict() for a in self.attributes},
        }

    @classmethod
    def from_dict(cls, table: Mapping, folder: Path | None = None) -> "Schema":
        """The schema that plain values describe, as `to_dict` or a TOML file has them.

        Parameters
        ----------
        folder
            Where hierarchies are whose files are named.

        Raises
        ------
        InputError
            If a key is unknown, a value is of another type, or the parts don't go together.
        """
        _known_keys(table, _SCHEMA_KEYS, "")
        attributes = table.get("attributes")
        if not isinstance(attributes, Mapping) or not attributes:
            raise InputError("no attributes; expected a part [attributes.NAME] for each")
        made = tuple(_attribute(name, part, folder) for name, part in attributes.items())
        rest = {key: table[key] for key in _SCHEMA_KEYS[:-1] if key in table}
        for key, kind in (("title", str), ("alphabet", str), ("longest", int), ("id", str)):
            _of_type(rest, key, kind, "")
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
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise InputError(f"{path}: can't be read: {reason}") from None
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not TOML: {error}") from None
        try:
            return cls.from_dict(table, path.parent)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _attribute(name: str, table: Mapping, folder: Path | None) -> Attribute:
    """An attribute from its part of a schema file."""
    if not isinstance(table, Mapping):
        raise InputError(f"{name}: expected a part [attributes.{name}]")
    _known_keys(table, _ATTRIBUTE_KEYS, f"{name}: ")
    form, category = table.get("form"), table.get("category", Category.IDENTIFYING)
    if form is None and "hierarchy" in table:
        form = Form.ONE_OF
    for key, value, kind in (("form", form, Form), ("category", category, Category)):
        if value not in list(kind):
            raise InputError(f"{name}: {key}: expected one of {', '.join(kind)}, got {value!r}")
    for key, kind in (("decimals", int), ("least", float), ("most", float), ("level", int),
                      ("label", str), ("expected", str), ("pattern", str), ("time", str),
                      ("values", list)):  # fmt: skip
        _of_type(table, key, kind, f"{name}: ")
    digits = table.get("digits", [1, 250])
    digits = [digits, digits] if type(digits) is int else digits
    whole = isinstance(digits, list) and [type(n) for n in digits] == [int, int]
    if not whole or not 1 <= digits[0] <= digits[1] <= 250:
        raise InputError(f"{name}: digits: expected such as 11 or [6, 15], got {digits}")
    given = {k: table[k] for k in ("label", "expected", "decimals", "least", "most", "pattern",
                                   "time") if k in table}  # fmt: skip
    values = table.get("values", [])
    if not all(isinstance(value, str) and value for value in values):
        raise InputError(f"{name}: values: expected text in quotes, got {values}")
    if "hierarchy" in table and "generalise" in table:
        raise InputError(f"{name}: both a hierarchy and generalise; expected one of them")
    if "level" in table and "hierarchy" not in table:
        raise InputError(f"{name}: level is of a hierarchy; expected a hierarchy too")
    rule, level = None, table.get("level", 1)
    try:
        hierarchy = table.get("hierarchy")
        if isinstance(hierarchy, Mapping):
            if not all(isinstance(general, list) for general in hierarchy.values()):
                raise InputError('hierarchy: expected such as { flu = ["airways", "*"] }')
            rule = Hierarchy(tuple((v, *general) for v, general in hierarchy.items()), level)
        elif hierarchy is not None:
            if not isinstance(hierarchy, str):
                raise InputError(f"hierarchy: expected a file's name, got {hierarchy!r}")
            rule = Hierarchy.from_csv((folder or Path()) / hierarchy, level)
        elif "generalise" in table:
            rule = from_table(table["generalise"], given.get("decimals", 0))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    return Attribute(
        name, Form(form), Category(category), digits=tuple(digits), values=tuple(values),
        generalise=rule, **given,
    )  # fmt: skip


def _known_keys(table: Mapping, known: Iterable[str], where: str) -> None:
    unknown = next((key for key in table if key not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), known, 1)
        hint = f" (the nearest is {near[0]})" if near else ""
        raise InputError(
            f"{where}unknown key {unknown!r}{hint}; expected one of {', '.join(known)}"
        )


def _of_type(table: Mapping, key: str, kind: type, where: str) -> None:
    value = table.get(key)
    good = isinstance(value, int | float if kind is float else kind)
    if key in table and (not good or isinstance(value, bool)):
        words = {str: "text in quotes", int: "a whole number", float: "a number", list: "a list"}
        raise InputError(f"{where}{key}: expected {words[kind]}, got {value!r}")


def _as_text(column: pd.Series, attribute: Attribute, row: str) -> pd.Series:
    """A column as text, if its type allows no doubt about it."""
    name, column = attribute.name, _plainest(column)
    _refuse_null(column, name, row)
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
            # As short as its type allows; 0 instead of -0.
            text = pd.Series((column.to_numpy() + 0).astype(str), column.index, dtype="str")
            # 80.0 is 80 to whoever allows decimals.
            return text.str.removesuffix(".0") if attribute.decimals else text
        return column.map(str if kind == "integer" else "{:f}".format).astype("str")
    first = 0
    if kind in ("mixed", "mixed-integer", "mixed-integer-float"):
        first = np.argmax(column.map(lambda value: not isinstance(value, str)).to_numpy(bool))
        kind = f"{type(column.iloc[first]).__name__} among others"
    raise InputError(
        f"{row} {row_name(column.index, first)}, {name}: of type {kind}; expected text "
        f"({attribute.says}); {PREPARE}"
    )


def _plainest(column: pd.Series) -> pd.Series:
    """A column of its values' own type, if it is a categorical one."""
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    return column.astype(column.dtype.categories.dtype) if categorical else column


def _refuse_null(column: pd.Series, name: str, row: str) -> None:
    null = column.isna().to_numpy(bool)
    if null.any():
        raise InputError(
            f"{row} {row_name(column.index, np.argmax(null))}, {name}: null; expected a value "
            f"({MISSING} if it is missing); {PREPARE}"
        )


def _refuse_unfit(attribute, text, codes, distinct, row: str = "row") -> None:
    good = attribute.fits(pd.Series(distinct, dtype="str"))
    if not good.all():
        at = int(np.argmin(good[codes]))
        complaint = attribute.complaint(str(text.iloc[at]))
        raise InputError(f"{row} {row_name(text.index, at)}, {attribute.name}: {complaint}")


def row_name(index: pd.Index, at: int) -> str:
    """What a message calls a row: its label, and its place if that alone doesn't tell."""
    label = index[int(at)]
    name = ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
    return name if index.is_unique else f"{name} (number {at} of the table, from 0)"


def _match(pattern: str, text: Iterable[str]) -> np.ndarray:
    """Which texts match in full; bool, shape ``(n,)``."""
    matches = re.compile(pattern).fullmatch
    return np.array([matches(value) is not None for value in text], bool)


def _time_pattern(time: str, directives: Mapping[str, str]) -> str:
    parts = re.split("(%.)", time)
    return "".join(directives[p[1]] if p.startswith("%") else re.escape(p) for p in parts)


def _tidy(value: str) -> str:
    return " ".join(value.split()).casefold()


def plain(name: str) -> str:
    """A name as it is compared: letters and digits in lower case, one blank between them."""
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def in_words(name: str) -> str:
    """A name as people read it: ``family_member`` is "family member", ``a.blind`` "a, blind"."""
    return name.replace("_", " ").replace(".", ", ")


def with_rules(schema: Schema, rules: Mapping[str, Callable[[str], str]]) -> Schema:
    """The schema with other rules of generalisation: attribute name -> a function of one value."""
    known = {schema[name].name: rule for name, rule in rules.items()}
    changed = (
        replace(a, generalise=known[a.name]) if a.name in known else a for a in schema.attributes
    )
    return replace(schema, attributes=tuple(changed))


ASSISTED_LIVING: Schema = Schema.from_toml(
    Path(str(resources.files("aalprivacy") / "assisted_living.toml"))
)
"""The paper's twenty attributes (its Table I), the example that ships."""
