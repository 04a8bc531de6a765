"""The exceptions that mean: something outside the program is at fault."""


class InputError(ValueError):
    """Bad input: a file, a row, a value or an option that can't be used.

    The message is one line that names the file, row and attribute concerned and says what was
    expected; the command line prints it as it stands and exits non-zero.
    """


class WorkerLost(RuntimeError):
    """Another machine of a training stopped answering; the message says how to go on."""
