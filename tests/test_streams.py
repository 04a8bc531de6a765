"""Large tables by pieces: the same result as in one piece, exact resume, and what is refused."""

import gzip
import json
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from aalprivacy import codes, commands, progress, sealing, streams
from aalprivacy.errors import InputError
from aalprivacy.evaluation import evaluate
from aalprivacy.folders import MANIFEST, Folder
from aalprivacy.pieces import Pieces
from aalprivacy.policy import Policy
from aalprivacy.prepare import prepare, read_untidy
from aalprivacy.schema import Schema
from aalprivacy.small import Small
from aalprivacy.tables import write_table
from aalprivacy.views import apply_policy

COMMAND = [sys.executable, "-m", "aalprivacy"]
SCHEMA = """
longest = 40
id = "case"

[attributes]
patient = { category = "personal", form = "words" }
years = { form = "number", least = 0, most = 120, generalise = { range = 10 } }
postcode = { form = "digits", digits = 5, generalise = { first = 2 } }
"""
POLICY = "Attribute,Nurse\npatient,F\nyears,G\npostcode,G\n"
NAMES = ["patient", "years", "postcode"]
ROWS, PIECE = 1050, 200  # so six pieces, the last of 50


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "case": [f"c{n}" for n in rng.integers(0, 90, ROWS)],
            "patient": [f"{a} {b}" for a, b in rng.choice(["ada", "bo", "cy", "dee"], (ROWS, 2))],
            "years": rng.integers(0, 100, ROWS).astype(str),
            "postcode": [f"{n:05}" for n in rng.integers(0, 10**5, ROWS)],
        },
        dtype="str",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory, people, make_pair):
    """A clinic's files and two pairs, of random weights; nothing in it is changed."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "clinic.toml").write_text(SCHEMA)
    (folder / "policy.csv").write_text(POLICY)
    people.to_parquet(folder / "entries.parquet")
    people.to_csv(folder / "entries.csv", index=False)
    policy = Policy.from_csv(folder / "policy.csv", Schema.from_toml(folder / "clinic.toml"))
    for seed, name in enumerate(("pair", "other")):
        make_pair(policy, "nurse", seed).save(folder / name)
    for name in ("key", "other_key"):
        (folder / name).write_text(sealing.make_key())
    return folder


@pytest.fixture(scope="module")
def policy(home):
    return Policy.from_csv(home / "policy.csv", Schema.from_toml(home / "clinic.toml"))


@pytest.fixture
def view(run, home):
    """Make views by the command; the rows of the folder or file."""

    def view(source, out, *options):
        code, text, error = run(*view_of(home, source, out), *options)
        assert code == 0, error
        return text

    return view


def view_of(home, source, out, piece=PIECE):
    return ["view", source, "--schema", home / "clinic.toml", "--policy", home / "policy.csv",
            "--receiver", "nurse", "--out", out, "--piece", piece]  # fmt: skip


def encode_of(home, out, *options, source="entries.parquet", pair="pair"):
    return ["encode", home / source, "--pair", home / pair, "--out", out, "--piece", PIECE,
            *options]  # fmt: skip


def decode_of(home, source, out, *options, pair="pair"):
    return ["decode", source, "--pair", home / pair, "--out", out, *options]


def contents(folder):
    """Name -> bytes of all that is in a folder, hidden or not."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def rows_of(folder):
    return pd.concat(map(pd.read_parquet, sorted(folder.glob("piece-*"))), ignore_index=True)


def expected_views(people, policy):
    views = apply_policy(people, policy, "nurse")
    views.insert(0, "case", people["case"])
    return views


# --- what is read ---------------------------------------------------------------------------------


def test_a_file_becomes_a_folder(view, tmp_path, home, people, policy):
    text = view(home / "entries.parquet", tmp_path / "v")
    assert text == f"{ROWS:,} views for nurse: {tmp_path / 'v'}\n"
    expected = expected_views(people, policy)
    names = sorted(file.name for file in (tmp_path / "v").iterdir())
    assert names == [MANIFEST, *(f"piece-{n:08}.parquet" for n in range(6))]
    assert [len(pd.read_parquet(f)) for f in sorted((tmp_path / "v").glob("p*"))] == [200] * 5 + [
        50
    ]
    assert rows_of(tmp_path / "v").equals(expected)
    # Whoever reads a folder of Parquet reads this one.
    assert pd.read_parquet(tmp_path / "v").equals(expected)
    assert ds.dataset(tmp_path / "v").count_rows() == ROWS


def test_one_file_in_and_one_file_out_stay_as_they_are(view, tmp_path, home, people, policy):
    view(home / "entries.parquet", tmp_path / "v.parquet")
    assert pd.read_parquet(tmp_path / "v.parquet").equals(apply_policy(people, policy, "nurse"))


def test_folders_of_every_kind_give_the_same_rows(view, tmp_path, home, people, policy):
    first, second = people[:450], people[450:]
    kinds = {
        "parquet": lambda f: (first.to_parquet(f / "a.parquet"),
                              second.to_parquet(f / "b.parquet", row_group_size=70)),
        "csv": lambda f: (first.to_csv(f / "a.csv", index=False),
                          second.to_csv(f / "b.csv.gz", index=False, sep=";")),
        "index": lambda f: (first.set_index("case").to_parquet(f / "a.parquet"),
                            second.to_parquet(f / "b.parquet")),
        "odd index": lambda f: people[::-1].sort_index(ascending=True).set_axis(
            people.index[::-1]).to_parquet(f / "a.parquet"),
        "nested": lambda f: ((f / "a" / "_temporary").mkdir(parents=True),
                             (f / "a" / "_temporary" / "x.parquet").write_text("no table"),
                             (f / ".crc").write_text("no table"),
                             first.to_parquet(f / "a" / "1.parquet"),
                             second.to_csv(f / "b.csv", index=False)),
    }  # fmt: skip
    expected = expected_views(people, policy)
    for name, write in kinds.items():
        (tmp_path / name).mkdir()
        write(tmp_path / name)
        view(tmp_path / name, tmp_path / f"{name}-views")
        assert rows_of(tmp_path / f"{name}-views").equals(expected), name


