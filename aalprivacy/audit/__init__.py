"""How safe it is: attacks on the paper's security claims.

The paper (sections V and VI) claims that nothing can be read without the right decoder, that nobody
can find its weights, and that nobody can train a decoder on codes. It suggests that deleted values
are gone from a code. The paper gives arguments for this, but no attacks. Here each claim is
attacked. The docstring of an attack says what the attacker has and knows. Each figure is compared
with a baseline (a guess without the code) and a control (the rightful reader), as in Giomi et al.
(2023), A unified framework for quantifying privacy risk in synthetic data, PoPETs 2023(2).
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
from aalprivacy.audit.verdicts import (
    Claim,
    Question,
    Verdict,
    judge,
    judge_randomised,
    judge_started,
)
from aalprivacy.pair import Pair

__all__ = [
    "CHARACTER_ERROR",
    "EDITION",
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
    "judge_started",
    "run_audit",
    "to_frame",
    "to_rows",
]


PARTS = ("lock", "insider", "people", "remedies")
# One more after each change of what attacks do. An audit of another edition isn't continued.
EDITION = 4


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
        The victim's pair, with the entries that the attacker knows and those to read. With 2,000
        and 500 of them an audit takes minutes. With 100,000 and 1,000, and 2,000 updates, it takes
        more than an hour.
    others
        Name -> other pairs of the same schema, which the attacker owns.
    updates
        How many updates each decoder, and each pair of translators, is trained for.
    seed
        Of all random choices. Default 0.
    parts
        Which attacks are made, a part of `PARTS`. ``"lock"``: attacks from outside. ``"insider"``:
        the rightful receiver wants what its view hides. ``"people"``: whose code it is, and who was
        in the training. ``"remedies"``: what remedies cost and what they hide. All by default.
    begun
        To continue an interrupted audit of the same settings: how many attacks it had made, and
        their findings.
    keep
        Is called after each attack with the number of attacks made so far and all findings.
    say
        Is called with a line of text before each attack.

    Returns
    -------
    The findings of all attacks, in order.

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
    """Findings as a table, one finding a row, in order.

    Its columns are the fields of `Finding`, with the setting in words; the fields of `Setting`
    except ``says``; and ``beats_baseline``.
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
