"""Schemas: what a file may say, which values fit, how they generalise, and the one check."""

import re
import string
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aalprivacy.attributes import Attribute, Category, Form, row_name
from aalprivacy.errors import InputError
from aalprivacy.generalisation import Bands, First, Hierarchy, LastWord, Range, from_table
from aalprivacy.schema import ALPHABET, ASSISTED_LIVING, Schema, with_rules
from aalprivacy.text import from_lines, from_tokens, to_lines, to_tokens, view_lines

HEAD = 'alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 |*-."\n'


def write(tmp_path, text):
    (tmp_path / "s.toml").write_text(text, "utf-8")
    return tmp_path / "s.toml"


def fits(attribute, *values):
    return attribute.fits(pd.Series(values, dtype="str")).tolist()


def number(**keys):
    return Attribute("n", Form.NUMBER, **keys)


# --- generalisation


@pytest.mark.parametrize(
    ("name", "value", "general"),
    [
        ("age", "83", "80-89"),
        ("age", "0", "0-9"),
        ("height", "169", "160-169"),
        ("weight", "70", "70-79"),
        ("address", "3 high street milton-keynes", "milton-keynes"),
        ("phone_number", "01954133482", "01954"),
        ("occupation", "nurse", "health"),
        ("marital_status", "cohabiting", "partnered"),
        ("marital_status", "widowed", "single"),
        ("timestamp", "20180314 0730", "201803"),
        ("blood_pressure", "119-69", "normal"),
        ("blood_pressure", "120-60", "raised"),
        ("blood_pressure", "119-90", "high"),
        ("blood_pressure", "140-60", "high"),
        ("blood_pressure", "89-65", "low"),
        ("glucose_level", "69", "low"),
        ("glucose_level", "99", "normal"),
        ("glucose_level", "125", "raised"),
        ("glucose_level", "126", "high"),
        ("disease", "alzheimer", "dementia"),
        ("wearable_pedometer", "0", "still"),
        ("temperature_sensor", "-3", "cold"),
        ("temperature_sensor", "26", "warm"),
        ("light_sensor", "10", "dim"),
        ("energy_consumption", "400", "high"),
    ],
)
def test_generalisation(name, value, general):
    column = pd.Series([value, "-", value], index=[7, 7, 3], name=name)
    found = ASSISTED_LIVING[name].general(column)
    assert found.tolist() == [general, "-", general]
    assert (found.index.tolist(), found.name) == ([7, 7, 3], name)


@pytest.mark.parametrize(
    ("rule", "value", "general"),
    [
        (Range(10), "-3", "-10--1"),
        (Range(5, 1), "4.9", "0.0-4.9"),
        (Range(2.5, 1), "83", "82.5-84.9"),
        (Range(0.2, 1), "0.3", "0.2-0.3"),
        (Range(10, 7), "0.1111111", "0.0000000-9.9999999"),
        (Range(10), "999999999999999", "999999999999990-999999999999999"),
        (Bands((("low", 0.3), ("high", None))), "0.3", "high"),
        (First(3), "ab cd", "ab"),
        (First(9), "ab", "ab"),
        (LastWord(), "york", "york"),
    ],
)
def test_rules_at_their_edges(rule, value, general):
    assert rule(value) == general


@given(
    st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=2),
    st.sampled_from([0.05, 0.5, 1, 7.25, 10, 1000]),
)
def test_a_range_holds_its_number(value, width):
    low, high = Range(width, 2)(f"{value:f}").replace("--", "-~").rsplit("-", 1)
    if not low:  # both are below 0
        low, high = high, ""
    low, high = Decimal(low), Decimal(high.replace("~", "-"))
    assert low <= value <= high
    assert high - low == Decimal(str(width)) - Decimal("0.01")
    assert low % Decimal(str(width)) == 0