def test_partitions(view, tmp_path, people, policy):
    """A folder's key is the id or an attribute, text as it stands; others are left out."""
    table = people[:60].assign(ward=np.where(people.index[:60] % 2, "east", "west"))
    table["case"] = table["case"].str.replace("c", "00")  # which no number is
    ds.write_dataset(
        pa.Table.from_pandas(table, preserve_index=False), tmp_path / "e", format="parquet",
        partitioning=["ward", "case", "years"], partitioning_flavor="hive", max_partitions=2000,
    )  # fmt: skip
    view(tmp_path / "e", tmp_path / "v", "--piece", 10**6)
    made = rows_of(tmp_path / "v")
    assert list(made) == ["case", *NAMES]
    order = list(made)
    expected = expected_views(table, policy)
    assert made.sort_values(order, ignore_index=True).equals(
        expected.sort_values(order, ignore_index=True)
    )


def test_a_partition_of_missing_ids_is_nobody(refused, tmp_path, home, people):
    table = people[:20].assign(case=people["case"].where(people.index % 2 == 0))
    table[:20].to_parquet(tmp_path / "e", partition_cols=["case"])
    refused(
        *view_of(home, tmp_path / "e", tmp_path / "v"),
        says="case: empty; expected whose entry it is",
    )
    assert not list(tmp_path.glob("v/*.parquet"))


def test_ids_that_are_numbers_stay_so(view, refused, tmp_path, home, people):
    numbers = people.assign(case=people["case"].str[1:].astype("int32"))
    (tmp_path / "e").mkdir()
    numbers.to_parquet(tmp_path / "e" / "a.parquet")
    view(tmp_path / "e", tmp_path / "v")
    assert (rows_of(tmp_path / "v")["case"] == numbers["case"]).all()
    people.to_parquet(tmp_path / "e" / "b.parquet")
    refused(*view_of(home, tmp_path / "e", tmp_path / "w"),
            says="b.parquet, case: text; expected whole numbers, as in a.parquet")  # fmt: skip
    people.drop(columns="case").to_parquet(tmp_path / "e" / "b.parquet")
    refused(*view_of(home, tmp_path / "e", tmp_path / "w"), says="b.parquet, case: none; expected")
    assert not (tmp_path / "w").exists()


def test_a_table_without_ids(run, view, tmp_path, home, people):
    people.drop(columns="case").to_parquet(tmp_path / "e.parquet")
    view(tmp_path / "e.parquet", tmp_path / "v")
    assert list(rows_of(tmp_path / "v")) == NAMES
    assert run(*encode_of(home, tmp_path / "c", source=tmp_path / "e.parquet"))[0] == 0
    assert run(*decode_of(home, tmp_path / "c", tmp_path / "d"))[0] == 0
    assert list(rows_of(tmp_path / "d")) == NAMES


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("group", [30, 200, 333, 5000])
def test_pieces_are_the_same_in_any_order(tmp_path, people, policy, ending, group):
    """Also those of a file with line ends of Windows, without one at its end, and with a mark."""
    path = tmp_path / f"e.{ending}"
    if ending == "parquet":
        people.to_parquet(path, row_group_size=group)
    else:
        text = people.to_csv(index=False, lineterminator="\r\n").rstrip().encode("utf-8-sig")
        path.write_bytes(gzip.compress(text) if ending == "csv.gz" else text)
    pieces = Pieces.of(path, PIECE).checked(policy.schema)
    assert (len(pieces), pieces.rows) == (6, ROWS)
    order = [*range(6), 5, 0, 3, 3, 1, 4, 2]
    for number in order:
        read = pieces.entries(number, policy.schema)
        expected = people[number * PIECE : (number + 1) * PIECE]
        assert read.set_axis(expected.index).equals(expected)
        assert (read.index == expected.index + (0 if ending == "parquet" else 2)).all()
    assert pd.concat(pieces.all_entries(policy.schema), ignore_index=True).equals(people)
    assert pieces.has(ROWS, policy.schema)
    assert not pieces.has(ROWS - 1, policy.schema)
    assert not pieces.has(ROWS + 1, policy.schema)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_a_file_that_is_changed_is_read_anew(tmp_path, people, policy, ending):
    """And what was known of it isn't used any more, as it may be of other rows."""
    path, before = tmp_path / f"e.{ending}", None
    for table in (people, people[::-1]):
        write_table(table, path)
        if before is not None:
            with pytest.raises(InputError, match=rf"e\.{ending}: was changed while it was read"):
                before.entries(1, policy.schema)
        before = Pieces.of(path, PIECE)
        read = before.entries(0, policy.schema)
        assert read.reset_index(drop=True).equals(table[:PIECE].reset_index(drop=True))


