"""The attacks measure what they say, on victims whose weakness is known."""

import json

import numpy as np
import pytest

from aalprivacy import load_pair
from aalprivacy.audit import (
    CHARACTER_ERROR,
    Case,
    Insider,
    LinearMap,
    Linkage,
    NearKey,
    Neighbours,
    Noise,
    OwnDecoder,
    Rounding,
    Setting,
    Statistics,
    Tampering,
    Training,
    WholeEntry,
    WrongKey,
    from_rows,
    to_frame,
    to_rows,
)
from aalprivacy.audit.attacks import as_own, foreign_to_own, new_decoder
from aalprivacy.audit.insider import from_view
from aalprivacy.audit.measure import ABOVE_CHANCE, mean, paired, share
from aalprivacy.recipe import Recipe
from aalprivacy.text import to_lines
from aalprivacy.training import Trainer


@pytest.fixture(scope="module")
def case():
    return Case(load_pair("researcher"), known=1000, targets=60)


@pytest.fixture(scope="module")
def twin(case):
    return case.pair.rekeyed(5)


def error(findings, setting=""):
    return next(f for f in findings if f.measure == CHARACTER_ERROR and setting in str(f.setting))


def test_intervals():
    found = share("a", "s", "m", [True] * 8 + [False] * 2, 0.5, 1.0)
    # Wilson's interval for 8 of 10.
    assert (found.low, found.high) == (
        pytest.approx(0.490, abs=1e-3),
        pytest.approx(0.943, abs=1e-3),
    )
    assert not found.beats_baseline
    assert share("a", "s", "m", [True] * 80 + [False] * 20, 0.5, 1.0).beats_baseline
    found = mean("a", "s", CHARACTER_ERROR, [1, 2, 3, 4], 9.0, 0.0)
    assert found.value == 2.5
    assert found.high - found.value == pytest.approx(1.96 * np.std([1, 2, 3, 4], ddof=1) / 2)
    assert found.beats_baseline
    assert not mean("a", "s", "share", [1, 2, 3, 4], 9.0, 0.0).beats_baseline


def test_findings_are_the_same_after_json():
    setting = Setting("noise of 0.1 deviations", 0.1, 200, "a twin")
    findings = [
        mean("a", setting, CHARACTER_ERROR, [1, 2, 3, 4], 9.0, 0.0),
        share("b", Setting(), "m", [True, False], 0.5, 1.0),
        paired("c", Setting(known=2000), "m", [True, False], [False, False], 1.0),
    ]
    rows = json.loads(json.dumps(to_rows(findings)))
    assert from_rows(rows) == findings
    assert str(setting) == "noise of 0.1 deviations, 200 known entries, own pair: a twin"
    assert to_frame(findings)["setting"].tolist() == [str(f.setting) for f in findings]


def test_a_wrong_key_reads_nothing_and_the_right_one_all(case, twin):
    findings = WrongKey({"twin": twin, "itself": case.pair}).run(case)
    assert not error(findings, "twin").beats_baseline
    assert error(findings, "itself").value == case.right < 3


def test_a_nearly_right_key_reads_all_and_a_far_one_nothing(case):
    findings = NearKey(noise=(1e-5, 3.0)).run(case)
    assert error(findings, "1e-05").value == pytest.approx(case.right, abs=0.2)
    assert error(findings, "by 3").value > case.constant / 2
    assert error(findings, "only known: embedding").value > case.constant / 2


def test_known_entries_open_a_twin(case, twin):
    """A re-keyed pair's codes are a linear map of the own ones, so some known entries suffice."""
    few, many = (error(LinearMap(twin, "twin", (n,)).run(case)) for n in (10, 1000))
    assert many.value < 5 < few.value
    assert many.control == pytest.approx(case.right)


def test_statistics_alone_open_a_twin(case, twin):
    assert error(Statistics(twin, "twin").run(case)).value < case.constant / 4


def test_neighbours_of_more_known_entries_are_nearer(case):
    findings = Neighbours((10, 1000)).run(case)
    assert error(findings, "1,000").value < error(findings, "10 ").value


def test_an_attackers_decoder_starts_apart_from_any_trainings():
    own, theirs = new_decoder(24, seed=0), Trainer(Recipe(units=24, seed=0)).decoder
    for ours, other in zip(own.trainable_weights, theirs.trainable_weights, strict=True):
        assert ours.shape == other.shape
        assert not np.allclose(ours, other) or not np.any(ours)


