"""What several tests need."""

import pytest

from aalprivacy.simulate import simulate


@pytest.fixture(scope="session")
def entries():
    return simulate(60, 5, seed=3)
