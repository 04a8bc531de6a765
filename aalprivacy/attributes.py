"""Attributes: the forms that their values can have, and the check that a value has its form.

Every value is text. In every attribute ``-`` is a missing value; in a view ``*`` is a deleted one.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from aalprivacy.errors import InputError
from aalprivacy.generalisation import (
    DELETED,
    MOST_DECIMALS,
    Hierarchy,
    Range,
    is_finite,
    to_table,
)

MISSING, SEPARATOR = "-", "|"
# What programs write for a value that isn't there.
NULLS = frozenset((
    "nan", "na", "n/a", "n.a.", "nat", "null", "none", "<na>", "?", "--", ".",
    "#n/a", "#null!", "#num!", "#value!", "#ref!", "#div/0!", "#name?",
))  # fmt: skip
PREPARE = "'aalprivacy prepare' puts it right"
UNKNOWN = "'aalprivacy prepare --unknown missing' makes it a missing value"
MOST_DIGITS = 15  # of a number before its point: a float holds as many digits exactly
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
    IDENTIFYING = "identifying"  # may single a person out, together with other attributes
    MEDICAL = "medical"
    SENSOR = "sensor"


class Form(StrEnum):
    """What the values of an attribute look like."""

    WORDS = "words"  # words with one blank between them
    NUMBER = "number"  # as `decimals`, `least` and `most` allow, without zeros before it
    DIGITS = "digits"  # digits such as a telephone number, where a first zero matters
    ONE_OF = "one-of"  # one of a list
    PATTERN = "pattern"  # text that matches a regular expression, or a date and time
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
        For numbers: the most decimals, and the smallest and largest value allowed. A number has
        at most `MOST_DIGITS` digits before its point.
    digits
        For digits: the least and the most digits; or one number, if all values have that many.
    values
        For ``one-of``: the list of values; by default the values of the hierarchy.
    pattern
        A regular expression that each value must match in full, besides its form.
    time
        For ``pattern``: the format of a date and time, as for `datetime.datetime.strptime`; each
        number has all its digits.
    generalise
        A function from a value to its generalised value, both text; ``None`` if the attribute can
        only be disclosed or deleted. See `aalprivacy.generalisation`. A function with ``reads`` is
        also called with the entry's values of these attributes. It must accept any values, also
        missing ones: training makes values of random letters and digits.

    Raises
    ------
    InputError
        If these don't fit together.
    """

    name: str
    form: Form
    category: Category = Category.IDENTIFYING
    label: str = ""
    expected: str = ""
    decimals: int = 0
    least: float | None = None
    most: float | None = None
    digits: tuple[int, int] | int = (1, 250)
    values: tuple[str, ...] = ()
    pattern: str = ""
    time: str = ""
    generalise: Callable[..., str] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\W\d]\w*", self.name):
            raise InputError(f"{self.name!r}: not a name; expected letters, digits and underscores")
        if isinstance(self.generalise, Hierarchy) and not self.values:
            object.__setattr__(self, "values", self.generalise.values)
        if not self.label:
            object.__setattr__(self, "label", in_words(self.name))
        for key, kind in (("form", Form), ("category", Category)):  # "number" is Form.NUMBER
            if getattr(self, key) not in list(kind):
                raise InputError(f"{self.name}: {key}: expected one of {', '.join(kind)}")
            object.__setattr__(self, key, kind(getattr(self, key)))
        if isinstance(self.values, str) or not all(isinstance(v, str) and v for v in self.values):
            raise InputError(f"{self.name}: values: expected text in quotes, got {self.values}")
        object.__setattr__(self, "values", tuple(self.values))
        digits: Any = (self.digits,) * 2 if type(self.digits) is int else self.digits
        whole = isinstance(digits, tuple | list) and [type(n) for n in digits] == [int, int]
        if not whole or not 1 <= digits[0] <= digits[1] <= 250:
            raise InputError(f"{self.name}: digits: expected such as 11 or [6, 15], got {digits}")
        object.__setattr__(self, "digits", tuple(digits))
        form, rule = self.form, self.generalise
        if rule is not None and not callable(rule):
            raise InputError(f"{self.name}: generalise: expected a function, got {rule!r}")
        reads = getattr(rule, "reads", ())
        if not isinstance(reads, tuple) or not all(isinstance(name, str) for name in reads):
            raise InputError(
                f"{self.name}: generalise: reads: expected a tuple of names, got {reads!r}"
            )
        if self.name in reads:
            raise InputError(f"{self.name}: its generalisation reads itself; expected others")
        if form is Form.ONE_OF and not self.values:
            raise InputError(f"{self.name}: one-of; expected a list 'values' or a 'hierarchy'")
        if form is Form.PATTERN and not (self.pattern or self.time):
            raise InputError(f"{self.name}: pattern; expected a 'pattern' or a 'time'")
        self._check_keys()
        if self.least is not None and self.most is not None and self.least > self.most:
            raise InputError(f"{self.name}: least {self.least} is more than most {self.most}")
        twice = next((v for v, n in Counter(self.values).items() if n > 1), None)
        if twice is not None:
            raise InputError(f"{self.name}: the value {twice!r} appears twice; expected it once")
        if isinstance(rule, Hierarchy):
            absent = [value for value in self.values if value not in rule.general]
            if absent:
                raise InputError(
                    f"{self.name}: {rule.source or 'the hierarchy'} has no row for {absent[0]!r}"
                )
        elif rule is not None and hasattr(rule, "to_dict"):
            kind = next(iter(to_table(rule)))
            # A number has one word only, and its first digits don't say how large it is.
            fit = {"range": form is Form.NUMBER, "bands": form is Form.NUMBER,
                   "first": form is not Form.NUMBER,
                   "last_word": form not in (Form.NUMBER, Form.DIGITS),
                   "words_of": form in (Form.TEXT, Form.WORDS)}  # fmt: skip
            if not fit[kind]:
                raise InputError(f"{self.name}: {kind} isn't for a {form}")
        if isinstance(rule, Range) and rule.decimals != self.decimals:
            raise InputError(
                f"{self.name}: a range for {rule.decimals} decimals; expected {self.decimals}"
            )
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            shown = self.pattern if len(self.pattern) <= 250 else f"{self.pattern[:250]}..."
            raise InputError(f"{self.name}: pattern {shown!r}: {error}") from None

    def _check_keys(self) -> None:
        """Refuse keys that this form ignores: who wrote them expects them to have an effect."""
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
            if limit is not None and not is_finite(limit):
                raise InputError(f"{self.name}: {key}: expected a number, got {limit}")
        used = re.findall("%(.?)", self.time)
        twice = next((d for d in used if used.count(d) > 1 and d != "%"), None)
        if twice:
            raise InputError(f"{self.name}: time {self.time!r}: %{twice} twice; expected it once")
        strange = [d for d in used if d not in DIRECTIVES]
        if strange or (self.time and "%" not in self.time):
            known = ", ".join(f"%{letter}" for letter in DIRECTIVES)
            raise InputError(f"{self.name}: time {self.time!r}: expected directives among {known}")

    @property
    def says(self) -> str:
        """What a value must be, in words, for messages."""
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
            low, high = self.span
            return f"{low} digits" if low == high else f"{low} to {high} digits"
        return {
            Form.WORDS: "words with one blank between them",
            Form.ONE_OF: "one of " + ", ".join(self.values),
            Form.PATTERN: f"a time such as {self.time}" if self.time else f"a {self.pattern}",
            Form.TEXT: "text without blanks at its ends",
        }[self.form]

    def fits(self, values: pd.Series) -> np.ndarray:
        """Which values have this form; a missing value counts as having it.

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
            good &= ~(np.signbit(numbers) & (numbers == 0))  # -0 is another spelling of 0
            if self.least is not None:
                good &= numbers >= self.least
            if self.most is not None:
                good &= numbers <= self.most
        elif self.form is Form.DIGITS:
            low, high = self.span
            good = _match(rf"[0-9]{{{low},{high}}}", text)
        elif self.form is Form.WORDS:
            good = _match(r"\S+( \S+)*", text)
        else:
            good = np.fromiter((v != "" and v == v.strip() for v in text), bool, len(text))
        if self.pattern:
            good &= _match(self.pattern, text)
        if self.time:
            good &= _match(_time_pattern(self.time, DIRECTIVES), text)
            # Every month has 28 days. Only later days are looked up in the calendar, which is slow.
            early = DIRECTIVES | {"d": "(0[1-9]|1[0-9]|2[0-8])", "b": "(?!)", "B": "(?!)"}
            late = good & ~_match(_time_pattern(self.time, early), text)
            # Without a year, 29 February is right: it is in some years.
            leap, year = ("", "") if re.search("%[Yy]", self.time) else ("2000 ", "%Y ")
            days = pd.to_datetime(leap + values[late], format=year + self.time, errors="coerce")
            good[late] = days.notna()
        return (good & (text != DELETED)) | (text == MISSING)

    @property
    def _decimals(self) -> str:
        return rf"(\.[0-9]{{1,{self.decimals}}})?" if self.decimals else ""

    def complaint(self, value: str) -> str:
        """Why a value doesn't have this form, and what to do."""
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
            respelt = _tidy(value) in {v.casefold() for v in self.values}
            remedy = PREPARE if respelt else UNKNOWN
            return f"{said}{hint}; add it to the schema and train anew, or {remedy}"
        if self.form is Form.NUMBER and re.fullmatch(r"-?\d+[.,]0*", value):
            return f"{said}; write {re.split('[.,]', value)[0]}, or {PREPARE}"
        if self.form is Form.NUMBER and re.fullmatch(rf"-?[0-9]{{{MOST_DIGITS + 1},}}", value):
            return f"{said}, which has more than {MOST_DIGITS} digits; the form digits takes more"
        if self.form is Form.DIGITS and value.isdigit() and len(value) < self.span[0]:
            return (
                f"{said}, which has {len(value)}; a spreadsheet may have lost a zero at its "
                f"beginning; {PREPARE}"
            )
        return f"{said}; {PREPARE}" if self.fits(pd.Series([_tidy(value)]))[0] else said

    @property
    def span(self) -> tuple[int, int]:
        """Of digits: how many, at least and at most."""
        return self.digits if isinstance(self.digits, tuple) else (self.digits, self.digits)

    @property
    def reads(self) -> tuple[str, ...]:
        """The other attributes that its generalisation reads."""
        return getattr(self.generalise, "reads", ())

    def general(self, values: pd.Series, *others: pd.Series) -> pd.Series:
        """Generalise a column of this form; missing values stay missing.

        Parameters
        ----------
        values
            Text, shape ``(n,)``, without nulls.
        others
            The same rows of each attribute that the rule `reads`.

        Returns
        -------
        Series of text, same index and name.

        Raises
        ------
        InputError
            If the attribute can't be generalised, a value doesn't have its form, the columns aren't
            those that the rule reads, or the rule fails or returns what no view can hold.
        """
        if self.generalise is None:
            raise InputError(f"{self.name}: this attribute has no generalisation")
        if len(others) != len(self.reads):
            raise InputError(
                f"{self.name}: its generalisation reads {', '.join(self.reads) or 'no others'}; "
                f"got {len(others)} other columns; Schema.general takes them from a table"
            )
        for column in (values, *others):
            refuse_null(column, str(column.name or self.name), "row")
        codes, distinct = pd.factorize(values)
        refuse_unfit(self, values, codes, distinct)
        # A million entries have few distinct values, and the rule runs once for each of them. If it
        # reads other attributes, it runs once for each distinct combination.
        for other in others:
            codes_of_other, kinds = pd.factorize(other)
            codes = pd.factorize(codes * len(kinds) + codes_of_other)[0]
        first = np.unique(codes, return_index=True)[1]
        rows = zip(*(column.iloc[first] for column in (values, *others)), strict=True)
        general = pd.array([self.general_value(*row) for row in rows], dtype="str")
        return pd.Series(general.take(codes), index=values.index, name=values.name)

    def general_value(self, value: str, *others: str) -> str:
        """Generalise one value without checking its form; a missing value stays missing.

        Parameters
        ----------
        value
            The attribute's value.
        others
            The entry's values of each attribute that the rule `reads`.

        Raises
        ------
        InputError
            If the rule fails or returns what no view can hold.
        """
        if value == MISSING:
            return MISSING
        if self.generalise is None:
            raise InputError(f"{self.name}: this attribute has no generalisation")
        try:
            general = self.generalise(value, *others)
        except Exception as error:  # a rule may be a user's function
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
        """The attribute as in a schema file, with the hierarchy's rows and not its file's name."""
        default = Attribute(self.name, Form.TEXT)
        table: dict = {
            "form": str(self.form), "category": str(self.category), "label": self.label
        }  # fmt: skip
        for key in ("expected", "decimals", "least", "most", "pattern", "time"):
            if getattr(self, key) != getattr(default, key):
                table[key] = getattr(self, key)
        if self.form is Form.DIGITS:
            table["digits"] = list(self.span)
        if isinstance(self.generalise, Hierarchy):
            listed = {"values": list(self.values)} if self.values != self.generalise.values else {}
            return table | self.generalise.to_dict() | listed
        if self.values:
            table["values"] = list(self.values)
        return table | ({"generalise": to_table(self.generalise)} if self.generalise else {})


