"""The line of text: entries and views as ``|``-separated lines and as matrices of tokens.

A line is the twenty values in the order of Table I, e.g. ``john smith|80|male|...``. A token
matrix holds one line a row: token `PAD` (0) after its end, `EOS` (1) at its end, and token
``i + 2`` for the i-th character of `ALPHABET` (paper, section IV-D: a set of 40 characters,
160 of them at most, an end token, zero padding).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 |*-"
PAD, EOS = 0, 1
VOCABULARY = len(ALPHABET) + 2
MAX_LENGTH = 160
SEPARATOR = "|"

_ALPHABET_BYTES = np.frombuffer(ALPHABET.encode(), np.uint8)
_TOKEN_OF_BYTE = np.zeros(256, np.uint8)
_TOKEN_OF_BYTE[_ALPHABET_BYTES] = np.arange(2, VOCABULARY, dtype=np.uint8)
_BYTE_OF_TOKEN = np.zeros(256, np.uint8)
_BYTE_OF_TOKEN[2:VOCABULARY] = _ALPHABET_BYTES

SEPARATOR_TOKEN = int(_TOKEN_OF_BYTE[ord(SEPARATOR)])


def to_lines(frame: pd.DataFrame) -> pd.Series:
    """Write each row as one line.

    Parameters
    ----------
    frame
        Entries or views: the twenty attribute columns as text.

    Returns
    -------
    Series of text, the index of `frame`.

    Raises
    ------
    InputError
        If a value is null or empty, has a character outside `ALPHABET` or a separator in it, or a
        line is longer than `MAX_LENGTH`; the message names the row, attribute and character.
    """
    columns = [_arrow(frame[name]) for name in NAMES]
    for name, column in zip(NAMES, columns, strict=True):
        _check_values(column, name, frame.index)
    lines = pc.binary_join_element_wise(*columns, pa.scalar(SEPARATOR, pa.large_string()))
    lengths = pc.binary_length(lines).to_numpy(zero_copy_only=False)
    if lengths.size and lengths.max() > MAX_LENGTH:
        at = int(np.argmax(lengths > MAX_LENGTH))
        raise InputError(
            f"row {frame.index[at]}: the line has {lengths[at]} characters; "
            f"expected at most {MAX_LENGTH}"
        )
    return pd.Series(pd.array(lines, dtype="str"), index=frame.index)


def from_lines(lines: pd.Series, errors: str = "raise") -> pd.DataFrame:
    """Read lines back into a table, the inverse of `to_lines`.

    Parameters
    ----------
    lines
        Series of text, shape ``(n,)``.
    errors
        ``"raise"``, or ``"coerce"``: a line with too few or too many values fills the columns from
        the left, lacks the rest (empty text) and keeps surplus values, separators replaced by
        spaces, in the last column. A decoder may well write such a line.

    Raises
    ------
    InputError
        If a line hasn't twenty values and `errors` is ``"raise"``; the message names the row.
    """
    wrong = ~is_well_formed(lines)
    if errors == "raise" and wrong.any():
        at = int(np.argmax(wrong))
        found = lines.iloc[at].count(SEPARATOR) + 1
        raise InputError(f"row {lines.index[at]}: expected {len(NAMES)} values, got {found}")
    table = pd.DataFrame("", index=lines.index, columns=list(NAMES), dtype="str")
    split = pc.split_pattern(_arrow(lines[~wrong]), SEPARATOR)
    values = pc.list_flatten(split).to_numpy(zero_copy_only=False).reshape(-1, len(NAMES))
    good = pd.DataFrame(values, index=lines.index[~wrong], columns=list(NAMES), dtype="str")
    if not wrong.any():
        return good
    rows = [
        ([*parts[: len(NAMES) - 1], " ".join(parts[len(NAMES) - 1 :])])
        if len(parts) >= len(NAMES)
        else parts + [""] * (len(NAMES) - len(parts))
        for parts in (line.split(SEPARATOR) for line in lines[wrong])
    ]
    table.loc[~wrong] = good.to_numpy()
    table.loc[wrong] = rows
    return table


def is_well_formed(lines: pd.Series) -> np.ndarray:
    """Which lines have twenty values; bool, shape ``(n,)``."""
    count = pc.count_substring(_arrow(lines), SEPARATOR).to_numpy(zero_copy_only=False)
    return count == len(NAMES) - 1


def to_tokens(lines: pd.Series) -> np.ndarray:
    """Lines to tokens.

    Returns
    -------
    uint8 array, shape ``(n, MAX_LENGTH + 1)``: characters, `EOS`, then `PAD`.

    Raises
    ------
    InputError
        If a line is too long or has a character outside `ALPHABET`.
    """
    column = _arrow(lines)
    flat, lengths = _bytes_of(column)
    flat = _TOKEN_OF_BYTE[flat]
    if lengths.size and lengths.max() > MAX_LENGTH:
        at = int(np.argmax(lengths))
        raise InputError(
            f"row {lines.index[at]}: the line has {lengths[at]} characters; "
            f"expected at most {MAX_LENGTH}"
        )
    if flat.size and not flat.all():
        at = int(np.searchsorted(np.cumsum(lengths), np.argmin(flat), side="right"))
        _raise_character(lines.iloc[at], f"row {lines.index[at]}")
    tokens = np.zeros((len(lines), MAX_LENGTH + 1), np.uint8)
    tokens[np.arange(MAX_LENGTH + 1) < lengths[:, None]] = flat
    tokens[np.arange(len(lines)), lengths] = EOS
    return tokens


def from_tokens(tokens: np.ndarray, index: pd.Index | None = None) -> pd.Series:
    """Tokens to lines, the inverse of `to_tokens`.

    A row is read up to its first `EOS` or `PAD`, or to its end if it has neither.

    Parameters
    ----------
    tokens
        Whole numbers below `VOCABULARY`, shape ``(n, length)``.
    """
    tokens = np.asarray(tokens)
    inside = np.logical_and.accumulate(tokens > EOS, axis=1)
    offsets = np.concatenate([[0], np.cumsum(inside.sum(1))]).astype(np.int64)
    text = _BYTE_OF_TOKEN[tokens[inside].astype(np.uint8)]
    lines = pa.LargeStringArray.from_buffers(
        len(tokens), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))
    )
    return pd.Series(pd.array(lines, dtype="str"), index=index)


def trim(tokens: np.ndarray) -> np.ndarray:
    """Tokens as int32 without the columns that are `PAD` in every row."""
    return tokens[:, : (tokens != PAD).sum(axis=1).max()].astype(np.int32)


def character_errors(decoded: Iterable[str], expected: Iterable[str]) -> np.ndarray:
    """Levenshtein distance of each two lines; int, shape ``(n,)``."""
    return process.cpdist(list(decoded), list(expected), scorer=Levenshtein.distance)


def _arrow(values: pd.Series) -> pa.Array:
    array = pa.array(values, type=pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _bytes_of(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """All bytes of a text column in one array, and the number of them in each value."""
    offsets = np.frombuffer(column.buffers()[1], np.int64)
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    data = column.buffers()[2]
    flat = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return flat[offsets[0] : offsets[-1]], np.diff(offsets)


def _check_values(column: pa.Array, name: str, index: pd.Index) -> None:
    if column.null_count:
        at = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(f"row {index[at]}, {name}: null; expected a value ('-' if it is missing)")
    if not len(column):
        return
    flat, lengths = _bytes_of(column)
    if lengths.min() == 0:
        at = int(np.argmin(lengths))
        raise InputError(f"row {index[at]}, {name}: empty; expected a value ('-' if it is missing)")
    tokens = _TOKEN_OF_BYTE[flat]
    bad = (tokens == 0) | (tokens == SEPARATOR_TOKEN)
    if bad.any():
        at = int(np.searchsorted(np.cumsum(lengths), np.argmax(bad), side="right"))
        _raise_character(column[at].as_py(), f"row {index[at]}, {name}", inside_value=True)


def _raise_character(value: str, where: str, inside_value: bool = False) -> None:
    allowed = ALPHABET.replace(SEPARATOR, "") if inside_value else ALPHABET
    character = next(c for c in value if c not in allowed)
    raise InputError(f"{where}: character {character!r} in {value!r}; expected only {allowed!r}")
