"""How safe it is: the paper's security claims, each put to the test.

The paper (sections V and VI) claims that without the right decoder nothing can be read, that its
weights can't be found, that no decoder can be trained on the codes, and that what a view deletes is
gone. It argues and doesn't test. Here every claim has its adversaries, with what they know written
down, and every figure stands beside a baseline (what a guess without the code gets) and a control
(what the rightful reader gets), after the manner of Giomi et al. (2023), A unified framework for
quantifying privacy risk in synthetic data, PoPETs 2023(2).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from aalprivacy.attributes import in_words
from aalprivacy.audit.attacks import (
    TWIN,
    LinearMap,
    Linkage,
    NearKey,
    Neighbours,
    Tampering,
    WrongKey,
)
from aalprivacy.audit.insider import Insider
from aalprivacy.audit.learning import DecoderAlone, OwnDecoder, Training, WholeEntry
from aalprivacy.audit.measure import CHARACTER_ERROR, Case, Finding, Setting
from aalprivacy.audit.memory import Extraction, Membership
from aalprivacy.audit.remedies import Noise, Rounding, RuleAndCipher, SmallCodes
from aalprivacy.audit.statistics import Statistics
from aalprivacy.audit.tables import case_tables
from aalprivacy.audit.translation import Translation
from aalprivacy.audit.verdicts import Claim, Question, Verdict, judge, judge_randomised
from aalprivacy.pair import Pair

__all__ = [
    "CHARACTER_ERROR",
    "PARTS",
    "TWIN",
    "Case",
    "Claim",
    "DecoderAlone",
    "Extraction",
    "Finding",
    "Insider",
    "LinearMap",
    "Linkage",
    "Membership",
    "NearKey",
    "Neighbours",
    "Noise",
    "OwnDecoder",
    "Question",
    "Rounding",
    "RuleAndCipher",
    "Setting",
    "SmallCodes",
    "Statistics",
    "Tampering",
    "Training",
    "Translation",
    "Verdict",
    "WholeEntry",
    "WrongKey",
    "case_tables",
    "from_rows",
    "judge",
    "judge_randomised",
    "run_audit",
    "to_frame",
    "to_rows",
]


PARTS = ("lock", "insider", "people", "remedies")


def run_audit(
    case: Case,
    others: Mapping[str, Pair],
    *,
    updates: int = Training.updates,
    seed: int = 0,
    parts: Sequence[str] = PARTS,
    begun: tuple[int, Sequence[Finding]] = (0, ()),
    keep: Callable[[int, list[Finding]], None] = lambda done, findings: None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Make every attack on a pair.

    Parameters
    ----------
    case
        The victim's pair, with the entries that the attacker knows and those to read. 2,000 and 500
        take minutes; 100,000 and 1,000, with 2,000 updates, more than an hour.
    others
        Name -> other pairs of the same schema, which the attacker has as its own.
    updates
        Of each decoder, and of each pair of translators, that an attacker trains.
    parts
        Which attacks are made: those from outside, the rightful receiver's on what its view hides,
        those on who people are and on whom the pair was trained, and what remedies cost and hide.
    begun
        How many attacks an interrupted audit of the same settings had made, and what they found.
    keep
        Told the same of this one after each attack.
    say
        Told what is being done.

    Raises
    ------
    InputError
        If one of `others` is of another schema.
    """
    for name, own in others.items():
        case.check_schema(own, in_words(name))
    receiver, twin = case.pair.receiver, case.pair.rekeyed(seed + 1)
    owned, training = {**others, TWIN: twin}, Training(updates=updates, seed=seed)
    # A training takes long, so only one other pair is tried: one of the same receiver, if any.
    nearest = sorted(others, key=lambda name: others[name].receiver != receiver)[:1]
    attacks = {
        "lock": [
            WrongKey(owned),
            NearKey(seed=seed),
            Neighbours(),
            OwnDecoder(training=training),
            *(OwnDecoder(others[n], n, (len(case.known),), training) for n in nearest),
            *(LinearMap(own, name) for name, own in owned.items()),
            *(Statistics(own, name) for name, own in owned.items()),
            *(
                Translation(owned[name], name, updates=updates, seed=seed)
                for name in (*nearest, TWIN)
            ),
        ],
        "insider": [Insider(seed=seed), WholeEntry(training=training)],
        "people": [
            Linkage(seed=seed),
            *(Linkage(other=own, name=name, seed=seed) for name, own in others.items()),
            Membership(seed=seed),
            DecoderAlone(seed=seed),
            Extraction(seed=seed),
        ],
        "remedies": [
            Tampering(seed=seed),
            Noise(seed=seed),
            SmallCodes(seed=seed),
            Rounding(),
            RuleAndCipher(),
        ],
    }
    chosen = [attack for part in PARTS if part in parts for attack in attacks[part]]
    done, findings = begun[0], list(begun[1])
    for at, attack in enumerate(chosen[done:], done + 1):
        say(f"attack {at} of {len(chosen)}: {type(attack).__name__}")
        findings += attack.run(case)
        keep(at, findings)
    return findings


def to_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a table, one a row, in order.

    Its columns are those of `Finding`, whose setting is in words, those of `Setting` but ``says``,
    and ``beats_baseline``.
    """
    columns = ("attack", "setting", "size", "known", "own", "attribute", "operation", "measure",
               "value", "low", "high", "baseline", "control", "beats_baseline")  # fmt: skip
    rows = [{**row, **row["setting"], "setting": str(f.setting)}
            for row, f in zip(to_rows(findings), findings, strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def to_rows(findings: Sequence[Finding]) -> list[dict]:
    """Findings as plain values, for JSON."""
    return [{**asdict(f), "beats_baseline": f.beats_baseline} for f in findings]


def from_rows(rows: Sequence[dict]) -> list[Finding]:
    """Findings from plain values, as `to_rows` makes them."""
    return [
        Finding(
            **{k: v for k, v in row.items() if k not in ("setting", "beats_baseline")},
            setting=Setting(**row["setting"]),
        )
        for row in rows
    ]
