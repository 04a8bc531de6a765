"""Generalisation: rules that make a value less specific but keep it true.

A rule is called with one value, as text, and returns the generalised value, as text. The classes
here are the rules that a schema file can define. Any Python function of this kind can be a rule
too. `RULES` holds the shipped functions, by the names that a schema file uses.

A rule may need other values of the entry. For example, a rule that deletes a person's name from a
text needs the name. It then has ``reads``, a tuple of the names of these attributes. It is called
with the attribute's own value first, then with theirs, in that order; a missing value is ``-``.
"""

import csv
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path

from aalprivacy.errors import InputError, refuse_unknown

DELETED = "*"  # what a view shows of a deleted value, or of deleted words of a text
MOST_DECIMALS = 9  # of a number


def _marks() -> str:
    """The vowel signs, accents and joiners that follow a letter, as ranges of a regular expression.

    Python counts them among neither the letters nor the digits.
    """
    places = [*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)]
    marks = [p for p in places if unicodedata.category(chr(p)) in ("Mn", "Mc")] + [0x200C, 0x200D]
    marks.sort()
    begins = [p for p, before in zip(marks, [-1, *marks], strict=False) if p != before + 1]
    ends = [p for p, after in zip(marks, [*marks[1:], -1], strict=True) if p != after - 1]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(begins, ends, strict=True))


# Letters and digits with nothing between them, each with its marks.
WORD = re.compile(rf"(?:[^\W_][{_marks()}]*)+")


@dataclass(frozen=True)
class Range:
    """A number becomes the range that contains it: ``Range(10)("83") == "80-89"``.

    Parameters
    ----------
    width
        The width of a range: a whole number of steps of the numbers, and more than one. Ranges
        begin at multiples of the width.
    decimals
        Decimals of the numbers: with one decimal and width 1, 5.7 becomes 5.0-5.9.

    Raises
    ------
    InputError
        If the width doesn't fit the decimals.
    """

    width: float
    decimals: int = 0

    part = ""

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= MOST_DECIMALS:
            raise InputError(f"decimals: expected 0 to {MOST_DECIMALS}, got {self.decimals}")
        width, step = Decimal(str(self.width)), Decimal(1).scaleb(-self.decimals)
        if not math.isfinite(width) or not step < width <= 10**15 or width % step:
            raise InputError(
                f"range: expected a width above {step} with at most {self.decimals} decimals, as "
                f"the numbers have, got {self.width}"
            )

    def __call__(self, value: str) -> str:
        width, step = Decimal(str(self.width)), Decimal(1).scaleb(-self.decimals)
        # Plus 0: it turns -0 into 0.
        low = (Decimal(value) / width).to_integral_value(rounding="ROUND_FLOOR") * width + 0
        high = low + width - step
        # f, as str() writes a zero with seven decimals as 0E-7.
        return f"{low.quantize(step):f}-{high.quantize(step):f}"

    def gives(self, value: str) -> bool:
        """Whether a value is one of the ranges."""
        low, dash, _ = value[1:].partition("-")  # the first character may be a sign
        try:
            return bool(dash) and self(value[:1] + low) == value
        except InvalidOperation:  # no number
            return False

    def results(self) -> None:
        """The possible results; ``None``, as they can't be listed."""

    def to_dict(self) -> dict:
        return {"range": self.width}


@dataclass(frozen=True)
class Bands:
    """A number becomes the name of the first band whose upper limit is above it.

    Parameters
    ----------
    limits
        Name and upper limit of each band, lowest first; the last band has no limit (``None``).
    """

    limits: tuple[tuple[str, float | None], ...]

    part = ""

    def __post_init__(self) -> None:
        numbers = [limit for _, limit in self.limits]
        if not numbers or numbers[-1] is not None or None in numbers[:-1]:
            raise InputError("bands: expected a limit for each band but the last")
        rising = [limit for limit in numbers if limit is not None]
        if not all(map(is_finite, rising)):
            raise InputError(f"bands: expected numbers as limits, got {rising}")
        if sorted(set(rising)) != rising:
            raise InputError(f"bands: expected rising limits, got {rising}")

    def __call__(self, value: str) -> str:
        number = float(value)
        return next(name for name, limit in self.limits if limit is None or number < limit)

    def results(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.limits)

    def to_dict(self) -> dict:
        bands = [[name] if limit is None else [name, limit] for name, limit in self.limits]
        return {"bands": bands}


