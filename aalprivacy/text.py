"""The line of text: entries and views as ``|``-separated lines and as matrices of tokens.

A line is an entry's values in the order of its schema, e.g. ``john smith|80|male|...``. A token
matrix holds one line a row: token `PAD` (0) after its end, `EOS` (1) at its end, and token
``i + 2`` for the i-th character of the schema's alphabet (paper, section IV-D: a set of 40
characters, 160 of them at most, an end token, zero padding).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from aalprivacy.attributes import SEPARATOR, row_name
from aalprivacy.errors import InputError
from aalprivacy.schema import Schema

PAD, EOS = 0, 1


def vocabulary(schema: Schema) -> int:
    """How many different tokens there are: the characters, `PAD` and `EOS`."""
    return len(schema.alphabet) + 2


def token_of(character: str, schema: Schema) -> int:
    """The token of a character of the alphabet."""
    return schema.alphabet.index(character) + 2


def to_lines(entries: pd.DataFrame, schema: Schema) -> pd.Series:
    """Write each entry as one line.

    Parameters
    ----------
    entries
        As `aalprivacy.schema.Schema.check` takes it.
    schema
        What an entry is.

    Returns
    -------
    Series of text, the index of `entries`.

    Raises
    ------
    InputError
        If a value is null or not of its attribute's form, or a line is longer than
        ``schema.longest``; the message names the row and the attribute.
    """
    return _join(schema.check(entries), schema)


def view_lines(views: pd.DataFrame, schema: Schema) -> pd.Series:
    """Write each view as one line; its values may be generalised or deleted.

    Parameters
    ----------
    views
        As from `aalprivacy.views.apply_policy`.

    Returns
    -------
    Series of text, the index of `views`.

    Raises
    ------
    InputError
        If a column is absent, a value is null, isn't text or has a `SEPARATOR`, or a line is longer
        than ``schema.longest``; the message names the row.
    """
    return _join(schema.check_views(views), schema)


def _join(table: pd.DataFrame, schema: Schema) -> pd.Series:
    columns = [_arrow(table[name]) for name in schema.names]
    joined = pc.binary_join_element_wise(*columns, pa.scalar(SEPARATOR, pa.large_string()))
    lines = pd.Series(pd.array(joined, dtype="str"), index=table.index)
    _refuse_long(lines, schema)
    return lines


def from_lines(lines: pd.Series, schema: Schema, errors: str = "raise") -> pd.DataFrame:
    """Read lines back into a table, the inverse of `to_lines` and `view_lines`.

    Parameters
    ----------
    lines
        Series of text, shape ``(n,)``.
    errors
        ``"raise"``, or ``"coerce"`` for decoded lines, which may have too few or too many values.
        Such a line fills the columns from the left. Missing values are empty text. Surplus values
        go into the last column, with spaces in place of separators.

    Returns
    -------
    DataFrame of text, the schema's columns, the index of `lines`.

    Raises
    ------
    InputError
        If `errors` is ``"raise"`` and a line has more or fewer values than the schema has
        attributes; the message names the row.
    """
    n = len(schema)
    null = lines.isna().to_numpy(bool)
    if null.any():
        raise InputError(f"row {row_name(lines.index, np.argmax(null))}: null; expected a line")
    wrong = ~is_well_formed(lines, schema)
    if errors == "raise" and wrong.any():
        first = int(np.argmax(wrong))
        found = lines.iloc[first].count(SEPARATOR) + 1
        raise InputError(f"row {row_name(lines.index, first)}: expected {n} values, got {found}")
    values = np.empty((len(lines), n), object)
    split = pc.split_pattern(_arrow(lines[~wrong]), SEPARATOR)
    values[~wrong] = pc.list_flatten(split).to_numpy(zero_copy_only=False).reshape(-1, n)
    for at in np.flatnonzero(wrong):
        parts = lines.iloc[at].split(SEPARATOR)
        parts += [""] * (n - len(parts))
        values[at] = [*parts[: n - 1], SEPARATOR.join(parts[n - 1 :])]
    return pd.DataFrame(values, index=lines.index, columns=list(schema.names), dtype="str")


def is_well_formed(lines: pd.Series, schema: Schema) -> np.ndarray:
    """Which lines have as many values as the schema has attributes; bool, shape ``(n,)``."""
    return (
        pc.count_substring(_arrow(lines), SEPARATOR).to_numpy(zero_copy_only=False)
        == len(schema) - 1
    )


def to_tokens(lines: pd.Series, schema: Schema) -> np.ndarray:
    """Lines to tokens.

    Returns
    -------
    uint8 array, shape ``(n, longest + 1)``: characters, `EOS`, then `PAD`.

    Raises
    ------
    InputError
        If a line is too long or has a character outside the alphabet.
    """
    flat, lengths = flat_tokens(lines, schema)
    tokens = np.zeros((len(lines), schema.longest + 1), np.uint8)
    tokens[np.arange(schema.longest + 1) < lengths[:, None]] = flat
    tokens[np.arange(len(lines)), lengths] = EOS
    return tokens


def flat_tokens(lines: pd.Series, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of all lines, or values, one after the other, without end tokens.

    Returns
    -------
    uint8 tokens of all characters, and the number of tokens of each line, int64 ``(n,)``.

    Raises
    ------
    InputError
        As `to_tokens`.
    """
    lengths = _refuse_long(lines, schema)
    points = _code_points("".join(lines))
    known = np.array([ord(c) for c in schema.alphabet], np.uint32)
    table = np.zeros(max(int(points.max(initial=0)), int(known.max())) + 1, np.uint8)
    table[known] = np.arange(2, vocabulary(schema), dtype=np.uint8)
    flat = table[points]
    if flat.size and not flat.all():
        first = int(np.argmin(flat))
        at = int(np.searchsorted(np.cumsum(lengths), first, side="right"))
        raise InputError(
            f"row {row_name(lines.index, at)}: character {chr(points[first])!r} in "
            f"{lines.iloc[at]!r}; expected only {schema.alphabet!r}"
        )
    return flat, lengths


