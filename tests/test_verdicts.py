"""Security verdicts follow from the figures, by the worst of them."""

import pandas as pd
import pytest

from aalprivacy.audit import (
    CHARACTER_ERROR,
    TWIN,
    Finding,
    Setting,
    Verdict,
    judge,
    judge_blind,
    to_frame,
)
from aalprivacy.audit.measure import ABOVE_CHANCE

LINE = 80.0  # error of one constant line
PROBE = Setting(known=100)


def reading(attack, setting, value):
    return Finding(attack, setting, CHARACTER_ERROR, value, value - 1, value + 1, LINE, 0.2)


def told(measure, low, baseline=0.5, attack="insider, linear probe", setting=PROBE, hidden=""):
    """`hidden` such as ``"name D"``: the attribute, and what the view does with it."""
    attribute, _, operation = hidden.partition(" ")
    figures = low + 0.05, low, low + 0.1, baseline, 1.0
    return Finding(attack, setting, measure, *figures, attribute, operation)


def name(low):
    return told("first letter", low, hidden="name D")


def pressure(low):
    return told("last digit", low, hidden="blood_pressure G")


def verdict(*findings):
    (claim,) = judge(to_frame(list(findings)))
    return claim


@pytest.mark.parametrize(
    ("attack", "setting"),
    [
        ("wrong key", Setting(own="doctor")),
        ("wrong key", Setting(own=TWIN)),
        ("own decoder", Setting(known=1000)),
        ("linear map", Setting(known=10, own="doctor")),
        ("linear map", Setting(known=10, own=TWIN)),
        ("statistics only", Setting("1,000 codes", own="doctor")),
        ("statistics only", Setting("1,000 codes", own=TWIN)),
    ],
)
def test_a_lock_is_as_good_as_its_worst_attack(attack, setting):
    closed = reading(attack, setting, 90.0)
    for worst, expected in ((85.0, "holds"), (60.0, "holds in part"), (30.0, "doesn't hold")):
        claim = verdict(closed, reading(attack, setting, worst))
        assert str(claim.verdict) == expected
        assert f"{worst:.1f} wrong characters" in claim.measured
        assert str(setting) in claim.measured


@pytest.mark.parametrize(("above", "expected"), [(0.005, Verdict.HOLDS), (0.03, Verdict.IN_PART)])
def test_values_hit_above_chance_disclose_something(above, expected):
    setting = Setting(own="doctor")
    hits = Finding("wrong key", setting, ABOVE_CHANCE, above + 0.001, above, above + 0.002, 0, 0.9)
    claim = verdict(reading("wrong key", setting, 90.0), hits)
    assert claim.verdict is expected
    assert f"above chance: {above + 0.001:.1%}" in claim.measured


def test_pairs_are_told_apart():
    frames = [
        to_frame([reading("wrong key", Setting(own="caregiver"), value)]).assign(pair=pair)
        for pair, value in (("doctor", 90.0), ("family_member.blind", 60.0))
    ]
    (claim,) = judge(pd.concat(frames))
    assert claim.measured.startswith("family member, blind: wrong key, own pair: caregiver: 60.0")


def test_a_twin_is_judged_apart():
    claims = judge(
        to_frame(
            [
                reading("linear map", Setting(known=10, own="doctor"), 90.0),
                reading("linear map", Setting(known=10, own=TWIN), 1.0),
            ]
        )
    )
    assert [c.verdict for c in claims] == [Verdict.HOLDS, Verdict.FAILS]


def test_how_exactly_the_weights_must_be_known():
    noisy = [
        reading("near key", Setting(size=size), value)
        for size, value in ((0.001, 0.2), (0.01, 0.3), (0.1, 50.0))
    ]
    layer = Setting("only known: lstm")
    claim = verdict(*noisy, reading("near key", layer, 70.0))
    assert claim.verdict is Verdict.IN_PART
    assert "off by 1 % of" in claim.measured
    claim = verdict(*noisy, reading("near key", layer, 0.1))
    assert claim.verdict is Verdict.FAILS
    assert "only known: lstm" in claim.measured
    # One pair that stays shut at one per cent is one lock that isn't open.
    other = reading("near key", Setting(size=0.01), 70.0)
    assert "off by 0.1 % of" in verdict(*noisy, other).measured
    shut = [reading("near key", Setting(size=0.0001), 70.0)]
    assert verdict(*shut).verdict is Verdict.HOLDS
    assert verdict(*shut).measured == "no weights that are off open the lock"


