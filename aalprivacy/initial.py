"""The first weights of a training, with which an LSTM can remember a long line.

With Keras's own first weights, a layer forgets its state within four steps (a forget gate of
sigmoid(1) = 0.73), and its tokens have nearly the same vectors (deviation 0.03). It learns to copy
the last few values, but not a value a hundred characters back. With long lines it takes thousands
of updates until the code is used at all.
"""

from typing import TYPE_CHECKING

import numpy as np

from aalprivacy.recipe import PLACE_SPREAD, Recipe

if TYPE_CHECKING:
    from aalprivacy.quiet import keras


def start(model: "keras.Model", recipe: Recipe, longest: int) -> None:
    """Give an encoder or a decoder the recipe's first weights, in place.

    Each unit gets a memory of its own, from one step to the recipe's memory. The bias of its forget
    gate is ``log(t)``, with ``t`` drawn uniformly. The bias of its input gate is ``-log(t)``, so
    that a unit with a long memory is written rarely (Tallec & Ollivier 2018, Can recurrent neural
    networks warp time?, arXiv:1804.11188). Tokens get normally distributed vectors.

    Parameters
    ----------
    model
        As `build_encoder` or `build_decoder` made it.
    recipe
        Its memory, spread and seed are used.
    longest
        The most characters of a line: the memory, if the recipe has none.
    """
    memory = longest if recipe.memory is None else recipe.memory
    rng = np.random.default_rng([recipe.seed, 3, model.name == "decoder"])
    if recipe.spread:
        spreads = {"embedding": recipe.spread, "attribute": PLACE_SPREAD, "place": PLACE_SPREAD}
        for layer in model.layers:
            if layer.name in spreads:
                (vectors,) = layer.weights
                vectors.assign(rng.normal(0, spreads[layer.name], vectors.shape))
    if memory:
        lstm = model.get_layer("lstm")
        bias = next(weight for weight in lstm.weights if weight.name == "bias")
        bias.assign(remembering(lstm.units, memory, rng))


def remembering(units: int, memory: int, rng: np.random.Generator) -> np.ndarray:
    """A bias of the gates with which units remember from one step to `memory` steps.

    Returns
    -------
    float64 ``(4 * units,)``, in Keras's order of the gates: input, forget, candidate, output.
    """
    forget = np.log(rng.uniform(1, memory, units))
    return np.concatenate([-forget, forget, np.zeros(2 * units)])