def test_generalising_what_cannot_be_is_an_error():
    with pytest.raises(InputError, match="gender: this attribute has no generalisation"):
        ASSISTED_LIVING["gender"].general(pd.Series(["male"]))
    with pytest.raises(InputError, match="row 7, age: expected an age in years, got 'old'"):
        ASSISTED_LIVING["age"].general(pd.Series(["80", "old"], index=[3, 7]))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda v: None, "'ann' generalises to None; expected text"),
        (lambda v: "", "'ann' generalises to ''"),
        (lambda v: "-", "'ann' generalises to '-'"),
        (lambda v: "a|b", r"'ann' generalises to 'a\|b'"),
        (lambda v: 1 // 0, "the rule of generalisation fails for 'ann': ZeroDivisionError"),
    ],
)
def test_a_rule_that_gives_nonsense_is_caught(rule, message):
    attribute = Attribute("name", Form.WORDS, generalise=rule)
    with pytest.raises(InputError, match=f"name: {message}"):
        attribute.general(pd.Series(["ann"]))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"range": 0.5}, "range: expected a width above 1 with at most 0 decimals"),
        ({"range": 1}, "expected a width above 1"),
        ({"range": 7.5}, "with at most 0 decimals"),
        ({"range": -10}, "expected a width"),
        ({"range": float("nan")}, "expected a width"),
        ({"range": float("inf")}, "expected a width"),
        ({"range": "10"}, "range: expected a width, got '10'"),
        ({"range": True}, "range: expected a width, got True"),
        ({"bands": [["low", 1], ["high", 2]]}, "expected a limit for each band but the last"),
        ({"bands": [["low"], ["high"]]}, "expected a limit for each band but the last"),
        ({"bands": []}, "expected a limit"),
        ({"bands": [["a", 2], ["b", 1], ["c"]]}, r"expected rising limits, got \[2, 1\]"),
        ({"bands": [["a", float("nan")], ["b"]]}, "expected numbers as limits"),
        ({"bands": [["a", "b"], ["c"]]}, "bands: expected such as"),
        ({"bands": 3}, "bands: expected such as"),
        ({"first": 0}, "first: expected a count above 0"),
        ({"first": True}, "first: expected a count above 0"),
        ({"last_word": False}, "last_word: expected true"),
        ({"rule": "no"}, "no rule 'no'; expected one of blood_pressure_class"),
        ({"rule": ["no"]}, "no rule"),
        ({"other": 1}, "unknown 'other'"),
        ({"first": 1, "range": 2}, "expected one of range, bands"),
        (3, "expected one of range, bands"),
    ],
)
def test_generalisers_that_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        from_table(table, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; expected a row for each value"),
        ("a;b;*\nc;*", "c: 2 cells; expected 3 as in the first row"),
        ("a;b;*\nc;;*", "c: an empty cell"),
        ("a;b\na;c", "the value 'a' appears twice"),
        ("a", "no level 1; expected 1 to 0"),
    ],
)
def test_hierarchies_that_are_refused(tmp_path, text, message):
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(InputError, match=rf"h\.csv.*{message}"):
        Hierarchy.from_csv(tmp_path / "h.csv")


def test_hierarchies(tmp_path):
    (tmp_path / "h.csv").write_bytes(b"\xef\xbb\xbfflu, airways ,*\r\n\r\nFlu,other,*\r\n,,\r\n")
    rule = Hierarchy.from_csv(tmp_path / "h.csv")
    assert rule.general == {"flu": "airways", "Flu": "other"}  # case tells values apart
    assert Hierarchy.from_csv(tmp_path / "h.csv", 2)("flu") == "*"
    assert rule == Hierarchy(rule.rows)  # wherever it was read from
    (tmp_path / "h.csv").write_bytes(b"\xe9;b")
    with pytest.raises(InputError, match=r"h\.csv: can't be read as a hierarchy: not UTF-8"):
        Hierarchy.from_csv(tmp_path / "h.csv")
    with pytest.raises(InputError, match="No such file"):
        Hierarchy.from_csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no level 3; expected 1 to 2"):
        Hierarchy(rule.rows, 3)


# --- attributes


