"""More than one machine and sudden death: real processes, on this machine."""

import contextlib
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from aalprivacy import tables
from aalprivacy.errors import InputError
from aalprivacy.workers import Workers

COMMAND = [sys.executable, "-m", "aalprivacy", "train"]
# A pair so small that processes' start is what takes the time.
PROGRAM = """
import sys
from pathlib import Path
from aalprivacy import TABLE_I, simulate
from aalprivacy.recipe import Recipe
from aalprivacy.runs import Run
from aalprivacy.updates import one_thread_a_shard
from aalprivacy.workers import Workers

recipe = Recipe(units=24, embedding=8, updates=15, first_batch_size=9, batch_size=9,
                first_learning_rate=1e-2)
workers = Workers.from_environment()
one_thread_a_shard()
workers.connect()
entries = simulate(40, 2, seed=1)
run = Run.begin(Path(sys.argv[1]), entries, entries[:3], TABLE_I, "researcher", recipe,
                workers=workers)
run.fit(validate_every=1)
"""


def environments(count: int) -> list[dict]:
    """What each of so many workers on this machine finds in its environment."""
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in free:
            one.bind(("localhost", 0))
        cluster = {"worker": [f"localhost:{one.getsockname()[1]}" for one in free]}
    return [
        os.environ
        | {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}})}
        for i in range(count)
    ]


def wait_for(path, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} didn't appear"
        time.sleep(0.1)


def checkpoint(folder) -> dict:
    with np.load(folder / "checkpoint.npz") as state:
        return dict(state)


