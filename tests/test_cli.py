"""The command line on real files: the main job, and every bad input."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import aalprivacy
from aalprivacy import codes, commands, homes, runs, tables
from aalprivacy.errors import InputError
from aalprivacy.homes import simulate
from aalprivacy.pair import PRETRAINED, load_pair, read_card, shipped_names
from aalprivacy.policy import TABLE_I
from aalprivacy.views import apply_policy

NAMES = list(TABLE_I.schema.names)
CASES = Path(__file__).parent / "cases"
COMMAND = [sys.executable, "-m", "aalprivacy"]


@pytest.fixture
def entries_file(tmp_path, entries):
    tables.write_table(entries, tmp_path / "entries.parquet")
    return tmp_path / "entries.parquet"


# --- the main job ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz"])
def test_simulate_and_view(run, tmp_path, ending):
    entries, view = tmp_path / f"e.{ending}", tmp_path / f"v.{ending}"
    assert run("simulate", "--users", 5, "--entries", 4, "--seed", 1, "--out", entries)[0] == 0
    assert run("view", entries, "--receiver", "doctor", "--out", view)[0] == 0
    table = simulate(5, 4, 1)
    assert tables.read_entries(entries)[NAMES].equals(table[NAMES])
    assert tables.read_views(view).equals(apply_policy(table, TABLE_I, "doctor"))


def test_encode_decode_evaluate(run, tmp_path, entries_file, entries):
    file, view = tmp_path / "c.npz", tmp_path / "v.csv"
    assert run("encode", entries_file, "--receiver", "Researcher", "--out", file)[0] == 0
    assert run("decode", file, "--pair", "researcher", "--out", view)[0] == 0
    with np.load(file) as made:
        assert made["codes"].shape == (len(entries), 512)
        assert made["codes"].dtype == np.float32
    decoded, expected = tables.read_views(view), apply_policy(entries)
    assert (decoded == expected).to_numpy().mean() > 0.97
    code, text, _ = run("evaluate", "--receiver", "researcher", "--data", entries_file, "--json")
    assert code == 0
    score = json.loads(text)["researcher"]["entries.parquet"]
    assert score["entries"] == len(entries)
    assert score["character_error"] < 3
    assert list(score["attributes"]) == NAMES


def test_the_blind_pair(run, refused, tmp_path, entries_file):
    """It carries the view as well, and its codes are no other pair's."""
    file, view = tmp_path / "c.npz", tmp_path / "v.csv"
    blind = ("--pair", "researcher.blind", "--out")
    assert run("encode", entries_file, *blind, file)[0] == 0
    assert run("decode", file, *blind, view)[0] == 0
    expected = apply_policy(tables.read_entries(entries_file))
    assert (tables.read_views(view) == expected).to_numpy().mean() > 0.97
    says = "this decoder belongs to encoder"
    refused("decode", file, "--receiver", "researcher", "--out", tmp_path / "w.csv", says=says)


def test_a_home_has_the_encoder_and_the_receiver_the_decoder(run, refused, tmp_path, entries_file):
    halves, file, view = tmp_path / "halves", tmp_path / "c.npz", tmp_path / "v.csv"
    assert run("split", "--pair", "researcher.blind", "--out", halves)[0] == 0
    lock, key = halves / "encoder", halves / "decoder"
    assert run("encode", entries_file, "--pair", lock, "--out", file)[0] == 0
    assert run("decode", file, "--pair", key, "--out", view)[0] == 0
    expected = apply_policy(tables.read_entries(entries_file))
    assert (tables.read_views(view) == expected).to_numpy().mean() > 0.97
    assert run("encode", entries_file, "--pair", lock, "--out", tmp_path / "codes")[0] == 0
    assert run("decode", tmp_path / "codes", "--pair", key, "--out", tmp_path / "views")[0] == 0
    no_encoder = "this half of a pair for researcher has no encoder; expected the whole pair"
    encode, again = ("encode", entries_file, "--out", tmp_path / "d.npz"), tmp_path / "again"
    for command in (encode, ("evaluate",), ("audit",), ("split", "--out", again)):
        refused(*command, "--pair", key, says=[f"{key}", no_encoder])
    refused("train", "--receiver", "researcher", "--start-from", key, "--out", tmp_path / "run",
            says=no_encoder)  # fmt: skip
    refused("decode", file, "--pair", lock, "--out", tmp_path / "w.csv", says="has no decoder")
    assert not any((tmp_path / name).exists() for name in ("d.npz", "again", "run", "w.csv"))
    refused("split", "--pair", "doctor", "--out", halves, says="encoder: exists already")
    other = tmp_path / "other"
    assert run("split", "--pair", "doctor", "--out", other)[0] == 0
    refused("decode", file, "--pair", other / "decoder", "--out", tmp_path / "w.csv",
            says="belongs to encoder")  # fmt: skip


