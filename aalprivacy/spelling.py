"""Convert values of any type, and values in other spellings, to the text that a schema expects.

A step is a function of one value that isn't right. It returns the kind of change and the new
value, or ``None`` if the meaning could only be guessed.
"""

import ast
import codecs
import contextlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
from anyascii import anyascii
from charset_normalizer import from_bytes

from aalprivacy.attributes import MOST_DIGITS, uncategorised
from aalprivacy.errors import InputError

Step = Callable[[str], tuple[str, str] | None]

TRUE = frozenset(("true", "t", "yes", "y", "1", "on"))
FALSE = frozenset(("false", "f", "no", "n", "0", "off"))
# Smaller than any measurement: SAS's transport files write zero as 5.4e-79, which is 16 ** -65.
NEXT_TO_ZERO = Decimal("1e-30")


def as_text(column: pd.Series) -> pd.Series:
    """A column of any type as text: times in ISO format, bytes decoded, nulls empty.

    Its ``attrs["encoding"]`` is the encoding with which bytes were decoded.

    Raises
    ------
    InputError
        If cells hold lists or the like, or bytes that aren't text. It doesn't name the column.
    """
    column = _usual_type(column)
    null, encoding = column.isna().to_numpy(bool), "utf-8"
    if pd.api.types.is_float_dtype(column.dtype):  # the shortest text of each float
        text = column.to_numpy(np.dtype(f"f{column.dtype.itemsize}"), na_value=np.nan).astype(str)
    elif isinstance(column.dtype, pd.StringDtype):
        text = column.astype("str")
    elif pd.api.types.infer_dtype(column, skipna=True) == "bytes":
        text, encoding = _of_bytes(list(column.where(~null, b"")))
    else:
        _refuse_lists(column)
        text = ["" if lost else _as_text(v) for v, lost in zip(column, null, strict=True)]
    made = pd.Series(text, column.index, dtype="str", name=column.name).mask(null, "")
    made.attrs["encoding"] = encoding
    return made


def _usual_type(column: pd.Series) -> pd.Series:
    """A categorical or sparse column as a column of its values' type; others stay unchanged."""
    sparse = isinstance(column.dtype, pd.SparseDtype)
    return column.sparse.to_dense() if sparse else uncategorised(column)


def _refuse_lists(column: pd.Series) -> None:
    lists = [value for value in column if pd.api.types.is_list_like(value)]
    if lists:
        raise InputError(
            f"{len(lists):,} cells hold lists or the like ({type(lists[0]).__name__}); expected "
            "one value in each; turn them into text, or leave it out"
        )


def _of_bytes(values: Sequence[bytes]) -> tuple[list[str], str]:
    """Bytes of a column as text, and their encoding, which is the same for all."""
    # UTF-16 has zeros, and two bytes a character: one more byte between values would shift them.
    between = b"" if any(0 in value for value in values) else b"\n"
    with contextlib.suppress(InputError, UnicodeDecodeError):
        _, encoding = decoded(between.join(values))
        text = [value.decode(encoding).removeprefix("\ufeff") for value in values]
        if encoding == "utf-8" or not _is_misread(values, text, encoding):
            return text, encoding
    raise InputError(
        f"{sum(map(bool, values)):,} cells hold bytes, and these aren't text in UTF-8; expected "
        "text; turn them into text, or leave it out"
    )


def _is_misread(values: Sequence[bytes], text: Iterable[str], encoding: str) -> bool:
    """Whether bytes are no text, or text of several encodings, though they can be decoded."""
    # A digest can be decoded too, but text has no control characters.
    if re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", "".join(text)):
        return True
    # Not by chance do two signs of a Western encoding make a letter of UTF-8.
    return not encoding.startswith("utf") and any(map(_is_utf8, values))


def _is_utf8(value: bytes) -> bool:
    """Whether bytes have letters of more than one byte, as UTF-8 has them."""
    try:
        return not value.isascii() and bool(value.decode())
    except UnicodeDecodeError:
        return False


def are_numbers(column: pd.Series) -> bool:
    return pd.api.types.infer_dtype(_usual_type(column), skipna=True) in (
        "integer",
        "floating",
        "decimal",
    )


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).encode("utf-8", "replace").decode()


def decoded(content: bytes) -> tuple[str, str]:
    """Text and its encoding: by a byte order mark, else UTF-8, else Western European."""
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16",
             codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8")
    if content.count(0) > len(content) / 4 and encoding == "utf-8":  # UTF-16 without a mark
        first, second = (content[at::2].count(0) for at in (0, 1))
        encoding = "utf-16-be" if first > second else "utf-16-le"
    try:
        return content.decode(encoding), encoding.removesuffix("-sig")
    except UnicodeDecodeError:
        best = from_bytes(content, cp_isolation=["cp1252", "latin_1", "utf_16"]).best()
    if best is None:
        raise InputError(": an unknown encoding; expected UTF-8; save it in UTF-8")
    return str(best), best.encoding


