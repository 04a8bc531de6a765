"""The paper's claims, one by one: what it says, what was measured, and the verdict.

Every claim of the paper's sections V and VI that a measurement can touch. What makes it hold is
written down beside it, so that the verdict is read off the figures and not argued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from aalprivacy.audit import CHARACTER_ERROR, Case, Insider, LinearMap, NearKey, to_frame
from aalprivacy.evaluation import Mismatch, Score, evaluate
from aalprivacy.model import Pair
from aalprivacy.policy import Operation
from aalprivacy.simulate import simulate

PAPER_ERROR = 1.5  # section V, wrong characters an entry
ROBUST_SEED = 3_000_010


class Verdict(StrEnum):
    HOLDS = "holds"
    IN_PART = "holds in part"
    FAILS = "doesn't hold"


@dataclass(frozen=True)
class Claim:
    """A claim and its test.

    Parameters
    ----------
    section
        Of the paper.
    says
        The claim, in our words.
    rule
        What makes it hold.
    measured
        What came out.
    verdict
        Read off by the rule.
    """

    section: str
    says: str
    rule: str
    measured: str
    verdict: Verdict


def examine(
    pairs: Mapping[str, Pair],
    scores: Mapping[str, Mapping[str, Score]],
    found: list[Mismatch],
    *,
    known: int = 1000,
    targets: int = 300,
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
    """
    unseen = {receiver: kinds["unseen"] for receiver, kinds in scores.items()}
    victim = "researcher" if "researcher" in pairs else next(iter(pairs))
    case = Case(pairs[victim], known=known, targets=targets)
    own = {name: pair for name, pair in pairs.items() if name != victim}
    own = own or {"the same pair, re-keyed": pairs[victim].rekeyed(1)}
    return [
        _operations(pairs, scores),
        _almost_perfect(unseen[victim], victim),
        _error(unseen),
        _same_error(unseen),
        _timestamp(unseen),
        _mismatch(found),
        _weights(case),
        _trained_on_codes(case, own),
        _deleted(case),
        _independent_training(pairs),
        _abnormal(pairs, unseen),
    ]


def to_table(claims: list[Claim]) -> pd.DataFrame:
    """Claims as a table, one a row."""
    rows = [(c.section, c.says, c.rule, c.measured, str(c.verdict)) for c in claims]
    return pd.DataFrame(rows, columns=["section", "the paper", "holds if", "measured", "verdict"])


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
        "95 % of the values of users never seen are right, for each receiver and operation",
        f"{lowest:.1%} in the worst case ({_words(where)})",
        _verdict(lowest >= 0.95, lowest >= 0.8),
    )


def _almost_perfect(score: Score, receiver: str) -> Claim:
    return Claim(
        "V, figure 5",
        f"With the right decoder the {_words(receiver)} gets the view almost perfectly.",
        "at least nine of ten views of users never seen are right to the last character",
        f"{score.exact:.1%} are, {score.character_error:.2f} wrong characters an entry",
        _verdict(score.exact >= 0.9, score.exact >= 0.5),
    )


def _error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    return Claim(
        "V",
        "1.5 wrong characters an entry on average.",
        "no pair has more on users never seen",
        _each(unseen, lambda score: f"{score.character_error:.2f}"),
        _verdict(max(errors) <= PAPER_ERROR, min(errors) <= PAPER_ERROR),
    )


def _same_error(unseen) -> Claim:
    errors = [score.character_error for score in unseen.values()]
    ratio = max(errors) / min(errors)
    return Claim(
        "V",
        "All decoders have very nearly the same error.",
        "the largest is at most a fifth above the smallest",
        f"{len(errors)} pairs, the largest is {ratio:.1f} times the smallest",
        _verdict(ratio <= 1.2, ratio <= 2),
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
        "the timestamp has the most single errors in every view",
        _each(unseen, share),
        _verdict(all(first), any(first)),
    )


