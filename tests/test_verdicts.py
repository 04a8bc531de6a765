"""Security verdicts follow from the figures, by the worst of them."""

from dataclasses import replace

import pandas as pd
import pytest

from aalprivacy.audit import (
    CHARACTER_ERROR,
    TWIN,
    Claim,
    Finding,
    Setting,
    Verdict,
    judge,
    judge_randomised,
    judge_started,
    to_frame,
)
from aalprivacy.audit.measure import ABOVE_CHANCE, AREA, BYTES, FOUND, TIME
from aalprivacy.audit.verdicts import BLIND, QUESTIONS, RANDOMISED, STARTED

LINE = 80.0  # error of one constant line
PROBE = Setting(known=10_000)


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
        ("translation", Setting("1,000 codes", own="doctor")),
        ("translation", Setting("1,000 codes", own=TWIN)),
    ],
)
def test_a_lock_is_as_good_as_its_worst_attack(attack, setting):
    closed = reading(attack, setting, 90.0)
    for worst, expected in ((85.0, "No"), (60.0, "In part"), (30.0, "Yes")):
        claim = verdict(closed, reading(attack, setting, worst))
        assert claim.answer == expected
        assert claim.found.startswith(f"{worst:.1f} wrong characters")
        assert (claim.guess, claim.reader) == ("80.0, one line for all", "0.20")
        assert claim.attacker == f"{attack}, {setting}"
        for part in (claim.found, claim.guess, claim.reader, claim.attacker):
            assert part in claim.measured


def test_how_many_known_entries_open_a_lock():
    findings = [
        reading("own decoder", Setting(known=known), error)
        for known, error in ((100, 60.0), (1000, 7.0), (10_000, 2.0))
    ]
    assert "1,000 known entries are enough for a tenth" in verdict(*findings).found
    assert "a tenth" not in verdict(findings[0]).found


def test_what_was_not_measured_is_asked_all_the_same():
    claims = judge(to_frame([]), every=True)
    assert [c.question for c in claims] == [question for question, _, _ in QUESTIONS]
    assert {c.answer for c in claims} == {c.measured for c in claims} == {"not measured yet"}
    claims = judge(to_frame([reading("wrong key", Setting(own="doctor"), 90.0)]), every=True)
    assert [c.answer for c in claims].count("not measured yet") == len(QUESTIONS) - 1
    assert claims[0].answer == "No"


def test_every_question_is_asked_once_and_answered_by_yes_or_no():
    questions = [question for question, _, _ in QUESTIONS] + [STARTED, RANDOMISED]
    assert len({question.asks for question in questions}) == len(questions)
    for question in questions:
        assert question.asks.endswith("?")
        held, failed, half = (Claim(question, "1", v).answer for v in
                              (Verdict.HOLDS, Verdict.FAILS, Verdict.IN_PART))  # fmt: skip
        assert Claim(question, "1", Verdict.UNDECIDED).answer == "Undecided"
        assert held == question.claimed
        assert {held, failed} == {"Yes", "No"}
        assert half == "In part"


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(0.005, 0.007, "No"), (0.005, 0.02, "Undecided"), (0.03, 0.04, "In part")],
)
def test_values_hit_above_chance_disclose_something(low, high, answer):
    setting = Setting(own="doctor")
    hits = Finding("wrong key", setting, ABOVE_CHANCE, low + 0.001, low, high, 0, 0.9)
    claim = verdict(reading("wrong key", setting, 90.0), hits)
    assert claim.answer == answer
    reached = f"above chance: {low + 0.001:.1%} ({low:.1%} to {high:.1%}), of at most 90.0%"
    assert reached in claim.measured
    # If the other figure is of another attacker, both are named.
    other = replace(hits, setting=Setting(own="caregiver"))
    assert ", by wrong key" not in claim.found
    found = verdict(reading("wrong key", setting, 90.0), other).found
    assert found.endswith(", of at most 90.0%, by wrong key, own pair: caregiver")
    # An attack that reads codes decides, however wide another one's interval is.
    assert verdict(reading("wrong key", setting, 30.0), hits).answer == "Yes"


