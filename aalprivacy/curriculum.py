"""The progress of a training, and when its windows get longer."""

from dataclasses import dataclass, field, replace

from aalprivacy.recipe import Recipe

# The running mean of the loss is over about 100 updates, so that one lucky batch doesn't end a
# stage.
SMOOTHING = 0.99


@dataclass
class Progress:
    """The state of a training between updates, without the weights.

    Parameters
    ----------
    update, window, loss, entries, seconds
        Updates made, attributes of a window, running mean of the loss in nats a character, examples
        seen, and seconds of training.
    character_error
        The result of the last validation.
    stages
        For each stage: its attributes of a window, and the update and second at which it began.
    lengthened
        Each update at which the recipe's number of updates was changed, and the number before.
    product_dtypes
        Each update at which the type of the products was changed, and the type before.
    """

    update: int = 0
    window: int = 2
    loss: float = 3.0
    entries: int = 0
    seconds: float = 0.0
    character_error: float | None = None
    stages: list = field(default_factory=list)
    lengthened: list = field(default_factory=list)
    product_dtypes: list = field(default_factory=list)

    def __post_init__(self) -> None:
        whole = all(type(n) is int for n in (self.update, self.window, self.entries))
        numbers = all(isinstance(x, int | float) for x in (self.loss, self.seconds))
        lists = all(
            isinstance(x, list) for x in (self.stages, self.lengthened, self.product_dtypes)
        )
        if not (whole and numbers and lists) or self.update < 0 or self.window < 1:
            raise ValueError("its progress isn't that of a training")

    def whole_since(self, attributes: int) -> int:
        """The update at which windows got this many attributes; 0 if the training began so."""
        return next((update for window, update, _ in self.stages if window == attributes), 0)

    def changed(self, recipe: Recipe, **settings) -> Recipe:
        """The recipe with other settings from here on; what they were is kept.

        Parameters
        ----------
        recipe
            The training's recipe until now.
        settings
            ``updates``, ``product_dtype``, or both.
        """
        for name, kept in (("updates", self.lengthened), ("product_dtype", self.product_dtypes)):
            before = getattr(recipe, name)
            if settings.get(name, before) != before:
                kept.append([self.update, before])
        return replace(recipe, **settings)

    def count(
        self,
        entries: int,
        window: int,
        loss: float,
        seconds: float,
        recipe: Recipe,
        attributes: int,
    ) -> None:
        """Count an update. If the loss is low enough, windows get one attribute longer.

        Parameters
        ----------
        entries, window, loss
            Of the update's batch.
        seconds
            Of the training until now.
        recipe, attributes
            The training's recipe, and the attributes of a whole entry.
        """
        self.update += 1
        self.entries += entries
        self.seconds = seconds
        if window == self.window:
            self.loss = SMOOTHING * self.loss + (1 - SMOOTHING) * loss
        if self.loss < recipe.threshold and self.window < attributes:
            self.window += 1
            self.stages.append([self.window, self.update, seconds])
            self.loss = max(self.loss, recipe.threshold) + 0.1
