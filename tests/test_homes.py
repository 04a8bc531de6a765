"""The simulator: repeatable, coherent, within the alphabet and the length."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from aalprivacy import homes as simulator
from aalprivacy.errors import InputError
from aalprivacy.homes import MOST_ENTRIES, audit_tables, is_held_out, john, simulate
from aalprivacy.policy import TABLE_I
from aalprivacy.schema import ASSISTED_LIVING
from aalprivacy.text import is_well_formed, to_lines, view_lines
from aalprivacy.views import apply_policy


@pytest.fixture(scope="module")
def homes():
    return simulate(4000, 5, seed=11)


def numbers(column):
    return column.astype(int).to_numpy()


def test_same_seed_same_entries():
    assert simulate(20, 3, 5).equals(simulate(20, 3, 5))
    assert not simulate(20, 3, 5).equals(simulate(20, 3, 6))


def test_new_entries_of_the_same_users():
    first, again = simulate(50, 2, 5), simulate(50, 2, 5, entries_seed=9)
    who = ["user_id", "name", "age", "gender", "height", "weight", "address", "phone_number"]
    assert first[who].equals(again[who])
    assert (first["timestamp"] != again["timestamp"]).mean() > 0.9


@pytest.mark.parametrize("vocabulary", ["training", "open"])
def test_every_entry_and_view_fits(vocabulary):
    table = simulate(3000, 2, 8, vocabulary=vocabulary)
    to_lines(table, ASSISTED_LIVING)
    for receiver in TABLE_I.receivers:
        view_lines(apply_policy(table, TABLE_I, receiver), ASSISTED_LIVING)


def test_values_have_their_attributes_form(homes):
    assert list(homes) == ["user_id", *ASSISTED_LIVING.names]
    assert ASSISTED_LIVING.check(homes).equals(homes[list(ASSISTED_LIVING.names)])


def test_vocabularies_do_not_meet():
    for vocabulary, held_out in (("training", False), ("open", True)):
        table = simulate(500, 1, 2, vocabulary=vocabulary)
        words = {
            "surname": table["name"].str.split().str[-1],
            "given": table["name"].str.split().str[0],
            "street": table["address"].str.split().str[1],
            "town": table["address"].str.split().str[-1],
        }
        for kind, column in words.items():
            assert {is_held_out(kind, word) for word in column} == {held_out}


def test_the_figures_cohere(homes):
    users = homes.drop_duplicates("user_id")
    man = (users["gender"] == "male").to_numpy()
    height, weight, age = (numbers(users[n]) for n in ("height", "weight", "age"))
    assert age.min() >= 60
    assert age.max() <= 99
    assert 10 < height[man].mean() - height[~man].mean() < 16
    assert np.corrcoef(height[man], weight[man])[0, 1] > 0.25
    widowed = (users["marital_status"] == "widowed").to_numpy()
    assert age[widowed].mean() > age[~widowed].mean() + 4
    diabetic = (homes["disease"] == "diabetes").to_numpy()
    glucose = numbers(homes["glucose_level"])
    assert glucose[diabetic].mean() > glucose[~diabetic].mean() + 40
    systolic = numbers(homes["blood_pressure"].str.split("-").str[0])
    hypertensive = (homes["disease"] == "hypertension").to_numpy()
    assert systolic[hypertensive].mean() > systolic[~hypertensive].mean() + 8
    hour = numbers(homes["timestamp"].str[9:11])
    steps, light = numbers(homes["wearable_pedometer"]), numbers(homes["light_sensor"])
    assert steps[(hour >= 9) & (hour < 18)].mean() > 10 * steps[hour < 5].mean()
    assert light[hour == 12].mean() > 5 * light[hour == 2].mean()
    month = numbers(homes["timestamp"].str[4:6])
    summer, winter = np.isin(month, (6, 7, 8)), np.isin(month, (12, 1, 2))
    temperature, energy = (numbers(homes[n]) for n in ("temperature_sensor", "energy_consumption"))
    assert temperature[summer].mean() > temperature[winter].mean() + 2
    assert energy[winter].mean() > 1.2 * energy[summer].mean()


def test_time_advances(homes):
    stamps = homes.groupby("user_id")["timestamp"]
    assert stamps.apply(lambda s: s.is_monotonic_increasing and s.is_unique).all()


def test_missing_and_abnormal_rates():
    table = simulate(200, 20, 1, missing=0.2, abnormal=0.3)
    assert 0.18 < (table["light_sensor"] == "-").mean() < 0.22
    assert not (table["name"] == "-").any()
    bad = table["blood_pressure"].isin(["235-140", "250-150", "70-35", "60-30"])
    assert 0.2 < bad.mean() < 0.28  # 0.3, of which a fifth is missing
    for receiver in TABLE_I.receivers:
        view_lines(apply_policy(table, TABLE_I, receiver), ASSISTED_LIVING)


def test_an_audit_has_people_trained_on_and_as_many_never_seen(monkeypatch):
    monkeypatch.setattr(simulator, "AUDIT_MEMBERS", 5)
    data = {"seed": 1, "users": 30, "entries_per_user": 4}
    tables = audit_tables(10, 10, 10, data=data)
    trained_on = simulate(30, 4, seed=1)
    for name in ("members", "strangers"):
        sizes = tables[name].groupby("user_id").size()
        assert sorted(sizes) == [1] * 25 + [4] * 5
    lines = {name: set(to_lines(table, ASSISTED_LIVING)) for name, table in tables.items()}
    assert lines["members"] <= set(to_lines(trained_on, ASSISTED_LIVING))
    assert len(tables["own"]) == len(tables["overheard"]) == 100
    for name in ("strangers", "known", "targets", "own", "overheard", "linked"):
        assert not lines[name] & set(to_lines(trained_on, ASSISTED_LIVING))
    assert not lines["strangers"] & (lines["known"] | lines["targets"])
    few = audit_tables(10, 10, 10, data=data | {"users": 3})
    assert (few["members"]["user_id"].nunique(), few["strangers"]["user_id"].nunique()) == (3, 5)
    assert {"members", "strangers"}.isdisjoint(audit_tables(10, 10, 10))  # of somebody's own table
    assert {"members", "strangers"}.isdisjoint(audit_tables(10, 10, 10, data={"entries": 9}))


@pytest.mark.parametrize(
    "arguments",
    [{"n_users": 0}, {"entries_per_user": 0}, {"missing": 1.5}, {"abnormal": -0.1},
     {"vocabulary": "closed"}, {"entries_seed": 0}, {"entries_per_user": MOST_ENTRIES + 1}],
)  # fmt: skip
def test_arguments_out_of_range(arguments):
    with pytest.raises(InputError, match="expected"):
        simulate(**({"n_users": 2, "entries_per_user": 2} | arguments))


def test_the_data_are_what_they_were():
    """To the byte, as the cards of pairs say what they were trained on. New names or towns of a new
    version of Faker or GeoNames change them; then so does this."""
    table = simulate(60, 4, seed=11, missing=0.1, abnormal=0.1).to_csv(index=False)
    assert hashlib.sha256(table.encode()).hexdigest()[:16] == "636ba79c10536aa1"


def test_john_is_who_the_paper_says():
    entry = john()
    assert ASSISTED_LIVING.check(entry).equals(entry)
    assert list(entry) == list(ASSISTED_LIVING.names)
    told = entry.iloc[0][["age", "marital_status", "disease"]].to_list()
    assert told == ["80", "widowed", "alzheimer"]
    views = [apply_policy(john(), TABLE_I, receiver) for receiver in TABLE_I.receivers]
    lines = view_lines(pd.concat(views), ASSISTED_LIVING)
    assert is_well_formed(lines, ASSISTED_LIVING).all()