def test_an_attack_that_was_not_tried_is_named():
    setting = Setting("1,000 codes", own="doctor")
    tried = [reading("statistics only", setting, 90.0)]
    assert verdict(*tried).untried == ("translation",)
    assert verdict(*tried).measured.endswith("; not tried yet: translation")
    tried.append(reading("translation", setting, 90.0))
    assert verdict(*tried).untried == ()
    assert "not tried" not in verdict(*tried).measured


def test_pairs_are_told_apart():
    frames = [
        to_frame([reading("wrong key", Setting(own="caregiver"), value)]).assign(pair=pair)
        for pair, value in (("doctor", 90.0), ("family_member.blind", 60.0))
    ]
    (claim,) = judge(pd.concat(frames))
    assert claim.attacker == "wrong key, own pair: caregiver (family member, blind)"


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
    assert "of their size: 0.3 wrong characters" in claim.measured
    # One pair that can be read is enough, even if another can't.
    other = reading("near key", Setting(size=0.01), 70.0)
    frames = {"doctor": to_frame(noisy), "caregiver": to_frame([other])}
    (claim,) = judge(pd.concat([frame.assign(pair=pair) for pair, frame in frames.items()]))
    assert claim.found.endswith("off by 1 % of their size: 0.3 wrong characters (doctor)")
    shut = [reading("near key", Setting(size=0.0001), 70.0)]
    assert verdict(*shut).verdict is Verdict.HOLDS
    assert verdict(*shut).found == "no decoder that is known roughly reads codes"


def test_what_is_deleted():
    claim = verdict(name(0.4), pressure(0.45))
    assert claim.verdict is Verdict.HOLDS
    claim = verdict(name(0.6), pressure(0.45))
    assert claim.verdict is Verdict.FAILS
    assert "1 of 2 hidden attributes (name); the most: name (deleted), first" in claim.found
    assert claim.attacker == "the receiver, with known entries at most: linear probe 10,000"
    assert claim.found.endswith("name (deleted), first letter: 65% right")
    assert claim.guess == "50% right, from the view alone"


def test_what_a_wide_interval_can_hide_is_not_decided():
    few_known = told("first letter", 0.4, setting=Setting(known=100), hidden="name D")
    assert verdict(few_known).answer == "Undecided"
    assert verdict(few_known, name(0.4)).answer == "No"  # a stronger attacker finds nothing either
    hides = [reading("remedy: noise, receiver reads", Setting(size=size), 0.3) for size in (0, 0.1)]
    assert verdict(*hides).answer == "Undecided"  # nothing was asked
    asked = [told("first letter", low, 0.5, "remedy: noise, linear probe", Setting("", size, 100))
             for size, low in ((0, 0.6), (0.1, 0.4))]  # fmt: skip
    assert verdict(*hides, *asked).answer == "Undecided"
    wide = Finding("insider, linear probe", PROBE, "first letter", 0.5, 0.38, 0.62, 0.5, 1.0,
                   "name", "D")  # fmt: skip
    assert verdict(wide).answer == "Undecided"
    assert verdict(wide, name(0.6)).answer == "Yes"
    (claim,) = judge(to_frame([wide]).assign(pair="b"), blind=["b"])
    assert claim.answer == "Undecided"
    few = remembers(0.55, 0.4, 0.02)
    assert verdict(Finding("linkage", PROBE, AREA, 0.55, 0.4, 0.7, 0.5, 1.0)).answer == (
        "Undecided"
    )
    area = Finding("membership, code and loss", PROBE, AREA, 0.55, 0.45, 0.65, 0.5, 1.0)
    assert verdict(area).answer == verdict(area, few[1]).answer == "Undecided"
    told_before = to_frame(remembers(0.99, 0.98, 0.9))
    assert judge_randomised(told_before, to_frame([area])).answer == "Undecided"
    lines = Finding(
        "extraction", PROBE, "of people trained on", 0.1, 0.06, 0.14, 0.1, 0.99, "name", "F"
    )
    assert verdict(lines).answer == "Undecided"


def of_pairs(**findings):
    """Findings of several pairs, as one table."""
    frames = [to_frame(some).assign(pair=pair) for pair, some in findings.items()]
    return pd.concat(frames, ignore_index=True)


