"""A first schema and a first policy for a table that has none.

Every guess is marked by a comment in the file. A person who knows the data must check it.
"""

import csv
import io
import json
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from aalprivacy.attributes import MOST_DECIMALS, NULLS, Category, plain
from aalprivacy.errors import InputError, nearest
from aalprivacy.policy import identifier
from aalprivacy.prepare import prepare
from aalprivacy.schema import ALPHABET, MOST_CHARACTERS, Schema
from aalprivacy.spelling import (
    FALSE,
    TRUE,
    as_text,
    day_orders,
    number_signs,
    number_step,
    single_blanks,
    time_step,
    whole,
    without_byte_mark,
)

FEW, MOST_WORDS, LONG = 30, 8, 120  # values of a one-of, words and characters of a value
ANY = 10**6  # a line's length as long as the real one isn't known
# Words in the name of a column that show what kind of information it holds.
TELLING = {
    Category.PERSONAL: "name surname forename address street phone mobile telephone email mail ssn "
    "nhs insurance passport contact",
    Category.MEDICAL: "blood pressure glucose disease diagnosis icd medication drug dose bmi pulse "
    "heart oxygen pain symptom allergy therapy hba1c cholesterol systolic diastolic bp hemoglobin "
    "haemoglobin glycohemoglobin insulin diabetes asthma arthritis stroke cancer depression health "
    "difficulty",
    Category.SENSOR: "sensor temperature light lux door window energy power steps pedometer motion "
    "presence humidity co2 noise wearable",
}
WHOSE = re.compile("((user|patient|person|resident|subject|participant|client) )?id")
DEFAULT_ID = "user_id"
NO_ID = "the table has no such column: each row is a person of its own; or say which (--id)"
LEFT_OUT = "# Left out: "
FORM_OF = {"numbers": 'form = "number"', "times": 'form = "pattern", time = "%H%M"'}
TIMES = ("%Y%m%d", "%Y%m%d %H%M", "%Y%m%d %H%M%S", "%H%M", "%H%M%S")
LOSSES = {"date left out", "time of day left out", "seconds left out"}


def describe(table: pd.DataFrame, *, id: str | None = None, show_values: bool = False) -> str:
    """Write a first schema file for a table, with comments that say what to check.

    Parameters
    ----------
    table
        One row an entry, with columns of any types, such as from `aalprivacy.prepare.read_untidy`.
    id
        The column that says whose entry a row is, or the index of that name; by default one with a
        name such as "patient id".
    show_values
        Whether comments show values of the table. The values of a one-of are always in the file.

    Returns
    -------
    The text of a TOML file that `Schema.from_toml` reads and with which `prepare` takes `table`.

    Raises
    ------
    InputError
        If the table has no rows, no column `id`, or no column that can be used.
    """
    if table.empty:
        raise InputError("no rows; expected a table with at least one entry")
    index, columns = plain(str(table.index.name or "")), {plain(str(h)) for h in table.columns}
    if index not in columns and (WHOSE.fullmatch(index) or (id and index == plain(id))):
        table = table.reset_index()
    shown = ("".join(c if c.isprintable() else " " for c in str(h)) for h in table.columns)
    headings = [single_blanks(heading) for heading in shown]
    alike = Counter(name for h in headings if plain(h) for name in {plain(h), plain(_name(h))})
    if alike and max(alike.values()) > 1:
        raise InputError(
            f"two columns are called {max(alike, key=lambda name: alike[name])}; rename one of them"
        )
    places, texts, left_out = _texts(table, headings, id)
    headings = [headings[place] for place in places]
    told, guess = (id, "") if id else _id_of(headings, texts)
    whose = next((h for h in headings if plain(h) == plain(told)), None)
    if id and whose is None:
        has = ", ".join(headings)
        raise InputError(f"no column {id!r}{nearest(id, headings)}; the table has {has}")
    people = texts[headings.index(whose)] if whose else None
    alphabet, parts = _alphabet(texts), {}
    for place, heading, text in zip(places, headings, texts, strict=True):
        if heading == whose:
            continue
        try:
            part = _part(heading, table.iloc[:, place], text, people, alphabet)
        except InputError as error:
            left_out.append(f"{_named(heading, place)}: {error}")
            continue
        part["#"] = _to_know(part, text)
        if not whose and _may_be_id(part, text):
            part["#"].append(
                "check: nearly every row has its own; if it says whose entry a row is, begin again "
                f"with --id {json.dumps(heading, ensure_ascii=False)}"
            )
        if show_values:
            few = ", ".join(map(repr, text[_there(text)].drop_duplicates()[:3]))
            part["#"].append(f"such as {few}")
        parts[_name(heading)] = part
    if not parts:
        raise InputError("no column can be used; " + "; ".join(left_out))
    own = [
        name
        for name, part in parts.items()
        if part["category"] == Category.PERSONAL and part["form"] in ("words", "digits")
    ]
    for part in parts.values():
        if part["form"] == "text" and own:
            part["generalise"] = {"words_of": own}
    id = whose or DEFAULT_ID
    schema = _schema(parts, alphabet, id)
    entries, _ = prepare(table, schema)
    used = {c for name in schema.names for value in entries[name].unique() for c in value}
    used |= {"."} if any(a.decimals for a in schema.attributes) else set()
    head = {
        "alphabet": (
            ALPHABET + "".join(sorted(used - set(ALPHABET))),
            "the characters that a value may have",
        ),
        "longest": (_longest(entries, schema), "characters of a line; new entries may need more"),
        "id": (id, guess or "says whose entry it is"),
    }
    notes = [f"{LEFT_OUT}{column}." for column in left_out]
    twice = int(table.iloc[:, places].duplicated().sum())
    if twice:
        notes.append(f"# check: {twice:,} of {len(table):,} rows are equal to a row above them")
    return "\n".join(_lines(head, parts, notes))