def test_sealed_codes(run, refused, tmp_path, entries_file):
    key, other, file = tmp_path / "a.key", tmp_path / "b.key", tmp_path / "c.npz"
    assert run("key", "--out", key)[0] == run("key", "--out", other)[0] == 0
    assert key.stat().st_mode & 0o077 == 0
    refused("key", "--out", key, says="exists already")
    researcher = ("--receiver", "researcher", "--out")
    assert run("encode", entries_file, "--seal", key, *researcher, file)[0] == 0
    view = tmp_path / "v.csv"
    refused("decode", file, *researcher, view, says="is sealed; expected a key (--key)")
    refused("decode", file, "--key", other, *researcher, view, says="can't be unsealed")
    refused("decode", file, "--key", tmp_path / "no", *researcher, view, says="no such file")
    assert not view.exists()
    assert run("decode", file, "--key", key, *researcher, view)[0] == 0
    assert len(tables.read_views(view)) == len(tables.read_entries(entries_file))


def test_audit(run, refused, tmp_path, monkeypatch):
    """What stands in the file, and that an interrupted audit goes on; what attacks find is
    tested in `test_audit`."""
    from aalprivacy import audit

    class Stub:
        def __init__(self, name):
            self.name = name

        def run(self, case):
            assert len(case.known) == 100
            assert len(case.targets) == 50
            setting = audit.Setting(known=100)
            return [audit.Finding(self.name, setting, "share", 0.5, 0.4, 0.6, 0.1, 1.0)]

    made = []

    def run_audit(case, others, *, begun, keep, say, **how):
        done, findings = begun[0], list(begun[1])
        for at, name in enumerate(["one", "two", "three"][done:], done + 1):
            say(f"attack {at} of 3")
            made.append(name)
            findings += Stub(name).run(case)
            keep(at, findings)
        return findings

    audit_tables = homes.audit_tables
    monkeypatch.setattr(homes, "audit_tables", lambda *sizes, data: audit_tables(*sizes))
    monkeypatch.setattr(audit, "run_audit", run_audit)
    kept = tmp_path / "audit.json"
    how = ("audit", "--receiver", "researcher", "--known", 100, "--targets", 50, "--updates", 2,
           "--out", kept)  # fmt: skip
    code, text, told = run(*how, "--json")
    assert code == 0
    steps = ["encoding", *(f"attack {at} of 3" for at in (1, 2, 3))]
    assert re.findall("encoding|attack . of 3", told) == steps
    audits = json.loads(text)
    assert json.loads(kept.read_text()) == audits
    whole = audits["researcher"]
    assert whole["encoder"] == load_pair("researcher").fingerprint
    assert set(whole["others"]) == set(shipped_names()) - {"researcher"}
    assert whole["parts"] == ["lock", "insider", "people", "remedies"]
    begun = whole | {"attacks": 1, "findings": whole["findings"][:1]}
    kept.write_text(json.dumps({"researcher": begun}))
    made.clear()
    code, text, _ = run(*how)
    assert (code, made) == (0, ["two", "three"])
    assert text.count("tells") >= 3, text
    assert json.loads(kept.read_text()) == audits
    refused(*how[:-3], 3, *how[-2:], says="audit.json: holds something else")
    earlier = whole | {"edition": whole["edition"] - 1}
    strange = whole | {"findings": [{"attack": "x"}]}
    for content in ("{}", *(json.dumps({"researcher": other}) for other in (earlier, strange))):
        kept.write_text(content)
        refused(*how, says="audit.json: holds something else")
    refused("audit", "--receiver", "nosy", says="nosy: no such pair")
    refused(*how[:-2], "--parts", "lock,people", *how[-2:], says="audit.json: holds something else")
    refused(*how, "--parts", "locks", says="--parts: expected some of lock, insider, people, reme")
    code, text, _ = run(*how[:-2], "--parts", "remedies, lock", "--json")
    assert (code, json.loads(text)["researcher"]["parts"]) == (0, ["lock", "remedies"])


@pytest.mark.parametrize("ids", [True, False])
def test_an_audit_by_a_pairs_own_table_knows_whom_it_was_trained_on(make_pair, tmp_path, ids):
    table = simulate(130, 2, seed=5)
    table = table if ids else table.drop(columns="user_id")[::2]
    card = {"data": runs.describe_table(table, TABLE_I.schema)}
    pair, own = replace(make_pair(), card=card), tmp_path / "own.parquet"
    tables.write_table(table, own)
    how = {"known": 100, "targets": 50, "seed": 0, "parts": ["people"]}
    said = []
    dealt = commands._case_tables(pair, own, how, said.append)
    found = {name: set(part["phone_number"]) for name, part in dealt.items()}
    assert len(found["members"]) == 104
    assert found["targets"] <= found["strangers"]
    assert not found["strangers"] & (found["members"] | found["known"])
    assert len(found["strangers"] | found["known"]) == 26
    assert said == []
    other = replace(pair, card={})
    assert "members" not in commands._case_tables(other, own, how, said.append)
    assert said == []
    tables.write_table(table[:-1], own)
    assert "members" not in commands._case_tables(pair, own, how, said.append)
    assert "not the table that the pair was trained on" in said[0]