@pytest.mark.parametrize(
    ("keys", "good", "bad"),
    [
        ({}, "0 7 -7 80 999999999999999 -", "-0 00 080 +5 5. .5 5.0 1e5 inf nan ٣ 1_0 " + 16 * "9"),
        ({"decimals": 2}, "0 0.5 -0.25 80.10", "-0.0 0.125 .5 5. 1,5 -0.00"),
        ({"least": 0, "most": 150}, "0 150 -", "-1 151 *"),
        ({"least": -0.5, "most": 0.5, "decimals": 1}, "-0.5 0.5", "-0.6 0.6"),
    ],
)  # fmt: skip
def test_numbers(keys, good, bad):
    assert all(fits(number(**keys), *good.split()))
    assert not any(fits(number(**keys), *bad.split(), "", " 1", "1 ", "1\n"))


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        (Attribute("a", Form.DIGITS, digits=(3, 4)), ["012", "0000"], ["12", "01234", "١٢٣"]),
        (Attribute("a", Form.WORDS), ["ann", "a-b c"], ["", " a", "a  b", "a\tb", "a\u00a0b", "*"]),
        (Attribute("a", Form.TEXT), ["a  b", "é"], ["", " a", "a\n", "\u3000a", "*"]),
        (Attribute("a", Form.ONE_OF, values=("x", "X")), ["x", "X"], ["", "x ", "y", "*"]),
        (Attribute("a", Form.PATTERN, pattern=r"\d{2}$"), ["12"], ["12\n", "1", "123"]),
        (Attribute("a", Form.PATTERN, pattern="a|bc"), ["a", "bc"], ["b", "ac", "abc"]),
        (Attribute("a", Form.DIGITS, pattern="0.*"), ["01"], ["10"]),
        (
            Attribute("a", Form.PATTERN, time="%Y%m%d %H%M"),
            ["20180314 0730", "20200229 2359", "20180430 0000"],
            ["20180229 0000", "20180431 0000", "20181301 0000", "20180100 0000", "20180101 2400",
             "2018314 730", "20180314  0730", "20180314 0730 ", "2018-03-14 07:30"],
        ),
        (Attribute("a", Form.PATTERN, time="%d %b %Y"), ["01 jan 2018"], ["1 jan 2018"]),
        (Attribute("a", Form.PATTERN, time="%m%d"), ["0229", "1231"], ["0230", "0431", "1301"]),
        (Attribute("a", Form.PATTERN, time="%d %b"), ["29 feb"], ["30 feb"]),
        (Attribute("a", Form.PATTERN, time="%y%m%d"), ["200229"], ["190229"]),
        (Attribute("a", Form.PATTERN, time="%H.%M"), ["23.59"], ["24.00", "7.30", "23x59"]),
    ],
)  # fmt: skip
def test_forms(attribute, good, bad):
    assert all(fits(attribute, *good, "-"))
    assert not any(fits(attribute, *bad))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("age", "NaN", "got 'NaN'; write - for a missing value, or 'aalprivacy prepare'"),
        ("age", "73.0", "got '73.0'; write 73, or 'aalprivacy prepare'"),
        ("age", "9" * 16, "more than 15 digits; the form digits takes more"),
        ("age", "", "empty; expected an age in years; write - for a missing value"),
        ("age", "*", "is a deleted value; expected entries, not a view"),
        ("gender", "Male", "expected one of female, male, got 'Male' .the nearest is 'male'"),
        ("disease", "stroke2", r"the 28 values that it may have.*'stroke'\); add it to the schema"),
        ("disease", "stroke2", "prepare --unknown missing' makes it a missing value"),
        ("disease", " Stroke", "'aalprivacy prepare' puts it right"),
        ("phone_number", "1954434539", "which has 10; a spreadsheet may have lost a zero"),
        ("name", " Ann  Fox", "'aalprivacy prepare' puts it right"),
        ("name", "4711", "expected a given name and a surname in a-z, got '4711'$"),
    ],
)
def test_complaints(name, value, message):
    assert re.search(message, ASSISTED_LIVING[name].complaint(value))


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        (number(), "a whole number"),
        (number(decimals=1, least=0), "a number with up to 1 decimals from 0"),
        (number(most=9), "a whole number up to 9"),
        (Attribute("a", Form.DIGITS, digits=(3, 3)), "3 digits"),
        (Attribute("a", Form.DIGITS, digits=(3, 5)), "3 to 5 digits"),
        (Attribute("a", Form.ONE_OF, values=("x", "y")), "one of x, y"),
        (Attribute("a", Form.PATTERN, time="%Y"), "a time such as %Y"),
        (Attribute("a", Form.PATTERN, pattern="x+"), r"a x\+"),
        (Attribute("a", Form.TEXT), "text without blanks"),
    ],
)
def test_what_is_expected_is_said_in_words(attribute, says):
    assert re.match(says, attribute.says)


