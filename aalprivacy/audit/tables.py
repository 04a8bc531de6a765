"""The tables of a `Case`, made from one table of entries."""

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
    """Assign the people of a table to the tables of a case, at random.

    People whose entries are known to the attacker are neither targets nor linked.

    Parameters
    ----------
    entries
        One row an entry, of people that the pairs weren't trained on. If the table lacks the
        schema's id column, each row is another person's.
    schema
        What an entry is.
    known, targets
        How many people of each at most, one entry a person. If there are few people, a quarter of
        them are targets. Default 2000 and 500.
    linked
        How many people with two entries at most: their first and their last in the table. Default
        500. They may include targets.
    seed
        Of the assignment. Default 0.

    Returns
    -------
    dict of the keywords of `aalprivacy.audit.Case`: ``known`` and ``targets``; ``own``, as many as
    known, if there are enough people; ``linked``, if enough people have several entries.

    Raises
    ------
    InputError
        If an id is null, or there are fewer than 20 people.
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
