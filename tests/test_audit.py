"""The attacks measure what they say, on victims whose weakness is known."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from aalprivacy import audit
from aalprivacy.architecture import Architecture
from aalprivacy.attributes import Attribute, Form
from aalprivacy.audit import (
    CHARACTER_ERROR,
    Case,
    DecoderAlone,
    Extraction,
    Insider,
    LinearMap,
    Linkage,
    Membership,
    NearKey,
    Neighbours,
    Noise,
    OwnDecoder,
    Rounding,
    RuleAndCipher,
    Setting,
    SmallCodes,
    Statistics,
    Tampering,
    Training,
    Translation,
    WholeEntry,
    WrongKey,
    case_tables,
    from_rows,
    run_audit,
    to_frame,
    to_rows,
)
from aalprivacy.audit.attacks import _in_common, _passes, as_own, foreign_to_own, fresh_decoder
from aalprivacy.audit.insider import Guesses, Secret, _learned, _readable, _secret, from_view
from aalprivacy.audit.measure import (
    ABOVE_CHANCE,
    AREA,
    BYTES,
    FOUND,
    TIME,
    above_chance,
    mean,
    paired,
    share,
)
from aalprivacy.audit.memory import OF_MEMBERS, TWO_OF_ONE, names_of, told_apart
from aalprivacy.audit.statistics import unpaired
from aalprivacy.audit.translation import adversaries, linear
from aalprivacy.errors import InputError
from aalprivacy.generalisation import Bands, First, Hierarchy, LastWord, Range
from aalprivacy.homes import audit_tables
from aalprivacy.pair import Pair, load_pair
from aalprivacy.policy import Policy
from aalprivacy.schema import Schema
from aalprivacy.text import to_tokens, view_lines


@pytest.fixture(scope="module")
def tables():
    return audit_tables(600, 60, 60)


@pytest.fixture(scope="module")
def case(tables):
    return Case(load_pair("researcher"), **tables)


@pytest.fixture(scope="module")
def twin(case):
    return case.pair.rekeyed(5)


WARDS = Hierarchy((("ear", "head"), ("eye", "head"), ("foot", "limb"), ("knee", "limb")))
# A hospital's own table: twelve attributes, none of them a time, none named as the paper's are.
HOSPITAL = Schema(
    (
        Attribute("patient", Form.WORDS),
        Attribute("born", Form.NUMBER, least=1900, most=2020, generalise=Range(10)),
        Attribute("sex", Form.ONE_OF, values=("f", "m")),
        Attribute("home", Form.WORDS, generalise=LastWord()),
        Attribute("phone", Form.DIGITS, digits=(6, 6), generalise=First(2)),
        Attribute("note", Form.TEXT),
        Attribute("ward", Form.ONE_OF, generalise=WARDS),
        Attribute("bed", Form.PATTERN, pattern="[a-c][1-9]"),
        Attribute("pulse", Form.NUMBER, generalise=Bands((("slow", 60), ("fast", None)))),
        Attribute("bmi", Form.NUMBER, decimals=1, generalise=Range(5, 1)),
        Attribute("smokes", Form.ONE_OF, values=("yes", "no")),
        Attribute("doses", Form.PATTERN, pattern=r"\d-\d"),
    ),
    alphabet="abcdefghijklmnopqrstuvwxyz0123456789 .|*-",
    longest=90,
    id="case",
)
HIDING = "DGFGGDGFGGDF"


def patients(n, seed=0):
    rng = np.random.default_rng(seed)

    def words(*of):
        return [" ".join(rng.choice(o) for o in of) for _ in range(n)]

    names, towns = ["ann", "bo", "cy", "di", "eve"], ["leeds", "york", "bath"]
    bmi = [f"{tenths // 10}.{tenths % 10}" for tenths in rng.integers(180, 350, n)]
    return pd.DataFrame(
        {
            "case": np.arange(n) + 1000 * seed,
            "patient": words(names, names),
            "born": rng.integers(1930, 2000, n).astype(str),
            "sex": words(["f", "m"]),
            "home": words(["3 park road", "12 high street"], towns),
            "phone": [f"{number:06d}" for number in rng.integers(0, 10**6, n)],
            "note": words(["calm", "asleep", "asks for tea"]),
            "ward": words(WARDS.values),
            "bed": words(["a1", "b2", "c3", "c4"]),
            "pulse": rng.integers(45, 95, n).astype(str),
            "bmi": bmi,
            "smokes": words(["yes", "no"]),
            "doses": words(["1-0", "1-1", "2-1"]),
        },
        dtype="str",
    )


def random_pair(seed=0, units=16, letters=HIDING):
    """A hospital's pair that learned nothing: attacks need no better one to show that they run."""
    policy = Policy.from_letters("nurse", dict(zip(HOSPITAL.names, letters, strict=True)), HOSPITAL)
    architecture = Architecture.of(HOSPITAL, units=units, embedding=8)
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    return Pair(weights, architecture, "nurse", policy)