# --- schema files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no attributes; expected a part"),
        ("attributes = 3", "no attributes"),
        ("[attributes]\na = 3", r"a: expected a part \[attributes.a\]"),
        ("colour = 3", "unknown key 'colour'"),
        ("longest = '3'\n[attributes.a]\nform = 'text'", "longest: expected a whole number"),
        ("longest = true\n[attributes.a]\nform = 'text'", "longest: expected a whole number"),
        ("title = 3\n[attributes.a]\nform = 'text'", "title: expected text in quotes"),
        ("longest = 0\n[attributes.a]\nform = 'text'", "longest: 0 .* need at least 1"),
        ("id = ''\n[attributes.a]\nform = 'text'", "id: expected the name of a column"),
        ("id = 'a'\n[attributes.a]\nform = 'text'", "a: both an attribute and the id"),
        ("id = 'Who Is'\n[attributes.a]\nform = 'text'\nlabel = 'who is'", "who is: both an attr"),
        ("[attributes.a]", "a: form: expected one of words, .*got None"),
        ("[attributes.'a b']\nform = 'text'", "'a b': not a name"),
        ("[attributes.\"a\\n\"]\nform = 'text'", "not a name"),
        ("[attributes.1a]\nform = 'text'", "'1a': not a name"),
        ("longest = 3\n[attributes.a]\nform = 'one-of'\nvalues = ['long']", "'long' has 4 char"),
        ("[attributes.a]\nform = 'text'\n[attributes.A]\nform = 'text'", "A: two attributes of"),
        ("[attributes.a]\nform = 'text'\nlabel = 'b'\n[attributes.b]\nform = 'text'\nlabel = 'c'",
         "b: two attributes of this name or label, a and b"),
        ("[attributes.a]\nform = 'text'\n[attributes.a]", "not TOML: "),
    ],
)  # fmt: skip
def test_schema_files_that_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=rf"s\.toml: .*{message}"):
        Schema.from_toml(write(tmp_path, HEAD + text))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("from = 'text'", r"unknown key 'from' \(the nearest is form\)"),
        ("form = 'number'\ncategory = 'x'", "category: expected one of pers"),
        ("form = ['number']", "form: expected one of"),
        ("form = 'text'\nlabel = '?!'", "label '\\?!'; expected letters"),
        ("form = 'one-of'", "one-of; expected a list 'values'"),
        ("form = 'one-of'\nvalues = 'x'", "values: expected a list"),
        ("form = 'one-of'\nvalues = [1]", "values: expected text in quotes"),
        ("form = 'one-of'\nvalues = ['x', 'x']", "the value 'x' appears twice"),
        ("form = 'one-of'\nvalues = ['-']", "the value '-'; expected another"),
        ("form = 'one-of'\nvalues = ['*']", r"the value '\*'; expected an"),
        ("form = 'one-of'\nvalues = ['X']", "'X' has the character 'X'"),
        ("form = 'one-of'\nvalues = ['x|y']", r"'x\|y' has the character '\|'"),
        ("form = 'one-of'\nvalues = [' x']", "' x'; expected text without bl"),
        ("form = 'pattern'", "pattern; expected a 'pattern' or a 'time'"),
        ("form = 'pattern'\npattern = '('", r"pattern '\(': missing \)"),
        ("form = 'pattern'\ntime = '%Q'", "time '%Q': expected directives"),
        ("form = 'pattern'\ntime = 'Y'", "time 'Y': expected directives"),
        ("form = 'pattern'\ntime = '%d%d'", "time '%d%d': %d twice; expected it once"),
        ("form = 'pattern'\ntime = '%Y %Y'", "time '%Y %Y': %Y twice"),
        (f"form = 'pattern'\npattern = 'a{{{10**20}}}'", "pattern 'a{.*: the repetition number"),
        (f"form = 'pattern'\npattern = '{3000 * '('}{3000 * ')'}'", r"pattern '\(+\.\.\.': maxim"),
        (f"form = 'number'\nleast = {10**400}", "least: expected a number, got 1000"),
        (f"form = 'number'\ngeneralise = {{ bands = [['a', {10**400}], ['b']] }}",
         "bands: expected numbers as limits"),
        (f"form = 'number'\ndecimals = {10**20}\ngeneralise = {{ range = 10 }}",
         "decimals: expected 0 to 9, got 1000"),
        ('hierarchy = "a\\u0000b"', r"hierarchy: expected a file's name, got 'a\\x00b'"),
        ("form = 'text'\ntime = '%Y'", "time is for the form pattern, not"),
        ("form = 'text'\nmost = 3", "most is for the form number, not text"),
        ("form = 'text'\ndigits = 3", "digits is for the form digits"),
        ("form = 'text'\nvalues = ['a']", "values is for the form one-of"),
        ("form = 'number'\ndecimals = -1", "decimals: expected 0 to 9"),
        ("form = 'number'\nleast = nan", "least: expected a number, got nan"),
        ("form = 'number'\nmost = '3'", "most: expected a number, got '3'"),
        ("form = 'number'\nleast = 3\nmost = 2", "least 3 is more than most 2"),
        ("form = 'digits'\ndigits = 0", "digits: expected such as 11"),
        ("form = 'digits'\ndigits = [1, 'a']", "digits: expected such as 11"),
        ("form = 'digits'\ndigits = [5, 3]", "digits: expected such as 11"),
        ("form = 'digits'\ndigits = true", "digits: expected such as 11"),
        ("form = 'words'\ngeneralise = { range = 10 }", "range isn't for a words"),
        ("form = 'number'\ngeneralise = { first = 1 }", "first isn't for a num"),
        ("form = 'digits'\ngeneralise = { last_word = true }", "last_word isn't"),
        ("form = 'number'\ngeneralise = { bands = [['X', 1], ['y']] }", "'X' has the"),
        ("form = 'number'\ngeneralise = { bands = [['-', 1], ['y']] }", "the value '-'"),
        ("form = 'number'\ngeneralise = { bands = [['', 1], ['y']] }", "''; expected"),
        ("form = 'text'\nlevel = 2", "level belongs to a hierarchy"),
        ("hierarchy = 'none.csv'", r".*none\.csv: can't be read as a hierarchy"),
        ("hierarchy = 3", "hierarchy: expected a file's name, got 3"),
        ("hierarchy = { x = 'abc' }", "hierarchy: expected such as"),
        ("hierarchy = { x = [1] }", "hierarchy, x: an empty cell"),
        ("hierarchy = {}", "hierarchy: empty"),
        ("form = 'words'\nhierarchy = { x = ['y'] }", "a hierarchy is for the form one"),
        ("values = ['x', 'z']\nhierarchy = { x = ['y'] }", "has no row for 'z'"),
        ("hierarchy = { x = ['y'] }\ngeneralise = { first = 1 }", "both a hierarchy"),
        ("hierarchy = { x = ['-'] }", "the value '-'; expected another"),
    ],
)  # fmt: skip
def test_attributes_that_are_refused(tmp_path, part, message):
    with pytest.raises(InputError, match=rf"s\.toml: a: .*{message}"):
        Schema.from_toml(write(tmp_path, f"{HEAD}[attributes.a]\n{part}"))


