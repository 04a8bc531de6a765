"""The ground truth: what a receiver may see, by rule and exactly."""

import pandas as pd

from aalprivacy.attributes import DELETED, NAMES, attribute
from aalprivacy.policy import TABLE_I, Operation, Policy


def apply_policy(
    entries: pd.DataFrame, policy: Policy = TABLE_I, receiver: str = "researcher"
) -> pd.DataFrame:
    """Disclose, generalise or delete each attribute as the policy says (paper, section IV-C).

    Parameters
    ----------
    entries
        One row an entry, the twenty attribute columns as text; other columns are left out.
    policy
        The table of operations; the paper's by default.
    receiver
        Whose view to make.

    Returns
    -------
    DataFrame with the twenty columns as text and the index of `entries`. A deleted value is
    ``*``; a missing value (``-``) that isn't deleted stays missing.

    Raises
    ------
    InputError
        If the receiver is unknown or a value to be generalised isn't of its attribute's form.
    """
    view = {}
    for name, operation in policy.for_receiver(receiver).items():
        if operation is Operation.DISCLOSE:
            view[name] = entries[name]
        elif operation is Operation.GENERALISE:
            view[name] = attribute(name).generalise(entries[name])
        else:
            view[name] = pd.Series(DELETED, index=entries.index, dtype="str")
    return pd.DataFrame(view, columns=list(NAMES), index=entries.index)
