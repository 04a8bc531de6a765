"""Untidy tables are put right with a report of every change; what needs a guess is refused."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aalprivacy.attributes import Attribute, Form
from aalprivacy.codebook import CodeBook
from aalprivacy.errors import InputError
from aalprivacy.generalisation import Range
from aalprivacy.policy import Policy
from aalprivacy.prepare import Change, prepare, read_untidy
from aalprivacy.schema import ALPHABET, ASSISTED_LIVING, Schema
from aalprivacy.tables import read_entries, write_table
from aalprivacy.views import apply_policy

CASES = Path(__file__).parent / "cases"
REFUSED = object()


def tidy(attribute, values, alphabet=ALPHABET + ".", **options):
    """What becomes of a column, and the kinds of change."""
    schema = Schema((attribute,), alphabet)
    values = values if isinstance(values, list) else [values]
    entries, report = prepare(pd.DataFrame({attribute.name: values}), schema, **options)
    return entries[attribute.name].tolist(), [change.kind for change in report]


def expect(attribute, value, result, kinds=None, **options):
    if result is REFUSED:
        with pytest.raises(InputError, match=r"row 0, a: expected .* got "):
            tidy(attribute, value, **options)
        return
    found, told = tidy(attribute, value, **options)
    assert found == (result if isinstance(result, list) else [result])
    assert bool(told) or found == [str(v) for v in (value if isinstance(value, list) else [value])]
    assert kinds is None or told == kinds


# --- the handed cases


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("good.csv", []),
        ("04_user_id_index.parquet", []),
        ("03_nullable_int.parquet", []),
        ("09_semicolons.csv", [("cells separated by semicolons", "", 6)]),
        ("09_header_as_labels.csv", []),
        ("02_nan_text.csv", [("missing value", n, 1) for n in ("name", "age", "disease")]),
        ("02_spaces_in_name.csv", [("blanks", "name", 1)]),
        ("09_NaN.csv", [("missing value", "age", 1)]),
        ("09_floats.csv", [("decimals that are zero", "age", 6)]),
        ("09_pandas_index.csv", [("column left out", "", 6)]),
        ("11_phone_zero_lost.csv", [("1 zero at the beginning restored", "phone_number", 6)]),
        (
            "13_blank_lines.csv",
            [("empty lines left out", "", 5), ("another spelling of a value", "gender", 1)],
        ),
        (
            "03_binary_latin1.parquet",
            [("read as cp1252", "name", 6), ("accents and signs", "name", 6)],
        ),
    ],
)
def test_cases_put_right(tmp_path, name, changes):
    entries, report = prepare(read_untidy(CASES / name), ASSISTED_LIVING)
    assert [(c.kind, c.attribute, c.count) for c in report] == changes
    write_table(entries, tmp_path / "e.parquet")
    assert read_entries(tmp_path / "e.parquet").equals(entries.reset_index(drop=True))
    assert ASSISTED_LIVING.check(entries).equals(entries[list(ASSISTED_LIVING.names)])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("02_unseen_disease.csv", "line 3, disease: .*got 'schizophrenia'; add it to the schema"),
        ("02_unseen_occupation.csv", "line 3, occupation: .*'carpenter' 1 times"),
        ("09_duplicate_column.csv", "the column age appears twice"),
    ],
)
def test_cases_that_need_a_person(name, message):
    with pytest.raises(InputError, match=message):
        prepare(read_untidy(CASES / name), ASSISTED_LIVING)


def test_the_zero_is_back_in_the_area_code():
    entries, _ = prepare(read_untidy(CASES / "11_phone_zero_lost.csv"), ASSISTED_LIVING)
    clinic = Policy.from_csv(CASES / "11_clinic_policy.csv", ASSISTED_LIVING)
    assert apply_policy(entries, clinic, "Clinic")["phone_number"].iloc[0] == "01954"


# --- forms


@pytest.mark.parametrize(
    ("value", "result", "kind"),
    [
        ("80.0", "80", "decimals that are zero"),
        (80.0, "80", "decimals that are zero"),
        (Decimal("80.00"), "80", "decimals that are zero"),
        ("80,0", "80", "decimal comma"),
        ("+5", "5", "zeros or a plus before a number"),
        ("080", "80", "zeros or a plus before a number"),
        ("-0", "0", "number written otherwise"),
        ("\u22125", "-5", "number written otherwise"),
        ("1e2", "100", "number written otherwise"),
        ("5.397605346934028e-79", "0", "next to zero, so zero"),  # as SAS holds it
        ("5e-31", "0", "next to zero, so zero"),
        ("1e-9", REFUSED, None),
        (".", "-", "missing value"),
        ("#DIV/0!", "-", "missing value"),
        ("b'80'", "80", "bytes written as text"),
        ("", "-", "missing value"),
        (None, "-", "missing value"),
        (np.nan, "-", "missing value"),
        ("NaN", "-", "missing value"),
        (" N/A ", "-", "missing value"),
        ("?", "-", "missing value"),
        ("  80\u00a0", "80", "blanks"),
        ("80", "80", None),
        ("1,234", REFUSED, None),  # 1234, or 1 and a bit
        ("80.000", REFUSED, None),
        ("80.4", REFUSED, None),
        ("80 kg", REFUSED, None),
        ("inf", REFUSED, None),
        ("٣", REFUSED, None),
        ("１２", "12", "number written otherwise"),
        ("10²", REFUSED, None),
        ("3⁰", REFUSED, None),
        ("1₂", REFUSED, None),
        ("1½", REFUSED, None),
        ("1e300", REFUSED, None),
        (True, REFUSED, None),
        ("999", REFUSED, None),
    ],
)
def test_numbers(value, result, kind):
    attribute = Attribute("a", Form.NUMBER, least=-5, most=900)
    expect(attribute, value, result, [] if kind is None else [kind])


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("36,6", "36.6"),
        ("36.60", "36.6"),
        (".5", "0.5"),
        ("0.30000000000000004", "0.3"),
        (np.float32(0.1), "0.1"),
        ("36.65", REFUSED),
        (["1,234", "0,5"], REFUSED),  # now it is a decimal comma, but of three decimals
    ],
)
def test_numbers_with_a_decimal(value, result):
    expect(Attribute("a", Form.NUMBER, decimals=1), value, result)


def test_another_value_tells_what_a_comma_is():
    column = Attribute("a", Form.NUMBER, decimals=3)
    expect(column, ["1,234", "0,5"], ["1.234", "0.5"], ["decimal comma"])
    expect(column, ["1,234"], REFUSED)


@pytest.mark.parametrize(
    ("value", "result", "kinds"),
    [
        ("01954434539", "01954434539", []),
        ("1954434539", "01954434539", ["1 zero at the beginning restored"]),
        (1954434539, "01954434539", ["1 zero at the beginning restored"]),
        (1954434539.0, "01954434539",
         ["decimals that are zero", "1 zero at the beginning restored"]),
        ("123456789", "00123456789", ["2 zeros at the beginning restored"]),
        ("(01954) 434-539", "01954434539", ["signs between digits"]),
        ("1954", REFUSED, None),
        ("+441954434539", REFUSED, None),
        ("-1954434539", REFUSED, None),
        ("1.95443E+09", REFUSED, None),
        ("19544345.39", REFUSED, None),
        ("019544345３９", "01954434539", ["signs between digits"]),
        ("019544345 3²", REFUSED, None),
    ],
)  # fmt: skip
def test_digits(value, result, kinds):
    expect(Attribute("a", Form.DIGITS, digits=(11, 11)), value, result, kinds)


def test_zeros_that_nobody_can_count_are_not_made_up(tmp_path):
    """A number has lost its zeros; how many can't be told where digits may be few or many."""
    attribute = Attribute("a", Form.DIGITS, digits=(2, 5))
    assert tidy(attribute, ["12", "012"]) == (["12", "012"], [])
    pd.DataFrame({"a": [12, 13]}).to_parquet(tmp_path / "t.parquet")
    for table in (pd.DataFrame({"a": [12]}), read_untidy(tmp_path / "t.parquet")):
        with pytest.raises(InputError, match="a: a column of numbers, which has lost the zeros"):
            prepare(table, Schema((attribute,)))
    expect(attribute, "12.0", REFUSED)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("José", "jose"),
        ("Jose\u0301", "jose"),
        ("O'Brien", "o brien"),
        ("O\u2019Brien", "o brien"),
        ("Smith\u2013Jones", "smith-jones"),
        ("  ANNE \u00a0 Fox\n", "anne fox"),
        ("Straße", "strasse"),
        ("Łukasz", "lukasz"),
        ("Γιώργος", "giorgos"),
        ("a|b", "a b"),
        ("null", "-"),
        ("*", REFUSED),
        ("!!!", REFUSED),
        ("flat 10²", REFUSED),
        ("flat ½", REFUSED),
    ],
)
def test_words(value, result):
    expect(Attribute("a", Form.WORDS), value, result)


