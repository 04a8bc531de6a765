"""Untidy tables are put right with a report of every change; what needs a guess is refused."""

import datetime
import hashlib
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
from aalprivacy.prepare import Change, evidence, prepare, read_untidy
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
    ("values", "result"),
    [
        # A decimal comma elsewhere: then a point isn't one, though the schema could read it so.
        (["1.234", "2,5", "1234,5", "12.000"], ["1234", "2.5", "1234.5", "12000"]),
        (["1,234", "0.5"], ["1234", "0.5"]),
        (["1.234", "1 234,5"], ["1234", "1234.5"]),
        (["1.234", "2,5", "0.5"], REFUSED),  # both signs
        (["1.234", "25"], ["1.234", "25"]),
        (["1.234", "5,"], ["1.234", "5"]),  # no decimals, so no decimal comma
        ([1.234, "2,5"], ["1.234", "2.5"]),  # this one is a number, not text
        ([1.234, 2.5], ["1.234", "2.5"]),
    ],
)
def test_a_column_of_numbers_has_one_decimal_sign(values, result):
    expect(Attribute("a", Form.NUMBER, decimals=3), values, result)


def test_what_may_be_thousands_is_told():
    both = "got '1.234'; it may mean 1234 or 1.234, and other values don't show which; "
    with pytest.raises(InputError, match=both) as error:
        tidy(Attribute("a", Form.NUMBER), ["1.234", "25"])
    assert "--codes; if it is 1.234, set decimals = 3 in the schema; in 1 rows" in str(error.value)
    with pytest.raises(InputError, match=both) as error:
        tidy(Attribute("a", Form.NUMBER, decimals=3), ["1.234", "2,5", "0.5"])
    assert "decimals =" not in str(error.value)
    with pytest.raises(InputError, match=r"got '1\.234'; correct it, .*; or set decimals = 3 in"):
        tidy(Attribute("a", Form.NUMBER, decimals=1), [1.234])  # a number, not text


def test_a_code_book_is_no_evidence_and_needs_none():
    schema = Schema((Attribute("a", Form.NUMBER, decimals=3),), ALPHABET + ".")
    book = CodeBook({}, {"a": {"<35": "34.9", "2.345": "2.345"}})
    entries, _ = prepare(pd.DataFrame({"a": ["<35", "2.345", "1,234", "0,5"]}), schema, codes=book)
    assert entries["a"].tolist() == ["34.9", "2.345", "1.234", "0.5"]


@pytest.mark.parametrize(
    ("form", "first", "second", "result"),
    [
        ({"form": "number", "decimals": 3}, "1.234", "2,5", ["1234", "2.5"]),
        ({"form": "pattern", "time": "%d-%m-%Y"}, "03-04-2024", "12-31-2024",
         ["04-03-2024", "31-12-2024"]),
    ],
)  # fmt: skip
def test_other_pieces_tell_what_a_right_value_means(form, first, second, result):
    schema = Schema.from_dict({"alphabet": ALPHABET + ".", "attributes": {"a": form}})
    pieces = [pd.DataFrame({"a": [value]}) for value in (first, second)]
    told = {"a": set.union(*(evidence(piece, schema)["a"] for piece in pieces))}
    made = [prepare(piece, schema, told=told)[0]["a"].item() for piece in pieces]
    assert made == result


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


@pytest.mark.parametrize(
    ("values", "value", "result"),
    [
        # Signs may carry meaning.
        ("a+ b+ 0+", "A-", REFUSED),
        ("a+ b+ 0+", "A\uff0b", "a+"),
        ("1 2", "-1", REFUSED),
        ("1 2", "(1)", REFUSED),  # as accountants write -1
        ("1 2", "'1.0'", REFUSED),
        ("1 2", '"1"', "1"),
        ("<5 5-10 >10", ">5", REFUSED),
        ("<5 5-10 >10", "< 5", "<5"),
        ("<5 5-10 >10", "5 \u2013 10", "5-10"),
        ("<5 5-10 >10", "5/10", REFUSED),
        ("<5 5-10 >10", "-5-10", REFUSED),
        (">=5 x", "\u2265 5", ">=5"),
        ("+ neg", "(-)", REFUSED),
        ("+ neg", "(+)", REFUSED),
        ("+ neg", "(Neg.)", "neg"),
        ("0 -1", "1", REFUSED),
        ("0 -1", "\u22121", "-1"),
        ("yes no", "-1", REFUSED),
        ("yes no", "yes?", REFUSED),
        ("5% x", "5 %", "5%"),
        ("5% x", "5", REFUSED),
        ("5 x", "5€", REFUSED),
        ("5 x", "£5", REFUSED),
        ("1.5 x", "1,5", REFUSED),
        ("1.5 x", "1-5", REFUSED),
        ("c x", "C#", REFUSED),
        ("grade_1 x", "grade -1", REFUSED),
        # These only stand between words, or around them.
        ("grade_1 x", "Grade-1", "grade_1"),
        ("type_2 x", "TYPE 2.", "type_2"),
        ("o_brien x", "O\u2019Brien", "o_brien"),
        ("o_brien x", "O\u00b4Brien", "o_brien"),
        ("and/or x", "and or", "and/or"),
        ("yes_daily x", "yes (daily)", "yes_daily"),
        ("yes_daily x", "Yes, \u201cdaily\u201d", "yes_daily"),
        # Accents don't count, other letters do.
        ("cafe x", "Cafe\u0301", "cafe"),
        ("café x", "CAFE", "café"),
        ("strasse x", "Straße", "strasse"),
        ("izmir x", "\u0130zmir", "izmir"),
        ("男 女", "南", REFUSED),  # these sound alike
        ("张 李", "章", REFUSED),
        ("男 女", "男。", REFUSED),
        ("αθήνα x", "ΑΘΉΝΑ", "αθήνα"),
        ("athina x", "Αθήνα", REFUSED),
        ("カ x", "\uff76", "カ"),
    ],
)
def test_other_spellings_of_a_listed_value(values, value, result):
    alphabet = ALPHABET + "+<>=%._/éαθήν男女张李カ"
    listed = Attribute("a", Form.ONE_OF, values=tuple(values.split()))
    expect(listed, value, result, alphabet=alphabet)
    if result is REFUSED:
        expect(listed, value, "-", unknown="missing", alphabet=alphabet)


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