def policy_template(schema: Schema, receivers: Sequence[str]) -> str:
    """Write a policy to edit: it deletes personal and identifying attributes, discloses others.

    Parameters
    ----------
    schema
        What an entry is.
    receivers
        Who gets a view.

    Returns
    -------
    The text of a CSV file that `aalprivacy.policy.Policy.from_csv` reads.

    Raises
    ------
    InputError
        If there is no receiver, one without a name, or two of one name.
    """
    names = [receiver.strip() for receiver in receivers]
    if not names or not all(names) or len(set(map(identifier, names))) < len(names):
        raise InputError(f"receivers: expected different names, got {', '.join(names) or 'none'}")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["Attribute", *names])
    for attribute in schema.attributes:
        hidden = attribute.category in (Category.PERSONAL, Category.IDENTIFYING)
        writer.writerow([attribute.label, *["D" if hidden else "F"] * len(names)])
    return file.getvalue()


def hierarchy_stubs(text: str, folder: str) -> tuple[str, dict[str, str]]:
    """Replace a schema file's lists of more than two values by hierarchies in files.

    Parameters
    ----------
    text
        The text of a schema file that `describe` wrote.
    folder
        The folder of the hierarchies, relative to the schema file.

    Returns
    -------
    The new text of the schema file; and file name -> the text of that hierarchy, a line
    ``value;any;*`` for each value. Every generalised value is ``any``, until a person replaces
    ``any`` by groups.
    """
    lines, stubs, name = [], {}, ""
    for line in text.splitlines():
        if line.startswith("[attributes."):
            name = next(iter(tomllib.loads(line)["attributes"]))
        values = tomllib.loads(line)["values"] if line.startswith("values = ") else []
        if len(values) > 2:
            file = io.StringIO()
            writer = csv.writer(file, delimiter=";", lineterminator="\n")
            writer.writerows((value, "any", "*") for value in values)
            stubs[f"{name}.csv"] = file.getvalue()
            path = f"{folder.rstrip('/')}/{name}.csv"
            line = f"hierarchy = {_toml(path)}   # write groups in it in place of 'any'"
        lines.append(line)
    return "\n".join([*lines, ""]), stubs


def _texts(
    table: pd.DataFrame, headings: list[str], id: str | None
) -> tuple[list[int], list[pd.Series], list[str]]:
    """The places and the values of columns that can be text, and why others are left out."""
    texts, left_out = {}, []
    for place, heading in enumerate(headings):
        try:
            texts[place] = _tidy(as_text(table.iloc[:, place]))
        except InputError as error:
            left_out.append(f"{_named(heading, place)}: {error}")
            if id and plain(heading) == plain(id):
                raise InputError(left_out[-1]) from None
    if not texts:
        raise InputError("no column can be used; " + "; ".join(left_out))
    return list(texts), list(texts.values()), left_out