@pytest.mark.parametrize("emoji", ["\U0001f600", "\U0001fa75", "♥", "⤴"])
def test_an_emoji_is_not_written_as_its_name(emoji):
    attribute, alphabet = Attribute("a", Form.TEXT), ALPHABET + ":_"
    assert tidy(attribute, f"ann {emoji}", alphabet) == (["ann"], ["other characters to blanks"])
    expect(attribute, emoji, REFUSED, alphabet=alphabet)
    listed = Attribute("a", Form.ONE_OF, values=("grinning", "hearts", "light blue heart"))
    expect(listed, emoji, REFUSED)


def test_letters_of_the_alphabet_stay():
    alphabet = ALPHABET + "éγιώρος" + "J"
    for value, result in (("JosÉ", "José"), ("Jose\u0301", "José"), ("ΓΙΏΡΓΟΣ", "γιώργοσ")):
        expect(Attribute("a", Form.WORDS), value, result, alphabet=alphabet + "σ")
    expect(Attribute("a", Form.TEXT), "a  b", "a  b", [])


@pytest.mark.parametrize(
    ("value", "result", "kinds"),
    [
        ("Male", "male", ["another spelling of a value"]),
        (" FEMALE ", "female", ["blanks", "another spelling of a value"]),
        ("Vasc. Dementia", "vasc dementia", ["another spelling of a value"]),
        ("None", "none", ["another spelling of a value"]),  # a value here, not a null
        ("none", "none", []),
        (None, "-", ["missing value"]),
        ("nan", "-", ["missing value"]),
        (1.0, "1", ["another spelling of a value"]),
        ("A+", "a+", ["another spelling of a value"]),
        ("A", REFUSED, None),  # a+ or a-
        ("m", REFUSED, None),
        (True, REFUSED, None),
    ],
)
def test_one_of(value, result, kinds):
    values = ("male", "female", "none", "vasc dementia", "1", "a+", "a-")
    expect(
        Attribute("a", Form.ONE_OF, values=values), value, result, kinds, alphabet=ALPHABET + "+"
    )