def without_byte_mark(value: str) -> str | None:
    """The text of bytes that were written in Python's notation: ``b'23:00'`` is ``23:00``."""
    if not re.fullmatch(r"b('.*'|\".*\")", value):
        return None
    try:
        return ast.literal_eval(value).decode()
    except (SyntaxError, ValueError, AttributeError):  # also for bytes that aren't UTF-8
        return None


def single_blanks(value: str) -> str:
    """The value without blanks at its ends, and with one blank between words."""
    return " ".join(value.split())


def in_ascii(text: str) -> str:
    """Text in ASCII: letters without accents, similar signs; emoji and small digits stay."""

    def letter(char: str) -> str:
        plain = anyascii(char)
        # anyascii writes an emoji as its name, and 10² as 102; both would be wrong.
        return char if is_small_digit(char) or re.fullmatch(":.+:", plain) else plain

    return "".join(map(letter, text))


def is_small_digit(char: str) -> bool:
    """Whether it is a superscript, a subscript, a fraction or similar, not a decimal digit."""
    return unicodedata.category(char) == "No"


def _common(text: str) -> str:
    """The text with usual characters in place of variants such as wide ones."""
    if text.isascii():
        return text
    return "".join(c if is_small_digit(c) else unicodedata.normalize("NFKC", c) for c in text)


_NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")  # or a number of three decimals


def number_signs(values: Iterable[str]) -> set[str]:
    """Which of ``,`` and ``.`` are decimal signs in some value, without any doubt."""
    numbers = (v for v in map(_in_digits, values) if _NUMBER.fullmatch(v))
    shown = " ".join(v for v in numbers if not _THOUSANDS.fullmatch(v))
    return set(re.findall("[.,](?=[0-9])", shown))


def _in_digits(value: str) -> str:
    """A number with usual digits and signs, and without blanks between thousands."""
    text = _common(value).replace("\u2212", "-").replace("\u2013", "-")
    return re.sub("(?<=[0-9]) (?=[0-9]{3}(?![0-9]))", "", text)


def has_two_meanings(value: str, signs: Collection[str]) -> bool:
    """Whether a number may be thousands, or one of three decimals: no `number_signs`, or both."""
    return len(set(signs)) != 1 and bool(_THOUSANDS.fullmatch(value))


def is_other_number(value: str, signs: Collection[str]) -> bool:
    """Whether a number of the schema's form is doubtful or another one by the `number_signs`."""
    return "," in signs and bool(_THOUSANDS.fullmatch(value))


def number_step(decimals: int, signs: Collection[str]) -> Step:
    """A number as the schema writes it; ``1,234`` only if there is one of the `number_signs`."""

    def step(value: str) -> tuple[str, str] | None:
        text = _in_digits(value)
        if not _NUMBER.fullmatch(text) or has_two_meanings(text, signs):
            return None
        grouped = bool(_THOUSANDS.fullmatch(text)) and not set(signs) & set(text)
        if grouped:
            text = re.sub("[.,]", "", text)
        number = Decimal(text.replace(",", "."))
        if 0 < abs(number) < NEXT_TO_ZERO:
            return "next to zero, so zero", "0"
        if number.adjusted() >= MOST_DIGITS:
            return None
        exact = round(number, decimals)
        noise = len(number.as_tuple().digits) > MOST_DIGITS  # 0.30000000000000004
        if exact != number and not (noise and abs(exact - number) < Decimal("1e-9")):
            return None
        if -number.as_tuple().exponent <= decimals:
            exact = number
        written = f"{abs(exact) if exact == 0 else exact:f}"
        kind = "number written otherwise"
        if grouped:
            kind = "sign between thousands left out"
        elif "," in text:
            kind = "decimal comma"
        elif re.match(r"\+|[+-]?0[0-9]", text):
            kind = "zeros or a plus before a number"
        elif exact != number:
            kind = "noise in the last decimals"
        elif re.fullmatch(r"-?[0-9]+\.0*", text):
            kind = "decimals that are zero"
        return kind, written

    return step


def without_signs(value: str) -> str | None:
    digits = re.sub("[ ()-]", "", _common(value))
    return digits if value[0] not in "-" and re.fullmatch("[0-9]+", digits) else None


def with_zeros(value: str, low: int, high: int) -> tuple[str, str] | None:
    lost = low - len(value)
    if low != high or not 0 < lost < low / 2 or not re.fullmatch("[0-9]+", value):
        return None
    return f"{lost} zero{'s' * (lost > 1)} at the beginning restored", value.zfill(low)


