"""The simulated homes with a nurse's note: what is written, and how a pair's notes are judged."""

import json
import sys
from importlib import util
from pathlib import Path

import pandas as pd
import pytest

from aalprivacy.errors import InputError
from aalprivacy.generalisation import WORD
from aalprivacy.homes import DISEASE_GROUP_OF, is_held_out, simulate
from aalprivacy.pair import load_pair
from aalprivacy.policy import TABLE_I, Policy
from aalprivacy.schema import ASSISTED_LIVING
from aalprivacy.tables import write_table
from aalprivacy.text import to_lines, view_lines
from aalprivacy.views import apply_policy

EXAMPLE = Path(__file__).parent.parent / "examples" / "notes"


def load(name):
    spec = util.spec_from_file_location(f"notes_{name}", EXAMPLE / f"{name}.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make, show = load("make"), load("show")
SCHEMA = make.SCHEMA
POLICY = Policy.from_csv(EXAMPLE / "policy.csv", SCHEMA)
RULE = SCHEMA["note"].generalise


@pytest.fixture(scope="module")
def homes():
    return make.entries_with_notes(400, 5, 7)


@pytest.fixture(scope="module")
def view(homes):
    return apply_policy(homes, POLICY, "researcher")


def test_the_schema_is_the_shipped_one_and_a_note():
    assert set(SCHEMA.names) == {*ASSISTED_LIVING.names, "note"}
    for known in ASSISTED_LIVING.attributes:
        ours = SCHEMA[known.name]
        for part in ("form", "decimals", "least", "most", "digits", "values", "pattern", "time",
                     "category", "generalise"):  # fmt: skip
            assert getattr(ours, part) == getattr(known, part), (known.name, part)
    assert set(ASSISTED_LIVING.alphabet) < set(SCHEMA.alphabet)
    assert SCHEMA.longest == ASSISTED_LIVING.longest + 1 + make.LONGEST


def test_the_policy_is_table_1_and_the_notes_row():
    for receiver in TABLE_I.receivers:
        letters = POLICY.letters(receiver)
        note = letters.pop("note")
        assert letters == TABLE_I.letters(receiver)
        # What a receiver isn't told of name or address must not stand in the note.
        assert note == ("F" if letters["name"] == letters["address"] == "F" else "G")


def test_the_homes_are_those_of_the_simulator(homes):
    assert homes.drop(columns="note")[["user_id", *ASSISTED_LIVING.names]].equals(
        simulate(400, 5, 7)
    )


def test_the_same_seed_the_same_notes(homes):
    assert make.entries_with_notes(20, 3, 5).equals(make.entries_with_notes(20, 3, 5))
    again = make.entries_with_notes(20, 3, 6)["note"]
    assert (make.entries_with_notes(20, 3, 5)["note"] != again).mean() > 0.8
    assert make.entries_with_notes(1, 1, 5)["note"].str.len()[0] >= 1


def test_every_entry_and_view_fits(homes):
    assert to_lines(homes, SCHEMA).str.len().max() <= SCHEMA.longest
    for receiver in POLICY.receivers:
        seen = apply_policy(homes, POLICY, receiver)
        assert view_lines(seen, SCHEMA).str.len().max() <= SCHEMA.longest
        assert seen["note"].str.len().max() <= make.LONGEST


def test_there_are_many_forms(homes):
    """Notes of which only what was filled in differs are of one form."""
    names = {w for name in ("name", "address") for v in homes[name] for w in WORD.findall(v)}
    filled = names | {w for d in DISEASE_GROUP_OF for w in d.split()} | set(RULE.hierarchy.values)
    filled |= {w for words in make.PHRASES["words"].values() for v in words for w in v.split()}
    forms = homes["note"].map(lambda n: WORD.sub(lambda m: "_" if m[0] in filled else m[0], n))
    assert forms.nunique() > 500
    assert homes["note"].str.len().mean() == pytest.approx(42, abs=6)
    assert (homes["note"] == "-").mean() == pytest.approx(make.NO_NOTE, abs=0.02)


def test_notes_are_of_their_resident(homes):
    users = homes.groupby("user_id")["note"].agg(" . ".join)
    person = homes.drop_duplicates("user_id").set_index("user_id")
    ill = person["disease"] != "none"
    mentioned = [d in note for d, note in zip(person["disease"][ill], users[ill], strict=True)]
    assert sum(mentioned) > 0.3 * len(mentioned)
    surname = person["name"].str.split(" ").str[-1]
    title = users.str.extract(r"\b(mr|mrs|miss) ([a-z-]+)")
    of_own = (title[1] == surname) | (title[1] == person["name"].str.split(" ").str[0])
    man = (person["gender"] == "male") & of_own
    assert set(title[0][man]) == {"mr"}
    assert set(title[0][(person["gender"] == "female") & of_own]) == {"mrs", "miss"}
    married = person["marital_status"] == "married"
    wives = users.str.contains(r"\bwife\b")
    assert wives[married & (person["gender"] == "male")].any()
    assert not wives[~married | (person["gender"] == "female")].any()


def test_the_view_of_a_note(homes, view):
    own = (homes["name"] + " " + homes["address"]).map(lambda t: set(WORD.findall(t)))
    for note, words in zip(view["note"], own, strict=True):
        assert not words & set(WORD.findall(note))
    for disease, group in DISEASE_GROUP_OF.items():
        if disease != "none":  # also one of two words
            general = RULE(f"{disease} worse")
            assert general.removeprefix("* ").startswith(group), disease
    # Where the rule ends: a relative's given name stays, and so does what is somebody else's.
    relatives = view["note"].str.extract(r"^relative ([a-z-]+)( \*| [a-z-]+)? visited").dropna()
    shares = (relatives[1] == " *").mean()
    assert 0.4 < shares < 0.8  # the resident's own surname, or another
    streets = view["note"].str.extract(r"found near (\*|[a-z-]+ (?:\*|[a-z]+))")[0].dropna()
    assert 0.3 < (streets == "*").mean() < 0.7


def test_the_open_vocabulary_is_open():
    open_notes = make.entries_with_notes(150, 3, 7, "open")["note"]
    given = open_notes.str.extract(r"(?:daughter|son) ([a-z-]+) visited")[0].dropna()
    assert len(given) > 3
    assert all(is_held_out("given", name) for name in given)


def test_what_is_written_to_a_file(tmp_path, monkeypatch, capsys):
    from aalprivacy.tables import read_entries

    out = tmp_path / "new" / "e.parquet"
    monkeypatch.setattr(
        sys, "argv", ["make.py", "--users", "3", "--entries", "2", "--out", str(out)]
    )
    make.main()
    assert "6 entries of 3 users" in capsys.readouterr().out
    assert read_entries(out, SCHEMA).equals(make.entries_with_notes(3, 2, make.TRAINING_SEED))
    monkeypatch.setattr(sys, "argv", ["make.py", "--users", "0", "--out", str(out)])
    with pytest.raises(InputError, match="users and entries per user"):
        make.main()


# --- the figures


def test_what_is_told_of_notes(homes, view):
    def told(notes):
        return show.told(notes, homes, SCHEMA)

    assert told(view["note"]) == {"own": 0, "general": 0, "lost": 0}
    assert told(homes["note"]) == {"own": 1, "general": 1, "lost": 0}
    assert told(pd.Series("*", homes.index)) == {"own": 0, "general": 0, "lost": 1}
    first = view["note"].str.split(" ").str[0]
    assert 0.5 < told(first)["lost"] < 1
    none = homes[homes["note"] == "-"]
    assert show.told(none["note"], none, SCHEMA) == dict.fromkeys(show.SHARES)


def test_of_what_the_shares_are():
    rows = [("john smith", "mr smith has flu, alzheimer worse", "12 elm street leeds"),
            ("ann hall", "daughter eve hall rang", "3 park road york")]  # fmt: skip
    entries = pd.concat([simulate(1, 1, seed=1)] * 2, ignore_index=True)
    entries[["name", "note", "address"]] = rows
    decoded = pd.Series(["* has flu, alzheimer worse", "relative hall eve rang"])
    # Of the five words that the rule keeps (has, flu, worse; eve, rang) none is lost here.
    assert show.told(decoded, entries, SCHEMA) == {"own": 0.5, "general": 0.5, "lost": 0}
    decoded = pd.Series(["* has worse", "relative * rang"])
    assert show.told(decoded, entries, SCHEMA) == {"own": 0, "general": 0, "lost": 2 / 5}


@pytest.mark.parametrize(
    ("right", "left", "answer"),
    [
        ((0.96, 0.95), (0.01, 0.0), "Yes"),
        ((0.96, 0.94), (0.01, 0.0), "In part"),
        ((0.96, 0.95), (0.0, 0.02), "In part"),
        ((1.0, 0.49), (0.0, 0.0), "No"),
        ((1.0, 1.0), (0.06, None), "No"),
    ],
)
def test_the_answer_to_the_claim(right, left, answer):
    cases = zip(right, left, strict=True)
    found = {i: {"right": {"note": r}, "notes": {"own": o}} for i, (r, o) in enumerate(cases)}
    assert show.examine(found).answer == answer


def test_everybody_gets_a_note_of_somebody_else(homes):
    for seed in range(3):
        mixed = show.dealt(homes.sample(300, random_state=seed), SCHEMA, seed)
        before = homes.loc[mixed.index]
        assert mixed.drop(columns="note").equals(before.drop(columns="note"))
        assert sorted(mixed["note"]) == sorted(before["note"])
        shared = [
            note != "-" and note in set(homes["note"][homes["user_id"] == user])
            for note, user in zip(mixed["note"], mixed["user_id"], strict=True)
        ]
        assert sum(shared) < 10  # "slept well" is a note of many


def test_a_pair_is_shown(tmp_path, monkeypatch, capsys, make_pair):
    make_pair(POLICY, "researcher").save(tmp_path / "pair")
    write_table(make.entries_with_notes(12, 2, 3), tmp_path / "e.parquet")
    options = ["--data", tmp_path / "e.parquet", "--show", 3, "--json", tmp_path / "f.json"]
    monkeypatch.setattr(sys, "argv", ["show.py", str(tmp_path / "pair"), *map(str, options)])
    show.main()
    printed = capsys.readouterr().out
    assert printed.count("by rule  ") == 6
    assert "wrong characters in the note" in printed
    kept = json.loads((tmp_path / "f.json").read_text())
    assert kept["found"]["as they are"]["entries"] == 24
    assert kept["encoder"] == load_pair(tmp_path / "pair").fingerprint
    assert [len(some) for some in kept["examples"].values()] == [3, 3]
    assert all(e["by rule"] != e["decoded"] for e in list(kept["examples"].values())[1])


def test_what_is_published_was_measured_on_the_pair_that_ships():
    kept = json.loads((EXAMPLE / "figures.json").read_text("utf-8"))
    pair = load_pair(EXAMPLE / "researcher")
    assert kept["encoder"] == pair.fingerprint
    assert pair.schema == SCHEMA
    wrong = next(some for kind, some in kept["examples"].items() if kind != "examples")
    assert wrong and all(note["decoded"] != note["by rule"] for note in wrong)


@pytest.mark.slow
def test_a_pair_learns_from_notes(tmp_path):
    """A training cut short; the pair that it leaves knows the rule."""
    from aalprivacy import Recipe, train

    recipe = Recipe(units=8, embedding=4, updates=3, first_window=7, batch_size=4)
    entries = make.entries_with_notes(30, 2, 3)
    train(entries, POLICY, "researcher", recipe, tmp_path / "run")
    pair = load_pair(tmp_path / "run")
    assert pair.schema == SCHEMA
    assert pair.view_lines(entries).equals(
        view_lines(apply_policy(entries, POLICY, "researcher"), SCHEMA)
    )
