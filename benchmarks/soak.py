"""Random trouble for an hour: what is killed, cut, swapped, changed, or was never right.

Usage: ``python benchmarks/soak.py [--minutes 60] [--seed 0] [--folder FOLDER]``; the same command
goes on where it was stopped. ``--only KIND NUMBER`` repeats a trial. Needs the extras train and
test.

Every trial runs commands of the package on files that are in some trouble, and asks of each:

- It ends with exit status 0, or with 1 and one line that says why; never with a traceback. Only
  `prepare` may add indented lines, one for each attribute.
- A view is the one that the rule says. The rule is written here a second time, in plain Python.
- A refused command leaves no file, and no half one. A job that was killed, or met a full disk, ends
  with the same bytes when the same command is given again: no piece is lost.
- What was damaged is refused, or makes no difference.

Nearly all runs in one process, which calls the package's main function; another one watches that it
neither dies nor hangs. Only jobs that are killed are processes of their own. A trial's random
numbers depend on the seed, its kind and its number alone.
"""

import argparse
import contextlib
import csv
import datetime
import gzip
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from safetensors.numpy import load_file

CLINIC = Path(__file__).resolve().parent.parent / "examples" / "clinic"
ROWS, PIECE = 60, 7
TABLES_A_TRIAL = 50
LONGEST_TRIAL = 180  # seconds; what takes longer hangs
MOST_MEMORY = 12 * 2**30  # bytes; a damaged file that asks for more gets an error
RECEIVER = "statistician"


class WrongError(Exception):
    """What the package mustn't do."""


# --- the rule, a second time ----------------------------------------------------------------------

ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 *-.,")
LONGEST = 130
GROUP_OF = dict(line.split(";")[:2] for line in (CLINIC / "diagnosis.csv").read_text().split("\n")
                if line)  # fmt: skip
WHOLE = r"-?(0|[1-9][0-9]*)"


def is_number(value: str, form: str, least: float, most: float) -> bool:
    return re.fullmatch(form, value) is not None and least <= float(value) <= most


def is_time(value: str) -> bool:
    if not re.fullmatch("[0-9]{8} [0-9]{4}", value):
        return False
    with contextlib.suppress(ValueError):
        datetime.datetime.strptime(value, "%Y%m%d %H%M")
        return True
    return False


def are_words(value: str) -> bool:
    return all(value.split(" "))


def ten(value: str, width: int = 10) -> str:
    low = int(value) // width * width
    return f"{low}-{low + width - 1}"


def warmth(value: str) -> str:
    return "low" if float(value) < 36 else "normal" if float(value) < 37.5 else "fever"


def pressure(value: str) -> str:
    high, low = map(int, value.split("-"))
    if high >= 140 or low >= 90:
        return "high"
    if high >= 120 or low >= 70:
        return "raised"
    return "low" if high < 90 or low < 60 else "normal"


def deleted(value: str) -> str:
    return "*"


# Attribute -> whether a value is one of its values, and what the statistician sees of it.
RULE: dict[str, tuple[Callable[[str], bool], Callable[[str], str]]] = {
    "patient": (are_words, deleted),
    "age": (lambda v: is_number(v, WHOLE, 0, 120) and v != "-0", ten),
    "sex": (lambda v: v in ("female", "male"), str),
    "home": (are_words, lambda v: v.split(" ")[-1]),
    "phone": (lambda v: re.fullmatch("[0-9]{9}", v) is not None, deleted),
    "visited": (is_time, lambda v: v[:6]),
    "insurance": (lambda v: v in ("public", "private", "none"), str),
    "diagnosis": (lambda v: v in GROUP_OF, lambda v: GROUP_OF[v]),
    "pulse": (lambda v: is_number(v, WHOLE, 20, 250), lambda v: ten(v, 20)),
    "note": (lambda v: v != "" and v == v.strip(), deleted),
    "temperature": (lambda v: is_number(v, rf"{WHOLE}(\.[0-9])?", 30, 45), warmth),
    "blood_pressure": (lambda v: re.fullmatch("[0-9]{2,3}-[0-9]{2,3}", v) is not None, pressure),
}
NAMES = list(RULE)


def is_good(entry: dict[str, str]) -> bool:
    """Whether an entry is one."""
    for name, (good, _) in RULE.items():
        value = entry[name]
        if value != "-" and (value == "*" or not set(value) <= ALPHABET or not good(value)):
            return False
    return sum(map(len, entry.values())) + len(entry) - 1 <= LONGEST