@pytest.mark.parametrize("values", [("yes", "no"), ("0", "1"), ("false", "true")])
def test_true_and_false(values):
    attribute = Attribute("a", Form.ONE_OF, values=values)
    yes, no = sorted(values, key=lambda v: v in ("no", "0", "false"))
    for value in (True, "TRUE", "yes", "1", 1, 1.0, "y"):
        assert tidy(attribute, value)[0] == [yes]
    for value in (False, "False", "no", "0", 0, 0.0, "n"):
        assert tidy(attribute, value)[0] == [no]


def test_true_and_false_beside_other_values():
    told = Attribute("a", Form.ONE_OF, values=("no", "borderline", "yes"))
    values, kinds = tidy(told, ["0", "1.0", "Borderline", "5.397605346934028e-79"])
    assert values == ["no", "yes", "borderline", "no"]
    assert kinds == ["true and false", "another spelling of a value"]
    expect(told, "2", REFUSED)
    # Letters may be codes of anything.
    expect(Attribute("a", Form.ONE_OF, values=("f", "m", "t")), "0", REFUSED)


def test_true_of_two_others_is_refused():
    expect(Attribute("a", Form.ONE_OF, values=("open", "shut")), "true", REFUSED)


@pytest.mark.parametrize(
    ("value", "result", "kinds"),
    [
        ("20180314 0730", "20180314 0730", []),
        ("2018-03-14T07:30", "20180314 0730", ["date and time written otherwise"]),
        ("2018-3-14 7:30", "20180314 0730", ["date and time written otherwise"]),
        (pd.Timestamp("2018-03-14 07:30"), "20180314 0730", ["date and time written otherwise"]),
        (pd.NaT, "-", ["missing value"]),
        ("2018-03-14 07:30:00", "20180314 0730", ["date and time written otherwise"]),
        ("2018-03-14 07:30:12", "20180314 0730", ["seconds left out"]),
        ("2018-03-14T07:30:12.5Z", "20180314 0730", ["seconds left out, time zone left out"]),
        (pd.Timestamp("2018-03-14 07:30", tz="UTC"), "20180314 0730", ["time zone left out"]),
        ("14/03/2018 07:30", "20180314 0730", ["date and time written otherwise"]),
        ("05/05/2018 07:30", "20180505 0730", ["date and time written otherwise"]),
        ("04.03.2018 7:30", "20180304 0730", ["date and time written otherwise"]),
        (["03/04/2018 07:30", "14/03/2018 07:30"], ["20180403 0730", "20180314 0730"], None),
        (["03/04/2018 07:30", "03/14/2018 07:30"], ["20180304 0730", "20180314 0730"], None),
        (["14/03/2018 07:30", "03/14/2018 07:30"], REFUSED, None),
        ("03/04/2018 07:30", REFUSED, None),
        (["03/04/2018 07:30", "01.02.2018 07:30"], REFUSED, None),  # a dot tells nothing of a slash
        (["03-04-2018 07:30", "14/03/2018 07:30"], REFUSED, None),
        (
            ["03/14/2018 07:30", "01/02/2018 07:30", "14-03-2018 07:30", "01-02-2018 07:30"],
            ["20180314 0730", "20180102 0730", "20180314 0730", "20180201 0730"],
            None,
        ),
        (["03.14.2018 07:30"], REFUSED, None),
        ("2018-03-14", REFUSED, None),  # at which time?
        ("2018314 730", REFUSED, None),
        ("2018-02-30 07:30", REFUSED, None),
        ("2018-03-14 07:30 PM", "20180314 1930", ["date and time written otherwise"]),
        ("14 Mar 2018 12:05 a.m.", "20180314 0005", ["date and time written otherwise"]),
        ("March 14, 2018 07:30", "20180314 0730", ["date and time written otherwise"]),
        ("14MAR2018 07:30", "20180314 0730", ["date and time written otherwise"]),
        ("14 Marz 2018 07:30", REFUSED, None),
        ("2018-03-14 19:30 PM", REFUSED, None),  # 19 hours after noon?
        ("2018-03-14 0:30 AM", REFUSED, None),
        ("14/03/18 07:30", REFUSED, None),
        ("1521012600", REFUSED, None),
    ],
)
def test_dates_and_times(value, result, kinds):
    expect(Attribute("a", Form.PATTERN, time="%Y%m%d %H%M"), value, result, kinds)