@pytest.mark.parametrize(
    ("time", "values", "result"),
    [
        # One value shows the order of day and month for those that can be read both ways.
        ("%d/%m/%Y", ["12/31/2024", "03/04/2024", "04/03/2024", "05/05/2024"],
         ["31/12/2024", "04/03/2024", "03/04/2024", "05/05/2024"]),
        ("%m/%d/%Y %H:%M", ["31/12/2024 10:00", "03/04/2024 09:00"],
         ["12/31/2024 10:00", "04/03/2024 09:00"]),
        ("%m.%d.%Y", ["31.12.2024", "03.04.2024"], ["12.31.2024", "04.03.2024"]),
        ("%m.%d.%Y", ["12.31.2024", "03.04.2024"], ["12.31.2024", "03.04.2024"]),
        ("%d/%m/%Y", ["31/12/2024", "03/04/2024"], ["31/12/2024", "03/04/2024"]),
        ("%d/%m/%Y", ["12-31-2024", "03/04/2024"], ["31/12/2024", "03/04/2024"]),
        ("%d/%m/%Y", ["03/04/2024", "05/06/2024"], ["03/04/2024", "05/06/2024"]),
        ("%d/%m/%Y", ["03/04/2024", "12/31/2024", "31/12/2024"], REFUSED),
        ("%m.%d.%Y", ["03.04.2024", "12.31.2024", "31.12.2024"], REFUSED),
        ("%Y-%d-%m", ["2024-12-31", "2024-03-04"], ["2024-31-12", "2024-04-03"]),
        ("%Y-%d-%m", ["2024-03-04", "2024-12-31", "2024-31-12"], REFUSED),
        ("%d%m%Y", ["20241231", "20121012"], ["31122024", "12102012"]),  # not of the year 1012
        ("%d%m%Y", ["31122024", "01022024"], ["31122024", "01022024"]),
        ("%d%m%H%M", ["31120730", "03040506"], ["31120730", "03040506"]),
    ],
)  # fmt: skip
def test_a_column_of_dates_has_one_order(time, values, result):
    expect(Attribute("a", Form.PATTERN, time=time), values, result, alphabet=ALPHABET + "/.:")


def test_dates_in_both_orders_are_told():
    with pytest.raises(InputError, match="some dates have the day first, and others the month; "):
        tidy(Attribute("a", Form.PATTERN, time="%Y%m%d"), ["12/31/2024", "31/12/2024"])


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


@pytest.mark.parametrize(
    ("ids", "result", "count"),
    [
        (["7", "7.0", "8.00"], ["7", "7", "8"], 2),  # exports of several months
        (["7", "8.0"], ["7", "8"], 1),
        ([7, 7.0, "x7"], ["7", "7", "x7"], 1),
        (["7.0", "x7"], ["7.0", "x7"], 0),
        (["7.0", "7.5"], ["7.0", "7.5"], 0),
        (["7", "7.5"], ["7", "7.5"], 0),
    ],
)
def test_two_spellings_of_an_id_are_one_person(ids, result, count):
    schema = Schema((Attribute("a", Form.NUMBER),), id="who")
    table = pd.DataFrame({"who": ids, "a": "1"})
    entries, report = prepare(table, schema)
    assert entries["who"].tolist() == result
    assert sum(change.count for change in report) == count
    # Also if they stand in other pieces of the table.
    pieces = [table[n : n + 1] for n in range(len(table))]
    told = {"who": set.union(*(evidence(piece, schema)["who"] for piece in pieces))}
    made = [prepare(piece, schema, told=told)[0]["who"].item() for piece in pieces]
    assert made == result


def test_ids_that_may_be_one_or_two_people_are_refused():
    schema = Schema((Attribute("a", Form.NUMBER),), id="who")
    with pytest.raises(InputError, match=r"who: 2 ids end in \.0, such as '7\.0', and others are"):
        prepare(pd.DataFrame({"who": ["7", "7.0", "7.1", "8.0"], "a": "1"}), schema)


