"""TensorFlow and Keras, imported without the messages that TensorFlow writes to stderr.

No setting turns these messages off. Without this module they would appear in every notebook and
after every command. Only training needs TensorFlow and Keras, so only modules that train import
this one.
"""

import contextlib
import os
from collections.abc import Iterator

from aalprivacy.errors import InputError


@contextlib.contextmanager
def no_stderr() -> Iterator[None]:
    """Discard what the process's libraries write to stderr."""
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
