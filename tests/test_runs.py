"""A whole training of a table of one's own: split, trained, resumed, scored on people held out."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aalprivacy import load_pair, runs
from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.generalisation import Bands
from aalprivacy.pair import CARD, Pair
from aalprivacy.policy import Operation, Policy
from aalprivacy.recipe import Recipe
from aalprivacy.runs import RUN_FILES, Run, describe_table, held_out, split_people, train
from aalprivacy.schema import Schema
from aalprivacy.small import pack
from aalprivacy.text import to_lines, to_tokens

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
    for same in (
        patients[::-1],
        patients.set_index("case"),
        patients.rename(columns={"case": "Case"}),
    ):
        assert people(held_out(again, same).test) == people(parts.test)
    assert held_out(again, patients[1:]) is None
    views = again.decode_views(again.encode_entries(patients))
    assert list(views.columns) == ["patient", "years", "postcode"]


def test_an_interrupted_training_is_resumed(clinic, patients, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "SMALL_BYTES", 8.0)
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
    with pytest.raises(InputError, match="was begun with seed 0; expected that or none, got 3"):
        Run.resume(*common, replace(TINY, seed=3))
    longer = replace(TINY, updates=6, product_dtype="bfloat16", seed=3)
    run = Run.resume(*common, longer, given={"updates", "product_dtype"})
    assert run.trainer.progress.update == 4
    same = Run.resume(*common, replace(TINY, updates=4, product_dtype="auto"))
    assert same.trainer.recipe == replace(TINY, updates=4)  # auto keeps the type
    assert run.fit(validate_every=2)
    pair = run.finish({"test": parts.test})
    assert pair.card["training"]["lengthened"] == [[4, 4]]
    assert pair.card["training"]["product_dtypes"] == [[4, "float32"]]
    assert pair.card["recipe"]["product_dtype"] == "bfloat16"
    steps = pair.small.rounded(pair.encode_entries(parts.training))
    assert len(pack(steps)) <= 8.0 * len(steps)
    assert Pair.load(tmp_path / "run").small.fingerprint == pair.small.fingerprint
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json: missing or broken"):
        Run.resume(*common)
    begun = tmp_path / "begun"  # killed before its first checkpoint
    begun.mkdir()
    (begun / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"no checkpoint to go on from; delete run"):
        Run.resume(begun, *common[1:])
    with pytest.raises(InputError, match=r"no checkpoint to go on from$"):
        Run.resume(tmp_path / "none", *common[1:])


def test_a_folder_belongs_to_one_training(clinic, patients, tmp_path):
    """Also if a file of such a name is somebody else's."""
    for name in RUN_FILES:
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text("1,2\n3,4\n")
        with pytest.raises(InputError, match=f"has a training already .{name}"):
            train(patients, clinic, "nurse", TINY, folder)
        assert (folder / name).read_text() == "1,2\n3,4\n"
        assert len(list(folder.iterdir())) == 1


def test_a_training_whose_loss_is_no_number_ends(clinic, patients, tmp_path):
    parts = split_people(patients, clinic.schema)
    run = Run.begin(tmp_path / "run", parts.training, parts.validation, clinic, "nurse", TINY)
    run.trainer.step = lambda batch: float("nan")
    with pytest.raises(InputError, match="the loss isn't a number any more at update 0"):
        run.fit()


def test_ids_are_found_however_they_are_spelt(clinic, patients):
    parts = split_people(patients, clinic.schema)
    for table in (patients.rename(columns={"case": " CASE"}), patients.set_index("case")):
        assert split_people(table, clinic.schema).test.equals(parts.test)
    with pytest.raises(InputError, match="row 4, case: null"):
        split_people(
            patients.assign(case=patients["case"].where(patients.index != 4)), clinic.schema
        )


