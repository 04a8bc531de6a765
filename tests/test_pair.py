"""A pair in its files: what is written, what is read back, and every way in which it is broken."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from aalprivacy.architecture import Architecture
from aalprivacy.errors import InputError
from aalprivacy.pair import (
    CARD,
    PRETRAINED,
    WEIGHTS,
    Pair,
    load_pair,
    read_card,
    shipped_names,
)
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.schema import with_rules
from aalprivacy.text import to_lines, to_tokens

CARDS = {"data", "recipe", "training", "machine", "versions", "fingerprints", "schema", "test"}


def test_what_ships():
    assert shipped_names() == (
        "family_member", "doctor", "caregiver", "researcher",
        "doctor.blind", "caregiver.blind", "researcher.blind",
    )  # fmt: skip
    for name in shipped_names():
        pair, card = load_pair(name), read_card(name)
        assert pair.schema == TABLE_I.schema
        assert pair.policy.for_receiver(pair.receiver) == TABLE_I.for_receiver(pair.receiver)
        assert pair.blind is name.endswith(".blind")
        assert set(card) >= CARDS
        assert card["fingerprints"] == pair.fingerprints
        assert card["test"]["unseen"]["character_error"] < 3


def test_a_blind_pair_never_reads_what_it_hides(entries):
    blind, plain = load_pair("researcher.blind"), load_pair("researcher")
    other = entries.assign(name=entries["name"].iloc[::-1].to_numpy())
    codes = [pair.encode_entries(table) for pair in (blind, plain) for table in (entries, other)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert (codes[2] != codes[3]).any(axis=1).mean() > 0.9


def test_saved_and_loaded(make_pair, clinic, patients, tmp_path):
    pair = make_pair(clinic, "nurse", blind=True, reverse=False)
    pair.save(tmp_path)
    again = load_pair(tmp_path)
    assert again.fingerprints == pair.fingerprints
    assert (again.architecture, again.policy.schema) == (pair.architecture, clinic.schema)
    assert again.card == {}
    np.testing.assert_array_equal(again.encode_entries(patients), pair.encode_entries(patients))


def test_numbers_that_float16_holds_are_written_so(make_pair, tmp_path):
    pair = make_pair().halved()
    pair.save(tmp_path)
    assert {a.dtype for a in load_file(tmp_path / WEIGHTS).values()} == {np.dtype("float16")}
    again = Pair.load(tmp_path)
    assert again.fingerprints == pair.fingerprints
    assert {a.dtype for a in again.weights.values()} == {np.dtype("float32")}


def test_the_head_says_how_the_network_is_built():
    with safe_open(PRETRAINED / "researcher.blind" / WEIGHTS, "numpy") as file:
        head = file.metadata()
    assert {k: json.loads(v) for k, v in head.items()} == {
        "version": 3, "tokens": 42, "separator": 39, "attributes": 20, "units": 256,
        "embedding": 32, "places": 48, "reverse": True, "code_at_every_step": True, "blind": True,
    }  # fmt: skip


def test_each_half_does_its_own_work_and_no_more(make_pair, entries, tmp_path):
    pair = make_pair()
    codes, lines = pair.encode_entries(entries[:5]), pair.view_lines(entries[:5])
    for part in ("encoder", "decoder"):
        pair.only(part).save(tmp_path / part)
    lock, key = (Pair.load(tmp_path / part) for part in ("encoder", "decoder"))
    assert not set(lock.weights) & set(key.weights)
    assert {**lock.weights, **key.weights}.keys() == pair.weights.keys()
    assert lock.fingerprints == key.fingerprints == pair.fingerprints
    np.testing.assert_array_equal(lock.encode_entries(entries[:5]), codes)
    assert key.decode(codes).equals(pair.decode(codes))
    np.testing.assert_array_equal(key.losses(codes, lines), pair.losses(codes, lines))
    read, write = partial(key.encode_entries, entries[:5]), partial(lock.decode, codes)
    judged = partial(lock.losses, codes, lines)
    cases = {
        "has no decoder; expected": (write, judged, partial(lock.only, "decoder")),
        "has no encoder; expected": (read, partial(key.only, "encoder")),
        "; expected the whole pair": (lock.keras, key.keras, partial(key.rekeyed, 1)),
    }
    for says, doors in cases.items():
        for door in doors:
            with pytest.raises(InputError, match=says):
                door()
    # Half of a half is no half.
    file = tmp_path / "decoder" / WEIGHTS
    with safe_open(file, "numpy") as opened:
        head = opened.metadata()
    arrays = load_file(file)
    arrays.popitem()
    save_file(arrays, file, head)
    with pytest.raises(InputError, match="arrays of other names or shapes"):
        Pair.load(tmp_path / "decoder")


def test_rekeying_is_undone_by_nothing_but_the_seed(make_pair, entries):
    for every_step in (True, False):
        pair = make_pair(code_at_every_step=every_step)
        lines = pair.decode(pair.encode_entries(entries[:10]))
        twin = pair.rekeyed(4)
        codes = twin.encode_entries(entries[:10])
        assert twin.decode(codes).tolist() == lines.tolist()
        assert twin.rekeyed(4).card["rekeyed"] == 2
        assert pair.rekeyed(4).fingerprints == twin.fingerprints != pair.rekeyed(5).fingerprints


def test_unknown_pairs(tmp_path):
    with pytest.raises(InputError, match="nosy: no such pair; expected a folder, or one that"):
        load_pair("nosy")
    with pytest.raises(InputError, match=f"no {WEIGHTS}; expected a trained pair.*card.json$"):
        load_pair(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="its training isn't complete: train --resume"):
        load_pair(tmp_path)
    (tmp_path / "weights.npz").write_bytes(b"")
    with pytest.raises(InputError, match="in the format of an earlier version"):
        load_pair(tmp_path)
    for name in ("x" * 300, "a\0b", None):
        with pytest.raises(InputError, match="no such pair; expected a folder, or one that ships"):
            load_pair(name)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(PRETRAINED / "researcher", tmp_path / "pair")
    return tmp_path / "pair"


def _rewrite(path, arrays=None, head=None):
    with safe_open(path, "numpy") as file:
        known = file.metadata()
    save_file({**load_file(path), **(arrays or {})}, path, {**known, **(head or {})})


@pytest.mark.parametrize(
    ("arrays", "head", "says"),
    [
        ({"decoder/scores/bias": np.ones(42, np.float32)}, {}, "its decoder belongs to another"),
        ({"encoder/lstm/bias": np.ones(1024, np.float32)}, {}, "its encoder belongs to another"),
        ({"decoder/scores/bias": np.zeros(3, np.float32)}, {}, "arrays of other names or shapes"),
        ({"surplus": np.zeros(3, np.float32)}, {}, "arrays of other names or shapes"),
        ({}, {"version": "9"}, "format version 9; expected 3"),
        ({}, {"units": "many"}, "its head doesn't say how the network is built"),
        ({}, {"colour": "1"}, "its head doesn't say how the network is built"),
        ({}, {"units": "null"}, "its head doesn't say how the network is built"),
        ({}, {"units": '"4"'}, "its head doesn't say how the network is built"),
        ({}, {"units": "[" * 5000}, "its head doesn't say how the network is built"),
        ({}, {"code_at_every_step": '"a"'}, "its head doesn't say how the network is built"),
        ({}, {"reverse": "false"}, "architecture, receiver, policy or schema was changed"),
        ({}, {"blind": "true"}, "architecture, receiver, policy or schema was changed"),
        ({}, {"tokens": "40"}, "arrays of other names or shapes"),
    ],
)
def test_broken_weights(folder, arrays, head, says):
    _rewrite(folder / WEIGHTS, arrays, head)
    with pytest.raises(InputError, match=says):
        load_pair(folder)


def test_broken_files(folder):
    card = json.loads((folder / CARD).read_text())
    for edit, says in (
        ({"schema": card["schema"] | {"alphabet": "ab|*-"}}, "expected characters of the alphabet"),
        ({"policy": {"name": "F"}}, "no operation for age"),
        ({"policy": card["policy"] | {"name": "Q"}}, r"expected F \(disclose\)"),
        ({"schema": card["schema"] | {"colour": 1}}, "unknown key 'colour'"),
    ):
        (folder / CARD).write_text(json.dumps(card | edit))
        with pytest.raises(InputError, match=says):
            load_pair(folder)
    (folder / CARD).write_text("{}")
    with pytest.raises(InputError, match=r"card\.json: not the card of a pair"):
        load_pair(folder)
    (folder / WEIGHTS).write_bytes(b"nothing")
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(InputError, match="can't be read as a pair's weights"):
        load_pair(folder)


@pytest.mark.parametrize(
    "edit",
    [
        {"fingerprints": []}, {"fingerprints": None}, {"policy": []}, {"policy": None},
        {"schema": []}, {"schema": None}, {"receiver": [1]}, {"receiver": 5},
    ],
)  # fmt: skip
def test_cards_with_parts_of_another_type(folder, edit):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | edit))
    with pytest.raises(InputError, match=r"card\.json: not the card of a pair"):
        load_pair(folder)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({}, "no attributes"),
        ({"attributes": []}, "no attributes"),
        ({"attributes": {"name": "text"}}, r"name: expected a part \[attributes.name\]"),
    ],
)
def test_cards_whose_schema_is_none(folder, schema, says):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"schema": schema}))
    for rules in (None, {"name": str}):
        with pytest.raises(InputError, match=rf"card\.json: {says}"):
            load_pair(folder, rules)


def test_a_card_nested_too_deeply(folder):
    (folder / CARD).write_text('{"receiver": ' + "[" * 10**5)
    with pytest.raises(InputError, match=r"card\.json: not the card of a pair"):
        load_pair(folder)


def test_a_card_that_was_changed(folder):
    """Codes of another policy, receiver or schema don't pass for those of the training."""
    card = json.loads((folder / CARD).read_text())
    attributes = card["schema"]["attributes"]
    for edit in (
        {"policy": dict.fromkeys(card["policy"], "F")},
        {"receiver": "doctor"},
        {"schema": card["schema"] | {"longest": 170}},
        {"schema": card["schema"] | {"attributes": dict(reversed(attributes.items()))}},
    ):
        (folder / CARD).write_text(json.dumps(card | edit))
        with pytest.raises(InputError, match="receiver, policy or schema was changed"):
            load_pair(folder)
    del card["fingerprints"]["form"]  # as an earlier version wrote it
    (folder / CARD).write_text(json.dumps(card))
    assert load_pair(folder).receiver == "researcher"


