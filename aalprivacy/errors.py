"""The exceptions for problems outside the program: bad input, and lost machines."""

import difflib
import re
from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """Bad input: a file, a row, a value or an option that can't be used.

    The message is one line; `aalprivacy.prepare.prepare` adds one for each attribute if there are
    several. It names the file, the row and the attribute, and says what was expected. The command
    line prints it unchanged and exits with 1.
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
        hint, expected = nearest(unknown, known), ", ".join(known)
        raise InputError(f"{where}unknown {what} {unknown!r}{hint}; expected one of {expected}")


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """A hint at the name that is most like another one, for a message; empty if none is.

    Parameters
    ----------
    name, known
        The name, and the names that exist. Capitals, blanks and signs don't count.
    alike
        How alike the two must be, from 0 to 1.
    """
    plain = {re.sub(r"[\W_]+", "", str(k)).casefold(): str(k) for k in known}
    asked = re.sub(r"[\W_]+", "", str(name)).casefold()
    near = difflib.get_close_matches(asked, plain, 1, alike)
    return f" (the nearest is {plain[near[0]]})" if near else ""