def test_ids_in_the_index_stay():
    schema = Schema((Attribute("a", Form.NUMBER),), id="who")
    table = pd.DataFrame({"a": ["1", "2", "3"]}, index=pd.Index([7.0, 7.0, 8.0], name="Who"))
    entries, report = prepare(table, schema)
    assert list(entries) == ["who", "a"]
    assert entries["who"].tolist() == ["7", "7", "8"]
    assert report == [Change("ids", "who", 3, "7.0", "7")]
    _, report = prepare(table.assign(whos=1), schema)
    assert report[0].kind == "column left out"  # and isn't taken for the id
    entries, _ = prepare(table.assign(who=["x", "y", "z"]), schema)  # a column goes first
    assert entries["who"].tolist() == ["x", "y", "z"]


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
        (
            "[values.who]\n1 = '2'",
            r"code book, values\.who: the column that says whose entry it is",
        ),
        (
            "[values.sbp]\n1 = '2'\n[values.Systolic]\n2 = '3'",
            "a second part for sbp; expected one",
        ),
        ("[columns]\nsbp = 'smoker'\nsmoker = 'smoker'", "the column 'smoker' appears twice"),
        ("[columns]\nsbp = 'sbp'\nSystolic = 'smoker'", "code book, columns: sbp appears twice"),
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


def test_codes_by_an_attributes_label():
    table = pd.DataFrame({"sbp": ["9999"], "smoker": ["yes"]})
    entries, _ = prepare(table, BOOK_SCHEMA, codes=CodeBook({}, {"Systolic": {"9999": "-"}}))
    assert entries["sbp"].tolist() == ["-"]


@pytest.mark.parametrize("own", ["sbp", "Systolic"])
def test_a_code_book_chooses_among_two_columns(own):
    table = pd.DataFrame({own: ["120"], "smoker": ["yes"], "SBP (right arm)": ["130"]})
    book = CodeBook({"sbp": "SBP (right arm)"})
    entries, report = prepare(table, BOOK_SCHEMA, codes=book)
    assert entries["sbp"].tolist() == ["130"]
    assert report == [
        Change("column left out", own, 1, own, ""),
        Change("column renamed", "sbp", 1, "SBP (right arm)", "sbp"),
    ]
    assert evidence(table, BOOK_SCHEMA, book) == {"sbp": set()}
    other = CodeBook({"sbp": "SBP (right arm)", "who": own})  # chosen too
    assert prepare(table, BOOK_SCHEMA, codes=other)[0]["who"].tolist() == ["120"]


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


@pytest.mark.parametrize("cell", [[1], {"a": 1}, {1}, (1, 2), np.array([1])])
def test_cells_of_several_values_are_refused_only_if_needed(cell):
    table = pd.DataFrame({"n": pd.arrays.SparseArray([1.0, 0.0]), "l": [cell, None]})
    entries, report = prepare(table, Schema((Attribute("n", Form.NUMBER),)))
    assert entries["n"].tolist() == ["1", "0"]
    assert [change.kind for change in report] == ["column left out", "decimals that are zero"]
    used = Schema((Attribute("l", Form.TEXT),)), Schema((Attribute("n", Form.NUMBER),), id="l")
    for look, schema in ((prepare, used[0]), (prepare, used[1]), (evidence, used[1])):
        with pytest.raises(InputError, match=r"^l: 1 cells hold lists or the like \(\w+\); exp"):
            look(table, schema)


def _parquet(path, values):
    pd.DataFrame({"n": range(len(values)), "b": values}).to_parquet(path)
    return read_untidy(path)


@pytest.mark.parametrize(
    "values",
    [
        [hashlib.sha256(bytes([n])).digest() for n in range(30)],
        [hashlib.md5(bytes([n])).digest() for n in range(30)],
        [n.to_bytes(4, "little") for n in range(30)],
        ["müller".encode(), "straße".encode("cp1252")],  # in two encodings
        ["année".encode("utf-16-le"), b"\x00"],
    ],
)
def test_bytes_that_are_no_text_are_refused_only_if_needed(tmp_path, values):
    table = _parquet(tmp_path / "t.parquet", values)
    entries, report = prepare(table, Schema((Attribute("n", Form.NUMBER),)))
    assert entries["n"].tolist() == [str(n) for n in range(len(values))]
    assert [(change.kind, change.attribute) for change in report] == [("column left out", "b")]
    with pytest.raises(InputError, match=rf"^b: {len(values)} cells hold bytes, and these aren't "):
        prepare(table, Schema((Attribute("b", Form.TEXT),)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("count", [2, 3])
def test_bytes_in_other_encodings(tmp_path, encoding, count):
    table = _parquet(tmp_path / "t.parquet", ["élan vital".encode(encoding)] * count)
    entries, report = prepare(table, Schema((Attribute("b", Form.WORDS),)))
    assert entries["b"].tolist() == ["elan vital"] * count
    told = [change.kind for change in report if change.kind.startswith("read as")]
    assert told == ([] if encoding == "utf-8-sig" else [f"read as {encoding}"])


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