def _named(heading: str, place: int) -> str:
    return heading or f"column {place + 1}"


def _tidy(text: pd.Series) -> pd.Series:
    """Values without extra blanks and without ``b'...'``; each distinct value is done once."""
    codes, distinct = pd.factorize(text)
    marked = map(without_byte_mark, distinct)
    plain_text = [
        single_blanks(v if m is None else m) for v, m in zip(distinct, marked, strict=True)
    ]
    return pd.Series(pd.array(plain_text, dtype="str").take(codes), text.index, name=text.name)


def _id_of(headings: list[str], texts: list[pd.Series]) -> tuple[str, str]:
    """The column that says whose entry a row is, and how it was found."""
    named = next((h for h in headings if WHOSE.fullmatch(plain(h))), None)
    if named:
        return named, "a guess: says whose entry it is"
    first = next((n for n, heading in enumerate(headings) if plain(heading)), 0)
    words, numbers = set(_words(headings[first])), texts[first]
    if (
        len(headings) > 1
        and len(numbers) > FEW
        and numbers.is_unique
        and numbers.str.fullmatch(r"[0-9]+(\.0)?").all()
        and not words & set(TELLING[Category.PERSONAL].split())
    ):
        return headings[first], "a guess: the first column, another whole number in each row"
    return DEFAULT_ID, NO_ID


def _words(heading: str) -> list[str]:
    return plain(_name(heading)).split() if plain(heading) else []


def _to_know(part: dict, text: pd.Series) -> list[str]:
    """What a person should know about a column: counts, and values that may be codes."""
    there = text[_there(text)]
    lost, distinct = len(text) - len(there), there.nunique()
    notes = [f"{lost:,} of {len(text):,} missing; {distinct:,} different values"]
    if part["form"] == "number":
        amounts = pd.to_numeric(there, errors="coerce")
        highest = amounts.max()
        others = amounts[amounts < highest]
        if re.fullmatch("(7+|8+|9+)(\\.0)?", str(highest)) and highest > 1.5 * others.max():
            notes.append(
                f"check: {(amounts == highest).sum():,} values stand far above all others and may "
                "be a code, such as for 'not known': with a lower 'most', prepare finds them"
            )
        if distinct <= 10 and np.allclose(amounts % 1, 0):
            notes.append("check: few whole numbers; if they are codes, make it a one-of")
    elif part["form"] != "pattern":
        values = there.drop_duplicates()
        steps = {
            "numbers": number_step(MOST_DECIMALS, number_signs(values)),
            "times": time_step("%H%M", day_orders(values)),
        }
        for kind, step in steps.items():
            are = there.isin([v for v in values if step(v)]).sum()
            if len(there) / 2 < are < len(there):
                notes.append(
                    f"check: {are:,} of {len(there):,} are {kind}; the others: codes? If so, make "
                    f"it {FORM_OF[kind]}, and say in a code book what they mean"
                )
    return notes


def _there(text: pd.Series) -> np.ndarray:
    return ~text.str.casefold().isin(NULLS | {"", "-"}).to_numpy(bool)


def _name(heading: str) -> str:
    heading = re.sub("(?<=[a-z])(?=[A-Z])", " ", heading)  # MaritalStatus
    name = re.sub(r"[\W_]+", "_", heading.lower()).strip("_")
    return f"n_{name}" if name[0].isdigit() else name