def from_tokens(tokens: np.ndarray, schema: Schema, index: pd.Index | None = None) -> pd.Series:
    """Tokens to lines, the inverse of `to_tokens`.

    A row is read up to its first `EOS` or `PAD`, or to its end if it has neither.

    Parameters
    ----------
    tokens
        Whole numbers below `vocabulary`, shape ``(n, length)``.

    Returns
    -------
    Series of text, shape ``(n,)``.
    """
    tokens = np.asarray(tokens)
    inside = np.logical_and.accumulate(tokens > EOS, axis=1)
    narrow = schema.alphabet.isascii()
    points = np.array([0, 0, *map(ord, schema.alphabet)], np.uint8 if narrow else np.uint32)
    text = points[tokens[inside]].tobytes().decode("ascii" if narrow else "utf-32-le")
    ends = np.cumsum(inside.sum(axis=1)).tolist()
    lines = [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return pd.Series(pd.array(lines, dtype="str"), index=index)


def trim(tokens: np.ndarray) -> np.ndarray:
    """Tokens as int32 without the columns that are `PAD` in every row."""
    return tokens[:, : (tokens != PAD).sum(axis=1).max(initial=0)].astype(np.int32)


def character_errors(decoded: Iterable[str], expected: Iterable[str]) -> np.ndarray:
    """Levenshtein distance of each decoded line to the expected one; int, shape ``(n,)``."""
    return process.cpdist(list(decoded), list(expected), scorer=Levenshtein.distance)


def _arrow(values: pd.Series) -> pa.Array:
    array = pa.array(values, type=pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _code_points(text: str) -> np.ndarray:
    if text.isascii():  # a quarter of the memory
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _refuse_long(lines: pd.Series, schema: Schema) -> np.ndarray:
    """The lengths of the lines; a line that is too long is refused."""
    lengths = pc.utf8_length(_arrow(lines)).to_numpy(zero_copy_only=False).astype(np.int64)
    if lengths.max(initial=0) > schema.longest:
        at = int(np.argmax(lengths > schema.longest))
        raise InputError(
            f"row {row_name(lines.index, at)}: the line has {lengths[at]} characters; "
            f"expected at most {schema.longest} (the schema's 'longest')"
        )
    return lengths