def view_of(entry: dict[str, str]) -> list[str]:
    """What the statistician may see of it."""
    return [
        "-" if entry[name] == "-" and see is not deleted else see(entry[name])
        for name, (_, see) in RULE.items()
    ]


# --- running the package --------------------------------------------------------------------------


def run(*arguments: object) -> tuple[int, str]:
    """Run the command line in this process: exit status, and the standard error."""
    from aalprivacy import cli, progress
    from aalprivacy.__main__ import main

    sys.argv = ["aalprivacy", *map(str, arguments)]
    error = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        cli.out = progress.console()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
    check_answer(arguments, status, error.getvalue())
    return status, error.getvalue()


def check_answer(arguments: tuple, status: int, error: str) -> None:
    shown = f"{' '.join(map(str, arguments))}: exit status {status}, {error[-1500:]!r}"
    if status not in (0, 1) or "Traceback" in error:
        raise WrongError(shown)
    lines = error.splitlines()
    if arguments[0] == "prepare":
        lines = [line for line in lines if not line.startswith("  ")]
    if status == 1 and (len(lines) != 1 or not lines[0].startswith("aalprivacy: ")):
        raise WrongError(f"expected one line: {shown}")


def expect(condition: object, what: str) -> None:
    if not condition:
        raise WrongError(what)


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of all that is in a folder."""
    if not folder.exists():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def no_drafts(folder: Path) -> None:
    """Nothing half-written is left beside what was asked for."""
    drafts = [file.name for file in folder.iterdir() if file.name.startswith(".")]
    expect(not drafts, f"left behind: {drafts}")


# --- what is in no trouble yet --------------------------------------------------------------------


class Home:
    """Files that trials begin with; none of them is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (CLINIC / "entries.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        random.Random(0).shuffle(rows)
        self.people = [row["patient_id"] for row in rows[:ROWS]]
        self.entries = [{name: row[name] for name in NAMES} for row in rows[:ROWS]]
        self.views = [view_of(entry) for entry in self.entries]

    def make(self) -> None:
        """Write them, if they aren't there."""
        from aalprivacy import Pair, Policy, Schema
        from aalprivacy.architecture import Architecture
        from aalprivacy.small import Small

        if (self.folder / "made").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(CLINIC, self.folder, ignore=shutil.ignore_patterns("runs"))
        rows = [[person, *entry.values()]
                for person, entry in zip(self.people, self.entries, strict=True)]  # fmt: skip
        for name, times in (("entries", 1), ("many", 15)):
            write_csv(self.folder / f"{name}.csv", ["patient_id", *NAMES], rows * times)
            columns = zip(*rows * times, strict=True)
            table = pa.table({n: list(c) for n, c in zip(["patient_id", *NAMES], columns,
                                                         strict=True)})  # fmt: skip
            pq.write_table(table, self.folder / f"{name}.parquet", row_group_size=40)
        schema = Schema.from_toml(self.folder / "clinic.toml")
        policy = Policy.from_csv(self.folder / "policy.csv", schema)
        built = Architecture.of(schema, units=16, embedding=4)
        for seed, name in enumerate(("pair", "other")):
            rng = np.random.default_rng(seed)
            weights = {k: rng.normal(0, 0.3, shape).astype(np.float32)
                       for k, shape in built.shapes().items()}  # fmt: skip
            basis = np.linalg.qr(rng.normal(size=(32, 32)))[0][:, :30].astype(np.float32)
            small = Small(np.zeros(32, np.float32), basis / 0.25, basis.T * 0.25)
            pair = Pair(weights, built, RECEIVER, policy, small=small)
            pair.save(self.folder / name)
            (self.folder / f"{name}.key").write_text(rng.bytes(32).hex() + "\n")
        for number_type in ("float32", "float16", "int8", "small"):
            self.expect_done(*self.encode(f"{number_type}.npz", "--number-type", number_type))
            self.expect_done(*self.encode(number_type, "--number-type", number_type))
        self.expect_done(*self.encode("others", pair="other"))
        for name in ("sealed.npz", "sealed"):
            self.expect_done(*self.encode(name, "--seal", self.folder / "pair.key"))
        for name in ("float32", "float16", "int8", "small", "sealed"):
            key = ("--key", self.folder / "pair.key") if name == "sealed" else ()
            self.expect_done(*self.decode(name, self.folder / f"{name}-decoded", *key))
            self.expect_done(*self.decode(f"{name}.npz", self.folder / f"{name}.decoded.csv", *key))
        for kind in JOBS:
            self.expect_done(*self.job(kind, self.folder / f"whole-{kind}"))
        self.expect_done(*self.train(self.folder / "run"))
        shutil.copytree(self.folder / "run", self.folder / "longer")
        self.expect_done(*self.train(self.folder / "longer", "--resume", updates=4))
        (self.folder / "made").touch()

    def expect_done(self, *command: object) -> None:
        status, error = run(*command)
        expect(status == 0, f"{' '.join(map(str, command))}: {error}")

    def view(self, source: Path, out: Path, *options: object) -> list:
        return ["view", source, "--schema", self.folder / "clinic.toml", "--policy",
                self.folder / "policy.csv", "--receiver", RECEIVER, "--out", out,
                *options]  # fmt: skip

    def encode(self, out, *options, source="entries.csv", pair="pair", piece=PIECE) -> list:
        return ["encode", self.folder / source, "--pair", self.folder / pair, "--out",
                self.folder / out, "--piece", piece, *options]  # fmt: skip

    def decode(self, source, out: Path, *options, pair="pair") -> list:
        return ["decode", self.folder / source, "--pair", self.folder / pair, "--out", out,
                *options]  # fmt: skip

    def job(self, kind: str, out: Path) -> list:
        """A job of 900 rows in 45 pieces; to decode, of as many codes."""
        many = self.folder / "many.csv"
        return {
            "view": self.view(many, out, "--piece", 20),
            "encode": self.encode(out, source="many.parquet", piece=20),
            "decode": self.decode("whole-encode", out),
            "prepare": ["prepare", many, "--schema", self.folder / "clinic.toml", "--out", out,
                        "--piece", 20],
        }[kind]  # fmt: skip

    def train(self, out: Path, *options: object, updates: int = 2) -> list:
        small = {"units": 8, "embedding": 4, "batch-size": 4, "first-batch-size": 4,
                 "checkpoint-every": 2, "product-dtype": "float32", "updates": updates}  # fmt: skip
        recipe = [word for key, value in small.items() for word in (f"--{key}", value)]
        return ["train", "--data", self.folder / "entries.csv", "--schema",
                self.folder / "clinic.toml", "--policy", self.folder / "policy.csv", "--receiver",
                RECEIVER, "--out", out, *options, *recipe]  # fmt: skip


JOBS = ("encode", "view", "decode", "prepare")  # what is decoded is made first


def write_csv(path: Path, names: list[str], rows: list[list[str]], separator: str = ",",
              mark: str = "", end: str = "\n") -> None:  # fmt: skip
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerows([names, *rows])
    content = (mark + text.getvalue()).encode()
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file, or of a folder of Parquet pieces, without the people's ids."""
    if path.is_dir():
        tables = [pq.read_table(piece) for piece in sorted(path.glob("piece-*"))]
        columns = [pa.concat_tables(tables)[name].to_pylist() for name in NAMES]
        return [list(row) for row in zip(*columns, strict=True)]
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    expect(names == NAMES, f"{path.name}: columns {names}")
    return rows


# --- tables that are malformed --------------------------------------------------------------------

NASTY = [
    "", " ", "-", "*", "|", "--", "nan", "NA", "null", "None", "?", "-0", "0", "00", "007", "+5",
    "1e3", "5.0", "5.", ".5", "1,5", "120", "121", "-1", "9" * 15, "9" * 16, "9" * 400, "inf",
    "1_0", "0x10", "true", "20240230 0915", "20240229 2359", "20230229 0000", "20241301 0000",
    "20240408 2400", "00000101 0000", "99991231 2359", "1-1", "140-90", "089-059", "1000-1000",
    "12-34-56", "a  b", " a", "a ", "\u00e9", "e\u0301", "\u0661\u0662", "\x00", "\n", "\r", "\r\n",
    "\t", ";", '"', '""', "'", "\ufeff", "\u200b", "\ud7ff", "\U0001f600", "=1+1", "asthma",
    "Asthma", "asthma ", "FEMALE", "female", "x" * 130, "37.55", "36", "37.5", "45.0", "029.9",
    "1" * 9, "1" * 8, "\u0966" * 9,
]  # fmt: skip


@st.composite
def malformed(draw, home: Home) -> dict:
    """A table of good entries in which something may be wrong, and how it is written."""
    size = draw(st.integers(1, 5))
    begin = draw(st.integers(0, ROWS - size))
    rows = [dict(entry) for entry in home.entries[begin : begin + size]]
    for _ in range(draw(st.integers(0, 3))):
        row, name = draw(st.sampled_from(rows)), draw(st.sampled_from(NAMES))
        old, at = row[name], draw(st.integers(0, len(row[name])))
        row[name] = draw(
            st.one_of(
                st.sampled_from(NASTY),
                st.text(max_size=12),
                st.text("0123456789-. ", max_size=14),
                st.sampled_from([old[:at], old[at:], old[:at] + old[at + 1 :], old.upper(),
                                 old[::-1], old + old, home.entries[begin][name]]),
                st.characters().map(lambda c, old=old, at=at: old[:at] + c + old[at:]),
            )
        )  # fmt: skip
    trouble = draw(st.sampled_from(["none"] * 8 + ["lacks", "twice", "another", "no rows"]))
    order = draw(st.permutations(range(len(NAMES)))) if draw(st.booleans()) else range(len(NAMES))
    return {
        "rows": [] if trouble == "no rows" else rows,
        "order": [NAMES[at] for at in order],
        "trouble": trouble,
        "people": draw(st.booleans()),
        "labels": draw(st.booleans()),
        "ending": draw(st.sampled_from([".csv", ".csv", ".csv.gz", ".tsv", ".parquet"])),
        "separator": draw(st.sampled_from(",;")),
        "mark": draw(st.sampled_from(["", "\ufeff"])),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "command": draw(st.sampled_from(["view", "view", "pieces", "encode", "prepare", "describe",
                                         "evaluate"])),
    }  # fmt: skip


def write_malformed(home: Home, folder: Path, table: dict) -> Path:
    path = folder / f"table{table['ending']}"
    names, rows = list(table["order"]), table["rows"]
    cells = [[row[name] for name in names] for row in rows]
    shown = [name.replace("_", " ").title() if table["labels"] else name for name in names]
    if table["trouble"] == "lacks":
        shown, cells = shown[1:], [row[1:] for row in cells]
    elif table["trouble"] in ("twice", "another"):
        shown = [*shown, shown[0] if table["trouble"] == "twice" else "another"]
        cells = [[*row, row[0]] for row in cells]
    if table["people"]:
        shown, cells = ["patient_id", *shown], [["p1", *row] for row in cells]
    if table["ending"] == ".parquet":
        columns = [pa.array([row[at] for row in cells], pa.string()) for at in range(len(shown))]
        pq.write_table(pa.Table.from_arrays(columns, shown), path)
    else:
        separator = "\t" if table["ending"] == ".tsv" else table["separator"]
        write_csv(path, shown, cells, separator, table["mark"], table["end"])
    return path


def try_malformed(home: Home, folder: Path, table: dict, counts: Counter) -> None:
    path, command = write_malformed(home, folder, table), table["command"]
    good = table["trouble"] == "none" and all(map(is_good, table["rows"]))
    out = folder / {"pieces": "out", "encode": "out.npz", "prepare": "out.csv",
                    "describe": "out.toml"}.get(command, "view.csv")  # fmt: skip
    schema = ["--schema", home.folder / "clinic.toml"]
    status, error = run(*{
        "view": home.view(path, out),
        "pieces": home.view(path, out, "--piece", 2),
        "encode": ["encode", path, "--pair", home.folder / "pair", "--out", out],
        "prepare": ["prepare", path, *schema, "--out", out, "--unknown", "missing"],
        "describe": ["describe", path, "--out", out],
        "evaluate": ["evaluate", "--pair", home.folder / "pair", "--data", path],
    }[command])  # fmt: skip
    no_drafts(folder)
    counts["refused" if status else "done"] += 1
    counts[f"malformed, {command}"] += 1
    if command in ("view", "pieces", "encode", "evaluate"):
        expect((status == 0) is good, f"{command}: {'good' if good else 'bad'} table: {error!r}")
    if status == 0 and command in ("view", "pieces"):
        expect(read_rows(out) == [view_of(row) for row in table["rows"]], "a wrong view")
    if status == 0 and command == "prepare":
        # what is put right is right, and what was right stays as it is
        again, error = run(*home.view(out, folder / "view.csv"))
        expect(again == 0, f"prepare wrote what view refuses: {error}")
        if good:
            with out.open(encoding="utf-8", newline="") as file:
                rows = [{name: row[name] for name in NAMES} for row in csv.DictReader(file)]
            expect(rows == [{name: row[name] for name in NAMES} for row in table["rows"]],
                   "prepare changed good entries")  # fmt: skip
    if status and command != "pieces":
        expect(not out.exists(), f"refused, but wrote {out.name}")


def tables(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Tables by hypothesis: good ones with up to three values, or the columns, gone wrong."""

    @hypothesis.seed(rng.getrandbits(60))
    @hypothesis.settings(
        max_examples=TABLES_A_TRIAL, database=None, deadline=None,
        phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )  # fmt: skip
    @hypothesis.given(malformed(home))
    def examine(table: dict) -> None:
        for old in folder.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        try:
            try_malformed(home, folder, table, counts)
        except Exception as error:
            raise WrongError(f"{table}: {error!r}") from error

    examine()


def disturb(content: bytes, rng: random.Random) -> bytes:
    """Bytes of which some are changed, lost, doubled, moved or new."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.choice([1, 1, 2, 8, 100]))
        match rng.randrange(7):
            case 0:
                content[at:end] = bytes(rng.randrange(256) for _ in range(at, end))
            case 1:
                del content[at:end]
            case 2:
                content[at:at] = content[at:end]
            case 3:
                content[at:at] = rng.choice(
                    [b"\x00", b'"', b"\n", b",", b"\xff", b"\r", b" ", b"9"]
                )
            case 4:
                del content[at:]
            case 5:
                content[at:end] = bytes(end - at)
            case 6 if at < len(content):
                content[at] ^= 1 << rng.randrange(8)
        if not content:
            break
    return bytes(content)


def plain_rows(path: Path) -> list[dict[str, str]] | None:
    """What the file of a disturbed table says, by Python's own reader; None if it is no table."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        columns = {name: table[name].to_pylist() for name in NAMES}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    names, *rows = csv.reader(io.StringIO(text, newline=""))
    plain = [" ".join(re.findall(r"[^\W_]+", name)).casefold() for name in names]
    places = [plain.index(name.replace("_", " ")) for name in NAMES]
    return [{name: row[at] for name, at in zip(NAMES, places, strict=True)}
            for row in rows if any(row)]  # fmt: skip


def changed_bytes(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Files of good tables of which some bytes are others, or lack."""
    for number in range(20):
        place = folder / str(number)
        place.mkdir()
        ending = rng.choice([".csv", ".csv", ".csv.gz", ".parquet"])
        path = place / f"table{ending}"
        if ending == ".csv.gz":
            whole = gzip.compress((home.folder / "entries.csv").read_bytes(), 6, mtime=0)
        else:
            whole = (home.folder / f"entries{ending}").read_bytes()
        path.write_bytes(disturb(whole, rng))
        out = place / rng.choice(["view.csv", "view"])
        status, _ = run(*home.view(path, out, "--piece", PIECE))
        no_drafts(place)
        counts["refused" if status else "done"] += 1
        counts["changed bytes of tables"] += 1
        if status == 0:
            rows = plain_rows(path)
            expect(all(map(is_good, rows)), f"{path}: took a bad table")
            expect(read_rows(out) == [view_of(row) for row in rows], f"{path}: a wrong view")
        elif out.suffix:
            expect(not out.exists(), f"{path}: refused, but wrote a view")


def schemas(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Schema, policy, hierarchy or code book with other bytes: taken or refused, in one line."""
    for number in range(20):
        place = folder / str(number)
        place.mkdir()
        names = ["clinic.toml", "policy.csv", "diagnosis.csv"]
        for name in names:
            shutil.copy(home.folder / name, place)
        changed = place / rng.choice(names)
        changed.write_bytes(disturb(changed.read_bytes(), rng))
        files = ["--schema", place / "clinic.toml"]
        source = home.folder / "entries.csv"
        command = rng.choice([
            ["view", source, *files, "--policy", place / "policy.csv", "--receiver", RECEIVER],
            ["prepare", source, *files],
        ])  # fmt: skip
        status, _ = run(*command, "--out", place / "out.csv")
        no_drafts(place)
        counts["refused" if status else "done"] += 1
        expect((status == 0) is (place / "out.csv").exists(), f"{changed}: no file, or a half one")


# --- codes, pairs and checkpoints that were damaged -----------------------------------------------


def codes(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Files of codes, sealed and not, with other bytes, another key, of another pair."""
    for number in range(20):
        place = folder / str(number)
        place.mkdir()
        name = rng.choice(["float32", "float16", "int8", "small", "sealed", "sealed"])
        path, key = place / "codes.npz", place / "a.key"
        whole = (home.folder / f"{name}.npz").read_bytes()
        own_key, pair, sure = (home.folder / "pair.key").read_bytes(), "pair", True
        match rng.randrange(4):
            case 0 if name == "sealed":
                own_key = (home.folder / "other.key").read_bytes()
            case 1:
                pair = "other"
            case 2 if name == "sealed":
                own_key, sure = disturb(own_key, rng), False
            case _:
                whole, sure = disturb(whole, rng), False
        path.write_bytes(whole)
        key.write_bytes(own_key)
        options = ["--key", key] if name == "sealed" else []
        status, _ = run(*home.decode(path, place / "out.csv", *options, pair=pair))
        check_same(status, sure, place, home.folder / f"{name}.decoded.csv", counts)


def check_same(status: int, sure: bool, place: Path, whole: Path, counts: Counter) -> None:
    """What was damaged is refused, or makes no difference to what was written."""
    no_drafts(place)
    counts["refused" if status else "done"] += 1
    expect(status or not sure, "took what it must refuse")
    out = place / "out.csv"
    if status:
        expect(not out.exists(), "refused, but wrote a file")
    else:
        expect(out.read_bytes() == whole.read_bytes(), "damaged, and what was written is another")


def folders(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Folders of pieces, sealed and not: lost, swapped, damaged and foreign pieces, manifests."""
    for number in range(6):
        place = folder / str(number)
        name = rng.choice(["float32", "float16", "int8", "small", "sealed", "sealed"])
        made = shutil.copytree(home.folder / name, place / "codes")
        before = contents(made)
        pieces = sorted(made.glob("piece-*"))
        options = ["--key", home.folder / "pair.key"] if name == "sealed" else []
        pair, out = "pair", place / "out"
        one, two = rng.sample(pieces, 2)
        damage = rng.randrange(9)
        match damage:
            case 0:
                one.unlink()
            case 1:
                one.write_bytes(before[two.name])
                two.write_bytes(before[one.name])
            case 2:
                one.write_bytes(before[two.name])
            case 3:
                foreign = home.folder / ("float32" if name == "sealed" else "others")
                one.write_bytes((foreign / one.with_suffix(".parquet").name).read_bytes())
            case 4:
                one.write_bytes(before[one.name][: rng.randrange(len(before[one.name]))])
            case 5 | 6:
                one.write_bytes(disturb(before[one.name], rng))
            case 7:
                (made / "_job.json").write_bytes(disturb(before["_job.json"], rng))
            case 8:
                pair = "other"
                options = ["--key", home.folder / "other.key"] if name == "sealed" else []
        status, error = run(*home.decode(made, out, *options, pair=pair))
        counts["refused" if status else "done"] += 1
        if contents(made) == before and pair == "pair":
            expect(status == 0, f"{made}: refused for nothing: {error}")
        elif damage not in (5, 6, 7):
            expect(status == 1, f"{made}: took what it must refuse")
        if status == 0:
            expect(read_rows(out) == read_rows(home.folder / f"{name}-decoded"),
                   f"{made}: damaged, and the views are others")  # fmt: skip
        if pair == "pair" and damage != 7:
            # the remedy that the message names
            for piece in (one, two):
                piece.unlink(missing_ok=True)
            seal = ["--seal", home.folder / "pair.key"] if name == "sealed" else [
                "--number-type", name]  # fmt: skip
            home.expect_done(*home.encode(made, *seal))
            if name != "sealed":
                expect(contents(made) == before, f"{made}: made again, and other bytes")
            shutil.rmtree(out, ignore_errors=True)
            home.expect_done(*home.decode(made, out, *options))
            expect(read_rows(out) == read_rows(home.folder / f"{name}-decoded"),
                   f"{made}: made again, and other views")  # fmt: skip
            counts["folders made whole again"] += 1


def pairs(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """Weights and cards with other bytes, or of two pairs."""
    for number in range(20):
        place = folder / str(number)
        pair = shutil.copytree(home.folder / "pair", place / "pair")
        changed = pair / rng.choice(["weights.safetensors", "card.json"])
        sure = rng.random() < 0.1
        if sure:
            shutil.copy(home.folder / "other" / changed.name, pair)
        else:
            changed.write_bytes(disturb(changed.read_bytes(), rng))
        status, _ = run(*home.decode("float32.npz", place / "out.csv", pair=pair))
        check_same(status, sure, place, home.folder / "float32.decoded.csv", counts)


def checkpoints(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """A training that goes on from what was damaged: refused, or the same weights."""
    made = shutil.copytree(home.folder / "run", folder / "run")
    changed = made / rng.choice(["checkpoint.npz", "checkpoint.npz", "run.json", "log.csv"])
    changed.write_bytes(disturb(changed.read_bytes(), rng))
    status, _ = run(*home.train(made, "--resume", updates=4))
    counts["refused" if status else "done"] += 1
    if status == 0:
        made, longer = (
            load_file(f / "weights.safetensors") for f in (made, home.folder / "longer")
        )
        same = all(np.array_equal(made[name], longer[name]) for name in longer)
        expect(same and len(made) == len(longer), f"{changed}: damaged, and the weights are others")


# --- jobs that are killed, and full disks ---------------------------------------------------------


def kills(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """SIGKILL at random moments; what is there is whole, and the same command ends as if never."""
    kind = rng.choice(JOBS)
    out, whole = folder / "out", contents(home.folder / f"whole-{kind}")
    command = [sys.executable, "-P", "-m", "aalprivacy", *map(str, home.job(kind, out))]
    for _ in range(rng.randint(1, 3)):
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Most of its time goes to its start: wait for a number of pieces, and a moment.
        until, end = rng.randrange(len(whole)), time.monotonic() + 60
        while job.poll() is None and len(list(out.glob("piece-*"))) < until:
            expect(time.monotonic() < end, f"{kind}: no piece for a minute")
            time.sleep(0.002)
        time.sleep(rng.choice([0, 0, 0.001, 0.01, 0.5]) * rng.random())
        job.send_signal(signal.SIGKILL)
        if job.wait() == -signal.SIGKILL:
            counts["kills"] += 1
        there = {n: c for n, c in contents(out).items() if not n.startswith(".")}
        expect(there.items() <= whole.items(), f"{kind}: half a piece after a kill")
    home.expect_done(*home.job(kind, out))
    expect(contents(out) == whole, f"{kind}: killed, and other bytes in the end")
    counts["done"] += 1


def full_disk(home: Home, folder: Path, rng: random.Random, counts: Counter) -> None:
    """A disk that is full at a random moment, then has room again."""
    kind = rng.choice(JOBS)
    whole = contents(home.folder / f"whole-{kind}")
    size = sum(-(-len(content) // 4096) * 4096 for content in whole.values())
    disk = folder / "disk"
    disk.mkdir()
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={4096 * rng.randint(1, size // 4096 + 2)}",
        "soak",
    ]
    done = subprocess.run([*mount, disk], capture_output=True, text=True)
    if done.returncode:
        counts["skipped: no disk may be mounted here"] += 1
        return
    try:
        out = disk / "out"
        status, error = run(*home.job(kind, out))
        counts["refused" if status else "done"] += 1
        expect(status == 0 or "No space left" in error, f"{kind}: {error}")
        there = {n: c for n, c in contents(out).items() if not n.startswith(".")}
        expect(there.items() <= whole.items(), f"{kind}: half a piece on a full disk")
        if status:
            one_file = disk / "view.csv"
            status, _ = run(*home.view(home.folder / "many.csv", one_file))
            expect((status == 0) is one_file.exists(), "a full disk: no file, or a half one")
            one_file.unlink(missing_ok=True)
            no_drafts(disk)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        home.expect_done(*home.job(kind, out))
        expect(contents(out) == whole, f"{kind}: a full disk, and other bytes in the end")
    finally:
        subprocess.run(["umount", disk], check=True)


# --- the hour -------------------------------------------------------------------------------------

# What is tried, and its share of the time.
KINDS = {
    tables: 0.40, changed_bytes: 0.15, schemas: 0.05, codes: 0.05, folders: 0.10, pairs: 0.05,
    checkpoints: 0.05, kills: 0.10, full_disk: 0.05,
}  # fmt: skip
BY_NAME = {kind.__name__: kind for kind in KINDS}


def work(folder: Path, seed: int, ends) -> None:
    """Do the trials that come in; a process of its own, as a damaged file may end it."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that watches stops it
    from aalprivacy import runs

    runs.SMALL_BYTES = 0  # to fit small codes takes long, and is in no trouble here
    home = Home(folder / "home")
    home.make()
    ends.send("ready")
    while (asked := ends.recv()) is not None:
        name, number = asked
        place = folder / "trial"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        counts, wrong = Counter(), ""
        try:
            BY_NAME[name](home, place, random.Random(f"{seed} {name} {number}"), counts)
        except WrongError as error:
            wrong = str(error)
        except BaseException:
            wrong = traceback.format_exc()
        ends.send((counts, wrong))


class Worker:
    """The process that does the trials, started anew when it dies or hangs."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed, self.process = folder, seed, None

    def start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.ends, there = spawn.Pipe()
        self.process = spawn.Process(target=work, args=(self.folder, self.seed, there))
        self.process.start()
        there.close()
        self.ends.recv()  # ready

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None

    def do(self, name: str, number: int) -> tuple[Counter, str]:
        if self.process is None:
            self.start()
        self.ends.send((name, number))
        try:
            if self.ends.poll(LONGEST_TRIAL):
                return self.ends.recv()
            wrong = f"hangs: no end after {LONGEST_TRIAL} s"
        except EOFError:
            self.process.join()
            wrong = f"the process died: exit status {self.process.exitcode}"
        self.stop()
        return Counter(), wrong


def trials(folder: Path, seed: int, minutes: float) -> Iterator[tuple[str, dict]]:
    """Do trials until the time is full, each kind by its share; what was found is kept."""
    kept = folder / f"soak-{seed}.json"
    none = {"trials": 0, "seconds": 0.0, "counts": {}, "wrong": []}
    found = {name: dict(none, wrong=[]) for name in BY_NAME}
    if kept.exists():
        found = json.loads(kept.read_text())
    worker = Worker(folder, seed)
    try:
        while sum(about["seconds"] for about in found.values()) < 60 * minutes:
            name = min(found, key=lambda n: found[n]["seconds"] / KINDS[BY_NAME[n]])
            about = found[name]
            if worker.process is None:
                worker.start()
            begin = time.monotonic()
            counts, wrong = worker.do(name, about["trials"])
            about["seconds"] += time.monotonic() - begin
            if wrong:
                place = folder / "wrong" / f"{seed}-{name}-{about['trials']}"
                shutil.rmtree(place, ignore_errors=True)
                shutil.copytree(folder / "trial", place)
                about["wrong"].append([about["trials"], wrong])
                yield f"--only {name} {about['trials']}: {wrong}", found
            about["trials"] += 1
            about["counts"] = dict(Counter(about["counts"]) + counts)
            draft = kept.with_suffix(".draft")
            draft.write_text(json.dumps(found, indent=1))
            draft.replace(kept)
        yield "", found
    finally:
        worker.stop()


def table_of(found: dict) -> str:
    """The counts as Markdown."""
    from aalprivacy.report import markdown_table

    first = ["trouble", "trials", "commands refused", "commands done"]
    rows = []
    for name, about in found.items():
        counts = dict(about["counts"])
        refused, done = counts.pop("refused", 0), counts.pop("done", 0)
        beside = "; ".join(f"{what} {count:,}" for what, count in sorted(counts.items()))
        numbers = (f"{number:,}" for number in (about["trials"], refused, done))
        minutes = f"{about['seconds'] / 60:.1f}"
        rows.append([name.replace("_", " "), *numbers, beside, f"{len(about['wrong'])}", minutes])
    return markdown_table([*first, "beside", "wrong", "minutes"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("soak"))
    parser.add_argument("--only", nargs=2, metavar=("KIND", "NUMBER"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = options.folder.resolve()
    if options.only:
        worker = Worker(folder, options.seed)
        counts, wrong = worker.do(options.only[0], int(options.only[1]))
        worker.stop()
        print(dict(counts))
        sys.exit(wrong or 0)
    found = {}
    for wrong, found in trials(folder, options.seed, options.minutes):  # noqa: B007
        if wrong:
            print(wrong, file=sys.stderr, flush=True)
    print(f"seed {options.seed}, {sum(about['seconds'] for about in found.values()) / 60:.0f} min")
    print(table_of(found))
    sys.exit(any(about["wrong"] for about in found.values()))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
