"""A first schema for an untidy table: it is read back, and the table can be prepared with it."""

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aalprivacy.attributes import Category, Form
from aalprivacy.describe import describe, hierarchy_stubs, policy_template
from aalprivacy.errors import InputError
from aalprivacy.policy import Operation, Policy
from aalprivacy.prepare import prepare, read_untidy
from aalprivacy.schema import ASSISTED_LIVING, Schema
from aalprivacy.text import to_lines, view_lines
from aalprivacy.views import apply_policy

CASES = Path(__file__).parent / "cases"
N = 120


@pytest.fixture(scope="module")
def untidy():
    rng = np.random.default_rng(3)
    phones = [f"0{7900000000 + n}" if n % 2 else str(7900000000 + n) for n in range(N)]
    return pd.DataFrame(
        {
            "": range(N),
            "Patient ID": np.repeat(np.arange(N // 4), 4).astype(float),
            "Full Name": [f"José {chr(65 + n % 26)}.  O\u2019Brien" for n in range(N)],
            "1st visit": pd.date_range("2020-01-01 08:00", periods=N, freq="7h"),
            "Größe (cm)": [f"{n:.1f}".replace(".", ",") for n in rng.normal(170, 10, N)],
            "Temp Sensor": rng.normal(20, 3, N).round(1),
            "blood group": rng.choice(["A+", "A-", "0+", "NaN"], N),
            "blood pressure": [f"{n}/{n - 50}" for n in rng.integers(110, 160, N)],
            "phone": phones,
            "dob": rng.choice(["03/04/1950", "14/05/1960", "05/06/1940"], N),
            "when": rng.choice(["03/04/1950", "04/05/1960"], N),
            "day": rng.integers(20200101, 20200130, N),
            "clock": [f"{n % 24}:{n % 60:02d}" for n in range(N)],
            "steps": rng.integers(0, 900, N),
            "year": rng.integers(1930, 1960, N),
            "const": ["x"] * N,
            "lost": [None] * N,
            "long": ["y" * 200, *["z"] * (N - 1)],
            "smoker": rng.choice([True, False], N),
            "zip": [f"{n:05d}" for n in rng.integers(1, 99999, N)],
            "disease": rng.choice(["none", "Flu", "Gout", None], N),
            "notes": [f"Feels well; eats, walks and sleeps as on day {n} of it" for n in range(N)],
        }
    )


@pytest.fixture(scope="module")
def schema(untidy):
    return Schema.from_dict(tomllib.loads(describe(untidy)))


def test_the_schema_takes_the_table(untidy, schema, tmp_path):
    (tmp_path / "s.toml").write_text(describe(untidy), "utf-8")
    assert Schema.from_toml(tmp_path / "s.toml") == schema
    entries, report = prepare(untidy, schema)
    assert len(to_lines(entries, schema)) == N
    assert entries["Patient ID"].nunique() == N // 4
    kinds = {change.kind for change in report}
    assert {"decimal comma", "1 zero at the beginning restored", "capitals"} <= kinds
    assert not any("date left out" in kind or "seconds" in kind for kind in kinds)


@pytest.mark.parametrize(
    ("name", "form", "category"),
    [
        ("full_name", Form.WORDS, "personal"),
        ("n_1st_visit", Form.PATTERN, "identifying"),
        ("größe_cm", Form.NUMBER, "identifying"),
        ("temp_sensor", Form.NUMBER, "sensor"),
        ("blood_group", Form.ONE_OF, "medical"),
        ("blood_pressure", Form.PATTERN, "medical"),
        ("phone", Form.DIGITS, "personal"),
        ("dob", Form.PATTERN, "identifying"),
        ("day", Form.PATTERN, "identifying"),
        ("clock", Form.PATTERN, "identifying"),
        ("steps", Form.NUMBER, "sensor"),
        ("year", Form.NUMBER, "identifying"),
        ("smoker", Form.ONE_OF, "identifying"),
        ("zip", Form.DIGITS, "personal"),  # nearly everybody has their own
        ("disease", Form.ONE_OF, "medical"),
        ("notes", Form.TEXT, "personal"),
    ],
)
def test_forms_and_categories(schema, name, form, category):
    assert (schema[name].form, str(schema[name].category)) == (form, category)


def test_what_the_forms_say(schema):
    assert schema.id == "Patient ID"
    assert (schema["phone"].digits, schema["phone"].generalise.count) == ((11, 11), 5)
    assert schema["zip"].digits == (5, 5)
    assert (schema["größe_cm"].decimals, schema["größe_cm"].least) == (1, 0)
    assert schema["größe_cm"].generalise.width == 10
    assert schema["n_1st_visit"].time == "%Y%m%d %H%M"
    assert schema["n_1st_visit"].generalise("20200101 0800") == "202001"
    assert (schema["dob"].time, schema["clock"].time) == ("%Y%m%d", "%H%M")
    assert set(schema["blood_group"].values) == {"a+", "a-", "0+"}
    assert set(schema["disease"].values) == {"none", "flu", "gout"}  # none is an answer here
    bands = [limit for _, limit in schema["steps"].generalise.limits]
    assert 200 < bands[0] < 400 < bands[1] < 700
    assert {"\u2019", "é", "+", ".", ";"} <= set(schema.alphabet)
    assert not {"A", "\u00a0"} & set(schema.alphabet)
    assert schema["notes"].reads == ("full_name", "phone", "zip")  # whose words it may well name


def test_columns_that_cannot_be_used_are_named(untidy, schema):
    text = describe(untidy)
    for left in (
        "column 1: it has no name",
        "when: its values have no form in common .dates: write them as ISO",
        "const: all values are the same",
        "lost: all values are missing",
        "long: a value has more than 120 characters",
    ):
        assert pd.Series([text]).str.contains(f"# Left out: {left}").all(), left
    assert not {"when", "const", "lost", "long"} & set(schema.names)
    assert "a guess" in text


def test_every_view_fits_the_line(untidy, schema):
    """Also where each attribute that can be is generalised, which may take more room."""
    entries, _ = prepare(untidy, schema)
    rules = {a.name: "G" if a.generalise else "F" for a in schema.attributes}
    view = apply_policy(entries, Policy({"all": rules}, schema), "all")
    assert view_lines(view, schema).str.len().max() <= schema.longest


@pytest.mark.parametrize("name", ["good.csv", "09_pandas_index.csv", "11_phone_zero_lost.csv"])
def test_the_handed_tables(name):
    table = read_untidy(CASES / name)
    schema = Schema.from_dict(tomllib.loads(describe(table)))
    entries, _ = prepare(table, schema)
    assert schema.check(entries).shape == (len(table), len(schema))
    assert schema["address"].category is Category.PERSONAL
    assert schema["timestamp"].time == ASSISTED_LIVING["timestamp"].time
    assert set(schema.names) <= set(ASSISTED_LIVING.names)


def test_values_are_shown_only_when_asked():
    table = pd.DataFrame({"name": [f"ann smith{n}" for n in range(9)]})
    assert "smith0" not in describe(table)
    assert "# such as 'ann smith0', 'ann smith1', 'ann smith2'" in describe(table, show_values=True)


@pytest.fixture(scope="module")
def survey():
    """Columns as a survey names and fills them."""
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "SEQN": np.arange(N) + 93703.0,
            "UsualSleepTime": rng.choice(["b'23:00'", "b'00:30'", "b''"], N),
            "MinutesSedentary": rng.choice([60.0, 240.0, 5.397605346934028e-79, 9999.0], N),
            "HealthInsurance": rng.choice([0.0, 1.0], N),
            "EverSmoked": rng.choice(["1.0", "0.0", ""], N),
            "AskedAgain": rng.choice(["1.0", ""], N),
            "HouseholdSize": [*map(str, range(1, 81)), *["7 or more"] * (N - 80)],
            "FeelingDown": rng.integers(0, 4, N),
            "Ward": rng.choice(["north", "south", "east"], N),
        }
    )


