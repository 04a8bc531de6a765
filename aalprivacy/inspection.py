"""What goes on inside: the encoder's units as they read a line, the codes laid out on a plane."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from aalprivacy.attributes import NAMES
from aalprivacy.inference import is_reversed
from aalprivacy.model import Pair
from aalprivacy.quiet import keras
from aalprivacy.text import EOS, PAD, SEPARATOR_TOKEN, to_tokens, trim


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


def on_a_plane(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes by their two principal components.

    Returns
    -------
    float ``(n, 2)``, and the share of the variance that each component holds.
    """
    pca = PCA(2, random_state=0).fit(codes)
    return pca.transform(codes), pca.explained_variance_ratio_
