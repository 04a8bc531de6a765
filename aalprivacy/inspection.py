"""A closer look: the encoder's units as they read, codes on a plane, where the errors are."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from aalprivacy import runtime
from aalprivacy.attributes import SEPARATOR
from aalprivacy.pair import Pair
from aalprivacy.schema import Schema
from aalprivacy.text import (
    EOS,
    PAD,
    character_errors,
    from_lines,
    to_tokens,
    token_of,
    trim,
)


def read_states(pair: Pair, lines: pd.Series) -> np.ndarray:
    """The encoder's state ``h`` after each character that it has read.

    Parameters
    ----------
    pair
        The pair whose encoder reads.
    lines
        Lines of entries; for a blind pair, lines of views.

    Returns
    -------
    float32 ``(n, length, units)`` in the order of a line's characters and its end token, even if
    the encoder reads from the end; zero after the end token.
    """
    pair.needs("encoder")
    tokens = trim(to_tokens(lines, pair.schema))
    return runtime.states(pair.weights, pair.architecture, tokens)


def attribute_of_each_character(lines: pd.Series, schema: Schema) -> np.ndarray:
    """Which attribute each character belongs to: 0 for the schema's first one, and so on.

    The separator, or the line's end, belongs to the value before it.

    Returns
    -------
    int ``(n, length)``; -1 after a line's end.
    """
    tokens = trim(to_tokens(lines, schema))
    ends = (tokens == token_of(SEPARATOR, schema)) | (tokens == EOS)
    which = np.cumsum(ends, axis=1) - ends
    return np.where(tokens != PAD, which, -1)


def explained_by_attribute(states: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """The share of each unit's variance that the attribute being read explains.

    Parameters
    ----------
    states, attributes
        From `read_states` and `attribute_of_each_character`.

    Returns
    -------
    float ``(units,)`` between 0 and 1 (the correlation ratio, eta squared).
    """
    inside = attributes >= 0
    values = pd.DataFrame(states[inside])
    groups = values.groupby(attributes[inside])
    between = (groups.mean() - values.mean()).pow(2).mul(groups.size(), axis=0).sum()
    return (between / (values - values.mean()).pow(2).sum()).to_numpy()


def highest_and_drawn(share: np.ndarray, n: int = 4, seed: int = 0) -> list[int]:
    """The `n` units with the highest share, highest first, and `n` of the others drawn by seed."""
    best = np.argsort(-share)[:n]
    others = np.setdiff1d(np.arange(len(share)), best)
    return [*best, *np.random.default_rng(seed).choice(others, n, replace=False)]


def on_a_plane(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes by their two principal components.

    Returns
    -------
    float ``(n, 2)``, and the share of the variance that each component explains.
    """
    pca = PCA(2, random_state=0).fit(codes)
    return pca.transform(codes), pca.explained_variance_ratio_


def wrong_values(
    decoded: pd.Series, expected: pd.Series, known: pd.DataFrame, schema: Schema
) -> pd.DataFrame:
    """Each value of each line: its position, its length, how often it is known, and its errors.

    Parameters
    ----------
    decoded, expected
        Lines of the same rows.
    known
        Views that the pair was trained on, or a sample of them.
    schema
        What a line is.

    Returns
    -------
    DataFrame, one row for each value: ``attribute``; ``begins``, the number of characters of the
    line before it; ``length``; ``known``, how often `known` has it in its attribute; ``wrong``, its
    Levenshtein distance to the decoded value.
    """
    got, want = from_lines(decoded, schema, errors="coerce"), from_lines(expected, schema)
    parts, begins = [], 0
    for name in schema.names:
        length = want[name].str.len()
        part = {
            "attribute": name,
            "begins": begins,
            "length": length,
            "known": want[name].map(known[name].value_counts()).fillna(0).astype(int),
            "wrong": character_errors(got[name], want[name]),
        }
        parts.append(pd.DataFrame(part))
        begins = begins + length + 1
    return pd.concat(parts, ignore_index=True)


def frequent_errors(decoded: pd.Series, expected: pd.Series, schema: Schema) -> pd.DataFrame:
    """Which numbers of wrong characters are frequent, and the usual mistake behind each.

    Parameters
    ----------
    decoded, expected
        Lines of the same rows.
    schema
        What a line is.

    Returns
    -------
    DataFrame, one row for each number of wrong characters that occurs, the most frequent first:
    ``wrong characters``; ``entries``, how many have that number; ``attribute``, the one that is
    wrong in most of them; ``share``, in what share of them; ``expected`` and ``decoded``, its most
    frequent mistake. A line of too few or too many values is read from the left.
    """
    errors = character_errors(decoded, expected)
    got, want = from_lines(decoded, schema, errors="coerce"), from_lines(expected, schema)
    rows = []
    for number in np.unique(errors[errors > 0]):
        mine = errors == number
        wrong = {n: (got[n] != want[n]).to_numpy() & mine for n in schema.names}
        name = max(wrong, key=lambda n: wrong[n].sum())
        both = [want[name][wrong[name]].rename("a"), got[name][wrong[name]].rename("b")]
        commonest = pd.concat(both, axis=1).groupby(["a", "b"]).size().idxmax()
        rows.append(
            {
                "wrong characters": int(number),
                "entries": int(mine.sum()),
                "attribute": name,
                "share": wrong[name].sum() / mine.sum(),
                "expected": commonest[0],
                "decoded": commonest[1],
            }
        )
    columns = ["wrong characters", "entries", "attribute", "share", "expected", "decoded"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("entries", ascending=False, kind="stable", ignore_index=True)