@pytest.mark.parametrize(
    ("time", "value", "result", "kinds"),
    [
        ("%Y%m%d", 20180314, "20180314", []),
        ("%Y%m%d", datetime.date(2018, 3, 14), "20180314", ["date and time written otherwise"]),
        ("%Y%m%d", "2018-03-14 07:30", "20180314", ["time of day left out"]),
        ("%d %b %Y", "2018-03-14", "14 mar 2018", ["date and time written otherwise", "capitals"]),
        ("%m%d", "2020-02-29", "0229", ["date left out"]),
        ("%H%M", "7:30", "0730", ["date and time written otherwise"]),
        ("%H%M", "11:30 pm", "2330", ["date and time written otherwise"]),
        ("%H%M", "b''", "-", ["bytes written as text", "missing value"]),
        ("%H%M", "b'23:00'", "2300", ["bytes written as text", "date and time written otherwise"]),
        ("%H%M", datetime.time(7, 30), "0730", ["date and time written otherwise"]),
        ("%H%M", "2018-03-14 07:30", "0730", ["date left out"]),
        ("%Y%m%d%H%M%S", "2018-03-14 07:30", REFUSED, None),
        ("%Y%m%d%H%M%S", "2018-03-14 07:30:01.5", "20180314073001",
         ["fractions of seconds left out"]),
    ],
)  # fmt: skip
def test_other_forms_of_time(time, value, result, kinds):
    expect(Attribute("a", Form.PATTERN, time=time), value, result, kinds)


def test_patterns():
    pressure = Attribute("a", Form.PATTERN, pattern=r"\d{2,3}-\d{2,3}")
    expect(pressure, "135/85", "135-85", ["slash to hyphen"])
    expect(pressure, "135 85", REFUSED)
    expect(pressure, "12²-85", REFUSED)
    expect(Attribute("a", Form.PATTERN, pattern="[a-z]{2}[0-9]"), "AB1", "ab1", ["capitals"])


