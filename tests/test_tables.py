"""Tables in and out: what is read and refused, with the file's line, and how files are written."""

import datetime
import gzip
import os
import stat
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aalprivacy.atomic import check_writable, write_secret, write_text, write_whole
from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.schema import ASSISTED_LIVING, Schema
from aalprivacy.tables import (
    check_table_writable,
    parse_csv,
    read_entries,
    read_views,
    write_table,
)
from aalprivacy.views import apply_policy

CASES = Path(__file__).parent / "cases"
GOOD = (CASES / "good.csv").read_text()
FIRST = "0,mathew young,73,male,164,59,157 allan street leicester,01954434539,roofer"
ONE = Schema((Attribute("note", Form.TEXT),), longest=20)


def written(tmp_path, content, name="e.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture(scope="module")
def good():
    return read_entries(CASES / "good.csv")


def test_a_good_table(good):
    assert list(good) == ["user_id", *ASSISTED_LIVING.names]
    assert good.shape == (36, 21)
    assert good["phone_number"][0] == "01954434539"
    assert (good.dtypes == "str").all()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".CSV"])
def test_written_and_read_again(tmp_path, good, ending):
    write_table(good, tmp_path / f"e{ending}")
    assert read_entries(tmp_path / f"e{ending}").equals(good)
    view = apply_policy(good, TABLE_I, "researcher")
    write_table(view, tmp_path / f"v{ending}")
    assert read_views(tmp_path / f"v{ending}").equals(view)


@pytest.mark.parametrize(
    "name", ["09_semicolons.csv", "09_header_as_labels.csv", "09_header_spaces.csv",
             "03_nullable_int.parquet"]
)  # fmt: skip
def test_cases_that_are_read(name, good):
    table = read_entries(CASES / name)
    assert table.shape == (6, 21)
    assert (table.drop(columns="user_id").dtypes == "str").all()
    if name.endswith(".csv"):
        assert table.equals(good.head(6))


def test_the_id_may_be_the_index():
    column = read_entries(CASES / "04_user_id_column.parquet")
    assert read_entries(CASES / "04_user_id_index.parquet").equals(column)
    assert column["user_id"].nunique() == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("\n", "\r\n"), None),
        (lambda text: text.replace("\n", "\r"), None),
        (lambda text: text.replace(",", "\t"), None),
        (lambda text: "\ufeff" + text, None),
        (lambda text: text.replace("\n", "\n\n") + "\n\n", None),
        (lambda text: text + "," * 20 + "\n" + "   \n", None),
        (lambda text: text.rstrip("\n"), None),
        (lambda text: "", ": the file is empty; expected the names of the columns"),
        (lambda text: text[: text.index("\n") + 1], ": no entries in the file"),
        (lambda text: "\n" + text, ": its first line is empty; expected the names"),
        (lambda text: text.replace(",", "^"), ", line 1: 'user_id.*with a comma, a semicolon or"),
        (lambda text: text.replace(FIRST, "0," + FIRST, 1), ", line 2: 22 values; expected 21"),
        (lambda text: text.replace("\n", "\n\n").replace(FIRST, "0," + FIRST), "line 3: 22 values"),
        (lambda text: text.replace(",male", ',"male', 1), "line 2"),
        (lambda text: text.replace("mathew young", '"mathew\nyoung"', 1), "line 2, name: a line b"),
        (lambda text: text.replace("mathew", "mat\0hew", 1), "line 2, name: expected a given name"),
        (lambda text: text.replace("mathew", "mathéw", 1), "line 2, name: expected.*'mathéw"),
        (lambda text: text.replace("mathew", "é", 1).encode("latin-1"), "not text in UTF-8; 'aalp"),
        (lambda text: text.encode("utf-16"), ": not text in UTF-8; 'aalprivacy prepare'"),
        (lambda text: text.replace("\n0,", "\n,", 1), "line 2, user_id: empty; expected whose"),
        (lambda text: text.replace("user_id", "shoe"), "unexpected column 'shoe'; expected name,"),
        (lambda text: text.replace("157 allan", "1" * 150 + " allan", 1), "line 2: the line has"),
    ],
)  # fmt: skip
def test_csv_files_of_all_kinds(tmp_path, good, change, message):
    path = written(tmp_path, change(GOOD))
    if message is None:
        assert read_entries(path).equals(good)
    else:
        with pytest.raises(InputError, match=rf"e\.csv.*{message}"):
            read_entries(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("02_nan_text.csv", "line 4, age: .*got 'nan'; write - for a missing value, or 'aalpriv"),
        ("02_spaces_in_name.csv", "line 3, name: .*got '  anne fox '; 'aalprivacy prepare' puts"),
        ("02_unseen_disease.csv", "line 3, disease: .*got 'schizophrenia'; add it to the schema"),
        ("02_unseen_occupation.csv", "line 3, occupation: .*got 'carpenter'"),
        ("03_binary_latin1.parquet", "row 0, name: of type bytes; expected text"),
        ("09_NaN.csv", "line 4, age: .*got 'NaN'; write - for a missing value"),
        ("09_floats.csv", "line 2, age: .*got '73.0'; write 73, or 'aalprivacy prepare'"),
        ("09_pandas_index.csv", "column 1 has no name, as an index that pandas wrote"),
        ("09_duplicate_column.csv", "the column age appears twice; expected it once"),
        ("11_phone_zero_lost.csv", "line 2, phone_number: expected 11 digits.*lost a zero"),
        ("13_blank_lines.csv", "line 9, gender: expected one of female, male, got 'Male'"),
        ("none.csv", "no such file"),
        ("14_key_bom.key", "unknown ending '.key'; expected .parquet, .csv, .csv.gz"),
    ],
)
def test_cases_that_are_refused(name, message):
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        read_entries(CASES / name)


