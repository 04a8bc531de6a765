"""TensorFlow and Keras, imported without the lines that TensorFlow writes to stderr meanwhile.

No setting turns those lines off, and they would stand in every notebook and under every command.
TensorFlow and Keras are needed for training alone, so only modules that train import this one.
"""

import contextlib
import os
from collections.abc import Iterator

from aalprivacy.errors import InputError


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


if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise InputError(
        f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}; training needs 'tensorflow'"
    )
try:
    with no_stderr():
        import keras
        import tensorflow as tf
except ImportError as error:
    raise InputError(
        f"training needs TensorFlow and Keras ({error}); pip install 'aalprivacy[train]'"
    ) from None

__all__ = ["keras", "no_stderr", "tf"]