def test_a_survey_is_described(survey):
    text = describe(survey)
    schema = Schema.from_dict(tomllib.loads(text))
    assert schema.id == "SEQN"
    assert "a guess: the first column, another whole number in each row" in text
    assert schema["usual_sleep_time"].time == "%H%M"
    assert schema["UsualSleepTime"].generalise("2300") == "23"
    assert schema["minutes_sedentary"].least == 0
    assert schema["health_insurance"].values == schema["ever_smoked"].values == ("0", "1")
    assert schema["health_insurance"].category is Category.IDENTIFYING
    assert "# Left out: AskedAgain: all values are the same, or missing." in text
    codes = (survey["MinutesSedentary"] == 9999).sum()
    assert f"# check: {codes} values stand far above all others and may be a code" in text
    assert f"# check: 80 of {N} are numbers; the others: codes? If so, make it form = " in text
    assert text.count("# check: few whole numbers; if they are codes") == 2
    empty = (survey["EverSmoked"] == "").sum()
    assert f"# {empty} of {N} missing; 2 different values" in text
    entries, report = prepare(survey, schema)
    assert set(entries["usual_sleep_time"]) == {"2300", "0030", "-"}
    assert "0" in set(entries["minutes_sedentary"])
    assert {"bytes written as text", "next to zero, so zero"} <= {c.kind for c in report}