def test_empty_lines_are_no_entries_and_count_as_lines(refused, view, tmp_path, home, people):
    lines = people.to_csv(index=False).splitlines()
    lines[201:201] = [""] * 250 + [",,,"]  # more than a piece of them
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    text = view(tmp_path / "e.csv", tmp_path / "v")
    assert text.startswith(f"{ROWS:,} views")
    assert pd.read_parquet(tmp_path / "v")["case"].tolist() == people["case"].tolist()
    at = len(lines) - 3
    lines[at] = lines[at].replace(",", ",\u00e9", 1)
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    refused(*view_of(home, tmp_path / "e.csv", tmp_path / "w"),
            says=f"e.csv, line {at + 1}, patient: character 'é'")  # fmt: skip


@pytest.mark.parametrize("source", ["e.csv", "folder"])
def test_bad_values_are_refused_where_they_stand(refused, run, tmp_path, home, people, source):
    """The row is that of the file; the pieces before stay, and a corrected table is another job."""
    bad = people.copy()
    bad.loc[777, "years"] = "old"
    path = tmp_path / source
    if source == "folder":
        path.mkdir()
        people.to_parquet(path / "a.parquet")
        bad.to_parquet(path / "b.parquet")
        says = "b.parquet, row 777, years: expected a whole number"
    else:
        bad.to_csv(path, index=False)
        says = "e.csv, line 779, years: expected a whole number"
    for command in (view_of(home, path, tmp_path / "v"),
                    encode_of(home, tmp_path / "c", source=path)):  # fmt: skip
        refused(*command, says=says)
        made = command[command.index("--out") + 1]
        whole = 3 + 6 * (source == "folder")
        assert len(list(made.glob("piece-*"))) == whole
    if source == "folder":
        people.to_parquet(path / "b.parquet")
    else:
        people.to_csv(path, index=False)
    refused(*view_of(home, path, tmp_path / "v"), says="v: was begun with another input")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (
            lambda f, t: t.drop(columns="years").to_parquet(f / "b.parquet"),
            "b.parquet, no column y",
        ),
        (lambda f, t: t.assign(x="").to_csv(f / "b.csv"), "b.csv, column 1 has no name"),
        (lambda f, t: (f / "b.txt").write_text(""), "b.txt: unknown ending '.txt'"),
        (lambda f, t: (f / "b.parquet").write_text("PAR1"), "b.parquet: can't be read as a table"),
        (lambda f, t: (f / "b.csv").write_text("a\rb\r"), "b.csv: lines that end in a carriage"),
        (lambda f, t: (f / "b.csv.gz").write_text("a"), "b.csv.gz: can't be read as a table"),
        (lambda f, t: (f / "b.csv").write_text(""), "b.csv: the file is empty"),
        (lambda f, t: (f / "a.parquet").unlink(), "no entries; expected at least one"),
        (lambda f, t: t[:0].to_parquet(f / "a.parquet"), "no entries; expected at least one"),
    ],
)
def test_folders_that_are_refused_before_any_work(refused, tmp_path, home, people, write, says):
    (tmp_path / "e").mkdir()
    people.to_parquet(tmp_path / "e" / "a.parquet")
    write(tmp_path / "e", people)
    refused(*view_of(home, tmp_path / "e", tmp_path / "v"), says=[str(tmp_path / "e"), says])
    assert not (tmp_path / "v").exists()


def test_values_that_go_over_lines_are_refused_at_the_edge_of_a_piece_too(refused, tmp_path, home):
    """The piece ends within the quotation marks."""
    for row in ('c1,ada,"5\n",00000', 'c1,ada,5,"00000\n"', '"c1\n",ada,5,00000'):
        (tmp_path / "e.csv").write_text("case,patient,years,postcode\n" + f"{row}\n" * 2)
        error = refused(*view_of(home, tmp_path / "e.csv", tmp_path / "v", piece=1), says="line 2")
        assert "line break" in error or "values; expected 4" in error
        shutil.rmtree(tmp_path / "v")


# --- codes ----------------------------------------------------------------------------------------


def test_codes_and_their_views(run, tmp_path, home, people):
    """By pieces and in one: the same views row by row, with whose they are."""
    code, text, error = run(*encode_of(home, tmp_path / "c"))
    assert (code, text) == (0, f"{ROWS:,} codes of 32 numbers: {tmp_path / 'c'}\n"), error
    made = rows_of(tmp_path / "c")
    assert made["case"].tolist() == people["case"].tolist()
    assert run(*encode_of(home, tmp_path / "c.npz"))[0] == 0
    with np.load(tmp_path / "c.npz") as file:
        np.testing.assert_allclose(np.stack(made["code"]), file["codes"], atol=1e-5)
    code, text, error = run(*decode_of(home, tmp_path / "c", tmp_path / "d"))
    assert code == 0, error
    assert run(*decode_of(home, tmp_path / "c.npz", tmp_path / "d.parquet"))[0] == 0
    whole, made = pd.read_parquet(tmp_path / "d.parquet"), rows_of(tmp_path / "d")
    assert made["case"].tolist() == people["case"].tolist()
    assert made[NAMES].equals(whole)
    about = json.loads((tmp_path / "c" / MANIFEST).read_text())
    card = json.loads((home / "pair" / "card.json").read_text())
    assert about["version"] == 1
    assert about["encoder"] == card["fingerprints"]["encoder"]
    assert text == run(*decode_of(home, tmp_path / "c.npz", tmp_path / "d.csv"))[1].replace(
        "d.csv", "d"
    )