def test_a_strong_attack_on_one_pair_says_nothing_of_another():
    weak = told("first letter", 0.4, setting=Setting(known=100), hidden="name D")
    (claim,) = judge(of_pairs(doctor=[name(0.4)], caregiver=[weak]))
    assert claim.answer == "Undecided"
    assert claim.attacker.endswith("linear probe 100 to 10,000")
    setting = Setting("1,000 codes", own="doctor")
    both = [reading(attack, setting, 90.0) for attack in ("statistics only", "translation")]
    (claim,) = judge(of_pairs(doctor=both, caregiver=both[:1]))
    assert claim.untried == ("translation",)


def test_hidden_attributes_are_counted_for_each_pair():
    (claim,) = judge(of_pairs(doctor=[name(0.6), pressure(0.4)], caregiver=[name(0.7)]))
    assert claim.found == (
        "told of more than the view tells: 2 of 3 hidden attributes (doctor 1 of 2, caregiver 1 "
        "of 1); the most: name (deleted), first letter: 75% right (caregiver)"
    )


def test_a_remedy_is_judged_by_the_pair_that_it_protects_least():
    """The sizes at which it hides, and at which it hurts, are those of the same pair."""

    def tried(hidden_from, error):
        found = []
        for size in (0, 1, 2):
            at = Setting(f"size {size}", size)
            low = 0.4 if size >= hidden_from else 0.6
            wrong = error if size == 2 else 0.3
            found += [
                reading("remedy: noise, receiver reads", at, wrong),
                told("first letter", low, 0.5, "remedy: noise, linear probe",
                     replace(at, known=10_000), "name D"),
            ]  # fmt: skip
        return found

    early, late, never, nothing = tried(1, 9.0), tried(2, 1.0), tried(3, 1.0), tried(0, 9.0)
    assert judge(of_pairs(a=early, b=late))[0].answer == "Yes"
    assert judge(of_pairs(a=early, b=never))[0].answer == "No"
    assert judge(of_pairs(a=early, b=nothing))[0].answer == "Yes"
    assert judge(of_pairs(b=nothing))[0].answer == "Undecided"


def test_what_a_blind_pairs_codes_tell_is_a_question_of_its_own():
    """Its probes answer that one alone; whoever attacks it from outside answers all others."""
    frame = to_frame([name(0.45), reading("wrong key", Setting(own="doctor"), 60.0)])
    blind = frame.assign(pair="doctor.blind")
    both = pd.concat([blind, to_frame([pressure(0.7)]).assign(pair="doctor")])
    claims = {c.question: c for c in judge(both, blind=["doctor.blind"])}
    assert claims[BLIND].answer == "No"
    assert "0 of 1 hidden attributes" in claims[BLIND].found
    assert [c.answer for c in claims.values()] == ["In part", "Yes", "No"]
    (seen,) = (c for c in judge(both) if "deletes" in c.question.asks)  # none is said to be blind
    assert "1 of 2 hidden attributes (doctor, blind 0 of 1, doctor 1 of 1)" in seen.found
    assert "the most: blood pressure (generalised), last digit" in seen.found


def test_linkage_and_tampering():
    area = "area under the ROC curve"
    for low, expected in ((0.48, Verdict.HOLDS), (0.7, Verdict.FAILS)):
        assert verdict(told(area, low, attack="linkage")).verdict is expected
        assert f"area {low + 0.05:.3f}" in verdict(told(area, low, attack="linkage")).found
    passing = "changed views that pass"
    noise = Setting("noise of 0.1 deviations", 0.1)
    # Noise that an attacker adds is no remedy.
    (claim,) = judge(to_frame([told(passing, 0.5, 0.0, "tampering", noise)]))
    assert claim.verdict is Verdict.FAILS
    for low, high, expected in (
        (0.0, 0.005, Verdict.HOLDS),
        (0.0, 0.3, Verdict.UNDECIDED),
        (0.04, 0.3, Verdict.IN_PART),
        (0.6, 0.8, Verdict.FAILS),
    ):
        found = [
            Finding("tampering", Setting(way), passing, low, low, high, 0.0, 1.0)
            for way, low, high in (("rare", 0.0, 0.002), ("often", low, high))
        ]
        claim = verdict(*found)
        assert claim.verdict is expected
        assert "often" in claim.attacker
        # A whole code of somebody else is valid, so it says nothing about changes.
        swapped = Setting("the next user's code instead, 100% of the views changed")
        both = verdict(*found, told(passing, 0.95, 0.0, "tampering", swapped))
        assert both.verdict is expected
        assert both.found.endswith("another user's whole code: 100%")


