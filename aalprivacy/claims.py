"""The paper's claims, one by one: what it says, what was measured, and the verdict.

Every claim of the paper's sections V and VI that a measurement can touch. What makes it hold is
written down beside it, so that the verdict is read off the figures and not argued.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit import (
    TWIN,
    Case,
    Claim,
    Finding,
    Insider,
    LinearMap,
    Linkage,
    NearKey,
    Neighbours,
    OwnDecoder,
    Setting,
    Statistics,
    Tampering,
    Training,
    Verdict,
    judge,
    to_frame,
)
from aalprivacy.audit.measure import ABOVE_CHANCE, CHARACTER_ERROR
from aalprivacy.evaluation import PAPER_ERROR, Mismatch, Score, evaluate, from_card, minutes
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema


def examine(
    pairs: Mapping[str, Pair],
    scores: Mapping[str, Mapping[str, Score]],
    found: list[Mismatch],
    case: Case,
    robust: pd.DataFrame,
    kept: pd.DataFrame | None = None,
    *,
    updates: int = 400,
) -> list[Claim]:
    """Put every claim to the test.

    Parameters
    ----------
    pairs, scores
        Name -> pair, all of the paper's schema, and its score on each test set.
    found
        What `aalprivacy.evaluation.cross` found of these pairs, and of others if there are any.
    case
        One of the pairs, and the entries with which it is attacked.
    robust
        Entries with missing and abnormal values.
    kept
        Rows of `aalprivacy.audit.to_frame` of an audit of the same pair. Its trained decoders are
        taken from there: they take minutes here, and had more entries there.
    updates
        Of the decoder that an attacker trains, where no audit is kept.
    """
    unseen = {name: kinds["unseen"] for name, kinds in scores.items()}
    marks = {pair.fingerprint: name for name, pair in pairs.items()}
    victim = marks[case.pair.fingerprint]
    own = {name: pair for name, pair in pairs.items() if name != victim}
    own[TWIN] = case.pair.rekeyed(1)
    cards = {name: from_card(pair.card) for name, pair in pairs.items()}
    return [
        _operations(pairs, scores),
        _almost_perfect(unseen[victim], victim),
        _error(unseen),
        _same_error(unseen),
        _timestamp(cards, case.schema),
        *_mismatch(found),
        *_security(case, own, updates, kept),
        _independent_training(pairs),
        _abnormal(pairs, unseen, robust),
    ]


def _operations(pairs, scores) -> Claim:
    worst = []
    for name, kinds in scores.items():
        operations = pairs[name].policy.for_receiver(pairs[name].receiver)
        for operation in Operation:
            attributes = [n for n, what in operations.items() if what is operation]
            if attributes:
                right = np.mean([kinds["unseen"].right[n] for n in attributes])
                worst.append((right, f"{in_words(name)}, {operation.name.lower()}"))
    lowest, where = min(worst)
    return Claim(
        "V",
        "Does the model learn to disclose, to generalise and to delete?",
        "Yes",
        "95 % of the values of users never seen are right, for each receiver and operation; in "
        "part, if 80 %",
        f"{lowest:.1%} in the worst case ({where})",
        Verdict.of(lowest >= 0.95, lowest >= 0.8),
    )


def _almost_perfect(score: Score, name: str) -> Claim:
    return Claim(
        "V, figure 5",
        f"Does the {in_words(name)} get the view almost perfectly, with the right decoder?",
        "Yes",
        "at least nine of ten views of users never seen are right to the last character; in part, "
        "if half",
        f"{score.exact:.1%} are, {score.character_error:.2f} wrong characters per entry",
        Verdict.of(score.exact >= 0.9, score.exact >= 0.5),
    )


def _error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    return Claim(
        "V",
        "Does a pair make 1.5 wrong characters per entry at most?",
        "Yes",
        "no pair has more on users never seen; in part, if some pair has not",
        _each(unseen, lambda score: f"{score.character_error:.2f}"),
        Verdict.of(max(errors) <= PAPER_ERROR, min(errors) <= PAPER_ERROR),
    )


def _same_error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    ratio = max(errors) / max(min(errors), 1e-9)
    return Claim(
        "V",
        "Do all decoders have very nearly the same error?",
        "Yes",
        "the largest is at most a fifth above the smallest; in part, if at most double",
        f"{len(errors)} pairs, the largest is {ratio:.1f} times the smallest",
        Verdict.of(ratio <= 1.2, ratio <= 2),
    )


def _timestamp(unseen: Mapping[str, Score], schema: Schema) -> Claim:
    """Of the paper's schema, whose timestamp is the one attribute with a time."""
    timestamp = next(a.name for a in schema.attributes if a.time)
    first = [
        max(score.single, key=score.single.get) == timestamp
        for score in unseen.values()
        if score.single
    ]

    def share(score: Score) -> str:
        total = sum(score.single.values())
        return f"{score.single.get(timestamp, 0) / max(1, total):.0%} of {total}"

    return Claim(
        "V",
        "Where one character is wrong, is it mostly in the timestamp?",
        "Yes",
        "the timestamp has the most single errors in every view, on the cards' test sets; in part, "
        "if in some",
        _each(unseen, share),
        Verdict.of(all(first), any(first)),
    )