# --- options, people, errors


def test_out_of_range():
    age = Attribute("a", Form.NUMBER, least=0, most=120)
    with pytest.raises(InputError, match=r"in 3 rows: '999' 2 times, '-1' 1 times") as error:
        tidy(age, ["999", "-1", "80", "999"])
    assert "let what is out of range be missing" in str(error.value)
    values, kinds = tidy(age, ["999", "-1", "80"], out_of_range="missing")
    assert (values, kinds) == (["-", "-", "80"], ["out of range"])
    with pytest.raises(InputError, match=r"got '80\.4'"):
        tidy(age, ["80.4"], out_of_range="missing")
    assert "decimals =" not in str(error.value)
    with pytest.raises(InputError, match="out of range: expected refuse or missing, got 'other'"):
        tidy(age, ["80"], out_of_range="other")


def test_too_many_decimals():
    share = Attribute("a", Form.NUMBER, least=0, most=60, decimals=2, generalise=Range(10, 2))
    with pytest.raises(InputError, match=r"'0\.1111111'; .*; or set decimals = 7 in the schema"):
        tidy(share, ["0.1111111", "3.25"])
    with pytest.raises(InputError) as error:  # more decimals than a number may have
        tidy(share, ["0.1234567891"])
    assert "decimals =" not in str(error.value)
    with pytest.raises(InputError) as error:  # and what decimals don't put right
        tidy(share, ["99.125"])
    assert "decimals =" not in str(error.value)


def test_unknown_values():
    ill = Attribute("a", Form.ONE_OF, values=("flu", "other"))
    with pytest.raises(InputError, match=r"in 3 rows: 'gout' 2 times, 'Cold' 1 times"):
        tidy(ill, ["Cold", "gout", "flu", "gout"])
    assert tidy(ill, ["Cold", "Flu"], unknown="missing")[0] == ["-", "flu"]
    assert tidy(ill, ["Cold", "Flu"], unknown="other")[0] == ["other", "flu"]
    with pytest.raises(InputError, match=r"unknown values: expected refuse, .*, got 'unlisted'"):
        tidy(ill, ["Cold"], unknown="unlisted")


def test_categories_of_whole_numbers_with_a_null():
    table = pd.DataFrame({"a": pd.Categorical([80, None])})
    entries, _ = prepare(table, Schema((Attribute("a", Form.NUMBER),)))
    assert entries["a"].tolist() == ["80", "-"]
    with pytest.raises(InputError, match="a: a column of numbers, which has lost the zeros"):
        prepare(table, Schema((Attribute("a", Form.DIGITS, digits=(2, 5)),)))


def test_an_error_lists_ten_values_and_counts_the_rest():
    values = [f"v{n}" for n in range(15)]
    with pytest.raises(InputError, match=r"in 15 rows: 'v0' 1 times, .*, and 5 other values"):
        tidy(Attribute("a", Form.ONE_OF, values=("x",)), values)


def test_all_attributes_stand_in_one_error():
    schema = Schema((Attribute("a", Form.NUMBER), Attribute("b", Form.DIGITS, digits=(3, 3))))
    table = pd.DataFrame({"a": ["1", "x"], "b": ["001", "y"]}, index=[7, 7])
    with pytest.raises(InputError) as error:
        prepare(table, schema)
    head, *lines = str(error.value).splitlines()
    assert head == "values that only a person can correct:"
    assert [line.split(", got")[0] for line in lines] == [
        "  row 7 (number 1 of the table, from 0), a: expected a whole number",
        "  row 7 (number 1 of the table, from 0), b: expected 3 digits",
    ]
    with pytest.raises(InputError, match="no column a; expected a, b"):
        prepare(table[["b"]], schema)
    with pytest.raises(InputError, match="the line has 162 characters; expected at most 160"):
        prepare(pd.DataFrame({"a": ["1"], "t": ["x" * 160]}),
                Schema((Attribute("a", Form.NUMBER), Attribute("t", Form.TEXT))))  # fmt: skip