@pytest.fixture(scope="module")
def hospital():
    return Case(random_pair(), patients(30, 1), patients(30, 2))


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
        paired(
            "c",
            Setting(known=2000),
            "m",
            [True, False],
            [False, False],
            1.0,
            attribute="age",
            operation="G",
        ),
    ]
    rows = json.loads(json.dumps(to_rows(findings)))
    assert from_rows(rows) == findings
    assert str(setting) == "noise of 0.1 deviations, 200 known entries, own pair: a twin"
    table = to_frame(findings)
    assert table["setting"].tolist() == [str(f.setting) for f in findings]
    assert table["attribute"].tolist() == ["", "", "age"]
    assert table["operation"].tolist() == ["", "", "G"]
    assert str(Setting(own="family_member.blind")) == "own pair: family member, blind"


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
    few, many = (error(LinearMap(twin, "twin", (n,)).run(case)) for n in (10, 600))
    assert many.value < 5 < few.value
    assert many.control == pytest.approx(case.right)


def test_statistics_alone_open_a_twin(case, twin):
    assert error(Statistics(twin, "twin").run(case)).value < case.constant / 4


def test_an_attacker_without_entries_looks_at_the_codes_that_it_overheard():
    own = random_pair(1)
    heard = {"own": patients(40, 4), "overheard": patients(50, 3)}
    case = Case(random_pair(), patients(30, 1), patients(30, 2), **heard)
    few, many = (error(Statistics(own, "own", most).run(case)) for most in (35, 100))
    assert [f.setting.says for f in (few, many)] == [
        "35 codes, units matched", "50 codes, units matched",
    ]  # fmt: skip
    again, foreign = unpaired(case, case.of(own), 20)
    np.testing.assert_array_equal(again, own.encode_entries(heard["own"])[:20])
    np.testing.assert_array_equal(foreign, case.pair.encode_entries(heard["overheard"])[:20])
    # Without entries of its own it has those of the known ones, whose codes it doesn't look at.
    alone = Case(case.pair, case.known, case.targets, overheard=heard["overheard"])
    mine, foreign = unpaired(alone, alone.of(own), 100)
    np.testing.assert_array_equal(mine, own.encode_entries(case.known))
    assert len(foreign) == 50
    # A sender who changes codes changes those of the known entries.
    changed = case.sent_as(lambda codes: codes + 1)
    np.testing.assert_array_equal(unpaired(changed, case, 100)[1], case.known_codes + 1)
    with pytest.raises(InputError, match="overheard entries: 3 entries; expected at least 10"):
        Case(case.pair, case.known, case.targets, overheard=patients(3))


@pytest.fixture
def sure_soon(monkeypatch):
    """A translator that chooses by fewer codes."""
    monkeypatch.setattr("aalprivacy.audit.translation.CERTAIN", 40)


def test_a_translator_opens_a_twin_and_no_independent_pair(case, twin, sure_soon):
    """The control that must succeed, and the one that must fail, to the same strength."""
    opened = error(Translation(twin, "twin", updates=0).run(case))
    assert opened.value < case.constant / 2
    assert str(opened.setting) == "6,000 codes, units matched, own pair: twin"
    shut = error(Translation(load_pair("doctor"), "doctor", updates=0).run(case))
    assert not shut.beats_baseline


def test_a_translator_opens_a_pair_that_was_trained_on_from_the_victims(case, sure_soon):
    rng = np.random.default_rng(0)
    near = case.pair.with_weights(
        {
            name: (array * rng.normal(1, 0.003, array.shape)).astype(np.float32)
            for name, array in case.pair.weights.items()
        }
    )
    opened = error(Translation(near, "near", updates=0).run(case))
    assert opened.value < case.constant / 2
    assert opened.setting.says == "6,000 codes, codes as they are"


def test_a_translator_knows_codes_of_another_width(hospital):
    own = random_pair(1, units=8)
    (found,) = (f for f in Translation(own, "narrow", updates=0).run(hospital)
                if f.measure == CHARACTER_ERROR)  # fmt: skip
    assert found.setting.says.startswith("15 codes, components matched")


def shaped(n, seed):
    """Components that are as far from normal as those of codes: independent and rarely large."""
    return np.random.default_rng(seed).laplace(size=(n, 6)).astype(np.float32) ** 3 / 25


@pytest.mark.slow
def test_adversaries_turn_one_set_of_codes_into_the_other():
    turned = np.linalg.qr(np.eye(6) + 0.15 * np.random.default_rng(3).normal(size=(6, 6)))[0]
    turned *= np.sign(np.diag(turned))
    x, y = shaped(4000, 1), shaped(4000, 2) @ turned.astype(np.float32)
    unseen = shaped(500, 5)

    def off(translate):
        return float(np.abs(translate(unseen) - unseen @ turned).mean())

    better = adversaries(x, y, np.eye(6), off, 400, 0, hidden=32, rate=3e-3)
    assert off(better) < 0.9 * off(linear(np.eye(6)))
    # An attacker who sees nothing better stays where it was.
    assert adversaries(x, y, np.eye(6), lambda translate: 0.0, 2, 0, hidden=8) is None