def test_a_number_with_its_zero_lost_has_no_area_code():
    """The file is refused, and so is the table that pandas reads with numbers for digits."""
    clinic = Policy.from_csv(CASES / "11_clinic_policy.csv")
    table = pd.read_csv(CASES / "11_phone_zero_lost.csv").astype({"phone_number": "int64"})
    with pytest.raises(InputError, match=r"phone_number: a column of numbers; expected 11 digits"):
        apply_policy(table, clinic, "clinic")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gender", True, "row 0, gender: of type boolean; expected text .one of female, male."),
        ("timestamp", pd.Timestamp("2020-01-01"), "row 0, timestamp: of type datetime64"),
        ("timestamp", datetime.date(2020, 1, 1), "row 0, timestamp: of type date"),
        ("age", Decimal("80.5"), "row 0, age: expected an age in years, got '80.5'"),
        ("age", None, "row 0, age: null; expected a value"),
        ("age", [1], "row 0, age: of type ndarray among others"),
        ("age", pd.Timedelta(1), "row 0, age: of type timedelta64"),
        ("user_id", None, "row 0, user_id: empty; expected whose entry it is"),
        ("age", Decimal("80"), None),
        ("age", 80, None),
    ],
)
def test_parquet_of_other_types(tmp_path, good, name, value, message):
    table = good.head(3).copy()
    table[name] = [value] * 3
    table.to_parquet(tmp_path / "e.parquet")
    if message is None:
        assert (read_entries(tmp_path / "e.parquet")[name] == "80").all()
    else:
        with pytest.raises(InputError, match=rf"e\.parquet, {message}"):
            read_entries(tmp_path / "e.parquet")


