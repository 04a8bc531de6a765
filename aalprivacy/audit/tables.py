"""The tables of a `Case` out of a table of somebody's own."""

import numpy as np
import pandas as pd

from aalprivacy.audit.measure import FEWEST
from aalprivacy.errors import InputError
from aalprivacy.schema import Schema


def case_tables(
    entries: pd.DataFrame,
    schema: Schema,
    *,
    known: int = 2000,
    targets: int = 500,
    linked: int = 500,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Deal the people of a table out at random: who is known is neither read nor linked.

    Parameters
    ----------
    entries
        One row an entry, of people that the pairs weren't trained on. Each row is a person's of
        its own if the table hasn't the schema's id column.
    schema
        What an entry is.
    known, targets
        How many of each at most, one entry a person. Of fewer people a quarter are targets.
    linked
        At most so many people with two entries each, the first and the last in the table.
    seed
        Of the dealing.

    Returns
    -------
    dict of the keywords of `aalprivacy.audit.Case`: ``known`` and ``targets``; ``own``, as many as
    known, if there are people enough; ``linked``, if there are people of several entries.

    Raises
    ------
    InputError
        If a column is absent, it isn't said whose an entry is, or the people are too few.
    """
    places, whose = pd.Series(np.arange(len(entries))), schema.people(entries)
    whose = places if whose is None else whose
    if whose.isna().any():
        raise InputError(f"entries, {schema.id}: null; expected whose entry each is")
    rows = places.groupby(whose.to_numpy(), sort=False)
    first, last = rows.first().to_numpy(), rows.last().to_numpy()
    n = len(first)
    if n < 2 * FEWEST:
        raise InputError(f"entries of {n} people; expected of at least {2 * FEWEST}")
    order = np.random.default_rng(seed).permutation(n)
    read = min(targets, max(FEWEST, n // 4))
    known = min(known, n - read)
    dealt = {"targets": order[:read], "known": order[read : read + known]}
    rest = order[read + known :]
    if len(rest) >= known:
        dealt["own"] = rest[:known]
    tables = {name: entries.iloc[first[people]] for name, people in dealt.items()}
    several = np.concatenate([order[:read], rest])
    several = several[first[several] != last[several]][:linked]
    if len(several) >= FEWEST:
        both = np.stack([first[several], last[several]], axis=1).ravel()
        tables["linked"] = entries.iloc[both]
    return tables