def test_number_types(run, refused, tmp_path, home):
    kinds = {"float32": pa.float32(), "float16": pa.float16(), "int8": pa.int8()}
    exact = None
    for number_type, kind in kinds.items():
        folder = tmp_path / number_type
        assert run(*encode_of(home, folder, "--number-type", number_type))[0] == 0
        assert pq.read_schema(folder / "piece-00000000.parquet").field("code").type == pa.list_(
            kind, 32
        )
        opened = Folder.open(folder)
        read = np.concatenate(
            [codes.of_arrow(opened.read(n), 32, number_type) for n in range(len(opened))]
        )
        assert read.dtype == np.float32
        exact = read if exact is None else exact
        assert (
            np.abs(read - exact).max()
            < {"float32": 1e-9, "float16": 1e-3, "int8": 8e-3}[number_type]
        )
        assert run(*decode_of(home, folder, tmp_path / f"{number_type}-views"))[0] == 0
    refused(*encode_of(home, tmp_path / "x", "--number-type", "int4"), says="got 'int4'")
    refused(
        *encode_of(home, tmp_path / "x", "--number-type", "small"), says="has no steps for them"
    )
    assert not (tmp_path / "x").exists()


def test_small_codes(run, refused, tmp_path, home, policy, make_pair):
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(32, 32)))[0][:, :30].astype(np.float32)
    small = Small(np.zeros(32, np.float32), basis / 0.25, basis.T * 0.25).rekeyed(
        np.arange(32), np.ones(32, np.float32)
    )
    pair = replace(make_pair(policy, "nurse"), small=small)
    pair.save(tmp_path / "pair")
    encode = encode_of(home, tmp_path / "c", "--number-type", "small", pair=tmp_path / "pair")
    assert run(*encode)[0] == 0
    assert run(*encode_of(home, tmp_path / "c.npz", *encode[-2:], pair=tmp_path / "pair"))[0] == 0
    read = codes.read_codes(tmp_path / "c.npz", 32, None, "nurse", None, small).codes
    opened = Folder.open(tmp_path / "c")
    made = [codes.of_arrow(opened.read(n), 32, "small", small) for n in range(len(opened))]
    close = np.isclose(np.concatenate(made), read, atol=1e-5).all(axis=1)
    assert close.mean() > 0.99  # a millionth of difference may be a step
    assert run(*decode_of(home, tmp_path / "c", tmp_path / "d", pair=tmp_path / "pair"))[0] == 0
    refused(*decode_of(home, tmp_path / "c", tmp_path / "e"), says="no steps for them")
    other = replace(pair, small=replace(small, mean=small.mean + 1))
    other.save(tmp_path / "other")
    refused(*decode_of(home, tmp_path / "c", tmp_path / "e", pair=tmp_path / "other"),
            says="small codes, which only the pair that made them can read")  # fmt: skip


def test_a_sealed_folder(run, refused, tmp_path, home, people):
    key, other = ("--key", home / "key"), ("--key", home / "other_key")
    assert run(*encode_of(home, tmp_path / "c", "--seal", home / "key"))[0] == 0
    names = {f"piece-{n:08}.sealed" for n in range(6)} | {MANIFEST}
    assert set(contents(tmp_path / "c")) == names
    assert b"case" not in (tmp_path / "c" / "piece-00000000.sealed").read_bytes()
    out = tmp_path / "d"
    refused(*decode_of(home, tmp_path / "c", out), says="c: is sealed; expected a key")
    refused(*decode_of(home, tmp_path / "c", out, *other), says="c: can't be unsealed: another key")
    assert run(*decode_of(home, tmp_path / "c", out, *key))[0] == 0
    assert run(*encode_of(home, tmp_path / "plain"))[0] == 0
    refused(*decode_of(home, tmp_path / "plain", tmp_path / "x", *key), says="is not sealed")
    assert run(*decode_of(home, tmp_path / "plain", tmp_path / "e"))[0] == 0
    assert rows_of(out).equals(rows_of(tmp_path / "e"))
    # Whoever edits what is said of the pieces can't open them with it.
    for name, value in (("receiver", "doctor"), ("pieces", 5), ("encoder", "0" * 16)):
        edited = shutil.copytree(tmp_path / "c", tmp_path / name)
        about = json.loads((edited / MANIFEST).read_text()) | {name: value}
        (edited / MANIFEST).write_text(json.dumps(about))
        says = "sealed for doctor, not for nurse" if name == "receiver" else "can't be unsealed"
        refused(*decode_of(home, edited, tmp_path / "x", *key, "--force"), says=says)
    assert not (tmp_path / "x").exists()


# --- pieces that lack or are others ---------------------------------------------------------------


def delete(folder, name):
    (folder / name(2)).unlink()


def swap(folder, name):
    (folder / name(2)).rename(folder / "x")
    (folder / name(3)).rename(folder / name(2))
    (folder / "x").rename(folder / name(3))


def double(folder, name):
    shutil.copy(folder / name(1), folder / name(2))