def test_what_is_no_table(tmp_path):
    for name, what in (("e.parquet", "can't be read as a table"), ("e.csv.gz", "Not a gzipped")):
        with pytest.raises(InputError, match=rf"{name}: .*{what}"):
            read_entries(written(tmp_path, GOOD, name))
    whole = gzip.compress(GOOD.encode())
    with pytest.raises(InputError, match=r"e\.csv\.gz: can't be read as a table"):
        read_entries(written(tmp_path, whole[: len(whole) // 2], "e.csv.gz"))
    with pytest.raises(InputError, match="no such file"):
        read_entries(tmp_path.with_suffix(".csv"))


def test_text_of_parquet_that_is_none(tmp_path, good, refused):
    """A damaged file may call any bytes text, and Arrow hands them on."""
    table = pa.Table.from_pandas(good[:2], preserve_index=False)
    offsets, data = (pa.py_buffer(b) for b in (b"\0\0\0\0\1\0\0\0\2\0\0\0", b"7\xff"))
    age = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    table = table.set_column(table.column_names.index("age"), "age", age)
    pq.write_table(table, tmp_path / "e.parquet")
    for out in ("v.csv", "views"):
        refused("view", tmp_path / "e.parquet", "--receiver", "doctor", "--out", tmp_path / out,
                says="e.parquet: can't be read as a table: ")  # fmt: skip
    assert not (tmp_path / "v.csv").exists()


def test_one_column(tmp_path):
    path = written(tmp_path, "note\na b\n-\n")
    assert read_entries(path, ONE)["note"].tolist() == ["a b", "-"]
    with pytest.raises(InputError, match=r"line 3, note: empty; expected text without blanks"):
        read_entries(written(tmp_path, "note\na\n\nb\n"), ONE)


def test_views_are_checked_too(tmp_path, good):
    view = apply_policy(good.head(2), TABLE_I, "doctor")
    view.loc[1, "age"] = None
    view.to_parquet(tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v\.parquet, row 1, age: null"):
        read_views(tmp_path / "v.parquet")
    view.assign(age=[1, 2]).to_parquet(tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v\.parquet, age: a column of int64; expected text"):
        read_views(tmp_path / "v.parquet")
    view.assign(age=["a|b", "c"]).to_csv(tmp_path / "v.csv", index=False)
    with pytest.raises(InputError, match=r"v\.csv, line 2, age: character '\|'"):
        read_views(tmp_path / "v.csv")
    view.assign(age=["a", "c"], shoe=1).to_csv(tmp_path / "v.csv", index=False)
    with pytest.raises(InputError, match=r"v\.csv, unexpected column 'shoe'"):
        read_views(tmp_path / "v.csv")


# --- writing


def test_an_index_of_people_is_written(tmp_path, good):
    people = good.set_index("user_id")
    for table, read in (
        (people, read_entries),
        (apply_policy(people, TABLE_I, "doctor"), pd.read_csv),
    ):
        write_table(table, tmp_path / "e.csv")
        assert read(tmp_path / "e.csv")["user_id"].astype(str).tolist() == people.index.tolist()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_keeps_its_mode(tmp_path, good):
    path = tmp_path / "v.csv"
    path.touch(0o600)
    write_table(good, path)
    assert mode(path) == 0o600
    new, usual = tmp_path / "n.csv", tmp_path / "usual"
    write_table(good, new)
    usual.touch()
    assert mode(new) == mode(usual)


def test_a_secret_is_its_owners_alone(tmp_path):
    path = tmp_path / "k"
    for before in (None, 0o644, 0o400):
        if before is not None:
            path.chmod(before)
        write_secret("s", path)
        assert mode(path) == 0o600 & (before or 0o600)


def test_a_link_stays_a_link(tmp_path, good):
    (tmp_path / "real.csv").write_text("old")
    for name, target in (("l.csv", "real.csv"), ("new.csv", "later.csv")):
        (tmp_path / name).symlink_to(tmp_path / target)
        write_table(good, tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert read_entries(tmp_path / target).equals(good)


def test_commas_in_names_of_columns():
    table = parse_csv('"Salary, EUR, gross";age\n3,5;40\n')
    assert table.to_dict("list") == {"Salary, EUR, gross": ["3,5"], "age": ["40"]}
    assert list(parse_csv("Salary, EUR;age\n3,5;40\n")) == ["Salary, EUR", "age"]
    with pytest.raises(InputError, match="line 1: a line break in a column's name, or a quotation"):
        parse_csv('"Salary\nEUR",age\n3,40\n')


def test_a_long_cell():
    long = "x" * 5_000_000
    assert parse_csv(f"a,b\n1,{long}\n2,y\n")["b"].tolist() == [long, "y"]


def test_the_input_is_never_the_output(tmp_path, good):
    path = written(tmp_path, GOOD)
    (tmp_path / "l.csv").symlink_to(path)
    for out in (path, tmp_path / "l.csv", tmp_path / "." / "e.csv"):
        with pytest.raises(InputError, match="is the input, which would be lost"):
            check_table_writable(out, [None, path])
    check_table_writable(tmp_path / "other.csv", [path])
    with pytest.raises(InputError, match=r"o\.csv: is in .*; expected another folder for it"):
        check_table_writable(tmp_path / "o.csv", [tmp_path])


def test_what_cannot_be_written(tmp_path, good):
    with pytest.raises(InputError, match="can't be written; expected a file in an existing folder"):
        check_table_writable(tmp_path / "none" / "v.csv")
    with pytest.raises(InputError, match=r"v\.txt: unknown ending '\.txt'"):
        check_table_writable(tmp_path / "v.txt")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="can't be written; expected a file that may be written"):
        write_table(good, tmp_path / "folder.csv")
    with pytest.raises(InputError, match="can't be written"):
        check_writable("/dev/null")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="can't be written"):
        write_table(good, tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(InputError, match="can't be written: "):
        write_table(good, tmp_path / "loop.csv")
    with pytest.raises(InputError, match="can't be written: "):
        write_text("x", tmp_path / ("n" * 300))


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = written(tmp_path, "old")

    def fail(draft):
        draft.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