@pytest.mark.slow
def test_a_whole_audit(run, tmp_path, monkeypatch, idle_probes):
    """Every attack of the command, on the victim with the smallest numbers that the door takes."""
    from aalprivacy import cli

    others = {"doctor": load_pair("doctor")}  # one of the attacker's own is enough
    monkeypatch.setattr(cli, "shipped_pairs", lambda: others)
    code, text, _ = run("audit", "--receiver", "researcher", "--known", 100, "--targets", 50,
                        "--updates", 2, "--json")  # fmt: skip
    assert code == 0
    assert {f["attack"] for f in json.loads(text)["researcher"]["findings"]} == {
        "wrong key", "near key", "nearest neighbour", "linear map", "own decoder",
        "statistics only", "translation", "insider, linear probe", "insider, neural probe",
        "insider, whole entry", "linkage", "tampering", "membership, code and loss",
        "membership, decoder alone", "remedy: noise, receiver reads", "remedy: noise, linear probe",
        "remedy: small codes, receiver reads", "remedy: small codes, linear probe",
        "remedy: rounding", "remedy: rule and cipher",
    }  # fmt: skip


def test_evaluate_prints_the_three_test_sets(run, monkeypatch):
    for columns in ("", "0", "30", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        code, text, _ = run("evaluate", "--receiver", "researcher", "--entries", 40)
        assert code == 0
        for kind in ("seen", "unseen", "open"):
            (line,) = (line for line in text.splitlines() if f" {kind} " in line)
            assert "…" not in line
            assert "100.0%" in line


def test_number_types_of_codes(run, refused, tmp_path, entries_file):
    researcher = ("--receiver", "researcher", "--out")
    expected = apply_policy(tables.read_entries(entries_file))
    for number_type in codes.NUMBER_TYPES:
        file, view = tmp_path / f"{number_type}.npz", tmp_path / "v.csv"
        assert run("encode", entries_file, "--number-type", number_type, *researcher, file)[0] == 0
        assert run("decode", file, *researcher, view)[0] == 0
        assert (tables.read_views(view) == expected).to_numpy().mean() > 0.9
    refused("encode", entries_file, "--number-type", "int4", *researcher, tmp_path / "x.npz",
            says="expected float32 or float16 or int8 or small, got 'int4'")  # fmt: skip


# --- a table of one's own -------------------------------------------------------------------------

SCHEMA = """
title = "A clinic"
alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 .|*-"
longest = 60
id = "case"

[attributes.patient]
category = "personal"
form = "words"

[attributes.years]
form = "number"
least = 0
most = 120
generalise = { range = 10 }

[attributes.ward]
form = "one-of"
hierarchy = { east = ["inside"], west = ["inside"], garden = ["outside"] }
"""
POLICY = "Attribute;Head Nurse;Statistics\npatient;F;D\nyears;F;G\nward;F;G\n"


@pytest.fixture
def clinic_files(tmp_path):
    rng = np.random.default_rng(0)
    people = pd.DataFrame(
        {
            "case": range(40),
            "patient": [f"{rng.choice(['ann', 'bob'])} {rng.choice(['ash', 'elm'])}"
                        for _ in range(40)],
            "years": rng.integers(0, 100, 40),
            "ward": rng.choice(["east", "west", "garden"], 40),
        }
    )  # fmt: skip
    people.loc[people.index.repeat(3)].to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "home.toml").write_text(SCHEMA)
    (tmp_path / "policy.csv").write_text(POLICY)
    return tmp_path


def test_a_table_of_ones_own(run, refused, clinic_files):
    """From the command line alone: view, train, encode, decode, evaluate, audit."""
    own, schema, policy = (clinic_files / n for n in ("own.csv", "home.toml", "policy.csv"))
    mine, folder = ("--schema", schema, "--policy", policy), clinic_files / "run"
    view, file = clinic_files / "v.csv", clinic_files / "c.npz"
    assert run("view", own, *mine, "--receiver", "statistics", "--out", view)[0] == 0
    seen = pd.read_csv(view)
    assert (seen["patient"] == "*").all()
    assert set(seen["ward"]) <= {"inside", "outside"}
    assert seen["years"].str.fullmatch(r"\d+-\d+").all()
    code, text, error = run("train", "--receiver", "Statistics", *mine, "--data", own, "--out",
                            folder, "--updates", 3, "--units", 16, "--blind")  # fmt: skip
    assert code == 0, error
    assert "only 40 people" in text
    assert run("encode", own, "--pair", folder, "--out", file)[0] == 0
    assert run("decode", file, "--pair", folder, "--out", view)[0] == 0
    assert list(pd.read_csv(view, dtype=str)) == ["patient", "years", "ward"]
    code, text, _ = run("evaluate", "--pair", folder, "--data", own, "--json")
    assert code == 0
    (score,) = json.loads(text)["statistics"].values()
    assert score["entries"] == 12
    assert score["character_error"] == pytest.approx(
        read_card(folder)["test"]["held out"]["character_error"]
    )
    refused("evaluate", "--pair", folder, says="--data: expected entries")
    refused("audit", "--pair", folder, says="--data: expected entries")
    refused("train", "--receiver", "statistics", *mine, "--out", clinic_files / "r",
            says="--data: expected entries")  # fmt: skip
    refused("view", own, "--schema", schema, "--receiver", "statistics", "--out", view,
            says="expected a --policy too")  # fmt: skip
    refused("view", own, "--policy", clinic_files / "policy.csv", "--receiver", "statistics",
            "--out", view, says="a table of your own needs its --schema too")  # fmt: skip
    few = clinic_files / "few.csv"
    pd.read_csv(own)[:30].to_csv(few, index=False)
    refused("train", "--receiver", "statistics", *mine, "--data", few, "--out",
            clinic_files / "r", says="few.csv: entries of 10 people; expected 20")  # fmt: skip
    assert not (clinic_files / "r").exists()