def test_neighbours_of_more_known_entries_are_nearer(case):
    findings = Neighbours((10, 600)).run(case)
    assert error(findings, "600 ").value < error(findings, "10 ").value


def test_an_attackers_decoder_starts_as_keras_would_and_apart_from_any_training():
    pair = random_pair(units=24)
    ours = fresh_decoder(pair, seed=0)
    assert {name: array.shape for name, array in ours.items()} == {
        name: shape for name, shape in pair.architecture.shapes().items() if "decoder" in name
    }
    recurrent = ours["decoder/lstm/recurrent_kernel"]
    assert recurrent @ recurrent.T == pytest.approx(np.eye(24), abs=1e-5)
    assert 1.5 < ours["decoder/embedding/embeddings"].std() < 1.9
    forget = ours["decoder/lstm/bias"][24:48]
    assert 0 <= forget.min() < forget.max() <= np.log(HOSPITAL.longest)
    again, other = fresh_decoder(pair, seed=0), fresh_decoder(pair, seed=1)
    for name in ours:
        assert np.array_equal(ours[name], again[name])
        assert not np.allclose(ours[name], other[name]) or not ours[name].any()
    drawn = np.random.default_rng([0, 3, True]).normal(0, 1.7, (43, 8))  # as a training does
    assert not np.allclose(ours["decoder/embedding/embeddings"], drawn)


def test_a_decoder_of_ones_own_learns(hospital):
    fresh = hospital.pair.with_weights(fresh_decoder(hospital.pair, 0))
    before = hospital.errors(hospital.read(hospital.codes, fresh)).mean()
    training = Training(60, batch_size=16, learning_rate=0.1)
    assert error(OwnDecoder(known=(30,), training=training).run(hospital)).value < 0.7 * before


@pytest.mark.slow
def test_a_decoder_that_begins_with_a_twins_reads_at_once(case, twin):
    training = Training(5, learning_rate=1e-4)
    assert error(OwnDecoder(twin, "twin", (600,), training).run(case)).value < 5


def test_a_training_that_fails_gives_no_better_decoder_than_it_began_with(hospital):
    codes, lines = hospital.known_codes, view_lines(hospital.known_views, HOSPITAL)
    training = Training(2, batch_size=4, learning_rate=float("nan"))
    trained = training.run(hospital.pair, codes, to_tokens(lines, HOSPITAL))
    first = fresh_decoder(hospital.pair, 0)
    assert all(np.array_equal(trained.weights[name], first[name]) for name in first)


def test_a_training_stops_when_it_gets_no_better(hospital, monkeypatch):
    from aalprivacy.updates import Updates  # here, as other tests need this file without TensorFlow

    made, make = [], Updates.make
    monkeypatch.setattr(Updates, "make", lambda *given: made.append(0) or make(*given))
    codes, lines = hospital.known_codes, view_lines(hospital.known_views, HOSPITAL)
    texts, never = to_tokens(lines, HOSPITAL), float("nan")
    for patience, updates in ((3, 6), (11, 20)):
        made.clear()
        training = Training(20, batch_size=4, learning_rate=never, patience=patience)
        training.run(hospital.pair, codes, texts)
        assert len(made) == updates  # it measures the loss after every second update


def test_codes_are_moved_by_maps_that_do_not_know_them():
    rng = np.random.default_rng(0)
    foreign, noise = rng.normal(size=(60, 40)), rng.normal(size=(60, 40))
    own = foreign @ rng.normal(size=(40, 40)) + noise
    inside = ((foreign_to_own(foreign, own)(foreign) - own) ** 2).mean()
    outside = ((as_own(foreign, own) - own) ** 2).mean()
    assert outside > 2 * inside


@pytest.mark.slow
def test_who_has_not_learned_to_write_whole_entries_writes_the_view(case, monkeypatch):
    monkeypatch.setattr(Guesses, "or_better", lambda _, chosen, answers: answers)
    findings = WholeEntry(known=(100,), training=Training(1, learning_rate=1e-9)).run(case)
    assert {f.attribute: f.operation for f in findings} == case.hidden
    for finding in findings:
        name = finding.attribute
        says = (case.views[name] == case.targets[name]).mean()  # a disease's group may be its name
        assert finding.value == pytest.approx(says, abs=0.05)
        assert not finding.beats_baseline


def test_remedies_cost_and_hide(case):
    few = Case(case.pair, case.known[:200], case.targets)
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


def test_insider_asks_for_what_is_hidden(hospital):
    findings = Insider((10, 30), deep=False).run(hospital)
    assert {f.attribute: f.operation for f in findings} == hospital.hidden
    assert {f.setting.known for f in findings} == {10, 30}
    for finding in findings:
        assert finding.low - 1e-9 <= finding.value <= finding.high + 1e-9
        assert 0 <= finding.baseline <= 1
    middle = {f.attribute for f in findings if f.measure.startswith("above the middle")}
    assert middle == {"born", "pulse", "bmi"}
    findings = Insider((30,), attributes=("patient", "born")).run(hospital)
    assert {f.attack for f in findings} == {"insider, linear probe", "insider, neural probe"}
    assert len(findings) == 6