def truncate(folder, name):
    content = (folder / name(2)).read_bytes()
    (folder / name(2)).write_bytes(content[: len(content) // 2])


def empty(folder, name):
    (folder / name(2)).write_bytes(b"")


def change_a_byte(folder, name):
    content = bytearray((folder / name(2)).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name(2)).write_bytes(content)


def rewrite(folder, name):
    pq.write_table(pa.table({"code": [1]}), folder / name(2))


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (delete, "piece-00000002.{}: no such file, and the folder has 6 pieces"),
        (swap, "piece-00000002.parquet: is piece 3; expected piece 2; delete it"),
        (double, "piece-00000002.parquet: is piece 1; expected piece 2; delete it"),
        (truncate, "piece-00000002.parquet: damaged; delete it"),
        (empty, "piece-00000002.parquet: damaged; delete it"),
        (change_a_byte, "piece-00000002.parquet: damaged; delete it"),
        (rewrite, "piece-00000002.parquet: damaged; delete it"),
    ],
)
def test_a_piece_that_lacks_or_is_another_is_refused(
    run, refused, tmp_path, home, damage, says, sealed
):
    ending, options = ("sealed", ["--seal", home / "key"]) if sealed else ("parquet", [])
    key = ["--key", home / "key"] if sealed else []
    encode = encode_of(home, tmp_path / "c", *options)
    assert run(*encode)[0] == 0
    whole = contents(tmp_path / "c")
    damage(tmp_path / "c", lambda number: f"piece-{number:08}.{ending}")
    if sealed and damage is not delete:
        says = (
            "piece-00000002.sealed: can't be unsealed: another key, another receiver, or the file"
        )
    refused(*decode_of(home, tmp_path / "c", tmp_path / "d", *key), says=says.format(ending))
    # The command that wrote it makes anew what lacks, as it was.
    for n in (2, 3):
        (tmp_path / "c" / f"piece-{n:08}.{ending}").unlink(missing_ok=True)
    assert run(*encode)[0] == 0
    if not sealed:
        assert contents(tmp_path / "c") == whole
    assert run(*decode_of(home, tmp_path / "c", tmp_path / "e", *key))[0] == 0


def test_pieces_of_other_jobs_and_pairs(run, refused, tmp_path, home):
    for name, pair in (("c", "pair"), ("o", "other")):
        assert run(*encode_of(home, tmp_path / name, pair=pair))[0] == 0
    out = tmp_path / "d"
    refused(*decode_of(home, tmp_path / "c", out, pair="other"), says="c: encoded by encoder ")
    assert run(*decode_of(home, tmp_path / "c", tmp_path / "f", "--force", pair="other"))[0] == 0
    shutil.copy(tmp_path / "o" / "piece-00000004.parquet", tmp_path / "c")
    refused(*decode_of(home, tmp_path / "c", out),
            says="piece-00000004.parquet: is a piece of another job; expected piece 4")  # fmt: skip
    refused(*decode_of(home, tmp_path / "f", out), says="f: holds views; expected codes")
    refused(
        *view_of(home, tmp_path / "c", out), says="c/piece-00000004.parquet: is a piece of anoth"
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda about: "{", "_job.json: missing or broken"),
        (lambda about: json.dumps([]), "_job.json: missing or broken"),
        (lambda about: json.dumps({"version": 1}), "_job.json: missing or broken"),
        (lambda about: json.dumps(about | {"version": 2}), "format version 2; expected 1"),
        (lambda about: json.dumps(about | {"pieces": -1}), "-1 pieces; expected at least one"),
        (lambda about: json.dumps(about | {"pieces": "6"}), "6 pieces; expected at least one"),
        (lambda about: json.dumps(about | {"pieces": 10**15}), "is a piece of another job"),
        (lambda about: json.dumps(about | {"number_type": "int4"}), "got 'int4'"),
        (lambda about: json.dumps(about | {"number_type": ["x"]}), "got ['x']"),
        (lambda about: json.dumps(about | {"number_type": "int8"}), "is a piece of another job"),
        (lambda about: json.dumps(about | {"encoder": None}), "encoded by encoder None"),
    ],
)
def test_what_is_said_of_the_pieces_is_checked(run, refused, tmp_path, home, edit, says):
    assert run(*encode_of(home, tmp_path / "c"))[0] == 0
    about = json.loads((tmp_path / "c" / MANIFEST).read_text())
    (tmp_path / "c" / MANIFEST).write_text(edit(about))
    refused(*decode_of(home, tmp_path / "c", tmp_path / "d"), says=says)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ([[0.0] * 31], "codes of type .*; expected float32 lists of 32"),
        ([[0.0] * 31 + [None]], "a code has a null"),
        ([None], "a code has a null"),
        ([[float("nan")] * 32], "row 0: a code has a NaN"),
    ],
)
def test_codes_that_are_none(column, says):
    width = len(column[0]) if column[0] else 32
    table = pa.table({"code": pa.array(column, pa.list_(pa.float32(), width))})
    with pytest.raises(InputError, match=says):
        codes.of_arrow(table, 32, "float32")
    with pytest.raises(InputError, match="codes of type null"):
        codes.of_arrow(pa.table({"x": [1]}), 32, "float32")
    whole = codes.to_arrow(np.ones((3, 32), np.float32), "int8")
    with pytest.raises(InputError, match="expected one scale a number"):
        codes.of_arrow(whole.replace_schema_metadata(None), 32, "int8")


# --- a job that is interrupted --------------------------------------------------------------------


def interrupted_after(monkeypatch, pieces):
    """Ctrl-C after so many pieces."""
    make, made = streams.make_piece, []

    def stop(job, number):
        if len(made) == pieces:
            raise KeyboardInterrupt
        made.append(number)
        return make(job, number)

    monkeypatch.setattr(streams, "make_piece", stop)
    return made