def test_people_stay_who_they_are():
    schema = Schema((Attribute("a", Form.NUMBER),), id="who")
    table = pd.DataFrame({"Who": [7.0, 7.0, 8.0], "a": 1})
    entries, report = prepare(table, schema)
    assert entries["who"].tolist() == ["7", "7", "8"]
    assert report == [Change("ids", "who", 3, "7.0", "7")]
    entries, _ = prepare(table.assign(Who=["ann ", "ann", "bob"]), schema)
    assert entries["who"].tolist() == ["ann", "ann", "bob"]
    for lost in (None, "", "nan"):
        with pytest.raises(InputError, match="row 1, who: empty; expected whose entry it is"):
            prepare(table.assign(Who=["1", lost, "2"]), schema)


def test_a_column_that_may_be_the_id_is_told():
    schema = Schema((Attribute("a", Form.NUMBER),), id="patinet_id")
    table = pd.DataFrame({"Patient ID": ["7"], "ward": ["n"], "a": ["1"]})
    _, report = prepare(table, schema)
    assert [(change.kind, change.attribute) for change in report] == [
        ("column left out; is it patinet_id, the schema's 'id'?", "Patient ID"),
        ("column left out", "ward"),
    ]
    _, report = prepare(table.assign(patinet_id="8"), schema)  # it has an id
    assert [change.kind for change in report] == ["column left out"] * 2


def test_what_is_right_is_the_same_and_not_told(entries):
    again, report = prepare(entries, ASSISTED_LIVING)
    assert report == []
    assert again[list(ASSISTED_LIVING.names)].equals(entries[list(ASSISTED_LIVING.names)])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path, encoding, separator):
    text = "name,town\nJosé Núñez,Zürich\nO\u2019Brien,Köln\n".replace(",", separator)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    table = read_untidy(tmp_path / "t.csv")
    assert table["town"].tolist() == ["Zürich", "Köln"]
    assert table.index.tolist() == [2, 3]
    schema = Schema((Attribute("name", Form.WORDS), Attribute("town", Form.WORDS)))
    entries, report = prepare(table, schema)
    assert entries["name"].tolist() == ["jose nunez", "o brien"]
    told = [change for change in report if change.kind.startswith("read as")]
    if encoding.startswith("utf-8"):
        assert told == []
    else:
        assert [(c.attribute, c.count, c.after) for c in told] == [
            ("name", 2, "José Núñez"), ("town", 2, "Zürich"),
        ]  # fmt: skip


def test_what_is_done_to_a_file_is_told(tmp_path):
    schema = Schema((Attribute("name", Form.WORDS), Attribute("n", Form.NUMBER)))
    text = "name\tn\nann\t1\n\t\nbob\t2\n"

    def report(content):
        (tmp_path / "t.tsv").write_bytes(content)
        entries, changes = prepare(read_untidy(tmp_path / "t.tsv"), schema)
        assert entries["name"].tolist() == ["ann", "bob"]
        return {change.kind: change.count for change in changes}

    told = {"cells separated by tabs": 2, "empty lines left out": 1}
    assert report(text.encode()) == told
    assert report(text.encode("utf-8-sig")) == told | {"mark of the encoding left out": 1}
    assert report(text.encode("utf-16-le")) == told | {"read as utf-16-le": 2}
    assert report(text.encode("utf-16-be")) == told | {"read as utf-16-be": 2}


BOOK_SCHEMA = Schema(
    (
        Attribute("sbp", Form.NUMBER, label="Systolic", least=0, most=9999),
        Attribute("smoker", Form.ONE_OF, values=("yes", "no", "past")),
    ),
    id="who",
)


