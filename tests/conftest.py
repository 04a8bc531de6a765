"""What several tests need."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests may run side by side

import shutil
import signal
import sys

import numpy as np
import pandas as pd
import pytest

from aalprivacy.architecture import Architecture
from aalprivacy.attributes import Attribute, Category, Form
from aalprivacy.homes import simulate
from aalprivacy.pair import Pair
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.schema import Schema


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Ctrl-C interrupts, also where the tests run in the background and would ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def one_shard(monkeypatch):
    """A batch in one piece: a graph of many takes long to build, and `test_training` tries them."""
    updates = sys.modules.get("aalprivacy.updates")
    if updates is not None:
        monkeypatch.setattr(updates, "SHARDS", 1)


@pytest.fixture(autouse=True)
def no_small_codes(monkeypatch):
    """Fitting them takes seconds a training; `test_runs` has one that does."""
    monkeypatch.setattr("aalprivacy.runs.SMALL_BYTES", 0)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, where there is one."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (on Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def entries():
    return simulate(60, 5, seed=3)


@pytest.fixture(scope="session")
def clinic():
    """A schema of three attributes and a policy of two receivers, of nobody's homes."""
    from aalprivacy.generalisation import First, Range

    schema = Schema(
        (
            Attribute("patient", Form.WORDS, Category.PERSONAL),
            Attribute("years", Form.NUMBER, least=0, most=120, generalise=Range(10)),
            Attribute("postcode", Form.DIGITS, digits=(5, 5), generalise=First(2)),
        ),
        longest=40,
        id="case",
    )
    f, g, d = Operation.DISCLOSE, Operation.GENERALISE, Operation.DELETE
    rules = {
        "nurse": {"patient": f, "years": f, "postcode": g},
        "statistician": {"patient": d, "years": g, "postcode": g},
    }
    return Policy(rules, schema)


@pytest.fixture(scope="session")
def patients(clinic):
    """Ninety entries of thirty people of the clinic."""
    import pandas as pd

    rng = np.random.default_rng(0)
    given, family = ["ada", "bo", "cy", "dee"], ["ash", "birch", "cedar", "elm", "fir"]
    people = pd.DataFrame(
        {
            "case": [f"c{i}" for i in range(30)],
            "patient": [f"{rng.choice(given)} {rng.choice(family)}" for _ in range(30)],
            "years": rng.integers(0, 100, 30).astype(str),
            "postcode": [f"{n:05}" for n in rng.integers(0, 10**5, 30)],
        },
        dtype="str",
    )
    return people.loc[np.repeat(range(30), 3)].reset_index(drop=True)


@pytest.fixture(scope="session")
def make_pair():
    """What makes an untrained pair with random weights."""

    def make(policy=TABLE_I, receiver="researcher", seed=0, scale=0.3, **architecture):
        built = Architecture.of(policy.schema, **{"units": 16, "embedding": 4} | architecture)
        rng = np.random.default_rng(seed)
        weights = {
            name: rng.normal(0, scale, shape).astype(np.float32)
            for name, shape in built.shapes().items()
        }
        return Pair(weights, built, receiver, policy)

    return make


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process; exit code, stdout, stderr."""
    from aalprivacy import cli, progress
    from aalprivacy.__main__ import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["aalprivacy", *map(str, arguments)])
        monkeypatch.setattr(cli, "out", progress.console())
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def refused(run):
    """Run and expect one clear line and no traceback."""

    def refused(*arguments, says):
        code, _, error = run(*arguments)
        assert code not in (0, None)
        assert error.startswith("aalprivacy: ")
        assert error.count("\n") == 1, error
        for part in [says] if isinstance(says, str) else says:
            assert part in error
        return error

    return refused


@pytest.fixture
def idle_probes(monkeypatch):
    """Probes that say the commonest answer; what real ones find is tested in `test_audit`."""
    from aalprivacy.audit import insider

    def answers(known, secret, targets, deep, seed):
        return np.full(len(targets), pd.Series(secret).mode()[0], object)

    monkeypatch.setattr(insider, "_answers", answers)