@pytest.mark.parametrize(
    ("alphabet", "message"),
    [
        ("abc", r"no '\|'; expected '\|', '\*' and '-' among them"),
        ("aba|*-", "'a' appears twice"),
        ("a\\t|*-", "can't be printed"),
        ("a\u00a0|*-", "can't be printed"),
        (
            "|*-" + "".join(map(chr, range(0x4E00, 0x4E00 + 248))),
            "251 characters; expected at most",
        ),
        ("ab|*-", "b: decimals, and the alphabet has no '.'"),
    ],
)
def test_alphabets_that_are_refused(tmp_path, alphabet, message):
    text = f'alphabet = "{alphabet}"\n[attributes.b]\nform = "number"\ndecimals = 1'
    with pytest.raises(InputError, match=message):
        Schema.from_toml(write(tmp_path, text))


def test_files_that_are_no_schema(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: can't be read: No such file"):
        Schema.from_toml(tmp_path / "none.toml")
    (tmp_path / "s.toml").write_bytes("é".encode("latin-1"))
    with pytest.raises(InputError, match=r"s\.toml: can't be read: not UTF-8"):
        Schema.from_toml(tmp_path / "s.toml")
    with pytest.raises(InputError, match="no attributes; expected at least one"):
        Schema(())
    for value in ("1" * 5001, "[" * 5000 + "]" * 5000):
        with pytest.raises(InputError, match=r"s\.toml: not TOML: "):
            Schema.from_toml(write(tmp_path, f"{HEAD}longest = {value}"))


def test_parts_of_another_type_are_refused():
    text = Attribute("a", Form.TEXT)
    with pytest.raises(InputError, match="attributes: expected each an Attribute, got 'a'"):
        Schema(("a",))
    for longest in (50.5, "50", True):
        with pytest.raises(InputError, match="longest: expected a whole number"):
            Schema((text,), longest=longest)
    with pytest.raises(InputError, match="a: generalise: expected a function, got 'x'"):
        Attribute("a", Form.TEXT, generalise="x")
    for values in ((1, 2), "ab", ("a", "")):
        with pytest.raises(InputError, match="a: values: expected text in quotes"):
            Attribute("a", Form.ONE_OF, values=values)
    for digits in (0, (3, 2), (1, 2, 3), "12", 1.5):
        with pytest.raises(InputError, match="a: digits: expected such as 11"):
            Attribute("a", Form.DIGITS, digits=digits)
    assert Attribute("a", Form.DIGITS, digits=9) == Attribute("a", Form.DIGITS, digits=(9, 9))


def test_a_schema_file_is_what_it_says(tmp_path):
    (tmp_path / "h.csv").write_text("flu;airways;*\nstroke;head;*\n")
    text = """
    title = "Ward"
    id = "patient"
    [attributes.age]
    form = "number"
    decimals = 1
    generalise = { range = 10 }
    [attributes.ill]
    label = "Diagnosis (main)"
    category = "medical"
    hierarchy = "h.csv"
    level = 2
    """
    (tmp_path / "s.toml").write_text("\ufeff" + HEAD + text, "utf-8")
    schema = Schema.from_toml(tmp_path / "s.toml")
    assert (schema.title, schema.id, schema.names) == ("Ward", "patient", ("age", "ill"))
    assert schema["diagnosis MAIN"] is schema["ill"]
    assert (schema["ill"].form, schema["ill"].category) == (Form.ONE_OF, Category.MEDICAL)
    assert schema["ill"].generalise("flu") == "*"
    assert schema["age"].generalise("7.5") == "0.0-9.9"
    assert Schema.from_dict(schema.to_dict()) == schema
    with pytest.raises(InputError, match=r"unknown attribute 'agee' \(the nearest is age\)"):
        schema["agee"]


def test_the_papers_schema():
    assert {ASSISTED_LIVING[a.label] for a in ASSISTED_LIVING.attributes} == set(
        ASSISTED_LIVING.attributes
    )
    assert Schema.from_dict(ASSISTED_LIVING.to_dict()) == ASSISTED_LIVING


def test_a_part_of_a_hierarchy_is_kept():
    rule = Hierarchy((("flu", "airways"), ("gout", "joints")))
    schema = Schema((Attribute("ill", Form.ONE_OF, values=["flu"], generalise=rule),))
    assert Schema.from_dict(schema.to_dict()) == schema
    assert fits(schema["ill"], "flu", "gout") == [True, False]


def test_words_are_as_good_as_members():
    """An attribute of the form "number" is one of numbers, and not of any text."""
    attribute = Attribute("a", "number", "medical")
    assert fits(attribute, "7", "seven") == [True, False]
    assert (attribute.form, attribute.category) == (Form.NUMBER, Category.MEDICAL)
    with pytest.raises(InputError, match="a: form: expected one of words, number"):
        Attribute("a", "numbers")


def test_a_range_of_other_decimals_is_refused():
    """9.5 isn't in 0-9."""
    with pytest.raises(InputError, match="n: a range for 0 decimals; expected 1"):
        number(decimals=1, generalise=Range(10))


def test_a_null_has_no_group():
    disease = pd.Series(["flu", None, "asthma"])
    with pytest.raises(InputError, match="row 1, disease: null"):
        ASSISTED_LIVING["disease"].general(disease)


def test_rules_of_ones_own():
    schema = with_rules(ASSISTED_LIVING, {"Name": lambda v: v[0]})
    assert schema["name"].general(pd.Series(["ann fox", "-"])).tolist() == ["a", "-"]
    assert ASSISTED_LIVING["name"].generalise is None
    with pytest.raises(InputError, match="unknown attribute 'shoe'"):
        with_rules(ASSISTED_LIVING, {"shoe": str})


# --- the check


TWO = Schema(
    (Attribute("who", Form.WORDS, label="Who is it?"), number(decimals=1)),
    alphabet=ALPHABET + ".",
    longest=20,
)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (["1", "2.5"], ["1", "2.5"]),
        ([1, 2], ["1", "2"]),
        ([1.0, 2.5], ["1", "2.5"]),
        (np.float32([0.1, 2]), ["0.1", "2"]),
        ([-0.0, 1.0], ["0", "1"]),
        (pd.array([1, 2], dtype="Int64"), ["1", "2"]),
        (pd.array([1.5, 2], dtype="Float64"), ["1.5", "2"]),
        (np.array([1, 2], object), ["1", "2"]),
        (pd.Categorical(["1", "2"]), ["1", "2"]),
        (pd.Categorical([1, 2]), ["1", "2"]),
        ([Decimal("1.5"), Decimal("1E+2")], ["1.5", "100"]),
    ],
)
def test_types_that_allow_no_doubt(column, text):
    checked = TWO.check(pd.DataFrame({"n": column, "other": 0, "Who is it": ["ann", "-"]}))
    assert checked["n"].tolist() == text
    assert list(checked) == ["who", "n"]
    assert (checked.dtypes == "str").all()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1", None], "row 5, n: null; expected a value .- if it is missing"),
        ([1, np.nan], "row 5, n: null"),
        (pd.array([1, None], dtype="Int64"), "row 5, n: null"),
        (pd.Categorical(["1", None]), "row 5, n: null"),
        (pd.Categorical([1, None]), "row 5, n: null"),
        ([True, False], "row 4, n: of type boolean; expected text"),
        (pd.to_datetime(["2018-01-01"] * 2), "row 4, n: of type datetime64"),
        ([b"1", b"2"], "row 4, n: of type bytes"),
        (np.array(["1", 2], object), "row 5, n: of type int among others"),
        ([np.inf, 1], "row 4, n: expected a number with up to 1 decimals, got 'inf'"),
        ([1e22, 1], "row 4, n: expected a number with up to 1 decimals, got '1e.22'"),
        ([1.25, 1], "row 4, n: .*got '1.25'"),
        ([1j, 1], "row 4, n: of type complex"),
    ],
)
def test_types_that_are_refused(column, message):
    with pytest.raises(InputError, match=message):
        TWO.check(pd.DataFrame({"who": ["ann", "bob"], "n": column}, index=[4, 5]))