def test_a_code_tells_the_name_that_its_view_deletes(case):
    (finding,) = Insider((600,), deep=False, attributes=("name",)).run(case)
    assert finding.beats_baseline
    assert finding.value > 0.9


def test_what_the_view_tells_is_no_secret(case):
    """The time of day, a number's size and a group's commonest member are in the view."""

    def daytime(entries):
        return entries["timestamp"].str[9:11].between("07", "18").map({True: "day", False: "night"})

    secret = Secret("timestamp", "part of day", daytime(case.known), daytime(case.targets))
    guesses = from_view(case, secret)
    assert (guesses.best == guesses.truth).mean() > 0.9
    group, truth = case.known["disease"], case.targets["disease"]
    guesses = from_view(case, Secret("disease", "the value", group, truth))
    by_group = group.groupby(case.known_views["disease"]).agg(lambda values: values.mode()[0])
    likely = case.views["disease"].map(by_group)
    assert (guesses.best == truth).mean() >= (likely == truth).mean() - 0.1


def test_a_guess_is_chosen_without_looking_at_the_targets(case):
    """Another truth of the targets doesn't change what is guessed for them."""
    known, truth = case.known["disease"], case.targets["disease"]
    guesses = from_view(case, Secret("disease", "the value", known, truth))
    other = from_view(case, Secret("disease", "the value", known, truth[::-1]))
    assert (other.truth == truth[::-1]).all()
    assert (guesses.best == other.best).all() and (guesses.chosen == other.chosen).all()
    out = guesses.views.out
    assert out == len(guesses.chosen) == 120
    # Answers that are right for all entries left out are taken, those that never are aren't.
    assert (guesses.or_better(known[:out].to_numpy(), truth.to_numpy()) == truth).all()
    never = np.full(out, "no such disease", object)
    assert (guesses.or_better(never, truth.to_numpy()) == guesses.best).all()


def test_a_probe_has_the_view_beside_the_code(hospital):
    """Codes of noise tell nothing, but the probe still knows what the view tells."""
    rng = np.random.default_rng(0)
    entries, targets = patients(400, 1), patients(200, 2)
    case = Case(random_pair(), entries, targets)
    case.known_codes = rng.normal(size=case.known_codes.shape).astype(np.float32)
    case.codes = rng.normal(size=case.codes.shape).astype(np.float32)
    secret = Secret("ward", "which half", entries["ward"].isin(["ear", "eye"]).astype(str),
                    targets["ward"].isin(["ear", "eye"]).astype(str))  # fmt: skip
    guesses = from_view(case, secret)
    assert (guesses.best == guesses.truth).all()
    views = guesses.views
    have = np.hstack([case.known_codes, views.known])
    wrote = _learned(have, guesses.known, np.hstack([case.codes, views.targets]), 80, False, 0)[1]
    assert (wrote == guesses.truth).mean() > 0.9


def test_a_code_that_holds_a_number_tells_on_which_side_of_the_middle_it_is():
    """The last digit of a number is hidden, its size isn't."""
    entries, targets = patients(500, 1), patients(200, 2)
    case = Case(random_pair(), entries, targets)
    for table, codes in ((entries, case.known_codes), (targets, case.codes)):
        codes[:, 0] = table["bmi"].astype(float)
    asked = Insider((500,), deep=False, attributes=("bmi",)).run(case)
    told = {f.measure: f.beats_baseline for f in asked}
    assert told == {"last digit": False, "above the middle": True}


def test_a_paired_figure_beats_what_it_is_held_against():
    guessed = np.arange(100) < 50
    same = paired("a", "s", "m", guessed, guessed, 1.0)
    assert 0.46 < same.low < same.value == 0.5 < same.high < 0.54
    assert not same.beats_baseline
    better = paired("a", "s", "m", np.arange(100) < 60, guessed, 1.0)
    assert better.beats_baseline
    assert better.low <= better.value == 0.6 <= better.high
    # Ten of a hundred differ, half of them each way.
    shifted = paired("a", "s", "m", (np.arange(100) >= 5) & (np.arange(100) < 55), guessed, 1.0)
    assert not shifted.beats_baseline
    assert shifted.baseline == shifted.value == 0.5


def test_the_interval_of_a_paired_figure_holds_as_often_as_it_says():
    rng, held, n = np.random.default_rng(0), [], 200
    for _ in range(1000):
        hits = rng.random(n) < 0.6
        guessed = np.where(rng.random(n) < 0.8, hits, rng.random(n) < 0.3)  # right for 0.54
        f = paired("a", "s", "m", hits, guessed, 1.0)
        held.append(f.low - f.baseline <= 0.06 <= f.high - f.baseline)
    assert 0.93 < np.mean(held) < 0.97