def uncategorised(column: pd.Series) -> pd.Series:
    """A categorical column as a column of its values' type; other columns stay unchanged."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    # Whole numbers have no null.
    return column.astype(object if column.hasnans else column.dtype.categories.dtype)


def refuse_null(column: pd.Series, name: str, row: str = "row") -> None:
    """Raise `InputError`, naming the row, at the first null of a column."""
    null = column.isna().to_numpy(bool)
    if null.any():
        raise InputError(
            f"{row} {row_name(column.index, np.argmax(null))}, {name}: null; expected a value "
            f"({MISSING} if it is missing); {PREPARE}"
        )


def refuse_unfit(
    attribute: Attribute,
    text: pd.Series,
    codes: np.ndarray,
    distinct: np.ndarray | pd.Index,
    row: str = "row",
) -> None:
    """Raise `InputError`, naming the row, at the first value that isn't of the attribute's form.

    Parameters
    ----------
    attribute
        Whose values they are.
    text, codes, distinct
        The column, and its distinct values as `pandas.factorize` gives them.
    row
        What a row is called.
    """
    good = attribute.fits(pd.Series(distinct, dtype="str"))
    if not good.all():
        at = int(np.argmin(good[codes]))
        complaint = attribute.complaint(str(text.iloc[at]))
        raise InputError(f"{row} {row_name(text.index, at)}, {attribute.name}: {complaint}")


def row_name(index: pd.Index, at: int | np.integer) -> str:
    """What a message calls a row: its label, and its number if the label isn't unique."""
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
    """A name for comparisons: letters and digits in lower case, one blank between words."""
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def in_words(name: str) -> str:
    """A name for people: ``family_member`` is "family member", ``a.blind`` is "a, blind"."""
    return name.replace("_", " ").replace(".", ", ")