def test_of_all_nulls_the_first_row_is_named():
    table = pd.DataFrame({"n": ["1", None, "2"], "who": ["ann", "bob", None]}, index=[4, 5, 6])
    with pytest.raises(InputError, match="row 5, n: null"):
        TWO.check(table)


def test_numbers_are_no_words():
    with pytest.raises(InputError, match=r"who: a column of numbers.*loses the zeros"):
        TWO.check(pd.DataFrame({"who": [1], "n": [1]}))


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("a|b", r"who: character '\|' in 'a\|b'"),
        ("Ann", "who: character 'A' in 'Ann'; expected only"),
        ("a\x00b", r"who: character '\\x00'"),
        ("josé", "who: character 'é'"),
        ("ann  fox", "who: expected words with one blank between them"),
        ("a" * 19, "the line has 21 characters; expected at most 20"),
    ],
)
def test_what_no_line_can_hold_is_refused(who, message):
    with pytest.raises(InputError, match=message):
        TWO.check(pd.DataFrame({"who": ["ann", who], "n": ["1", "1"]}))


def test_half_a_character_is_refused():
    who = pd.Series(np.array(["a\ud800"], object), dtype=object)
    with pytest.raises(InputError, match="who: half a character"):
        TWO.check(pd.DataFrame({"who": who, "n": ["1"]}))


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ([5, 5], "5 .number 1 of the table, from 0."),
        (pd.MultiIndex.from_tuples([(1, "a"), (1, "b")]), "1, b"),
        (pd.to_datetime(["2018-01-01", "2018-01-02"]), "2018-01-02"),
    ],
)
def test_rows_are_named_by_their_label(index, name):
    table = pd.DataFrame({"who": ["ann", "bob"], "n": ["1", "x"]}, index=index)
    with pytest.raises(InputError, match=f"row {name}"):
        TWO.check(table)
    assert row_name(pd.RangeIndex(3), 1) == "1"


