"""A whole training of a table of one's own: split, trained, resumed, scored on people held out."""

import json
from dataclasses import replace

import pytest

from aalprivacy import load_pair
from aalprivacy.errors import InputError
from aalprivacy.pair import CARD
from aalprivacy.recipe import Recipe
from aalprivacy.runs import Run, held_out, split_people, train

TINY = Recipe(units=16, embedding=4, updates=6, first_batch_size=4, batch_size=4)


def people(table):
    return set(table["case"])


def test_people_are_split_and_not_entries(clinic, patients):
    parts = split_people(patients, clinic.schema)
    sizes = [len(people(part)) for part in (parts.training, parts.validation, parts.test)]
    assert sizes == [24, 3, 3]
    assert people(parts.training) | people(parts.validation) | people(parts.test) == people(
        patients
    )
    assert len(parts.training) + len(parts.validation) + len(parts.test) == len(patients)
    again = split_people(patients, clinic.schema)
    assert again.test.equals(parts.test)
    rows = split_people(patients.drop(columns="case"), clinic.schema)
    assert len(rows.training) == 72
    with pytest.raises(InputError, match="entries of 3 people; expected 20 or more"):
        split_people(patients[:9], clinic.schema)


def test_train_makes_a_pair_that_knows_its_schema(clinic, patients, tmp_path):
    pair = train(patients, clinic, "Nurse", TINY, tmp_path / "run", validate_every=3)
    again = load_pair(tmp_path / "run")
    assert again.fingerprints == pair.fingerprints
    assert (again.receiver, again.policy.schema) == ("nurse", clinic.schema)
    assert again.card["data"]["people"] == 30
    assert again.card["data"]["split"] == "80 / 10 / 10 by case"
    assert again.card["test"]["held out"]["entries"] == 9
    assert again.card["training"]["updates"] == 6
    parts = held_out(again, patients)
    assert people(parts.test) == people(split_people(patients, clinic.schema).test)
    assert held_out(again, patients[::-1].reset_index(drop=True)) is None
    views = again.decode_views(again.encode_entries(patients))
    assert list(views.columns) == ["patient", "years", "postcode"]


def test_an_interrupted_training_is_resumed(clinic, patients, tmp_path):
    parts = split_people(patients, clinic.schema)
    common = (tmp_path / "run", parts.training, parts.validation, clinic, "nurse")
    run = Run.begin(*common, replace(TINY, updates=4))
    assert run.fit(validate_every=2)
    with pytest.raises(InputError, match="has a training already"):
        Run.begin(*common, TINY)
    with pytest.raises(InputError, match="was begun with other entries"):
        Run.resume(common[0], parts.test, *common[2:])
    with pytest.raises(InputError, match="another receiver, policy or schema"):
        Run.resume(*common[:4], "statistician")
    run = Run.resume(*common, updates=6)
    assert run.trainer.progress.update == 4
    assert run.fit(validate_every=2)
    pair = run.finish({"test": parts.test})
    assert pair.card["training"]["lengthened"] == [[4, 4]]
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json: missing or broken"):
        Run.resume(*common)
    with pytest.raises(InputError, match="no checkpoint to go on from"):
        Run.resume(tmp_path / "none", *common[1:])


def test_nothing_is_made_of_what_is_refused(clinic, patients, tmp_path):
    bad = patients.assign(years="old")
    with pytest.raises(InputError, match=r"row 0, years: expected a whole number"):
        train(bad, clinic, "nurse", TINY, tmp_path / "run")
    with pytest.raises(InputError, match="unknown receiver 'porter'"):
        train(patients, clinic, "porter", TINY, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_rule_in_python_is_given_again_when_a_pair_is_loaded(clinic, patients, tmp_path):
    from aalprivacy.policy import Policy
    from aalprivacy.schema import with_rules

    def decade(value: str) -> str:
        return f"{value[:-1] or '0'}0s"

    schema = with_rules(clinic.schema, {"years": decade})
    pair = train(patients, Policy(clinic.rules, schema), "statistician", TINY, tmp_path / "run",
                 validate_every=6)  # fmt: skip
    assert json.loads((tmp_path / "run" / CARD).read_text())["schema"]["attributes"]["years"][
        "generalise"
    ]["rule"].endswith("decade")
    again = load_pair(tmp_path / "run", {"years": decade})
    assert again.view_lines(patients).tolist() == pair.view_lines(patients).tolist()
    with pytest.raises(InputError, match="no rule"):
        load_pair(tmp_path / "run")