@pytest.mark.parametrize("kind", ["view", "encode", "decode", "prepare"])
def test_an_interrupted_job_goes_on(run, tmp_path, home, monkeypatch, kind):
    """What it made stays, and isn't made again; the end is the same to the byte."""
    assert run(*encode_of(home, tmp_path / "codes"))[0] == 0

    def command(out):
        return {
            "view": view_of(home, home / "entries.csv", out),
            "encode": encode_of(home, out, "--number-type", "int8"),
            "decode": decode_of(home, tmp_path / "codes", out),
            "prepare": ["prepare", home / "entries.csv", "--schema", home / "clinic.toml", "--out",
                        out, "--piece", PIECE],
        }[kind]  # fmt: skip

    code, whole_text, error = run(*command(tmp_path / "whole"))
    assert code == 0, error
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupted_after(patch, 3)
        code, _, error = run(*command(out))
    assert code == 130
    assert error == "aalprivacy: stopped; the same command continues where it stopped\n"
    assert len(list(out.glob("piece-*"))) == 3
    # What writes that were killed leave behind; and a piece that a full disk cut.
    (out / ".piece-00000004-x.parquet").write_text("half")
    (out / "piece-00000005.parquet").write_bytes(b"")
    before = {f.name: f.stat().st_mtime_ns for f in out.glob("piece-0000000[012]*")}
    with monkeypatch.context() as patch:
        made = interrupted_after(patch, 9)
        code, text, _ = run(*command(out))
    assert (code, made) == (0, [3, 4, 5])
    assert text.replace(str(out), "") == whole_text.replace(str(tmp_path / "whole"), "")
    assert contents(out) == contents(tmp_path / "whole")
    assert {f.name: f.stat().st_mtime_ns for f in out.glob("piece-0000000[012]*")} == before
    with monkeypatch.context() as patch:
        made = interrupted_after(patch, 9)
        assert run(*command(out))[:2] == (0, text)
    assert made == []


def test_another_job_in_the_folder_is_refused(run, refused, tmp_path, home, people):
    out = tmp_path / "c"
    assert run(*encode_of(home, out))[0] == 0
    before = contents(out)
    people[:-1].to_parquet(tmp_path / "less.parquet")
    for command, other in (
        (encode_of(home, out, source=tmp_path / "less.parquet"), "input"),
        (encode_of(home, out, source="entries.csv"), "input"),
        (encode_of(home, out, pair="other"), "encoder"),
        (encode_of(home, out, "--number-type", "int8"), "number type"),
        (encode_of(home, out, "--seal", home / "key"), "key"),
        ([*encode_of(home, out), "--piece", 300], "--piece"),
        (view_of(home, home / "entries.parquet", out), "kind"),
        (decode_of(home, out, out), "kind"),
    ):
        if command[0] == "decode":
            refused(*command, says="c: in the input, which would grow")
        else:
            refused(*command, says=f"c: was begun with another {other}; expected the same command")
    assert run(*encode_of(home, tmp_path / "s", "--seal", home / "key"))[0] == 0
    refused(*encode_of(home, tmp_path / "s", "--seal", home / "other_key"), says="another key")
    refused(*encode_of(home, tmp_path / "s"), says="another key")
    assert contents(out) == before


def test_folders_that_cannot_be_written_to(run, refused, tmp_path, home, people):
    entries = home / "entries.parquet"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.doc").write_text("")
    refused(
        *view_of(home, entries, tmp_path / "mine"), says="mine: holds letter.doc; expected a new"
    )
    (tmp_path / "file").write_text("")
    refused(*view_of(home, entries, tmp_path / "file"), says="file: a file; expected a folder")
    refused(*view_of(home, entries, tmp_path / "file" / "x"), says="can't be made")
    (tmp_path / "e").mkdir()
    people.to_parquet(tmp_path / "e" / "a.parquet")
    for out in (tmp_path / "e", tmp_path / "e" / "views"):
        refused(*view_of(home, tmp_path / "e", out), says="in the input, which would grow")
    refused(*view_of(home, tmp_path / "e", tmp_path / "v.csv"), says="v.csv: a file for")
    refused(*encode_of(home, tmp_path / "c.npz", source=tmp_path / "e"), says="c.npz: a file for")
    one = "entries.parquet is a single file; expected a file for"
    refused(*decode_of(home, entries, tmp_path / "d"), says=one)
    refused(*decode_of(home, tmp_path / "e", tmp_path / "d"), says="e/_job.json: missing or broken")
    refused(*view_of(home, entries, tmp_path / "v.2"), says="unknown ending '.2'")
    refused(*view_of(home, tmp_path / "none", tmp_path / "v"), says="none: unknown ending ''")
    refused(*view_of(home, tmp_path / "none.csv", tmp_path / "v"), says="none.csv: no such file")
    assert not (tmp_path / "v").exists()


def test_a_folder_that_a_job_has_not_finished_is_no_input(
    run, refused, tmp_path, home, monkeypatch
):
    prepare = ["prepare", home / "entries.csv", "--schema", home / "clinic.toml", "--out",
               tmp_path / "e", "--piece", PIECE]  # fmt: skip
    with monkeypatch.context() as patch:
        interrupted_after(patch, 4)
        assert run(*prepare)[0] == 130
    refused(*view_of(home, tmp_path / "e", tmp_path / "v"),
            says="piece-00000004.parquet: no such file, and the folder has 6 pieces")  # fmt: skip
    assert run(*prepare)[0] == 0
    assert run(*view_of(home, tmp_path / "e", tmp_path / "v"))[0] == 0
    assert run(*view_of(home, home / "entries.csv", tmp_path / "w"))[0] == 0
    assert rows_of(tmp_path / "v").equals(rows_of(tmp_path / "w"))


