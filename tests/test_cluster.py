"""Pieces by several processes: the same bytes, and a process that dies costs its piece only."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dask import distributed

from aalprivacy import cluster, commands, streams
from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.homes import simulate
from aalprivacy.pair import load_pair
from aalprivacy.pieces import Pieces
from aalprivacy.tables import write_table

COMMAND = [sys.executable, "-m", "aalprivacy"]
PIECE, PIECES = 20, 30


@pytest.fixture(scope="module")
def home(tmp_path_factory, make_pair):
    folder = tmp_path_factory.mktemp("home")
    write_table(simulate(60, 10, seed=2), folder / "entries.parquet")
    make_pair(units=64).save(folder / "pair")
    return folder


def encode_of(home, out, *options):
    return ["encode", home / "entries.parquet", "--pair", home / "pair", "--piece", PIECE, "--out",
            out, *options]  # fmt: skip


def contents(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture
def job(home, tmp_path):
    pieces = Pieces.of(home / "entries.parquet", PIECE)
    made = streams.Job.of(streams.Codes(pieces, load_pair(home / "pair")), tmp_path / "out")
    made.folder.begin()
    return made


def test_what_is_refused(run, refused, home, tmp_path, job, monkeypatch):
    for option in (("--workers", 2), ("--scheduler", "tcp://127.0.0.1:9")):
        refused(*encode_of(home, tmp_path / "c.npz", *option), says="is a file; expected a folder")
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1:port"):
        refused(*encode_of(home, tmp_path / "c", "--scheduler", address),
                says=f"--scheduler {address}: nobody answers; expected such as tcp://")  # fmt: skip
    with pytest.raises(InputError, match=r"a worker has .*; expected {'numpy': '0'}, as here"):
        cluster._make_there(job, 0, {"numpy": "0"})
    monkeypatch.setitem(sys.modules, "dask", None)
    refused(*encode_of(home, tmp_path / "c", "--scheduler", "tcp://127.0.0.1:9"),
            says="pip install 'aalprivacy[cluster]'")  # fmt: skip
    assert not list(tmp_path.glob("c/piece-*"))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError(), "no worker for 60 seconds; the same command continues where it stopped"),
        (distributed.KilledWorker(1, None, 3), "several workers died of one piece; the same com"),
        (distributed.CancelledError(), "is lost; the same command continues where it stopped"),
        (OSError(), "is lost; the same command continues where it stopped"),
        (ModuleNotFoundError("No module named 'x'"), "a worker can't make pieces: No module nam"),
        (InputError("e.csv, line 3: wrong"), "e.csv, line 3: wrong"),
    ],
)
def test_what_goes_wrong_on_a_cluster_is_one_line(
    refused, home, tmp_path, monkeypatch, error, says
):
    def fail(*_):
        raise error

    monkeypatch.setattr(cluster, "_by_workers", fail)
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: contextlib.nullcontext())
    refused(*encode_of(home, tmp_path / "c", "--scheduler", "tcp://192.0.2.1:1"), says=says)


@pytest.mark.slow
def test_processes_of_this_machine(run, refused, home, tmp_path):
    assert run(*encode_of(home, tmp_path / "one"))[0] == 0
    code, text, error = run(*encode_of(home, tmp_path / "two", "--workers", 2))
    assert (code, text) == (0, f"600 codes of 128 numbers: {tmp_path / 'two'}\n"), error
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    decode = ("decode", tmp_path / "two", "--pair", home / "pair", "--out")
    assert run(*decode, tmp_path / "v", "--workers", 3)[0] == 0
    assert run(*decode, tmp_path / "w")[0] == 0
    assert contents(tmp_path / "v") == contents(tmp_path / "w")
    table = simulate(60, 10, seed=2)
    table.loc[333, "age"] = "old"
    write_table(table, tmp_path / "bad.parquet")
    refused("encode", tmp_path / "bad.parquet", "--pair", home / "pair", "--piece", PIECE, "--out",
            tmp_path / "b", "--workers", 2, says="bad.parquet, row 333, age: expected")  # fmt: skip
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_process_that_is_killed_costs_its_piece(run, home, tmp_path, job):
    assert run(*encode_of(home, tmp_path / "whole"))[0] == 0
    made = []
    for number, said in cluster.on_processes(job, range(PIECES), 2):
        made.append(number)
        assert said == {"rows": PIECE}
        if len(made) in (3, 9):
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    assert sorted(made) == list(range(PIECES))
    job.folder.end()
    assert contents(job.folder.path) == contents(tmp_path / "whole")


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_processes_that_die_again_and_again_are_an_error(job, monkeypatch):
    monkeypatch.setattr(cluster, "_make_own", die)
    with pytest.raises(WorkerLost, match="processes die, twice at the same pieces; the same comm"):
        list(cluster.on_processes(job, range(3), 2))


@pytest.mark.slow
def test_no_process_outlives_the_command(home, tmp_path):
    """Neither after SIGKILL nor after Ctrl-C; then the command goes on."""
    out = tmp_path / "c"
    command = [*COMMAND, *map(str, encode_of(home, out, "--workers", "2", "--piece", "1"))]
    for stop, expected in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        job = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        before = len(list(out.glob("piece-*")))
        wait_for(lambda before=before: len(list(out.glob("piece-*"))) > before + 5)
        workers = [pid for pid in processes() if parent_of(pid) == job.pid]
        assert len(workers) >= 2
        job.send_signal(stop)
        error = job.communicate(timeout=60)[1]
        assert job.returncode == expected
        wait_for(lambda workers=workers: not set(workers) & set(processes()))
        if stop == signal.SIGINT:
            assert error == "aalprivacy: stopped; the same command continues where it stopped\n"
    assert 12 < len(list(out.glob("piece-*"))) < 600


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes():
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def parent_of(pid):
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


@pytest.fixture
def dask(tmp_path):
    """A scheduler of its own process; what starts workers; and its address."""
    started = []

    def start(what, *options):
        command = [sys.executable, "-m", "dask", what, *options, "--no-dashboard"]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path))
        return started[-1]

    file = tmp_path / "scheduler.json"
    start("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(file))
    wait_for(lambda: file.exists() and "tcp://" in file.read_text())
    address = next(part for part in file.read_text().split('"') if part.startswith("tcp://"))

    def worker():
        return start("worker", address, "--nthreads", "1", "--no-nanny")

    yield worker, address, started
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_dask_cluster(run, refused, home, tmp_path, dask, monkeypatch):
    """A scheduler and two workers, all real processes; one of them is killed half-way."""
    worker, address, started = dask
    workers = [worker(), worker()]
    assert run(*encode_of(home, tmp_path / "whole", "--piece", 2))[0] == 0
    out = tmp_path / "c"
    there = ("--scheduler", address)
    job = subprocess.Popen([*COMMAND, *map(str, encode_of(home, out, "--piece", 2, *there))],
                           stderr=subprocess.PIPE, text=True)  # fmt: skip
    wait_for(lambda: len(list(out.glob("piece-*"))) > 60)
    workers[0].kill()
    assert job.wait(300) == 0, job.stderr.read()
    assert contents(out) == contents(tmp_path / "whole")
    # The one that is left decodes; what can't be used is told in a line, as without a cluster.
    decode = ("decode", out, "--pair", home / "pair", "--out")
    monkeypatch.chdir(tmp_path)
    assert run(*decode, "v", *there)[0] == 0
    assert run(*decode, tmp_path / "w")[0] == 0
    assert contents(tmp_path / "v") == contents(tmp_path / "w")
    table = simulate(60, 10, seed=2)
    table.loc[333, "age"] = "old"
    write_table(table, tmp_path / "bad.parquet")
    refused("encode", "bad.parquet", "--pair", home / "pair", "--piece", PIECE, "--out", "b",
            *there, says="bad.parquet, row 333, age: expected")  # fmt: skip
    workers[1].kill()
    workers[1].wait()
    monkeypatch.setattr(cluster, "ALONE", 2.0)
    refused(*encode_of(home, tmp_path / "d", *there),
            says=f"--scheduler {address}: no worker for 2 seconds; the same comm")  # fmt: skip
    worker()
    monkeypatch.setattr(cluster, "ALONE", 60.0)
    assert run(*encode_of(home, tmp_path / "d", *there))[0] == 0
    command = encode_of(home, tmp_path / "e", "--piece", 1, *there)
    job = subprocess.Popen([*COMMAND, *map(str, command)], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list((tmp_path / "e").glob("piece-*"))) > 20)
    started[0].kill()
    error = job.communicate(timeout=100)[1]
    assert (job.returncode, error.count("\n")) == (1, 1)
    assert error.startswith(
        f"aalprivacy: --scheduler {address}: is lost; the same command continues"
    )


def test_the_cluster_is_asked_for_where_it_stands(home):
    how = commands.How(None, scheduler="tcp://192.0.2.1:8786")
    assert how.place(home / ".." / home.name) == home.resolve()