def test_what_is_deleted():
    claim = verdict(name(0.4), pressure(0.45))
    assert claim.verdict is Verdict.HOLDS
    claim = verdict(name(0.6), pressure(0.45))
    assert claim.verdict is Verdict.FAILS
    assert "1 of 2 probes tell" in claim.measured
    assert "(entries known at most: linear probe 100)" in claim.measured
    assert "of name; the most: name (deleted), first letter, right for 65%" in claim.measured


def test_a_blind_pair_is_judged_by_what_its_codes_tell():
    findings = [name(0.45), reading("wrong key", Setting(), 90.0)]
    (claim,) = judge_blind(to_frame(findings))
    assert (claim.section, claim.verdict) == ("remedy", Verdict.HOLDS)
    assert "0 of 1 probes" in claim.measured
    assert judge_blind(to_frame(findings[1:])) == []
    # Of several pairs, whose rows are numbered alike, it names the one that tells most.
    (claim,) = judge_blind(pd.concat([to_frame(findings), to_frame([pressure(0.7)])]))
    assert "the most: blood pressure (generalised), last digit" in claim.measured


def test_linkage_and_tampering():
    area = "area under the ROC curve"
    for low, expected in ((0.48, Verdict.HOLDS), (0.7, Verdict.FAILS)):
        assert verdict(told(area, low, attack="linkage")).verdict is expected
    passing = "changed views that pass"
    noise = Setting("noise of 0.1 deviations", 0.1)
    # Noise that an attacker adds is no remedy.
    (claim,) = judge(to_frame([told(passing, 0.5, 0.0, "tampering", noise)]))
    assert claim.verdict is Verdict.FAILS
    for lows, expected in (
        ((-0.05, -0.05), Verdict.HOLDS),
        ((-0.05, 0.04), Verdict.IN_PART),
        ((-0.05, 0.6), Verdict.FAILS),
    ):
        found = [told(passing, low, 0.0, "tampering", Setting(f"way {low}")) for low in lows]
        claim = verdict(*found)
        assert claim.verdict is expected
        assert f"way {max(lows)}" in claim.measured


@pytest.mark.parametrize(
    ("errors", "lows", "expected"),
    [
        ((0.3, 1.2), (0.6, 0.4), Verdict.HOLDS),
        ((0.3, 9.0), (0.6, 0.4), Verdict.FAILS),
        ((0.3, 1.2), (0.6, 0.6), Verdict.FAILS),
        ((0.3, 1.2), (0.4, 0.4), Verdict.FAILS),
    ],
)
def test_noise_must_hide_before_it_hurts(errors, lows, expected):
    findings = []
    for size, error, low in zip((0.1, 0.5), errors, lows, strict=True):
        findings += [
            reading("remedy: noise, receiver reads", Setting(size=size), error),
            told(
                "first letter", low, 0.5, "remedy: noise, linear probe", Setting(size=size, known=9)
            ),
        ]
    assert verdict(*findings).verdict is expected


def test_rounding():
    def rounded(int8):
        return [
            reading("remedy: rounding", Setting(kind), error)
            for kind, error in (("float32", 0.2), ("float16", 0.2), ("int8", int8))
        ]

    assert verdict(*rounded(0.25)).verdict is Verdict.HOLDS
    assert verdict(*rounded(1.0)).verdict is Verdict.IN_PART
    assert verdict(*rounded(3.0)).verdict is Verdict.FAILS


def test_a_view_that_is_the_same_for_all_is_no_reason_to_fail():
    same = Finding("wrong key", Setting(own="doctor"), CHARACTER_ERROR, 9.0, 8.0, 10.0, 0.0, 0.0)
    assert verdict(same).verdict is Verdict.HOLDS


def test_without_findings_nothing_is_judged():
    assert judge(to_frame([])) == []
    assert isinstance(to_frame([]), pd.DataFrame)