def test_columns_without_text_are_left_out():
    table = pd.DataFrame(
        {
            "lists": [[n] for n in range(N)],
            "digest": [hashlib.sha256(bytes([n])).digest() for n in range(N)],
            "steps": pd.arrays.SparseArray([0, 0, 7] * (N // 3)),
        }
    )
    text = describe(table)
    schema = Schema.from_dict(tomllib.loads(text))
    assert schema.names == ("steps",)
    assert f"# Left out: lists: {N} cells hold lists or the like (list); expected one value" in text
    assert f"# Left out: digest: {N} cells hold bytes, and these aren't text in UTF-8" in text
    assert f"# check: {N - 2} of {N} rows are equal to a row above them" in text
    assert set(prepare(table, schema)[0]["steps"]) == {"0", "7"}
    with pytest.raises(InputError, match=f"^digest: {N} cells hold bytes"):
        describe(table, id="digest")
    with pytest.raises(InputError, match=r"no column can be used; lists: .*; digest: "):
        describe(table[["lists", "digest"]])


@pytest.mark.parametrize(("name", "id"), [("Patient ID", None), ("pat no", "Pat. No.")])
def test_the_index_may_be_the_id(name, id):
    table = pd.DataFrame({"age": range(N)}, index=pd.Index(range(N), name=name))
    schema = Schema.from_dict(tomllib.loads(describe(table, id=id)))
    assert (schema.id, schema.names) == (name, ("age",))
    entries, _ = prepare(table, schema)
    assert entries[name].tolist() == [str(n) for n in range(N)]


def test_a_column_of_numbers_of_people_is_pointed_at():
    table = pd.DataFrame(
        {
            "Unit": ["a", "b"] * 20,
            "Pat.-Nr.": [f"{n:06}" for n in range(40)],
            "Weight": [f"{60 + n}" for n in range(40)],
        }
    )
    text = describe(table)
    assert (
        'id = "user_id"   # the table has no such column: each row is a person of its own' in text
    )
    assert text.count("begin again with --id") == 1
    assert '--id "Pat.-Nr."' in text
    assert "begin again" not in describe(table, id="Pat.-Nr.")
    assert "begin again" not in describe(table.assign(**{"Pat.-Nr.": ["000001", "000002"] * 20}))
    assert "rows are equal" not in text
    assert "# check: 2 of 42 rows are equal to a row above them" in describe(
        pd.concat([table, table[:2]], ignore_index=True)
    )


def test_a_first_column_that_is_no_id(survey):
    assert 'id = "user_id"' in describe(survey.drop(columns="SEQN"))
    assert 'id = "user_id"' in describe(survey.assign(SEQN=5))
    assert 'id = "user_id"' in describe(survey.rename(columns={"SEQN": "Phone"}))


def test_hierarchies_to_fill_in(survey, tmp_path):
    plain_text = describe(survey)
    text, stubs = hierarchy_stubs(plain_text, "groups/")
    assert stubs == {"ward.csv": "east;any;*\nnorth;any;*\nsouth;any;*\n"}
    assert text.count("\n") == plain_text.count("\n")
    (tmp_path / "groups").mkdir()
    (tmp_path / "groups" / "ward.csv").write_text(stubs["ward.csv"])
    (tmp_path / "s.toml").write_text(text)
    schema = Schema.from_toml(tmp_path / "s.toml")
    assert schema["ward"].general(pd.Series(["north", "-"])).tolist() == ["any", "-"]
    assert schema["ever_smoked"].generalise is None  # of two values nothing is between


def test_the_id_that_is_told(untidy):
    named = describe(untidy, id="phone")
    assert tomllib.loads(named)["id"] == "phone"
    assert "[attributes.phone]" not in named
    with pytest.raises(InputError, match="no column 'xyz'; the table has"):
        describe(untidy, id="xyz")
    with pytest.raises(
        InputError, match=r"no column 'phnoe' .the nearest is phone.; the table has"
    ):
        describe(untidy, id="phnoe")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame({"a": ["x"], "b": [None]}), "no column can be used; a: all values are the"),
        (pd.DataFrame([["x", "y"]], columns=["a b", "A_B"]), "two columns are called a b; rename"),
    ],
)
def test_tables_that_cannot_be_described(table, message):
    with pytest.raises(InputError, match=message):
        describe(table)


cells = st.one_of(
    st.text(max_size=6), st.sampled_from(["", "none", "1", "2.5", "2018-03-14", "03/04/2018"]),
    st.integers(-(10**17), 10**17).map(str), st.floats(width=32).map(str),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True),
    st.lists(st.tuples(cells, cells, cells), min_size=2, max_size=8),
)
def test_any_table_is_described_or_refused(headings, rows):
    table = pd.DataFrame([row[: len(headings)] for row in rows], columns=headings, dtype="str")
    try:
        text = describe(table, show_values=True)
    except InputError:
        return
    schema = Schema.from_dict(tomllib.loads(text))
    entries, _ = prepare(table, schema)
    assert schema.check(entries).shape == (len(rows), len(schema))


def test_a_policy_to_fill_in(tmp_path, schema):
    path = tmp_path / "p.csv"
    path.write_text(policy_template(schema, ["doctor", "Night Nurse"]), "utf-8")
    policy = Policy.from_csv(path, schema)
    assert policy.receivers == ("doctor", "night_nurse")
    operations = policy.for_receiver("doctor")
    assert operations["full_name"] is operations["dob"] is Operation.DELETE
    assert operations["blood_group"] is operations["steps"] is Operation.DISCLOSE
    for receivers in ([], [" "], ["Nurse", "nurse"]):
        with pytest.raises(InputError, match="receivers: expected different names"):
            policy_template(schema, receivers)
