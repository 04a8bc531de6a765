"""The paper's figure 4, small: sentences like "john has alzheimer", and a model that learns them.

The sentence's first word is deleted, its verb disclosed, its disease generalised: one sentence, all
three operations. A model of 64 units learns it within two minutes.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from faker import Faker

from aalprivacy.attributes import DELETED, DISEASE_GROUP_OF, NAMES
from aalprivacy.model import Pair
from aalprivacy.policy import Operation
from aalprivacy.recipe import Recipe
from aalprivacy.text import to_tokens, trim
from aalprivacy.training import Trainer

OPERATIONS = (Operation.DELETE, Operation.DISCLOSE, Operation.GENERALISE)
VERBS = ("has", "had", "fears", "mentions", "denies")
RECIPE = Recipe(
    units=64, embedding=16, memory=30, learning_rate=5e-3, updates=1000, decay=0.5, averaging=0.98
)


def simulate_sentences(n: int, seed: int) -> pd.DataFrame:
    """Simulate sentences and what is to become of them.

    Parameters
    ----------
    n
        How many.
    seed
        Of the names, verbs and diseases.

    Returns
    -------
    DataFrame of columns ``sentence`` and ``view``.
    """
    rng = np.random.default_rng(seed)
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    names = [fake.first_name().lower() for _ in range(n)]
    verbs = rng.choice(VERBS, n)
    diseases = rng.choice([d for d in DISEASE_GROUP_OF if d != "none"], n)
    rows = [
        (f"{name} {verb} {disease}", f"{DELETED} {verb} {DISEASE_GROUP_OF[disease]}")
        for name, verb, disease in zip(names, verbs, diseases, strict=True)
    ]
    return pd.DataFrame(rows, columns=["sentence", "view"])


def learn(
    sentences: pd.DataFrame,
    recipe: Recipe = RECIPE,
    report: Callable[[int, float], None] = lambda update, loss: None,
) -> Pair:
    """Train a pair on sentences, whole from the start.

    Parameters
    ----------
    sentences
        As `simulate_sentences` makes them.
    recipe
        Its curriculum and augmentation are those of entries and aren't used.
    report
        Told every hundred updates the update and its loss in nats a character.
    """
    x, y = (trim(to_tokens(sentences[column])) for column in ("sentence", "view"))
    trainer = Trainer(recipe)
    trainer.progress.window = len(NAMES)
    rng = np.random.default_rng([recipe.seed, 2])
    replaced = np.zeros((recipe.batch_size, y.shape[1]), bool)
    for update in range(recipe.updates):
        rows = rng.integers(0, len(x), recipe.batch_size)
        loss = trainer.step(x[rows], y[rows], replaced)
        trainer.progress.update += 1
        if update % 100 == 99:
            report(update + 1, loss)
    return trainer.pair()


def words(sentence: str) -> list[str]:
    """A sentence's name, verb and disease, which may have a blank; empty where one is missing."""
    return [*sentence.split(" ", 2), "", ""][:3]