def _alphabet(texts: Iterable[pd.Series]) -> str:
    """The required characters and the table's most frequent other ones, in lower case."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(unicodedata.normalize("NFC", "".join(text)).lower())
    known = ALPHABET + "."
    others = [c for c, _ in counts.most_common() if c.isprintable() and c not in known]
    return known + "".join(others[: MOST_CHARACTERS - len(known)])


def _schema(parts: dict[str, dict], alphabet: str, id: str) -> Schema:
    plain_parts = {n: {k: v for k, v in part.items() if k != "#"} for n, part in parts.items()}
    return Schema.from_dict(
        {"alphabet": alphabet, "longest": ANY, "id": id, "attributes": plain_parts}
    )


def _part(
    heading: str, column: pd.Series, text: pd.Series, people: pd.Series | None, alphabet: str
) -> dict:
    """A column's part of a schema file, with the first form with which `prepare` succeeds."""
    values = text[_there(text)]
    if not plain(heading):
        raise InputError("it has no name")
    if values.nunique() < 2:
        lost = ", or missing" if 0 < len(values) < len(text) else ""
        raise InputError(
            "all values are missing" if values.empty else f"all values are the same{lost}"
        )
    if values.str.len().max() > LONG:
        raise InputError(f"a value has more than {LONG} characters")
    words, name = set(_words(heading)), _name(heading)
    category = next((c for c, telling in TELLING.items() if words & set(telling.split())), None)
    if category is Category.PERSONAL and set(map(whole, values.str.casefold())) <= TRUE | FALSE:
        category = None  # "has a phone: yes" isn't personal, a phone number is
    none = bool(text.str.casefold().eq("none").any())
    for form in _forms(values, category, none):
        part = {"label": heading, "category": str(category or Category.IDENTIFYING), **form}
        try:
            schema = _schema({name: part}, alphabet, "-".join((name, "id")))
            _, report = prepare(column.rename(name).to_frame(), schema)
        except InputError:
            continue
        if not {kind for change in report for kind in change.kind.split(", ")} & LOSSES:
            own = form["form"] in ("words", "digits") and _is_own(text, people)
            if not category and (own or form["form"] == "text"):
                part["category"] = str(Category.PERSONAL)
            return part
    raise InputError("its values have no form in common (dates: write them as ISO 8601 has them)")


def _is_own(text: pd.Series, people: pd.Series | None) -> bool:
    """Whether nearly every person (without ids: nearly every row) has a value of their own."""
    there = _there(text)
    owners = len(text[there]) if people is None else people[there].nunique()
    return text[there].nunique() > 0.9 * owners


def _may_be_id(part: dict, text: pd.Series) -> bool:
    """Whether values look like numbers of people: a word with a digit, nearly all different."""
    there = text[_there(text)]
    return (
        part["form"] in ("digits", "words", "pattern")
        and "time" not in part
        and bool(there.str.fullmatch(r"\S*[0-9]\S*").all())
        and _is_own(text, None)
    )


def _forms(values: pd.Series, category: Category | None, none: bool) -> Iterator[dict]:
    """The forms that values may have, the most specific form first."""
    distinct = values.drop_duplicates()
    numbers = _numbers(distinct)
    folded = sorted({whole(v.lower()) for v in distinct})
    dated = values.str.contains(r"(?<!\d)(?:19|20)\d\d(?:\D|$|[01]\d[0-3]\d(?!\d))").all()
    for time in TIMES:
        if dated if "Y" in time else values.str.contains(":").all():
            first = {"first": 6 if "Y" in time else 2}  # the month, or the hour
            yield {"form": "pattern", "time": time, "generalise": first}
    if values.str.match(r"\d\d?[-/.]\d\d?[-/.]\d").all() and numbers is None:
        return  # dates in which day and month can't be distinguished
    few = len(folded) <= min(FEW, len(values) / 3) and category is not Category.PERSONAL
    if few and (numbers is None or set(folded) <= {"0", "1", "2"}):
        yield {"form": "one-of", "values": [*folded, *(["none"] if none else [])]}
    if numbers is not None:
        yield from _digit_forms(folded)
        yield _number_form(values.map(numbers), category)
    else:
        shapes = {re.sub("[0-9]+", "0", v) for v in distinct}
        if len(shapes) == 1 and "0" in min(shapes):  # 135-85
            yield {"form": "pattern", "pattern": re.escape(min(shapes)).replace("0", "[0-9]+")}
        words = values.str.split().str.len()  # type: ignore[misc]
        if words.max() <= MOST_WORDS:
            several = words.median() > 1 and category is not Category.PERSONAL
            yield {"form": "words", **({"generalise": {"last_word": True}} if several else {})}
        yield {"form": "text"}


def _numbers(distinct: pd.Series) -> dict[str, str] | None:
    """Each value -> how a schema writes the number; ``None`` if a value isn't a number."""
    step = number_step(MOST_DECIMALS, number_signs(distinct))
    new = {value: found[1] for value in distinct if (found := step(value)) is not None}
    return new if len(new) == distinct.nunique() else None