def log(folder) -> list[dict]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_workers_train_as_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run([sys.executable, "-c", PROGRAM, one], check=True, capture_output=True)
    processes = []
    for environment in reversed(environments(2)):  # the chief comes last
        processes.append(subprocess.Popen([sys.executable, "-c", PROGRAM, two], env=environment,
                                          stderr=subprocess.PIPE))  # fmt: skip
        time.sleep(2)
    for process in processes:
        assert process.wait(120) == 0, process.stderr.read()[-2000:]
    assert [row["update"] for row in log(two)] == [str(i + 1) for i in range(15)]
    losses = [[float(row["loss"]) for row in log(folder)] for folder in (one, two)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    # A running mean from 3.0 of losses that begin above: it rises ever more slowly as they fall.
    assert losses[0][-1] - losses[0][-2] < losses[0][1] - losses[0][0]
    for name, value in checkpoint(one).items():
        if name != "about":
            np.testing.assert_allclose(checkpoint(two)[name], value, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_a_lost_worker_ends_in_one_line_and_a_checkpoint(tmp_path):
    command = [*COMMAND, "--receiver", "doctor", "--users", "40", "--entries", "2", "--updates",
               "100000", "--validate-every", "8", "--out", tmp_path / "run"]  # fmt: skip
    chief, other = (
        subprocess.Popen(command, env=e, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for e in environments(2)
    )
    wait_for(tmp_path / "run" / "log.csv")
    other.kill()
    _, error = chief.communicate(timeout=120)
    assert chief.returncode == 1
    assert "Traceback" not in error
    last = error.splitlines()[-1]
    assert last.startswith("aalprivacy: worker 0 of 2: another worker stopped answering, at update")
    assert "checkpoint.npz, written just now" in last
    assert "--resume" in last
    update = json.loads(str(checkpoint(tmp_path / "run")["about"]))["progress"]["update"]
    assert f"at update {update};" in last
    assert update >= 8
    other.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("second", ["other entries", "none"])
def test_workers_with_other_data_are_refused(tmp_path, entries, second):
    tables.write_table(entries, tmp_path / "0.parquet")
    tables.write_table(entries[::-1], tmp_path / "1.parquet")
    data = [["--data", tmp_path / f"{i}.parquet"] for i in range(2)]
    if second == "none":
        data[1] = []
    processes = [
        subprocess.Popen(
            [*COMMAND, "--receiver", "doctor", *given, "--out", tmp_path / "run"],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        for given, environment in zip(data, environments(2), strict=True)
    ]  # fmt: skip
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    assert "worker 1 of 2: its entries or policy differ from the chief's" in errors[1]
    assert "another worker stopped answering" in errors[0]
    assert not any("Traceback" in error for error in errors)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_machine_that_does_not_come_is_named(monkeypatch, rank):
    here = environments(2)[rank]
    addresses = json.loads(here["TF_CONFIG"])["cluster"]["worker"]
    monkeypatch.setenv("TF_CONFIG", here["TF_CONFIG"])
    began = time.monotonic()
    with pytest.raises(InputError) as refused:
        Workers.from_environment().connect(wait=0.5)
    assert time.monotonic() - began < 5
    assert f"worker {rank} of 2: {addresses[1 - rank]} didn't answer within 0.5" in str(
        refused.value
    )
    assert "--wait" in str(refused.value)


def test_waiting_for_a_machine_can_be_interrupted(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", environments(2)[1]["TF_CONFIG"])
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Workers.from_environment().connect(wait=60)
    assert time.monotonic() - began < 5


def test_workers_meet_in_any_order():
    first = json.loads(environments(3)[0]["TF_CONFIG"])["cluster"]["worker"]
    workers = [Workers(rank, 3, tuple(first)) for rank in range(3)]
    done = []

    def meet(worker):
        deadline = time.monotonic() + 10
        (worker._gather if worker.is_chief else worker._report)(deadline, 10)
        done.append(worker.rank)

    threads = [threading.Thread(target=meet, args=(worker,)) for worker in reversed(workers)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
        assert not done or len(threads) == 3
    for thread in threads:
        thread.join(10)
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"cluster": {"worker": ["a:1"]}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
])  # fmt: skip
def test_bad_environment(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG: expected"):
        Workers.from_environment()


def test_the_chief_comes_first(monkeypatch):
    cluster = {"worker": ["a:1", "b:1"], "chief": ["c:1"]}
    for rank, task in enumerate([("chief", 0), ("worker", 0), ("worker", 1)]):
        config = {"cluster": cluster, "task": dict(zip(("type", "index"), task, strict=True))}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert Workers.from_environment() == Workers(rank, 3, ("c:1", "a:1", "b:1"))
    monkeypatch.delenv("TF_CONFIG")
    assert Workers.from_environment() == Workers(0, 1)


def test_every_row_has_one_worker():
    batch = np.arange(11)
    parts = [Workers(rank, 3).rows(batch) for rank in range(3)]
    np.testing.assert_array_equal(np.concatenate(parts), batch)


@pytest.mark.slow
def test_a_killed_training_goes_on_exactly(tmp_path, entries):
    """SIGKILL at moments that the seed chooses: the weights are those of an unbroken run."""
    tables.write_table(entries, tmp_path / "entries.parquet")
    command = [*COMMAND, "--receiver", "doctor", "--data", tmp_path / "entries.parquet",
               "--product-dtype", "bfloat16", "--checkpoint-every", "3", "--validate-every", "10",
               "--updates", "24", "--units", "24", "--out"]  # fmt: skip
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    subprocess.run([*command, straight], check=True, capture_output=True)
    moments = random.Random(0)
    options = []
    for _ in range(2):
        process = subprocess.Popen([*command, broken, *options], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        if options:
            before = (broken / "checkpoint.npz").stat().st_mtime_ns
            while (broken / "checkpoint.npz").stat().st_mtime_ns == before:
                time.sleep(0.02)
                assert process.poll() is None
        wait_for(broken / "checkpoint.npz")
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        options = ["--resume"]
    subprocess.run([*command, broken, "--resume"], check=True, capture_output=True)
    expected, got = checkpoint(straight), checkpoint(broken)
    for name, value in expected.items():
        if name != "about":
            np.testing.assert_array_equal(got[name], value, err_msg=name)
    for a, b in zip(log(straight), log(broken), strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
