"""What several tests need."""

import numpy as np
import pytest

from aalprivacy.policy import TABLE_I
from aalprivacy.simulate import simulate
from aalprivacy.views import apply_policy


@pytest.fixture(scope="session")
def entries():
    return simulate(60, 5, seed=3)


@pytest.fixture(scope="session")
def make_examples():
    """What makes a training's examples for a receiver of Table I."""
    from aalprivacy.examples import Examples

    def make(entries, recipe, receiver="researcher"):
        views = apply_policy(entries, TABLE_I, receiver)
        return Examples(entries, views, TABLE_I.for_receiver(receiver), recipe)

    return make


@pytest.fixture
def idle_probes(monkeypatch):
    """Probes that say the commonest answer; what real ones find is tested in `test_audit`."""
    from aalprivacy.audit import insider

    def answers(known, secret, targets, deep, seed):
        return np.full(len(targets), secret.mode()[0], object)

    monkeypatch.setattr(insider, "_answers", answers)