def whole(value: str) -> str:
    """A code as people write it: ``1.0`` is ``1``, and a number next to zero is ``0``."""
    if re.fullmatch(r"[0-9]+\.[0-9]+e-[0-9]{2,3}", value) and Decimal(value) < NEXT_TO_ZERO:
        return "0"
    return re.sub(r"^(-?[0-9]+)\.0+$", r"\1", value)


def one_of_step(values: tuple[str, ...]) -> Step:
    """The listed value that is meant: by another spelling, or by a word for yes or no."""
    spelt: dict[str, set[str]] = {}
    for value in values:
        for key in (value.casefold(), "letters " + _spelling(value)):
            spelt.setdefault(key, set()).add(value)
    yes, no = ([v for v in values if _spelling(v) in words] for words in (TRUE, FALSE))
    is_switch = len(yes) == len(no) == 1 and (len(values) == 2 or min(len(yes[0]), len(no[0])) > 1)

    def step(value: str) -> tuple[str, str] | None:
        value = whole(value)
        key = _spelling(value)
        meant = spelt.get(value.casefold()) or spelt.get("letters " + key, ())
        if len(meant) == 1:
            return "another spelling of a value", min(meant)
        if is_switch and key in TRUE | FALSE:
            return "true and false", (yes if key in TRUE else no)[0]
        return None

    return step