def test_values_above_chance_need_no_luck(case):
    """The same line for all, even the commonest values, holds nothing of any target."""
    line = view_lines(case.views[:1], case.schema).repeat(len(case.views)).reset_index(drop=True)
    above = next(f for f in case.reading("a", "s", line) if f.measure == ABOVE_CHANCE)
    assert above.value == pytest.approx(0)
    right = next(f for f in case.reading("a", "s", case.expected) if f.measure == ABOVE_CHANCE)
    assert right.value > 0.5
    assert right.value == pytest.approx(right.control, abs=0.05)


def test_chance_is_counted_over_all_ways_to_give_lines_to_others():
    rng, n = np.random.default_rng(0), 30
    got, want = (rng.integers(0, 3, (n, 4)).astype(object) for _ in range(2))
    match = np.array([[(line == target).mean() for target in want] for line in got])
    others = (match.sum() - np.trace(match)) / (n * (n - 1))
    assert above_chance(got, want).mean() == pytest.approx(np.trace(match) / n - others)


@pytest.mark.parametrize("right", [0.0, 0.5, 1.0])
def test_the_interval_of_values_above_chance_holds_as_often_as_it_says(right):
    """Lines are right for a part of the targets; values and lines vary both."""
    rng = np.random.default_rng(0)

    def found(n):
        # Two attributes of one person have to do with each other, as in real entries.
        kind = rng.integers(0, 4, n)
        want = np.column_stack([kind, (kind + rng.integers(0, 2, n)) % 4, rng.integers(0, 9, n)])
        of = np.where(rng.random(n) < right, np.arange(n), rng.permutation(n))
        return mean("a", "s", ABOVE_CHANCE, above_chance(want[of], want), 0.0, 1.0)

    true = found(100_000).value
    held = [f.low <= true <= f.high for f in (found(200) for _ in range(300))]
    assert 0.92 < np.mean(held) < 0.98


MEMBERS, STRANGERS = patients(300, 4), patients(300, 5)
OPEN_PHONE = "DGFGFDGFGGDF"  # the telephone number is disclosed


def remembering(letters=OPEN_PHONE, **tables):
    tables = {"members": MEMBERS, "strangers": STRANGERS} | tables
    return Case(random_pair(letters=letters), patients(30, 1), patients(30, 2), **tables)


def test_scores_tell_members_from_strangers_or_they_do_not():
    rng = np.random.default_rng(0)
    about = "a", Setting(), rng.normal(0, 1, 400)
    apart = told_apart(*about[:2], rng.normal(6, 1, 400), about[2], 1, rng)
    assert [f.measure for f in apart] == [AREA, FOUND]
    assert all(f.value > 0.97 and f.beats_baseline for f in apart)
    alike = told_apart(*about[:2], rng.normal(0, 1, 400), about[2], 1, rng)
    assert [f.baseline for f in alike] == [0.5, 5 / 401]  # four of 400 may be above
    each = (rng.normal(0, 1, (2, 300)) for _ in range(400))
    found = [told_apart(*about[:2], *both, 1, rng, draws=1)[1] for both in each]
    assert np.mean([f.value for f in found]) == pytest.approx(found[0].baseline, rel=0.15)
    assert not any(f.beats_baseline for f in alike)
    assert all(f.low <= f.value <= f.high for f in apart + alike)
    # Of 99 strangers one is more than one in a hundred.
    few = told_apart(*about[:2], rng.normal(6, 1, 99), about[2][:99], 1, rng)
    assert [f.measure for f in few] == [AREA]
    # The same score for all is no sign of anything.
    same = told_apart("a", Setting(), np.zeros(200), np.zeros(200), 1, rng)
    assert (same[0].value, same[1].value) == (0.5, 0.0)


def test_a_key_that_knows_people_by_heart_tells_on_them(monkeypatch):
    case = remembering()
    assert {f.setting.known for f in Membership().run(case)} == {1}  # nobody has ten entries
    assert not any(f.beats_baseline for f in Membership().run(case))  # nothing was learned
    known = set(case.pair.view_lines(MEMBERS))

    def losses(pair, codes, lines):
        return np.where(lines.isin(known), 0.01, 3.0)[:, None]

    monkeypatch.setattr(Pair, "losses", losses)
    area, found = Membership().run(case)
    assert (area.value, found.value) == (pytest.approx(1.0, abs=0.02), pytest.approx(1.0, abs=0.1))
    assert area.setting.says == "300 people trained on, 300 never seen"
    assert Membership().run(remembering(members=None)) == []


def test_a_persons_entries_are_counted_together():
    several = pd.concat([MEMBERS[:20]] * 12), pd.concat([STRANGERS[:20]] * 12)
    case = remembering(members=several[0], strangers=several[1])
    found = Membership().run(case)
    assert [f.setting.known for f in found] == [1, 10]
    assert case.members.rows(12, 5).tolist()[1] == [1 + 20 * i for i in range(12)]
    assert case.members.rows(13, 5).shape == (0, 13)


