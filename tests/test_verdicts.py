"""Security verdicts follow from the figures, by the worst of them."""

import pandas as pd
import pytest

from aalprivacy.audit import (
    CHARACTER_ERROR,
    TWIN,
    Finding,
    Verdict,
    judge,
    judge_blind,
    to_frame,
)
from aalprivacy.audit.measure import ABOVE_CHANCE

LINE = 80.0  # error of one constant line


def reading(attack, setting, value):
    return Finding(attack, setting, CHARACTER_ERROR, value, value - 1, value + 1, LINE, 0.2)


def told(measure, low, baseline=0.5, attack="insider, linear probe", setting="100 known entries"):
    return Finding(attack, setting, measure, low + 0.05, low, low + 0.1, baseline, 1.0)


def verdict(*findings):
    (claim,) = judge(to_frame(list(findings)))
    return claim


@pytest.mark.parametrize(
    ("attack", "setting"),
    [
        ("wrong key", "decoder of doctor"),
        ("wrong key", f"decoder of {TWIN}"),
        ("own decoder", "1,000 known entries"),
        ("linear map", "10 known entries, own pair: doctor"),
        ("linear map", f"10 known entries, own pair: {TWIN}"),
        ("statistics only", "1,000 codes, own pair: doctor"),
        ("statistics only", f"1,000 codes, own pair: {TWIN}"),
    ],
)
def test_a_lock_is_as_good_as_its_worst_attack(attack, setting):
    closed = reading(attack, setting, 90.0)
    for worst, expected in ((85.0, "holds"), (60.0, "holds in part"), (30.0, "doesn't hold")):
        claim = verdict(closed, reading(attack, setting, worst))
        assert str(claim.verdict) == expected
        assert f"{worst:.1f} wrong characters" in claim.measured
        assert setting in claim.measured


@pytest.mark.parametrize(("above", "expected"), [(0.005, Verdict.HOLDS), (0.03, Verdict.IN_PART)])
def test_values_hit_above_chance_disclose_something(above, expected):
    setting = "decoder of doctor"
    hits = Finding("wrong key", setting, ABOVE_CHANCE, above + 0.001, above, above + 0.002, 0, 0.9)
    claim = verdict(reading("wrong key", setting, 90.0), hits)
    assert claim.verdict is expected
    assert f"above chance: {above + 0.001:.1%}" in claim.measured


def test_pairs_are_told_apart():
    frames = [
        to_frame([reading("wrong key", "decoder of caregiver", value)]).assign(pair=pair)
        for pair, value in (("doctor", 90.0), ("family_member", 60.0))
    ]
    (claim,) = judge(pd.concat(frames))
    assert claim.measured.startswith("family member: wrong key, decoder of caregiver: 60.0")


def test_a_twin_is_judged_apart():
    claims = judge(
        to_frame(
            [
                reading("linear map", "10 known entries, own pair: doctor", 90.0),
                reading("linear map", f"10 known entries, own pair: {TWIN}", 1.0),
            ]
        )
    )
    assert [c.verdict for c in claims] == [Verdict.HOLDS, Verdict.FAILS]


def test_how_exactly_the_weights_must_be_known():
    noisy = [
        reading("near key", f"weights off by {size} of their size", value)
        for size, value in (("0.001", 0.2), ("0.01", 0.3), ("0.1", 50.0))
    ]
    claim = verdict(*noisy, reading("near key", "only known: lstm", 70.0))
    assert claim.verdict is Verdict.IN_PART
    assert "off by 1 % of" in claim.measured
    claim = verdict(*noisy, reading("near key", "only known: lstm", 0.1))
    assert claim.verdict is Verdict.FAILS
    assert "only known: lstm" in claim.measured
    # One pair that stays shut at one per cent is one lock that isn't open.
    other = reading("near key", "weights off by 0.01 of their size", 70.0)
    assert "off by 0.1 % of" in verdict(*noisy, other).measured
    shut = [reading("near key", "weights off by 0.0001 of their size", 70.0)]
    assert verdict(*shut).verdict is Verdict.HOLDS


def test_what_is_deleted():
    claim = verdict(told("name (deleted): first letter", 0.4), told("age (generalised): ...", 0.45))
    assert claim.verdict is Verdict.HOLDS
    claim = verdict(told("name (deleted): first letter", 0.6), told("age (generalised): ...", 0.45))
    assert claim.verdict is Verdict.FAILS
    assert "1 of 2 probes, which know up to 100 entries, tell" in claim.measured
    assert "of name; the most: name (deleted): first letter, right for 65%" in claim.measured


def test_a_blind_pair_is_judged_by_what_its_codes_tell():
    findings = [told("name (deleted): first letter", 0.45), reading("wrong key", "decoder", 90.0)]
    claim = judge_blind(to_frame(findings))
    assert (claim.section, claim.verdict) == ("remedy", Verdict.HOLDS)
    assert "0 of 1 probes" in claim.measured


def test_linkage_and_tampering():
    area = "area under the ROC curve"
    for low, expected in ((0.48, Verdict.HOLDS), (0.7, Verdict.FAILS)):
        assert verdict(told(area, low, attack="linkage")).verdict is expected
    passing = "changed views that pass"
    (claim,) = judge(
        to_frame([told(passing, 0.5, 0.0, "tampering", "noise of 0.1 deviations")])
    )  # noise that an attacker adds is no remedy
    assert claim.verdict is Verdict.FAILS
    for lows, expected in (
        ((-0.05, -0.05), Verdict.HOLDS),
        ((-0.05, 0.04), Verdict.IN_PART),
        ((-0.05, 0.6), Verdict.FAILS),
    ):
        found = [told(passing, low, 0.0, "tampering", f"way {low}") for low in lows]
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
        setting = f"noise of {size:g} deviations"
        findings += [
            reading("remedy: receiver reads", setting, error),
            told("name", low, attack="remedy: insider, linear probe",
                 setting=f"{setting}, 100 known entries"),
        ]  # fmt: skip
    assert verdict(*findings).verdict is expected


def test_rounding():
    def rounded(int8):
        return [
            reading("remedy: receiver reads", f"codes as {kind}", error)
            for kind, error in (("float32", 0.2), ("float16", 0.2), ("int8", int8))
        ]

    assert verdict(*rounded(0.25)).verdict is Verdict.HOLDS
    assert verdict(*rounded(1.0)).verdict is Verdict.IN_PART
    assert verdict(*rounded(3.0)).verdict is Verdict.FAILS


def test_without_findings_nothing_is_judged():
    assert judge(to_frame([])) == []
    assert isinstance(to_frame([]), pd.DataFrame)
