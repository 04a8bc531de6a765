"""Learned privacy views for assisted living: an LSTM encoder is the lock, a decoder each a key."""

import json
import os
from importlib import resources
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from aalprivacy.attributes import ATTRIBUTES, NAMES
from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.simulate import simulate
from aalprivacy.text import from_lines, from_tokens, to_lines, to_tokens
from aalprivacy.views import apply_policy

__version__ = "0.1.0"

__all__ = [
    "ATTRIBUTES",
    "NAMES",
    "TABLE_I",
    "InputError",
    "Operation",
    "Policy",
    "apply_policy",
    "from_lines",
    "from_tokens",
    "load_pair",
    "read_card",
    "shipped_receivers",
    "simulate",
    "to_lines",
    "to_tokens",
]


def shipped_receivers() -> tuple[str, ...]:
    """Receivers that a trained pair ships for."""
    return tuple(r for r in TABLE_I.receivers if (pretrained() / r / "card.json").is_file())


def read_card(receiver: str) -> dict:
    """The card of a receiver's shipped pair: what it was trained on, how, and its test figures."""
    return json.loads((pretrained() / receiver / "card.json").read_text())


def load_pair(receiver: str):
    """Load the shipped pair of a receiver, an `aalprivacy.model.Pair`.

    Raises
    ------
    InputError
        If the receiver is unknown or no pair ships for it.
    """
    from aalprivacy.model import Pair  # loads TensorFlow, which takes seconds

    TABLE_I.for_receiver(receiver)
    if receiver not in shipped_receivers():
        has = ", ".join(shipped_receivers()) or "none"
        raise InputError(f"no trained pair ships for {receiver} (only for: {has}); train one")
    return Pair.load(pretrained() / receiver)


def pretrained() -> Path:
    """The folder of the shipped pairs, one folder a receiver."""
    return Path(str(resources.files("aalprivacy"))) / "pretrained"