@pytest.mark.parametrize(
    ("errors", "lows", "expected"),
    [
        ((0.3, 1.2), (0.6, 0.4), Verdict.HOLDS),
        ((0.3, 9.0), (0.6, 0.4), Verdict.FAILS),
        ((0.3, 1.2), (0.6, 0.6), Verdict.FAILS),
        ((0.3, 1.2), (0.4, 0.4), Verdict.UNDECIDED),  # there was nothing to hide
    ],
)
@pytest.mark.parametrize(("remedy", "sizes"), [("noise", (0, 0.5)), ("small codes", (2048, 60))])
def test_a_remedy_must_hide_before_it_hurts(remedy, sizes, errors, lows, expected):
    findings = []
    for size, error, low in zip(sizes, errors, lows, strict=True):
        at, known = Setting(f"size {size}", size), Setting(f"size {size}", size, 10_000)
        findings += [
            reading(f"remedy: {remedy}, receiver reads", at, error),
            told("first letter", low, 0.5, f"remedy: {remedy}, linear probe", known),
        ]
    claim = verdict(*findings)
    assert claim.verdict is expected
    tells = [int(low > 0.5) for low in lows]
    assert claim.found.startswith(
        f"told of more than the view tells: {tells[0]} of 1 hidden attributes without it"
    )
    assert f"{tells[1]} with size {sizes[1]}" in claim.found
    assert f"{errors[1]:.1f} wrong characters with size {sizes[1]}" in claim.reader
    assert claim.attacker == "the receiver, 10,000 known entries"


def test_rounding():
    def rounded(int8):
        return [
            reading("remedy: rounding", Setting(kind), error)
            for kind, error in (("float32", 0.2), ("float16", 0.2), ("int8", int8))
        ]

    assert verdict(*rounded(0.25)).verdict is Verdict.HOLDS
    assert verdict(*rounded(1.0)).verdict is Verdict.IN_PART
    assert verdict(*rounded(3.0)).verdict is Verdict.FAILS


def priced(attack, size, time, setting=""):
    return [
        Finding(attack, Setting(setting), measure, *[value] * 5)
        for measure, value in ((BYTES, size), (TIME, time))
    ]


@pytest.mark.parametrize(
    ("error", "size", "expected"),
    [(0.0, 100.0, Verdict.HOLDS), (0.0, 3000.0, Verdict.IN_PART), (0.1, 100.0, Verdict.FAILS)],
)
def test_a_rule_and_a_cipher_are_held_against_codes(error, size, expected):
    rule, codes = "remedy: rule and cipher", "remedy: rounding"
    read = Finding(rule, Setting(), CHARACTER_ERROR, error, error, error, LINE, 0.2)
    rounded = [reading(codes, Setting(kind), 0.2) for kind in ("float32", "int8")]
    costs = priced(codes, 2048.0, 1.5, "float32") + priced(codes, 512.0, 1.5, "int8")
    found = to_frame([read, *priced(rule, size, 0.05), *rounded, *costs])
    _, claim = judge(found)
    assert "rule" in claim.question.asks
    assert claim.verdict is expected
    assert f"{size:,.0f} bytes an entry, codes in float32 2,048" in claim.found
    # Without the rule's row there is nothing to hold against codes.
    assert len(judge(to_frame([*rounded, *costs]))) == 1


