"""TensorFlow and Keras, imported without the lines that TensorFlow writes to stderr meanwhile.

No setting turns those off, and they'd stand in every notebook and under every command.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def no_stderr() -> Iterator[None]:
    """Send what the process's libraries write to stderr nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with no_stderr():
    import keras
    import tensorflow as tf

__all__ = ["keras", "no_stderr", "tf"]