@pytest.mark.slow
def test_an_audit_of_ones_own(run, clinic_files, idle_probes):
    own, folder = clinic_files / "own.csv", clinic_files / "run"
    assert run("train", "--receiver", "statistics", "--schema", clinic_files / "home.toml",
               "--policy", clinic_files / "policy.csv", "--data", own, "--out", folder,
               "--updates", 3, "--units", 16)[0] == 0  # fmt: skip
    other = pd.read_csv(own).assign(case=lambda table: table["case"] + 1000)
    other.to_csv(clinic_files / "other.csv", index=False)
    code, text, error = run("audit", "--pair", folder, "--data", clinic_files / "other.csv",
                            "--known", 30, "--targets", 10, "--updates", 2, "--json")  # fmt: skip
    assert code == 0, error
    (found,) = json.loads(text).values()
    assert found["data"] == "other.csv"
    assert {f["attribute"] for f in found["findings"]} >= {"patient", "years", "ward"}
    for finding in found["findings"]:
        assert finding["low"] <= finding["value"] <= finding["high"]


def test_describe_prepare_and_use(run, refused, tmp_path):
    """An untidy table gets a schema, is put right, and can be used by its own policy."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "id": np.repeat(range(40), 2),
            "Name": np.repeat([f"José O'Brien{chr(97 + i % 26)}" for i in range(40)], 2),
            "Weight": rng.integers(50, 90, 80) + 0.0,
            "Smoker": rng.choice(["Yes", "No"], 80),
        }
    )
    table.loc[3, "Weight"] = np.nan
    own, schema = tmp_path / "own.csv", tmp_path / "home.toml"
    table.to_csv(own, index=False, encoding="cp1252")
    policy, clean = tmp_path / "policy.csv", tmp_path / "clean.parquet"
    code, text, error = run("describe", own, "--out", schema, "--policy-out", policy,
                            "--receivers", "nurse, doctor")  # fmt: skip
    assert code == 0, error
    assert "José" not in text
    assert "a person of its own" not in text
    corrected = schema.read_text()
    refused("describe", own, "--out", schema, says="home.toml: exists already")
    refused("describe", own, "--out", tmp_path / "new.toml", "--policy-out", policy,
            says="policy.csv: exists already")  # fmt: skip
    assert (schema.read_text(), (tmp_path / "new.toml").exists()) == (corrected, False)
    pd.read_csv(own, encoding="cp1252").drop(columns="id").to_csv(tmp_path / "no_id.csv")
    code, text, error = run("describe", tmp_path / "no_id.csv", "--out", tmp_path / "new.toml")
    assert code == 0, error
    report = tmp_path / "report.csv"
    code, text, error = run("prepare", own, "--schema", schema, "--dry-run", "--report", report)
    assert code == 0, error
    assert not clean.exists()
    told = pd.read_csv(report).set_index(["change", "attribute"])["values"]
    assert told["decimals that are zero", "weight"] == 79
    assert told["read as cp1252", "Name"] == 80
    code, text, error = run("prepare", own, "--schema", schema, "--out", clean)
    assert code == 0, error
    code, _, error = run("view", clean, "--schema", schema, "--policy", policy, "--receiver",
                         "doctor", "--out", tmp_path / "v.csv")  # fmt: skip
    assert code == 0, error
    refused("prepare", own, "--schema", schema, says="--out: expected where to write")
    refused("prepare", own, "--schema", schema, "--out", own, says="is the input")
    refused("describe", own, "--out", own, says="is the input")
    refused("prepare", own, "--schema", schema, "--dry-run", "--report", own, says="is the input")


def test_describe_writes_groups_to_fill_in_and_prepare_goes_by_a_code_book(run, refused, tmp_path):
    table = pd.DataFrame(
        {"PID": range(40), "StayLen": [*range(1, 40), 99], "unit": ["a", "b", "c", "9"] * 10}
    )
    own, schema, groups = tmp_path / "own.tsv", tmp_path / "home.toml", tmp_path / "groups"
    table.to_csv(own, index=False, sep="\t")
    describe = ("describe", own, "--out", schema, "--hierarchies-out", groups, "--id", "pid")
    code, text, error = run(*describe)
    assert code == 0, error
    assert "hierarchies: 1 in" in text
    assert 'hierarchy = "groups/unit.csv"' in schema.read_text()
    (groups / "unit.csv").write_text("a;east;*\nb;east;*\nc;west;*\n")  # 9 is no unit
    refused(*describe, says="home.toml: exists already")
    refused(*describe[:3], tmp_path / "new.toml", *describe[4:],
            says="unit.csv: exists already; expected an empty folder")  # fmt: skip
    codes, clean = tmp_path / "codes.toml", tmp_path / "clean.csv"
    codes.write_text('[columns]\nunit = "unit"\n[values.unit]\n9 = "-"\n')
    prepare = ("prepare", own, "--schema", schema, "--out", clean)
    refused(*prepare, says="unit: expected one of a, b, c, got '9'")
    code, text, error = run(*prepare, "--codes", codes)
    assert code == 0, error
    assert pd.read_csv(clean, dtype=str)["unit"].tolist() == ["a", "b", "c", "-"] * 10
    codes.write_text('[values.ward]\n9 = "-"\n')
    refused(*prepare, "--codes", codes, says="code book: unknown attribute 'ward'")
    schema.write_text("longest = 'x'")
    refused(*prepare, says="home.toml: no attributes")


# --- training -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_train_interrupt_resume(refused, tmp_path, entries_file):
    """Ctrl-C leaves a checkpoint and nothing half-written; --resume ends with a pair."""
    folder, other_file = tmp_path / "run", tmp_path / "other.parquet"
    tables.write_table(simulate(50, 2, seed=4), other_file)
    train = ["train", "--receiver", "doctor", "--out", folder, "--data", entries_file,
             "--validate-every", "30"]  # fmt: skip
    first = subprocess.Popen([*COMMAND, *train, "--updates", "100000"])
    deadline = time.monotonic() + 120
    while not (folder / "log.csv").exists():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint.npz", "log.csv", "run.json"]
    refused(*train, says="has a training already")
    resume = (*train, "--resume")
    refused(*resume, "--seed", 9, says="was begun with seed 0; expected that or none, got 9")
    refused(*resume, "--data", other_file,
            says="was begun with other entries; expected the same --data")  # fmt: skip
    resumed = [*COMMAND, *train, "--resume", "--until", "1000", "--minutes", "60"]
    done = subprocess.run(resumed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    card = json.loads((folder / "card.json").read_text())
    assert card["receiver"] == "doctor"
    assert card["data"]["file"] == "entries.parquet"
    assert card["training"]["until"] == 1000
    assert list(card["test"]) == ["held out"]


def test_training_options(refused, tmp_path, monkeypatch):
    train = ("train", "--receiver", "doctor", "--out", tmp_path / "r")
    refused(*train, "--product-dtype", "int8", says="expected float32 or bfloat16 or auto")
    refused(*train, "--augmentation", 0.6, 1.2, says="expected two shares of 0 to 1")
    refused(*train, "--learning-rate", 0, says="learning_rate: expected more than 0")
    refused("train", "--receiver", "nosy", "--out", tmp_path / "r", says="unknown receiver 'nosy'")
    config = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    refused(*train, "--until", 1.5, says="only one machine can stop early")
    refused(*train, "--start-from", "doctor", says="--start-from: only one machine can")
    assert not (tmp_path / "r").exists()


def test_another_backend_is_named(tmp_path):
    """Training needs TensorFlow; encoding doesn't care."""
    train = ["train", "--receiver", "doctor", "--out", tmp_path / "r"]
    done = subprocess.run([*COMMAND, *train], capture_output=True, text=True,
                          env=os.environ | {"KERAS_BACKEND": "jax"})  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "aalprivacy: KERAS_BACKEND is 'jax'; training needs 'tensorflow'\n"
    encode = ["encode", CASES / "good.csv", "--pair", "doctor", "--out", tmp_path / "c.npz"]
    done = subprocess.run([*COMMAND, *encode], capture_output=True, text=True,
                          env=os.environ | {"KERAS_BACKEND": "jax"})  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_train_on_few_simulated_users(run, refused, tmp_path):
    folder = tmp_path / "r"
    done = run("train", "--receiver", "doctor", "--users", 40, "--entries", 2, "--updates", 2,
               "--test-entries", 50, "--units", 16, "--out", folder)  # fmt: skip
    assert done[0] == 0, done[2]
    assert "never read whole entries, only 6 of 20" in " ".join(done[1].split())
    card = json.loads((folder / "card.json").read_text())
    resume = ("train", "--receiver", "doctor", "--resume", "--out", folder)
    refused(*resume, "--users", 50, says="begun with --users 40; expected that or none, got 50")
    refused(*resume, "--entries", 3, says="begun with --entries 2; expected that or none, got 3")
    refused(*resume, "--data", CASES / "good.csv", says="expected simulated homes")
    assert card["test"]["seen"]["entries"] == 80
    assert card["test"]["open"]["entries"] == 50
    (folder / "run.json").write_text("{")
    refused(*resume, says="run.json: missing or broken")


