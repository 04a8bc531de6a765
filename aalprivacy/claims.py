"""The paper's claims, one by one: what it says, what was measured, and the verdict.

Every claim of the paper's sections V and VI that a measurement can touch. What makes it hold is
written down beside it, so that the verdict is read off the figures and not argued.
"""

from collections.abc import Mapping

import numpy as np

from aalprivacy.attributes import in_words
from aalprivacy.audit import (
    TWIN,
    Case,
    Claim,
    Insider,
    LinearMap,
    Linkage,
    NearKey,
    Neighbours,
    OwnDecoder,
    Statistics,
    Tampering,
    Training,
    Verdict,
    judge,
    to_frame,
)
from aalprivacy.evaluation import Mismatch, Score, evaluate, from_card, minutes
from aalprivacy.model import Pair
from aalprivacy.policy import Operation
from aalprivacy.simulate import simulate

PAPER_ERROR = 1.5  # section V, wrong characters per entry
ROBUST_SEED = 3_000_010


def examine(
    pairs: Mapping[str, Pair],
    scores: Mapping[str, Mapping[str, Score]],
    found: list[Mismatch],
    *,
    known: int = 1000,
    targets: int = 300,
    updates: int = 400,
) -> list[Claim]:
    """Put every claim to the test.

    Parameters
    ----------
    pairs, scores
        Receiver -> pair, and its score on each test set.
    found
        What `aalprivacy.evaluation.cross` found of these pairs.
    known, targets
        Entries that an attacker knows, and entries that it reads.
    updates
        Of the decoder that an attacker trains.
    """
    unseen = {receiver: kinds["unseen"] for receiver, kinds in scores.items()}
    victim = "researcher" if "researcher" in pairs else next(iter(pairs))
    own = {name: pair for name, pair in pairs.items() if name != victim}
    own[TWIN] = pairs[victim].rekeyed(1)
    return [
        _operations(pairs, scores),
        _almost_perfect(unseen[victim], victim),
        _error(unseen),
        _same_error(unseen),
        _timestamp({r: from_card(pair.card) for r, pair in pairs.items()}),
        _mismatch(found),
        *_security(pairs[victim], own, known, targets, updates),
        _independent_training(pairs),
        _abnormal(pairs, unseen),
    ]


def _operations(pairs, scores) -> Claim:
    worst = []
    for receiver, kinds in scores.items():
        operations = pairs[receiver].policy.for_receiver(receiver)
        for operation in Operation:
            names = [name for name, what in operations.items() if what is operation]
            if names:
                right = np.mean([kinds["unseen"].right[name] for name in names])
                worst.append((right, f"{receiver}, {operation.name.lower()}"))
    lowest, where = min(worst)
    return Claim(
        "V",
        "The model learns to disclose, to generalise and to delete.",
        "95 % of the values of users never seen are right, for each receiver and operation; in "
        "part, if 80 %",
        f"{lowest:.1%} in the worst case ({in_words(where)})",
        Verdict.of(lowest >= 0.95, lowest >= 0.8),
    )


def _almost_perfect(score: Score, receiver: str) -> Claim:
    return Claim(
        "V, figure 5",
        f"With the right decoder the {in_words(receiver)} gets the view almost perfectly.",
        "at least nine of ten views of users never seen are right to the last character; in part, "
        "if half",
        f"{score.exact:.1%} are, {score.character_error:.2f} wrong characters per entry",
        Verdict.of(score.exact >= 0.9, score.exact >= 0.5),
    )


def _error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    return Claim(
        "V",
        "1.5 wrong characters per entry on average.",
        "no pair has more on users never seen; in part, if some pair has not",
        _each(unseen, lambda score: f"{score.character_error:.2f}"),
        Verdict.of(max(errors) <= PAPER_ERROR, min(errors) <= PAPER_ERROR),
    )


def _same_error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    ratio = max(errors) / max(min(errors), 1e-9)
    return Claim(
        "V",
        "All decoders have very nearly the same error.",
        "the largest is at most a fifth above the smallest; in part, if at most double",
        f"{len(errors)} pairs, the largest is {ratio:.1f} times the smallest",
        Verdict.of(ratio <= 1.2, ratio <= 2),
    )


def _timestamp(unseen) -> Claim:
    first = [
        max(score.single, key=score.single.get) == "timestamp"
        for score in unseen.values()
        if score.single
    ]

    def share(score: Score) -> str:
        total = sum(score.single.values())
        return f"{score.single.get('timestamp', 0) / max(1, total):.0%} of {total}"

    return Claim(
        "V",
        "Where one character is wrong, it is mostly in the timestamp.",
        "the timestamp has the most single errors in every view, on the cards' test sets; in part, "
        "if in some",
        _each(unseen, share),
        Verdict.of(all(first), any(first)),
    )


def _mismatch(found: list[Mismatch]) -> Claim:
    wrong = [m for m in found if m.encoder != m.decoder]
    nearest = min(wrong, key=lambda m: m.character_error / m.constant)
    excess = max(np.mean([m.hits[n] - m.chance[n] for n in m.hits]) for m in wrong)
    return Claim(
        "V, figure 6; VI",
        "A decoder that doesn't match discloses nothing.",
        "no mismatched pair comes nearer than one constant line for all entries, nor hits values "
        "more often than chance by one in a hundred; in part, if by one in twenty at most",
        f"nearest {nearest.character_error:.0f} wrong characters against {nearest.constant:.0f}; "
        f"hits above chance by at most {excess:.1%}",
        Verdict.of(nearest.character_error >= nearest.constant and excess <= 0.01, excess <= 0.05),
    )


def _security(
    pair: Pair, own: Mapping[str, Pair], known: int, targets: int, updates: int
) -> list[Claim]:
    """The attacks made anew, at a small scale; the audits beside the pairs have larger ones."""
    case = Case(pair, known, targets)
    attacks = [NearKey(), Neighbours(), Insider(), Linkage(), Tampering()]
    attacks += [OwnDecoder(known=(known,), training=Training(updates))]
    attacks += [kind(one, name) for name, one in own.items() for kind in (LinearMap, Statistics)]
    return judge(to_frame([finding for attack in attacks for finding in attack.run(case)]))


def _independent_training(pairs) -> Claim:
    took = {r: minutes(pair.card) for r, pair in pairs.items()}
    return Claim(
        "VI",
        "Users can train on their own, with their own data.",
        "each pair is trained within two hours on a computer without a graphics card; in part, if "
        "some are",
        ", ".join(f"{in_words(r)} {m:.0f} min" for r, m in took.items()),
        Verdict.of(max(took.values()) <= 120, min(took.values()) <= 120),
    )


def _abnormal(pairs, unseen) -> Claim:
    entries = simulate(300, 1, ROBUST_SEED, missing=0.05, abnormal=0.05)
    errors = {r: evaluate(pair, entries).character_error for r, pair in pairs.items()}
    more = [errors[r] - unseen[r].character_error for r in errors]
    return Claim(
        "VI",
        "(Left open by the paper:) missing and abnormal values.",
        "one in twenty missing and one in twenty abnormal add less than one wrong character to "
        "each pair's; in part, if to some",
        ", ".join(f"{in_words(r)} {e:.2f}" for r, e in errors.items()),
        Verdict.of(max(more) < 1, min(more) < 1),
    )


def _each(unseen, say) -> str:
    return ", ".join(f"{in_words(receiver)} {say(score)}" for receiver, score in unseen.items())
