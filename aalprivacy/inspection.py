"""A closer look: the encoder's units as they read, codes on a plane, where the errors are."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from aalprivacy.attributes import NAMES
from aalprivacy.inference import is_reversed
from aalprivacy.model import Pair
from aalprivacy.quiet import keras
from aalprivacy.text import (
    EOS,
    PAD,
    SEPARATOR_TOKEN,
    character_errors,
    from_lines,
    to_tokens,
    trim,
)


def read_states(pair: Pair, lines: pd.Series) -> np.ndarray:
    """The encoder's state ``h`` after each character that it has read.

    Returns
    -------
    float32 ``(n, length, units)``, in the order of the lines' characters, whichever way the encoder
    reads them; zero from a line's end on.
    """
    tokens = trim(to_tokens(lines))
    stock = pair.encoder.get_layer("lstm")
    layer = keras.layers.LSTM(stock.units, return_sequences=True)
    vectors = pair.encoder.get_layer("embedding")
    reverse = is_reversed(pair.encoder)
    steps = tokens[:, ::-1] if reverse else tokens
    embedded = vectors(steps)
    layer.build(embedded.shape)
    layer.set_weights(stock.get_weights())
    states = np.asarray(layer(embedded, mask=keras.ops.convert_to_tensor(steps != PAD)))
    states = states[:, ::-1] if reverse else states
    return states * (tokens != PAD)[:, :, None]


def attribute_of_each_character(lines: pd.Series) -> np.ndarray:
    """Place in `NAMES` of the attribute that each character belongs to, its separator included.

    Returns
    -------
    int ``(n, length)``; -1 from a line's end on.
    """
    tokens = trim(to_tokens(lines))
    ends = (tokens == SEPARATOR_TOKEN) | (tokens == EOS)
    which = np.cumsum(ends, axis=1) - ends
    return np.where(tokens != PAD, np.minimum(which, len(NAMES) - 1), -1)


def explained_by_attribute(states: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Share of each unit's variance that is explained by which attribute is being read.

    Parameters
    ----------
    states, attributes
        As `read_states` and `attribute_of_each_character` give them.

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
    float ``(n, 2)``, and the share of the variance that each component holds.
    """
    pca = PCA(2, random_state=0).fit(codes)
    return pca.transform(codes), pca.explained_variance_ratio_


def wrong_values(decoded: pd.Series, expected: pd.Series, known: pd.DataFrame) -> pd.DataFrame:
    """Each value of each line: where it stands, how long and how rare it is, and how wrong.

    Parameters
    ----------
    decoded, expected
        Lines of the same rows.
    known
        Views that the pair was trained on, or a sample of them.

    Returns
    -------
    DataFrame, one row a value: ``attribute``; ``begins``, characters of the line before it;
    ``length``; ``known``, how often it is among the known ones of its attribute; ``wrong``, its
    Levenshtein distance to the decoded value.
    """
    got, want = from_lines(decoded, errors="coerce"), from_lines(expected)
    parts, begins = [], 0
    for name in NAMES:
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
