"""The paper's figure 4, small: sentences like "john has alzheimer", and a model that learns them.

The reader's view of a sentence deletes the name, discloses the verb and generalises the disease:
"john has alzheimer" becomes "* has dementia". The schema has one attribute, the sentence, whose
rule of generalisation is a Python function. A model of 64 units learns it within two minutes.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from faker import Faker

from aalprivacy.attributes import DELETED, Attribute, Form
from aalprivacy.examples import Examples
from aalprivacy.homes import DISEASE_GROUP_OF
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.schema import Schema

VERBS = ("has", "had", "fears", "mentions", "denies")
DISEASES = tuple(disease for disease in DISEASE_GROUP_OF if disease != "none")
READER = "reader"
RECIPE = Recipe(
    units=64, embedding=16, memory=30, learning_rate=5e-3, second_moment=0.999, missing=0, noise=0,
    updates=1000, decay=0.5, averaging=0.98,
)  # fmt: skip


def view_of_sentence(sentence: str) -> str:
    """What the reader may see of a sentence: the rule that the model learns."""
    _, verb, disease = words(sentence)
    return f"{DELETED} {verb} {DISEASE_GROUP_OF[disease]}"


def words(sentence: str) -> list[str]:
    """A sentence's name, verb and disease, empty if missing; a disease may have a blank."""
    return [*sentence.split(" ", 2), "", ""][:3]


# The operations on name, verb and disease.
OPERATIONS = (Operation.DELETE, Operation.DISCLOSE, Operation.GENERALISE)
SCHEMA = Schema(
    (
        Attribute(
            "sentence",
            Form.TEXT,
            expected="a name, a verb and a disease",
            pattern=f"[a-z-]+ ({'|'.join(VERBS)}) ({'|'.join(DISEASES)})",
            generalise=view_of_sentence,
        ),
    ),
    longest=40,
    title="Sentences",
)
POLICY = Policy({READER: {"sentence": Operation.GENERALISE}}, SCHEMA)


def simulate_sentences(n: int, seed: int) -> pd.DataFrame:
    """Simulate sentences.

    Parameters
    ----------
    n
        How many.
    seed
        Seed of the names, verbs and diseases.

    Returns
    -------
    DataFrame with one column of text, ``sentence``, shape ``(n, 1)``; entries of `SCHEMA`.
    """
    rng = np.random.default_rng(seed)
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    names = [fake.first_name().lower() for _ in range(n)]
    rows = zip(names, rng.choice(VERBS, n), rng.choice(DISEASES, n), strict=True)
    return pd.DataFrame({"sentence": map(" ".join, rows)}, dtype="str")


def learn(
    sentences: pd.DataFrame,
    recipe: Recipe = RECIPE,
    report: Callable[[int, float], None] = lambda update, loss: None,
) -> Pair:
    """Train a pair on sentences.

    Parameters
    ----------
    sentences
        Entries of `SCHEMA`, as from `simulate_sentences`.
    recipe
        As for any training. With one attribute, every window is a whole entry.
    report
        Called every hundred updates with the update and its loss in nats a character.

    Raises
    ------
    InputError
        If a sentence isn't a name, a verb and a disease.
    """
    from aalprivacy.training import Trainer  # imports TensorFlow

    examples = Examples(sentences, POLICY, READER, recipe)
    trainer = Trainer(recipe, POLICY, READER)
    for update in range(recipe.updates):
        loss = trainer.step(examples.batch(update, len(SCHEMA)))
        trainer.progress.update = update + 1
        if update % 100 == 99:
            report(update + 1, loss)
    return trainer.pair()