def _mismatch(found: list[Mismatch]) -> list[Claim]:
    """The mismatched pairs, judged as findings of `aalprivacy.audit.WrongKey` are."""
    matched = {m.decoder: m for m in found if m.encoder == m.decoder}

    def above_chance(m: Mismatch) -> float:
        return float(np.mean([m.hits[name] - m.chance[name] for name in m.hits]))

    findings, victims = [], []
    for m in found:
        if m.encoder == m.decoder:
            continue
        right, excess = matched[m.decoder], above_chance(m)
        for measure, value, baseline, control in (
            (CHARACTER_ERROR, m.character_error, m.constant, right.character_error),
            (ABOVE_CHANCE, excess, 0.0, above_chance(right)),
        ):
            about = "wrong key", Setting(own=m.decoder), measure
            findings.append(Finding(*about, value, value, value, baseline, control))
            victims.append(m.encoder)
    return judge(to_frame(findings).assign(pair=victims))


def _security(
    case: Case, own: Mapping[str, Pair], updates: int, kept: pd.DataFrame | None
) -> list[Claim]:
    """The attacks made anew, at a small scale; the audits beside the pairs have larger ones."""
    known = (len(case.known),)
    attacks = [NearKey(), Neighbours(known), Insider(known), Linkage(), Tampering()]
    for name, one in own.items():
        attacks += [LinearMap(one, name, known), Statistics(one, name)]
    trained = OwnDecoder(known=known, training=Training(updates))
    if kept is None:
        attacks.append(trained)
    found = to_frame([finding for attack in attacks for finding in attack.run(case)])
    if kept is not None:
        found = pd.concat([found, kept[kept["attack"] == "own decoder"][found.columns]])
    return judge(found)


def _independent_training(pairs) -> Claim:
    took = {name: minutes(pair.card) for name, pair in pairs.items()}
    return Claim(
        "VI",
        "Can users train on their own, with their own data?",
        "Yes",
        "each pair is trained within two hours on a computer without a graphics card; in part, if "
        "some are",
        _each(took, lambda passed: f"{passed:.0f} min"),
        Verdict.of(max(took.values()) <= 120, min(took.values()) <= 120),
    )


def _abnormal(pairs, unseen, robust: pd.DataFrame) -> Claim:
    errors = {name: evaluate(pair, robust).character_error for name, pair in pairs.items()}
    more = [errors[name] - unseen[name].character_error for name in errors]
    return Claim(
        "VI",
        "Do pairs read missing and abnormal values too? (Left open by the paper.)",
        "Yes",
        "one in twenty missing and one in twenty abnormal add less than one wrong character to "
        "each pair's; in part, if to some",
        _each(errors, lambda error: f"{error:.2f}"),
        Verdict.of(max(more) < 1, min(more) < 1),
    )


def _each(figures: Mapping, say) -> str:
    return ", ".join(f"{in_words(name)} {say(figure)}" for name, figure in figures.items())
