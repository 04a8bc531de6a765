"""Verdicts are read off the figures by the rule that stands beside each claim."""

from dataclasses import replace

import pandas as pd
import pytest

from aalprivacy import claims
from aalprivacy.audit import Case, Verdict
from aalprivacy.evaluation import Mismatch, Score, cross
from aalprivacy.homes import audit_tables, simulate
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
    assert "doctor" in found.measured or "times" in found.measured


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
    ("error", "hit", "verdict"),
    [
        (60.0, 0.2, Verdict.HOLDS),
        (50.0, 0.2, Verdict.IN_PART),
        (60.0, 0.24, Verdict.IN_PART),
        (25.0, 0.5, Verdict.FAILS),
    ],
)
def test_a_wrong_decoder_is_held_against_chance(error, hit, verdict):
    chance, hits = dict.fromkeys(NAMES, 0.2), dict.fromkeys(NAMES, hit)
    matched = Mismatch("a", "a", 0.1, 55.0, 70.0, dict.fromkeys(NAMES, 1.0), chance)
    other = replace(matched, encoder="b", decoder="b")
    wrong = Mismatch("b", "a", error, 55.0, 70.0, hits, chance)
    (found,) = claims._mismatch([matched, other, wrong])
    assert found.verdict is verdict
    assert found.measured.startswith(f"b: wrong key, own pair: a: {error:.1f} wrong characters")
    assert "the right key 0.10" in found.measured
    assert claims._mismatch([matched]) == []


@pytest.mark.slow
def test_every_claim_is_put_to_the_test():
    pairs = {name: load_pair(name) for name in ("doctor", "researcher")}
    entries = simulate(40, 1, seed=9)
    judged = claims.examine(
        pairs,
        {name: {"unseen": GOOD} for name in pairs},
        cross(pairs, entries),
        Case(pairs["doctor"], **audit_tables(100, 50, 30)),
        entries,
        updates=1,
    )
    table = pd.DataFrame(judged)
    assert table["says"].is_unique
    assert len(table) == 16
    assert "With the right decoder the doctor gets the view almost perfectly." in set(table["says"])