# Signs that are written in several ways.
_ALIKE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u00b4`\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | {"\u2212": "-", "\u2264": "<=", "\u2265": ">="}
)
_WORD, _LETTER = r"[^\W_]", r"[^\W\d_]"  # characters of a word
_INSIDE, _END = r"[^()\[\]{}\"']*", r"[^\W_]|\."  # of what is in brackets
# Signs that only separate or enclose words -> what stands for them. All others may carry meaning.
_MERE_SIGNS = {
    rf"[(\[{{](?={_INSIDE}{_LETTER})({_WORD}{_INSIDE}(?<={_END}))[)\]}}]": r" \1 ",  # not (-), (5)
    rf"(?<!{_WORD})([\"'])({_WORD}{_INSIDE}(?<={_END}))\1(?!{_WORD})": r"\2",
    rf"(?<={_WORD})(-| - | ?_ ?)(?={_WORD})": " ",  # not -1, a-, grade -1
    rf"(?<={_LETTER}) ?/ ?(?={_WORD})|(?<={_WORD}) ?/ ?(?={_LETTER})": " ",  # not 1/2
    rf"(?<={_LETTER})'(?={_LETTER})": " ",
    rf"(?<={_WORD})[.,;:](?= |$)|(?<=[^ .])\.$": "",
    rf"(?<={_LETTER})[.,;:](?={_WORD})|(?<={_WORD})[.,;:](?={_LETTER})": " ",  # not 1.5, .5
    "(?<=[<>=]) | (?=[<>=%])": "",
}


def _spelling(text: str) -> str:
    """What two spellings of a value have in common.

    Capitals, accents of Latin letters and signs that only stand between words don't count. All
    other signs do, and so do letters of other scripts: ``a+`` isn't ``a-``, and what sounds alike
    isn't the same word.
    """
    folded = unicodedata.normalize("NFC", _common(text.translate(_ALIKE)).casefold())
    text = re.sub("(?<=[a-z])[\u0300-\u036f]+", "", "".join(map(_without_accent, folded)))
    for sign, new in _MERE_SIGNS.items():
        text = re.sub(sign, new, text)
    return single_blanks(text)


def _without_accent(char: str) -> str:
    """A Latin letter or a digit in ASCII, any dash as a hyphen; nothing for what can't be seen."""
    kind = unicodedata.category(char)
    if kind == "Nd" or unicodedata.name(char, "").startswith("LATIN "):
        return anyascii(char)
    return {"Pd": "-", "Cf": ""}.get(kind, char)


_DATE = (
    r"(?P<Y>\d{4})(?P<s>[-/.]?)(?P<m>\d\d?)(?P=s)(?P<d>\d\d?)|"
    r"(?P<a>\d\d?)(?P<t>[-/.])(?P<b>\d\d?)(?P=t)(?P<y>\d{4})"
)
_CLOCK = (
    r"(?P<H>\d\d?):?(?P<M>\d\d)(:?(?P<S>\d\d)([.,](?P<f>\d+))?)?"
    r"( ?(?P<half>[ap])\.?m\.?)?( ?(?P<zone>Z|[+-]\d\d:?\d\d))?"
)
_TIME = re.compile(rf"(({_DATE})([T ]|$))?({_CLOCK})?", re.ASCII | re.IGNORECASE)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTHS = {short: n for n, name in enumerate(_MONTHS, 1) for short in (name, name[:3])}
# 14 March 2018, 14-Mar-2018, 14MAR2018; March 14, 2018
_NAMED = re.compile(
    r"(?:(?P<d>\d\d?)[ -]?(?P<m>[a-z]+)\.?[ -]?|(?P<n>[a-z]+)\.? (?P<e>\d\d?),? )(?P<Y>\d{4})",
    re.ASCII | re.IGNORECASE,
)


def _with_months_number(value: str) -> str:
    """The value with the month as a number, if the date has its English name."""
    found = _NAMED.match(value)
    month = _MONTHS.get((found["m"] or found["n"]).casefold()) if found else None
    if month is None:
        return value
    return f"{found['Y']}-{month:02}-{found['d'] or found['e']}{value[found.end() :]}"


def _time(value: str) -> re.Match | None:
    """The parts of a date and time; ``None`` also for 2018314, whose parts can't be told apart."""
    found = _TIME.fullmatch(value)
    return None if found and found["s"] == "" and len(found["m"] + found["d"]) < 4 else found


def _day_and_month(found: re.Match) -> tuple[str, str, str]:
    """Of a date: its sign, with a Y if the year is first; and the two numbers beside the year."""
    if found["Y"]:
        return f"Y{found['s']}", found["m"], found["d"]
    return found["t"] or "", found["a"] or "", found["b"] or ""


def day_orders(values: Iterable[str]) -> set[str]:
    """Evidence from dates without any doubt for the others, such as ``/ day first``."""
    orders = set()
    for found in filter(None, map(_time, values)):
        sign, first, second = _day_and_month(found)
        if sign and int(first) > 12:
            orders.add(f"{sign} day first")
        elif sign and int(second) > 12:
            orders.add(f"{sign} month first")
    return orders


def in_both_orders(orders: Collection[str]) -> bool:
    """Whether the `day_orders` contradict each other."""
    return any(order.replace(" day ", " month ") in set(orders) - {order} for order in orders)


def is_other_date(value: str, form: str, orders: Collection[str]) -> bool:
    """Whether a date of the schema's form is doubtful or another one by the `day_orders`."""
    found = _time(value)
    sign, first, second = _day_and_month(found) if found else ("", "", "")
    if not sign or first == second or max(int(first), int(second)) > 12:
        return False
    if not {"%Y", "%m", "%d"} <= set(re.findall("%.", form)):
        return False
    day_first = form.index("%d") < form.index("%m")
    if sign[0] == "Y" and not day_first:  # as everybody writes it
        return False
    return f"{sign} {'month' if day_first else 'day'} first" in orders


def time_step(form: str, orders: Collection[str]) -> Step:
    """A date and time in the schema's format; nothing is added, and what is lost is reported.

    The `day_orders` say whether the day comes first. Dates with ``/`` say nothing about dates with
    ``-``, and so on. With dots the day comes first, and after a year the month, unless others show
    the contrary: then nobody knows.
    """
    wanted = set(re.findall("%(.)", form))

    def step(value: str) -> tuple[str, str] | None:
        found = _time(_with_months_number(value))
        if not found:
            return None
        sign, first, second = _day_and_month(found)
        month_first = f"{sign} month first" in orders or sign[:1] == "Y"
        day_first = f"{sign} day first" in orders or sign == "."
        if first != second and month_first == day_first:
            return None
        if day_first:
            first, second = second, first
        has = set("YymdbB" if sign else "") | set("HIpM" if found["H"] else "")
        has |= set("S" if found["S"] else "") | set("f" if found["f"] else "")
        if not wanted - {"%"} <= has:
            return None
        year, month, day = found["Y"] or found["y"], first, second
        micro = int((found["f"] or "0")[:6].ljust(6, "0"))
        hour = int(found["H"] or 0)
        if found["half"]:  # 12 p.m. is noon, and there is no 0 p.m.
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + 12 * (found["half"] in "pP")
        clock = hour, int(found["M"] or 0), int(found["S"] or 0), micro
        try:
            time = datetime(int(year or 1), int(month or 1), int(day or 1), *clock)
        except ValueError:
            return None
        kinds = {
            "date left out": year and not wanted & set("Yy"),
            "time of day left out": any(clock) and not wanted & set("HI"),
            "seconds left out": (clock[2] or micro) and wanted & set("HI") and "S" not in wanted,
            "fractions of seconds left out": micro and "S" in wanted and "f" not in wanted,
            "time zone left out": found["zone"],
        }
        lost = ", ".join(kind for kind, is_so in kinds.items() if is_so)
        return lost or "date and time written otherwise", time.strftime(form)

    return step