@pytest.mark.slow
def test_a_receiver_of_ones_own_started_from_a_shipped_pair(run, refused, tmp_path):
    table = TABLE_I.to_frame()[["researcher"]].rename(columns={"researcher": "Neighbour"})
    table.loc["light_sensor"] = "D"
    table.to_csv(tmp_path / "own.csv")
    folder = tmp_path / "neighbour"
    train = ("train", "--receiver", "neighbour", "--policy", tmp_path / "own.csv", "--users", 60,
             "--entries", 2, "--test-entries", 20)  # fmt: skip
    began = (*train, "--updates", 40, "--learning-rate", 5e-4, "--mixing", 0, "--missing", 0,
             "--abnormal", 0, "--averaging", 0.9)  # fmt: skip
    code, text, _ = run(*began, "--out", folder, "--start-from", "researcher")
    assert code == 0, text
    card = json.loads((folder / "card.json").read_text())
    assert card["started_from"]["encoder"] == load_pair("researcher").fingerprint
    before = read_card("researcher")["training"]
    assert card["started_from"]["seconds"] == before["seconds"]
    assert card["recipe"]["first_window"] == 20
    # Forty updates are enough to delete one more attribute for some and not to forget the rest.
    assert card["test"]["unseen"]["character_error"] < 30
    code, text, _ = run("evaluate", "--pair", folder, "--entries", 20)
    assert code == 0
    assert f"{card['test']['unseen']['character_error']:.3f}" in text
    began = ("train", "--receiver", "doctor", "--out", tmp_path / "r", "--start-from")
    refused(*began, "doktor", says="doktor: no such pair")
    refused(*began, folder, "--resume", says="continues from its checkpoint")
    refused(*began, "doctor", "--first-window", 3, says="a pair to start from has its own")


