"""Who may see what: the paper's Table I, and any other table of its kind."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

import pandas as pd

from aalprivacy.errors import InputError
from aalprivacy.schema import ASSISTED_LIVING, Schema


class Operation(StrEnum):
    """What happens to an attribute on its way to a receiver; letters as in Table I."""

    DISCLOSE = "F"
    GENERALISE = "G"
    DELETE = "D"


@dataclass(frozen=True)
class Policy:
    """For each receiver an operation on each attribute of a schema.

    Parameters
    ----------
    rules
        ``{receiver: {attribute name: Operation}}``; each receiver needs all attributes, in any
        order.
    schema
        What an entry is; the paper's by default.

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
    schema: Schema = ASSISTED_LIVING

    def __post_init__(self) -> None:
        if not isinstance(self.schema, Schema):
            raise InputError(f"policy: expected a Schema, got {self.schema!r}")
        if not self.rules:
            raise InputError("policy: no receivers; expected at least one")
        known = set()
        for receiver, operations in self.rules.items():
            if identifier(str(receiver)) in known:
                raise InputError(f"policy: the receiver {receiver!r} appears twice")
            known.add(identifier(str(receiver)))
            if not receiver:
                raise InputError("policy: a receiver without a name; expected a name for each")
            unknown = next((name for name in operations if name not in self.schema.names), None)
            if unknown is not None:
                expected = ", ".join(self.schema.names)
                raise InputError(
                    f"policy for {receiver}: unknown attribute {unknown!r}; expected {expected}"
                )
            for attribute in self.schema.attributes:
                operation = operations.get(attribute.name)
                if operation is None:
                    raise InputError(f"policy for {receiver}: no operation for {attribute.name}")
                if _operation(operation) is Operation.GENERALISE and attribute.generalise is None:
                    raise InputError(
                        f"policy for {receiver}: {attribute.name} has no generalisation; "
                        "expected F or D"
                    )
        # The rules are kept in the order of the line.
        ordered = {
            r: {n: _operation(ops[n]) for n in self.schema.names} for r, ops in self.rules.items()
        }
        object.__setattr__(self, "rules", ordered)

    @property
    def receivers(self) -> tuple[str, ...]:
        """The receivers' names; from a file, as identifiers such as ``family_member``."""
        return tuple(self.rules)

    def receiver(self, name: str) -> str:
        """A receiver's name as in the policy: ``Family Member`` is ``family_member``.

        Raises
        ------
        InputError
            If the policy doesn't know the receiver.
        """
        wanted = identifier(str(name))
        known = next((r for r in self.rules if identifier(str(r)) == wanted), None)
        if known is None:
            expected = ", ".join(self.receivers)
            raise InputError(f"unknown receiver {name!r}; expected one of {expected}")
        return known

    def for_receiver(self, receiver: str) -> Mapping[str, Operation]:
        """The receiver's column: attribute name -> operation, in the order of the schema.

        Raises
        ------
        InputError
            If the policy doesn't know the receiver.
        """
        return self.rules[self.receiver(receiver)]

    def letters(self, receiver: str) -> dict[str, str]:
        """The receiver's column as plain values: attribute name -> ``F``, ``G`` or ``D``."""
        return {name: str(operation) for name, operation in self.for_receiver(receiver).items()}

    def to_frame(self) -> pd.DataFrame:
        """The policy as a table of letters: attributes as rows, receivers as columns."""
        return pd.DataFrame(
            {r: [str(operation) for operation in ops.values()] for r, ops in self.rules.items()},
            index=pd.Index(self.schema.names, name="attribute"),
        )

    @classmethod
    def from_letters(cls, receiver: str, letters: Mapping[str, str], schema: Schema) -> "Policy":
        """One receiver's policy from letters: ``{attribute name: "F", "G" or "D"}``.

        Raises
        ------
        InputError
            If a letter is unknown, or the policy doesn't fit the schema.
        """
        return cls({receiver: {name: _operation(f) for name, f in letters.items()}}, schema)

    @classmethod
    def from_csv(cls, path: str | Path, schema: Schema = ASSISTED_LIVING) -> "Policy":
        """Read a table like the paper's Table I.

        The first column names the attributes, by label or column name, in any order. Each further
        column is a receiver. Cells are ``F``, ``G`` or ``D``, with commas, semicolons or tabs
        between them.

        Parameters
        ----------
        path
            A CSV file in UTF-8.
        schema
            The schema of the attributes; the paper's by default.

        Raises
        ------
        InputError
            If the file can't be read or isn't a policy table; the message names file and line.
        """
        try:
            text = Path(path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8; save it as such"
            raise InputError(f"{path}: can't be read as a policy table: {reason}") from None
        first = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
        except csv.Error as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from None
        lines = [(line, cells) for line, cells in rows if any(cells)]
        if len(lines) < 2 or len(lines[0][1]) < 2:
            raise InputError(
                f"{path}: expected a first line such as 'Attribute,Doctor,Nurse', then a line for "
                f"each attribute; the first line is {first!r}"
            )
        (_, (_, *receivers)), *rows = lines
        if not all(receivers):
            at = receivers.index("") + 2
            raise InputError(
                f"{path}, line {lines[0][0]}: column {at} has no name; expected a receiver's name, "
                "or no such column"
            )
        rules: dict[str, dict[str, Operation]] = {identifier(r): {} for r in receivers}
        if len(rules) < len(receivers):
            raise InputError(f"{path}: a receiver appears twice in the first line")
        for line, (label, *letters) in rows:
            where = f"{path}, line {line}"
            if len(letters) != len(receivers):
                raise InputError(
                    f"{where}: {len(letters) + 1} cells; expected {len(receivers) + 1} as in the "
                    "first line"
                )
            try:
                name = schema[label].name
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            for receiver, letter in zip(rules, letters, strict=True):
                if name in rules[receiver]:
                    raise InputError(f"{where}: {name} appears twice")
                try:
                    rules[receiver][name] = _operation(letter)
                except InputError as error:
                    raise InputError(f"{where}, {name}, {receiver}: {error}") from None
        try:
            return cls(rules, schema)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _operation(letter: str | Operation) -> Operation:
    try:
        return Operation(str(letter).strip().upper())
    except ValueError:
        raise InputError(
            f"expected F (disclose), G (generalise) or D (delete), got {letter!r}"
        ) from None


def identifier(label: str) -> str:
    """A receiver's name as the package writes it: ``Family Member`` -> ``family_member``."""
    return label.strip().casefold().replace(" ", "_")


TABLE_I: Policy = Policy.from_csv(str(resources.files("aalprivacy") / "table1.csv"))
"""The paper's Table I: family_member, doctor, caregiver, researcher."""
