"""The exceptions for problems outside the program: bad input, and lost machines."""

import difflib
from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """Bad input: a file, a row, a value or an option that can't be used.

    The message is one line. It names the file, the row and the attribute, and says what was
    expected. The command line prints it unchanged and exits with 1.
    """


class WorkerLost(RuntimeError):
    """Another process stopped answering; the message says how to continue."""


def refuse_unknown(names: Iterable[str], known: Sequence[str], what: str, where: str = "") -> None:
    """Raise `InputError` at the first unknown name; the message suggests the most similar one.

    Parameters
    ----------
    names, known
        The names to check, and the names that exist.
    what
        What the names stand for, such as "key" or "attribute".
    where
        The beginning of the message.
    """
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), known, 1)
        hint = f" (the nearest is {near[0]})" if near else ""
        expected = ", ".join(known)
        raise InputError(f"{where}unknown {what} {unknown!r}{hint}; expected one of {expected}")