def test_a_piece_is_a_function_of_the_job_and_its_number(run, tmp_path, home, policy):
    """Another process makes the same bytes: all that it needs can be sent to it."""
    assert run(*encode_of(home, tmp_path / "c", "--number-type", "float16"))[0] == 0
    from aalprivacy.pair import load_pair

    work = streams.Codes(
        Pieces.of(home / "entries.parquet", PIECE), load_pair(home / "pair"), "float16"
    )
    job = streams.Job.of(work, tmp_path / "again")
    job.folder.begin()
    sent = pickle.loads(pickle.dumps(job))
    for number in (5, 2, 0, 1, 3, 4):
        assert streams.make_piece(sent, number) == {"rows": PIECE if number < 5 else 50}
    assert contents(tmp_path / "again") == contents(tmp_path / "c")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["view", "encode", "decode", "prepare"])
def test_killed_at_any_moment(run, tmp_path, home, kind):
    """What stands there after SIGKILL is whole; in the end all is as if nothing had happened."""
    assert run(*encode_of(home, tmp_path / "codes", "--piece", 10))[0] == 0

    def command(out):
        return {
            "view": view_of(home, home / "entries.csv", out, piece=10),
            "encode": [*encode_of(home, out), "--piece", 10],
            "decode": decode_of(home, tmp_path / "codes", out),
            "prepare": ["prepare", home / "entries.csv", "--schema", home / "clinic.toml", "--out",
                        out, "--piece", 10],
        }[kind]  # fmt: skip

    assert run(*command(tmp_path / "whole"))[0] == 0
    whole, out = contents(tmp_path / "whole"), tmp_path / "out"
    assert len(whole) == 106
    rng, kept = random.Random(kind), 0
    for killed_at in sorted(rng.sample(range(1, 90), 4)):
        job = subprocess.Popen([*COMMAND, *map(str, command(out))])
        while len(list(out.glob("piece-*"))) < max(killed_at, kept + 1):
            assert job.poll() is None
            time.sleep(rng.random() / 100)
        job.send_signal(signal.SIGKILL)
        assert job.wait() == -signal.SIGKILL
        made = {name: content for name, content in contents(out).items() if name[0] != "."}
        assert made == {name: whole[name] for name in made}
        kept = len(made) - 1
    done = subprocess.run([*COMMAND, *map(str, command(out))], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(out) == whole


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read in Linux's /proc")
def test_memory_does_not_grow_with_the_table(tmp_path):
    """200,000 of the paper's entries, in one group of rows, need no more than 20,000 need."""
    from aalprivacy.homes import simulate

    # not ru_maxrss: Linux hands on the peak of the process that starts another, here that of pytest
    program = (
        "from aalprivacy.__main__ import main\n"
        "try: main()\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    some, peaks = simulate(50, 40, seed=1), []
    for name, times in (("few", 10), ("many", 100)):
        table = pd.concat([some] * times, ignore_index=True)
        table.to_parquet(tmp_path / f"{name}.parquet")
        done = subprocess.run(
            [sys.executable, "-c", program, "view", tmp_path / f"{name}.parquet", "--receiver",
             "doctor", "--out", tmp_path / name], capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]) / 1024)
        assert ds.dataset(tmp_path / name).count_rows() == 2000 * times
    assert peaks[1] < 500  # megabytes, most of them the libraries
    assert peaks[1] < peaks[0] + 60


# --- prepare and evaluate -------------------------------------------------------------------------

UNTIDY = """
id = "who"
alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 |*-."

[attributes]
name = { form = "words" }
weight = { form = "number", decimals = 3 }
born = { form = "pattern", time = "%Y%m%d" }
sex = { form = "one-of", values = ["female", "male"] }
"""


@pytest.fixture
def untidy(tmp_path):
    """A table of which only the last rows tell what the first ones mean."""
    n = 60
    table = pd.DataFrame(
        {
            "who": ["7.0"] * (n - 1) + ["x7"],
            "Name": ["José "] * 20 + ["ann"] * 40,
            "weight": ["1,234"] * (n - 1) + ["0,5"],
            "born": ["03/04/1950"] * (n - 1) + ["23/04/1950"],
            "sex": ["M", "F", "n/a"] * 20,
            "other": "",
        }
    )
    (tmp_path / "untidy.toml").write_text(UNTIDY)
    (tmp_path / "codes.toml").write_text('[values.sex]\nM = "male"\nF = "female"\n')
    table.to_csv(tmp_path / "untidy.csv", index=False, sep=";")
    return tmp_path


def test_prepare_knows_in_each_piece_what_the_others_tell(run, refused, untidy):
    def command(source, *options):
        return ["prepare", untidy / source, "--schema", untidy / "untidy.toml", "--codes",
                untidy / "codes.toml", "--piece", 25, *options]  # fmt: skip

    reports = []
    for out in ("whole.parquet", "pieces"):
        report = untidy / f"{out}.csv"
        code, _, error = run(*command("untidy.csv", "--out", untidy / out, "--report", report))
        assert code == 0, error
        reports.append(pd.read_csv(report))
    whole, made = pd.read_parquet(untidy / "whole.parquet"), rows_of(untidy / "pieces")
    assert whole.equals(made)
    assert set(made["who"]) == {"7.0", "x7"}
    assert set(made["born"]) == {"19500403", "19500423"}
    assert set(made["weight"]) == {"1.234", "0.5"}
    pd.testing.assert_frame_equal(*reports)
    # A dry run on a folder reads by pieces too, and writes nothing.
    (untidy / "folder").mkdir()
    shutil.copy(untidy / "untidy.csv", untidy / "folder")
    report, before = untidy / "dry.csv", set(untidy.iterdir())
    code, _, error = run(*command("folder", "--dry-run", "--report", report))
    assert code == 0, error
    pd.testing.assert_frame_equal(pd.read_csv(report), reports[0])
    assert set(untidy.iterdir()) == before | {report}
    for place in ("folder", "pieces"):  # a report beside pieces would be taken for one
        inside = ("--out", untidy / "pieces", "--report", untidy / place / "report.csv")
        refused(*command("folder", *inside), says=f"report.csv: is in {place}; expected another")