@dataclass(frozen=True)
class First:
    """The first characters of a value: ``First(5)("01954434539") == "01954"``.

    A blank at their end is removed.
    """

    count: int

    part = "start"

    def __call__(self, value: str) -> str:
        return value[: self.count].rstrip()

    def results(self) -> None:
        return None

    def to_dict(self) -> dict:
        return {"first": self.count}


@dataclass(frozen=True)
class LastWord:
    """The last word of a value: ``LastWord()("12 park road leeds") == "leeds"``."""

    part = "end"

    def __call__(self, value: str) -> str:
        return value.rsplit(" ", 1)[-1]

    def results(self) -> None:
        return None

    def to_dict(self) -> dict:
        return {"last_word": True}


@dataclass(frozen=True)
class Hierarchy:
    """A table that lists less and less specific values for each value, in the tool ARX's format.

    Parameters
    ----------
    rows
        One row for each value: the value itself, then its values on level 1, on level 2, and so on.
    level
        The level that the view shows, counted from 1.
    source
        The file that it was read from, for error messages.

    References
    ----------
    Prasser & Kohlmayer (2015), Putting Statistical Disclosure Control into Practice: The ARX Data
    Anonymization Tool.
    """

    rows: tuple[tuple[str, ...], ...]
    level: int = 1
    source: str = field(default="", compare=False)

    part = ""

    def __post_init__(self) -> None:
        where = self.source or "hierarchy"
        if not self.rows:
            raise InputError(f"{where}: empty; expected a row for each value")
        widths = {len(row) for row in self.rows}
        if len(widths) > 1:
            row = next(r for r in self.rows if len(r) != len(self.rows[0]))
            raise InputError(
                f"{where}, {row[0]}: {len(row)} cells; expected {len(self.rows[0])} as in the "
                "first row"
            )
        for row in self.rows:
            if not all(isinstance(cell, str) and cell for cell in row):
                raise InputError(f"{where}, {row[0]}: an empty cell; expected text on each level")
        twice = next((value for value, n in Counter(self.values).items() if n > 1), None)
        if twice is not None:
            raise InputError(f"{where}: the value {twice!r} appears twice; expected it once")
        if not 1 <= self.level < len(self.rows[0]):
            raise InputError(
                f"{where}: no level {self.level}; expected 1 to {len(self.rows[0]) - 1}"
            )

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values that have a row, in the order of the table."""
        return tuple(row[0] for row in self.rows)

    @cached_property
    def general(self) -> dict[str, str]:
        """Value -> what the view shows."""
        return {row[0]: row[self.level] for row in self.rows}

    def __call__(self, value: str) -> str:
        return self.general[value]

    def results(self) -> frozenset[str]:
        return frozenset(self.general.values())

    def to_dict(self) -> dict:
        return {"hierarchy": {row[0]: list(row[1:]) for row in self.rows}, "level": self.level}

    @classmethod
    def from_csv(cls, path: str | Path, level: int = 1) -> "Hierarchy":
        """Read a table without a heading, with semicolons or commas between its cells.

        Raises
        ------
        InputError
            If the file can't be read, or isn't a hierarchy; the message names file and value.
        """
        try:
            text = Path(path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8; save it as such"
            raise InputError(f"{path}: can't be read as a hierarchy: {reason}") from None
        separator = ";" if ";" in text else ","
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            cells = [tuple(cell.strip() for cell in row) for row in rows]
        except csv.Error as error:
            raise InputError(f"{path}, line {rows.line_num}: {error}") from None
        return cls(tuple(row for row in cells if any(row)), level, str(path))


@dataclass(frozen=True)
class WordsOf:
    """Free text: words of other attributes are deleted, other words are made less specific.

    For example, it deletes the words of the person's name. With ``mr;*`` and ``alzheimer;dementia``
    in the hierarchy, John Smith's text "mr smith was confused, alzheimer worse" becomes "* was
    confused, dementia worse". A word is a sequence of letters and digits, with their vowel signs
    and accents. So "smith's" and "smith-jones" have two words each. Capitals and small letters
    count as the same. Neighbouring deleted words become a single ``*``, also with blanks, hyphens
    or apostrophes between them. So the text doesn't show how many words were deleted.

    The rule doesn't understand language. It keeps a daughter's given name, a nickname and a
    misspelt name. If the person lives in Park Road, it deletes every "park".

    Parameters
    ----------
    reads
        The attributes whose words are deleted everywhere in the text.
    hierarchy
        The general values of other words, one word in each row. A general value may have several
        words; ``*`` deletes the word.

    Raises
    ------
    InputError
        If there are neither attributes nor a hierarchy, or an attribute appears twice. Also if a
        row of the hierarchy isn't for one word, a word appears twice, or a general value has a word
        that would be generalised itself.
    """

    reads: tuple[str, ...] = ()
    hierarchy: Hierarchy | None = None

    part = "words"

    def __post_init__(self) -> None:
        if not self.reads and self.hierarchy is None:
            raise InputError("words_of: expected names of attributes, or a hierarchy of words too")
        twice = next((name for name, n in Counter(self.reads).items() if n > 1), None)
        if twice is not None:
            raise InputError(f"words_of: {twice} appears twice; expected it once")
        where = self.source or "hierarchy"
        words = self.hierarchy.values if self.hierarchy else ()
        strange = next((word for word in words if not WORD.fullmatch(word)), None)
        if strange is not None:
            raise InputError(
                f"{where}, {strange}: not one word; expected letters and digits alone, as a text "
                "is read word by word"
            )
        twice = next((w for w, n in Counter(map(str.casefold, words)).items() if n > 1), None)
        if twice is not None:
            raise InputError(f"{where}: the word {twice!r} appears twice; expected it once")
        for word, general in self._general.items():
            # Else a generalised text could change again when it is generalised a second time.
            for inner in WORD.findall(general):
                further = self._general.get(inner.casefold(), inner)
                if further != inner:
                    raise InputError(
                        f"{where}, {word}: becomes {general!r}, and {inner!r} itself becomes "
                        f"{further!r}; expected words that stay as they are"
                    )

    @property
    def source(self) -> str:
        """The hierarchy's file, for error messages."""
        return self.hierarchy.source if self.hierarchy else ""

    @cached_property
    def _general(self) -> dict[str, str]:
        general = self.hierarchy.general if self.hierarchy else {}
        return {word.casefold(): text for word, text in general.items()}

    def __call__(self, value: str, *others: str) -> str:
        own = {word.casefold() for other in others for word in WORD.findall(other)}

        def without_own(text: str) -> str:
            return WORD.sub(lambda m: DELETED if m[0].casefold() in own else m[0], text)

        text = without_own(value)
        text = WORD.sub(lambda m: self._general.get(m[0].casefold(), m[0]), text)
        # Once more, as a general word may be one of the person's own.
        return _DELETED_WORDS.sub(DELETED, without_own(text))

    def results(self) -> frozenset[str]:
        """All words and general values of its hierarchy."""
        return frozenset((*self._general, *self._general.values()))

    def to_dict(self) -> dict:
        hierarchy = self.hierarchy.to_dict() if self.hierarchy else {}
        return {"words_of": list(self.reads), **hierarchy}


