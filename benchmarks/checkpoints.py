"""Checkpoints of `aalprivacy.training.Trainer`, read and written without TensorFlow."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from aalprivacy.architecture import Architecture
from aalprivacy.atomic import write_whole
from aalprivacy.curriculum import Progress
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema

# The arrays of a training.
KINDS = ("parameters", "average", "first", "second")


@dataclass
class Checkpoint:
    """A training between two updates.

    Parameters
    ----------
    recipe, progress
        The training's.
    state
        ``parameters``, their ``average``, and Adam's moments ``first`` and ``second``: float32
        arrays by name, in the order of `Architecture.shapes`.
    """

    recipe: Recipe
    progress: Progress
    state: Mapping[str, Mapping[str, np.ndarray]]

    @classmethod
    def read(cls, path: Path, schema: Schema) -> "Checkpoint":
        """Read the checkpoint of a training with this schema.

        Raises
        ------
        SystemExit
            If the file can't be read, or is of another schema or version.
        """
        try:
            with np.load(path) as file:
                about = json.loads(str(file["about"]))
                arrays = [file[f"{i}"] for i in range(len(file.files) - 1)]
            augmentation = tuple(about["recipe"].pop("augmentation"))
            recipe = Recipe(augmentation=augmentation, **about["recipe"])
            names = list(Architecture.of_recipe(schema, recipe).shapes())
            n = len(names)
            # After the parameters there are Adam's number of updates and its rate.
            averages, moments = arrays[n + 2 : 2 * n + 2], arrays[2 * n + 2 :]
            state = {
                kind: dict(zip(names, of, strict=True))
                for kind, of in zip(
                    KINDS, (arrays[:n], averages, moments[::2], moments[1::2]), strict=True
                )
            }
            return cls(recipe, Progress(**about["progress"]), state)
        except Exception as error:  # NumPy's reader may raise any error on a broken archive
            raise SystemExit(
                f"{path}: expected a whole checkpoint of this version and schema: {error}"
            ) from None

    def write(self, path: Path) -> None:
        """Write it as `Trainer.save` does."""
        values = {key: list(of.values()) for key, of in self.state.items()}
        adam = [np.int64(self.progress.update), np.float32(self.recipe.learning_rate)]
        moments = [x for pair in zip(values["first"], values["second"], strict=True) for x in pair]
        arrays = [*values["parameters"], *adam, *values["average"], *moments]
        about = {"recipe": asdict(self.recipe), "progress": asdict(self.progress)}

        def save(draft: Path) -> None:
            with draft.open("wb") as file:
                np.savez(file, about=json.dumps(about), **{f"{i}": a for i, a in enumerate(arrays)})

        write_whole(path, save)