@pytest.mark.slow
def test_a_decoder_alone_tells_what_it_has_learned_by_heart():
    """A decoder is trained on twenty people until it knows them; the search needs no encoder."""
    case = remembering(members=MEMBERS[:20], strangers=STRANGERS[:20])
    lines = to_tokens(case.pair.view_lines(MEMBERS[:20]), HOSPITAL)
    training = Training(150, batch_size=20, learning_rate=0.05)
    learned = training.run(case.pair, case.encode(MEMBERS[:20]), lines)
    by_heart = Case(learned, case.known, case.targets, members=MEMBERS[:20],
                    strangers=STRANGERS[:20])  # fmt: skip
    (area,) = DecoderAlone(steps=5).run(by_heart)
    assert area.value > 0.75
    (area,) = DecoderAlone(steps=5).run(case)  # it has learned nothing
    assert not area.beats_baseline
    assert DecoderAlone().run(remembering(strangers=None)) == []


def test_what_a_key_writes_of_itself(monkeypatch):
    case = remembering()
    assert names_of(case) == ["phone"]
    (found,) = Extraction(lines=50).run(case)
    assert (found.attribute, found.measure) == ("phone", OF_MEMBERS)
    assert found.value == found.baseline == 0  # it writes no telephone numbers at all
    assert not found.beats_baseline
    views = {name: table.assign(patient="*") for name, table in
             (("members", MEMBERS), ("strangers", STRANGERS))}  # fmt: skip
    for who, told in (("members", True), ("strangers", False)):
        written = views[who].drop(columns="case")
        monkeypatch.setattr(Pair, "decode_views", lambda pair, codes: written[: len(codes)])  # noqa: B023
        (found,) = Extraction(lines=50).run(case)
        assert found.beats_baseline is told
        assert (found.value, found.baseline) == (float(told), float(not told))
    assert Extraction().run(remembering(letters=HIDING)) == []  # no such value is disclosed