# Several deleted words in a row, with characters between them that a name may have too.
_DELETED_WORDS = re.compile(r"\*(?:[ '’-]*\*)+")


def blood_pressure_class(value: str) -> str:
    """Class of a ``systolic-diastolic`` reading in mmHg.

    High from 140/90 and raised from 120/70 (there called elevated) as in McEvoy et al., "2024 ESC
    Guidelines for the management of elevated blood pressure and hypertension", Eur. Heart J. 45;
    low under 90/60 as defined by the NHS. If the two numbers have different classes, the higher
    class counts.
    """
    systolic, diastolic = map(int, value.split("-"))
    if systolic >= 140 or diastolic >= 90:
        return "high"
    if systolic >= 120 or diastolic >= 70:
        return "raised"
    return "low" if systolic < 90 or diastolic < 60 else "normal"


RULES: dict[str, Callable[[str], str]] = {"blood_pressure_class": blood_pressure_class}
"""Rules that a schema file can name: ``generalise = { rule = "blood_pressure_class" }``."""


def from_table(table: Mapping, decimals: int, folder: Path | None = None) -> Callable[..., str]:
    """The rule that a schema file's ``generalise = { ... }`` defines.

    Parameters
    ----------
    table
        One of ``range``, ``bands``, ``first``, ``last_word``, ``words_of``, ``rule``, with its
        value; beside ``words_of`` there may be a ``hierarchy`` and its ``level``.
    decimals
        Decimals of the attribute's numbers.
    folder
        The folder of the files of hierarchies.

    Raises
    ------
    InputError
        If it isn't such a table.
    """
    expected = "expected one of range, bands, first, last_word, words_of, rule"
    if isinstance(table, Mapping) and "words_of" in table:
        return _words_of(table, folder)
    if not isinstance(table, Mapping) or len(table) != 1:
        raise InputError(f"generalise: {expected}, such as {{ range = 10 }}")
    ((kind, value),) = table.items()
    if kind == "range" and _is_number(value):
        return Range(value, decimals)
    if kind == "first" and type(value) is int and value > 0:
        return First(value)
    if kind == "last_word" and value is True:
        return LastWord()
    if kind == "rule" and isinstance(value, str) and value in RULES:
        return RULES[value]
    if kind == "bands" and isinstance(value, Sequence) and all(map(_is_band, value)):
        return Bands(tuple((band[0], band[1] if len(band) > 1 else None) for band in value))
    if kind == "rule":
        raise InputError(f"generalise: no rule {value!r}; expected one of {', '.join(RULES)}")
    if kind == "bands":
        raise InputError('generalise: bands: expected such as [["low", 70], ["high"]]')
    if kind in ("range", "first", "last_word"):
        right = {"range": "a width", "first": "a count above 0", "last_word": "true"}[kind]
        raise InputError(f"generalise: {kind}: expected {right}, got {value!r}")
    raise InputError(f"generalise: unknown {kind!r}; {expected}")