def test_columns():
    table = pd.DataFrame({"WHO_is_it": ["ann"], "n": ["1"]})
    assert TWO.columns(table) == ["who", "n"]
    with pytest.raises(InputError, match="the column who appears twice"):
        TWO.columns(table.assign(who="bob"))
    with pytest.raises(InputError, match="no column n; expected who, n; the table has WHO_is_it"):
        TWO.columns(table[["WHO_is_it"]])
    with pytest.raises(InputError, match="unexpected column 'x'; expected"):
        TWO.columns(table.assign(x=1), others=False)
    with pytest.raises(InputError, match=r"unexpected column 'User-Id2' .the nearest is user_id.;"):
        TWO.columns(table.assign(**{"User-Id2": 1}), others=False)
    with pytest.raises(InputError, match="unexpected column 'n2'; expected"):  # n is there
        TWO.columns(table.assign(n2=1), others=False)
    with pytest.raises(InputError, match=r"no column who .the nearest is Whom.; expected who, n;"):
        TWO.columns(pd.DataFrame({"Whom": ["ann"], "n": ["1"]}))
    with pytest.raises(InputError, match=r"expected a table .pandas.DataFrame., got list"):
        TWO.columns([])
    with pytest.raises(InputError, match=r"no column who; .*the table has 0, 1"):
        TWO.columns(pd.DataFrame([[1, 2]]))
    assert TWO.columns(table.assign(User_ID="7"), others=False) == ["who", "n", "user_id"]