def _mismatch(found: list[Mismatch]) -> Claim:
    wrong = [m for m in found if m.encoder != m.decoder]
    nearest = min(wrong, key=lambda m: m.character_error / m.constant)
    excess = max(np.mean([m.hits[n] - m.chance[n] for n in m.hits]) for m in wrong)
    return Claim(
        "V, figure 6; VI",
        "A decoder that doesn't match discloses nothing.",
        "no mismatched pair comes nearer than one constant line for all entries, nor hits values "
        "more often than chance by one in a hundred",
        f"nearest {nearest.character_error:.0f} wrong characters against {nearest.constant:.0f}; "
        f"hits above chance by at most {excess:.1%}",
        _verdict(nearest.character_error >= nearest.constant and excess <= 0.01, excess <= 0.05),
    )


def _weights(case: Case) -> Claim:
    table = to_frame(NearKey().run(case))
    table = table[
        (table["measure"] == CHARACTER_ERROR) & table["setting"].str.startswith("weights")
    ]
    open_ = table[table["value"] < 0.1 * case.constant]
    widest = open_["setting"].iloc[-1] if len(open_) else "none"
    return Claim(
        "V",
        "The right decoder's weights are almost impossible to find.",
        "no weights that are off by one part in ten thousand or more open the lock",
        f"the widest error that still opens it: {widest}; guessing that near in every weight is "
        "hopeless, a copy need not be exact",
        _verdict(not len(open_), True),
    )


def _trained_on_codes(case: Case, own: Mapping[str, Pair]) -> Claim:
    best = None
    for name, pair in own.items():
        table = to_frame(LinearMap(pair, name).run(case))
        table = table[table["measure"] == CHARACTER_ERROR]
        least = table.loc[table["value"].idxmin()]
        if best is None or least["value"] < best["value"]:
            best = least
    return Claim(
        "VI",
        "Nobody can train a decoder for the codes without having the right one.",
        "no attacker with known entries and a pair of its own beats one constant line",
        f"{best['setting']}: {best['value']:.1f} wrong characters against {best['baseline']:.1f}",
        _verdict(not best["beats_baseline"]),
    )


def _deleted(case: Case) -> Claim:
    table = to_frame(Insider().run(case))
    told = table[table["beats_baseline"]]
    attributes = sorted({measure.split(" ")[0] for measure in told["measure"]})
    return Claim(
        "V, VI",
        "What a view deletes or generalises is gone.",
        "no probe of the code tells more of it than the view does",
        f"told by probes with {len(case.known):,} known entries: "
        + (", ".join(map(_words, attributes)) if attributes else "nothing"),
        _verdict(not len(told)),
    )


def _independent_training(pairs) -> Claim:
    minutes = {r: pair.card["training"]["seconds"] / 60 for r, pair in pairs.items()}
    return Claim(
        "VI",
        "Users can train on their own, with their own data.",
        "a pair is trained within two hours on a computer without a graphics card",
        ", ".join(f"{_words(r)} {m:.0f} min" for r, m in minutes.items()),
        _verdict(max(minutes.values()) <= 120, min(minutes.values()) <= 120),
    )


def _abnormal(pairs, unseen) -> Claim:
    entries = simulate(300, 1, ROBUST_SEED, missing=0.05, abnormal=0.05)
    errors = {r: evaluate(pair, entries).character_error for r, pair in pairs.items()}
    more = max(errors[r] - unseen[r].character_error for r in errors)
    return Claim(
        "VI",
        "(Left open by the paper:) missing and abnormal values.",
        "one in twenty missing and one in twenty abnormal add less than one wrong character",
        ", ".join(f"{_words(r)} {e:.2f}" for r, e in errors.items()),
        _verdict(more < 1, more < 5),
    )


def _verdict(holds: bool, in_part: bool = False) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.IN_PART if in_part else Verdict.FAILS


def _each(unseen, say) -> str:
    return ", ".join(f"{_words(receiver)} {say(score)}" for receiver, score in unseen.items())


def _words(name: str) -> str:
    return name.replace("_", " ")