def test_a_code_book_tells_columns_and_codes():
    table = pd.DataFrame(
        {
            "PID": ["1", "2", "3"],
            "BPXSY1": ["120", "9999", "80.0"],
            "smoker": ["1.0", "2", " FORMER "],
        }
    )
    book = CodeBook(
        {"who": "pid", "Systolic": "bpxsy1", "smoker": "smoker"},
        {"sbp": {"9999": "-"}, "smoker": {"1": "yes", "2": "no", "former": "past", "7": "-"}},
    )
    entries, report = prepare(table, BOOK_SCHEMA, codes=book)
    assert entries.to_dict("list") == {
        "who": ["1", "2", "3"], "sbp": ["120", "-", "80"], "smoker": ["yes", "no", "past"],
    }  # fmt: skip
    assert report == [
        Change("column renamed", "who", 3, "PID", "who"),
        Change("column renamed", "sbp", 3, "BPXSY1", "sbp"),
        Change("code", "sbp", 1, "9999", "-"),
        Change("decimals that are zero", "sbp", 1, "80.0", "80"),
        Change("code", "smoker", 1, "1.0", "yes"),
        Change("code", "smoker", 1, "2", "no"),
        Change("code", "smoker", 1, " FORMER ", "past"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[columns]\nage = 'x'", "code book: unknown attribute 'age'"),
        ("[columns]\nsbp = 'x'", r"code book, sbp: no column 'x'; .*correct it under \[columns\]"),
        ("[columns]\nsbp = 'SPB'", r"code book, sbp: no column 'SPB' .the nearest is sbp.; exp"),
        ("[values.age]\n1 = 'x'", "code book: unknown attribute 'age'"),
        ("[values.sbp]\n1 = 2", r"b\.toml: values\.sbp: 1: expected text in quotes, got 2"),
        ("[values.sbp]\n1 = 'x'\n'1.0' = 'y'", "the code '1' appears twice"),
        ("[values]\nsbp = 3", r"values\.sbp: expected a part \[values\.sbp\], got 3"),
        ("values = 3", r"values: expected parts \[values\.NAME\], got 3"),
        ("[colums]", "unknown key 'colums'; expected columns or values"),
        ("[columns", r"b\.toml: not TOML"),
    ],
)
def test_code_books_that_are_none(tmp_path, text, message):
    (tmp_path / "b.toml").write_text(text)
    table = pd.DataFrame({"sbp": ["120"], "smoker": ["yes"]})
    with pytest.raises(InputError, match=message):
        prepare(table, BOOK_SCHEMA, codes=CodeBook.from_toml(tmp_path / "b.toml"))
    with pytest.raises(InputError, match=r"none\.toml: can't be read as a code book: No such file"):
        CodeBook.from_toml(tmp_path / "none.toml")


def test_a_renamed_column_of_numbers_has_still_lost_its_zeros(tmp_path):
    pd.DataFrame({"T": [123, 4567]}).to_parquet(tmp_path / "t.parquet")
    schema = Schema((Attribute("phone", Form.DIGITS, digits=(2, 5)),))
    with pytest.raises(InputError, match="phone: a column of numbers, which has lost the zeros"):
        prepare(read_untidy(tmp_path / "t.parquet"), schema, codes=CodeBook({"phone": "T"}))


def test_an_encoding_that_nobody_knows_is_refused(tmp_path):
    text = "name,town\nΓιώργος,Αθήνα\nΜαρία,Πάτρα\n"
    (tmp_path / "t.csv").write_bytes(text.encode("cp1253"))
    with pytest.raises(InputError, match=r"t\.csv: an unknown encoding; expected UTF-8"):
        read_untidy(tmp_path / "t.csv")
    with pytest.raises(InputError, match="no such file"):
        read_untidy(tmp_path / "none.csv")


def test_parquet_of_any_types(tmp_path):
    pd.DataFrame(
        {
            "n": [1.0, 2.5],
            "i": pd.array([1, None], dtype="Int64"),
            "t": pd.to_datetime(["2018-03-14 07:30", None]),
            "b": [True, False],
            "c": pd.Categorical(["x", None]),
            "d": [Decimal("1.50"), None],
            "s": np.float32([0.1, np.nan]),
            "y": ["é".encode(), None],
        }
    ).to_parquet(tmp_path / "t.parquet")
    table = read_untidy(tmp_path / "t.parquet")
    assert table.iloc[0].tolist() == [
        "1.0", "1", "2018-03-14 07:30:00", "True", "x", "1.50", "0.1", "é",
    ]  # fmt: skip
    assert table.iloc[1].tolist() == ["2.5", "", "", "False", "", "", "", ""]
    assert (table.dtypes == "str").all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=4), st.sampled_from(list(Form)))
def test_whatever_comes_is_right_or_refused(values, form):
    keys = {Form.ONE_OF: {"values": ("a", "b")}, Form.PATTERN: {"pattern": "[a-z]+"}}.get(form, {})
    schema = Schema((Attribute("a", form, **keys),))
    table = pd.DataFrame({"a": pd.Series(values, dtype="str")})
    try:
        entries, report = prepare(table, schema)
    except InputError:
        return
    assert schema.check(entries).equals(entries)
    changed = (entries["a"] != table["a"]).sum()
    assert changed <= sum(change.count for change in report)
    assert (changed == 0) == (report == [])
    again, nothing = prepare(entries, schema)
    assert again.equals(entries)
    assert nothing == []
