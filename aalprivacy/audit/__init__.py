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
from aalprivacy.audit.learning import OwnDecoder, Training, WholeEntry
from aalprivacy.audit.measure import CHARACTER_ERROR, Case, Finding, Setting
from aalprivacy.audit.remedies import Noise, Rounding
from aalprivacy.audit.statistics import Statistics
from aalprivacy.audit.tables import case_tables
from aalprivacy.audit.verdicts import Claim, Verdict, judge, judge_blind
from aalprivacy.pair import Pair

__all__ = [
    "CHARACTER_ERROR",
    "TWIN",
    "Case",
    "Claim",
    "Finding",
    "Insider",
    "LinearMap",
    "Linkage",
    "NearKey",
    "Neighbours",
    "Noise",
    "OwnDecoder",
    "Rounding",
    "Setting",
    "Statistics",
    "Tampering",
    "Training",
    "Verdict",
    "WholeEntry",
    "WrongKey",
    "case_tables",
    "from_rows",
    "judge",
    "judge_blind",
    "run_audit",
    "to_frame",
    "to_rows",
]


def run_audit(
    case: Case,
    others: Mapping[str, Pair],
    *,
    updates: int = Training.updates,
    seed: int = 0,
    begun: tuple[int, Sequence[Finding]] = (0, ()),
    keep: Callable[[int, list[Finding]], None] = lambda done, findings: None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Make every attack on a pair.

    Parameters
    ----------
    case
        The victim's pair, with the entries that the attacker knows and those to read. 2,000 and 500
        take minutes; 100,000 and 1,000, with 2,000 updates, about an hour.
    others
        Name -> other pairs of the same schema, which the attacker has as its own.
    updates
        Of each decoder that an attacker trains.
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
    pair, known = case.pair, len(case.known)
    owned = {**others, TWIN: pair.rekeyed(seed + 1)}
    attacks = [WrongKey(owned), NearKey(seed=seed)]
    training = Training(updates=updates, seed=seed)
    attacks += [
        Neighbours(),
        OwnDecoder(training=training),
        Insider(seed=seed),
        WholeEntry(training=training),
        Linkage(seed=seed),
        Tampering(seed=seed),
        Noise(seed=seed),
        Rounding(),
    ]
    for name, own in owned.items():
        attacks += [LinearMap(own, name), Statistics(own, name)]
    attacks += [Linkage(other=own, name=name, seed=seed) for name, own in others.items()]
    # A training takes long, so only one other pair is tried: one of the same receiver, if any.
    nearest = sorted(others.items(), key=lambda item: item[1].receiver != pair.receiver)[:1]
    attacks += [OwnDecoder(own, name, (known,), training) for name, own in nearest]
    done, findings = begun[0], list(begun[1])
    for at, attack in enumerate(attacks[done:], done + 1):
        say(f"attack {at} of {len(attacks)}: {type(attack).__name__}")
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
