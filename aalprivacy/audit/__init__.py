"""How safe it is: the paper's security claims, each put to the test.

The paper (sections V and VI) claims that without the right decoder nothing can be read, that its
weights can't be found, that no decoder can be trained on the codes, and that what a view deletes is
gone. It argues and doesn't test. Here every claim has its adversaries, with what they know written
down, and every figure stands beside a baseline (what a guess without the code gets) and a control
(what who is meant to read gets), after the manner of Giomi et al. (2023), A unified framework for
quantifying privacy risk in synthetic data, PoPETs 2023(2).
"""

from collections.abc import Callable, Mapping

import pandas as pd

from aalprivacy.audit.attacks import (
    Insider,
    LinearMap,
    Linkage,
    NearKey,
    Neighbours,
    Statistics,
    Tampering,
    WrongKey,
)
from aalprivacy.audit.learning import OwnDecoder
from aalprivacy.audit.measure import CHARACTER_ERROR, Case, Finding
from aalprivacy.model import Pair
from aalprivacy.policy import TABLE_I, Policy

__all__ = [
    "CHARACTER_ERROR",
    "Case",
    "Finding",
    "Insider",
    "LinearMap",
    "Linkage",
    "NearKey",
    "Neighbours",
    "OwnDecoder",
    "Statistics",
    "Tampering",
    "WrongKey",
    "run_audit",
    "to_frame",
]


def run_audit(
    pair: Pair,
    others: Mapping[str, Pair],
    policy: Policy = TABLE_I,
    *,
    known: int = 2000,
    targets: int = 500,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Let every attack loose on a pair.

    Parameters
    ----------
    pair
        The victim's.
    others
        Name -> other pairs, which the attacker has as its own.
    known, targets
        Entries that the attacker may know, and entries to read. The defaults take minutes.
    say
        Told what is being done.
    """
    say("encoding")
    case = Case(pair, policy, known, targets)
    twin = pair.rekeyed(seed + 1)
    attacks = [WrongKey({**others, "the same pair, re-keyed": twin}), NearKey(seed=seed)]
    attacks += [
        Neighbours(),
        OwnDecoder(seed=seed),
        Insider(seed=seed),
        Linkage(seed=seed),
        Tampering(seed=seed),
    ]
    for name, own in {**others, "the same pair, re-keyed": twin}.items():
        attacks += [LinearMap(own, name), Statistics(own, name)]
    findings = []
    for attack in attacks:
        say(type(attack).__name__)
        findings += attack.run(case)
    return findings


def to_frame(findings: list[Finding]) -> pd.DataFrame:
    """Findings as a table, one a row, in order."""
    columns = ("attack", "setting", "measure", "value", "low", "high", "baseline", "control")
    rows = [[getattr(f, c) for c in columns] + [f.beats_baseline] for f in findings]
    return pd.DataFrame(rows, columns=[*columns, "beats_baseline"])