def test_nothing_is_made_of_what_is_refused(clinic, patients, tmp_path):
    bad = patients.assign(years="old")
    with pytest.raises(InputError, match=r"row 0, years: expected a whole number"):
        train(bad, clinic, "nurse", TINY, tmp_path / "run")
    with pytest.raises(InputError, match="unknown receiver 'porter'"):
        train(patients, clinic, "porter", TINY, tmp_path / "run")
    for wrong, message in (
        ({"second": 5}, "second: no such option; expected some of report, validate_every"),
        ({"validate_every": 0}, "validate_every: expected 1 or more, got 0"),
        ({"validation": patients[:0]}, "validation: no entries; expected at least one"),
        ({"tests": {"late": bad}}, "tests, late: row 0, years: expected a whole number"),
        ({"tests": {"none": patients[:0]}}, "tests, none: no entries"),
    ):
        with pytest.raises(InputError, match=message):
            train(patients, clinic, "nurse", TINY, tmp_path / "run", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_equal_rows_without_ids_are_one_person(clinic, patients):
    table = pd.concat([patients, patients]).drop(columns="case")
    assert describe_table(table, clinic.schema)["people"] == len(
        table[list(clinic.schema.names)].drop_duplicates()
    )


def test_a_rule_in_python_is_given_again_when_a_pair_is_loaded(clinic, patients, tmp_path):
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


def wide_table(n_attributes, alphabet, longest, rows=40):
    """A schema of so many attributes of all kinds, a policy and a table of it."""
    rng = np.random.default_rng(n_attributes)
    room = (longest + 1) // n_attributes - 1  # characters a value
    letters = [c for c in alphabet if c.isalpha()]
    attributes, columns = [], {}
    for i in range(n_attributes):
        name = f"a{i}"
        if i % 3 == 0:
            attributes.append(Attribute(name, Form.TEXT))
            columns[name] = ["".join(rng.choice(letters, room)) for _ in range(rows)]
        elif i % 3 == 1:
            attributes.append(
                Attribute(name, Form.NUMBER, generalise=Bands((("-1", 5), ("0", None))))
            )
            columns[name] = rng.integers(0, 10, rows).astype(str)
        else:
            attributes.append(Attribute(name, Form.ONE_OF, values=("A", "-A")))
            columns[name] = rng.choice(attributes[-1].values, rows)
    schema = Schema(tuple(attributes), alphabet, longest)
    rules = {a.name: Operation("FGD"[i % 3]) for i, a in enumerate(attributes)}
    return Policy({"reader": rules}, schema), pd.DataFrame(columns, dtype="str")


@pytest.mark.parametrize(
    ("n_attributes", "alphabet", "longest"),
    [
        (1, "abc|*-", 20),
        (3, "abcABC0123456789 |*-", 20),
        pytest.param(60, "abcABCéüñαβγΩ0123456789 .,|*-", 600, marks=pytest.mark.slow),
        pytest.param(3, "".join(map(chr, range(192, 420))) + "A0123456789|*-", 600,
                     marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_any_number_of_attributes_any_alphabet_any_length(
    tmp_path, n_attributes, alphabet, longest
):
    """From a table to a trained pair's views; the file on the way back gives the same lines."""
    policy, table = wide_table(n_attributes, alphabet, longest)
    pair = train(table, policy, "reader", replace(TINY, updates=3), tmp_path / "run",
                 validate_every=3)  # fmt: skip
    again = load_pair(tmp_path / "run")
    assert again.policy == pair.policy
    assert again.architecture.tokens == len(alphabet) + 2
    codes = again.encode_entries(table)
    assert codes.shape == (40, 32)
    lines = again.decode(codes)
    assert lines.str.len().max() <= longest + 1  # one that finds no end is cut there
    assert set("".join(lines)) <= set(alphabet)
    assert list(again.decode_views(codes).columns) == list(policy.schema.names)
    encoder, _ = again.keras()
    tokens = to_tokens(to_lines(table, policy.schema), policy.schema).astype(np.int32)
    np.testing.assert_allclose(encoder(tokens), codes, atol=1e-5)