def _digit_forms(folded: list[str]) -> Iterator[dict]:
    """Forms of digits, if values begin with zeros, or are long and all of the same length."""
    lengths = {len(value) for value in folded}
    low, high = min(lengths), max(lengths)
    zeros = any(value[0] == "0" and len(value) > 1 for value in folded)
    if all(re.fullmatch("[0-9]+", value) for value in folded) and (zeros or low == high > 6):
        # If all the longest begin with 0, the shorter ones have lost their 0 to a spreadsheet.
        if all(value[0] == "0" for value in folded if len(value) == high):
            yield {"form": "digits", "digits": high, "generalise": {"first": max(high // 2, 1)}}
        count = high if low == high else [low, high]
        yield {"form": "digits", "digits": count, "generalise": {"first": max(low // 2, 1)}}


def _number_form(numbers: pd.Series, category: Category | None) -> dict:
    """A number with its range, in ranges of round width, or bands at thirds."""
    decimals = int(numbers.str.extract(r"\.(\d*?)0*$")[0].str.len().fillna(0).max())
    amounts = numbers.astype(float)
    low, high, step = amounts.min(), amounts.max(), 10.0**-decimals
    form = {"form": "number", **({"decimals": decimals} if decimals else {})}
    form |= {"least": 0 if low >= 0 else -_round_up(-low), "most": _round_up(high)}
    if low == high:  # 80 and 80.0
        return form
    thirds = sorted({round(float(q), decimals) for q in amounts.quantile([1 / 3, 2 / 3])} - {low})
    if category in (Category.MEDICAL, Category.SENSOR) and thirds:
        names = ["low", "medium", "high"] if len(thirds) == 2 else ["low", "high"]
        bands = [[name, _whole(limit)] for name, limit in zip(names, thirds, strict=False)]
        return form | {"generalise": {"bands": [*bands, names[-1:]]}}
    size = 10.0 ** math.floor(math.log10((high - low) / 8))
    width = next(n * size for n in (1, 2, 5, 10) if 8 * n * size >= high - low)
    width = round(max(width, 2 * step), decimals)
    return form | {"generalise": {"range": _whole(width)}}


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _round_up(number: float) -> int:
    """Rounded up to a multiple of half its first digit's place: 59 to 60, 101 to 150."""
    if number <= 0:
        return 0
    step = max(10 ** math.floor(math.log10(number)) / 2, 1)
    return int(math.ceil(number / step) * step)


def _longest(entries: pd.DataFrame, schema: Schema) -> int:
    """The longest line of entries or views plus a tenth, rounded up to tens."""
    lengths = np.full(len(entries), len(schema) - 1)
    for attribute in schema.attributes:
        text = entries[attribute.name]
        longest = text.str.len().to_numpy(int)
        if attribute.generalise:
            general = schema.general(attribute.name, entries)
            longest = np.maximum(longest, general.str.len().to_numpy(int))
        lengths += longest
    return int(math.ceil(lengths.max() * 1.1 / 10) * 10)


def _lines(head: dict, parts: dict[str, dict], notes: list[str]) -> Iterator[str]:
    """The schema file."""
    hints = {
        "category": "a guess: personal, identifying, medical or sensor",
        "least": "a guess: the smallest value that is possible",
        "most": "a guess: the largest value that is possible",
        "values": 'to group them: hierarchy = "FILE.csv" instead, with lines value;group;*',
        "generalise": "a guess: does this hide enough?",
        "digits": "a guess: the number of digits, or the least and the most",
    }  # fmt: skip
    yield "# A first schema, made from a table. Check each line, above all those that are guesses."
    for key, (value, comment) in head.items():
        yield f"{key} = {_toml(value)}   # {comment}"
    yield from notes
    for name, part in parts.items():
        yield f"\n[attributes.{name if re.fullmatch('[a-z0-9_]+', name) else _toml(name)}]"
        for key, value in part.items():
            hint = f"   # {hints[key]}" if key in hints else ""
            yield from (
                [f"# {note}" for note in value] if key == "#" else [f"{key} = {_toml(value)}{hint}"]
            )
    yield ""


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
