"""Verdicts are read off the figures by the rule that stands beside each claim."""

from dataclasses import replace

import pytest

from aalprivacy import claims
from aalprivacy.audit import Verdict, judge, to_frame
from aalprivacy.evaluation import Score
from aalprivacy.pair import Architecture, Pair, load_pair
from aalprivacy.policy import TABLE_I
from aalprivacy.schema import ASSISTED_LIVING

NAMES = ASSISTED_LIVING.names
NONE = dict.fromkeys(NAMES, 0)
GOOD = Score(1000, 0.2, 0.01, 0.95, 1.0, dict.fromkeys(NAMES, 0.01), dict.fromkeys(NAMES, 0.99),
             [950, 50], NONE | {"timestamp": 30, "age": 20})  # fmt: skip


def scores(**changed):
    return {"doctor": GOOD, "researcher": replace(GOOD, **changed)}


def timestamp(unseen):
    return claims._timestamp(unseen, ASSISTED_LIVING)


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        (claims._error, {}, Verdict.HOLDS),
        (claims._error, {"character_error": 1.6}, Verdict.IN_PART),
        (claims._same_error, {"character_error": 0.23}, Verdict.HOLDS),
        (claims._same_error, {"character_error": 0.3}, Verdict.IN_PART),
        (claims._same_error, {"character_error": 0.5}, Verdict.FAILS),
        (timestamp, {}, Verdict.HOLDS),
        (timestamp, {"single": NONE | {"timestamp": 3, "age": 20}}, Verdict.IN_PART),
    ],
)
def test_claims_about_errors(claim, changed, verdict):
    found = claim(scores(**changed))
    assert found.verdict is verdict
    assert "doctor" in found.measured or "with 0.200 to" in found.measured


def test_all_pairs_above_the_papers_error():
    bad = replace(GOOD, character_error=2.0)
    assert claims._error({"doctor": bad}).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("exact", "verdict"), [(0.95, Verdict.HOLDS), (0.6, Verdict.IN_PART), (0.1, Verdict.FAILS)]
)
def test_almost_perfect(exact, verdict):
    found = claims._almost_perfect(replace(GOOD, exact=exact), "researcher")
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.99, Verdict.HOLDS), (0.9, Verdict.IN_PART), (0.5, Verdict.FAILS)]
)
def test_the_worst_operation_decides(share, verdict):
    deleted = [n for n, what in TABLE_I.for_receiver("researcher").items() if what == "D"]
    right = GOOD.right | dict.fromkeys(deleted, share)
    pair = Pair({}, Architecture(), "researcher", TABLE_I)
    kinds = {"researcher": {"unseen": replace(GOOD, right=right)}}
    found = claims._operations({"researcher": pair}, kinds)
    assert found.verdict is verdict
    assert share == 0.99 or "researcher, delete" in found.measured


@pytest.mark.parametrize(
    ("errors", "answer"), [((0.5, 1.1), "Yes"), ((0.5, 1.3), "In part"), ((1.3, 1.4), "No")]
)
def test_what_missing_values_add_is_what_is_told(errors, answer):
    """The rule is about how much worse it gets, and so is the figure."""
    plain = {"unseen": {"character_error": 0.2}}
    pairs = {
        name: Pair({}, Architecture(), name, TABLE_I,
                   {"test": plain, "test_disturbed": {"character_error": error}})
        for name, error in zip(("doctor", "researcher"), errors, strict=True)
    }  # fmt: skip
    claim = claims._abnormal(pairs)
    assert claim.answer == answer
    added = [error - 0.2 for error in errors]
    assert claim.found == (
        f"wrong characters added: doctor {added[0]:+.3f}, researcher {added[1]:+.3f}"
    )
    without = replace(pairs["doctor"], card={"test": plain})
    assert claims._abnormal(pairs | {"doctor": without}).answer == "not measured yet"


@pytest.mark.parametrize(
    ("hours", "answer"), [((1, 2), "Yes"), ((1, 3), "In part"), ((3, 4), "No")]
)
def test_what_a_graphics_card_trained_says_nothing_about_computers_without_one(hours, answer):
    pairs = {
        name: Pair({}, Architecture(), name, TABLE_I, {"training": {"seconds": 3600 * took}})
        for name, took in zip(("doctor", "researcher"), hours, strict=True)
    }
    assert claims._independent_training(pairs, {}).answer == answer
    quick = replace(pairs["doctor"], card={"training": {"seconds": 60}, "begun_on": {}})
    found = claims._independent_training({**pairs, "doctor": quick}, {})
    assert found.found == (f"researcher {60 * hours[1]} min; not timed on such a computer: doctor")
    assert found.answer == ("In part" if hours[1] <= 2 else "No")
    assert claims._independent_training({"doctor": quick}, {}).answer == "not measured yet"
    alone = {"doctor": pairs["doctor"].card}
    assert claims._independent_training({**pairs, "doctor": quick}, alone).answer == answer


def test_every_claim_is_put_to_the_test():
    pairs = {name: load_pair(name) for name in ("doctor", "researcher")}
    audited = judge(to_frame([]), every=True)
    kinds = {name: {"unseen": GOOD} for name in pairs}
    judged = claims.examine(pairs, kinds, audited)
    assert len({claim.question.asks for claim in judged}) == len(judged) == len(audited) + 7
    assert [claim for claim in judged if claim in audited] == audited
    (almost,) = (claim for claim in judged if "almost perfectly" in claim.question.asks)
    assert almost.found.startswith("95.0% of the researcher's are")