def _words_of(table: Mapping, folder: Path | None) -> WordsOf:
    refuse_unknown(table, ("words_of", "hierarchy", "level"), "key", "generalise: ")
    names, level = table["words_of"], table.get("level", 1)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            f'generalise: words_of: expected names of attributes such as ["name"], got {names!r}'
        )
    if "level" in table and "hierarchy" not in table:
        raise InputError("generalise: level belongs to a hierarchy; expected a hierarchy too")
    if type(level) is not int:
        raise InputError(f"generalise: level: expected a whole number, got {level!r}")
    hierarchy = read_hierarchy(table["hierarchy"], level, folder) if "hierarchy" in table else None
    return WordsOf(tuple(names), hierarchy)


def read_hierarchy(said: object, level: int, folder: Path | None) -> Hierarchy:
    """The hierarchy that a schema names: a file's name, or the rows themselves.

    Parameters
    ----------
    said
        A file in `folder`, or ``{value: [level 1, level 2, ...]}``.
    level
        Which level the view shows.

    Raises
    ------
    InputError
        If it is neither, or isn't a hierarchy.
    """
    if isinstance(said, Mapping):
        if not all(isinstance(general, list) for general in said.values()):
            raise InputError('hierarchy: expected such as { flu = ["airways", "*"] }')
        return Hierarchy(tuple((value, *general) for value, general in said.items()), level)
    if not isinstance(said, str) or "\0" in said:
        raise InputError(f"hierarchy: expected a file's name, got {said!r}")
    return Hierarchy.from_csv((folder or Path()) / said, level)


def to_table(rule: Callable[..., str]) -> dict:
    """The inverse of `from_table`; a function that isn't in `RULES` is written by its own name.

    A schema with such a function can be read back only with the function (`with_rules`).
    """
    if hasattr(rule, "to_dict"):
        return rule.to_dict()
    named = (name for name, known in RULES.items() if known is rule)
    return {"rule": next(named, getattr(rule, "__qualname__", repr(rule)))}


def is_finite(number: float) -> bool:
    """Whether a number is finite as a float64."""
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number can be larger
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_band(band: object) -> bool:
    return (
        isinstance(band, Sequence)
        and 1 <= len(band) <= 2
        and isinstance(band[0], str)
        and all(map(_is_number, band[1:]))
    )
