"""The paper's claims, one by one: what it says, what was measured, and the verdict.

Every claim of the paper's sections V and VI that a measurement can touch. What makes it hold is
written down beside it, so that the verdict is read off the figures and not argued.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from aalprivacy.attributes import in_words
from aalprivacy.audit import Claim, Question, Verdict
from aalprivacy.evaluation import PAPER_ERROR, Score, added_if_disturbed, from_card, minutes
from aalprivacy.pair import Pair
from aalprivacy.policy import Operation
from aalprivacy.schema import Schema

OPERATIONS = Question(
    section="V",
    asks="Does the model learn to disclose, to generalise and to delete?",
    claimed="Yes",
    rule="95 % of the values of users never seen are right, for each receiver and operation; "
    "in part, if 80 %",
    since="2026-11-25",
)
PERFECT = Question(
    section="V, figure 5",
    asks="Does a receiver get the view almost perfectly, with the right decoder?",
    claimed="Yes",
    rule="at least nine of ten views of users never seen are right to the last character; in "
    "part, if half",
    since="2026-11-25",
)
FEW_ERRORS = Question(
    section="V",
    asks="Does a pair make 1.5 wrong characters per entry at most?",
    claimed="Yes",
    rule="no pair has more on users never seen; in part, if at least one pair has no more",
    since="2026-11-26",
)
SAME_ERROR = Question(
    section="V",
    asks="Do all decoders have very nearly the same error?",
    claimed="Yes",
    rule="the largest is at most a fifth above the smallest; in part, if at most double",
    since="2026-11-25",
)
TIMESTAMP = Question(
    section="V",
    asks="Where one character is wrong, is it mostly in the timestamp?",
    claimed="Yes",
    rule="the timestamp has the most single errors in every view, on the cards' test sets; in "
    "part, if in some",
    since="2026-11-25",
)
ALONE = Question(
    section="VI",
    asks="Can users train on their own, with their own data?",
    claimed="Yes",
    rule="each pair is trained within two hours on a computer without a graphics card; in "
    "part, if some are",
    since="2026-11-25",
)
ROBUST = Question(
    section="not claimed",
    asks="Do pairs read missing and abnormal values too? (Left open in VI.)",
    claimed="Yes",
    rule="one in twenty missing and one in twenty abnormal add less than one wrong character "
    "to each pair's, on the cards' test sets; in part, if to some",
    since="2026-11-28",
)
QUESTIONS = (OPERATIONS, PERFECT, FEW_ERRORS, SAME_ERROR, TIMESTAMP, ALONE, ROBUST)


def examine(
    pairs: Mapping[str, Pair],
    scores: Mapping[str, Mapping[str, Score]],
    audited: Sequence[Claim],
    alone: Mapping[str, dict] | None = None,
    example: str = "researcher",
) -> list[Claim]:
    """Put every claim to the test.

    Parameters
    ----------
    pairs, scores
        Name -> pair, all of the paper's schema, and its score on each test set.
    audited
        The security claims, as `aalprivacy.audit.judge` reads them off the kept audits.
    alone
        Receiver -> the card of a training with the pairs' recipe on a computer without a graphics
        card.
    example
        The pair whose views are counted that are right to the last character.
    """
    unseen = {name: kinds["unseen"] for name, kinds in scores.items()}
    cards = {name: from_card(pair.card) for name, pair in pairs.items()}
    schema = pairs[example].schema
    return [
        _operations(pairs, scores),
        _almost_perfect(unseen[example], example),
        _error(unseen),
        _same_error(unseen),
        _timestamp(cards, schema),
        *audited,
        _independent_training(pairs, alone or {}),
        _abnormal(pairs),
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
        OPERATIONS,
        f"{lowest:.1%} in the worst case ({where})",
        Verdict.of(lowest >= 0.95, lowest >= 0.8),
    )


def _almost_perfect(score: Score, name: str) -> Claim:
    return Claim(
        PERFECT,
        f"{score.exact:.1%} of the {in_words(name)}'s are, with {score.character_error:.2f} wrong "
        "characters per entry",
        Verdict.of(score.exact >= 0.9, score.exact >= 0.5),
    )


def _error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    return Claim(
        FEW_ERRORS,
        _each(unseen, lambda score: f"{score.character_error:.2f}"),
        Verdict.of(max(errors) <= PAPER_ERROR, min(errors) <= PAPER_ERROR),
    )


def _same_error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    ratio = max(errors) / max(min(errors), 1e-9)
    return Claim(
        SAME_ERROR,
        f"{len(errors)} pairs with {min(errors):.3f} to {max(errors):.3f} wrong characters",
        Verdict.of(ratio <= 1.2, ratio <= 2),
    )


def _timestamp(unseen: Mapping[str, Score], schema: Schema) -> Claim:
    """Of the paper's schema, whose timestamp is the one attribute with a time."""
    timestamp = next(a.name for a in schema.attributes if a.time)
    first = [
        max(score.single, key=score.single.get) == timestamp
        for score in unseen.values()
        if any(score.single.values())
    ]

    def share(score: Score) -> str:
        total = sum(score.single.values())
        return f"{score.single.get(timestamp, 0) / max(1, total):.0%} of {total}"

    return Claim(
        TIMESTAMP,
        _each(unseen, share),
        Verdict.of(all(first), any(first)),
    )


def _independent_training(pairs, alone: Mapping[str, dict]) -> Claim:
    # What a graphics card did says nothing about computers without one.
    cards = {n: pair.card for n, pair in pairs.items() if "begun_on" not in pair.card} | alone
    took = {name: minutes(cards[name]) for name in pairs if name in cards}
    if not took:
        return Claim(ALONE)
    untimed = [in_words(name) for name in pairs if name not in took]
    found = _each(took, lambda passed: f"{passed:.0f} min")
    if untimed:
        found += f"; not timed on such a computer: {', '.join(untimed)}"
    quick = [passed <= 120 for passed in took.values()]
    return Claim(ALONE, found, Verdict.of(all(quick) and not untimed, any(quick)))


def _abnormal(pairs) -> Claim:
    measured = {name: added_if_disturbed(pair.card) for name, pair in pairs.items()}
    added = {name: more for name, more in measured.items() if more is not None}
    if len(added) < len(pairs):
        return Claim(ROBUST)
    return Claim(
        ROBUST,
        f"wrong characters added: {_each(added, '{:+.3f}'.format)}",
        Verdict.of(max(added.values()) < 1, min(added.values()) < 1),
    )


def _each(figures: Mapping, say) -> str:
    return ", ".join(f"{in_words(name)} {say(figure)}" for name, figure in figures.items())
