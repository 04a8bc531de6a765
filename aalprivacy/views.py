"""Views by rule: exactly what a receiver may see. They are the ground truth for decoders."""

import pandas as pd

from aalprivacy.attributes import DELETED
from aalprivacy.policy import TABLE_I, Operation, Policy


def apply_policy(
    entries: pd.DataFrame, policy: Policy = TABLE_I, receiver: str = "researcher"
) -> pd.DataFrame:
    """Disclose, generalise or delete each attribute as the policy says (paper, section IV-C).

    Parameters
    ----------
    entries
        One row an entry, as for `aalprivacy.schema.Schema.check`; other columns are left out.
    policy
        The table of operations, with its schema; the paper's by default.
    receiver
        Whose view to make.

    Returns
    -------
    DataFrame of text with the schema's columns and the index of `entries`. A deleted value is
    ``*``; a missing value (``-``) that isn't deleted stays missing.

    Raises
    ------
    InputError
        If the receiver is unknown, or a value is null or not of its attribute's form.
    """
    operations = policy.for_receiver(receiver)
    entries = policy.schema.check(entries)
    view = {}
    for name, operation in operations.items():
        if operation is Operation.DISCLOSE:
            view[name] = entries[name]
        elif operation is Operation.GENERALISE:
            view[name] = policy.schema.general(name, entries)
        else:
            view[name] = pd.Series(DELETED, index=entries.index, dtype="str")
    return pd.DataFrame(view, columns=list(policy.schema.names), index=entries.index)
