"""The command line on real files: the main job, and every bad input."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import aalprivacy
from aalprivacy import cli, files, training
from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError
from aalprivacy.policy import TABLE_I
from aalprivacy.simulate import simulate
from aalprivacy.views import apply_policy

PRETRAINED = Path(aalprivacy.__file__).parent / "pretrained" / "researcher"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line; exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["aalprivacy", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def entries_file(tmp_path, entries):
    files.write_entries(entries, tmp_path / "entries.parquet")
    return tmp_path / "entries.parquet"


@pytest.fixture
def refused(run):
    """Run and expect one clear line and no traceback."""

    def refused(*arguments, says):
        code, _, error = run(*arguments)
        assert code not in (0, None)
        assert error.startswith("aalprivacy: ")
        assert error.count("\n") == 1
        for part in [says] if isinstance(says, str) else says:
            assert part in error
        return error

    return refused


# --- the main job ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_simulate_and_view(run, tmp_path, ending):
    entries, view = tmp_path / f"e.{ending}", tmp_path / f"v.{ending}"
    assert run("simulate", "--users", 5, "--entries", 4, "--seed", 1, "--out", entries)[0] == 0
    assert run("view", entries, "--receiver", "doctor", "--out", view)[0] == 0
    table = simulate(5, 4, 1)
    assert files.read_entries(entries)[list(NAMES)].equals(table[list(NAMES)])
    assert files.read_entries(view).equals(apply_policy(table, TABLE_I, "doctor"))


def test_encode_decode_evaluate(run, tmp_path, entries_file, entries):
    codes, view = tmp_path / "c.npz", tmp_path / "v.csv"
    assert run("encode", entries_file, "--receiver", "researcher", "--out", codes)[0] == 0
    assert run("decode", codes, "--receiver", "researcher", "--out", view)[0] == 0
    with np.load(codes) as made:
        assert made["codes"].shape == (len(entries), 512)
        assert made["codes"].dtype == np.float32
    decoded, expected = files.read_entries(view), apply_policy(entries)
    assert (decoded == expected).to_numpy().mean() > 0.97
    code, text, _ = run("evaluate", "--receiver", "researcher", "--data", entries_file, "--json")
    assert code == 0
    score = json.loads(text)["researcher"]["entries.parquet"]
    assert score["entries"] == len(entries)
    assert score["character_error"] < 3
    assert set(score["attributes"]) == set(NAMES)


def test_the_blind_pair(run, refused, tmp_path, entries_file):
    """It carries the view as well, and not a character of what the view hides."""
    codes, view = tmp_path / "c.npz", tmp_path / "v.csv"
    blind = ("--receiver", "researcher", "--blind", "--out")
    assert run("encode", entries_file, *blind, codes)[0] == 0
    assert run("decode", codes, *blind, view)[0] == 0
    entries = files.read_entries(entries_file)
    expected = apply_policy(entries)
    assert (files.read_entries(view) == expected).to_numpy().mean() > 0.97
    other = entries.assign(name=entries["name"].iloc[::-1].to_numpy())
    pair = aalprivacy.load_pair("researcher", blind=True)
    np.testing.assert_array_equal(pair.encode_entries(other), pair.encode_entries(entries))
    says = "this decoder belongs to encoder"
    refused("decode", codes, "--receiver", "researcher", "--out", tmp_path / "w.csv", says=says)
    refused("encode", entries_file, "--receiver", "doctor", "--blind", "--out", codes,
            says="no blind pair ships for doctor (only for: researcher)")  # fmt: skip
    refused("encode", entries_file, "--pair", tmp_path, *blind, codes, says="expected one of them")


def test_bfloat16_encodes_and_decodes_the_same_text(run, refused, tmp_path, entries_file):
    fast = ("--receiver", "researcher", "--product-dtype", "bfloat16", "--out")
    assert run("encode", entries_file, *fast, tmp_path / "c.npz")[0] == 0
    assert run("decode", tmp_path / "c.npz", *fast, tmp_path / "v.csv")[0] == 0
    decoded = files.read_entries(tmp_path / "v.csv")
    expected = apply_policy(files.read_entries(entries_file))
    assert (decoded == expected).to_numpy().mean() > 0.97
    for command, file in (("encode", entries_file), ("decode", tmp_path / "c.npz")):
        refused(command, file, "--receiver", "researcher", "--product-dtype", "int8", "--out",
                tmp_path / "x.npz", says="expected float32 or bfloat16, got 'int8'")  # fmt: skip


def test_sealed_codes(run, refused, tmp_path, entries_file):
    key, other, codes = tmp_path / "a.key", tmp_path / "b.key", tmp_path / "c.npz"
    assert run("key", "--out", key)[0] == run("key", "--out", other)[0] == 0
    assert key.stat().st_mode & 0o077 == 0
    refused("key", "--out", key, says="exists already")
    researcher = ("--receiver", "researcher", "--out")
    assert run("encode", entries_file, "--seal", key, *researcher, codes)[0] == 0
    view = tmp_path / "v.csv"
    refused("decode", codes, *researcher, view, says="is sealed; expected a key")
    refused("decode", codes, "--key", other, *researcher, view, says="can't be unsealed")
    refused("decode", codes, "--key", tmp_path / "no", *researcher, view, says="no such file")
    assert not view.exists()
    assert run("decode", codes, "--key", key, *researcher, view)[0] == 0
    assert len(files.read_entries(view)) == len(files.read_entries(entries_file))


def test_audit(run, refused, tmp_path, monkeypatch, idle_probes):
    kept = tmp_path / "audit.json"
    others = {"doctor": aalprivacy.load_pair("doctor")}  # one of the attacker's own is enough
    monkeypatch.setattr(aalprivacy, "shipped_pairs", lambda: others)
    how = (
        "audit", "--receiver", "researcher", "--known", 100, "--targets", 50, "--updates", 2,
        "--out", kept,
    )  # fmt: skip
    code, text, _ = run(*how, "--json")
    assert code == 0
    audits = json.loads(text)
    assert json.loads(kept.read_text()) == audits
    audit = audits["researcher"]
    assert audit["known"] == 100
    assert audit["encoder"] == aalprivacy.load_pair("researcher").fingerprint
    assert {f["attack"] for f in audit["findings"]} == {
        "wrong key", "near key", "nearest neighbour", "linear map", "own decoder",
        "statistics only", "insider, linear probe", "insider, neural probe",
        "insider, whole entry", "linkage", "tampering", "remedy: noise, receiver reads",
        "remedy: noise, linear probe", "remedy: rounding",
    }  # fmt: skip
    refused("audit", "--receiver", "nosy", says="unknown receiver 'nosy'")
    # Interrupted before its last attack, an audit goes on to the same end.
    first = audit["findings"]
    before = first[:-3]  # an attack that reads has three findings
    audit |= {"attacks": audit["attacks"] - 1, "findings": before}
    kept.write_text(json.dumps(audits))
    code, text, _ = run(*how)
    assert code == 0
    assert "own decoder" in text
    (whole,) = json.loads(kept.read_text()).values()
    assert whole["attacks"] == audit["attacks"] + 1
    assert whole["findings"][: len(before)] == before
    what = ("attack", "setting", "measure")
    found = [[[f[k] for k in what] for f in findings] for findings in (first, whole["findings"])]
    assert found[0] == found[1]
    refused(*how[:-3], 3, *how[-2:], says="audit.json: holds something else")
    whole["findings"][0]["setting"] = "in words"
    for content in ("{}", json.dumps({"researcher": whole})):
        kept.write_text(content)
        refused(*how, says="audit.json: holds something else")


def test_evaluate_prints_the_three_test_sets(run):
    code, text, _ = run("evaluate", "--receiver", "researcher", "--entries", 40)
    assert code == 0
    assert all(kind in text for kind in ("seen", "unseen", "open"))


def test_the_card_tells_what_the_pair_is():
    card = json.loads((PRETRAINED / "card.json").read_text())
    assert card["receiver"] == "researcher"
    assert card["policy"] == TABLE_I.to_frame()["researcher"].to_dict()
    assert card["test"]["unseen"]["character_error"] < 3
    assert {"data", "recipe", "training", "machine", "versions", "fingerprints"} <= set(card)


def test_train_interrupt_resume(refused, tmp_path, entries_file):
    """Ctrl-C leaves a checkpoint and nothing half-written; --resume ends with a pair."""
    folder, other_file = tmp_path / "run", tmp_path / "other.parquet"
    files.write_entries(simulate(50, 2, seed=4), other_file)
    train = ["train", "--receiver", "doctor", "--out", folder, "--data", entries_file,
             "--validate-every", "30", "--test-entries", "20"]  # fmt: skip
    command = [sys.executable, "-c", "from aalprivacy.cli import main; main()", *train]
    first = subprocess.Popen([*command, "--updates", "100000"])
    deadline = time.monotonic() + 120
    while not (folder / "log.csv").exists():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint.npz", "log.csv", "run.json"]
    refused(*train, says="has a training already")
    resume = (*train, "--resume")
    refused(*resume, "--seed", 9, says="was begun with --seed 0; expected that or none, got 9")
    refused(*resume, "--data", other_file,
            says="was begun with other entries; expected the same --data")  # fmt: skip
    resumed = [*command, "--resume", "--until", "1000", "--minutes", "60"]
    done = subprocess.run(resumed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    card = json.loads((folder / "card.json").read_text())
    assert card["receiver"] == "doctor"
    assert card["data"]["file"] == "entries.parquet"
    assert card["training"]["until"] == 1000


# --- bad input ------------------------------------------------------------------------------------


def test_training_options(refused, tmp_path, monkeypatch):
    train = ("train", "--receiver", "doctor", "--out", tmp_path / "r")
    refused(*train, "--product-dtype", "int8", says="expected auto or float32 or bfloat16")
    refused(*train, "--augmentation", 0.6, 1.2, says="expected two shares of 0 to 1")
    config = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    refused(*train, "--until", 1.5, says="only one machine can stop early")
    refused(*train, "--start-from", "doctor", says="--start-from: only one machine can")
    assert not (tmp_path / "r").exists()


def test_train_on_few_simulated_users(run, refused, tmp_path):
    folder = tmp_path / "r"
    done = run("train", "--receiver", "doctor", "--users", 40, "--entries", 2, "--updates", 2,
               "--test-entries", 50, "--out", folder)  # fmt: skip
    assert done[0] == 0
    card = json.loads((folder / "card.json").read_text())
    resume = ("train", "--receiver", "doctor", "--resume", "--out", folder)
    refused(*resume, "--users", 50, says="begun with --users 40; expected that or none, got 50")
    refused(*resume, "--entries", 3, says="begun with --entries 2; expected that or none, got 3")
    assert card["test"]["seen"]["entries"] == 80
    assert card["test"]["open"]["entries"] == 50
    (folder / "run.json").write_text("{")
    refused(*resume, says="run.json: missing or broken")


def test_a_receiver_of_ones_own_started_from_a_shipped_pair(run, refused, tmp_path):
    table = TABLE_I.to_frame()[["researcher"]].rename(columns={"researcher": "Neighbour"})
    table.loc["light_sensor"] = "D"
    table.to_csv(tmp_path / "own.csv")
    folder = tmp_path / "neighbour"
    train = ("train", "--receiver", "neighbour", "--policy", tmp_path / "own.csv", "--users", 60,
             "--entries", 2, "--test-entries", 20)  # fmt: skip
    began = (*train, "--updates", 40, "--learning-rate", 2e-3, "--mixing", 0)
    code, text, _ = run(*began, "--out", folder, "--start-from", "researcher")
    assert code == 0, text
    card = json.loads((folder / "card.json").read_text())
    assert card["started_from"]["encoder"] == aalprivacy.load_pair("researcher").fingerprint
    before = aalprivacy.read_card("researcher")["training"]
    assert card["started_from"]["seconds"] == before["seconds"]
    assert card["recipe"]["first_window"] == 20
    # Forty updates are enough to delete one more attribute for some and not to forget the rest.
    assert card["test"]["unseen"]["character_error"] < 30
    code, text, _ = run("evaluate", "--pair", folder, "--receiver", "neighbour", "--entries", 20)
    assert code == 0
    assert f"{card['test']['unseen']['character_error']:.3f}" in text
    began = ("train", "--receiver", "doctor", "--out", tmp_path / "r", "--start-from")
    refused(*began, "doktor", says="doktor: no such folder; expected a trained pair")
    refused(*began, folder, "--resume", says="goes on from its checkpoint")


def test_threads_are_set_before_any_model_is_made(refused, tmp_path, monkeypatch):
    """TensorFlow ignores it afterwards."""
    order = []

    def load(*_, **__):
        order.append("pair")
        raise InputError("that will do")

    monkeypatch.setattr(training, "one_thread_a_shard", lambda: order.append("threads"))
    monkeypatch.setattr(aalprivacy, "load_pair", load)
    refused("audit", "--receiver", "doctor", says="that will do")
    refused("train", "--receiver", "doctor", "--start-from", "doctor", "--out", tmp_path / "r",
            says="that will do")  # fmt: skip
    assert order == ["threads", "pair", "threads", "pair"]


def test_a_blind_pair_never_reads_what_it_hides(run, tmp_path, entries):
    """Homes that differ in what the researcher may not see have the same codes, to the last bit."""
    folder, codes, to = tmp_path / "blind", [], ("--receiver", "researcher", "--out")
    code, text, _ = run(
        "train", "--receiver", "researcher", "--blind", "--start-from", "researcher", "--users", 60,
        "--entries", 1, "--updates", 2, "--test-entries", 10, "--out", folder,
    )  # fmt: skip
    assert code == 0, text
    for i, name in enumerate(("ann smith", "bob jones")):
        table = entries[:9].drop(columns="user_id").assign(name=name)
        files.write_entries(table, tmp_path / "e.csv")
        for pair in ((), ("--pair", folder)):
            out = tmp_path / f"{len(pair)}{i}.npz"
            assert run("encode", tmp_path / "e.csv", *to, out, *pair)[0] == 0
            with np.load(out) as file:
                codes.append(file["codes"])
    (open_first, blind_first, open_second, blind_second) = codes
    assert (blind_first == blind_second).all()
    assert (open_first != open_second).any(axis=1).all()


def test_number_types_of_codes(run, refused, tmp_path, entries_file):
    researcher = ("--receiver", "researcher", "--out")
    expected = apply_policy(files.read_entries(entries_file))
    for number_type in files.NUMBER_TYPES:
        file, view = tmp_path / f"{number_type}.npz", tmp_path / "v.csv"
        assert run("encode", entries_file, "--number-type", number_type, *researcher, file)[0] == 0
        assert run("decode", file, *researcher, view)[0] == 0
        assert (files.read_entries(view) == expected).to_numpy().mean() > 0.9
    refused("encode", entries_file, "--number-type", "int4", *researcher, tmp_path / "x.npz",
            says="expected float32 or float16 or int8, got 'int4'")  # fmt: skip


def test_unknown_receiver(refused, entries_file, tmp_path):
    for command, name in (("view", "o.csv"), ("encode", "o.npz")):
        refused(command, entries_file, "--receiver", "nosy", "--out", tmp_path / name,
                says="unknown receiver 'nosy'")  # fmt: skip
    refused("evaluate", "--receiver", "nosy", says="unknown receiver 'nosy'")
    refused("train", "--receiver", "nosy", "--out", tmp_path / "r", says="unknown receiver 'nosy'")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.replace("Age,", "Shoe Size,"), ["row 3", "unknown attribute 'Shoe Size'"]),
        (lambda t: t.replace("Age,F", "Age,X"), ["row 3", "age", "got 'X'"]),
        (lambda t: "\n".join(t.splitlines()[:-1]), ["no operation for energy_consumption"]),
        (lambda t: t + "Name,F,F,F,D\n", ["row 22", "name stands twice"]),
        (lambda t: t.replace("Name,F", "Name,G"), ["name has no generalisation"]),
        (lambda t: "", ["p.csv"]),
        (lambda t: t + "Name,F,F,F,D,F,F,F\n", ["p.csv", "Expected 5 fields"]),
    ],
)
def test_bad_policy(refused, tmp_path, entries_file, edit, says):
    text = (Path(aalprivacy.__file__).parent / "table1.csv").read_text()
    (tmp_path / "p.csv").write_text(edit(text))
    refused(
        "view", entries_file, "--receiver", "doctor", "--policy", tmp_path / "p.csv", "--out",
        tmp_path / "v.csv", says=["p.csv", *says],
    )  # fmt: skip
    assert not (tmp_path / "v.csv").exists()


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t.drop(columns="disease"), ["no column disease"]),
        (lambda t: t.assign(shoe="9"), ["unexpected column 'shoe'"]),
        (lambda t: t[:0], ["no entries"]),
        (lambda t: t.assign(name="José"), ["row 0", "name", "'J'"]),
        (lambda t: t.assign(address="a" * 150), ["row 0", "at most 160"]),
        (lambda t: t.assign(age=[*t["age"][:-1], None]), ["row 299", "age", "null"]),
        (lambda t: t.assign(age="old"), ["row 0", "age", "expected an age in years", "'old'"]),
    ],
)
def test_bad_entries(refused, tmp_path, entries, edit, says):
    path = tmp_path / "e.parquet"
    edit(entries.astype(dict.fromkeys(NAMES, object))).to_parquet(path)
    refused("view", path, "--receiver", "researcher", "--out", tmp_path / "v.csv",
            says=["e.parquet", *says])  # fmt: skip
    assert not (tmp_path / "v.csv").exists()


def test_a_row_with_more_values_than_names(refused, tmp_path, entries):
    head, *rows = entries.drop(columns="user_id")[:3].to_csv(index=False).splitlines()
    (tmp_path / "e.csv").write_text("\n".join([head, *(f"{row},surplus" for row in rows)]))
    refused("view", tmp_path / "e.csv", "--receiver", "doctor", "--out", tmp_path / "v.csv",
            says="e.csv: rows have more values than the first line has names")  # fmt: skip


def test_bad_values_are_a_files_everywhere(refused, tmp_path, entries):
    entries[:50].assign(age="old").to_csv(tmp_path / "e.csv", index=False)
    researcher = ("--receiver", "researcher")
    says = ["e.csv, row 0, age: expected an age in years, got 'old'"]
    refused("encode", tmp_path / "e.csv", *researcher, "--blind", "--out", tmp_path / "c",
            says=says)  # fmt: skip
    refused("evaluate", "--data", tmp_path / "e.csv", *researcher, says=says)


def test_validation_is_of_all_users_held_out(tmp_path):
    files.write_entries(simulate(200, 100, seed=2), tmp_path / "e.parquet")
    training, validation = cli._training_data(tmp_path / "e.parquet", {})
    assert len(validation) == 300
    assert validation["user_id"].nunique() == 10
    assert not set(validation["user_id"]) & set(training["user_id"])


@pytest.mark.parametrize(("name", "content"), [("e.csv", b""), ("e.parquet", b"PAR1 no")])
def test_entries_that_are_no_table(refused, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused("view", tmp_path / name, "--receiver", "doctor", "--out", tmp_path / "v.csv", says=name)


def test_absent_files_and_unknown_endings(refused, tmp_path, entries_file):
    view = ("--receiver", "doctor", "--out")
    refused("view", tmp_path / "no.csv", *view, tmp_path / "v.csv", says="no such file")
    refused("view", entries_file, *view, tmp_path / "v.txt", says="expected .parquet or .csv")
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
        ({"cut": True}, "damaged"),
    ],
)
def test_bad_codes(refused, tmp_path, edit, says):
    mark = json.loads((PRETRAINED / "card.json").read_text())["fingerprints"]["encoder"]
    about = {"version": edit.get("version", 2), "encoder": edit.get("encoder", mark)}
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
    files.write_codes(files.Codes(np.zeros((2, 512), np.float32), "other"), tmp_path / "c.npz")
    assert run("decode", tmp_path / "c.npz", "--receiver", "researcher", "--force",
               "--out", tmp_path / "v.csv")[0] == 0  # fmt: skip
    assert len(pd.read_csv(tmp_path / "v.csv")) == 2


def test_bad_pairs(refused, tmp_path, entries_file):
    def encode(says):
        refused("encode", entries_file, "--receiver", "researcher", "--pair", tmp_path / "pair",
                "--out", tmp_path / "c.npz", says=says)  # fmt: skip

    encode("no such folder")
    for absent in ("weights.npz", "card.json"):
        shutil.rmtree(tmp_path / "pair", ignore_errors=True)
        shutil.copytree(PRETRAINED, tmp_path / "pair")
        (tmp_path / "pair" / absent).unlink()
        encode(f"no {absent}")
    shutil.copytree(PRETRAINED, tmp_path / "pair", dirs_exist_ok=True)
    weights = tmp_path / "pair" / "weights.npz"
    with np.load(weights) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    for edit, says in (
        ({"decoder/scores/bias": arrays["decoder/scores/bias"] + 1}, "belongs to another pair"),
        ({"decoder/scores/bias": np.zeros(3)}, "can't be read as a pair's weights"),
        ({"about": json.dumps(about | {"version": 2})}, "format version 2; expected 1"),
    ):
        np.savez(weights, **arrays | edit)
        encode(says)
    weights.write_bytes(b"nothing")
    encode("can't be read as a pair's weights")
    (tmp_path / "pair" / "card.json").write_text("{}")
    encode("not the card of a pair")
    shutil.rmtree(tmp_path / "pair")
    shutil.copytree(PRETRAINED, tmp_path / "pair")
    refused("encode", entries_file, "--receiver", "doctor", "--pair", tmp_path / "pair",
            "--out", tmp_path / "c.npz",
            says="this pair is for researcher, not for doctor")  # fmt: skip


def test_outputs_that_cannot_be_written(refused, tmp_path, entries_file):
    nowhere = tmp_path / "none" / "x.csv"
    refused("simulate", "--users", 2, "--out", nowhere, says="can't be written")
    refused("view", entries_file, "--receiver", "doctor", "--out", nowhere, says="can't be written")
    (tmp_path / "file").write_text("")
    refused("reproduce", "--out", tmp_path / "file" / "x", says="can't be made")
    refused("train", "--receiver", "doctor", "--out", tmp_path / "file" / "x", says="can't be made")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX limits")
def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit on the size of a file stands in for a full disk: both stop a write half-way."""
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from aalprivacy.cli import main; main()"
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


def test_no_shipped_pair(refused, entries_file, tmp_path, monkeypatch):
    monkeypatch.setattr(aalprivacy, "pair_folder", lambda receiver, blind: tmp_path / receiver)
    refused("encode", entries_file, "--receiver", "doctor", "--out", tmp_path / "c.npz",
            says="no trained pair ships for doctor (only for: none)")  # fmt: skip