def test_a_rule_of_ones_own_may_have_another_name(make_pair, clinic, tmp_path):
    schema = with_rules(clinic.schema, {"patient": lambda value: value[0]})
    policy = Policy({"nurse": dict.fromkeys(schema.names, "G")}, schema)
    pair = make_pair(policy, "nurse")
    pair.save(tmp_path)

    def initial(value):
        return value[0]

    again = load_pair(tmp_path, {"patient": initial})
    assert again.policy.for_receiver("nurse") == policy.for_receiver("nurse")


def test_shapes_follow_from_the_architecture():
    small = Architecture(tokens=50, attributes=7, units=8, embedding=3, places=5)
    shapes = replace(small, code_at_every_step=False).shapes()
    assert shapes["decoder/lstm/kernel"] == (3, 32)
    assert small.shapes()["decoder/lstm/kernel"] == (3 + 16, 32)
    assert shapes["decoder/scores/kernel"] == (8, 50)
    assert (shapes["encoder/attribute/embeddings"], shapes["decoder/place/embeddings"]) == (
        (7, 3), (5, 3),
    )  # fmt: skip
    assert "encoder/place/embeddings" not in replace(small, places=0).shapes()


def test_where_a_token_stands():
    built = Architecture(separator=9, attributes=3, places=4)
    attribute, place = built.where(np.array([[2, 2, 9, 9, 3, 3, 3, 3, 3, 9, 5, 1, 0]]))
    assert attribute.tolist() == [[0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]]
    assert place.tolist() == [[0, 1, 2, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3]]


def test_numbers_that_are_no_tokens_and_no_codes_are_refused(make_pair, entries):
    pair = make_pair()
    tokens = to_tokens(to_lines(entries[:2], pair.schema), pair.schema)
    for wrong in (250, -7):
        with pytest.raises(InputError, match="tokens: expected numbers of 0 to 41, got"):
            pair.encode(np.where(tokens == tokens.max(), wrong, tokens.astype(int)))
    codes = pair.encode(tokens)
    with pytest.raises(InputError, match=r"codes: expected shape \(n, \d+\), got \(2, 3\)"):
        pair.decode(codes[:, :3])
    with pytest.raises(InputError, match="codes: not a number, or infinite"):
        pair.decode(np.where(codes > 0, np.nan, codes))
