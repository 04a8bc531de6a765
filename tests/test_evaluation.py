"""What the measures of a pair mean, on cases where the answer is known."""

import numpy as np
import pandas as pd
import pytest

from aalprivacy.errors import InputError
from aalprivacy.evaluation import cross, evaluate, score, to_text, trained_for
from aalprivacy.homes import MOST_ENTRIES, is_held_out, make_test_set, simulate
from aalprivacy.pair import load_pair
from aalprivacy.policy import TABLE_I
from aalprivacy.text import to_lines
from aalprivacy.views import apply_policy

SCHEMA = TABLE_I.schema


def test_score_counts_what_is_wrong(entries):
    expected = to_lines(entries[:4], SCHEMA)
    decoded = expected.copy()
    decoded.iloc[0] = decoded.iloc[0].replace("|male|", "|mule|").replace("|female|", "|femule|")
    decoded.iloc[1] = decoded.iloc[1].rsplit("|", 1)[0]
    missing = len(expected.iloc[1]) - len(decoded.iloc[1])
    found = score(decoded, expected, SCHEMA)
    assert found.character_error == pytest.approx((1 + missing) / 4)
    assert (found.exact, found.well_formed) == (0.5, 0.75)
    assert found.attributes["gender"] == 0.25
    assert found.attributes["energy_consumption"] == pytest.approx((missing - 1) / 4)
    assert sum(found.attributes.values()) == pytest.approx(missing / 4)
    assert found.distribution[:2] == [2, 1]
    assert found.distribution[min(missing, 20)] == 1
    assert sum(found.distribution) == 4
    assert {n: count for n, count in found.single.items() if count} == {"gender": 1}


def test_lines_of_one_user_are_no_independent_figures(entries):
    expected = to_lines(entries[:40], SCHEMA)
    decoded = expected.mask(np.arange(40) < 20, expected.str.replace("|male|", "|mule|"))
    alone = score(decoded, expected, SCHEMA).standard_error
    assert score(decoded, expected, SCHEMA, pd.Series(range(40))).standard_error == pytest.approx(
        alone
    )
    # Each line twice over tells no more than once, if it is said whose line it is.
    both = [pd.concat([lines, lines], ignore_index=True) for lines in (decoded, expected)]
    users = pd.Series([*range(40), *range(40)])
    assert score(*both, SCHEMA, users).standard_error == pytest.approx(alone)
    assert score(*both, SCHEMA).standard_error < 0.8 * alone
    assert score(*both, SCHEMA, pd.Series([7] * 80)).standard_error is None


def test_how_long_a_pair_was_trained_is_told_with_the_machines():
    card = {"training": {"updates": 30, "seconds": 720}, "machine": {"cores": 2}}
    assert trained_for(card) == "12 min on 2 cores"
    assert trained_for(card | {"started_from": {"seconds": 60}}) == "13 min on 2 cores"
    begun = {"seconds": 240, "updates": 30, "side_by_side": 7}
    assert trained_for(card | {"begun_on": begun}) == "4 min on a GPU with 6 other trainings"
    begun["updates"] = 20
    told = "4 min on a GPU with 6 other trainings; then 8 min on 2 cores"
    assert trained_for(card | {"begun_on": begun}) == told


def test_the_test_sets_are_what_they_say():
    training = simulate(50, 4, seed=7)
    who = ["name", "phone_number"]
    users = set(map(tuple, training[who].to_numpy()))
    seen = make_test_set("seen", 30, training_seed=7, n_training_users=50)
    assert len(seen) == seen["user_id"].nunique() == 30
    assert set(map(tuple, seen[who].to_numpy())) <= users
    assert not set(to_lines(seen, SCHEMA)) & set(to_lines(training, SCHEMA))
    assert len(make_test_set("seen", 120, training_seed=7, n_training_users=50)) == 150
    assert len(make_test_set("seen", 5000, training_seed=7, n_training_users=1)) == MOST_ENTRIES
    unseen = make_test_set("unseen", 30)
    assert not set(map(tuple, unseen[who].to_numpy())) & users
    for _, surname in make_test_set("open", 30)["name"].str.split(" ", n=1):
        assert is_held_out("surname", surname)


def test_large_test_sets_have_2000_users():
    table = make_test_set("unseen", 4000)
    assert len(table) == 4000
    assert table["user_id"].nunique() == 2000


def test_one_entry_has_no_standard_error(make_pair, entries):
    found = evaluate(make_pair(), entries[:1])
    assert found.standard_error is None
    rows, columns = to_text({"one": found})
    assert rows[0][columns.index("± s.e.")] == "-"
    with pytest.raises(InputError, match="no entries to score"):
        evaluate(make_pair(), entries[:0])


def test_a_mismatched_decoder_is_no_better_than_chance(entries, make_pair):
    other = make_pair(units=256, embedding=32, scale=0.1)
    pairs = {"right": load_pair("researcher"), "other": other}
    found = {(m.encoder, m.decoder): m for m in cross(pairs, entries)}
    assert len(found) == 4
    right, wrong = found["right", "right"], found["other", "right"]
    assert right.character_error < 3 < 20 < right.constant
    assert wrong.character_error > right.constant
    assert right.constant == wrong.constant
    assert right.random_code == wrong.random_code > 20
    assert min(right.hits.values()) > 0.9
    # A value that is always the same is always hit by chance; another as often as it is common.
    view = apply_policy(entries)
    assert right.chance["name"] == right.hits["name"] == 1
    common = view["gender"].value_counts(normalize=True)
    assert right.chance["gender"] == pytest.approx((common**2).sum(), abs=0.1)
    assert right.chance["timestamp"] < 0.02
    assert list(wrong.hits) == list(SCHEMA.names)


def test_a_persons_entries_count_together_however_the_id_is_written(make_pair):
    table, pair = simulate(20, 4, seed=3), make_pair()
    error = evaluate(pair, table).standard_error
    assert error != pytest.approx(evaluate(pair, table.drop(columns="user_id")).standard_error)
    for same in (table.rename(columns={"user_id": "User ID"}), table.set_index("user_id")):
        assert evaluate(pair, same).standard_error == pytest.approx(error)
