"""Who may see what: the paper's Table I, and any other table of its kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

import pandas as pd

from aalprivacy.attributes import ATTRIBUTES, NAMES, attribute
from aalprivacy.errors import InputError


class Operation(StrEnum):
    """What happens to an attribute on its way to a receiver; letters as in Table I."""

    DISCLOSE = "F"
    GENERALISE = "G"
    DELETE = "D"


@dataclass(frozen=True)
class Policy:
    """For each receiver an operation on each attribute.

    Parameters
    ----------
    rules
        ``{receiver: {attribute name: Operation}}``; all twenty attributes for each receiver.

    Raises
    ------
    InputError
        If an attribute is absent or unknown, or is to be generalised and has no generalisation.

    Examples
    --------
    >>> from aalprivacy.policy import TABLE_I
    >>> TABLE_I.for_receiver("researcher")["disease"]
    <Operation.GENERALISE: 'G'>
    """

    rules: Mapping[str, Mapping[str, Operation]]

    def __post_init__(self) -> None:
        for receiver, operations in self.rules.items():
            for name in operations:
                attribute(name)
            for a in ATTRIBUTES:
                if a.name not in operations:
                    raise InputError(f"policy for {receiver}: no operation for {a.name}")
                if operations[a.name] is Operation.GENERALISE and a.rule is None:
                    raise InputError(
                        f"policy for {receiver}: {a.name} has no generalisation; expected F or D"
                    )
        # Whoever walks through a column walks through an entry.
        ordered = {r: {n: ops[n] for n in NAMES} for r, ops in self.rules.items()}
        object.__setattr__(self, "rules", ordered)

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(self.rules)

    def for_receiver(self, receiver: str) -> Mapping[str, Operation]:
        """The receiver's column: attribute name -> operation.

        Raises
        ------
        InputError
            If the policy doesn't know the receiver.
        """
        if receiver not in self.rules:
            expected = ", ".join(self.receivers)
            raise InputError(f"unknown receiver {receiver!r}; expected one of {expected}")
        return self.rules[receiver]

    def to_frame(self) -> pd.DataFrame:
        """The policy as a table of letters: one row an attribute, one column a receiver."""
        return pd.DataFrame(
            {r: [str(ops[n]) for n in NAMES] for r, ops in self.rules.items()},
            index=pd.Index(NAMES, name="attribute"),
        )

    @classmethod
    def from_csv(cls, path: str | Path) -> "Policy":
        """Read a table like the paper's Table I.

        The first column names the attributes (as in Table I, or by column name; any order), each
        further column is a receiver; cells are ``F``, ``G`` or ``D``.

        Raises
        ------
        InputError
            If the file can't be read or isn't such a table; the message names file and row.
        """
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
        except (OSError, ValueError, pd.errors.ParserError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(f"{path}: can't be read as a policy table: {reason}") from None
        if table.shape[1] < 2:
            raise InputError(f"{path}: expected a column of attributes and one a receiver")
        _labels, *receivers = table.columns
        rules: dict[str, dict[str, Operation]] = {_identifier(r): {} for r in receivers}
        if len(rules) < len(receivers):
            raise InputError(f"{path}: a receiver stands twice in the first line")
        for row, cells in enumerate(table.itertuples(index=False), start=2):
            try:
                name = attribute(cells[0]).name
            except InputError as error:
                raise InputError(f"{path}, row {row}: {error}") from None
            for receiver, letter in zip(rules, cells[1:], strict=True):
                if name in rules[receiver]:
                    raise InputError(f"{path}, row {row}: {name} stands twice")
                try:
                    rules[receiver][name] = Operation(letter.strip().upper())
                except ValueError:
                    raise InputError(
                        f"{path}, row {row}, {name}, {receiver}: expected F (disclose), "
                        f"G (generalise) or D (delete), got {letter!r}"
                    ) from None
        try:
            return cls(rules)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _identifier(label: str) -> str:
    return label.strip().casefold().replace(" ", "_")


TABLE_I: Policy = Policy.from_csv(str(resources.files("aalprivacy") / "table1.csv"))
"""The paper's Table I: family_member, doctor, caregiver, researcher."""
