"""The exceptions that mean: something outside the program is at fault."""

import difflib
from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """Bad input: a file, a row, a value or an option that can't be used.

    The message is one line that names the file, row and attribute concerned and says what was
    expected; the command line prints it as it stands and exits non-zero.
    """


class WorkerLost(RuntimeError):
    """Another machine of a training stopped answering; the message says how to go on."""


def refuse_unknown(names: Iterable[str], known: Sequence[str], what: str, where: str = "") -> None:
    """Raise `InputError` at the first name that isn't known; the message has the nearest one.

    Parameters
    ----------
    names, known
        Those given, and those that there are.
    what
        What they are names of: a key, an attribute.
    where
        What the message begins with.
    """
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), known, 1)
        hint = f" (the nearest is {near[0]})" if near else ""
        expected = ", ".join(known)
        raise InputError(f"{where}unknown {what} {unknown!r}{hint}; expected one of {expected}")
