"""How a pair's network is built, and the place of each character in a line."""

from dataclasses import dataclass, fields

import numpy as np

from aalprivacy.attributes import SEPARATOR
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema
from aalprivacy.text import token_of, vocabulary


@dataclass(frozen=True)
class Architecture:
    """How a pair's network is built.

    Parameters
    ----------
    tokens
        Number of different tokens that it reads and writes: the characters, padding and the end.
    separator
        The token that ends a value.
    attributes
        Number of values in a line.
    units
        Width of an LSTM's state (paper, section IV-D); a code has twice as many numbers.
    embedding
        Width of a token's vector.
    places
        Number of places in a value that have a vector of their own; later places share the last
        one. A token's vector is the sum of three vectors: of the token, of its attribute, and of
        its place in the value. The decoder takes the token before, and the attribute and place of
        the token to write. With 0 there is only the token's vector.
    reverse
        The encoder reads a line from its end to its start (Sutskever et al. 2014,
        arXiv:1409.3215). So it reads last what the decoder writes first.
    code_at_every_step
        The decoder gets the code at each step, as in Cho et al. (2014), the paper's reference
        [8]; otherwise the code is only its initial state.
    blind
        The encoder reads the view and never the entry, so that a code can't hold what the view
        hides.
    """

    tokens: int = 42
    separator: int = 39
    attributes: int = 20
    units: int = 256
    embedding: int = 32
    places: int = 48
    reverse: bool = True
    code_at_every_step: bool = True
    blind: bool = False

    @classmethod
    def of(cls, schema: Schema, **choices) -> "Architecture":
        """The architecture of a schema's pairs; `choices` are the other fields."""
        separator = token_of(SEPARATOR, schema)
        return cls(vocabulary(schema), separator, len(schema), **choices)

    @classmethod
    def of_recipe(cls, schema: Schema, recipe: Recipe) -> "Architecture":
        """The architecture of a pair that is trained with a recipe."""
        names = [f.name for f in fields(cls) if hasattr(recipe, f.name)]
        return cls.of(schema, **{name: getattr(recipe, name) for name in names})

    @property
    def width(self) -> int:
        """How many numbers a code has."""
        return 2 * self.units

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The arrays of such a network by name, with the shape of each; all are float32."""
        gates, vector = 4 * self.units, self.embedding
        fed = vector + self.width * self.code_at_every_step
        tables = {"embedding": self.tokens}
        if self.places:
            tables |= {"attribute": self.attributes, "place": self.places}
        shapes: dict[str, tuple[int, ...]] = {}
        for part, inputs in {"encoder": vector, "decoder": fed}.items():
            shapes |= {f"{part}/{name}/embeddings": (rows, vector) for name, rows in tables.items()}
            shapes |= {
                f"{part}/lstm/kernel": (inputs, gates),
                f"{part}/lstm/recurrent_kernel": (self.units, gates),
                f"{part}/lstm/bias": (gates,),
            }
        return shapes | {
            "decoder/scores/kernel": (self.units, self.tokens),
            "decoder/scores/bias": (self.tokens,),
        }

    def names(self, part: str) -> tuple[str, ...]:
        """The arrays of the encoder or the decoder, in the order in which a fingerprint reads them.

        Parameters
        ----------
        part
            ``"encoder"`` or ``"decoder"``.
        """
        return tuple(name for name in self.shapes() if name.startswith(part))

    def where(
        self, tokens: np.ndarray, first: np.ndarray | None = None, ahead: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The attribute of each token, and its place in the value, both counted from 0.

        A separator is the last token of its value. Tokens after a line's last attribute count as
        part of it.

        Parameters
        ----------
        tokens
            Whole numbers ``(n, length)``.
        first
            The attribute that each line begins with, whole numbers ``(n,)``; by default 0.
        ahead
            Whether to give those of the token that follows, as the decoder needs it.

        Returns
        -------
        Two arrays of whole numbers ``(n, length)``, below `attributes` and `places`.
        """
        begun = np.zeros((len(tokens), 1), int) if first is None else first[:, None]
        ends = tokens == self.separator
        attribute = np.cumsum(ends, axis=1) - (0 if ahead else ends) + begun
        attribute = np.minimum(attribute, self.attributes - 1)
        at = np.arange(tokens.shape[1])
        begins = np.diff(attribute, axis=1, prepend=begun) > 0
        place = at - np.maximum.accumulate(np.where(begins, at, 0), axis=1)
        return attribute, np.minimum(place, max(self.places, 1) - 1)