def test_threads_are_set_before_any_model_is_made(refused, tmp_path, monkeypatch):
    """TensorFlow ignores it afterwards."""
    from aalprivacy import training, updates

    order = []

    def make(*_, **__):
        order.append("model")
        raise InputError("that will do")

    monkeypatch.setattr(updates, "one_thread_a_shard", lambda: order.append("threads"))
    monkeypatch.setattr(training, "Trainer", make)
    refused("train", "--receiver", "doctor", "--users", 1, "--entries", 1, "--out", tmp_path / "r",
            says="that will do")  # fmt: skip
    assert order == ["threads", "model"]
    assert not (tmp_path / "r").exists()


# --- no framework where nothing is trained --------------------------------------------------------


def test_nothing_loads_tensorflow_but_training(tmp_path):
    """View, encode, decode, seal and evaluate, in one process that then looks at its modules."""
    program = f"""
import sys
from aalprivacy import __main__ as cli
e, c, v, k = {str(CASES / "good.csv")!r}, "c.npz", "v.csv", "k.key"
for words in (
    ["key", "--out", k],
    ["view", e, "--receiver", "doctor", "--out", v],
    ["encode", e, "--pair", "doctor", "--seal", k, "--out", c],
    ["decode", c, "--pair", "doctor", "--key", k, "--out", v],
    ["evaluate", "--pair", "doctor", "--entries", "20"],
):
    sys.argv = ["aalprivacy", *words]
    try:
        cli.main()
    except SystemExit as stop:
        assert not stop.code, words
for name in ("tensorflow", "keras", "matplotlib", "sklearn", "scipy"):
    assert name not in sys.modules, name
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("02_unseen_disease.csv", ["line 3, disease", "'schizophrenia'", "prepare"]),
        ("02_unseen_occupation.csv", ["line 3, occupation", "'carpenter'", "prepare"]),
        ("02_nan_text.csv", ["age", "'nan'", "write - for a missing value"]),
        ("02_spaces_in_name.csv", ["line 3, name", "prepare"]),
        ("03_binary_latin1.parquet", ["row 0, name", "bytes"]),
        ("09_pandas_index.csv", ["column 1 has no name", "prepare"]),
        ("09_duplicate_column.csv", ["age appears twice"]),
        ("09_NaN.csv", ["age", "write - for a missing value", "prepare"]),
        ("09_floats.csv", ["line 2, age", "write 73", "prepare"]),
        ("11_phone_zero_lost.csv", ["line 2, phone_number", "11 digits", "prepare"]),
        ("13_blank_lines.csv", ["line 9, gender", "'Male'"]),
    ],
)
def test_untidy_entries_are_refused_at_every_door(refused, run, tmp_path, case, says):
    for command, ending in (("view", "csv"), ("encode", "npz")):
        file = tmp_path / f"o.{ending}"
        refused(command, CASES / case, "--receiver", "doctor", "--out", file, says=[case, *says])
        assert not file.exists()
    refused("evaluate", "--receiver", "doctor", "--data", CASES / case, says=[case, *says])


@pytest.mark.parametrize(
    "case",
    ["03_nullable_int.parquet", "09_semicolons.csv", "09_header_as_labels.csv",
     "09_header_spaces.csv", "04_user_id_index.parquet", "04_user_id_column.parquet"],
)  # fmt: skip
def test_tidy_entries_are_read(run, tmp_path, case):
    code, _, error = run("view", CASES / case, "--receiver", "doctor", "--out", tmp_path / "v.csv")
    assert code == 0, error


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("10_policy_comment.csv", ["# our policy of 2024"]),
        ("10_policy_emptycol.csv", ["column 6 has no name"]),
        ("10_policy_emptyname.csv", ["column 5 has no name"]),
    ],
)
def test_unclear_policies_are_refused(refused, tmp_path, case, says):
    refused("view", CASES / "good.csv", "--policy", CASES / case, "--receiver", "doctor", "--out",
            tmp_path / "v.csv", says=[case, *says])  # fmt: skip


def test_policies_with_semicolons_and_headings(run, tmp_path):
    good, out = CASES / "good.csv", tmp_path / "v.csv"
    for policy, receiver in (
        ("10_policy_semi.csv", "doctor"), ("11_clinic_policy.csv", "Clinic"),
        ("11_clinic_policy.csv", "clinic"), ("08_policy_brackets.csv", "ward_[/3]"),
    ):  # fmt: skip
        code, text, error = run("view", good, "--policy", CASES / policy, "--receiver", receiver,
                                "--out", out)  # fmt: skip
        assert code == 0, error
        assert receiver.lower() in text


def test_what_people_typed_is_no_markup_and_is_not_broken(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = tmp_path / f"view [draft] {'x' * 100}.csv"
    code, text, _ = run("view", CASES / "good.csv", "--receiver", "doctor", "--out", out)
    assert code == 0
    assert text.splitlines() == [f"36 views for doctor: {out}"]


def test_an_accent_in_a_path_of_an_ascii_terminal(tmp_path):
    out = tmp_path / "viéw.csv"
    done = subprocess.run(
        [*COMMAND, "view", CASES / "good.csv", "--receiver", "doctor", "--out", out],
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert out.exists()


def test_the_input_is_never_the_output(refused, tmp_path):
    shutil.copy(CASES / "good.csv", tmp_path / "e.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "e.csv")
    before = (tmp_path / "e.csv").read_bytes()
    for out in ("e.csv", "link.csv"):
        refused("view", tmp_path / "e.csv", "--receiver", "doctor", "--out", tmp_path / out,
                says="is the input, which would be lost")  # fmt: skip
    refused("encode", tmp_path / "e.csv", "--receiver", "doctor", "--out", tmp_path / "e.csv",
            says="is the input")  # fmt: skip
    assert (tmp_path / "e.csv").read_bytes() == before


def test_what_a_command_reads_is_never_what_it_writes(refused, run, clinic_files, tmp_path):
    own, schema, policy = (clinic_files / n for n in ("own.csv", "home.toml", "policy.csv"))
    table = 'hierarchy = { east = ["inside"], west = ["inside"], garden = ["outside"] }'
    schema.write_text(SCHEMA.replace(table, 'hierarchy = "ward.csv"'))
    ward = clinic_files / "ward.csv"
    ward.write_text("east;inside\nwest;inside\ngarden;outside\n")
    refused("view", own, "--schema", schema, "--policy", policy, "--receiver", "statistics",
            "--out", ward, says="ward.csv: is the input")  # fmt: skip
    refused("prepare", own, "--schema", schema, "--out", ward, says="ward.csv: is the input")
    assert ward.read_text().startswith("east")
    refused("describe", own, "--out", tmp_path / "x.toml", "--policy-out", tmp_path / "x.toml",
            says="is the input")  # fmt: skip
    refused("describe", own, "--out", tmp_path / "x.toml", "--receivers", ",", says="--receivers")
    refused("describe", own, "--out", tmp_path / "x.toml", "--policy-out", tmp_path / "p.csv",
            "--receivers", "Nurse,nurse", says="receivers: expected different names")  # fmt: skip
    assert not (tmp_path / "x.toml").exists()
    refused("encode", CASES / "good.csv", "--pair", "doctor", "--out", tmp_path / "c.csv",
            says="expected .npz")  # fmt: skip


def test_options_out_of_range(refused, tmp_path, clinic_files):
    train = ("train", "--receiver", "doctor", "--out", tmp_path / "r")
    for option, value in (("--minutes", 0), ("--minutes", "nan"), ("--until", -1)):
        refused(*train, option, value, says=f"{option}: expected more than 0")
    for option in ("--spread", "--learning-rate", "--threshold"):
        for value in ("nan", "inf"):
            refused(*train, option, value, says="expected a finite number")
    refused(*train, "--embedding", 10**9, says="embedding: expected at most 100000")
    refused(*train, "--seed", 2**32, says="seed: expected less than")
    refused(*train, "--data", CASES / "good.csv", "--users", 3, says="expected none beside --data")
    assert not (tmp_path / "r").exists()


def test_a_full_standard_output_is_one_line(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "view", CASES / "good.csv", "--receiver", "doctor", "--out",
             tmp_path / "v.csv"], stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "aalprivacy: standard output: No space left on device\n"


def test_a_key_with_a_byte_order_mark(run, tmp_path):
    seal = ("--seal", CASES / "14_key_bom.key", "--receiver", "doctor", "--out")
    assert run("encode", CASES / "good.csv", *seal, tmp_path / "c.npz")[0] == 0


def test_unknown_receiver(refused, entries_file, tmp_path):
    refused("view", entries_file, "--receiver", "nosy", "--out", tmp_path / "o.csv",
            says="unknown receiver 'nosy'")  # fmt: skip
    refused("encode", entries_file, "--receiver", "nosy", "--out", tmp_path / "o.npz",
            says="nosy: no such pair")  # fmt: skip
    refused("encode", entries_file, "--out", tmp_path / "o.npz", says="--pair: expected a folder")
    refused("evaluate", "--receiver", "nosy", says="nosy: no such pair")
    refused("encode", entries_file, "--pair", "doctor", "--receiver", "researcher", "--out",
            tmp_path / "o.npz", says="this pair is for doctor, not for researcher")  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.drop(columns="disease"), ["no column disease"]),
        (lambda t: t.assign(shoe="9"), ["unexpected column 'shoe'"]),
        (lambda t: t[:0], ["no entries"]),
        (lambda t: t.assign(name="José"), ["row 0", "name", "'José'"]),
        (lambda t: t.assign(address="a " + "a" * 150), ["row 0", "at most 160"]),
        (lambda t: t.assign(age=[*t["age"][:-1], None]), ["row 299", "age", "null"]),
        (lambda t: t.assign(age="old"), ["row 0", "age", "expected an age in years", "'old'"]),
    ],
)
def test_bad_entries(refused, tmp_path, entries, edit, says):
    path = tmp_path / "e.parquet"
    edit(entries.astype(dict.fromkeys(NAMES, object))).to_parquet(path)
    refused("encode", path, "--receiver", "researcher", "--out", tmp_path / "c.npz",
            says=["e.parquet", *says])  # fmt: skip
    assert not (tmp_path / "c.npz").exists()


def test_a_row_with_more_values_than_names(refused, tmp_path, entries):
    head, *rows = entries.drop(columns="user_id")[:3].to_csv(index=False).splitlines()
    (tmp_path / "e.csv").write_text("\n".join([head, rows[0], f"{rows[1]},surplus"]))
    refused("view", tmp_path / "e.csv", "--receiver", "doctor", "--out", tmp_path / "v.csv",
            says="e.csv, line 3: 21 values; expected 20")  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [("e.csv", b""), ("e.parquet", b"PAR1 no")])
def test_entries_that_are_no_table(refused, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused("view", tmp_path / name, "--receiver", "doctor", "--out", tmp_path / "v.csv", says=name)


def test_absent_files_and_unknown_endings(refused, tmp_path, entries_file):
    view = ("--receiver", "doctor", "--out")
    refused("view", tmp_path / "no.csv", *view, tmp_path / "v.csv", says="no such file")
    refused("view", entries_file, *view, tmp_path / "v.txt", says="unknown ending '.txt'")
    refused("decode", tmp_path / "no.npz", "--receiver", "researcher", "--out", tmp_path / "v.csv",
            says="no such file")  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"version": 1}, "format version 1; expected 2"),
        ({"codes": np.zeros((3, 100), np.float32)}, "expected (n, 512) float32"),
        ({"codes": np.zeros((3, 512))}, "type float64; expected (n, 512) float32, float16, int8"),
        ({"codes": np.zeros((3, 512), np.int8)}, "expected one scale a number"),
        ({"codes": np.full((3, 512), np.nan, np.float32)}, "row 0"),
        ({"encoder": "another"}, "encoded by encoder another"),
        (
            {"encoder": "another", "codes": np.zeros((3, 128), np.float32)},
            "encoded by encoder another",
        ),
        ({"cut": True}, "damaged"),
    ],
)
def test_bad_codes(refused, tmp_path, edit, says):
    mark = json.loads((PRETRAINED / "researcher" / "card.json").read_text())["fingerprints"]
    about = {"version": edit.get("version", 2), "encoder": edit.get("encoder", mark["encoder"])}
    buffer = io.BytesIO()
    np.savez(
        buffer, codes=edit.get("codes", np.zeros((3, 512), np.float32)), about=json.dumps(about)
    )
    content = buffer.getvalue()
    (tmp_path / "c.npz").write_bytes(content[: len(content) // 2] if "cut" in edit else content)
    refused("decode", tmp_path / "c.npz", "--receiver", "researcher", "--out", tmp_path / "v.csv",
            says=["c.npz", says])  # fmt: skip
    assert not (tmp_path / "v.csv").exists()


def test_foreign_codes_by_force(run, tmp_path):
    codes.write_codes(codes.Codes(np.zeros((2, 512), np.float32), "other"), tmp_path / "c.npz")
    assert run("decode", tmp_path / "c.npz", "--receiver", "researcher", "--force",
               "--out", tmp_path / "v.csv")[0] == 0  # fmt: skip
    assert len(pd.read_csv(tmp_path / "v.csv")) == 2


def test_outputs_that_cannot_be_written(refused, tmp_path, entries_file):
    nowhere = tmp_path / "none" / "x.csv"
    refused("simulate", "--users", 2, "--out", nowhere, says="can't be written")
    refused("view", entries_file, "--receiver", "doctor", "--out", nowhere, says="can't be written")
    (tmp_path / "file").write_text("")
    refused("reproduce", "--out", tmp_path / "file" / "x", says="can't be made")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX limits")
def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit on the size of a file stands in for a full disk: both stop a write half-way."""
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from aalprivacy.__main__ import main; main()"
    )
    for name in ("e.csv", "e.parquet"):
        done = subprocess.run(
            [sys.executable, "-c", program, "simulate", "--users", "300", "--out", tmp_path / name],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 1
        assert "can't be written" in done.stderr
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(run, tmp_path, monkeypatch):
    def half_way(self, path, **_):
        Path(path).write_text("half")
        raise KeyboardInterrupt

    (tmp_path / "e.csv").write_text("before")
    monkeypatch.setattr(pd.DataFrame, "to_csv", half_way)
    assert run("simulate", "--users", 2, "--out", tmp_path / "e.csv")[0] == 130
    assert (tmp_path / "e.csv").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_command_is_also_a_module():
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "encode" in done.stdout


def test_the_door_is_small():
    """It parses, calls and prints; work stands in the rooms behind it."""
    lines = Path(aalprivacy.__file__).with_name("cli.py").read_text().splitlines()
    assert len(lines) < 450
    assert commands.__doc__