def test_two_values_of_one_person_are_more_than_two_of_two(monkeypatch):
    people = pd.Series([f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"])
    named = {seed: patients(300, seed).assign(patient=people[:300] + letter)
             for seed, letter in ((4, "x"), (5, "y"))}  # fmt: skip
    case = remembering("FGFGFDGFGGDF", members=named[4], strangers=named[5])
    assert names_of(case) == ["patient", "phone"]
    views = named[4].drop(columns="case")
    mixed = views.assign(phone=np.roll(views["phone"], 1))
    for written, share_of_one in ((views, 1.0), (mixed, 0.0)):
        monkeypatch.setattr(Pair, "decode_views", lambda pair, codes: written[: len(codes)])  # noqa: B023
        found = {f.attribute or f.measure: f.value for f in Extraction(lines=60).run(case)}
        assert found == {"patient": 1.0, "phone": 1.0, TWO_OF_ONE: share_of_one}


def test_a_rule_and_a_cipher_have_no_error(hospital):
    found = {f.measure: f for f in RuleAndCipher().run(hospital)}
    assert found[CHARACTER_ERROR].value == 0
    lengths = hospital.expected.str.len()
    assert found[BYTES].value == pytest.approx(lengths.mean() + 12 + 16)  # a nonce and a tag
    assert found[TIME].value > 0
    assert not found[BYTES].beats_baseline


def test_rounding_says_what_it_costs(hospital):
    size = {f.setting.says: f.value for f in Rounding().run(hospital) if f.measure == BYTES}
    assert size["float32"] == 4 * 32
    assert size["float16"] == 2 * 32
    assert size["int8"] == pytest.approx(32 + 4 * 32 / 30)  # the scales are sent once


@pytest.mark.slow
def test_small_codes_cost_and_hide(case):
    few = Case(case.pair, case.known[:300], case.targets)
    found = SmallCodes((120, 8), attributes=("name",)).run(few)
    reads = {f.setting.size: f.value for f in found if f.measure == CHARACTER_ERROR}
    assert reads[2048] == pytest.approx(case.right, abs=0.01)
    assert reads[2048] - 0.1 <= reads[120] < reads[8]
    told = {f.setting.size: f.value - f.baseline for f in found if f.attribute}
    assert told[2048] > 0.3 > told[8]
    took = {f.setting.size: f.value for f in found if f.measure == BYTES}
    assert took[2048] == 2048
    assert took[8] < took[120] < 240


def test_linkage_finds_the_same_users_codes(case, twin):
    (finding,) = Linkage().run(case)
    assert 0.5 < finding.low <= finding.value <= finding.high <= 1
    assert finding.control > 0.9
    (finding,) = Linkage(other=twin, name="twin").run(case)
    assert str(finding.setting) == "60 users, two codes each, one by twin's encoder"
    assert finding.low > 0.5


def test_views_are_compared_in_what_they_have_in_common():
    """Generalised, if one of the two is; not at all, if one deletes."""
    one, other = random_pair(letters="FFFGFDGFGFDF"), random_pair(1, letters="FGDFFFGDDFFF")
    entries = patients(20, 1)
    shared = _in_common(HOSPITAL.check(entries), one, other)
    assert list(shared) == ["patient", "born", "home", "phone", "ward", "bmi", "doses"]
    assert shared["born"].str.fullmatch(r"\d{3}0-\d{3}9").all()
    assert set(shared["home"]) <= {"leeds", "york", "bath"}
    assert set(shared["ward"]) <= {"head", "limb"}
    assert shared["bmi"].equals(entries["bmi"]) and shared["patient"].equals(entries["patient"])


def test_tampering(case):
    findings = {f.setting.says.split(", ")[0]: f for f in Tampering(noise=(1e-6,)).run(case)}
    assert "noise of 1e-06 deviations" not in findings  # no view has changed
    assert findings["the next user's code instead"].value > 0.9


def test_a_view_passes_whose_values_have_the_form_that_they_have_in_views(hospital):
    def passes(**changed):
        views = hospital.views[:1].assign(**changed)
        return bool(_passes(view_lines(views, HOSPITAL), hospital)[0])

    assert passes() and passes(bed="c9") and passes(bed="-") and passes(home="hull")
    assert not passes(bed="d1")  # disclosed, so anything of the attribute's form
    assert not passes(home="new hull")  # generalised to the last word, so any one word
    assert not passes(ward="knee") and not passes(patient="ann")
    # A value that the rule can give passes, also if it occurs in no known view.
    seen = set(pd.concat([hospital.known_views, hospital.views])["born"])
    assert "1900-1909" not in seen and passes(born="1900-1909") and passes(born="-")
    for other in (
        "1901-1910",
        "1900-1919",
        "1900",
        "1900-",
        "x-1",
        "190 -1909",
        "1890-1899",
        "2030-2039",
    ):
        assert not passes(born=other), other
    assert passes(phone="99") and not passes(phone="999") and not passes(pulse="quick")
    short = pd.Series(["only|three|values"])
    assert not _passes(short, hospital)[0]


@pytest.mark.parametrize(
    ("name", "value", "asked", "part"),
    [
        ("patient", "9 ann", "first letter", "a"),
        ("note", "-", "first letter", "-"),
        ("ward", "knee", "the value", "knee"),
        ("born", "1957", "last digit", "7"),
        ("phone", "012345", "last digit", "5"),
        ("doses", "-", "last digit", "-"),
        ("bed", "a1b", "last character", "b"),
    ],
)
def test_what_is_asked_for_follows_from_the_form(name, value, asked, part):
    says, parts = _secret(HOSPITAL[name], pd.Series([value]))
    assert (says, parts.tolist()) == (asked, [part])


def test_views_are_read_as_numbers_where_their_form_has_numbers():
    schema = Schema(
        (
            Attribute("size", Form.NUMBER, generalise=Range(10)),
            Attribute("code", Form.DIGITS),
            Attribute("seen", Form.PATTERN, time="%Y-%m-%d %H:%M"),
            Attribute("pressure", Form.PATTERN, pattern=r"\d+-\d+"),
        ),
        alphabet="0123456789 :|*-",
    )
    view = pd.DataFrame(
        [["-20--11", "0123", "2020-07-01 06:00", "120-80"]], columns=list(schema.names)
    )
    (row,) = _readable(view, view, schema)
    numbers = {name: value for name, value in row.items() if not isinstance(value, str)}
    assert numbers == pytest.approx(
        {"size 0": -20, "size 1": -11, "pressure 0": 120, "pressure 1": 80, "seen hour sin": 1}
        | {"seen hour cos": 0, "seen season sin": 0, "seen season cos": -1},
        abs=0.02,
    )


@pytest.mark.slow
def test_every_attack_runs_on_a_small_table_of_another_schema():
    """Thirty known entries, thirty targets, one entry a person, no time; pairs of other widths."""
    people = {"members": patients(20, 3), "strangers": patients(20, 4)}
    case = Case(random_pair(), patients(30, 1), patients(30, 2), **people)
    others = {
        "narrow": random_pair(1, units=8, letters="FFFFFFFFFFFF"),
        "wide.blind": random_pair(2),
    }
    told, kept = [], []
    findings = run_audit(
        case, others, updates=1, keep=lambda done, found: kept.append(len(found)), say=told.append
    )
    assert len(told) == len(kept) == 26
    assert kept[-1] == len(findings)
    by_attack = to_frame(findings).groupby("attack")
    assert set(by_attack.groups) == {
        "wrong key", "near key", "nearest neighbour", "own decoder", "linear map", "tampering",
        "statistics only", "translation", "insider, linear probe", "insider, neural probe",
        "insider, whole entry", "membership, code and loss", "membership, decoder alone",
        "remedy: noise, receiver reads", "remedy: noise, linear probe",
        "remedy: small codes, receiver reads", "remedy: small codes, linear probe",
        "remedy: rounding", "remedy: rule and cipher",
    }  # fmt: skip
    assert set(by_attack.get_group("translation")["own"]) == {"narrow", audit.TWIN}
    # A narrower pair's decoder can't read these codes, but a map to its own codes can be fitted.
    assert set(by_attack.get_group("wrong key")["own"]) == {"wide.blind", audit.TWIN}
    assert "narrow" in set(by_attack.get_group("linear map")["own"])
    probes = by_attack.get_group("insider, whole entry")
    assert set(probes["attribute"]) == {n for n, op in case.operations.items() if op != "F"}
    numbers = to_frame(findings)[["value", "low", "high", "baseline", "control"]]
    assert np.isfinite(numbers.to_numpy()).all()
    assert audit.judge(to_frame(findings))


def test_some_parts_of_an_audit(hospital):
    told = []
    run_audit(hospital, {}, parts=["people"], say=told.append)
    made = [text.split(": ")[1] for text in told]
    assert made == ["Linkage", "Membership", "DecoderAlone", "Extraction"]


def test_pairs_of_another_schema_are_refused(hospital, case):
    with pytest.raises(InputError, match="doctor: of another schema"):
        run_audit(hospital, {"doctor": case.pair})
    with pytest.raises(InputError, match="own pair: of another schema"):
        LinearMap(case.pair, "doctor").run(hospital)


def test_tables_are_checked():
    pair, good = random_pair(), patients(30)
    with pytest.raises(InputError, match="known entries: 9 entries; expected at least 10"):
        Case(pair, good[:9], good)
    with pytest.raises(InputError, match="targets, row 3, ward: expected"):
        Case(pair, good, good.assign(ward=good["ward"].where(good.index != 3, "nose")))
    with pytest.raises(InputError, match="members: entries of 1 people; expected of 10 or more"):
        Case(pair, good, good, members=good.assign(case="1"), strangers=good)
    with pytest.raises(InputError, match="strangers, case: null"):
        Case(pair, good, good, members=good,
             strangers=good.assign(case=good["case"].where(good.index > 0)))  # fmt: skip
    assert Case(pair, good, good, members=good.drop(columns="case")).members.count == 30
    with pytest.raises(InputError, match=r"no column case .the nearest is Cases.; expected whose"):
        Case(pair, good, good, linked=good.rename(columns={"case": "Cases"}))
    with pytest.raises(InputError, match="linked entries: expected two a person"):
        Case(pair, good, good, linked=good)


def test_linkage_needs_no_time():
    both = patients(20, 3).loc[np.repeat(np.arange(20), 2)]
    case = Case(random_pair(), patients(30, 1), patients(30, 2), linked=both)
    (finding,) = Linkage().run(case)  # of two equal entries the codes are the same
    assert finding.value == 1
    assert finding.control == 1


def test_the_people_of_a_table_are_dealt_out():
    people = patients(60)
    second = people.assign(bed="c9")
    tables = case_tables(pd.concat([people, second]), HOSPITAL)
    whose = {name: set(table["case"]) for name, table in tables.items()}
    assert {name: len(ids) for name, ids in whose.items()} == {
        "known": 45, "targets": 15, "linked": 15
    }  # fmt: skip
    assert not whose["known"] & (whose["targets"] | whose["linked"])
    assert tables["linked"]["bed"].tolist()[1::2] == ["c9"] * 15
    assert Case(random_pair(), **tables).linked is not None
    tables = case_tables(people, HOSPITAL, known=20, targets=10)
    assert {name: len(table) for name, table in tables.items()} == {
        "targets": 10, "known": 20, "own": 20
    }  # fmt: skip
    assert tables["known"].equals(case_tables(people, HOSPITAL, known=20, targets=10)["known"])
    assert set(case_tables(people.drop(columns="case"), HOSPITAL)) == {"targets", "known"}
    with pytest.raises(InputError, match="19 people"):
        case_tables(people[:19], HOSPITAL)
    with pytest.raises(InputError, match="case: null"):
        case_tables(people.assign(case=people["case"].where(people.index > 0)), HOSPITAL)


WITHOUT_TENSORFLOW = """
import sys
import numpy as np
import aalprivacy.audit as audit
sys.path.insert(0, {tests!r})
from test_audit import patients, random_pair

linked = patients(20, 3).loc[np.repeat(np.arange(20), 2)]
people = {{"members": patients(20, 4), "strangers": patients(20, 5)}}
case = audit.Case(random_pair(), patients(30, 1), patients(30, 2), linked=linked, **people)
own = random_pair(1)
for attack in (audit.NearKey(), audit.WrongKey({{"own": own}}), audit.LinearMap(own, "own"),
               audit.Statistics(own, "own"), audit.Neighbours(), audit.Insider(deep=False),
               audit.Linkage(), audit.Tampering(), audit.Rounding(), audit.RuleAndCipher(),
               audit.Membership(), audit.Translation(own, "own", updates=0)):
    assert attack.run(case), attack
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


def test_attacks_that_train_no_network_need_no_tensorflow(request):
    script = WITHOUT_TENSORFLOW.format(tests=str(request.path.parent))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