def test_a_decoder_of_ones_own_learns(case):
    errors = [
        OwnDecoder(known=(200,), training=Training(updates, batch_size=16)).run(case)[0].value
        for updates in (1, 100)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_a_decoder_that_begins_with_a_twins_reads_at_once(case, twin):
    training = Training(5, learning_rate=1e-4)
    assert error(OwnDecoder(twin, "twin", (1000,), training).run(case)).value < 5


def test_codes_are_moved_by_maps_that_do_not_know_them():
    rng = np.random.default_rng(0)
    foreign, noise = rng.normal(size=(60, 40)), rng.normal(size=(60, 40))
    own = foreign @ rng.normal(size=(40, 40)) + noise
    inside = ((foreign_to_own(foreign, own)(foreign) - own) ** 2).mean()
    outside = ((as_own(foreign, own) - own) ** 2).mean()
    assert outside > 2 * inside


def test_who_has_not_learned_to_write_whole_entries_writes_the_view(case):
    findings = WholeEntry(known=(100,), training=Training(1, learning_rate=1e-9)).run(case)
    hidden = {n for n, op in case.operations.items() if op != "F"}
    assert {f.measure.split(" (")[0] for f in findings} == hidden
    for finding in findings:
        name = finding.measure.split(" (")[0]
        says = (case.views[name] == case.targets[name]).mean()  # a disease's group may be its name
        assert finding.value == pytest.approx(says, abs=0.05)
        assert 0 <= finding.baseline <= 1
        assert not finding.beats_baseline


def test_remedies_cost_and_hide(case):
    few = Case(case.pair, known=200, targets=60)
    findings = Noise(sizes=(1e-6, 30.0), attributes=("name", "age")).run(few)
    assert error(findings, "1e-06").value == pytest.approx(case.right, abs=0.2)
    assert error(findings, "of 30").value > case.constant / 2
    told = {
        size: sum(f.beats_baseline for f in findings if f.setting.size == size)
        for size in (1e-6, 30.0)
    }
    assert told[1e-6] >= told[30.0] == 0
    findings = Rounding().run(case)
    for number_type in ("float32", "float16"):
        assert error(findings, number_type).value == pytest.approx(case.right, abs=0.2)


def test_insider_asks_for_what_is_hidden(case):
    findings = Insider((100,), deep=False).run(case)
    asked = {f.measure.split(" (")[0] for f in findings}
    assert asked == {n for n, op in case.operations.items() if op != "F"}
    for finding in findings:
        assert finding.low <= finding.value <= finding.high
        assert 0 < finding.baseline <= 1
    findings = Insider((100,), attributes=("age", "name")).run(case)
    assert {f.attack for f in findings} == {"insider, linear probe", "insider, neural probe"}
    assert len(findings) == 4


def test_what_the_view_tells_is_no_secret(case):
    """The time of day, a number's size and a group's commonest member are in the view."""

    def daytime(entries):
        return entries["timestamp"].str[9:11].between("07", "18").map({True: "day", False: "night"})

    guess = from_view(case, "timestamp", daytime(case.known), daytime(case.targets))
    assert (guess == daytime(case.targets)).mean() > 0.9
    group = case.known["disease"]
    guess = from_view(case, "disease", group, case.targets["disease"])
    by_group = group.groupby(case.known_views["disease"]).agg(lambda values: values.mode()[0])
    likely = case.views["disease"].map(by_group)
    assert (guess == case.targets["disease"]).mean() >= (likely == case.targets["disease"]).mean()


def test_a_paired_figure_beats_what_it_is_held_against():
    guessed = np.arange(100) < 50
    same = paired("a", "s", "m", guessed, guessed, 1.0)
    assert (same.low, same.value, same.high) == (0.5, 0.5, 0.5)
    assert not same.beats_baseline
    better = paired("a", "s", "m", np.arange(100) < 60, guessed, 1.0)
    assert better.beats_baseline
    assert better.low <= better.value == 0.6 <= better.high
    # Ten of a hundred differ, half of them each way.
    shifted = paired("a", "s", "m", (np.arange(100) >= 5) & (np.arange(100) < 55), guessed, 1.0)
    assert not shifted.beats_baseline
    assert shifted.baseline == shifted.value == 0.5


def test_values_above_chance_need_no_luck(case):
    """The same line for all, even the commonest values, holds nothing of any target."""
    line = to_lines(case.views[:1]).repeat(len(case.views)).reset_index(drop=True)
    above = next(f for f in case.reading("a", "s", line) if f.measure == ABOVE_CHANCE)
    assert above.value == pytest.approx(0)
    right = next(f for f in case.reading("a", "s", case.expected) if f.measure == ABOVE_CHANCE)
    assert right.value > 0.5
    assert right.value == pytest.approx(right.control, abs=0.05)


def test_linkage_finds_the_same_users_codes(case):
    (finding,) = Linkage(users=60).run(case)
    assert 0.5 < finding.low <= finding.value <= finding.high <= 1
    assert finding.control > 0.9


def test_linkage_reaches_across_encoders(case, twin):
    (finding,) = Linkage(users=60, other=twin, name="twin").run(case)
    assert str(finding.setting).endswith("one by twin's encoder")
    assert finding.low > 0.5


def test_tampering(case):
    findings = {f.setting.says.split(", ")[0]: f for f in Tampering(noise=(1e-6,)).run(case)}
    assert "noise of 1e-06 deviations" not in findings  # no view has changed
    assert findings["the next user's code instead"].value > 0.9
