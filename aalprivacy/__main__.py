"""``python -m aalprivacy`` and the command ``aalprivacy``: how the command line ends."""

import os
import signal
import sys


def main() -> None:
    """Run the command line; exit code 1 on bad input or a lost worker, 130 on Ctrl-C."""
    try:
        from aalprivacy import cli, progress
        from aalprivacy.errors import InputError, WorkerLost
    except KeyboardInterrupt:  # Ctrl-C while modules were loaded
        sys.exit(130)
    # An exit, unlike a kill, runs the code that removes drafts of files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        try:
            cli.app()
        finally:
            sys.stdout.flush()
    except (InputError, WorkerLost) as error:
        progress.warn(str(error))
        sys.exit(1)
    except MemoryError:
        progress.warn("not enough memory; expected smaller numbers")
        sys.exit(1)
    except OSError as error:  # such as a full disk behind the standard output
        if error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        progress.warn(f"{error.filename or 'standard output'}: {error.strerror or error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
