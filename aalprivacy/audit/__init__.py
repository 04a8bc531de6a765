"""How safe it is: the paper's security claims, each put to the test.

The paper (sections V and VI) claims that without the right decoder nothing can be read, that its
weights can't be found, that no decoder can be trained on the codes, and that what a view deletes is
gone. It argues and doesn't test. Here every claim has its adversaries, with what they know written
down, and every figure stands beside a baseline (what a guess without the code gets) and a control
(what who is meant to read gets), after the manner of Giomi et al. (2023), A unified framework for
quantifying privacy risk in synthetic data, PoPETs 2023(2).
"""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

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
from aalprivacy.audit.measure import CHARACTER_ERROR, Case, Finding
from aalprivacy.audit.remedies import Noise, Rounding
from aalprivacy.audit.statistics import Statistics
from aalprivacy.audit.verdicts import Claim, Verdict, judge, judge_blind
from aalprivacy.model import Pair

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
    "Statistics",
    "Tampering",
    "Training",
    "Verdict",
    "WholeEntry",
    "WrongKey",
    "from_rows",
    "judge",
    "judge_blind",
    "run_audit",
    "to_frame",
]


def run_audit(
    pair: Pair,
    others: Mapping[str, Pair],
    *,
    known: int = 2000,
    targets: int = 500,
    updates: int = Training.updates,
    seed: int = 0,
    begun: tuple[int, Sequence[Finding]] = (0, ()),
    keep: Callable[[int, list[Finding]], None] = lambda done, findings: None,
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
        Entries that the attacker may know, and entries to read. The defaults take minutes; 100,000
        and 1,000, with 2,000 updates, about an hour.
    updates
        Of each decoder that an attacker trains.
    begun
        How many attacks an interrupted audit of the same settings had made, and what they found.
    keep
        Told the same of this one after each attack.
    say
        Told what is being done.
    """
    say("encoding")
    case = Case(pair, known, targets)
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
    # An hour for each; so only the pair that has most in common with the victim's.
    nearest = sorted(others.items(), key=lambda item: item[1].receiver != pair.receiver)[:1]
    attacks += [OwnDecoder(own, name, (known,), training) for name, own in nearest]
    done, findings = begun[0], list(begun[1])
    for at, attack in enumerate(attacks[done:], done + 1):
        say(f"attack {at} of {len(attacks)}: {type(attack).__name__}")
        findings += attack.run(case)
        keep(at, findings)
    return findings


def to_frame(findings: list[Finding]) -> pd.DataFrame:
    """Findings as a table, one a row, in order."""
    columns = ("attack", "setting", "measure", "value", "low", "high", "baseline", "control")
    rows = [[getattr(f, c) for c in columns] + [f.beats_baseline] for f in findings]
    return pd.DataFrame(rows, columns=[*columns, "beats_baseline"])


def from_rows(rows: list[dict]) -> list[Finding]:
    """Findings from the rows of their table."""
    return [Finding(**{k: v for k, v in row.items() if k != "beats_baseline"}) for row in rows]