def test_no_rows_are_right():
    assert TWO.check(pd.DataFrame({"who": [], "n": []})).empty


# --- properties


def alphabets(letters):
    return "".join(dict.fromkeys(letters + string.digits + " |*-."))


ALPHABETS = {
    "paper": ALPHABET + ".",
    "capitals": alphabets(string.ascii_letters),
    "greek": alphabets("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώΑΩ"),
    "accents": alphabets("abcéèüßøåñç’"),
}


def some_attribute(at, alphabet):
    letters = "".join(c for c in alphabet if c.isalpha())
    groups = ((letters[:3], letters[0], "*"), (letters[1:3], letters[1], "*"))
    kinds = [
        {"form": Form.WORDS, "generalise": LastWord()},
        {"form": Form.NUMBER, "decimals": 1, "least": -50, "most": 150, "generalise": Range(10, 1)},
        {"form": Form.NUMBER, "generalise": Bands(((letters[0], 0), (letters[1], None)))},
        {"form": Form.DIGITS, "digits": (4, 4), "generalise": First(2)},
        {"form": Form.ONE_OF, "generalise": Hierarchy(groups)},
        {"form": Form.PATTERN, "time": "%Y%m%d", "generalise": First(6)},
        {"form": Form.TEXT},
    ]  # fmt: skip
    return Attribute(f"a{at}", **kinds[at % len(kinds)])


def values_of(attribute, alphabet):
    letters = [c for c in alphabet if c not in "|*- "]
    word = st.text(letters, min_size=1, max_size=3)
    return {
        Form.WORDS: st.lists(word, min_size=1, max_size=2).map(" ".join),
        Form.NUMBER: st.integers(-50, 150).map(str),
        Form.DIGITS: st.from_regex("[0-9]{4}", fullmatch=True, alphabet=string.digits),
        Form.ONE_OF: st.sampled_from(attribute.values or ("-",)),
        Form.PATTERN: st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)),
        Form.TEXT: st.text(letters, min_size=1, max_size=4),
    }[attribute.form] | st.just("-")


@pytest.mark.parametrize("letters", ALPHABETS)
@pytest.mark.parametrize(("size", "longest"), [(1, 20), (3, 40), (60, 600)])
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_entries_and_their_views_go_there_and_back(size, longest, letters, data):
    alphabet = ALPHABETS[letters]
    attributes = tuple(some_attribute(at, alphabet) for at in range(size))
    schema = Schema(attributes, alphabet, longest)
    assert Schema.from_dict(schema.to_dict()) == schema
    row = st.tuples(*(values_of(a, alphabet) for a in attributes))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    table = pd.DataFrame(rows, columns=list(schema.names), dtype="str")
    assert all(a.fits(table[a.name]).all() for a in attributes)
    lines = to_lines(table, schema)
    assert from_lines(lines, schema).equals(table)
    tokens = to_tokens(lines, schema)
    assert tokens.shape == (len(table), longest + 1)
    assert from_tokens(tokens, schema).tolist() == lines.tolist()
    view = table.copy()
    for a in attributes:
        if a.generalise is not None:
            view[a.name] = a.general(table[a.name])
            assert ((view[a.name] == "-") == (table[a.name] == "-")).all()
    general = view_lines(view, schema)
    assert from_lines(from_tokens(to_tokens(general, schema), schema), schema).equals(view)


@settings(max_examples=100)
@given(st.text(alphabet=ALPHABET.replace("|", "") + ".+e\n\u00a0٣A", max_size=6))
def test_what_fits_has_one_meaning(text):
    """No two numbers that fit are the same number, and all of them can be read."""
    if fits(number(decimals=2), text)[0] and text != "-":
        assert f"{Decimal(text):f}" == text
        assert Decimal(text) or text[0] != "-"
    if fits(Attribute("t", Form.TEXT), text)[0]:
        assert text == text.strip()
        assert text not in ("", "*")