def test_prepare_by_pieces_refuses_other_encodings(refused, untidy):
    command = ["prepare", untidy / "e.csv", "--schema", untidy / "untidy.toml", "--out",
               untidy / "out"]  # fmt: skip
    text = (untidy / "untidy.csv").read_text()
    (untidy / "e.csv").write_bytes(text.encode("cp1252"))
    says = "e.csv: not text in UTF-8; expected UTF-8, as the table is read in pi"
    refused(*command, says=says)
    (untidy / "e.csv").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    refused(*command, says=says)
    table = pd.read_csv(untidy / "untidy.csv", sep=";", dtype=str).fillna("")
    table["Name"] = [value.encode("cp1252") for value in table["Name"]]
    table.to_parquet(untidy / "e.parquet")
    command[1] = untidy / "e.parquet"
    refused(*command, says="e.parquet: bytes in cp1252; expected UTF-8")
    assert not (untidy / "out").exists()


def test_whole_numbers_beside_nulls_are_the_same_in_every_piece(run, tmp_path):
    """A float has a point, and only pieces with a null would have floats."""
    schema = Schema.from_dict({"attributes": {"note": {"form": "text"}}})
    table = pd.DataFrame({"note": pd.array([1, 2, None, 3], dtype="Int64")})
    table.to_parquet(tmp_path / "t.parquet")
    whole, _ = prepare(read_untidy(tmp_path / "t.parquet"), schema)
    pieces = Pieces.of(tmp_path / "t.parquet", 2)
    made = [prepare(pieces.untidy(n, schema), schema)[0] for n in range(2)]
    assert whole["note"].tolist() == ["1", "2", "-", "3"]
    assert pd.concat(made)["note"].tolist() == whole["note"].tolist()


def test_evaluate_by_pieces(run, tmp_path, home, people, policy, monkeypatch, make_pair):
    monkeypatch.setattr(commands, "PIECE", 200)
    (tmp_path / "folder").mkdir()
    people[:333].to_parquet(tmp_path / "folder" / "a.parquet")
    people[333:].to_csv(tmp_path / "folder" / "b.csv", index=False)
    for table in (people[:300], people[:300].drop(columns="case")):
        expected = evaluate(make_pair(policy, "nurse"), table)
        pieces = (table[at : at + 100] for at in range(0, 300, 100))
        same = evaluate(make_pair(policy, "nurse"), pieces)
        assert same.standard_error == pytest.approx(expected.standard_error)
        assert replace(same, standard_error=0) == replace(expected, standard_error=0)
    expected = evaluate(make_pair(policy, "nurse"), people)
    for source in (home / "entries.parquet", home / "entries.csv", tmp_path / "folder"):
        code, text, error = run("evaluate", "--pair", home / "pair", "--data", source, "--json")
        assert code == 0, error
        (found,) = json.loads(text)["nurse"].items()
        assert found[0] == source.name
        assert found[1]["entries"] == ROWS
        assert found[1]["character_error"] == pytest.approx(expected.character_error)
        assert found[1]["standard_error"] == pytest.approx(expected.standard_error)


def test_evaluate_finds_people_held_out_in_a_folder_too(run, tmp_path, home, people, policy):
    from aalprivacy.pair import load_pair
    from aalprivacy.runs import describe_table, split_people

    pair = load_pair(home / "pair")
    pair.card["data"] = describe_table(people, policy.schema)
    pair.save(tmp_path / "pair")
    (tmp_path / "e").mkdir()
    people[:333].to_parquet(tmp_path / "e" / "a.parquet")
    text = people[333:].to_csv(index=False).replace("\n", "\n\n")
    (tmp_path / "e" / "b.csv").write_text(text)
    held_out = len(split_people(people, policy.schema).test)
    for name, entries in (("e, people held out", held_out), ("e", ROWS - 1)):
        code, text, error = run("evaluate", "--pair", tmp_path / "pair", "--data", tmp_path / "e",
                                "--json")  # fmt: skip
        assert code == 0, error
        assert json.loads(text)["nurse"][name]["entries"] == entries
        assert ("not the table that the pair was trained on" in error) is (name == "e")
        people[1:333].to_parquet(tmp_path / "e" / "a.parquet")


# --- what a person sees ---------------------------------------------------------------------------


def test_a_line_a_minute_if_nobody_watches(monkeypatch, capsys):
    clock = iter([0, 30, 70, 80, 140])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with monkeypatch.context() as patch:
        patch.setattr(progress.time, "monotonic", lambda: next(clock))
        with progress.bar(progress.console(), "encoding", 100_000, 20_000) as report:
            for _ in range(4):
                report(7_000)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "aalprivacy: encoding: 34,000 of 100,000 · 200/s · 6 min left",
        "aalprivacy: encoding: 48,000 of 100,000 · 200/s · 4 min left",
    ]