def remembers(area, low, share, attack="membership, code and loss"):
    setting = Setting("people", known=1)
    return [
        Finding(attack, setting, AREA, area, low, area + 0.02, 0.5, 1.0),
        Finding(attack, setting, FOUND, share, share / 2, 2 * share, 0.01, 1.0),
    ]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((0.51, 0.48, 0.015), Verdict.HOLDS),
        ((0.57, 0.53, 0.03), Verdict.IN_PART),
        ((0.57, 0.53, 0.3), Verdict.FAILS),
        ((0.9, 0.8, 0.03), Verdict.FAILS),
    ],
)
def test_whether_a_key_tells_on_whom_it_was_trained(figures, expected):
    claim = verdict(*remembers(*figures), *remembers(0.5, 0.45, 0.01, "membership, decoder alone"))
    assert claim.verdict is expected
    area, low, share = figures
    between = f"({low:.2f} to {area + 0.02:.2f})"
    assert claim.found.startswith(f"area {area:.2f} {between}; at 1 % false alarms {share:.1%} (")
    assert claim.attacker.startswith("membership, code and loss, people")
    assert claim.guess == "area 0.50; 1.0%" and "found, by" not in claim.found
    other = verdict(
        *remembers(0.7, 0.6, 0.01), *remembers(0.5, 0.4, 0.2, "membership, decoder alone")
    )
    assert "20.0% (10.0% to 40.0%) of the people trained on are found, by membership, decoder " in (
        other.found
    )
    assert other.attacker.startswith("membership, code and loss")
    (areas_alone,) = judge(to_frame(remembers(*figures)[:1]))
    assert "false alarms" not in areas_alone.found


def test_whether_a_key_recites_people():
    def written(low):
        about = "extraction", Setting("2,000 random codes"), "of people trained on"
        return Finding(*about, low + 0.01, low, low + 0.02, 0.1, 0.99, "name", "F")

    for low, answer in ((0.09, "No"), (0.3, "Yes")):
        claim = verdict(written(0.05), written(low))
        assert claim.answer == answer
        assert claim.found.startswith(f"name: in {low + 0.01:.1%} ({low:.1%} to ")
    # What surely is more decides, though another value is written more often.
    claim = verdict(replace(written(0.08), value=0.3), replace(written(0.12), attribute="city"))
    assert (claim.answer, claim.found.split(":")[0]) == ("Yes", "city")


@pytest.mark.parametrize(
    ("plain", "randomised", "expected"),
    [
        ((0.99, 0.98, 0.9), (0.5, 0.45, 0.01), Verdict.HOLDS),
        ((0.99, 0.98, 0.9), (0.58, 0.55, 0.02), Verdict.IN_PART),
        ((0.99, 0.98, 0.9), (0.8, 0.75, 0.2), Verdict.FAILS),
        ((0.5, 0.45, 0.01), (0.5, 0.45, 0.01), Verdict.UNDECIDED),  # nothing was told before
    ],
)
def test_what_random_values_in_training_buy(plain, randomised, expected):
    frames = [to_frame(remembers(*figures)) for figures in (plain, randomised)]
    claim = judge_randomised(*frames)
    assert claim.verdict is expected
    with_them, without = (
        f"area {area:.2f} ({low:.2f} to {area + 0.02:.2f}); at 1 % false alarms {share:.1%} "
        f"({share / 2:.1%} to {2 * share:.1%}) of the people trained on are found"
        for area, low, share in (randomised, plain)
    )
    assert claim.found == f"with them: {with_them}. Without them: {without}"
    assert judge_randomised(frames[0], to_frame([])).answer == "not measured yet"


def test_a_view_that_is_the_same_for_all_is_no_reason_to_fail():
    same = Finding("wrong key", Setting(own="doctor"), CHARACTER_ERROR, 9.0, 8.0, 10.0, 0.0, 0.0)
    assert verdict(same).verdict is Verdict.HOLDS


def test_without_findings_nothing_is_judged():
    assert judge(to_frame([])) == []
    assert isinstance(to_frame([]), pd.DataFrame)


def test_a_pair_started_from_another_is_judged_by_attacks_without_known_entries():
    setting = Setting("20,000 codes, units matched", own="doctor")
    shut = [reading("wrong key", setting, 90.0), reading("statistics only", setting, 85.0)]
    linear = reading("linear map", Setting(own="doctor", known=100), 0.0)  # knows entries
    assert judge_started(to_frame([*shut, linear])).answer == "No"
    assert judge_started(to_frame([*shut, reading("translation", setting, 3.0)])).answer == "Yes"
    assert judge_started(to_frame([linear])).answer == "not measured yet"
