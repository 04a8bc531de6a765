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
    "pair_folder",
    "read_card",
    "shipped_pairs",
    "shipped_receivers",
    "simulate",
    "to_lines",
    "to_tokens",
]


def shipped_receivers(*, blind: bool = False) -> tuple[str, ...]:
    """Receivers that a trained pair, or a blind one, ships for."""
    return tuple(
        r for r in TABLE_I.receivers if (pair_folder(r, blind=blind) / "card.json").is_file()
    )


def read_card(receiver: str, *, blind: bool = False) -> dict:
    """The card of a receiver's shipped pair: what it was trained on, how, and its test figures."""
    return json.loads((pair_folder(receiver, blind=blind) / "card.json").read_text("utf-8"))


def load_pair(receiver: str, *, blind: bool = False):
    """Load the shipped pair of a receiver, an `aalprivacy.model.Pair`.

    Parameters
    ----------
    blind
        The one whose encoder reads the view and never the entry.

    Raises
    ------
    InputError
        If the receiver is unknown or no such pair ships for it.
    """
    from aalprivacy.model import Pair  # loads TensorFlow, which takes seconds

    TABLE_I.for_receiver(receiver)
    has = shipped_receivers(blind=blind)
    if receiver not in has:
        what, only = "blind" if blind else "trained", ", ".join(has) or "none"
        raise InputError(f"no {what} pair ships for {receiver} (only for: {only}); train one")
    return Pair.load(pair_folder(receiver, blind=blind))


def shipped_pairs() -> dict:
    """All pairs that ship, each a lock of its own: receiver, or "receiver, blind" -> pair."""
    pairs = {receiver: load_pair(receiver) for receiver in shipped_receivers()}
    blind = shipped_receivers(blind=True)
    return pairs | {f"{receiver}, blind": load_pair(receiver, blind=True) for receiver in blind}


def pair_folder(receiver: str, *, blind: bool = False) -> Path:
    """The folder of a shipped pair: weights, card and, of some, the audit."""
    name = f"{receiver}.blind" if blind else receiver
    return Path(str(resources.files("aalprivacy"))) / "pretrained" / name
