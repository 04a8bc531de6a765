"""Learned privacy views: an LSTM encoder is the lock, each receiver's decoder a key.

The names that users need can be imported from here. Each is loaded from its module when it is first
used, so that encoding and decoding need no TensorFlow.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which don't run `__getattr__`
    from aalprivacy.attributes import Attribute as Attribute
    from aalprivacy.attributes import Form as Form
    from aalprivacy.errors import InputError as InputError
    from aalprivacy.evaluation import evaluate as evaluate
    from aalprivacy.homes import simulate as simulate
    from aalprivacy.pair import Pair as Pair
    from aalprivacy.pair import load_pair as load_pair
    from aalprivacy.pair import shipped_pairs as shipped_pairs
    from aalprivacy.policy import TABLE_I as TABLE_I
    from aalprivacy.policy import Operation as Operation
    from aalprivacy.policy import Policy as Policy
    from aalprivacy.recipe import Recipe as Recipe
    from aalprivacy.runs import train as train
    from aalprivacy.schema import Schema as Schema
    from aalprivacy.views import apply_policy as apply_policy

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.2.0"

_WHERE = {
    "Schema": "schema",
    "Attribute": "attributes",
    "Form": "attributes",
    "Policy": "policy",
    "Operation": "policy",
    "TABLE_I": "policy",
    "simulate": "homes",
    "apply_policy": "views",
    "Pair": "pair",
    "load_pair": "pair",
    "shipped_pairs": "pair",
    "Recipe": "recipe",
    "train": "runs",
    "evaluate": "evaluation",
    "InputError": "errors",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'aalprivacy' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"aalprivacy.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
