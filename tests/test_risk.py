"""What views give away and are good for, on tables whose answers are known."""

import json
from importlib import util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from aalprivacy import risk
from aalprivacy.errors import InputError
from aalprivacy.plotting.risk import utility_against_risk
from aalprivacy.policy import TABLE_I
from aalprivacy.risk import Attack, Rate, anonymity, inference, linkability, singling_out, view_risk
from aalprivacy.utility import _area, features, utility
from aalprivacy.views import apply_policy

EXAMPLE = Path(__file__).parent.parent / "examples" / "nhanes"
N = 60


def text(**columns):
    return pd.DataFrame({name: pd.Series(list(map(str, v))) for name, v in columns.items()})


@pytest.fixture(scope="module")
def unique():
    """Everybody has an age of their own, which tells the illness."""
    return text(age=range(N), town=np.arange(N) * 7 % N, ill=np.arange(N) // 5 % 2)


@pytest.fixture(scope="module")
def others():
    return text(age=np.arange(N) + 1000, town=np.arange(N) + 1000, ill=np.arange(N) % 2)


def test_wilsons_interval():
    rate = Rate.of(np.arange(10) < 5)
    assert (rate.value, round(rate.low, 4), round(rate.high, 4)) == (0.5, 0.2366, 0.7634)
    assert Rate.of(np.zeros(100, bool)).high == pytest.approx(0.0370, abs=1e-4)


def test_the_risk_is_what_the_control_does_not_explain():
    def attack(a, c):
        return Attack(Rate(a, a - 0.1, a + 0.1), Rate(0, 0, 0), Rate(c, c - 0.1, c + 0.1)).risk

    found = attack(0.8, 0.5)
    assert found.value == pytest.approx(0.6)
    half = np.hypot(0.1 / 0.5, 0.1 * 0.2 / 0.25)  # of attack / (1 - c), control (1 - a) / (1 - c)^2
    assert (found.low, found.high) == pytest.approx((0.6 - half, 0.6 + half))
    assert attack(0.4, 0.5).value == 0
    assert attack(1.0, 1.0) == Rate(0, 0, 1)


def test_k_l_and_t_of_a_table_made_by_hand():
    table = text(age=["1"] * 6 + ["2"] * 2, sex=["f"] * 8, ill=list("aabbccaa"))
    found = anonymity(table, ["age", "sex"], "ill")
    assert (found.classes, found.k, found.small, found.l) == (2, 2, 0.25, 1)
    assert found.found == pytest.approx((6 * 1 / 6 + 2 * 1 / 2) / 8)
    assert found.t == pytest.approx(0.5)  # all are a in the class, half of all are
    shuffled = table.sample(frac=1, random_state=1)  # its index isn't the rows' places
    assert anonymity(shuffled, ["age", "sex"], "ill") == found
    assert anonymity(table.assign(ill="*"), ["age"], "ill").l is None
    lost = table.assign(ill=["-", *table["ill"][1:]])
    assert anonymity(lost, ["age"], "ill").l == 1
    with pytest.raises(InputError, match="no attribute shoe; expected age, sex, ill"):
        anonymity(table, ["shoe"], "ill")


def test_another_program_finds_the_same_k_l_and_t(entries):
    reason = "needs pip install 'aalprivacy[real]'"
    canon = pytest.importorskip("pycanon.anonymity", reason=reason)
    people = entries.groupby("user_id", as_index=False).first()
    for receiver in TABLE_I.receivers:
        view = apply_policy(people, TABLE_I, receiver)
        for known in (["age"], ["gender", "marital_status"]):
            found = anonymity(view, known, "disease")
            view = view.astype(object)
            assert found.k == canon.k_anonymity(view, known)
            assert found.l == canon.l_diversity(view, known, ["disease"])
            assert found.t == pytest.approx(canon.t_closeness(view, known, ["disease"]))


def test_singling_out(unique, others):
    found = singling_out(unique, others, attributes=2)
    assert (found.attack.value, found.control.value) == (1, 0)
    assert found.baseline.value < 0.5
    assert found.risk.value == 1
    alike = text(a=["x"] * N, b=["y", "z"] * (N // 2))
    assert singling_out(alike, alike).attack.value == 0
    constant = text(a=["x"] * N)
    assert singling_out(constant, constant).attack.value == 0


def test_one_rare_value_is_found():
    """Only its rarest value tells that person from the others."""
    table = text(
        **{c: ["x"] * (N // 2) + ["y"] * (N // 2) for c in "abcd"}, e=["z"] + ["w"] * (N - 1)
    )
    found = singling_out(table, table.assign(e="w"), attributes=1)
    assert found.attack.value == pytest.approx(1 / N)
    assert found.control.value == 0


def test_linkability(unique, others):
    found = linkability(unique, others, ["age"], ["town"])
    assert found.attack.value == 1
    assert max(found.baseline.value, found.control.value) < 0.2
    hidden = unique.assign(town="*")
    assert linkability(hidden, hidden, ["age"], ["town"]).attack.value < 0.2
    with pytest.raises(InputError, match="an attribute on both sides"):
        linkability(unique, others, ["age"], ["town", "age"])


def test_what_is_near_is_linked():
    """Numbers that are known roughly lead to the nearest one."""
    view = text(age=range(0, 10 * N, 10), weight=range(0, 10 * N, 10))
    rough = text(age=range(3, 10 * N, 10), weight=range(4, 10 * N, 10))
    assert linkability(view, rough, ["age"], ["weight"]).control.value == 1


def test_inference(unique, others):
    truth = unique["ill"], others["ill"]
    found = inference(unique, others, ["age"], "ill", *truth)
    assert found.attack.value == 1
    assert found.baseline.value == found.control.value == 0.5
    assert found.risk.value == 1
    hidden = inference(unique.assign(ill="*"), others, ["age"], "ill", *truth)
    assert hidden.attack == hidden.baseline
    few = unique[:6]  # fewer people than neighbours are asked
    assert 0 <= inference(few, others, ["age"], "ill", few["ill"], truth[1]).attack.value <= 1
    with pytest.raises(InputError, match="ill is known; expected a secret that isn't"):
        inference(unique, others, ["ill"], "ill", *truth)


def test_people_who_are_alike_vote():
    view = text(
        age=["1"] * 30 + ["2"] * 30, ill=(["a"] * 2 + ["b"]) * 10 + (["c"] * 2 + ["b"]) * 10
    )
    found = inference(view, view, ["age"], "ill", view["ill"], view["ill"])
    assert found.attack.value == pytest.approx(2 / 3)
    assert found.baseline.value == pytest.approx(1 / 3)
    lost = view.assign(ill=["-"] * 10 + list(view["ill"][10:]))
    assert inference(lost, view, ["age"], "ill", lost["ill"], view["ill"]).attack.value > 0.6


def test_risks_of_table_i(entries):
    people = entries.groupby("user_id", as_index=False).first()
    how = {"known": ["age", "gender", "marital_status"], "secret": "disease", "attacks": 30}
    whole, doctor, researcher = (
        view_risk(people, TABLE_I, r, **how) for r in (None, "doctor", "researcher")
    )
    assert whole.anonymity.found > doctor.anonymity.found > researcher.anonymity.found
    assert whole.anonymity.classes > researcher.anonymity.classes
    assert whole.linkability.attack.value > researcher.linkability.attack.value
    assert view_risk(people, TABLE_I, None, **how) == whole
    hidden = view_risk(people, TABLE_I, "researcher", **how | {"secret": "name"})
    assert (hidden.anonymity.l, hidden.anonymity.t) == (None, None)
    assert hidden.inference.attack == hidden.inference.baseline
    for wrong, message in (
        ((entries, TABLE_I, None), "a person appears twice"),
        ((people[:5], TABLE_I, None), "5 people; expected at least 20"),
        ((people, TABLE_I, "chef"), "unknown receiver"),
    ):
        with pytest.raises(InputError, match=message):
            view_risk(*wrong, **how)
    with pytest.raises(InputError, match="unknown attribute 'shoe'"):
        view_risk(people, TABLE_I, None, **how | {"secret": "shoe"})


# --- utility


def test_features():
    view = text(
        age=["20-29", "30-39", "-"] * 20, pressure=["120-80", "135-85", "90-60"] * 20,
        pulse=range(60), sex=["f", "m", "-"] * 20, gone=["*"] * 60,
        name=[f"ann{n}" for n in range(60)], same=["x", "-"] * 30,
        release=["1.2.3", "1.2.4", "-"] * 20,
    )  # fmt: skip
    made = features(view)
    assert list(made) == ["age", "age 2", "pressure", "pressure 2", "pulse", "sex", "release"]
    assert made["release"].dtype == "category"
    assert made.loc[0, ["age", "age 2", "pressure 2"]].tolist() == [20, 29, 80]
    assert made.loc[2].isna().tolist() == [True, True, False, False, False, True, True]


@pytest.fixture(scope="module")
def patients():
    rng = np.random.default_rng(2)
    sugar = rng.normal(6, 1, 240).round(1)
    ill = np.where(sugar + rng.normal(0, 0.4, 240) > 6.5, "yes", "no")
    return text(sugar=sugar, sex=rng.choice(["f", "m"], 240), ill=ill)


def test_what_tells_the_outcome_predicts_it(patients):
    found = utility(patients, patients["ill"], without=["ill"])
    assert set(found) == {"linear", "trees"}
    for model in found.values():
        assert 0.9 < model.low < model.auc < model.high
        assert model.people == 240
    nothing = utility(patients.assign(sugar="*"), patients["ill"], without=["ill"])["linear"]
    assert nothing.low < 0.5 < nothing.high
    everything_gone = patients.assign(sugar="*", sex="*", ill="*")
    assert utility(everything_gone, patients["ill"])["trees"].auc == 0.5


def test_outcomes_of_several_values_and_missing_ones(patients):
    levels = (
        patients["sugar"]
        .astype(float)
        .map(lambda s: "low" if s < 5.5 else "high" if s > 6.5 else "-")
    )
    assert utility(patients, levels)["trees"].people == (levels != "-").sum()
    three = levels.replace("-", "middle")
    assert utility(patients, three)["trees"].auc > 0.95
    with pytest.raises(InputError, match="outcome a: expected at least two values, each of 5"):
        utility(patients, pd.Series(["x"] * 239 + ["y"], name="a"))


def test_the_area_and_its_error():
    rng = np.random.default_rng(0)
    those, others = rng.normal(1, 1, 80).round(1), rng.normal(0, 1, 120).round(1)  # with ties
    area, error = _area(those, others)
    truth, both = np.repeat([1, 0], [80, 120]), np.concatenate([those, others])
    assert area == pytest.approx(roc_auc_score(truth, both))
    again = [
        _area(rng.choice(those, 80), rng.choice(others, 120))[0] for _ in range(400)
    ]  # what resampling says
    assert error == pytest.approx(np.std(again), rel=0.15)


# --- the figure and the example's file


def test_the_figure():
    points = {"entry": (0.6, 0.9, 0.88, 0.92), "doctor": (0.3, 0.8, 0.7, 0.85)}
    figure = utility_against_risk({"people": {"fever": points}}, "what it shows", ["age"])
    (axes,) = figure.axes
    assert figure.get_suptitle() == "what it shows"
    assert axes.get_xlabel() == "people found by age"
    assert {label.get_text() for label in figure.legends[0].get_texts()} == {"fever", *points}
    drawn = {tuple(c.lines[0].get_xydata()[0]) for c in axes.containers}
    assert drawn == {(0.6, 0.9), (0.3, 0.8)}


def test_the_examples_sentence_is_that_of_its_figures():
    spec = util.spec_from_file_location("compare", EXAMPLE / "compare.py")
    compare = util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    kept = json.loads((EXAMPLE / "risk.json").read_text("utf-8"))
    assert compare.verdict(kept["tables"]["NHANES, 20 and over"]) == kept["verdict"]
    assert [t["people"] for t in kept["tables"].values()] == [5265, 2018, 4000]
    for table in kept["tables"].values():
        found = {name: view["anonymity"]["found"] for name, view in table["views"].items()}
        assert found["entry"] == max(found.values())
        assert found["researcher"] == min(found.values())
    assert risk.SMALL == 5
